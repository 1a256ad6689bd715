"""A tree is rendered whole or not at all, and a commit costs what it changes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.declare.kinds import EndlessKind, LinesFormat, RunKind, ThingKind, registry, thing

from holdfast.declare.render import Renderer
from holdfast.declare.request import Asks
from holdfast.declare.select import Directory
from holdfast.errors import Where
from holdfast.model import labels
from holdfast.model.declaration import Ask
from holdfast.model.resource import Origin
from holdfast.model.state import Facts
from holdfast.testing.rendering import Reads, Repository

APPLICATION = Origin(path="app.yaml", line=3, revision="a")


def ids(repository: Repository, renderer: Renderer, **more: Any) -> list[str]:
    return [str(resource.id) for resource in repository.render(renderer, **more)]


def test_five_errors_are_told_as_five_each_with_its_place_and_advice() -> None:
    files: dict[str, str | bytes] = {
        "a.yaml": thing("a", "{sise: 2}") + "---\n" + thing("b", "{size: two}"),
        "b.yaml": "apiVersion: holdfast.dev/v1alpha1\nkind: Thingg\nmetadata: {name: c}\n",
        "c.yaml": thing("c").replace("name: c, ", "") + "---\napiVersion: x\nkind: [",
    }
    assert Repository(files, path="shop").errors(Renderer(registry())) == [
        "HF1020 shop/a.yaml:4:8: cannot read spec: unknown field 'sise' | did you mean size?",
        "HF1021 shop/a.yaml:9:14: cannot read spec.size: expected a whole number, got 'two'",
        "HF1111 shop/b.yaml:2:7: cannot read shop/b.yaml: unknown kind 'Thingg' | did you mean Thing?",
        "HF1022 shop/c.yaml:3:1: cannot read shop/c.yaml: metadata.name is missing | add a name below metadata",
        "HF1004 shop/c.yaml:8:1: cannot read shop/c.yaml: did not find expected node content while parsing a flow node",
    ]


def test_errors_carry_the_line_they_are_about() -> None:
    repository = Repository({"a.yaml": thing("a", "{sise: 2}")})
    with pytest.raises(Exception, match="unknown field") as caught:
        repository.render(Renderer(registry()))
    assert caught.value.where[0] == Where(path="a.yaml", line=4, column=8, snippet="spec: {sise: 2}")  # type: ignore[attr-defined]


def test_a_tree_with_errors_gives_nothing_at_all() -> None:
    errors = Repository({"a.yaml": thing("a"), "b.yaml": thing("b", "{size: -1}")}).errors(Renderer(registry()))
    assert errors == ["HF1021 b.yaml:4:14: cannot size b"]


def thousands(count: int, **changed: str) -> Repository:
    return Repository({f"f{number:04}.yaml": changed.get(f"f{number:04}", thing(f"t{number:04}")) for number in range(count)})


def test_a_commit_that_changes_one_of_two_thousand_files_reads_and_declares_only_that_one() -> None:
    kind = ThingKind()
    renderer = Renderer(registry(kind))
    first, then = Reads(), Reads()
    before = thousands(2_000).render(renderer, first)
    assert len(first.blobs) == len(kind.declared) == 2_000
    kind.declared.clear()
    after = thousands(2_000, f0007=thing("t0007", "{size: 2}")).render(renderer, then)
    assert then.blobs == ["f0007.yaml"]
    assert kind.declared == ["t0007"]
    assert [resource.id for resource in after] == [resource.id for resource in before]
    assert [a.id.name for a, b in zip(after, before, strict=True) if a.state != b.state] == ["t0007"]


def test_what_is_remembered_renders_the_same_as_what_is_not() -> None:
    renderer = Renderer(registry())
    repository = thousands(50, f0003=thing("t0003", "{parts: 2}"))
    warm = [thousands(50).render(renderer), repository.render(renderer)][-1]
    assert warm == repository.render(Renderer(registry()))


def test_a_memory_that_is_too_small_only_reads_again() -> None:
    renderer = Renderer(registry(), remember=3)
    reads = Reads()
    first = thousands(6).render(renderer)
    assert thousands(6).render(renderer, reads, facts=Facts(values={"colour": "red"})) == first
    assert len(reads.blobs) + len(reads.asks) == 6


def test_what_is_asked_again_is_answered_at_once_and_anything_else_is_not() -> None:
    kind = ThingKind()
    renderer = Renderer(registry(kind))
    reads = Reads()
    first = thousands(6).render(renderer)
    kind.declared.clear()
    assert thousands(6).render(renderer, reads) is first
    assert (reads.blobs, reads.asks, kind.declared) == ([], [], [])

    assert thousands(6).render(renderer, had_resources=True) == first
    told = thousands(6).render(renderer, facts=Facts(values={"colour": "red"}))
    assert (told is first, told) == (False, first)
    other = thousands(6, f0003=thing("t0003", "{size: 7}")).render(renderer)
    assert [a.id.name for a, b in zip(other, first, strict=True) if a.state != b.state] == ["t0003"]


def test_of_a_file_that_changes_with_every_commit_only_the_last_versions_are_remembered() -> None:
    renderer = Renderer(registry())
    versions = [Repository({"a.yaml": thing("a", f"{{size: {size}}}")}) for size in range(10)]
    first = [version.render(renderer) for version in versions]
    again = Reads()
    assert [version.render(renderer, again) for version in versions[6:]] == first[6:]
    assert again == Reads()
    assert versions[0].render(renderer, again) == first[0]
    assert again.blobs == ["a.yaml"]


def test_another_application_takes_over_what_a_file_said_and_not_what_it_became() -> None:
    kind = ThingKind()
    renderer = Renderer(registry(kind))
    reads = Reads()
    repository = Repository({"a.yaml": thing("a")})
    repository.render(renderer)
    assert ids(repository, renderer, application="blog", namespace="blog") == ["Thing/blog/a"]
    assert kind.declared == ["a", "a"]
    repository.render(renderer, reads, application="blog", namespace="blog")
    assert (reads.blobs, kind.declared) == ([], ["a", "a"])


def test_a_fact_that_changed_is_derived_anew() -> None:
    kind = ThingKind()
    renderer = Renderer(registry(kind))
    repository = Repository({"a.yaml": thing("a")})
    states = [repository.render(renderer, facts=Facts(fingerprints={"key": mark})).resources[0].state for mark in ("f1", "f1", "f2")]
    assert [state.fields["fingerprint"] for state in states] == ["f1", "f1", "f2"]
    assert kind.declared == ["a", "a"]


def test_a_format_is_asked_again_until_it_has_its_answers() -> None:
    form = LinesFormat()
    reads = Reads()
    repository = Repository({"Lines": "one\nask name\nask none", "name": "two", "none/x": ""}, path="shop")
    desired = repository.render(Renderer(registry(formats=(form,))), reads)
    assert [str(resource.id) for resource in desired] == ["Thing/shop/none", "Thing/shop/one", "Thing/shop/two"]
    assert (reads.blobs, [ask.path for ask in reads.asks], form.read_count) == (["Lines"], ["name"], 3)
    assert [str(resource.origin) for resource in desired] == ["shop/Lines:3", "shop/Lines:1", "shop/Lines:2"]


def test_what_must_be_known_first_is_asked() -> None:
    repository = Repository({"Lines": "ask name", "name": "x"})
    request = repository.request()
    renderer = Renderer(registry(formats=(LinesFormat(),)))
    blobs = {blob.id: b"ask name" for blob in renderer.wants(request)}
    assert renderer.render(request, blobs) == Asks((Ask(what="blob", path="name"),))


def test_a_file_that_was_forgotten_since_it_was_wanted_is_asked_for() -> None:
    request = Repository({"a.yaml": thing("a"), "Lines": "b"}).request()
    asks = Asks((Ask(what="blob", path="a.yaml"), Ask(what="blob", path="Lines")))
    assert Renderer(registry(formats=(LinesFormat(),))).render(request, {}) == asks


def test_an_application_with_something_that_runs_has_a_release_of_its_files() -> None:
    renderer = Renderer(registry(RunKind()))
    files: dict[str, str | bytes] = {"run.yaml": thing("web", kind="Run"), "server.js": "1"}
    first = Repository(files).render(renderer)
    assert first.release == Repository(files).tree().release_id(["run.yaml"])
    assert first.resources[0].state.fields["release"] == first.release
    assert first.excluded == {"run.yaml"}
    assert Repository({**files, "run.yaml": thing("web", kind="Run") + "# said more\n"}).render(renderer).digest == first.digest
    assert Repository({**files, "server.js": "2"}).render(renderer).release != first.release


def test_nothing_that_runs_has_no_release() -> None:
    desired = Repository({"a.yaml": thing("a"), "x": "1"}).render(Renderer(registry()), annotations={labels.PREPARE: '["make"]'})
    assert (desired.release, desired.prepare, desired.resources[0].state.fields["release"]) == (None, (), None)


def test_what_prepares_a_release_is_part_of_it_each_step_once() -> None:
    renderer = Renderer(registry(RunKind()))
    repository = Repository({"a.yaml": thing("a", "{size: 2}", kind="Run") + "---\n" + thing("b", "{size: 2}", kind="Run"), "x": "1"})
    desired = repository.render(renderer, annotations={labels.PREPARE: '["make", "a"]'}, application_origin=APPLICATION)
    assert [prepare.command for prepare in desired.prepare] == [("make", "a"), ("make", "b")]
    assert str(desired.prepare[0].origin) == "app.yaml:3"
    assert desired.release != repository.tree().release_id(["a.yaml"])


def test_an_application_that_never_declared_anything_must_and_one_that_did_may_be_emptied() -> None:
    repository = Repository({"README.md": "x"})
    assert [error.split(" ")[0] for error in repository.errors(Renderer(registry()))] == ["HF1213"]
    assert repository.render(Renderer(registry()), had_resources=True).resources == ()


def test_the_errors_of_the_application_are_told_beside_those_of_the_tree() -> None:
    errors = Repository({"a.yaml": thing("a", "{size: x}")}).errors(
        Renderer(registry()), annotations={labels.ROLLBACK: "maybe", f"{labels.OWN}formt": "x"}, application_origin=APPLICATION
    )
    assert [error.split(":")[0] + error.partition(": ")[2][:50] for error in errors] == [
        "HF1021 a.yaml" + "cannot read spec.size: expected a whole number, got 'x'"[:50],
        "HF1207 app.yaml" + "cannot read annotation holdfast.dev/rollback: expected on"[:50],
        "HF1208 app.yaml" + "cannot read annotation holdfast.dev/formt: it is unknown"[:50],
    ]


def test_a_place_of_an_annotation_is_where_the_application_has_it() -> None:
    errors = Repository({"a.yaml": thing("a")}).errors(
        Renderer(registry()),
        annotations={labels.FORMAT: "none-such"},
        annotation_places={labels.FORMAT: Where(path="app.yaml", line=9, column=5)},
    )
    assert [error.split(": ")[0] for error in errors] == ["HF1211 app.yaml:9:5"]


def test_a_kind_that_never_ends_is_a_defect_that_is_told() -> None:
    errors = Repository({"a.yaml": thing("a")}).errors(Renderer(registry(EndlessKind())))
    assert [error.split(":")[0] for error in errors] == ["HF1204 a.yaml"]


def test_directory_options_reach_the_files() -> None:
    repository = Repository({"a.yaml": thing("a"), "deep/b.yaml": thing("b")})
    assert ids(repository, Renderer(registry()), directory=Directory(recurse=True)) == ["Thing/shop/a", "Thing/shop/b"]


def test_warnings_of_files_and_of_kinds_are_kept() -> None:
    text = thing("a", "{size: 10}").replace("name: a", "name: a, uid: 7")
    desired = Repository({"a.yaml": text}).render(Renderer(registry()))
    assert [(warning.reason, str(warning.origin)) for warning in desired.warnings] == [
        ("FieldNotHonoured", "a.yaml:3"),
        ("Large", "a.yaml:1"),
    ]


def test_an_applications_own_file_is_no_news_to_it_and_a_warning_to_another() -> None:
    own = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\n"
    repository, renderer = Repository({"a.yaml": thing("a"), "application.yaml": own}), Renderer(registry())
    assert repository.render(renderer).warnings == ()
    [warning] = repository.render(renderer, application="blog").warnings
    assert (warning.reason, str(warning.origin)) == ("AppOfAppsNotHonoured", "application.yaml:2")
