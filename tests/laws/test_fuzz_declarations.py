"""Broken repositories: whatever stands in the files of an Application, a render gives a Desired or its errors with places, within bounds.

Own kinds, Procfile, `.env`, PM2 and compose, alone and beside each other, in all that the house registers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws.fuzz import bounded, corpus, edited, words

from holdfast.app.registry import registry
from holdfast.declare.render import Renderer
from holdfast.delivery.application import Context
from holdfast.delivery.reader import read_applications
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import canonical
from holdfast.testing.rendering import Repository

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.fuzz

WORDS = words(
    r": ¦- ¦[¦]¦{¦}¦---\n¦&a ¦*a¦null¦true¦-1¦0¦1e9¦999999999999999999999999¦''¦'¦\"¦\n  ¦\0¦\xff¦\xe2\x80\xa8¦\xed\xa0\x80¦$¦${A"
    r"¦$(¦`¦|¦>¦\\¦#¦%¦..¦/"
    r"¦../../x¦~¦kind: Process¦kind: File¦kind: Site¦spec:¦metadata: {}¦name: web¦command: []¦apps¦replicas: 100000¦* * * * *¦99h¦1h1h¦1Ei"
    r"¦HOLDFAST_X¦{{ x }}¦services: {}¦extends: web¦!reset ¦deploy: {replicas: 1}"
)
FORMS: Mapping[str, Sequence[bytes]] = {
    "processes.yaml": (*corpus("kinds"), (ROOT / "examples" / "shop" / "processes.yaml").read_bytes()),
    "Procfile": corpus("procfile"),
    ".env": corpus("env"),
    "ecosystem.config.json": corpus("pm2"),
    "ecosystem.config.yaml": corpus("pm2"),
    "compose.yaml": corpus("compose"),
}
APPLICATIONS = (*corpus("application"), (ROOT / "examples" / "shop" / "application.yaml").read_bytes())
FILES = st.fixed_dictionaries({}, optional={path: edited(corpus, WORDS) for path, corpus in FORMS.items()})
RENDERER = Renderer(registry(("/srv",), is_render=True))


def check(error: DeclarationError) -> None:
    for each in error.errors or (error,):
        assert each.code.startswith("HF1")
        assert each.message.startswith("cannot "), each.message
        assert each.where, each.message
        assert len(str(each)) < 20_000


@given(FILES)
def test_any_repository_renders_or_says_what_is_wrong_and_where(files: dict[str, bytes]) -> None:
    with bounded():
        try:
            desired = Repository(files).render(RENDERER)
        except DeclarationError as error:
            check(error)
            return
    assert len({resource.id for resource in desired.resources}) == len(desired.resources)
    assert all(canonical(dict(resource.state.fields)) for resource in desired.resources)


@given(edited(APPLICATIONS, WORDS))
def test_any_application_file_is_read_or_refused_with_its_place(data: bytes) -> None:
    with bounded():
        try:
            read_applications([("a.yaml", data)], Context(folders={"a.yaml": "/srv"}))
        except DeclarationError as error:
            check(error)
