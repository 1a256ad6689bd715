"""What rolling replacements are shown with: a program that ends politely, and visitors who keep their connections, with GET and POST."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from pathlib import Path
from typing import Self

POLITE = """\
import asyncio, json, os, signal, socket, sys
VERSION = "{version}"
open_, ending = set(), asyncio.Event()
async def serve(reader, writer):
    open_.add(writer)
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = next((int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length:")), 0)
            sent = await reader.readexactly(length)
            body = json.dumps(dict(version=VERSION, pid=os.getpid(), got=len(sent))).encode()
            last = b"Connection: close\\r\\n" if ending.is_set() else b""
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n%s\\r\\n%s" % (len(body), last, body))
            await writer.drain()
            if last:
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        open_.discard(writer)
        writer.close()
async def main():
    server = await asyncio.start_server(serve, sock=socket.socket(fileno=3))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    print("serving", VERSION, flush=True)
    await ending.wait()
    server.close()
    for _ in range(60):  # longer than nginx keeps an idle connection: it is the one who closes
        if not open_:
            return
        await asyncio.sleep(0.1)
asyncio.run(main())
"""


class Patrons:
    """Some who ask over connections that they keep, GET and POST in turn, until the block ends or each has asked so often."""

    def __init__(self, port: int, host: str, *, count: int = 4, most: int = 100_000) -> None:
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        self.versions: set[str] = set()
        self._port, self._host, self._most = port, host, most
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _visit(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20.0)
        for at in range(self._most):
            if self._over.is_set():
                break
            method, body = ("POST", b"once") if at % 2 else ("GET", None)
            try:
                connection.request(method, "/", body, {"Host": self._host})
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if answer.status != 200 or told["got"] != len(body or b""):
                    raise ValueError(answer.status)
            except (OSError, ValueError, http.client.HTTPException) as error:
                self.failures.append(f"{method} {type(error).__name__}: {error}")
                connection.close()
            else:
                self.answers[method] += 1
                self.versions.add(told["version"])
        connection.close()


def processes_of(master: int) -> dict[int, int]:
    """Return the start times of an nginx master and its workers, by pid: all the same means that nothing was read anew."""
    children = [int(child) for child in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
    return {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) for pid in (master, *children)}
