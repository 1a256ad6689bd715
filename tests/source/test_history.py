"""Commits and trees are read from their bytes, however old or odd."""

from __future__ import annotations

import pytest

from holdfast.source.history import FOLDER, commit_of, entries_of

TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def commit(*lines: str, message: str = "Say why\n\nat length\n") -> bytes:
    return ("\n".join([f"tree {TREE}", *lines]) + "\n\n" + message).encode()


def test_a_commit_is_read() -> None:
    found = commit_of(commit("parent " + TREE, "author Ada <ada@x> 1700000000 +0100", "committer Bo <bo@x> 1700000060 -0730"))
    assert (found.tree, found.author, found.committed_at, found.subject) == (TREE, "Ada <ada@x>", 1700000060.0, "Say why")


def test_what_stands_in_the_message_is_not_taken_for_the_head() -> None:
    found = commit_of(commit("author Ada <ada@x> 1 +0000", message="\nfirst\nauthor Eve <eve@x> 2 +0000\ncommitter Eve <e> 3 +0000"))
    assert (found.author, found.committed_at, found.subject) == ("Ada <ada@x>", 0.0, "first")


def test_a_signed_commit_is_read() -> None:
    head = ("author Ada <ada@x> 1 +0000", "committer Ada <ada@x> 5 +0000", "gpgsig -----BEGIN SSH SIGNATURE-----", " abc", " -----END")
    assert commit_of(commit(*head)).subject == "Say why"


def test_old_and_odd_ones_are_read_as_far_as_they_go() -> None:
    found = commit_of(commit("author nobody", "committer nobody", message=""))
    assert (found.author, found.committed_at, found.subject) == ("unknown", 0.0, "")


def test_what_goes_to_terminals_is_printable_and_short() -> None:
    found = commit_of(commit("author A\x1b[2J <a@x> 1 +0000", message="\x1b]0;title\x07" + "x" * 500))
    assert found.author.isprintable()
    assert found.subject.isprintable()
    assert len(found.subject) == 200


def test_a_commit_without_a_tree_is_malformed() -> None:
    with pytest.raises(ValueError, match="names no tree"):
        commit_of(b"parent " + TREE.encode() + b"\n\nmessage")


def test_a_tree_is_read() -> None:
    id = bytes.fromhex(TREE)
    found = entries_of(b"100644 a b\0" + id + b"40000 folder\0" + id + b"160000 vendor\0" + id)
    assert {name: entry.mode for name, entry in found.items()} == {"a b": 0o100644, "folder": FOLDER, "vendor": 0o160000}
    assert {entry.id for entry in found.values()} == {TREE}


@pytest.mark.parametrize("data", [b"100644 a\0short", b"100644 a", b"mode a\0" + b"x" * 20])
def test_a_tree_that_is_cut_off_is_malformed(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"cut off|not found|invalid literal"):
        entries_of(data)
