"""Secrets of this host: one file per reference beneath the local secrets directory, and the key that fingerprints are made with.

A reference comes from Git, so it is a name and never a path. The directory and the key are ours alone (0700, 0600).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from holdfast.errors import Rejected
from holdfast.kit.secret import Redactor, Secret, fingerprint

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
LARGEST = 1024 * 1024
KEY_BYTES = 32


def installation_key(path: Path) -> bytes:
    """Return this installation's key, made on the first call. OSError where it cannot be read or written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(fd, "wb") as file:
        key = os.urandom(KEY_BYTES)
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key


class FileSecrets:
    """Implements ports.Secrets. What was ever resolved is known to `redactor`, the second net at every sink."""

    def __init__(self, folder: Path, key: bytes, redactor: Redactor) -> None:
        self._folder = folder
        self._key = key
        self._redactor = redactor

    def resolve(self, reference: str) -> Secret:
        secret = self._read(reference)
        if secret is None:
            raise Rejected(
                "HF3110",
                f"cannot resolve secret {reference}: there is no readable file {self._folder}/{reference}",
                hint="write the value to that file, mode 0600",
            )
        self._redactor.add(secret)
        return secret

    def fingerprint(self, reference: str) -> str | None:
        secret = self._read(reference)
        return None if secret is None else fingerprint(self._key, secret.reveal())

    def mark(self, text: str) -> str:
        """Return the keyed hash of any text: equal texts look equal, and nothing else can be told."""
        return fingerprint(self._key, text)

    def fingerprints(self) -> Mapping[str, str]:
        """Return the fingerprint of every secret that can be read now, by reference."""
        try:
            names = sorted(entry.name for entry in os.scandir(self._folder) if NAME.fullmatch(entry.name))
        except FileNotFoundError:
            return {}
        found = {name: self.fingerprint(name) for name in names}
        return {name: mark for name, mark in found.items() if mark is not None}

    def _read(self, reference: str) -> Secret | None:
        """Return the file's text without its last line end; None where it is missing, no plain file, too large or no text."""
        if NAME.fullmatch(reference) is None:
            return None
        try:
            fd = os.open(self._folder / reference, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            about = os.fstat(fd)
            if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
                return None
            text = os.read(fd, LARGEST + 1).decode()
        except (OSError, UnicodeDecodeError):
            return None
        finally:
            os.close(fd)
        return Secret(text.removesuffix("\n").removesuffix("\r"))
