"""The routes of the edge over a real unix socket: what they pass on, and what they refuse."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.api.test_server import World, world

from holdfast.errors import Refused


@pytest.fixture
def socket_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        yield Path(folder) / "run" / "api.sock"


def play(path: Path, story: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with world(path) as it:
            await story(it)

    asyncio.run(whole())


def test_what_a_person_says_is_passed_on_with_who_it_is(socket_path: Path) -> None:
    async def story(it: World) -> None:
        body = {"site": "shop", "how": "maintenance", "message": "soon", "until": 5_000.0}
        status, lines = await it.post("/v1/edge/close", body)
        assert (status, lines[0]["kind"], lines[0]["data"]["closed"]["until"]) == (200, "SiteClosed", 5_000.0)
        status, lines = await it.post("/v1/edge/open", {"site": "shop", "how": "pause"})
        assert (status, lines[0]["data"]["closed"]) == (200, None)
        (close, site, how, person, message, until), opened = it.service.asked
        assert (close, site, how, message, until) == ("close", "shop", "maintenance", "soon", 5_000.0)
        assert person.startswith(f"{os.geteuid()} ")
        assert opened == ("open", "shop", "pause", person)

    play(socket_path, story)


@pytest.mark.parametrize(
    "body",
    [
        {"site": "shop"},
        {"how": "pause"},
        {"site": "shop", "how": "gone"},
        {"site": "shop", "how": "pause", "until": "soon"},
        {"site": "shop", "how": "pause", "message": "x" * 2_001},
        {"site": "shop", "how": "pause", "all": True},
    ],
)
def test_whatever_is_not_understood_is_refused_and_nothing_asked(socket_path: Path, body: dict[str, object]) -> None:
    async def story(it: World) -> None:
        status, lines = await it.post("/v1/edge/close", body)
        assert (status, lines[0]["data"]["code"], it.service.asked) == (400, "HF7005", [])

    play(socket_path, story)


def test_it_is_shown_and_visited_and_a_refusal_is_told(socket_path: Path) -> None:
    async def story(it: World) -> None:
        it.service.edge.looks.append({"site": "Site/shop/shop", "url": "https://a:443/", "message": None})
        assert (await it.get("/v1/edge"))[1]["data"] == {"nginx": None, "sites": []}
        assert (await it.get("/v1/edge/looks"))[1]["data"]["looks"][0]["url"] == "https://a:443/"
        assert (await it.get("/v1/edge?site=shop"))[0] == 400
        it.service.fail["open"] = Refused("HF7011", "cannot end it: Git says it")
        status, lines = await it.post("/v1/edge/open", {"site": "shop", "how": "pause"})
        assert (status, lines[0]["data"]["code"]) == (403, "HF7011")

    play(socket_path, story)
