"""The source controller: from a state of Git and one push, silence or repair to the events that tell of it and what is offered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from holdfast.controllers.source.controller import AGAIN, SourceController
from holdfast.controllers.source.rendering import Rendering, Sourced
from holdfast.core import fold
from holdfast.core.view import View
from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.declare.source import Source
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ports import Write
from holdfast.model.resource import Desired
from holdfast.model.source import Git, Tree
from holdfast.model.state import Facts
from holdfast.source.git import GitPolicy, MirroredGit
from holdfast.testing.fault import Weather
from holdfast.testing.simulated_git import SimulatedGit
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.workload.file import FileKind

T = TypeVar("T")
REPOSITORY = "https://git.example.org/shop"
LATER = "https://git.example.org/later"
DEPLOY = Source(repository=REPOSITORY, target_revision="main", path="deploy")
SHOP = Sourced(name="shop", sources=(DEPLOY,), namespace="shop", destination="host")


def file(name: str, content: str = "hello") -> str:
    spec = f"path: {name}.txt, content: {content}"
    return f"apiVersion: holdfast.dev/v1alpha1\nkind: File\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


GOOD = {"deploy/a.yaml": file("a"), "README": "words"}
BROKEN = {"deploy/a.yaml": "kind: Fiel\n"}


@dataclass
class Told:
    """A journal, and whoever is offered to."""

    events: list[Event] = field(default_factory=list)
    offers: list[tuple[str, str, str]] = field(default_factory=list)
    """Application, revision, digest."""
    rewound: list[bool] = field(default_factory=list)
    """Of each offer, whether Git went back for it."""
    trees: list[Tree] = field(default_factory=list)
    is_whole: dict[str, bool] = field(default_factory=dict)
    crashes: list[BaseException] = field(default_factory=list)

    async def emit(self, *events: Event) -> None:
        self.events += events

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        return ()

    def offer(self, desired: Desired, trees: tuple[Tree, ...], is_rewound: bool) -> None:
        self.offers.append((desired.application, desired.revision, desired.digest))
        self.rewound.append(is_rewound)
        self.trees += trees
        self.is_whole[desired.application] = True

    def incomplete(self, name: str) -> None:
        self.is_whole[name] = False

    def crashed(self, name: str, error: BaseException) -> None:
        self.crashes.append(error)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def take(self) -> list[str]:
        """Return what was told since the last time."""
        types, self.events = self.types, []
        return types


@dataclass
class House:
    """A running controller on a simulated Git."""

    git: SimulatedGit
    told: Told
    controller: SourceController
    facts: Facts = field(default_factory=Facts)

    async def settle(self, seconds: float = 1.0) -> None:
        """Let whatever is under way come to its end, on virtual time."""
        await self.git.clock.sleep(seconds)


def controller_on(git: Git, told: Told, facts: Callable[[], Facts]) -> SourceController:
    async def javascript(tree: Tree, path: str) -> bytes | None:
        return None

    rendering = Rendering(
        git=git,
        renderer=Renderer(Registry(kinds=(FileKind(),))),
        javascript=javascript,
        facts=facts,
        allowed=frozenset(),
        had_resources=lambda name: False,
        now=lambda: 0.0,
    )
    return SourceController(
        git=git,
        rendering=rendering,
        journal=told,
        clock=SimulatedClock(),
        random=SimulatedRandom(5),
        offer=told.offer,
        incomplete=told.incomplete,
        newest=lambda name: told.offers[-1][1] if told.offers else None,
        crashed=told.crashed,
    )


def in_house(story: Callable[[House], Awaitable[T]], *sources: Sourced, files: dict[str, Any] | None = None) -> T:
    """Run a story beside a controller that follows `sources`, from a first commit on."""

    async def whole() -> T:
        told = Told()
        git = SimulatedGit(clock=SimulatedClock(), weather=Weather(SimulatedRandom(1)))
        git.commit(REPOSITORY, GOOD if files is None else files)
        house = House(git, told, controller_on(git, told, lambda: house.facts))
        for source in sources or (SHOP,):
            await house.controller.add(source)
        async with Tasks() as tasks:
            tasks.start("source", house.controller.run())
            await house.settle()
            result = await story(house)
            await tasks.stop()
        assert told.crashes == []
        return result

    return run(3, whole())


def view_of(events: list[Event]) -> View:
    return fold.fold(View(), (replace(event, seq=number) for number, event in enumerate(events, 1)))


def test_the_first_commit_is_fetched_rendered_and_offered() -> None:
    async def story(house: House) -> None:
        assert house.told.types == ["revision.fetched", "revision.rendered"]
        [(name, revision, digest)] = house.told.offers
        assert (name, revision) == ("shop", house.told.events[0].revision)
        assert house.told.events[1].data["digest"] == digest
        assert set(house.told.trees[0].blobs) == {"a.yaml"}
        desired = house.controller.desired("shop")
        assert desired is not None
        assert [str(resource.id) for resource in desired] == ["File/shop/a"]

    in_house(story)


def test_a_push_is_offered_and_a_hint_without_a_move_is_silent() -> None:
    async def story(house: House) -> None:
        house.told.take()
        second = house.git.commit(REPOSITORY, {**GOOD, "deploy/b.yaml": file("b")})
        await house.settle()
        assert house.told.take() == ["revision.fetched", "revision.rendered"]
        assert house.told.offers[-1][1] == second
        house.git.tag(REPOSITORY, "v1", second)
        await house.settle()
        assert house.told.take() == []
        assert len(house.told.offers) == 2

    in_house(story)


def test_a_render_with_errors_is_told_once_and_the_last_good_one_stays_until_it_is_mended() -> None:
    async def story(house: House) -> None:
        house.told.take()
        broken = house.git.commit(REPOSITORY, BROKEN)
        await house.settle()
        assert [event.type for event in house.told.events] == ["revision.fetched", "render.failed"]
        assert house.told.events[1].revision == broken
        errors: Any = house.told.events[1].data["errors"]
        assert errors[0]["where"][0]["path"] == "deploy/a.yaml"
        house.told.take()
        house.git.tag(REPOSITORY, "v1", broken)
        await house.settle()
        await house.controller.refresh("shop")
        assert house.told.take() == []
        assert house.told.is_whole == {"shop": False}
        assert len(house.told.offers) == 1
        mended = house.git.commit(REPOSITORY, GOOD)
        await house.settle()
        assert house.told.take() == ["revision.fetched", "revision.rendered"]
        assert house.told.offers[-1][1] == mended
        assert house.told.is_whole == {"shop": True}

    in_house(story)


def test_going_back_to_the_last_good_commit_takes_the_error_away() -> None:
    async def story(house: House) -> None:
        good = house.told.offers[0][1]
        house.git.commit(REPOSITORY, BROKEN)
        await house.settle()
        house.git.point(REPOSITORY, "main", good)
        await house.settle()
        view = view_of(house.told.events)
        assert view.applications["shop"].render_errors == []
        assert view.applications["shop"].desired_revision == good
        assert house.told.is_whole == {"shop": True}

    in_house(story)


def test_an_offer_says_whether_git_went_back_for_it() -> None:
    async def story(house: House) -> None:
        first = house.told.offers[0][1]
        house.git.commit(REPOSITORY, {**GOOD, "more": "x"})
        await house.settle()
        house.git.point(REPOSITORY, "main", first)
        await house.settle()
        house.git.commit(REPOSITORY, {**GOOD, "other": "x"})
        await house.settle()
        assert house.told.rewound == [False, False, True, False]

    in_house(story)


def test_a_silent_source_is_told_once_tried_again_by_itself_and_whole_again_afterwards() -> None:
    async def story(house: House) -> None:
        house.told.take()
        house.git.silent.add(REPOSITORY)
        await house.controller.refresh("shop")
        assert house.told.types == ["source.failed"]
        error: Any = house.told.events[0].data["error"]
        assert error["code"] == "HF4013"
        assert house.told.is_whole == {"shop": False}
        asked = len(house.git.asked)
        await house.settle(1800.0)
        assert house.told.take() == ["source.failed"]
        tries = len(house.git.asked) - asked
        assert 1800.0 / AGAIN.cap_s <= tries <= 20
        house.git.silent.clear()
        await house.settle(AGAIN.cap_s)
        assert house.told.take() == ["source.recovered"]
        assert house.told.is_whole == {"shop": True}
        assert house.told.offers[-1] == house.told.offers[0]
        assert house.controller.desired("shop") is not None

    in_house(story)


def test_what_is_pushed_while_the_source_is_silent_comes_when_it_answers() -> None:
    async def story(house: House) -> None:
        house.git.silent.add(REPOSITORY)
        await house.controller.refresh("shop")
        house.told.take()
        commit = house.git.commit(REPOSITORY, {**GOOD, "deploy/b.yaml": file("b")})
        house.git.silent.clear()
        await house.controller.refresh("shop")
        assert house.told.types == ["revision.fetched", "revision.rendered"]
        assert house.told.offers[-1][1] == commit
        view = view_of(house.told.events)
        assert view.applications["shop"].source_error is None

    in_house(story)


def test_a_source_that_recovers_at_a_broken_commit_stays_incomplete() -> None:
    async def story(house: House) -> None:
        house.git.commit(REPOSITORY, BROKEN)
        await house.settle()
        house.git.silent.add(REPOSITORY)
        await house.controller.refresh("shop")
        house.git.silent.clear()
        house.told.take()
        await house.controller.refresh("shop")
        assert house.told.take() == ["source.recovered"]
        assert house.told.is_whole == {"shop": False}

    in_house(story)


def test_a_tree_that_is_refused_changes_nothing() -> None:
    async def story(house: House) -> None:
        house.told.take()
        house.git.commit(REPOSITORY, {**GOOD, "deploy/link": (0o120000, b"/etc/passwd")})
        await house.settle()
        assert house.told.take() == ["revision.fetched", "source.failed"]
        house.git.commit(REPOSITORY, {"elsewhere": "x"})
        await house.settle()
        assert house.told.types == ["revision.fetched", "source.failed"]
        error: Any = house.told.events[1].data["error"]
        assert error["code"] == "HF4025"
        assert len(house.told.offers) == 1
        assert house.told.is_whole == {"shop": False}

    in_house(story)


def test_a_repository_that_is_not_there_yet_is_followed_once_it_is() -> None:
    async def story(house: House) -> None:
        assert house.told.take() == ["source.failed"]
        house.git.commit(LATER, GOOD)
        await house.settle()
        assert house.told.take() == ["revision.fetched", "revision.rendered"]

    in_house(story, replace(SHOP, sources=(replace(DEPLOY, repository=LATER),)))


def test_a_secret_that_changed_is_rendered_again_at_the_same_commit() -> None:
    async def story(house: House) -> None:
        house.told.take()
        house.facts = Facts(fingerprints={"token": "two"})
        await house.controller.refresh("shop")
        assert house.told.take() == ["revision.rendered"]
        first, second = house.told.offers
        assert first[1] == second[1]
        assert first[2] != second[2]
        await house.controller.refresh("shop")
        assert house.told.take() == []

    in_house(story, files={"deploy/a.yaml": file("a", "{secret: token}")})


def test_two_applications_share_one_watch_and_each_gets_its_own() -> None:
    async def story(house: House) -> None:
        assert sorted(offer[0] for offer in house.told.offers) == ["other", "shop"]
        house.git.commit(REPOSITORY, {**GOOD, "deploy/b.yaml": file("b")})
        await house.settle()
        assert sorted(offer[0] for offer in house.told.offers[2:]) == ["other", "shop"]
        await house.controller.remove("other")
        house.told.take()
        house.git.commit(REPOSITORY, GOOD)
        await house.settle()
        assert [offer[0] for offer in house.told.offers[4:]] == ["shop"]
        await house.controller.add(replace(SHOP, name="third"))
        await house.settle()
        assert house.told.offers[-1][0] == "third"
        assert house.controller.desired("other") is None

    in_house(story, SHOP, replace(SHOP, name="other"))


def test_another_path_or_revision_is_followed_and_the_same_again_is_left_alone() -> None:
    async def story(house: House) -> None:
        await house.controller.add(SHOP)
        await house.settle()
        assert len(house.told.offers) == 1
        commit = house.git.commit(REPOSITORY, {"live/b.yaml": file("b")}, branch="release")
        await house.settle()
        assert len(house.told.offers) == 1
        await house.controller.add(replace(SHOP, sources=(replace(DEPLOY, path="live", target_revision="release"),)))
        await house.settle()
        assert house.told.offers[-1][1] == commit

    in_house(story)


def test_what_is_removed_while_git_answers_is_not_offered() -> None:
    async def story(house: House) -> None:
        house.git.commit(REPOSITORY, {**GOOD, "deploy/b.yaml": file("b")})
        async with Tasks() as tasks:
            tasks.start("refresh", house.controller.refresh("shop"))
            await house.settle(0.001)
            await house.controller.remove("shop")
        await house.settle()
        assert len(house.told.offers) == 1
        await house.controller.refresh("shop")

    in_house(story)


def test_a_file_that_a_declaration_asks_for_is_read() -> None:
    async def story(house: House) -> None:
        desired = house.controller.desired("shop")
        assert desired is not None
        assert "from Git" in str(desired.resources[0].state.fields)

    asking = file("a").replace("content: hello", "contentFrom: {file: page.html}")
    in_house(story, files={"deploy/a.yaml": asking, "deploy/page.html": "from Git"})


def test_an_address_that_nobody_allowed_is_told_and_not_tried_again(tmp_path: Path) -> None:
    async def story() -> Told:
        told = Told()
        git = MirroredGit(tmp_path, clock=SimulatedClock(), random=SimulatedRandom(1), policy=GitPolicy())
        controller = controller_on(git, told, Facts)
        await controller.add(replace(SHOP, sources=(replace(DEPLOY, repository="/srv/shop"),)))
        async with Tasks() as tasks:
            tasks.start("source", controller.run())
            await asyncio.sleep(3600.0)
            await tasks.stop()
        return told

    told = run(3, story())
    assert told.types == ["source.failed"]
    error: Any = told.events[0].data["error"]
    assert error["code"] == "HF4003"
    assert told.crashes == []
