"""Whole folders: sealed, given away and removed, by descriptors only, so that no link is ever followed.

What is in such a folder may have been made by a program that is not trusted (a release's `prepare`), and that program may still run.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from holdfast.errors import Rejected
from holdfast.host.files import FOLDER, own, told

SEALED_FOLDER = 0o555
COPY_CHUNK = 1 << 20


def seal(fd: int, name: str, *, uid: int = -1, gid: int = -1, maker: int | None = None) -> None:
    """Make the folder `name` in folder `fd`, and all in it, read-only (files 0444 or 0555, folders 0555) and its owner's.

    Links stay links. Sockets, pipes and devices go. A file that has other names is copied first, so that the other names keep theirs; one
    that is neither its `maker`'s nor ours is refused (`Rejected`, HF3105): it is somebody's file, linked here to be given away.
    """
    with told("seal", name), opened(fd, name) as folder:
        _seal(folder, uid, gid, {os.geteuid(), os.geteuid() if maker is None else maker})


def give(fd: int, name: str, *, uid: int, gid: int) -> None:
    """Give the folder `name` in folder `fd`, and all in it, to an owner; what we made ourselves, so without doubts about links."""
    with told("give away", name), opened(fd, name) as folder:
        _give(folder, uid, gid)


def remove(fd: int, name: str) -> None:
    """Remove a file, a link, or a folder with all in it, sealed or not; none is no error."""
    with told("remove", name), suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=fd)
            return
        with opened(fd, name) as folder:
            _empty(folder)
        os.rmdir(name, dir_fd=fd)


@contextmanager
def opened(fd: int, name: str) -> Iterator[int]:
    """Lend a descriptor of the folder `name` in `fd`; a link of that name is an error."""
    try:
        found = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=fd)
    except PermissionError:
        with _handle(fd, name) as handle:  # ours, but sealed or made unreadable
            _change_mode(handle, 0o700)
        found = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=fd)
    try:
        yield found
    finally:
        os.close(found)


def _seal(folder: int, uid: int, gid: int, makers: set[int]) -> None:
    os.fchmod(folder, 0o700)
    for name in os.listdir(folder):
        look = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(look.st_mode):
            with opened(folder, name) as inner:
                _seal(inner, uid, gid, makers)
        elif stat.S_ISREG(look.st_mode):
            _seal_file(folder, name, uid, gid, makers)
        elif not stat.S_ISLNK(look.st_mode):
            os.unlink(name, dir_fd=folder)
        elif (uid, gid) != (-1, -1):
            os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)
    own(folder, uid, gid)
    os.fchmod(folder, SEALED_FOLDER)


def _seal_file(folder: int, name: str, uid: int, gid: int, makers: set[int]) -> None:
    with _handle(folder, name) as handle:
        look = os.fstat(handle)
        if look.st_uid not in makers:
            raise Rejected(
                "HF3105", f"cannot seal {name}: the file belongs to user {look.st_uid}", hint="link or copy only files of your own"
            )
        if look.st_nlink == 1:
            _finish(handle, look, uid, gid)
            return
    _copy_over(folder, name)
    with _handle(folder, name) as handle:
        _finish(handle, look, uid, gid)


def _finish(handle: int, look: os.stat_result, uid: int, gid: int) -> None:
    if (uid, gid) != (-1, -1):
        os.chown(f"/proc/self/fd/{handle}", uid, gid)
    _change_mode(handle, 0o555 if look.st_mode & 0o111 else 0o444)


def _copy_over(folder: int, name: str) -> None:
    """Replace a name by a copy of its file, which has no other name."""
    temporary = f".holdfast-{secrets.token_hex(8)}"
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            while os.sendfile(target, source, None, COPY_CHUNK):
                pass
        finally:
            os.close(target)
    finally:
        os.close(source)
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _give(folder: int, uid: int, gid: int) -> None:
    for name in os.listdir(folder):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            with opened(folder, name) as inner:
                _give(inner, uid, gid)
        else:
            os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)
    os.fchown(folder, uid, gid)


def _empty(folder: int) -> None:
    os.fchmod(folder, 0o700)
    for name in os.listdir(folder):
        remove(folder, name)


@contextmanager
def _handle(folder: int, name: str) -> Iterator[int]:
    """Lend an O_PATH descriptor: it opens nothing (no pipe blocks, no device wakes), follows nothing and asks for no permission."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def _change_mode(handle: int, mode: int) -> None:
    """Change the mode of what an O_PATH descriptor stands for; a link there is an error of the kernel."""
    if stat.S_ISLNK(os.fstat(handle).st_mode):
        raise OSError(40, "a link stands where a file was")
    os.chmod(f"/proc/self/fd/{handle}", mode)
