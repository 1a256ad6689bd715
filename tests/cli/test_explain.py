"""Every code of the catalogue is explained, in text and as a document; so is every field of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.daemon import Runner

from holdfast.cli.explain import catalogue
from holdfast.cli.explain_kind import describe, kinds


@pytest.mark.parametrize("code", catalogue())
def test_every_code_is_explained(holdfast: Runner, code: str) -> None:
    entry = catalogue()[code]
    ran = holdfast("explain", code, "--json")
    assert (ran.code, ran.document["kind"]) == (0, "Explanation")
    assert ran.data == {
        "code": code,
        "title": entry.title,
        "meaning": entry.meaning,
        "cause": entry.cause,
        "next_step": entry.next_step,
    }
    words = " ".join(holdfast("explain", code.lower()).out.split())
    for part in (entry.title, entry.meaning, entry.cause, entry.next_step):
        assert " ".join(part.split()) in words


def test_all_are_listed(holdfast: Runner) -> None:
    data = holdfast("explain", "--json").data
    assert [entry["code"] for entry in data["entries"]] == list(catalogue())
    assert data["kinds"] == list(kinds())
    assert "HF8003  No daemon is running" in holdfast("explain").out


def test_what_is_not_known_is_refused_with_a_guess(holdfast: Runner) -> None:
    for word, guess in (("HF800", "HF8005"), ("proces", "Process"), ("Process.comand", "Process.command")):
        ran = holdfast("explain", word, "--json")
        assert (ran.code, ran.data["code"]) == (64, "HF8008")
        assert guess[:4] in ran.data["hint"]


def paths(path: str, depth: int = 0) -> Iterator[str]:
    told = describe(path)
    assert told is not None
    yield path
    for field in told["fields"] if depth < 4 else ():
        yield from paths(f"{path}.{field['name']}", depth + 1)


@pytest.mark.parametrize("kind", kinds())
def test_every_field_of_every_kind_can_be_asked_for(holdfast: Runner, kind: str) -> None:
    every = [describe(path) for path in paths(kind)]
    assert len(every) > 2
    assert [each["path"] for each in every if each is not None and not each["description"]] == []
    told: Any = holdfast("explain", kind, "--json").data
    assert told["schema"]["properties"]["kind"] == {"const": kind}
    out = holdfast("explain", kind.lower()).out
    assert all(field["name"] in out for field in told["fields"])


def test_a_field_says_its_type_its_default_and_what_it_is_for(holdfast: Runner) -> None:
    told = holdfast("explain", "Process.spec.replicas", "--json").data
    assert (told["type"], told["default"], told["is_required"]) == ("integer", 1, False)
    assert "How many run at once" in told["description"]
    assert holdfast("explain", "Process.command", "--json").data["is_required"] is True
