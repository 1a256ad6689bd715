"""What a build will read is known before it: with the files that discovery asked for, no build of the given cases asks for another."""

from __future__ import annotations

import pytest
from tests.conformance.test_kustomize import BUILDS, EXAMPLES

from holdfast.kubernetes.kustomize.build import build
from holdfast.kubernetes.kustomize.discover import wanted
from holdfast.kubernetes.kustomize.library import Library, Wanted

CASES = {**BUILDS, **EXAMPLES}
ROUNDS = 14
OF_A_PLUGIN = "TestNamespacePropagationDoesNotBreakGeneratorMerge"
"""A file of its is named by the configuration of a built-in generator, and asked for when that is read."""


@pytest.mark.parametrize("key", CASES)
def test_a_build_wants_nothing_that_was_not_discovered(key: str) -> None:
    case = CASES[key]
    files = {path.lstrip("/"): text.encode() for path, text in case["files"].items()}
    folder = case["path"].strip("/").removeprefix(".")
    given: dict[str, bytes | None] = {}

    def content(path: str) -> bytes | None:
        if path not in given:
            raise Wanted([path])
        return given[path]

    for _ in range(ROUNDS):
        library = Library(content, "c" * 40, is_open=case.get("loadRestrictions") == "none")
        if missing := wanted(library, folder):
            given |= {path: files.get(path) for path in missing}
            continue
        try:
            build(library, folder)
            return
        except Wanted as more:
            assert key == OF_A_PLUGIN
            given |= {path: files.get(path) for path in more.paths}
    raise AssertionError(f"after {ROUNDS} rounds it wants still more")
