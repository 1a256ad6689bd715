"""A trial of a configuration: laid in a folder of its own, with throw-away certificates and secrets, and tested by the nginx of this host.

So a change can be tested where neither a daemon nor a secret is. Nothing is started, and what serves is not touched.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from holdfast.edge.fold import Folded
from holdfast.edge.world import Places
from holdfast.engines.acme.pair import Pair, make_key, self_signed
from holdfast.engines.nginx import error_log
from holdfast.engines.nginx.folding import DEFAULT_CERTIFICATE, blamed
from holdfast.engines.nginx.ground import make_folders
from holdfast.engines.nginx.program import Program
from holdfast.errors import DeclarationError, Where

CONF = "nginx.conf"
DAY_S = 86_400.0


def trial(folded: Folded, places: Places, search_path: str) -> tuple[DeclarationError, ...]:
    """Return what nginx says against a configuration, at the places in Git that it is about; nothing where it takes it.

    `places.root` is a folder of the caller's, empty. Raises Rejected (HF3180) without an nginx, TimedOut (HF3182).
    """
    program, root = Program.find(search_path), Path(places.root)
    make_folders(root)
    _lay(folded, places, asyncio.run(_pair()))
    lines = asyncio.run(program.test(root / CONF, root))
    return () if not lines else tuple(_blamed(folded, lines))


async def _pair() -> Pair:
    return self_signed(await make_key("ecdsa-p256"), ("trial.invalid",), now=time.time(), lifetime_s=DAY_S, common_name="trial.invalid")


def _lay(folded: Folded, places: Places, pair: Pair) -> None:
    root, private = Path(places.root), pair.key.reveal().encode()
    for namespace, name in {*folded.certificates, DEFAULT_CERTIFICATE}:
        for path, data in zip(places.certificate(namespace, name), (pair.chain, private), strict=True):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(data)
    for name in folded.secrets:  # whether it is a chain, a key or who signed one: it is all of that
        Path(places.secret(name)).write_bytes(pair.chain + private)
    for name, html in folded.pages.items():
        (root / "pages" / name).write_text(html)
    (root / CONF).write_text(folded.text)


def _blamed(folded: Folded, lines: tuple[str, ...]) -> list[DeclarationError]:
    reason, place = error_log.reason(lines), error_log.place(lines)
    line = place[1] if place is not None else None
    owners = [folded.served[id] for id in (folded.owners(line) if line is not None else ()) if id in folded.served]
    if owners:
        return [blamed(part, "HF3181", f"nginx says: {reason}") for part in owners]
    said = folded.text.splitlines()
    snippet = said[line - 1].strip() if line is not None and 0 < line <= len(said) else None
    where = [Where(path=CONF, line=line, snippet=snippet)] if line is not None else []
    hint = "`holdfast edge render` shows the line; what holds for all Sites is said by the Edge"
    return [DeclarationError("HF3181", f"cannot serve this configuration: nginx says: {reason}", where=where, hint=hint)]
