"""The page of kustomizations is what the reader takes: every field, done or refused."""

from __future__ import annotations

from tests.docs.tool import REFERENCE, tool

from holdfast.declare.hint import spec_fields
from holdfast.kubernetes.kustomize.spec import Kustomization

TOOL = tool("reference_kustomize")


def test_the_page_is_what_the_reader_takes() -> None:
    assert TOOL.page() == (REFERENCE / "kustomize.md").read_text(), "run .venv/bin/python tools/reference_kustomize.py"


def test_every_field_has_its_words_once() -> None:
    assert sorted([*TOOL.WORDS, *TOOL.REFUSED]) == sorted(spec_fields(Kustomization))
