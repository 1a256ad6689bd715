"""Log files of children: opened for appending, rotated by copying and truncating, so they depend neither on the daemon nor on a pipe.

A child keeps its descriptor; O_APPEND makes its next line land at the new end. Lines written between the copy and the truncation are lost:
that is the price of a rotation the child need not know of.
"""

from __future__ import annotations

import os
import stat

from holdfast.host.keeper.protocol import Refusal

CHECK_S = 5.0
"""Seconds between looks at the sizes."""
FLOOD_BYTES = 64 << 20
"""A log that outgrew its limit this much within one look keeps only its newest part when rotated."""

_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


class Limits:
    """When a log is rotated and how many older files are kept beside it (`.1` is the newest)."""

    __slots__ = ("max_bytes", "max_files")

    def __init__(self, max_bytes: int, max_files: int) -> None:
        self.max_bytes = max_bytes
        self.max_files = max_files


def open_log(path: str) -> int:
    """Return a descriptor that appends to a regular file, made 0640 if new; raises Refusal."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _FLAGS, 0o640)
    except OSError as error:
        raise Refusal("exec", f"cannot open log {path}: {error.strerror}", error.errno, stage="log") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise Refusal("exec", f"cannot open log {path}: not a regular file", 22, stage="log")
    os.set_blocking(fd, True)
    return fd


def rotate(path: str, limits: Limits) -> bool:
    """Rotate the file when it is larger than its limit; return whether it was. A file that is gone or refuses is left alone."""
    try:
        if os.stat(path, follow_symlinks=False).st_size <= limits.max_bytes:
            return False
        source = os.open(path, os.O_RDWR | _FLAGS)
    except OSError:
        return False
    try:
        if limits.max_files > 0:
            _copy(source, path, limits)
        os.ftruncate(source, 0)
    except OSError:  # a full disk: the log stays as it is, and the half copy gives its room back
        _discard(f"{path}.part")
        return False
    finally:
        os.close(source)
    return True


def _copy(source: int, path: str, limits: Limits) -> None:
    part = f"{path}.part"
    target = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o640)
    try:
        size = os.fstat(source).st_size
        position = max(0, size - max(FLOOD_BYTES, 2 * limits.max_bytes))
        end = size + FLOOD_BYTES  # a writer that outruns the copy must not hold us for ever
        while position < end and (sent := os.sendfile(target, source, position, 1 << 20)):
            position += sent
    finally:
        os.close(target)
    for number in range(limits.max_files - 1, 0, -1):
        if os.path.exists(f"{path}.{number}"):
            os.rename(f"{path}.{number}", f"{path}.{number + 1}")
    os.rename(part, f"{path}.1")


def _discard(path: str) -> None:
    if os.path.exists(path):
        os.unlink(path)
