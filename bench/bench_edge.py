"""The edge: a rendered configuration beside a hand-tuned and a naive one, and from a declared change to its being seen to serve.

All stand before the same application (an nginx that answers 64 bytes) and are asked by the same `wrk`, round after round in an order of
its own each time. Shares are of requests a second within one round, their median; processor time is that of their own workers over all
rounds, and tells more on a shared machine. HAProxy and Caddy join where they are installed, as they come: HAProxy without a log, Caddy
without one too. What each does for a request differs; `tuned` is who does the same.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.ports import free_port  # noqa: E402
from tests.real.edge_house import NGINX, self_signed  # noqa: E402
from tests.real.nginx_house import NginxHouse, play  # noqa: E402

from holdfast.edge.site_spec import SiteSpec  # noqa: E402
from holdfast.kit.tasks import all_of  # noqa: E402
from holdfast.testing.contracts.nginx import edge, site  # noqa: E402

ROUNDS, SECONDS, CONNECTIONS = 11, 1, 64
HOSTS = (10, 100, 1_000)
CHANGES = 7
CHANGE_S: Mapping[int, float] = {10: 0.25, 100: 0.6, 1_000: 4.0}
TUNED_SHARE, NAIVE_FACTOR = 0.98, 2.5
PATIENCE_S = 15.0
TRIES = 3

MAIN = """
daemon off; pid {folder}/{name}.pid; error_log {folder}/{name}.log crit; worker_processes 2; worker_rlimit_nofile 9000;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4;
    scgi_temp_path {folder}/t5;
    {body}
}}
"""
APPLICATION = """
    access_log off; keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{port}; default_type text/plain; location / {{ return 200 "{answer}"; }} }}
"""
TLS = """
    ssl_certificate {folder}/chain.pem; ssl_certificate_key {folder}/key.pem;
"""
BARE = """
    sendfile on; tcp_nopush on; server_tokens off; keepalive_timeout 65s;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:SSL:10m; ssl_session_tickets off;
    access_log {folder}/bare.access.log combined buffer=64k flush=1s;
    upstream app {{ zone app 64k; server 127.0.0.1:{app}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl http2; server_name localhost;{tls}
        location / {{
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme; proxy_next_upstream error timeout;
        }}
    }}
"""
"""The least that passes requests on well."""
TUNED = """
    sendfile on; tcp_nopush on; server_tokens off; keepalive_timeout 65s; reset_timedout_connection on;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:SSL:10m; ssl_session_tickets off;
    gzip on; gzip_vary on; gzip_proxied any; gzip_types text/css text/plain application/javascript application/json;
    map $http_upgrade $upgraded {{ "" ""; default upgrade; }}
    map $request_id $span {{ "~^(?<half>[0-9a-f]{{16}})" $half; default $request_id; }}
    map $http_traceparent $trace {{
        "~^00-(?!0{{32}})[0-9a-f]{{32}}-(?!0{{16}})[0-9a-f]{{16}}-[0-9a-f]{{2}}$" $http_traceparent; default "00-$request_id-$span-01";
    }}
    map $args $query {{ "~*(?:^|&)(?:access_token|api_key|code|password|secret|token)=" redacted; default $args; }}
    log_format tuned escape=json '{{"time":"$time_iso8601","at":$msec,"client":"$remote_addr","host":"$host","method":"$request_method",'
        '"path":"$uri","query":"$query","protocol":"$server_protocol","status":"$status","sent":$bytes_sent,"received":$request_length,'
        '"duration":$request_time,"upstream":"$upstream_addr","upstream_status":"$upstream_status","route":"web",'
        '"upstream_duration":"$upstream_response_time","request_id":"$request_id","trace":"$trace","agent":"$http_user_agent",'
        '"referer":"$http_referer","tls":"$ssl_protocol","limited":"$limit_req_status"}}';
    access_log {folder}/tuned.access.log tuned buffer=64k flush=1s;
    upstream app {{ zone app 64k; server 127.0.0.1:{app}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl http2; server_name localhost;{tls}
        location / {{
            if (-f {folder}/maintenance) {{ return 503; }}
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection $upgraded; proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host; proxy_set_header Forwarded "";
            proxy_set_header X-Request-ID $request_id; proxy_set_header traceparent $trace; proxy_next_upstream error timeout;
            add_header Strict-Transport-Security max-age=63072000 always; add_header X-Content-Type-Options nosniff always;
            add_header Referrer-Policy strict-origin-when-cross-origin always; add_header X-Frame-Options SAMEORIGIN always;
            add_header X-Request-ID $request_id always;
        }}
    }}
