"""Which commit of which source a revision means."""

from __future__ import annotations

import pytest

from holdfast.declare.source import Source, followed_of, labels_of, references_in, targets
from holdfast.errors import SourceError
from holdfast.kit.canonical import Json
from holdfast.model.source import commits_of, joined, short

ONE, TWO = "1" * 40, "2" * 40
BASE = Source(repository="https://git.example/team/base.git", target_revision="main", path="base")
OVERLAY = Source(repository="https://git.example/team/base.git", target_revision="main", path="overlay")
CONFIG = Source(repository="git@git.example:team/config.git", target_revision="^1", name="settings", ref="values")
BOTH = (BASE, OVERLAY, CONFIG)


def test_two_sources_that_follow_the_same_are_one_commit() -> None:
    assert followed_of(BOTH) == (("https://git.example/team/base.git", "main"), ("git@git.example:team/config.git", "^1"))
    assert followed_of((CONFIG, BASE)) == (CONFIG.followed, BASE.followed)


@pytest.mark.parametrize(
    ("revision", "wanted"),
    [
        (None, ("main", "^1")),
        ("feature", ("feature", "^1")),
        (ONE, (ONE, "^1")),
        ("settings=v2", ("main", "v2")),
        ("values=v2", ("main", "v2")),
        ("3=v2", ("main", "v2")),
        ("2=feature", ("feature", "^1")),
        ("nobody=v2", ("nobody=v2", "^1")),
        ("settings=", ("settings=", "^1")),
        ("=v2", ("=v2", "^1")),
        (f"{ONE}+{TWO}", (ONE, TWO)),
        ("11111+22222", ("11111", "22222")),
    ],
)
def test_a_revision_is_meant_for_the_first_source_unless_it_names_another(revision: str | None, wanted: tuple[str, ...]) -> None:
    assert targets(BOTH, revision) == wanted


def test_of_one_source_every_word_is_its_revision() -> None:
    for word in ("a=b", "1=b", "abcd+beef", "v1.2.0+build"):
        assert targets((CONFIG,), word) == (word,)


@pytest.mark.parametrize("sources", [(BASE,), (BASE, CONFIG, Source(repository="/srv/more"))])
def test_a_revision_of_another_number_of_sources_is_none(sources: tuple[Source, ...]) -> None:
    with pytest.raises(SourceError, match="it is of 2 sources") as caught:
        targets(sources, f"{ONE}+{TWO}")
    assert caught.value.code == "HF4038"


def test_sources_are_told_apart_by_name_reference_or_repository_where_a_path_does_not() -> None:
    assert labels_of((BASE, OVERLAY)) == ("", "")
    assert labels_of((BASE, CONFIG)) == ("base", "settings")
    old = Source(repository=BASE.repository, target_revision="v1", path="base")
    assert labels_of((BASE, old)) == ("base#1", "base#2")
    assert labels_of((BASE, Source(repository="git@git.example:config.git"))) == ("base", "config")
    for name in ("a\x1b[31m", "a" * 64):
        assert labels_of((BASE, Source(repository="/srv/config", name=name))) == ("base", "config")


def test_commits_are_joined_and_taken_apart_again() -> None:
    assert commits_of(joined((ONE, TWO))) == (ONE, TWO)
    assert joined((ONE,)) == ONE
    assert commits_of("v1.2.0+build") == ("v1.2.0+build",)
    assert short(f"{ONE}+{TWO}") == f"{ONE[:12]}+{TWO[:12]}"
    assert short("main") == "main"


def test_the_references_that_options_of_a_chart_name_are_found() -> None:
    helm: dict[str, Json] = {
        "valueFiles": ["a.yaml", "$values/b.yaml", "/c.yaml", 3],
        "fileParameters": [{"name": "x", "path": "$more/x"}, "odd"],
    }
    assert references_in(helm) == {"values", "more"}
    assert references_in({}) == references_in({"valueFiles": "odd", "fileParameters": "odd"}) == frozenset()
