"""What all Files keep, those of the host and the simulated ones: one law each, in a folder of its own.

Use: `for name, law in LAWS.items(): law(world)`.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Protocol

from holdfast.errors import EngineError
from holdfast.model.ports import Files

LIMIT = 1 << 16


class FilesWorld(Protocol):
    """Files, an empty folder that is ours, and what somebody else may do."""

    @property
    def files(self) -> Files: ...

    @property
    def root(self) -> str: ...

    def link(self, path: str, target: str) -> None:
        """Let somebody make a link at an absolute path."""
        ...

    def names(self) -> list[str]:
        """Return the absolute paths of all that is beneath the root, sorted."""
        ...

    def full(self) -> AbstractContextManager[None]:
        """Within the block nothing more fits on the disk."""
        ...


def _refuses(code: str, act: Callable[[], object]) -> None:
    try:
        act()
        found = "nothing was refused"
    except EngineError as error:
        found = error.code
    assert found == code, found


def what_was_written_is_read(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        root.write("a", b"one", mode=0o640)
        assert root.read("a", limit=LIMIT) == b"one"
        found = root.stat("a")
        assert found is not None
        assert stat.S_ISREG(found.st_mode)
        assert (stat.S_IMODE(found.st_mode), found.st_size) == (0o640, 3)
        root.write("a", b"other", mode=0o600)
        assert root.read("a", limit=LIMIT) == b"other"
    assert world.names() == [f"{world.root}/a"]


def what_is_not_there_is_nothing(world: FilesWorld) -> None:
    assert not world.files.is_there(f"{world.root}/none")
    with world.files.open(world.root) as root:
        assert root.stat("a") is None
        assert root.stat("none/a") is None
        assert not root.remove("a")
        assert not root.remove("none/a")
        _refuses("HF3104", lambda: root.read("a", limit=LIMIT))
        _refuses("HF3104", lambda: root.write("none/a", b""))
    _refuses("HF3104", lambda: world.files.open(f"{world.root}/none"))


def the_folder_itself_can_be_looked_at(world: FilesWorld) -> None:
    assert world.files.is_there(world.root)
    with world.files.open(world.root) as root:
        found = root.stat("")
        assert found is not None
        assert stat.S_ISDIR(found.st_mode)


def no_path_leaves(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        for path in ("../a", "/etc/passwd", "a/../b", "a//b", "./a", "a/", "x" * 5000, "a\0b"):
            _refuses("HF3100", lambda path=path: root.write(path, b""))  # type: ignore[misc]
            _refuses("HF3100", lambda path=path: root.read(path, limit=LIMIT))  # type: ignore[misc]
            _refuses("HF3100", lambda path=path: root.stat(path))  # type: ignore[misc]
            _refuses("HF3100", lambda path=path: root.remove(path))  # type: ignore[misc]
    assert world.names() == []


def no_link_is_followed(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        root.make_folders("real")
        root.write("real/a", b"one")
        world.link(f"{world.root}/door", f"{world.root}/real")
        world.link(f"{world.root}/name", f"{world.root}/real/a")
        for act in (
            lambda: root.write("door/a", b"two"),
            lambda: root.read("door/a", limit=LIMIT),
            lambda: root.read("name", limit=LIMIT),
            lambda: root.remove("door/a"),
            lambda: root.stat("door/a"),
            lambda: root.make_folders("door/inner"),
        ):
            _refuses("HF3101", act)
        found = root.stat("name")
        assert found is not None
        assert stat.S_ISLNK(found.st_mode)
        root.write("name", b"plain")  # the link is replaced, what it led to is not touched
        assert (root.read("name", limit=LIMIT), root.read("real/a", limit=LIMIT)) == (b"plain", b"one")
        assert root.remove("door")
        assert root.read("real/a", limit=LIMIT) == b"one"


def a_file_is_no_folder_and_a_folder_no_file(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        root.make_folders("folder")
        root.write("file", b"one")
        _refuses("HF3101", lambda: root.write("file/a", b""))
        _refuses("HF3101", lambda: root.make_folders("file/a"))
        _refuses("HF3104", lambda: root.write("folder", b""))
        _refuses("HF3104", lambda: root.remove("folder"))
        _refuses("HF3103", lambda: root.read("folder", limit=LIMIT))
    _refuses("HF3101", lambda: world.files.open(f"{world.root}/file"))
    assert world.names() == [f"{world.root}/file", f"{world.root}/folder"]


def what_is_larger_than_allowed_is_not_read(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        root.write("a", b"x" * 11)
        _refuses("HF3103", lambda: root.read("a", limit=10))
        assert root.read("a", limit=11) == b"x" * 11


def new_folders_get_their_mode_and_old_ones_keep_theirs(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        root.make_folders("a", mode=0o700)
        root.make_folders("a/b", mode=0o755)
        modes = [stat.S_IMODE(found.st_mode) for name in ("a", "a/b") if (found := root.stat(name)) is not None]
        assert modes == [0o700, 0o755]


def no_mode_gives_more_than_is_written(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        _refuses("HF3102", lambda: root.write("a", b"", mode=0o4755))
    assert world.names() == []


def what_does_not_fit_leaves_what_was(world: FilesWorld) -> None:
    with world.files.open(world.root) as root:
        root.write("a", b"old")
        with world.full():
            _refuses("HF3104", lambda: root.write("a", b"x" * LIMIT))
        assert root.read("a", limit=LIMIT) == b"old"
        assert world.names() == [f"{world.root}/a"]
        root.write("a", b"x" * LIMIT)
        assert root.read("a", limit=LIMIT) == b"x" * LIMIT


LAWS: Mapping[str, Callable[[FilesWorld], None]] = MappingProxyType(
    {
        law.__name__: law
        for law in (
            what_was_written_is_read,
            what_is_not_there_is_nothing,
            the_folder_itself_can_be_looked_at,
            no_path_leaves,
            no_link_is_followed,
            a_file_is_no_folder_and_a_folder_no_file,
            what_is_larger_than_allowed_is_not_read,
            new_folders_get_their_mode_and_old_ones_keep_theirs,
            no_mode_gives_more_than_is_written,
            what_does_not_fit_leaves_what_was,
        )
    }
)
