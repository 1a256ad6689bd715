"""Several sources are rendered as one: joined once, the last one counts, and each place says whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.declare.kinds import LinesFormat, RunKind, ThingKind, registry, thing

from holdfast.declare.render import Renderer
from holdfast.declare.request import Asks, RenderRequest
from holdfast.errors import DeclarationError
from holdfast.model import labels
from holdfast.model.declaration import Ask
from holdfast.model.resource import Desired, Origin
from holdfast.testing.rendering import Reads, Repository, as_bytes, told

ONE, TWO = "1" * 40, "2" * 40


def requests(*repositories: Repository, names: tuple[str, ...] = ("base", "config"), **more: Any) -> list[RenderRequest]:
    several = len(repositories) > 1
    return [
        each.request(number=number, is_one_of_several=several, label=name, written=f"spec.sources[{number}]", **more)
        for number, (each, name) in enumerate(zip(repositories, names, strict=False))
    ]


def rendered(renderer: Renderer, *repositories: Repository, reads: Reads | None = None, **more: Any) -> Desired:
    reads = reads if reads is not None else Reads()
    asked = requests(*repositories, **more)
    blobs: dict[str, bytes] = {}
    for request, repository in zip(asked, repositories, strict=True):
        wanted = renderer.wants(request)
        reads.blobs += [blob.path for blob in wanted]
        blobs |= {blob.id: as_bytes(repository.files[blob.path]) for blob in wanted}
    answers: list[dict[Ask, bytes | None]] = [{} for _ in asked]
    while not isinstance(answer := renderer.render_all(asked, blobs, answers), Desired):
        for each, known, request, repository in zip(answer, answers, asked, repositories, strict=True):
            known |= {ask: repository.answer(ask, request) for ask in each.asks}
    return answer


def errors(renderer: Renderer, *repositories: Repository, **more: Any) -> list[str]:
    with pytest.raises(DeclarationError) as caught:
        rendered(renderer, *repositories, **more)
    return [told(each) for each in caught.value.errors or (caught.value,)]


def source(files: Mapping[str, str | bytes], commit: str = ONE) -> Repository:
    return Repository(files, commit=commit, path="deploy")


def test_needs_hold_across_sources_and_the_revision_names_both() -> None:
    desired = rendered(Renderer(registry()), source({"web.yaml": thing("web", "{needs: [db]}")}), source({"db.yaml": thing("db")}, TWO))
    web, db = sorted(desired, key=lambda each: each.id.name, reverse=True)
    assert web.needs == {db.id}
    assert desired.revision == f"{ONE}+{TWO}"
    assert desired.warnings == ()


def test_two_sources_of_one_commit_are_at_that_commit() -> None:
    desired = rendered(Renderer(registry()), source({"a.yaml": thing("a")}), source({"b.yaml": thing("b")}), names=("", ""))
    assert (desired.revision, len(desired.resources)) == (ONE, 2)


def test_of_an_id_in_two_sources_the_last_one_counts_and_both_places_are_told() -> None:
    first = source({"a.yaml": thing("a", "{size: 1}"), "b.yaml": thing("b")})
    second = source({"a.yaml": "# moved\n" + thing("a", "{size: 7}")}, TWO)
    desired = rendered(Renderer(registry()), first, second)
    assert [(str(each.id), each.state.fields["size"]) for each in desired] == [("Thing/shop/a", 7), ("Thing/shop/b", 1)]
    [warning] = desired.warnings
    assert (warning.reason, str(warning.origin)) == ("RepeatedResource", "base:deploy/a.yaml:3")
    assert warning.message == (
        "Thing/shop/a is declared by two sources, at base:deploy/a.yaml:3:18 and at config:deploy/a.yaml:4:18: the last one counts"
    )
    other = rendered(Renderer(registry()), second, first)
    assert [each.state.fields["size"] for each in other] == [1, 1]


def test_what_one_source_declares_twice_is_an_error_still() -> None:
    twice = source({"a.yaml": thing("a"), "b.yaml": thing("a")})
    [error] = errors(Renderer(registry()), twice, source({"c.yaml": thing("c")}, TWO))
    assert error.startswith("HF1200")


def test_errors_of_all_sources_come_in_one_answer_each_with_its_source() -> None:
    found = errors(Renderer(registry()), source({"a.yaml": thing("a", "{sise: 2}")}), source({"a.yaml": thing("b", "{size: two}")}, TWO))
    assert [each.split(": ")[0] for each in found] == ["HF1020 base:deploy/a.yaml:4:8", "HF1021 config:deploy/a.yaml:4:14"]


def test_a_source_that_declares_nothing_is_an_error_of_its_own() -> None:
    [error] = errors(Renderer(registry()), source({"a.yaml": thing("a")}), source({"README": "words"}, TWO))
    assert error.startswith("HF1213 config:deploy")
    assert len(rendered(Renderer(registry()), source({"a.yaml": thing("a")}), source({"x": "y"}, TWO), had_resources=True).resources) == 1


def test_each_source_is_asked_and_answered_by_itself() -> None:
    renderer = Renderer(registry(formats=(LinesFormat(),)))
    first = Repository({"Lines": "ask name", "name": "one"}, commit=ONE)
    second = Repository({"Lines": "ask name", "name": "two"}, commit=TWO)
    asked = requests(first, second)
    blobs = {blob.id: b"ask name" for request in asked for blob in renderer.wants(request)}
    asks = Asks((Ask(what="blob", path="name"),))
    assert renderer.render_all(asked, blobs, [{}, {}]) == (asks, asks)
    reads = Reads()
    assert [each.id.name for each in rendered(renderer, first, second, reads=reads)] == ["one", "two"]


def test_the_format_annotation_chooses_in_the_sources_that_have_such_a_file() -> None:
    renderer = Renderer(registry(formats=(LinesFormat(),)))
    lines, things = source({"Lines": "web"}), source({"a.yaml": thing("a")}, TWO)
    chosen = {labels.FORMAT: "lines"}
    assert sorted(each.id.name for each in rendered(renderer, lines, things, annotations=chosen)) == ["a", "web"]
    [error] = errors(renderer, source({"b.yaml": thing("b")}), things, annotations=chosen)
    assert error.startswith("HF1211")
    [error] = errors(renderer, lines, things, annotations={labels.FORMAT: "linez"})
    assert "did you mean lines?" in error


def test_one_source_may_have_a_release_and_it_is_of_its_files() -> None:
    renderer = Renderer(registry(ThingKind(name="Note"), RunKind()))
    run = source({"run.yaml": thing("web").replace("Thing", "Run"), "web.py": "serve"}, TWO)
    note = source({"a.yaml": thing("a").replace("Thing", "Note"), "x": "1"})
    desired = rendered(renderer, note, run)
    alone = run.render(Renderer(registry(RunKind())))
    assert (desired.release, desired.release_source, desired.excluded) == (alone.release, 1, frozenset({"run.yaml"}))
    assert {each.id.kind: each.state.fields["release"] for each in desired} == {"Note": None, "Run": alone.release}
    [error] = errors(renderer, source({"r.yaml": thing("one").replace("Thing", "Run")}), run)
    assert error.startswith("HF1214 base:deploy/r.yaml:3:18 config:deploy/run.yaml:3:18")


def test_without_anything_to_run_there_is_no_release() -> None:
    desired = rendered(Renderer(registry()), source({"a.yaml": thing("a")}), source({"b.yaml": thing("b")}, TWO))
    assert (desired.release, desired.excluded) == (None, frozenset())


def test_a_commit_to_one_source_reads_only_what_it_changes() -> None:
    kind = ThingKind()
    renderer = Renderer(registry(kind))
    first, second = source({"a.yaml": thing("a"), "b.yaml": thing("b")}), source({"a.yaml": thing("c")}, TWO)
    rendered(renderer, first, second)
    kind.declared.clear()
    reads = Reads()
    moved = source({"a.yaml": thing("d")}, "3" * 40)
    desired = rendered(renderer, first, moved, reads=reads)
    assert (reads.blobs, kind.declared, desired.revision) == (["a.yaml"], ["d"], f"{ONE}+{'3' * 40}")
    assert desired == rendered(Renderer(registry()), first, moved)


def test_options_in_vain_name_the_source_and_stand_in_the_applications_file() -> None:
    own = Origin(path="app.yaml", line=3, revision="a")
    asked = requests(
        source({"a.yaml": thing("a")}), source({"b.yaml": thing("b")}, TWO), application_origin=own, kustomize={"namePrefix": "x"}
    )
    blobs = {
        blob.id: as_bytes(thing(name)) for request, name in zip(asked, "ab", strict=True) for blob in Renderer(registry()).wants(request)
    }
    desired = Renderer(registry()).render_all(asked, blobs, [{}, {}])
    assert isinstance(desired, Desired)
    assert [(warning.message.split(" ")[0], str(warning.origin)) for warning in desired.warnings] == [
        ("spec.sources[0].kustomize", "app.yaml:3"),
        ("spec.sources[1].kustomize", "app.yaml:3"),
    ]
