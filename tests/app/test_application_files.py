"""Which files hold Applications, and what is said where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.app.application_files import ApplicationFiles
from holdfast.errors import DeclarationError, UsageError
from holdfast.host.config import resolve

TEXT = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
spec:
  source:
    repoURL: ./repository
    path: .
  destination:
    server: host://local
"""


def files(folder: Path, *given: str) -> ApplicationFiles:
    return ApplicationFiles(given=given, folder=str(folder), config=resolve([]), environ={"HOME": str(folder / "home")})


def test_a_relative_repository_is_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "shop.yaml").write_text(TEXT.format(name="shop"))
    found = files(tmp_path, "deploy/shop.yaml").read()
    assert [(each.name, each.repository) for each in found.applications] == [("shop", str(tmp_path / "deploy" / "repository"))]
    assert found.local_repositories == {str(tmp_path / "deploy" / "repository")}
    assert found.applications[0].origin.path == "deploy/shop.yaml"


def test_a_folder_gives_its_files_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "notes.md"):
        (tmp_path / name).write_text(TEXT.format(name=name[0]))
    assert [path.name for path in files(tmp_path, ".").paths()] == ["a.yml", "b.yaml"]


def test_without_files_those_beside_the_configuration_are_taken(tmp_path: Path) -> None:
    beside = tmp_path / "home" / ".config" / "holdfast" / "applications"
    beside.mkdir(parents=True)
    (beside / "shop.yaml").write_text(TEXT.format(name="shop"))
    assert [each.name for each in files(tmp_path).read().applications] == ["shop"]


def test_nothing_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot find an Application") as refused:
        files(tmp_path).read()
    assert refused.value.code == "HF8022"
    assert "holdfast up -f" in (refused.value.hint or "")


def test_where_objects_are_followed_there_need_be_no_file(tmp_path: Path) -> None:
    it = replace(files(tmp_path), from_cluster="in-cluster")
    assert it.read().applications == ()
    with pytest.raises(UsageError) as refused:
        _ = it.place
    assert refused.value.code == "HF8061"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read gone.yaml: No such file") as refused:
        files(tmp_path, "gone.yaml").read()
    assert (refused.value.code, refused.value.where[0].path) == ("HF8024", "gone.yaml")


def test_every_error_of_every_file_comes_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TEXT.format(name="a").replace("repoURL", "repoUrl"))
    (tmp_path / "b.yaml").write_text(TEXT.format(name="b").replace("server", "sever"))
    with pytest.raises(DeclarationError) as refused:
        files(tmp_path, "a.yaml", "b.yaml").read()
    assert {where.path for error in refused.value.errors for where in error.where} == {"a.yaml", "b.yaml"}
