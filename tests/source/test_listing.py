"""A tree is judged entry by entry, in pieces of any size; links are followed as a kernel would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import SourceError
from holdfast.model.source import EXECUTABLE, FILE, LINK, Blob
from holdfast.source.limits import Limits
from holdfast.source.listing import Listing, check_links, is_dot_git

ID = "0123456789abcdef0123456789abcdef01234567"


def entry(path: str, mode: str = "100644", kind: str = "blob", size: str = "5") -> bytes:
    return f"{mode} {kind} {ID} {size:>7}\t{path}".encode()


def listed(*entries: bytes, limits: Limits | None = None, piece: int = 1 << 16) -> dict[str, Blob]:
    listing = Listing(subject="shop", limits=limits or Limits())
    data = b"".join(each + b"\0" for each in entries)
    for at in range(0, len(data), piece):
        listing.feed(data[at : at + piece])
    return listing.finish()


def code_of(*entries: bytes, limits: Limits | None = None) -> str:
    with pytest.raises(SourceError) as refused:
        listed(*entries, limits=limits)
    assert refused.value.where
    return refused.value.code


@given(st.integers(1, 40))
def test_pieces_of_any_size_give_the_same_blobs(piece: int) -> None:
    entries = [entry("a"), entry("b/run", "100755"), entry("b/c d\u00e9", "100664"), entry("l", "120000")]
    found = listed(*entries, piece=piece)
    assert {path: (blob.mode, blob.size, blob.id) for path, blob in found.items()} == {
        "a": (FILE, 5, ID),
        "b/run": (EXECUTABLE, 5, ID),
        "b/c d\u00e9": (FILE, 5, ID),
        "l": (LINK, 5, ID),
    }


REFUSED = {
    "a submodule": (entry("vendor", "160000", "commit", "-"), "HF4032"),
    "a folder": (entry("folder", "040000", "tree", "-"), "HF4030"),
    "a device": (entry("dev", "020000"), "HF4030"),
    "set-user-id": (entry("suid", "104755"), "HF4030"),
    "nonsense": (b"what is this", "HF4030"),
    "..": (entry("a/../b"), "HF4033"),
    ".": (entry("a/./b"), "HF4033"),
    "an absolute path": (entry("/etc/passwd"), "HF4033"),
    "a trailing slash": (entry("a/"), "HF4033"),
    "a .git folder": (entry("a/.git/config"), "HF4033"),
    "a .Git folder": (entry(".Git/config"), "HF4033"),
    "a stream of .git": (entry(".git::$INDEX_ALLOCATION/config"), "HF4033"),
    "a backslash": (entry("..\\up"), "HF4033"),
    "a line break": (entry("a\nb"), "HF4033"),
    "a long name": (entry("a" * 256), "HF4033"),
    "bytes that are not UTF-8": (entry("a").replace(b"\ta", b"\t\xff"), "HF4033"),
    "a deep path": (entry("/".join("a" * 66)), "HF4035"),
    "a long path": (entry("/".join(["a" * 200] * 21)), "HF4035"),
    "a large file": (entry("a", size=str(33 << 20)), "HF4034"),
    "a long link": (entry("a", "120000", size="4096"), "HF4034"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_entry_that_is_dangerous_is_refused(what: str) -> None:
    given_entry, code = REFUSED[what]
    assert code_of(entry("fine"), given_entry) == code


def test_names_that_only_look_dangerous_are_let_through() -> None:
    names = {".gitignore", ".github/workflows/ci.yaml", "a..b", "...", "git", "x.git", ".git2"}
    assert set(listed(*(entry(name) for name in names))) == names


def test_a_path_twice_or_below_a_file_is_refused() -> None:
    assert code_of(entry("a"), entry("a")) == "HF4033"
    assert code_of(entry("a", "120000"), entry("a/b")) == "HF4033"
    assert code_of(entry("a/b/c"), entry("a")) == "HF4033"


def test_sums_are_limited() -> None:
    assert code_of(*(entry(f"{n}") for n in range(4)), limits=Limits(files=3)) == "HF4035"
    assert code_of(*(entry(f"{n}") for n in range(4)), limits=Limits(tree=19)) == "HF4035"


def test_an_answer_that_was_cut_off_is_refused() -> None:
    listing = Listing(subject="shop", limits=Limits())
    listing.feed(entry("a") + b"\0" + entry("b")[:20])
    with pytest.raises(SourceError) as refused:
        listing.finish()
    assert refused.value.code == "HF4030"


@pytest.mark.parametrize("name", [".git", ".GIT", ".git ", ".git.", ".git. .", "git~1", "GIT~1", ".g\u200cit", "\ufeff.git", ".git:x"])
def test_every_spelling_of_dot_git_is_known(name: str) -> None:
    assert is_dot_git(name)


def linked(files: list[str], **links: str) -> str | None:
    """Return the reason why links are refused, where they are; names with a slash are written with two underscores."""
    targets = {name.replace("__", "/"): target for name, target in links.items()}
    blobs = {path: Blob(path=path, mode=LINK if path in targets else FILE, id=ID, size=1) for path in [*files, *targets]}
    try:
        check_links(blobs, targets, "shop", Limits())
    except SourceError as error:
        return f"{error.code} {error.message}"
    return None


def test_links_inside_the_tree_are_allowed() -> None:
    assert linked(["a/b", "c"], l="a/b") is None
    assert linked(["a/b", "c"], a__l="../c") is None
    assert linked(["a/b", "c"], a__l="./..//c") is None
    assert linked(["a/b"], one="two", two="a/b") is None
    assert linked(["a/b"], l="node_modules/made-by-prepare") is None
    assert linked(["a/b"], l="a/../a/b") is None


def test_links_that_leave_it_by_any_way_are_not() -> None:
    assert "HF4036" in str(linked(["a"], l="/etc/passwd"))
    assert "is absolute" in str(linked(["a"], l="/etc/passwd"))
    assert "leaves" in str(linked(["a"], l=".."))
    assert "leaves" in str(linked(["a/b"], a__l="../../x"))
    assert "leaves" in str(linked(["a/b/c"], a__up="..", l="a/up/../x"))
    assert "leads to the absolute link" in str(linked(["a"], one="two", two="/etc"))
    assert "circle" in str(linked(["a"], one="two", two="one"))
    assert "circle" in str(linked(["a"], one="one/x"))
    assert "goes up from" in str(linked(["a"], l="later/../a"))
    assert "empty" in str(linked(["a"], l=""))
