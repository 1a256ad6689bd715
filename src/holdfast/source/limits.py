"""How much of a repository is read at all. One value: tests and local configuration may narrow or widen it; Git content never can."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    files: int = 20_000
    """Files below one Application's path."""
    blob: int = 32 * MIB
    tree: int = 512 * MIB
    """All files below one Application's path together."""
    depth: int = 64
    """Folders above a file."""
    path: int = 4096
    name: int = 255
    link: int = 4095
    """The target of a symbolic link (Linux PATH_MAX without its NUL)."""
    hops: int = 40
    """Links followed in one resolution (Linux MAXSYMLINKS)."""
    object: int = 8 * MIB
    """A commit, tag or tree object."""
    pack: int = 2048 * MIB
    """The largest file that Git may write while it fetches."""
    memory: int = 2048 * MIB
    """What each Git process may hold: an answer without an end is gathered there before it is read."""
    references: int = 64 * MIB
    """What a repository may answer when it is asked for its branches and tags."""
    index: int = 64 * MIB
    """What a Helm repository may answer when it is asked for its index, unpacked."""
    archive: int = 32 * MIB
    """The archive of a chart as it is fetched; unpacked a chart may have what Helm lets it have."""
    chart: int = 100 * MIB
    """All files of a chart together, unpacked (Helm `MaxDecompressedChartSize`)."""
    chart_file: int = 5 * MIB
    """One of them (Helm `MaxDecompressedFileSize`)."""
    ask_s: float = 30.0
    fetch_s: float = 600.0
    read_s: float = 60.0
    """One local Git command, or one batch of blobs."""
    maintain_s: float = 600.0
