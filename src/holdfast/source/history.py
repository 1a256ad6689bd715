"""Commit and tree objects, read from their bytes (gitformat: git-cat-file(1), git-commit-tree(1), git-mktree(1)). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TREE = re.compile(rb"tree ([0-9a-f]{40})\n")
_PERSON = rb"^%s ([^\n]*?) (-?\d{1,15}) [+-]?\d{1,15}$"
_AUTHOR = re.compile(_PERSON % b"author", re.MULTILINE)
_COMMITTER = re.compile(_PERSON % b"committer", re.MULTILINE)
LONGEST_SUBJECT = 200
FOLDER = 0o040000


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    tree: str
    author: str
    committed_at: float
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    name: str
    mode: int
    id: str


def commit_of(data: bytes) -> Commit:
    """Read a commit object. A time that cannot be read is 0, an author "unknown": old histories hold both. ValueError without a tree."""
    head, _, message = data.partition(b"\n\n")
    tree = _TREE.match(head + b"\n")
    if tree is None:
        raise ValueError("the commit names no tree")
    author, committer = _AUTHOR.search(head), _COMMITTER.search(head)
    return Commit(
        tree=tree[1].decode(),
        author=_line(author[1]).removesuffix(" <>") if author else "unknown",
        committed_at=float(committer[2]) if committer else 0.0,
        subject=_line(message.lstrip(b"\n").partition(b"\n")[0]),
    )


def entries_of(data: bytes) -> dict[str, Entry]:
    """Read a tree object: its entries by name. ValueError where it is cut off."""
    entries: dict[str, Entry] = {}
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        id = data[end + 1 : end + 21]
        if len(id) != 20:
            raise ValueError("the tree is cut off")
        text = name.decode(errors="surrogateescape")
        entries[text] = Entry(name=text, mode=int(mode, 8), id=id.hex())
        at = end + 21
    return entries


def _line(raw: bytes) -> str:
    """Return printable text on one line, cut: it goes to terminals, pages and logs."""
    text = "".join(letter if letter.isprintable() else " " for letter in raw.decode(errors="replace")).strip()
    return text if len(text) <= LONGEST_SUBJECT else text[: LONGEST_SUBJECT - 1] + "…"
