"""Reading nginx files: 1 MB parsed, written back, formatted and reviewed, beside `nginx -t` of the same file.

The file is made: servers with a few locations each, as people write them, comments and quotes included. Figures of this side are the
processor's, which other work on the machine does not change; nginx's is a whole process. crossplane joins in where it is installed.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from holdfast.edge.capability import Capability
from holdfast.edge.parse import parse
from holdfast.edge.review import review
from holdfast.edge.tidy import tidy
from holdfast.edge.write import write

N = 9
SIZE = 1 << 20
TARGET_MS = 600.0
SERVER = """
# Site {at}
server {{
    listen 127.0.0.1:8080;
    server_name app{at}.example.com "www.app{at}.example.com";
    add_header X-Frame-Options 'SAMEORIGIN' always;   # no frames
    location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        if ($request_method = "TRACE") {{ return 405; }}
    }}
    location ~* "\\\\.(?:css|js|png)$" {{
        root "/srv/app {at}/public";
        expires 30d;
    }}
}}
"""


def text(size: int) -> bytes:
    servers: list[str] = []
    length = 0
    while length < size:
        servers.append(SERVER.format(at=len(servers), port=10_000 + len(servers) % 50_000))
        length += len(servers[-1])
    return "".join(servers).encode()


def told(times_s: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(each * 1e3 for each in times_s)
    return {"n": len(ordered), "median_ms": round(statistics.median(ordered), 1), "worst_ms": round(ordered[-1], 1)}


def used(act: Callable[[], object], times: int = N) -> list[float]:
    found = []
    for _ in range(times):
        began = time.process_time()
        act()
        found.append(time.process_time() - began)
    return found


def nginx(servers: bytes) -> dict[str, Any] | None:
    """Return what `nginx -t` takes for the same servers, sockets not bound; None without nginx."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        head = f"pid {folder}/pid;\nerror_log stderr;\nevents {{ }}\nhttp {{ server_names_hash_max_size 65536; access_log off;\n"
        (Path(folder) / "nginx.conf").write_bytes(head.encode() + servers + b"}\n")
        command = (program, "-t", "-q", "-p", folder, "-c", f"{folder}/nginx.conf")
        times = []
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return told(times)


def crossplane(data: bytes) -> dict[str, Any] | None:
    """Return what crossplane takes to parse the same; None where it is not installed."""
    try:
        peer = importlib.import_module("crossplane")
    except ImportError:
        return None
    with tempfile.NamedTemporaryFile(suffix=".conf") as file:
        file.write(data)
        file.flush()
        return told(used(lambda: peer.parse(file.name), 3))


def main() -> int:
    data = text(SIZE)
    config = parse("app.conf", data)
    assert write(config) == data
    parsed = told(used(lambda: parse("app.conf", data)))
    answer = {
        "bytes": len(data),
        "directives": sum(1 for _ in _all(config.directives)),
        "parse": {**parsed, "target_ms": TARGET_MS, "is_met": parsed["median_ms"] <= TARGET_MS},
        "write": told(used(lambda: write(config))),
        "fmt": told(used(lambda: tidy(config))),
        "review": told(used(lambda: review({"app.conf": config}, Capability(version=(1, 22, 1))), 1)),
        "peer_nginx_test": nginx(data),
        "peer_crossplane_parse": crossplane(data),
    }
    print(json.dumps(answer, indent=2))
    return 0


def _all(directives: Sequence[Any]) -> Any:
    for each in directives:
        yield each
        yield from _all(each.block or ())


if __name__ == "__main__":
    sys.exit(main())
