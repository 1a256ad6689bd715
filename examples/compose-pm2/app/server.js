const http = require('node:http');

const { PORT, VERSION } = process.env;
const server = http.createServer((request, response) => {
  response.setHeader('Connection', 'close');
  response.end(`${JSON.stringify({ pid: process.pid, version: VERSION })}\n`);
});
server.listen(PORT, () => console.log(`serving ${VERSION}`));
