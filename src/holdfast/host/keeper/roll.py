"""The roll: one small file for each child record, so that a keeper that dies is followed by one that knows all it knew.

Written before a child may execute and dropped when it is forgotten; each holds what an `adopt` request holds, with the exit once there is
one. No file is synced: the roll outlives the keeper, and after a power cut none of its processes is there any more.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = "children"
_PART = ".part"


class Roll:
    """The files of one run folder. A disk that refuses makes a child unknown to a successor, and is no reason not to start it."""

    __slots__ = ("_folder",)

    def __init__(self, run_dir: str) -> None:
        self._folder = f"{run_dir}/{FOLDER}"
        if not os.path.isdir(self._folder):
            os.mkdir(self._folder, 0o700)

    def write(self, name: str, entry: dict[str, Any]) -> None:
        """Write an entry whole or not at all."""
        path = f"{self._folder}/{name}"
        try:
            fd = os.open(f"{path}{_PART}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, json.dumps(entry).encode())
            finally:
                os.close(fd)
            os.rename(f"{path}{_PART}", path)
        except OSError:
            return

    def drop(self, name: str) -> None:
        try:
            os.unlink(f"{self._folder}/{name}")
        except OSError:
            return

    def read(self) -> list[tuple[str, dict[str, Any]]]:
        """Return every entry with its name; what is half written or torn is dropped."""
        found = []
        for name in sorted(os.listdir(self._folder)):
            try:
                with open(f"{self._folder}/{name}", "rb") as file:
                    entry = json.loads(file.read())
            except (OSError, ValueError):
                entry = None
            if isinstance(entry, dict) and not name.endswith(_PART):
                found.append((name, entry))
            else:
                self.drop(name)
        return found
