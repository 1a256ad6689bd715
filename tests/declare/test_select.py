"""Which files are declarations is told, never guessed."""

from __future__ import annotations

import pytest
from tests.declare.kinds import LinesFormat, registry

from holdfast.declare.registry import Registry
from holdfast.declare.select import Directory, Selection, nothing_there, select
from holdfast.errors import Where
from holdfast.model.source import LINK, Blob, Tree
from holdfast.testing.rendering import Repository, told

WORKLOADS = registry(
    formats=(LinesFormat(), LinesFormat(name="words", path="Words"), LinesFormat(name="notes", path="Notes", workload=False))
)
PLAIN = Directory()
ANNOTATED = Where(path="app.yaml", line=7)


def tree(*paths: str, root: str = "") -> Tree:
    return Repository(dict.fromkeys(paths, ""), path=root).tree()


def chosen(*paths: str, named: str | None = None, directory: Directory = PLAIN, kinds: Registry = WORKLOADS) -> Selection:
    return select(tree(*paths), directory, kinds, named, ANNOTATED)


def names(selection: Selection) -> tuple[list[str], list[str]]:
    assert selection.errors == ()
    return [blob.path for blob in selection.manifests], [f"{form.name}:{blob.path}" for form, blob in selection.workload]


DIRECTORIES = [
    (Directory(), ["a.yaml", "b.yml", "c.json"]),
    (Directory(recurse=True), ["a.yaml", "b.yml", "c.json", "d/e.yaml", "d/f/g.yaml"]),
    (Directory(include="*.yaml"), ["a.yaml"]),
    (Directory(recurse=True, include="d/*"), ["d/e.yaml", "d/f/g.yaml"]),
    (Directory(recurse=True, exclude="{a,c}.*"), ["b.yml", "d/e.yaml", "d/f/g.yaml"]),
]


@pytest.mark.parametrize(("directory", "expected"), DIRECTORIES)
def test_the_directory_options_choose_manifests(directory: Directory, expected: list[str]) -> None:
    assert names(chosen("a.yaml", "b.yml", "c.json", "d/e.yaml", "d/f/g.yaml", "README.md", directory=directory)) == (expected, [])


def test_a_workload_file_stands_beside_own_kinds_and_is_none_of_them() -> None:
    yaml = registry(formats=(LinesFormat(path="lines.yaml"),))
    assert names(chosen("lines.yaml", "a.yaml", kinds=yaml)) == (["a.yaml"], ["lines:lines.yaml"])


def test_a_format_that_is_no_workload_stands_beside_one() -> None:
    assert names(chosen("Lines", "Notes")) == ([], ["notes:Notes", "lines:Lines"])


def test_a_link_is_nobodys_declaration() -> None:
    found = tree("a.yaml", "Lines")
    linked = {path: Blob(path=path, mode=LINK, id=blob.id, size=1) for path, blob in found.blobs.items()}
    selection = select(Tree(revision=found.revision, path="", blobs=linked), Directory(), WORKLOADS, None, None)
    assert names(selection) == ([], [])


SEVERAL = "cannot choose between Lines and Words: one path holds one workload format"


def test_two_workload_formats_are_an_error_that_names_both_and_the_way_out() -> None:
    selection = select(tree("Words", "Lines", "a.yaml", root="shop"), Directory(), WORKLOADS, None, None)
    assert [told(error) for error in selection.errors] == [
        f"HF1210 shop/Lines:1 shop/Words:1: {SEVERAL} | set the Application's annotation holdfast.dev/format to lines or words"
    ]
    assert [blob.path for blob in selection.manifests] == ["a.yaml"]


@pytest.mark.parametrize(
    ("named", "expected"), [("lines", ["lines:Lines"]), ("Words", ["words:Words"]), ("none", []), (None, ["lines:Lines"])]
)
def test_the_annotation_chooses(named: str | None, expected: list[str]) -> None:
    paths = ("Lines", "Words") if named else ("Lines",)
    assert names(chosen(*paths, named=named))[1] == expected


WRONG = {
    "lins": "cannot read annotation holdfast.dev/format: unknown format 'lins' | did you mean lines?",
    "compose": "cannot read annotation holdfast.dev/format: unknown format 'compose'"
    " | known: lines, words, notes, none; or the name of a file that is there",
    "words": "cannot read annotation holdfast.dev/format: there is no words file in the repository",
}


@pytest.mark.parametrize("named", WRONG)
def test_a_format_that_is_not_there_is_told_at_the_annotation(named: str) -> None:
    (error,) = chosen("Lines", named=named).errors
    assert told(error) == f"HF1211 app.yaml:7: {WRONG[named]}"


NOTHING = {
    (): "HF1212 shop: cannot render shop: there is no file at this path | check spec.source.path",
    (
        "Chart.yaml",
        "Dockerfile",
    ): "HF1213 shop: cannot render shop: found Dockerfile and Chart.yaml, and nothing that says what should run"
    " (images are not built; a chart gives objects of a cluster) | read are lines, words, notes, holdfast.dev/v1alpha1;"
    " `holdfast init` writes a first declaration",
    ("app/Lines",): "HF1213 shop: cannot render shop: found app, and nothing that says what should run"
    " | shop/app/Lines is there: set spec.source.path to shop/app; read are lines, words, notes, holdfast.dev/v1alpha1;"
    " `holdfast init` writes a first declaration",
    ("x/a.yaml",): "HF1213 shop: cannot render shop: found x, and nothing that says what should run"
    " | files in folders are read with spec.source.directory.recurse: true; read are lines, words, notes, holdfast.dev/v1alpha1;"
    " `holdfast init` writes a first declaration",
}


@pytest.mark.parametrize("paths", NOTHING)
def test_a_path_that_declares_nothing_is_explained(paths: tuple[str, ...]) -> None:
    assert told(nothing_there(tree(*paths, root="./shop/"), Directory(), WORKLOADS)) == NOTHING[paths]
