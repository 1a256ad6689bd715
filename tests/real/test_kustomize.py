"""Kustomize itself beside ours: repositories made by chance and built by both give the same objects in the same order, or none at all.

The program is built by tools/kustomize from a pinned Go module. Where neither it nor Go is there the comparison is skipped by name.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.test_kustomize import EXAMPLES
from tests.docs.tool import ROOT
from tests.kubernetes.kustomizations import repository

from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.canonical import canonical
from holdfast.kubernetes.kustomize.build import build
from holdfast.kubernetes.kustomize.library import Library

pytestmark = [pytest.mark.real, pytest.mark.needs("go")]
BY_NAME = "HF1700"
"""What is refused here by name, whatever kustomize does."""
CRASHES = "panic:"


@pytest.fixture(scope="module")
def program() -> str:
    made = subprocess.run([ROOT / "tools" / "kustomize"], capture_output=True, text=True, timeout=600, check=False)
    if made.returncode:
        pytest.skip(f"kustomize cannot be built here: {made.stderr.strip().splitlines()[-1]}")
    return made.stdout.strip()


def compared(program: str, files: Mapping[str, str], folder: str, place: Path) -> str:
    """Build with both; return `equal` or how both ended otherwise, and raise AssertionError where they differ."""
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    ended = subprocess.run([program, "build", folder], cwd=place, capture_output=True, text=True, timeout=60, check=False)
    ours = build(Library({path: text.encode() for path, text in files.items()}.get, "c" * 40), folder)
    if ours.errors and ours.errors[0].code == BY_NAME:
        return "refused by name"
    if ended.returncode:
        if CRASHES in ended.stderr:
            return "kustomize crashes"
        assert ours.errors, f"kustomize refuses it: {ended.stderr.strip().splitlines()[-1]}"
        return "both refuse"
    assert [f"{error.message} {error.where}" for error in ours.errors] == []
    theirs = [document.value for document in read_yaml("out.yaml", ended.stdout.encode(), Dialect.KUBERNETES).documents]
    mine = [dict(manifest.value) for manifest in ours.manifests]
    assert [canonical(each) for each in mine] == [canonical(each) for each in theirs]
    return "equal"


def shown(files: Mapping[str, str]) -> str:
    return "\n".join(f"### {path}\n{text}" for path, text in files.items())


def test_many_repositories_are_built_alike(program: str, tmp_path: Path) -> None:
    """The same ones on every run; of them enough are sound, so that the comparison says something."""
    ends: Counter[str] = Counter()
    for seed in range(120):
        files = repository(Random(seed))
        try:
            ends[compared(program, files, "top", tmp_path / str(seed))] += 1
        except AssertionError as difference:
            raise AssertionError(f"seed {seed}: {difference}\n{shown(files)}") from None
    assert ends["equal"] > 45, json.dumps(ends)


@given(st.integers(min_value=1_000, max_value=1 << 40))
def test_any_repository_is_built_alike(program: str, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    files = repository(Random(seed))
    try:
        compared(program, files, "top", tmp_path_factory.mktemp("kustomize"))
    except AssertionError as difference:
        raise AssertionError(f"seed {seed}: {difference}\n{shown(files)}") from None


@pytest.mark.parametrize("key", EXAMPLES)
def test_the_given_examples_are_built_alike(program: str, tmp_path: Path, key: str) -> None:
    case = EXAMPLES[key]
    assert compared(program, case["files"], case["path"], tmp_path) == "equal"
