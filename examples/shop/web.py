"""A small web application that is good to deploy: takes its socket from LISTEN_FDS, says when it is ready, finishes what it began."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "1"
FIRST_FD = 3  # sd_listen_fds(3): inherited sockets begin here


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        found = {"/": {"shop": "open", "version": VERSION, "pid": os.getpid()}, "/ready": {"ready": True}}.get(self.path)
        body = json.dumps(found or {"error": "not found"}).encode() + b"\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *what: object) -> None:
        print(f"{self.command} {self.path}", flush=True)


class Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for answers that were begun

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(listening.getsockname(), Shop, bind_and_activate=False)
        self.socket.close()
        self.socket = listening


def main() -> None:
    listening = socket.socket(fileno=FIRST_FD)
    # Several replicas wait on one socket: whoever loses the race for a connection must not block in accept.
    listening.setblocking(False)
    server = Server(listening)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"shop {VERSION} serves", flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    print("shop closes: every request that was begun is answered", flush=True)


if __name__ == "__main__":
    main()
