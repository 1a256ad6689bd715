"""The source controller with an Application of several sources: none moves without the others, and each is watched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.controllers.test_source import DEPLOY, GOOD, REPOSITORY, SHOP, House, file, in_house

from holdfast.declare.source import Source
from holdfast.errors import SourceError

CONFIG = "https://git.example.org/config"
SECOND = Source(repository=CONFIG, target_revision="main", name="config", written="spec.sources[1]")
BOTH = replace(SHOP, sources=(DEPLOY, SECOND))
SETTINGS = {"settings.yaml": file("settings")}


def beside_config(story: Callable[[House], Awaitable[None]]) -> Callable[[House], Awaitable[None]]:
    """Return the story of a house whose second repository came, and was rendered."""

    async def whole(house: House) -> None:
        [failed] = house.told.events
        error: Any = failed.data["error"]
        assert failed.type == "source.failed"
        assert CONFIG in error["message"]
        assert house.told.is_whole == {"shop": False}
        house.told.take()
        house.git.commit(CONFIG, SETTINGS)
        await house.settle()
        assert house.told.take() == ["revision.fetched", "revision.rendered"]
        await story(house)

    return whole


def test_the_revision_names_the_commit_of_each_and_either_repository_moves_it() -> None:
    async def story(house: House) -> None:
        first, second = house.told.offers[-1][1].split("+")
        third = house.git.commit(CONFIG, {**SETTINGS, "more.yaml": file("more")})
        await house.settle()
        fetched, rendered = house.told.events
        assert (fetched.revision, fetched.data["repository"], fetched.data["commit"]) == (f"{first}+{third}", CONFIG, third)
        assert rendered.revision == house.told.offers[-1][1] == f"{first}+{third}"
        assert third != second
        fourth = house.git.commit(REPOSITORY, {**GOOD, "deploy/b.yaml": file("b")})
        await house.settle()
        assert house.told.offers[-1][1] == f"{fourth}+{third}"
        assert [tree.path for tree in house.told.trees[-2:]] == ["deploy", ""]
        desired = house.controller.desired("shop")
        assert desired is not None
        assert [each.id.name for each in desired] == ["a", "b", "more", "settings"]
        assert house.told.rewound[-1] is False

    in_house(beside_config(story), BOTH)


def test_a_repository_that_goes_back_is_seen_whichever_it_is() -> None:
    async def story(house: House) -> None:
        before = house.told.offers[-1][1].split("+")[1]
        house.git.commit(CONFIG, {**SETTINGS, "more.yaml": file("more")})
        await house.settle()
        assert house.told.rewound[-1] is False
        house.git.point(CONFIG, "main", before)
        await house.settle()
        assert house.told.rewound[-1] is True

    in_house(beside_config(story), BOTH)


def test_sources_of_one_commit_are_resolved_once_and_keep_its_plain_revision() -> None:
    async def story(house: House) -> None:
        [(_, revision, _)] = house.told.offers
        assert len(revision) == 40
        assert len(house.told.trees) == 2

    files = {**GOOD, "more/b.yaml": file("b")}
    in_house(story, replace(SHOP, sources=(DEPLOY, replace(DEPLOY, path="more"))), files=files)


def test_a_broken_commit_of_the_second_source_leaves_all_in_force() -> None:
    async def story(house: House) -> None:
        offers = len(house.told.offers)
        broken = house.git.commit(CONFIG, {"settings.yaml": "kind: Fiel\n"})
        await house.settle()
        assert house.told.types[-1] == "render.failed"
        event = house.told.events[-1]
        assert (event.revision or "").endswith(f"+{broken}")
        errors: Any = event.data["errors"]
        assert errors[0]["where"][0]["path"] == "config:settings.yaml"
        assert (len(house.told.offers), house.told.is_whole) == (offers, {"shop": False})

    in_house(beside_config(story), BOTH)


def test_files_for_other_sources_move_the_revision_and_give_nothing() -> None:
    async def story(house: House) -> None:
        desired = house.controller.desired("shop")
        assert desired is not None
        assert [each.id.name for each in desired] == ["a"]
        assert len(house.told.offers[-1][1].split("+")) == 2

    values = replace(SECOND, ref="values", has_resources=False)
    in_house(beside_config(story), replace(SHOP, sources=(DEPLOY, values)))


def test_a_repository_that_an_application_left_is_watched_no_longer_and_shared_ones_are() -> None:
    async def story(house: House) -> None:
        await house.controller.add(replace(SHOP, name="other"))
        await house.controller.remove("shop")
        await house.settle()
        house.told.take()
        house.git.commit(CONFIG, {})
        await house.settle()
        assert house.told.take() == []
        house.git.commit(REPOSITORY, {**GOOD, "deploy/b.yaml": file("b")})
        await house.settle()
        assert house.told.take() == ["revision.fetched", "revision.rendered"]

    in_house(beside_config(story), BOTH)


def test_who_shares_one_of_the_sources_is_behind_until_it_read_its_commit() -> None:
    async def story(house: House) -> None:
        await house.controller.add(replace(SHOP, name="other", sources=(SECOND,)))
        await house.settle()
        revision = house.told.offers[-1][1]
        both = next(told for name, told, _ in reversed(house.told.offers) if name == "shop")
        assert both.endswith(f"+{revision}")
        assert not house.controller.are_behind("shop", both)
        assert house.controller.are_behind("shop", f"{both.split('+')[0]}+{'e' * 40}")
        assert not house.controller.are_behind("shop", "e" * 40)

    in_house(beside_config(story), BOTH)


def test_any_revision_of_either_source_can_be_rendered() -> None:
    async def story(house: House) -> None:
        old = house.told.offers[-1][1]
        third = house.git.commit(CONFIG, {**SETTINGS, "more.yaml": file("more")})
        await house.settle()
        rendering = house.controller._rendering
        desired, _ = await rendering.at(BOTH, old)
        assert (desired.revision, [each.id.name for each in desired]) == (old, ["a", "settings"])
        feature = house.git.commit(CONFIG, {"feature.yaml": file("feature")}, branch="feature")
        desired, _ = await rendering.at(BOTH, "config=feature")
        assert (desired.revision, [each.id.name for each in desired]) == (f"{old.split('+')[0]}+{feature}", ["a", "feature"])
        desired, _ = await rendering.at(BOTH, old.split("+")[0])
        assert desired.revision == f"{old.split('+')[0]}+{third}"
        with pytest.raises(SourceError, match="it is of 3 sources"):
            await rendering.at(BOTH, f"{old}+{third}")

    in_house(beside_config(story), BOTH)
