"""Challenges: files that nginx answers beneath `/.well-known/acme-challenge/`, on every host and without a reload."""

from __future__ import annotations

import re
from pathlib import Path

from holdfast.errors import Rejected
from holdfast.host.files import Root

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""base64url (RFC 8555 §8.1): what an issuer sends becomes the name of a file."""


class FolderChallenges:
    """`root` is the folder of the edge; workers of nginx read what lies in `challenges` there."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "challenges"

    async def put(self, token: str, key_authorization: str, host: str) -> None:
        """Answer from now on. Raises `Rejected` (HF3192) for a token that is none."""
        with Root(self._folder) as folder:
            folder.write(_checked(token), key_authorization.encode(), mode=0o644, sync=False)

    async def drop(self, token: str) -> None:
        with Root(self._folder) as folder:
            folder.remove(_checked(token))


def _checked(token: str) -> str:
    if TOKEN.fullmatch(token) is None:
        raise Rejected("HF3192", f"cannot answer a challenge: {token[:40]!r} is no token", hint="the issuer breaks RFC 8555; ask another")
    return token