"""
"""What a careful person writes who wants what a rendered Site does: identity, headers, a log to compute from, a maintenance flag."""
NAIVE = """
    access_log {folder}/naive.access.log;
    server {{
        listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl http2; server_name localhost;{tls}
        location / {{
            proxy_pass http://127.0.0.1:{app}; proxy_set_header Host $host; proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
"""
HAPROXY = """
global
    maxconn 4096
    nbthread 2
defaults
    mode http
    timeout connect 2s
    timeout client 65s
    timeout server 30s
    option http-keep-alive
frontend web
    bind 127.0.0.1:{http}
    bind 127.0.0.1:{https} ssl crt {folder}/both.pem alpn h2,http/1.1
    default_backend app
backend app
    http-reuse always
    server app 127.0.0.1:{app}
"""
CADDY = """
{{
    admin off
    auto_https off
    http_port {http}
    https_port {https}
}}
http://localhost:{http} {{
    reverse_proxy 127.0.0.1:{app}
}}
https://localhost:{https} {{
    tls {folder}/chain.pem {folder}/key.pem
    reverse_proxy 127.0.0.1:{app}
}}
"""


Command = Callable[[int, int], Sequence[str]]
"""From the ports of HTTP and HTTPS to what is run."""


class Target:
    """One proxy: its ports, and the process whose time counts, with its children."""

    def __init__(self, http: int, https: int, pid: Callable[[], int]) -> None:
        self.ports = {"http": http, "https": https}
        self.pid = pid

    def cpu_s(self) -> float:
        master = self.pid()
        return sum(map(_cpu_s, (master, *_children(master))))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: Sequence[str], *ports: int) -> Iterator[int]:
    """Run a server until the block is left; it is waited for until its ports answer."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not all(_answers(port) for port in ports):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it does not start: {' '.join(command)}")
            time.sleep(0.02)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def nginx(folder: Path, name: str, body: str, **values: Any) -> list[str]:
    """Write a configuration; return the command that runs it."""
    conf = folder / f"{name}.conf"
    conf.write_text(MAIN.format(folder=folder, name=name, body=body.format(folder=folder, **values)))
    return [NGINX, "-p", str(folder), "-c", str(conf), "-e", str(folder / f"{name}.log")]


@dataclass(frozen=True)
class Asked:
    requests: int
    rate: float
    """A second."""
    p99_ms: float
    failed: int


