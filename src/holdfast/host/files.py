"""Files: written whole or not at all, and never outside the folder they belong to.

`Root` is a folder that everything stays beneath: openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS where the kernel has it (Linux 5.6),
else a walk of folder handles with O_NOFOLLOW. Neither follows a link, whoever plants one and whenever. Callers: releases, the file engine,
configuration and state writers. Sealing and removing whole folders is in `folders`.
Errors are `Rejected` (a name or a link that leaves, never right for this content) and `Unavailable` (the disk said no).
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from holdfast.errors import EngineError, Rejected, Unavailable

OPENAT2 = 437
"""The same number on every architecture (Linux asm-generic/unistd.h)."""
RESOLVE = 0x02 | 0x04 | 0x08
"""NO_MAGICLINKS, NO_SYMLINKS, BENEATH (linux/openat2.h)."""
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
LONGEST_PATH = 4096
LONGEST_NAME = 255


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def write_atomic(path: str | os.PathLike[str], data: bytes, *, mode: int = 0o644, uid: int = -1, gid: int = -1, sync: bool = True) -> None:
    """Replace the file at `path`: a reader sees the old content or the new, a crash leaves one of them.

    The folder is trusted (the operator's); beneath a folder that is not, use `Root.write`.
    """
    folder, name = os.path.split(os.path.abspath(path))
    with Root(folder) as root:
        root.write(name, data, mode=mode, uid=uid, gid=gid, sync=sync)


def parts(relative: str) -> tuple[str, ...]:
    """Return the names of a relative path; `Rejected` (HF3100) where it is absolute, empty, too long or holds `.`, `..` or NUL."""
    names = tuple(relative.split("/"))
    bad = any(name in ("", ".", "..") or len(os.fsencode(name)) > LONGEST_NAME for name in names)
    if bad or "\0" in relative or len(os.fsencode(relative)) > LONGEST_PATH:
        raise Rejected(
            "HF3100",
            f"cannot use path {relative[:200]!r}: it is not a plain path beneath its folder",
            hint="write it relative, without '.', '..' or empty parts",
        )
    return names


class Root:
    """A folder that everything stays beneath. The path to the folder itself is the operator's and may go through links."""

    def __init__(self, path: str | os.PathLike[str], *, openat2: bool | None = None) -> None:
        """Open the folder. `openat2` chooses the way of opening; None finds out whether the kernel has it."""
        self.path = os.fspath(path)
        with told("open", self.path):
            self._fd = os.open(self.path, FOLDER)
        self._has_openat2 = has_openat2(self._fd) if openat2 is None else openat2

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def open(self, relative: str, flags: int, mode: int = 0) -> int:
        """Return a descriptor, for the caller to close. Raises OSError: ELOOP or ENOTDIR where a link stands in the way."""
        names = parts(relative)
        if self._has_openat2:
            return _openat2(self._fd, relative, flags | os.O_CLOEXEC, mode)
        return self._walk(names, flags | os.O_CLOEXEC, mode)

    def _walk(self, names: tuple[str, ...], flags: int, mode: int) -> int:
        fd = os.dup(self._fd)
        try:
            for name in names[:-1]:
                inner = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = inner
            found = os.open(names[-1], flags | os.O_NOFOLLOW, mode, dir_fd=fd)
        finally:
            os.close(fd)
        if flags & os.O_PATH and stat.S_ISLNK(os.fstat(found).st_mode):  # O_PATH|O_NOFOLLOW opens the link itself; openat2 refuses it
            os.close(found)
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return found

    @contextmanager
    def folder(self, relative: str = "") -> Iterator[int]:
        """Lend a descriptor of a folder beneath; "" is the root itself."""
        fd = self.open(relative, FOLDER) if relative else os.dup(self._fd)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _parent(self, relative: str) -> Iterator[tuple[int, str]]:
        *above, name = parts(relative)
        with self.folder("/".join(above)) as fd:
            yield fd, name

    def make_folders(self, relative: str, *, mode: int = 0o755, uid: int = -1, gid: int = -1) -> None:
        """Make a folder and those above it; the new ones get exactly that mode and owner, old ones are left as they are."""
        names = parts(relative)
        with told("make folder", self._shown(relative)):
            for depth in range(1, len(names) + 1):
                self._make_folder("/".join(names[:depth]), mode, uid, gid)

    def _make_folder(self, relative: str, mode: int, uid: int, gid: int) -> None:
        with self._parent(relative) as (fd, name):
            try:
                os.mkdir(name, 0o700, dir_fd=fd)
                is_new = True
            except FileExistsError:
                is_new = False
        with self.folder(relative) as fd:  # an old one too: a link of that name must not pass for a folder
            if is_new:
                own(fd, uid, gid)
                os.fchmod(fd, mode)

    def write(self, relative: str, data: bytes, *, mode: int = 0o644, uid: int = -1, gid: int = -1, sync: bool = True) -> None:
        """Replace a file as `write_atomic` does. A link of that name is replaced, never followed. Raises Rejected, Unavailable.

        `sync` False leaves the flush to the caller, who writes many files and calls `flush` once.
        """
        if mode & ~0o777:
            raise Rejected("HF3102", f"cannot write {self._shown(relative)}: mode {mode:04o} asks for set-user-id, set-group-id or sticky")
        with told("write", self._shown(relative)), self._parent(relative) as (fd, name):
            temporary = f".holdfast-{secrets.token_hex(8)}"
            try:
                _write_new(fd, temporary, data, mode, uid, gid, sync)
                os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=fd)
                raise
            if sync:
                os.fsync(fd)

    def link(self, relative: str, target: str) -> None:
        """Make a symbolic link; where it may point is the caller's decision, since nothing here ever follows it."""
        with told("link", self._shown(relative)), self._parent(relative) as (fd, name):
            os.symlink(target, name, dir_fd=fd)

    def read(self, relative: str, *, limit: int) -> bytes:
        """Return the content of a plain file; `Rejected` (HF3103) where it is larger than `limit` bytes or no plain file."""
        with told("read", self._shown(relative)):
            fd = self.open(relative, os.O_RDONLY | os.O_NONBLOCK)
            is_plain = stat.S_ISREG(os.fstat(fd).st_mode)
            if is_plain:
                with os.fdopen(fd, "rb") as file:
                    data = file.read(limit + 1)
            else:
                os.close(fd)  # fdopen would refuse a folder as if the disk had said no
                data = b""
        if not is_plain or len(data) > limit:
            why = f"it is larger than {limit} bytes" if is_plain else "it is no plain file"
            raise Rejected("HF3103", f"cannot read {self._shown(relative)}: {why}")
        return data

    def stat(self, relative: str) -> os.stat_result | None:
        """Return what is at a path, a link itself not its target; None where nothing is. "" is the folder itself."""
        if not relative:
            return os.fstat(self._fd)
        with told("look at", self._shown(relative)):
            try:
                with self._parent(relative) as (fd, name):
                    return os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def remove(self, relative: str) -> bool:
        """Remove a file or a link; return whether there was one."""
        with told("remove", self._shown(relative)):
            try:
                with self._parent(relative) as (fd, name):
                    os.unlink(name, dir_fd=fd)
                    os.fsync(fd)
            except FileNotFoundError:
                return False
        return True

    def flush(self) -> None:
        """Return once all that was written to the file system of this folder is on disk (syncfs)."""
        with told("flush", self.path):
            libc = _libc()
            if libc.syncfs(self._fd):
                raise _last_error()

    def _shown(self, relative: str) -> str:
        return os.path.join(self.path, relative)


