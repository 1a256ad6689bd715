"""What a build sees of the repository, when it is another one, and what of a compose file's build is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.workload.compose_files import errors_of, read, resources

from holdfast.workload.build import Listed, context, files_digest, key, tag
from holdfast.workload.build_spec import BuildSpec

FILE = Listed(mode=0o100644, id="a" * 40, size=1)
APP = {
    "compose.yaml": "services: {web: {build: {context: app, args: {COLOUR: blue}}}}",
    "app/Dockerfile": "FROM scratch\n",
    "app/main.py": "print()",
    "app/notes.md": "notes",
    "app/.dockerignore": "# notes stay\n*.md\n",
    "elsewhere": "",
}


@pytest.mark.parametrize(
    ("lines", "path", "is_seen"),
    [
        ("node_modules", "node_modules/a/b.js", False),
        ("*.md", "README.md", False),
        ("*.md", "docs/README.md", True),
        ("**/*.md", "docs/README.md", False),
        ("**/*.md", "README.md", False),
        ("*\n!app", "app/main.py", True),
        ("*\n!app\napp/secret*", "app/secret.txt", False),
        ("/docs/", "docs/a", False),
        ("docs/../app", "app/main.py", False),
        ("a/**", "a/b/c", False),
        ("a?c", "abc", False),
        ("a?c", "a/c", True),
        ("[a-c]x", "bx", False),
        ("{a,b}", "a", True),
        ("\\{a,b}", "{a,b}", False),
        ("# app\n\n", "app/main.py", True),
        ("*", "Dockerfile", True),
        ("*", ".dockerignore", True),
        (".", "app/main.py", True),
    ],
)
def test_a_dockerignore_is_read_as_docker_reads_it(lines: str, path: str, is_seen: bool) -> None:
    assert (path in context(BuildSpec(ignore=tuple(lines.split("\n"))), {path: FILE})) is is_seen


@given(
    st.dictionaries(st.text("ab/.*", min_size=1, max_size=6), st.sampled_from("xyz"), max_size=5), st.lists(st.text("ab/*!.[", max_size=6))
)
def test_what_is_left_out_makes_no_other_image(files: dict[str, str], ignore: list[str]) -> None:
    spec = BuildSpec(ignore=tuple(ignore))
    listing = {path: replace(FILE, id=id) for path, id in files.items()}
    seen = context(spec, listing)
    others = {path: each for path, each in listing.items() if path not in seen}
    changed = {**listing, **{path: replace(each, id="changed") for path, each in others.items()}}
    assert files_digest(context(spec, changed)) == files_digest(seen)
    assert seen.items() <= listing.items()


@pytest.mark.parametrize("other", [{"target": "x"}, {"args": {"A": "1"}}, {"inline": "FROM x"}, {"files": "2"}, {"labels": {"a": "b"}}])
def test_a_key_tells_every_build_from_others(other: dict[str, Any]) -> None:
    spec = BuildSpec(files="1")
    assert key(spec) != key(replace(spec, **other))
    assert key(spec) == key(replace(spec, tags=("a:1",), pull=True, cache_from=("b:1",)))
    assert tag("ghcr.io/acme/web:7", spec) == f"ghcr.io/acme/web:build-{key(spec)}"


def test_a_service_is_another_one_where_its_files_are_and_not_where_others_are() -> None:
    def state(**changed: str) -> Any:
        return resources({**APP, **{path.replace("__", "/").replace("_", "."): text for path, text in changed.items()}})[
            "Container/web"
        ].state

    first = state()
    assert first.fields["image"] == "shop-web"
    assert first.fields["build"]["args"] == {"COLOUR": "blue"}
    assert state(elsewhere="other") == first
    assert state(app__notes_md="other") == first, "it is left out by .dockerignore"
    assert state(app__main_py="other").fields["build"]["files"] != first.fields["build"]["files"]
    assert first.fields["build"]["ignore"] == ["# notes stay", "*.md"]


def test_a_dockerfile_may_lie_outside_of_the_context() -> None:
    files = {**APP, "compose.yaml": "services: {web: {build: {context: app, dockerfile: ../Containerfile}}}", "Containerfile": "FROM x\n"}
    assert resources(files)["Container/web"].state.fields["build"]["inline"] == "FROM x\n"  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    ("build", "error"),
    [
        ("{context: nowhere}", "HF1435 compose.yaml:1 there is no folder nowhere"),
        ("{context: app, dockerfile: None}", "HF1435 compose.yaml:1 there is no app/None"),
        ("{context: app, secrets: [key]}", "HF1433 compose.yaml:1 services.web.build.secrets cannot be honoured: only BuildKit"),
        ("{context: app, ssh: [default]}", "HF1433 compose.yaml:1 services.web.build.ssh cannot be honoured: only BuildKit"),
        ("{context: app, additional_contexts: {a: ./b}}", "HF1433 compose.yaml:1 services.web.build.additional_contexts cannot"),
        ("{context: app, platforms: [linux/amd64, linux/arm64]}", "HF1433 compose.yaml:1 services.web.build.platforms: only BuildKit"),
        ("https://github.com/a/b.git", "HF1404 compose.yaml:1 services.web.build: context https://github.com/a/b.git is somewhere else"),
        ("/srv/app", "HF1404 compose.yaml:1 services.web.build: context /srv/app is a path of the host"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(build: str, error: str) -> None:
    found = errors_of({**APP, "compose.yaml": f"services: {{web: {{build: {build}}}}}\nsecrets: {{key: {{external: true}}}}\n"})
    assert [each[: len(error)] for each in found] == [error]


def test_with_another_pull_policy_it_is_fetched() -> None:
    reading = read("services: {web: {image: acme/web:1, build: app, pull_policy: missing}}")
    assert ("BuildNotUsed", "services.web: its image is fetched, not built: pull_policy is missing") in [
        (each.reason, each.message) for each in reading.warnings
    ]
    assert all(each.spec.build is None for each in reading.declarations if each.kind == "Container")
