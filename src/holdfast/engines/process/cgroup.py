"""Memory limits by cgroup, where this process may make cgroups; elsewhere None, and the engine samples instead.

Version 1: a folder beneath our own in the memory hierarchy. Version 2: processes may only be in leaves, so a group for children is made
beside ours and only where systemd gave the unit away with a subgroup for us (`Delegate=yes`, `DelegateSubgroup=`); anything else would
keep the service from being started again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
NAME = "holdfast"
LIMITS = ("memory.max", "memory.limit_in_bytes")


def base(own: str, mount: Path = MOUNT) -> Path | None:
    """Return the folder in which groups with a memory limit may be made, given the text of /proc/self/cgroup."""
    rows = [line.split(":", 2) for line in own.splitlines() if line.count(":") >= 2]
    for _, controllers, path in rows:
        if "memory" in controllers.split(","):
            return _writable(mount / "memory" / path.lstrip("/"))
    unified = next((path for number, controllers, path in rows if number == "0" and not controllers), None)
    if unified is None or unified == "/":
        return None
    return _delegated((mount / unified.lstrip("/")).parent)


def _writable(folder: Path) -> Path | None:
    return folder if os.access(folder, os.W_OK) else None


def _delegated(folder: Path) -> Path | None:
    """Return a version 2 folder that systemd marks as given away and that passes the memory controller on."""
    try:
        marks = [os.getxattr(folder, name) for name in os.listxattr(folder) if name in ("user.delegate", "trusted.delegate")]
        if b"1" not in marks:
            return None
        control = folder / "cgroup.subtree_control"
        if "memory" not in control.read_text().split():
            control.write_text("+memory")
    except OSError:
        return None
    return _writable(folder)


def own() -> Path | None:
    """Return `base` of this process."""
    try:
        return base(Path("/proc/self/cgroup").read_text())
    except OSError:
        return None


def make(folder: Path, name: str, limit: int) -> str | None:
    """Return the cgroup.procs file of a group with a memory limit in bytes, made now if need be; None where it cannot be made."""
    group = folder / f"{NAME}-{name}"
    try:
        group.mkdir(exist_ok=True)
    except OSError:
        return None
    if not limit_to(f"{group}/cgroup.procs", limit):
        remove(f"{group}/cgroup.procs")
        return None
    with suppress(OSError):
        if (group / "memory.oom.group").exists():
            (group / "memory.oom.group").write_text("1")
    return f"{group}/cgroup.procs"


def limit_to(procs: str, limit: int) -> bool:
    """Set the limit of a group; return whether it took."""
    for name in LIMITS:
        path = Path(procs).with_name(name)
        if path.exists():
            try:
                path.write_text(str(limit))
            except OSError:
                return False
            return True
    return False


def limit_of(procs: str) -> int | None:
    """Return the limit that a group has, rounded to pages by the kernel; None where it has none or is gone."""
    for name in LIMITS:
        with suppress(OSError):
            word = Path(procs).with_name(name).read_text().strip()
            return int(word) if word.isdigit() else None
    return None


def sweep(folder: Path, start: str) -> None:
    """Remove the groups whose names begin so and in which nobody lives: what ended while nobody was there to tidy up."""
    for group in folder.glob(f"{NAME}-{start}*"):
        remove(f"{group}/cgroup.procs")


def remove(procs: str) -> None:
    """Remove a group in which nobody lives any more; one that still has members stays."""
    with suppress(OSError):
        os.rmdir(os.path.dirname(procs))
