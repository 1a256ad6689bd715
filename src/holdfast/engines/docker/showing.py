"""Showing files of a release to a container: as a copy in it, readable by whoever it runs as, at any Docker host.

A release is sealed for the run user of its Application, and lies on the host of Holdfast; a container runs as its image says, anywhere.
What is shown is of one release, and another release is another container, so that a copy says the same as a mount. Links stay links.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

from holdfast.errors import Rejected
from holdfast.workload.container_spec import ContainerSpec, MountSpec

LARGEST = 256 << 20
"""Bytes that are shown to one container."""


def shown(spec: ContainerSpec) -> tuple[MountSpec, ...]:
    """Return the mounts that are copied. A container whose own files cannot be written takes no copy: there they are mounted."""
    return () if spec.read_only else tuple(each for each in spec.mounts if each.type == "bind" and each.within == "release")


def archive(release: str, mounts: tuple[MountSpec, ...]) -> bytes:
    """Return the archive of what is shown, by its paths in the container. Raises Rejected (HF3217) for what is not there or too much."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for mount in mounts:
            inner = (mount.source or ".").removeprefix("./").strip("/")
            top = Path(release) if inner in {"", "."} else Path(release) / inner
            if not os.path.lexists(top):
                raise Rejected("HF3217", f"cannot mount {mount.source} at {mount.target}: the release has no such path")
            _add(tar, top, mount.target.strip("/"))
            if data.tell() > LARGEST:
                raise Rejected(
                    "HF3217", f"cannot mount {mount.source} at {mount.target}: more than {LARGEST >> 20} MiB are shown to one container"
                )
    return data.getvalue()


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file, link or folder: root's, and readable by everybody."""
    found = os.lstat(path)
    entry = tarfile.TarInfo(name)
    entry.mtime = int(found.st_mtime)
    if stat.S_ISLNK(found.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)
        tar.addfile(entry)
    elif stat.S_ISDIR(found.st_mode):
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        if name:
            tar.addfile(entry)
        for each in sorted(os.listdir(path)):
            _add(tar, path / each, f"{name}/{each}".lstrip("/"))
    elif stat.S_ISREG(found.st_mode):
        entry.size, entry.mode = found.st_size, 0o755 if found.st_mode & stat.S_IXUSR else 0o644
        with open(path, "rb") as file:
            tar.addfile(entry, file)
