"""What certbot has: its lineages, read and never written.

`live/<lineage>/{fullchain,privkey}.pem` are links into `archive/<lineage>/`; nothing that leads out of the folder is followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from holdfast.engines.acme.pair import Pair, belongs, read_leaf
from holdfast.errors import EngineError, Rejected
from holdfast.host.files import Root
from holdfast.kit.clock import Instant
from holdfast.kit.secret import Secret

LARGEST = 1 << 20


class CertbotFolder:
    """`folder` is certbot's configuration folder, usually /etc/letsencrypt."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pair(self, hosts: Sequence[str], lineage: str | None, now: Instant) -> Pair:
        """Return the pair for `hosts` that is valid for longest; `Rejected` (HF3152) where no lineage fits."""
        fitting = [
            (leaf.not_after, name, pair)
            for name, pair in self._lineages(lineage)
            if (leaf := read_leaf(pair.chain)) is not None and leaf.is_for(hosts) and leaf.not_after > now and belongs(pair.chain, pair.key)
        ]
        if not fitting:
            which = f"no lineage {lineage}" if lineage else "no lineage"
            reason = f"{which} in {self._folder} is valid for {', '.join(hosts)}"
            hint = "`certbot certificates` lists what there is"
            raise Rejected("HF3152", f"cannot adopt a certificate of certbot: {reason}", hint=hint)
        return max(fitting, key=lambda found: found[:2])[2]

    def _lineages(self, lineage: str | None) -> Iterator[tuple[str, Pair]]:
        try:
            names = [lineage] if lineage else sorted(entry.name for entry in os.scandir(self._folder / "live") if entry.is_dir())
        except OSError as error:
            raise Rejected("HF3152", f"cannot adopt a certificate of certbot: {self._folder}/live: {error.strerror}") from error
        for name in names:
            chain, key = (self._read(name, file) for file in ("fullchain.pem", "privkey.pem"))
            if chain is not None and key is not None:
                yield name, Pair(chain, Secret(key.decode(errors="replace")))

    def _read(self, lineage: str, file: str) -> bytes | None:
        base = os.path.realpath(self._folder)
        relative = os.path.relpath(os.path.realpath(os.path.join(base, "live", lineage, file)), base)
        try:
            with Root(base) as root:
                return root.read(relative, limit=LARGEST)
        except EngineError:
            return None
