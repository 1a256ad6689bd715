"""Showing files of a release to a container: as a copy in it, readable by whoever it runs as, at any Docker host.

A release is sealed for the run user of its Application, and lies on the host of Holdfast; a container runs as its image says, anywhere.
What is shown is of one release, and another release is another container, so that a copy says the same as a mount. Links stay links.
A secret or config that is to be somebody's, or to have a mode, is copied too: a mount has the owner and the mode of the host's file.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Mapping
from pathlib import Path

from holdfast.errors import Rejected
from holdfast.workload.container_spec import ContainerSpec, MountSpec

DEFAULT_MODE = "0444"
LARGEST = 256 << 20
"""Bytes that are shown to one container."""


def shown(spec: ContainerSpec) -> tuple[MountSpec, ...]:
    """Return the mounts that are copied. A container whose own files cannot be written takes no copy: there they are mounted."""
    return () if spec.read_only else tuple(each for each in spec.mounts if each.type == "bind" and each.within == "release")


def owned(spec: ContainerSpec) -> tuple[MountSpec, ...]:
    """Return the files that are copied because they have an owner or a mode of their own, where a container takes copies."""
    return () if spec.read_only else tuple(each for each in spec.mounts if each.type == "file" and (each.uid or each.gid or each.mode))


def archive(
    release: str | None,
    mounts: tuple[MountSpec, ...],
    files: Mapping[str, bytes],
    given: tuple[MountSpec, ...],
    own: Mapping[str, bytes],
) -> bytes:
    """Return the archive of what is shown, by its paths in the container: `mounts` of the release, `given` with `files` by their sources.

    `own` is Holdfast's, by paths. Raises Rejected (HF3217) for what is not there or too much.
    """
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, content in own.items():
            _give(tar, MountSpec(type="file", target=path), content)
        for mount in given:
            _give(tar, mount, files[mount.source or ""])
        for mount in mounts:
            assert release is not None, "what is shown of a release has one"
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


def _give(tar: tarfile.TarFile, mount: MountSpec, data: bytes) -> None:
    """Add a file as its owner has it; what is not said is root's, and 0444 as compose has it."""
    entry = tarfile.TarInfo(mount.target.strip("/"))
    entry.size, entry.mode = len(data), int(mount.mode or DEFAULT_MODE, 8)
    entry.uid, entry.gid = int(mount.uid or 0), int(mount.gid or 0)
    tar.addfile(entry, io.BytesIO(data))


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
