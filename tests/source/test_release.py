"""Releases are written whole, prepared once, sealed, and go when nobody needs them."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Collection, Iterator, Mapping
from pathlib import Path

import pytest

from holdfast.errors import EngineError, HoldfastError, Rejected, TimedOut
from holdfast.host import folders
from holdfast.model.resource import Origin, Prepare
from holdfast.model.source import EXECUTABLE, FILE, LINK, Blob, Revision, Tree
from holdfast.source.release import KEPT, LOG_LINES, Ran, ReleaseStore, Run

RUN_UID = 61234
RUN_GID = 61235
REVISION = Revision(repository="/srv/shop", ref="main", commit="1" * 40, committed_at=0.0, author="A", subject="s")
FILES = {
    "Procfile": (FILE, b"web: ./run"),
    "run": (EXECUTABLE, b"#!/bin/sh\n"),
    "lib/deep/a.txt": (FILE, b"a"),
    "lib/link": (LINK, b"deep/a.txt"),
}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    folders.remove(fd, "releases")  # pytest cannot remove what is sealed
    os.close(fd)


@pytest.fixture
def store(state: Path) -> ReleaseStore:
    return ReleaseStore(state)


def tree_of(files: Mapping[str, tuple[int, bytes]] = FILES) -> Tree:
    blobs = {path: Blob(path=path, mode=mode, id=data.hex(), size=len(data)) for path, (mode, data) in files.items()}
    return Tree(revision=REVISION, path="", blobs=blobs)


async def read(ids: Collection[str]) -> Mapping[str, bytes]:
    return {id: bytes.fromhex(id) for id in ids}


def leave(folder: str) -> None:
    Path(folder, "made").write_text("by prepare")


def ends_with(code: int | None, *lines: str) -> Run:
    async def run(prepare: Prepare, folder: str) -> Ran:
        leave(folder)
        return Ran(code=code, lines=lines)

    return run


def prepare_of(*command: str, working_dir: str = ".") -> Prepare:
    origin = Origin(path="application.yaml", line=7, revision="1" * 40)
    return Prepare(command=command, working_dir=working_dir, timeout_s=5.0, origin=origin)


def release(number: int) -> str:
    return f"{number:064x}"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


async def make(store: ReleaseStore, number: int = 1, *prepares: Prepare, run: Run | None = None, uid: int = -1, gid: int = -1) -> Path:
    path = await store.export("shop", release(number), tree_of(), {"Procfile"}, read)
    await store.prepare("shop", release(number), prepares, run or ends_with(0), uid=uid, gid=gid)
    return path


def refused(work: Awaitable[object]) -> HoldfastError:
    async def tried() -> HoldfastError:
        try:
            await work
        except HoldfastError as error:
            return error
        raise AssertionError("nothing was refused")

    return asyncio.run(tried())


def test_an_export_holds_all_but_what_is_excluded(store: ReleaseStore, state: Path) -> None:
    path = asyncio.run(store.export("shop", release(1), tree_of(), {"Procfile"}, read))
    assert path == state / "releases" / "shop" / release(1)
    assert sorted(found.relative_to(path).as_posix() for found in path.rglob("*")) == [
        "lib",
        "lib/deep",
        "lib/deep/a.txt",
        "lib/link",
        "run",
    ]
    assert [mode(path / "run"), mode(path / "lib/deep/a.txt"), mode(path.parent)] == [0o755, 0o644, 0o711]
    assert (path / "lib/link").read_bytes() == b"a"
    assert not store.is_whole("shop", release(1))


def test_a_sealed_release_is_read_only(store: ReleaseStore) -> None:
    path = asyncio.run(make(store))
    assert store.is_whole("shop", release(1))
    assert [mode(path / "run"), mode(path / "lib/deep/a.txt"), mode(path / "lib")] == [0o555, 0o444, 0o555]
    assert mode(path) == 0o555
    assert os.readlink(path / "lib/link") == "deep/a.txt"


@pytest.mark.needs("root")
def test_as_root_a_release_is_readable_by_its_run_user_alone(store: ReleaseStore, state: Path) -> None:
    seen: list[tuple[int, int]] = []

    async def run(prepare: Prepare, folder: str) -> Ran:
        look = os.stat(f"{folder}/run")
        seen.append((look.st_uid, look.st_gid))
        return Ran(code=0)

    path = asyncio.run(make(store, 1, prepare_of("true"), run=run, uid=RUN_UID, gid=RUN_GID))
    assert seen == [(RUN_UID, RUN_GID)]
    assert (path.stat().st_uid, path.stat().st_gid, mode(path)) == (0, RUN_GID, 0o550)
    assert ((path / "run").stat().st_uid, mode(path / "run")) == (0, 0o555)


def test_prepare_runs_in_order_and_once(store: ReleaseStore) -> None:
    ran: list[tuple[tuple[str, ...], str]] = []

    async def run(prepare: Prepare, folder: str) -> Ran:
        ran.append((prepare.command, folder))
        leave(folder)
        return Ran(code=0)

    async def story() -> Path:
        steps = (prepare_of("npm", "ci"), prepare_of("make", working_dir="lib/deep"))
        await make(store, 1, *steps, run=run)
        return await make(store, 1, *steps, run=run)

    path = asyncio.run(story())
    assert ran == [(("npm", "ci"), str(path)), (("make",), str(path / "lib/deep"))]
    assert mode(path / "lib/deep/made") == 0o444


def test_a_failed_prepare_leaves_nothing_and_says_its_last_lines(store: ReleaseStore, state: Path) -> None:
    lines = tuple(f"line {number}" for number in range(60))
    error = refused(make(store, 1, prepare_of("npm", "ci"), run=ends_with(3, *lines)))
    assert isinstance(error, EngineError)
    assert (error.code, error.log) == ("HF4052", lines[-LOG_LINES:])
    assert error.message == "cannot prepare shop: `npm ci` ended with exit code 3"
    assert [str(where) for where in error.where] == ["application.yaml:7"]
    assert os.listdir(state / "releases/shop") == []


def test_a_prepare_that_takes_too_long_is_named_so(store: ReleaseStore, state: Path) -> None:
    error = refused(make(store, 1, prepare_of("sleep", "9"), run=ends_with(None, "waiting")))
    assert isinstance(error, TimedOut)
    assert (error.code, error.log) == ("HF4053", ("waiting",))
    assert os.listdir(state / "releases/shop") == []


@pytest.mark.parametrize("folder", ["none", "../other", "lib/link", "/etc", "run"])
def test_a_prepare_outside_its_release_is_refused(store: ReleaseStore, folder: str) -> None:
    error = refused(make(store, 1, prepare_of("true", working_dir=folder)))
    assert (type(error), error.code) == (Rejected, "HF4054")


def test_a_cancelled_prepare_leaves_nothing(store: ReleaseStore, state: Path) -> None:
    async def story() -> None:
        started = asyncio.Event()

        async def run(prepare: Prepare, folder: str) -> Ran:
            started.set()
            await asyncio.Event().wait()
            return Ran(code=0)

        async with asyncio.TaskGroup() as group:
            making = group.create_task(make(store, 1, prepare_of("true"), run=run))
            await started.wait()
            making.cancel()

    asyncio.run(story())
    assert os.listdir(state / "releases/shop") == []


def test_a_half_release_is_made_again(store: ReleaseStore, state: Path) -> None:
    """As a crash leaves it: files of the release without its marker, and a sibling half written."""
    folder = state / "releases/shop"
    for name in (release(1), f".new-{release(1)}"):
        (folder / name).mkdir(parents=True)
        (folder / name / "left over").write_text("half")
        (folder / name).chmod(0o555)
    path = asyncio.run(make(store))
    assert sorted(os.listdir(path)) == ["lib", "run"]
    assert sorted(os.listdir(folder)) == [release(1), f"{release(1)}.json"]


def test_a_release_that_cannot_be_read_is_not_there(store: ReleaseStore) -> None:
    async def failing(ids: Collection[str]) -> Mapping[str, bytes]:
        raise Rejected("HF4050", "no such blob")

    assert refused(store.export("shop", release(1), tree_of(), (), failing)).message == "no such blob"
    assert not store.path("shop", release(1)).exists()


def test_large_trees_are_read_in_batches(store: ReleaseStore) -> None:
    asked: list[int] = []

    async def counted(ids: Collection[str]) -> Mapping[str, bytes]:
        asked.append(len(ids))
        return await read(ids)

    tree = tree_of({f"{number}": (FILE, f"{number}".encode()) for number in range(150)})
    asyncio.run(store.export("shop", release(1), tree, (), counted))
    assert asked == [64, 64, 22]


def test_what_is_in_use_and_the_last_five_are_kept(store: ReleaseStore, state: Path) -> None:
    async def story() -> frozenset[str]:
        for number in range(1, 9):
            await make(store, number)
            os.utime(state / "releases/shop" / f"{release(number)}.json", ns=(number, number))
        await make(store, 3)  # asked for again
        return await store.keep("shop", {release(1)})

    gone = asyncio.run(story())
    assert gone == {release(number) for number in (2, 4)}
    left = {name for name in os.listdir(state / "releases/shop") if not name.endswith(".json")}
    assert left == {release(number) for number in (1, 3, 5, 6, 7, 8)}
    assert len(left) == KEPT + 1


def test_nothing_to_keep_is_no_error(store: ReleaseStore) -> None:
    assert asyncio.run(store.keep("shop", ())) == frozenset()


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "-x/..", "a\nb", "ü", "a" * 201])
def test_names_that_are_no_folders_are_refused(store: ReleaseStore, name: str) -> None:
    with pytest.raises(Rejected) as caught:
        store.path(name, release(1))
    assert caught.value.code == "HF4050"
    with pytest.raises(Rejected) as caught:
        store.data_dir(name)
    assert caught.value.code == "HF4050"


def test_release_ids_are_hexadecimal(store: ReleaseStore) -> None:
    with pytest.raises(Rejected, match="64 hexadecimal"):
        store.path("shop", "../../etc")


def test_a_data_folder_is_private_and_stays(store: ReleaseStore, state: Path) -> None:
    path = store.data_dir("shop")
    (path / "kept").write_text("x")
    path.chmod(0o755)
    assert store.data_dir("shop") == path == state / "data/shop"
    assert [mode(path), mode(state / "data")] == [0o700, 0o711]
    assert (path / "kept").read_text() == "x"


@pytest.mark.needs("root")
def test_a_data_folder_is_its_run_users(store: ReleaseStore) -> None:
    look = store.data_dir("shop", RUN_UID, RUN_GID).stat()
    assert (look.st_uid, look.st_gid) == (RUN_UID, RUN_GID)


def test_a_link_in_place_of_a_data_folder_is_refused(store: ReleaseStore, state: Path) -> None:
    outside = state / "outside"
    outside.mkdir(mode=0o755)
    (state / "data").mkdir()
    (state / "data/shop").symlink_to(outside)
    with pytest.raises(Rejected) as caught:
        store.data_dir("shop")
    assert caught.value.code == "HF3101"
    assert mode(outside) == 0o755
