"""A small web program: it counts in its database how often it was opened, and says which version it is."""

import http.server
import json
import os
import signal
import sys
import threading
import urllib.request

import psycopg2

VERSION = os.environ.get("VERSION", "1")
PORT = 8080
local = threading.local()


def connected():
    if getattr(local, "connection", None) is None or local.connection.closed:
        with open(os.environ["PASSWORD_FILE"]) as file:
            password = file.read().strip()
        local.connection = psycopg2.connect(os.environ["DATABASE"], password=password)
        local.connection.autocommit = True
    return local.connection


def read(query):
    """Ask the database, once more where it was started anew meanwhile."""
    try:
        return asked(query)
    except psycopg2.OperationalError:
        local.connection = None
        return asked(query)


def asked(query):
    with connected().cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            status, said = 200, {"version": VERSION, "opened": read("SELECT count(*) FROM opened")}
        except psycopg2.Error as error:
            status, said = 503, {"version": VERSION, "error": str(error)}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *what):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve():
    read("CREATE TABLE IF NOT EXISTS opened (at timestamptz DEFAULT now()); INSERT INTO opened DEFAULT VALUES RETURNING 1")
    server = Server(("", PORT), Page)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("serving", VERSION, flush=True)
    server.serve_forever(poll_interval=0.05)


def look():
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=3) as answer:
        return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(look() if "--look" in sys.argv else serve())
