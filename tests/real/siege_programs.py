"""What runs in a house under siege: small programs that start in milliseconds, and their declarations with places for words."""

from __future__ import annotations

WEB_PY = """\
import os, signal, socket, threading
if os.environ["WORD"] == "bad":
    raise SystemExit("a mistake")
listener = socket.socket(fileno=3)
ended = threading.Event()
listener.settimeout(0.05)
signal.signal(signal.SIGTERM, lambda *_: ended.set())
while not ended.is_set():
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        continue
    connection.settimeout(5)
    with connection:
        try:
            connection.recv(1000)
            body = os.environ["WORD"].encode()
            connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
        except OSError:
            pass
"""
SINGLE_PY = """\
import fcntl, os, signal
folder = os.environ["HOLDFAST_DATA_DIR"]
lock = os.open(folder + "/single.lock", os.O_RDWR | os.O_CREAT)
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    with open(folder + "/doubled", "a") as told:
        told.write(f"pid {os.getpid()} found another one alive\\n")
os.truncate(lock, 0)
os.write(lock, b"%d" % os.getpid())
signal.sigwait([signal.SIGTERM])
"""
PROCESSES = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec:
  command: [python3, -I, -S, -u, web.py]
  env: {{ WORD: "{web}", HOLDFAST_TEST_RUN: "{mark}" }}
  replicas: 2
  sockets: [{{ name: http, port: {port} }}]
  probes: {{ readiness: {{ http: {{ path: / }}, period: 1s }} }}
  restart: {{ crashLoopingAfter: 1000, maxDelay: 200ms }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: solo }}
spec:
  command: [python3, -I, -S, -u, web.py]
  env: {{ WORD: solo, HOLDFAST_TEST_RUN: "{mark}" }}
  sockets: [{{ name: http, port: {solo} }}]
  probes: {{ readiness: {{ http: {{ path: / }}, period: 1s }} }}
  restart: {{ crashLoopingAfter: 1000, maxDelay: 200ms }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: single }}
spec:
  command: [python3, -I, -S, single.py]
  env: {{ WORD: "{single}", HOLDFAST_TEST_RUN: "{mark}" }}
  order: stop-first
  minReady: 50ms
  probes: {{ liveness: {{ exec: {{ command: ["true"] }}, period: 250ms, timeout: 10s, failureThreshold: 1 }} }}
  restart: {{ crashLoopingAfter: 1000, maxDelay: 200ms }}
---
apiVersion: holdfast.dev/v1alpha1
kind: File
metadata: {{ name: words }}
spec: {{ path: words.txt, content: "{words}" }}
"""
EXTRA_YAML = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: extra }}
spec: {{ command: [sleep, "100000"], minReady: 0s, env: {{ HOLDFAST_TEST_RUN: "{mark}" }} }}
"""
