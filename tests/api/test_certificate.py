"""The routes of certificates over a real unix socket: what they pass on, and what they refuse."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from tests.api.test_server import World, declared, world

from holdfast.errors import Rejected


@pytest.fixture
def socket_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        yield Path(folder) / "run" / "api.sock"


def play(path: Path, story: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with world(path) as it:
            it.service.certificates.put("shop")
            await story(it)

    asyncio.run(whole())


def test_what_is_asked_is_passed_on_with_the_person_of_the_kernel(socket_path: Path) -> None:
    async def story(it: World) -> None:
        me = f"{os.geteuid()} "
        for path, body, asked in (
            ("renew", {"force": True}, ("renew", True)),
            ("renew", {}, ("renew", False)),
            ("renew", {"dry_run": True, "force": False}, ("rehearse",)),
            ("revoke", {"reason": "keyCompromise"}, ("revoke", "keyCompromise")),
            ("take-over", {}, ("take_over",)),
        ):
            status, lines = await it.post(f"/v1/certificates/{path}", {"certificate": "shop.example.com", **body})
            assert (status, lines[-1]["status"]) == (200, 200)
            what, id, *rest = it.service.asked[-1]
            people = [each for each in rest if isinstance(each, str) and each.startswith(me)]
            assert (what, *[each for each in rest if each not in people]) == asked
            assert (id, len(people)) == ("Certificate/shop/shop", 0 if what == "rehearse" else 1)

    play(socket_path, story)


def test_events_of_its_application_go_out_meanwhile_and_a_document_at_the_end(socket_path: Path) -> None:
    async def story(it: World) -> None:
        it.service.during = [declared("blog"), declared("shop")]
        _, lines = await it.post("/v1/certificates/renew", {"certificate": "shop"})
        assert [(line["kind"], line["data"].get("subject")) for line in lines] == [("Event", "Application/shop"), ("Renewal", None)]

    play(socket_path, story)


def test_a_failure_is_the_last_line(socket_path: Path) -> None:
    async def story(it: World) -> None:
        it.service.fail["revoke"] = Rejected("HF3157", "no issuer gave it")
        status, lines = await it.post("/v1/certificates/revoke", {"certificate": "shop", "reason": "superseded"})
        assert (status, lines[-1]["status"], lines[-1]["data"]["code"]) == (200, 424, "HF3157")

    play(socket_path, story)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("renew", {}, 400, "HF7005"),
        ("renew", {"certificate": "shop", "now": True}, 400, "HF7005"),
        ("renew", {"certificate": "shop", "force": "perhaps"}, 400, "HF7005"),
        ("renew", {"certificate": "nobody"}, 404, "HF7009"),
        ("revoke", {"certificate": "shop"}, 400, "HF7005"),
        ("revoke", {"certificate": "a\nb", "reason": "superseded"}, 400, "HF7005"),
        ("take-over", {"certificate": "shop", "force": True}, 400, "HF7005"),
        ("forget", {"certificate": "shop"}, 404, "HF7001"),
    ],
)
def test_whatever_is_not_understood_is_refused_and_nothing_asked(
    socket_path: Path, path: str, body: dict[str, object], status: int, code: str
) -> None:
    async def story(it: World) -> None:
        answered, lines = await it.post(f"/v1/certificates/{path}", body)
        assert (answered, lines[0]["data"]["code"]) == (status, code)
        assert it.service.asked == []

    play(socket_path, story)


def test_they_are_listed_for_all_or_one_application(socket_path: Path) -> None:
    async def story(it: World) -> None:
        it.service.certificates.put("blog", "blog")
        for query, names in (("", ["shop", "blog"]), ("?application=blog", ["blog"]), ("?application=nobody", [])):
            status, document = await it.get(f"/v1/certificates{query}")
            assert (status, document["kind"]) == (200, "Certificates")
            assert [each["id"].rpartition("/")[2] for each in document["data"]["certificates"]] == names
        assert (await it.get("/v1/certificates?host=a"))[0] == 400

    play(socket_path, story)
