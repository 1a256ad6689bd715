"""Path: posix paths as text, of a release, a repository or a container. Nothing here touches a file system."""

from __future__ import annotations


def tidy(path: str) -> str:
    """Return a path without empty and `.` parts, `..` taken out where something stands before it; `.` where nothing is left.

    What climbs out keeps its `..` in front, and what is absolute its slash: `a/./b/../c` → `a/c`, `../x` → `../x`.
    """
    is_absolute = path.startswith("/")
    kept: list[str] = []
    for part in path.split("/"):
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif part not in {"", ".", ".."} or (part == ".." and not is_absolute):
            kept.append(part)
    return f"/{'/'.join(kept)}" if is_absolute else "/".join(kept) or "."


def is_below(path: str) -> bool:
    """Say whether a tidy path stays below its folder."""
    return not path.startswith("/") and path.partition("/")[0] != ".."


def joined(folder: str, path: str) -> str:
    """Return `path` as seen from above `folder`, tidy."""
    return tidy(path if path.startswith("/") else f"{folder}/{path}")


def within(folder: str, path: str) -> str | None:
    """Return where `path` leads from a folder of a repository, both relative and `""` the whole; None where that is not within it."""
    found = tidy(f"{folder or '.'}/{path}")
    if not is_below(found):
        return None
    return "" if found == "." else found


def name_of(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


def ending_of(path: str) -> str:
    """Return the ending of the last part with its dot; empty for `Makefile` and `.env`."""
    name = name_of(path)
    stem, dot, ending = name.rpartition(".")
    return f".{ending}" if dot and stem.strip(".") else ""
