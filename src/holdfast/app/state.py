"""The state folder: where everything of one installation lies, and that one daemon at a time has it.

STATE/             0711: run users pass through to their releases and data
  lock             held by the daemon (flock); holds its pid
  store.sqlite     0600, as the key
  key
  run/             0711: sockets, each for its own user
  secrets/         0700: one file a secret
  mirrors/  releases/  data/  logs/
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from holdfast.errors import Busy, StoreError
from holdfast.host.options import API_SOCKET, RUN_FOLDER

PASSABLE = 0o711
PRIVATE = 0o700
LONGEST = 80
"""Bytes of the folder's path: a socket's path may have 107 (unix(7)), and the keeper's, and those it makes for notifying, lie in run/."""


class StateFolder:
    """Names of places; `prepare` makes them, `lock` takes the folder for this process."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))
        self.run = self.path / RUN_FOLDER
        self.api_socket = self.run / API_SOCKET
        self.store = self.path / "store.sqlite"
        self.key = self.path / "key"
        self.secrets = self.path / "secrets"
        self.logs = self.path / "logs"
        self.data = self.path / "data"
        self.edge = self.path / "edge"
        self.charts = self.path / "charts"
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make what is missing. Raises StoreError (HF8021) where the folder cannot be written, or no socket fits into it."""
        if len(os.fsencode(self.path)) > LONGEST:
            hint = f"choose one of at most {LONGEST} bytes with --state: the paths of sockets are short"
            raise StoreError("HF8021", f"cannot use state folder {self.path}: its path is too long for a socket", hint=hint)
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=PASSABLE)
            self.path.chmod(PASSABLE)
            for folder, mode in ((self.run, PASSABLE), (self.secrets, PRIVATE), (self.logs, PASSABLE)):
                folder.mkdir(exist_ok=True, mode=mode)
                folder.chmod(mode)
        except OSError as error:
            raise StoreError(
                "HF8021", f"cannot use state folder {self.path}: {error.strerror}", hint="choose another with --state, or mend its owner"
            ) from error

    def lock(self) -> None:
        """Take the folder; Busy (HF8020) where another daemon has it. The kernel gives it back however this process ends."""
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.read(lock, 32).decode(errors="replace").strip()
            os.close(lock)
            raise Busy(
                "HF8020",
                f"cannot use state folder {self.path}: another Holdfast{f' (pid {pid})' if pid else ''} runs on it",
                hint="`holdfast status` asks it; stop it first, or choose another folder with --state",
            ) from error
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        self._lock = lock

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
