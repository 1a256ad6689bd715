"""Network namespaces of this host, as ip-netns(8) keeps them: where those of an installation are, and which one a process is in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from holdfast.host.keeper.kernel import PORT_RULES_ABI, Kernel

FOLDER = Path("/run/netns")


def mark_of(run_dir: Path) -> str:
    """Return eight digits that tell what an installation makes on this host from what others make."""
    return hashlib.sha256(str(run_dir.absolute()).encode()).hexdigest()[:8]


def name_of(mark: str, network: str) -> str:
    """Return what ip-netns(8) calls the namespace of a Network `namespace/name`."""
    return f"hf-{mark}-{network.replace('/', '-')}"


def is_there(path: Path) -> bool:
    """Say whether a namespace is mounted at a path; what is left of one that is not is an empty file."""
    return inode(path) is not None and os.path.ismount(path)


def inode(path: Path | str) -> tuple[int, int] | None:
    """Return which namespace that is; None where there is none, or we may not look."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def of_process(pid: int) -> tuple[int, int] | None:
    """Return which network namespace a process is in; None where it is gone, or we may not look."""
    return inode(f"/proc/{pid}/ns/net")


def others(without: Collection[int] = ()) -> tuple[tuple[str, str], ...]:
    """Return name and path of each network namespace that somebody is in, but for our own and those of the processes `without`.

    The namespaces that /proc tells of, each by its newest process: names beneath /run say nothing of those of other container engines.
    """
    seen = {inode("/proc/self/ns/net"), *map(of_process, without), None}
    found = []
    for pid in sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True):
        if (which := of_process(pid)) not in seen:
            seen.add(which)
            found.append((f"the network of pid {pid} ({_command(pid)})", f"/proc/{pid}/ns/net"))
    return tuple(found)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "gone"


def no_port_rules() -> str | None:
    """Return why this kernel has no Landlock rules for TCP ports, as the end of a sentence; None where it has."""
    abi = Kernel().landlock_abi()
    if abi >= PORT_RULES_ABI:
        return None
    found = f"its Landlock is version {abi}" if abi else "it has no Landlock, or it is switched off"
    return f"this kernel cannot close ports to a process: {found}, and version {PORT_RULES_ABI} (Linux 6.7) is needed"
