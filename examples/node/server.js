// A small HTTP service as PM2 users write it: listens on PORT, and on SIGINT finishes what it began.
const http = require("http");

const port = Number(process.env.PORT);
const server = http.createServer((request, response) => {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ answer: "ok", path: request.url, pid: process.pid }) + "\n");
});

server.listen(port, "127.0.0.1", () => console.log(`api listens on ${port}`));
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => server.close(() => process.exit(0)));
}
