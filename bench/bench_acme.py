"""Certificates from a local pebble: one at a time with http-01, and fifty hosts in one go; half of all nonces refused, too.

Each figure is from asking the engine to the pair lying where nginx reads it. The peer, in the same run, is the `acme` library of certbot
(Debian `python3-acme`) where the system's Python has it: a fresh order, http-01 answered by the same server, finalized and fetched.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.engines.acme_stage import House, until  # noqa: E402
from tests.real.acme_house import Pebble, at_pebble  # noqa: E402

N = 31
HOSTS = 50
TARGET_MS = 500.0
SYSTEM_PYTHON = "/usr/bin/python3"

PEER = """
import json, sys, time
import josepy, requests
from acme import challenges, client, crypto_util, messages
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives import serialization
directory, ca, answers, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
key = josepy.JWKRSA(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
net = client.ClientNetwork(key, verify_ssl=ca, user_agent="bench")
acme = client.ClientV2(messages.Directory.from_json(net.get(directory).json()), net)
acme.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
times = []
for number in range(count):
    host = f"peer{number}.example.com"
    began = time.perf_counter()
    own = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    order = acme.new_order(crypto_util.make_csr(own, [host]))
    for authorization in order.authorizations:
        for body in authorization.body.challenges:
            if isinstance(body.chall, challenges.HTTP01):
                response, validation = body.response_and_validation(key)
                requests.put(answers + "/" + body.chall.encode("token"), data=validation, timeout=10)
                acme.answer_challenge(body, response)
    acme.poll_and_finalize(order)
    times.append((time.perf_counter() - began) * 1e3)
print(json.dumps(times))
"""


def told(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "n": len(ordered),
        "median_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "p99_ms": round(ordered[int(len(ordered) * 0.99)], 1),
    }


async def one_by_one(house: House) -> list[float]:
    """Return the milliseconds of each issue; the account is there already."""
    ids = [await house.apply(f"h{number}.example.com", name=f"h{number}") for number in range(N + 1)]
    times = []
    for id in ids:
        began = time.perf_counter()
        await house.renew.force(id)
        times.append((time.perf_counter() - began) * 1e3)
    return times[1:]


async def in_one_go(house: House) -> float:
    """Return the seconds until all hosts have their certificate."""
    for number in range(HOSTS):
        await house.apply(f"g{number}.example.com", name=f"g{number}")
    began = time.perf_counter()
    async with house.running():
        await until(lambda: house.renew.is_at_rest, f"{HOSTS} certificates")
    return time.perf_counter() - began


async def peer(ca: Pebble, house: House, folder: Path) -> list[float] | None:
    """Return the milliseconds of the library's issues, None where it is not here."""
    (folder / "ca.pem").write_text(ca.root)
    (folder / "peer.py").write_text(PEER)
    where = f"http://127.0.0.1:{ca.challenges}/.well-known/acme-challenge"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        process = await asyncio.create_subprocess_exec(
            SYSTEM_PYTHON, "-W", "ignore", str(folder / "peer.py"), ca.directory, str(folder / "ca.pem"), where, "7",
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
    except OSError:
        return None
    output, _ = await process.communicate()
    return json.loads(output) if process.returncode == 0 else None


async def measure(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = {}
    async with at_pebble(folder / "calm") as (ca, house):
        times = await one_by_one(house)
        other = await peer(ca, house, folder)
        result["issue"] = {**told(times), "target_ms": TARGET_MS, "met": statistics.median(times) <= TARGET_MS}
        result["peer_acme_library"] = told(other) if other else "not here"
        if other:
            result["ratio_to_peer"] = round(statistics.median(times) / statistics.median(other), 3)
    async with at_pebble(folder / "stormy", reject=50) as (_, house):
        result["issue_with_half_of_all_nonces_refused"] = told(await one_by_one(house))
    async with at_pebble(folder / "many") as (_, house):
        seconds = await in_one_go(house)
        result["fifty_hosts_in_one_go"] = {"n": HOSTS, "seconds": round(seconds, 2), "ms_each": round(seconds / HOSTS * 1e3, 1)}
    return result


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder))), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