class HostFiles:
    """Implements ports.Files."""

    def is_there(self, path: str) -> bool:
        return os.path.lexists(path)

    def open(self, path: str) -> Root:
        return Root(path)


def own(fd: int, uid: int, gid: int) -> None:
    """Give an open file to an owner; -1 leaves that half."""
    if (uid, gid) != (-1, -1):
        os.fchown(fd, uid, gid)


def has_openat2(fd: int) -> bool:
    """Say whether the kernel, and what filters its calls, lets us use openat2."""
    try:
        os.close(_openat2(fd, ".", FOLDER, 0))
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM):  # EPERM: a seccomp filter that predates the call
            return False
        raise
    return True


@contextmanager
def told(verb: str, subject: str) -> Iterator[None]:
    """Turn OSError into the house's errors, naming what was attempted."""
    try:
        yield
    except OSError as error:
        raise _explained(verb, subject, error) from error


def _explained(verb: str, subject: str, error: OSError) -> EngineError:
    if error.errno in (errno.ELOOP, errno.EXDEV, errno.ENOTDIR):
        return Rejected(
            "HF3101",
            f"cannot {verb} {subject}: a link or a file stands where a folder is expected",
            hint="nothing is followed out of its folder; remove what stands in the way",
        )
    return Unavailable("HF3104", f"cannot {verb} {subject}: {error.strerror or error}")


def _write_new(fd: int, name: str, data: bytes, mode: int, uid: int, gid: int, sync: bool) -> None:
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=fd)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        own(file, uid, gid)
        os.fchmod(file, mode)  # after the owner: a change of owner drops bits
        if sync:
            os.fsync(file)
    finally:
        os.close(file)


def _openat2(fd: int, relative: str, flags: int, mode: int) -> int:
    libc = _libc()
    # The kernel refuses a mode without O_CREAT, and any bit it does not know, where openat ignored them.
    how = _How(flags, mode if flags & os.O_CREAT else 0, RESOLVE)
    for _ in range(16):
        found = libc.syscall(OPENAT2, fd, os.fsencode(relative), ctypes.byref(how), ctypes.sizeof(how))
        if found >= 0:
            return int(found)
        if ctypes.get_errno() not in (errno.EAGAIN, errno.EINTR):  # EAGAIN: a rename raced with the resolution
            break
    raise _last_error()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _last_error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
