"""`holdfast pin` on a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.daemon import Runner
from tests.engines.registry_stage import Registry, registry
from tests.ports import free_port

pytestmark = [pytest.mark.real, pytest.mark.needs("go")]


@pytest.fixture(scope="module")
def it() -> Iterator[Registry]:
    with registry() as made:
        yield made


def compose(it: Registry, folder: Path) -> Path:
    path = folder / "compose.yaml"
    path.write_text(f"# The shop\nservices:\n  web:   {{image: {it.name}/web:1.27}}  # here\n  db:\n    image: '{it.name}/db'\n")
    return path


def test_digests_are_written_once_and_the_rest_stays(holdfast: Runner, it: Registry, tmp_path: Path) -> None:
    web, db = it.push("web", ["1.27"], platforms=2), it.push("db", ["latest"], "db")
    path = compose(it, tmp_path)
    before = path.read_text()
    wanted = before.replace("web:1.27}", f"web:1.27@{web}}}").replace("/db'", f"/db:latest@{db}'")

    checked = holdfast("pin", str(tmp_path), "--check")
    assert (checked.code, path.read_text()) == (2, before)
    assert f"+  web:   {{image: {it.name}/web:1.27@{web}}}  # here" in checked.out
    assert checked.out.endswith("2 of 2 images are not pinned\n")

    done = holdfast("pin", str(path), "--json")
    assert (done.code, path.read_text()) == (0, wanted)
    assert [(each["line"], each["image"], each["digest"], each["was_pinned"]) for each in done.data["images"]] == [
        (3, f"{it.name}/web:1.27", web, False),
        (5, f"{it.name}/db", db, False),
    ]
    assert [each["written"] for each in done.data["files"]] == [True]

    again = holdfast("pin", str(path))
    assert (again.code, again.out, path.read_text()) == (0, "nothing to write: 2 images, all pinned\n", wanted)
    assert holdfast("pin", str(path), "--check").code == 0


def test_a_tag_that_moved_is_written_by_update_alone(holdfast: Runner, it: Registry, tmp_path: Path) -> None:
    old = it.push("moving", ["1"], "old")
    path = tmp_path / "compose.yaml"
    path.write_text(f"services: {{web: {{image: '{it.name}/moving:1'}}}}\n")
    assert holdfast("pin", str(path)).code == 0
    new = it.push("moving", ["1"], "new")
    assert holdfast("pin", str(path)).code == 0
    assert old in path.read_text()
    assert holdfast("pin", str(path), "--check", "--update").code == 2
    assert holdfast("pin", str(path), "--update").code == 0
    assert path.read_text() == f"services: {{web: {{image: '{it.name}/moving:1@{new}'}}}}\n"


def test_where_one_image_has_no_digest_nothing_is_written(holdfast: Runner, it: Registry, tmp_path: Path) -> None:
    it.push("there", ["1"])
    path = tmp_path / "compose.yaml"
    text = f"services:\n  a: {{image: '{it.name}/there:1'}}\n  b: {{image: '{it.name}/there:2'}}\n"
    path.write_text(text)
    failed = holdfast("pin", str(path), "--json")
    assert (failed.code, failed.data["code"], path.read_text()) == (1, "HF3240", text)
    assert [(place["line"], place["column"]) for place in failed.data["where"]] == [(3, 14)]
    path.write_text(text + f"  c: {{image: '127.0.0.1:{free_port()}/gone'}}\n")
    failed = holdfast("pin", str(path), "--json")
    assert (failed.code, failed.data["code"], sorted(each["code"] for each in failed.data["errors"])) == (1, "HF8052", ["HF3240", "HF3242"])


def test_what_cannot_be_pinned_is_told_and_left(holdfast: Runner, tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text("services:\n  a: {image: 'nginx:${TAG}'}\n")
    told = holdfast("pin", str(path))
    assert (told.code, told.out) == (0, "nothing to write: no image is named\n")
    assert f"warning: {path}:2: nginx:${{TAG}} is not pinned: it holds a variable: pin what the variable stands for" in told.err


@pytest.mark.parametrize(("text", "place"), [("services: [\n", (2, 1)), ("\udcff", None)])
def test_what_is_no_yaml_is_told_with_its_place(holdfast: Runner, tmp_path: Path, text: str, place: tuple[int, int] | None) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(text, errors="surrogateescape")
    failed = holdfast("pin", str(path), "--json")
    assert (failed.code, failed.data["code"]) == (64, "HF8050")
    assert [(where["line"], where["column"]) for where in failed.data["where"]] == ([place] if place else [])
    assert holdfast("pin", str(tmp_path)).out == "nothing to write: no image is named\n"  # a template in a folder is passed over
    assert holdfast("pin", str(tmp_path / "none.yaml"), "--json").data["code"] == "HF8050"