def asked(url: str) -> Asked:
    """Ask with wrk over kept connections. Its one thread takes a third of what ab takes for a request."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", url], capture_output=True, text=True, check=True
    ).stdout
    count, rate, p99 = (
        re.search(r"(\d+) requests in", done),
        re.search(r"Requests/sec:\s+([\d.]+)", done),
        re.search(r"99%\s+([\d.]+)(us|ms|s)", done),
    )
    assert count is not None
    assert rate is not None
    assert p99 is not None
    other, broken = re.search(r"Non-2xx or 3xx responses: (\d+)", done), re.search(r"Socket errors: .*", done)
    failed = (int(other[1]) if other else 0) + (sum(map(int, re.findall(r" (\d+)", broken[0]))) if broken else 0)
    return Asked(
        requests=int(count[1]), rate=float(rate[1]), p99_ms=float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]], failed=failed
    )


def measured(targets: Mapping[str, Target], scheme: str) -> dict[str, Any]:
    """Ask all targets in turn, round after round."""
    found: dict[str, list[Asked]] = {name: [] for name in targets}
    spent_s = dict.fromkeys(targets, 0.0)
    order = random.Random(7)
    for round_ in range(ROUNDS + 1):
        for name in order.sample(sorted(targets), len(targets)):
            before = targets[name].cpu_s()
            answer = asked(f"{scheme}://localhost:{targets[name].ports[scheme]}/")
            if round_ > 0:  # caches are warm by then
                found[name].append(answer)
                spent_s[name] += targets[name].cpu_s() - before
    own = found["holdfast"]
    return {
        name: {
            "n": ROUNDS,
            "requests": sum(each.requests for each in several),
            "requests_s": {"median": median(each.rate for each in several), "best": round(max(each.rate for each in several))},
            "p99_ms": median((each.p99_ms for each in several), 2),
            "cpu_us_request": cpu_us(spent_s[name], several),
            "failed": sum(each.failed for each in several),
            "holdfast_share": {
                "requests_s": median((mine.rate / its.rate for mine, its in zip(own, several, strict=True)), 3),
                "cpu": round(cpu_us(spent_s[name], several) / cpu_us(spent_s["holdfast"], own), 3),
            },
        }
        for name, several in found.items()
    }


def median(values: Iterable[float], digits: int | None = None) -> float:
    return round(statistics.median(values), digits)


def cpu_us(spent_s: float, several: Sequence[Asked]) -> float:
    return round(spent_s / sum(each.requests for each in several) * 1e6, 2)


def throughput() -> dict[str, Any]:
    found: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="hf-bench-"))
    folder.chmod(0o755)

    async def story(house: NginxHouse) -> None:
        with ExitStack() as stack:
            chain, key = self_signed("localhost")
            for name, data in (("chain.pem", chain), ("key.pem", key), ("both.pem", chain + key)):
                (folder / name).write_bytes(data)
            app = free_port()
            stack.enter_context(running(nginx(folder, "app", APPLICATION, port=app, answer="x" * 64), app))
            await house.apply(edge(connections=4096))
            await house.apply(site("a", SiteSpec(hosts=("localhost",), targets=(f"127.0.0.1:{app}",), redirect_http=False)))
            targets = {"holdfast": Target(house.http, house.https, house.pid)}
            for name, body in (("tuned", TUNED), ("bare", BARE), ("naive", NAIVE)):
                targets[name] = peer(stack, written(folder, name, body, app))
            targets |= dict(others(stack, folder, app))
            for scheme in ("http", "https"):
                found[scheme] = await asyncio.to_thread(measured, targets, scheme)

    try:
        play(story)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def written(folder: Path, name: str, body: str, app: int) -> Command:
    return lambda http, https: nginx(folder, name, body, http=http, https=https, app=app, tls=TLS.format(folder=folder))


def peer(stack: ExitStack, command: Command) -> Target:
    """Run a peer; where somebody else took one of its ports meanwhile, at others."""
    for _ in range(TRIES - 1):
        with suppress(RuntimeError):
            return _peer(stack, command)
    return _peer(stack, command)


def _peer(stack: ExitStack, command: Command) -> Target:
    http, https = free_port(), free_port()
    pid = stack.enter_context(running(command(http, https), http, https))
    return Target(http, https, lambda: pid)


def others(stack: ExitStack, folder: Path, app: int) -> Iterator[tuple[str, Target]]:
    for name, text, arguments in (("haproxy", HAPROXY, ("-db", "-f")), ("caddy", CADDY, ("run", "--adapter", "caddyfile", "--config"))):
        program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
        if program is None:
            continue
        conf = folder / f"{name}.conf"

        def command(
            http: int, https: int, *, conf: Path = conf, text: str = text, start: tuple[str, ...] = (program, *arguments)
        ) -> list[str]:
            conf.write_text(text.format(folder=folder, http=http, https=https, app=app))
            return [*start, str(conf)]

        yield name, peer(stack, command)


def change_to_serving() -> dict[str, Any]:
    """Return, by number of hosts, how long one changed Site takes from the step to the proof from outside.

    Beside it what nginx alone takes of it for the same configuration, right after: its test, and a reload until only new workers accept.
    """
    found: dict[str, Any] = {}

    async def story(house: NginxHouse) -> None:
        await house.apply(edge(connections=4096))
        applied = 0
        for hosts in HOSTS:
            await all_of(*(house.apply(site(f"s{at}")) for at in range(applied, hosts)))
            applied = hosts
            times, reloads, alone = [], [], []
            for at in range(CHANGES):
                await asyncio.sleep(1.2)  # beyond the window, so that none waits for the one before
                changed = SiteSpec(hosts=("s1.example.com",), targets=(f"127.0.0.1:{9 + at % 2}",), redirect_http=bool(at % 3))
                began = time.perf_counter()
                await house.apply(site("s1", changed))
                times.append(time.perf_counter() - began)
                reloads.append(float(str(house.events("edge.reloaded")[-1].data["seconds"])))
                alone.append(await asyncio.to_thread(nginx_alone, house))
            found[str(hosts)] = {
                "n": CHANGES,
                "median_s": round(statistics.median(times), 3),
                "max_s": round(max(times), 3),
                "reload_to_serving_s": round(statistics.median(reloads), 3),
                "nginx_alone_s": round(statistics.median(alone), 3),
                "times_nginx_alone": round(statistics.median(times) / statistics.median(alone), 2),
                "target_s": CHANGE_S[hosts],
            }

    play(story)
    return found


def nginx_alone(house: NginxHouse) -> float:
    """Return the seconds of `nginx -t` and of a reload by hand of what is served already."""
    before = house.nginx.master()
    assert before is not None
    began = time.perf_counter()
    subprocess.run([NGINX, "-t", "-q", "-p", str(house.root), "-c", str(house.conf)], check=True, capture_output=True)
    house.reload_by_hand()
    while (now := house.nginx.master()) is None or not now.accepting or not now.accepting.isdisjoint(before.accepting):
        time.sleep(0.002)
    return time.perf_counter() - began


def main() -> int:
    rates, changes = throughput(), change_to_serving()
    is_met = {
        "share_of_tuned": all(rates[scheme]["tuned"]["holdfast_share"]["requests_s"] >= TUNED_SHARE for scheme in rates),
        "times_naive": all(rates[scheme]["naive"]["holdfast_share"]["requests_s"] >= NAIVE_FACTOR for scheme in rates),
        "change_to_serving": all(one["median_s"] <= one["target_s"] for one in changes.values()),
    }
    absent = [name for name in ("haproxy", "caddy") if name not in rates["http"]]
    load = [round(one, 1) for one in os.getloadavg()]
    found = {"throughput": rates, "change_to_serving": changes, "not_installed": absent, "met": is_met, "load": load}
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
