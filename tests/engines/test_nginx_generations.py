"""Generations on disk: written once, switched by a rename, and every change by somebody else seen."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.engines.nginx import ground
from holdfast.engines.nginx.generations import LONGEST_DIFF, Generations, changed_lines, unified
from holdfast.engines.nginx.port import Generation, Ground

ONE = Generation(digest="1" * 64, text="events { }\nhttp {\n}\n", pages={"a.html": "<h1>a</h1>"})
TWO = Generation(digest="2" * 64, text="events { }\nhttp {\n    server { }\n}\n", pages={"b.html": "<h1>b</h1>"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    ground.make_folders(tmp_path / "edge")
    return tmp_path / "edge"


def test_one_is_current_once_it_was_switched_to(root: Path) -> None:
    generations = Generations(root)
    assert (generations.current(), generations.linked(), generations.edits(None)) == (None, None, ())
    generations.lay(ONE)
    assert generations.current() is None
    generations.switch(ONE.digest)
    assert generations.current() == ONE.digest
    assert generations.read_by_nginx.read_text() == ONE.text
    generations.lay(TWO)
    generations.switch(TWO.digest)
    assert (generations.current(), generations.read_by_nginx.read_text()) == (TWO.digest, TWO.text)
    generations.switch(None)
    assert generations.current() is None


def test_only_the_master_reads_the_configuration_and_workers_the_pages(root: Path) -> None:
    Generations(root).lay(ONE)
    assert stat.S_IMODE((root / "generations").stat().st_mode) == 0o700
    assert stat.S_IMODE((root / "generations" / ONE.digest / "nginx.conf").stat().st_mode) == 0o600
    assert stat.S_IMODE((root / "pages" / "a.html").stat().st_mode) == 0o644


def test_an_edit_is_a_diff_with_the_lines_it_touches(root: Path) -> None:
    generations = Generations(root)
    generations.lay(TWO)
    generations.switch(TWO.digest)
    generations.conf(TWO.digest).write_text(TWO.text.replace("server { }", "server { listen 81; }"))
    (edit,) = generations.edits(TWO.digest)
    assert edit.lines == (3,)
    assert "-    server { }\n+    server { listen 81; }\n" in edit.diff
    assert generations.current() is None
    generations.lay(TWO)
    assert generations.edits(TWO.digest) == ()


def test_what_an_earlier_life_wrote_is_compared_by_its_manifest(root: Path) -> None:
    first = Generations(root)
    first.lay(TWO)
    first.switch(TWO.digest)
    later = Generations(root)
    assert later.current() == TWO.digest
    later.conf(TWO.digest).write_text("events { }\n")
    (edit,) = later.edits(TWO.digest)
    assert edit.diff == "its text is now:\nevents { }\n"
    later.remember(TWO)
    assert "-    server { }\n" in later.edits(TWO.digest)[0].diff


@pytest.mark.parametrize("what", ["the link", "the manifest", "a page", "the configuration", "a link in its place"])
def test_whatever_is_missing_or_another_is_an_edit(root: Path, what: str) -> None:
    generations = Generations(root)
    generations.lay(ONE)
    generations.switch(ONE.digest)
    folder = root / "generations" / ONE.digest
    match what:
        case "the link":
            os.unlink(root / "current")
        case "the manifest":
            (folder / "manifest.json").write_text("{}")
        case "a page":
            (root / "pages" / "a.html").write_text("other")
        case "the configuration":
            (folder / "nginx.conf").unlink()
        case _:
            (folder / "nginx.conf").unlink()
            (folder / "nginx.conf").symlink_to("/etc/passwd")
    edits = generations.edits(ONE.digest)
    assert len(edits) == 1
    assert "root:" not in edits[0].diff, "nothing is read through a link"
    generations.lay(ONE)
    generations.switch(ONE.digest)
    assert generations.edits(ONE.digest) == ()


def test_the_last_ones_switched_to_are_kept_with_their_pages(root: Path) -> None:
    generations = Generations(root)
    made = [Generation(digest=f"{at}" * 64, text=f"# {at}\n", pages={f"{at}.html": f"{at}"}) for at in range(5)]
    for at, one in enumerate(made):
        generations.lay(one)
        generations.switch(one.digest)
        os.utime(root / "generations" / one.digest, ns=(at, at))
    generations.switch(made[0].digest)
    generations.keep(3)
    assert set(generations.kept()) == {made[0].digest, made[3].digest, made[4].digest}
    assert sorted(os.listdir(root / "pages")) == ["0.html", "3.html", "4.html"]
    assert generations.current() == made[0].digest


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12), st.lists(st.sampled_from(["a", "b", "x"]), max_size=12))
def test_lines_that_differ_are_named_and_no_line_that_is_kept_everywhere(ours: list[str], now: list[str]) -> None:
    before, after = "".join(f"{line}\n" for line in ours), "".join(f"{line}\n" for line in now)
    lines = changed_lines(before, after)
    assert (lines == ()) is (ours == now)
    assert all(1 <= line <= len(ours) + 1 for line in lines)
    kept = [line for at, line in enumerate(ours, 1) if at not in lines]
    rest = iter(now)
    assert all(line in rest for line in kept), "what is not named is still there, in order"


def test_a_long_diff_is_cut() -> None:
    diff = unified("a\n" * 10_000, "b\n" * 10_000)
    assert len(diff) <= LONGEST_DIFF + 10
    assert diff.endswith("…\n")


def test_what_is_tested_beside_a_generation_is_gone_afterwards(root: Path) -> None:
    generations = Generations(root)
    generations.lay(Generation(digest="a" * 64, text="whole"))
    generations.switch("a" * 64)
    with generations.beside("a" * 64, "part") as conf:
        assert conf.parent == generations.conf("a" * 64).parent
        assert (conf.read_text(), stat.S_IMODE(conf.stat().st_mode)) == ("part", 0o600)
    assert not conf.exists()
    assert generations.edits("a" * 64) == ()


def test_the_ground_holds_exactly_what_is_wanted_and_leaves_the_flags_of_others(root: Path, tmp_path: Path) -> None:
    (root / "flags" / "breaker.open").touch()
    wanted = Ground(flags=frozenset({"a.maintenance"}), secrets={"users": b"ann:x"}, releases={"shop": "one"})
    ground.prepare(root, wanted, user=None, releases=tmp_path / "releases")
    ground.prepare(root, wanted, user=None, releases=tmp_path / "releases")
    assert ground.flags(root) == {"a.maintenance", "breaker.open"}
    assert (root / "secrets" / "users").read_bytes() == b"ann:x"
    assert stat.S_IMODE((root / "secrets" / "users").stat().st_mode) == 0o600
    assert os.readlink(root / "releases" / "shop" / "current") == str(tmp_path / "releases" / "shop" / "one")
    ground.prepare(root, Ground(releases={"shop": "two"}), user=None, releases=tmp_path / "releases")
    assert ground.flags(root) == {"breaker.open"}
    assert os.readlink(root / "releases" / "shop" / "current").endswith("/two")
