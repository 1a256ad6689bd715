"""Tasks have names and ends; a guarded crash is told and harms nobody."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from holdfast.kit.tasks import Tasks, Wakeup, all_of, in_turn


def test_a_guarded_crash_is_told_and_the_others_go_on() -> None:
    crashes: list[tuple[str, str]] = []
    done: list[str] = []

    async def fails() -> None:
        raise RuntimeError("broken")

    async def works() -> None:
        await asyncio.sleep(0)
        done.append("worked")

    async def story() -> None:
        async with Tasks(on_crash=lambda name, error: crashes.append((name, str(error)))) as tasks:
            tasks.start("bad", fails(), guard=True)
            tasks.start("good", works())

    asyncio.run(story())
    assert crashes == [("bad", "broken")]
    assert done == ["worked"]


def test_an_unguarded_crash_ends_the_group() -> None:
    async def fails() -> None:
        raise RuntimeError("broken")

    async def story() -> None:
        async with Tasks() as tasks:
            tasks.start("waits", asyncio.Event().wait())
            tasks.start("bad", fails())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(story())
    assert str(caught.value.exceptions[0]) == "broken"


def test_names_are_unique_and_stop_ends_all() -> None:
    async def story() -> None:
        async with Tasks() as tasks:
            tasks.start("one", asyncio.Event().wait())
            with pytest.raises(ValueError, match="runs already"):
                tasks.start("one", asyncio.Event().wait())
            assert tasks.names() == ("one",)
            await tasks.stop()
            assert tasks.names() == ()
            assert not tasks.cancel("one")

    asyncio.run(story())


def test_a_task_that_never_began_leaves_nothing_behind() -> None:
    async def never(began: list[str]) -> None:
        began.append("began")

    async def story() -> list[str]:
        began: list[str] = []
        lane = never(began)
        crashes: list[str] = []
        async with Tasks(on_crash=lambda name, _: crashes.append(name)) as tasks:
            tasks.start("lane", lane, guard=True)
            assert tasks.cancel("lane")
            await tasks.ended("lane")
        late = never(began)
        with pytest.raises(RuntimeError):
            tasks.start("late", late, guard=True)
        assert [inspect.getcoroutinestate(one) for one in (lane, late)] == [inspect.CORO_CLOSED, inspect.CORO_CLOSED]
        return began + crashes

    assert asyncio.run(story()) == []


def test_the_own_error_of_a_block_comes_out_as_it_is() -> None:
    async def story() -> None:
        async with Tasks() as tasks:
            tasks.start("waits", asyncio.sleep(60))
            raise KeyError("gone")

    with pytest.raises(KeyError):
        asyncio.run(story())


def test_all_of_keeps_order_and_raises_the_error_itself() -> None:
    async def value(n: int) -> int:
        await asyncio.sleep(0)
        return n

    async def fails() -> int:
        raise KeyError("gone")

    assert asyncio.run(all_of(value(1), value(2))) == [1, 2]
    assert asyncio.run(all_of(value(1))) == [1]
    with pytest.raises(KeyError):
        asyncio.run(all_of(value(1), fails()))


def test_a_new_wakeup_has_not_rung() -> None:
    assert Wakeup().is_rung is False


def test_a_wakeup_remembers_one_ring() -> None:
    async def story() -> tuple[bool, bool]:
        bell = Wakeup()
        bell.wake()
        bell.wake()
        loop = asyncio.get_running_loop()
        return await bell.wait_until(None), await bell.wait_until(loop.time())

    assert asyncio.run(story()) == (True, False)


def test_a_ring_ends_the_wait_at_once_and_is_answered() -> None:
    async def story() -> tuple[bool, bool]:
        bell = Wakeup()
        async with Tasks() as tasks, asyncio.timeout(10):
            tasks.start("rings", rings(bell))
            rang = await bell.wait_until(asyncio.get_running_loop().time() + 60)
            return rang, bell.is_rung

    async def rings(bell: Wakeup) -> None:
        bell.wake()
        bell.wake()

    assert asyncio.run(story()) == (True, False)


def test_a_wait_without_an_end_ends_with_a_ring() -> None:
    async def story() -> bool:
        bell = Wakeup()
        async with asyncio.timeout(10):
            asyncio.get_running_loop().call_soon(bell.wake)
            await bell.wait()
        return bell.is_rung

    assert asyncio.run(story()) is False


def test_a_task_has_its_name_and_may_stop_the_others() -> None:
    async def story() -> list[str | None]:
        told: list[str | None] = []

        async def last(tasks: Tasks) -> None:
            me = asyncio.current_task()
            await tasks.stop()
            told.append(me.get_name() if me else None)

        async with asyncio.timeout(10), Tasks() as tasks:
            tasks.start("waits", asyncio.Event().wait())
            tasks.start("last", last(tasks))
            await tasks.ended("waits")
        return told

    assert asyncio.run(story()) == ["last"]


def test_ended_waits_for_that_task_alone() -> None:
    async def story() -> list[str]:
        told: list[str] = []
        go = asyncio.Event()

        async def waits() -> None:
            await go.wait()
            told.append("ended")

        async with asyncio.timeout(10), Tasks() as tasks:
            tasks.start("one", waits())
            tasks.start("other", asyncio.Event().wait())
            asyncio.get_running_loop().call_soon(go.set)
            await tasks.ended("one")
            await tasks.ended("nobody")
            told.append("told")
            await tasks.stop()
        return told

    assert asyncio.run(story()) == ["ended", "told"]


def test_a_task_is_guarded_only_where_that_is_asked_for() -> None:
    crashes: list[str] = []

    async def fails() -> None:
        raise RuntimeError("broken")

    async def story() -> None:
        async with Tasks(on_crash=lambda name, _: crashes.append(name)) as tasks:
            tasks.start("bad", fails())

    with pytest.raises(ExceptionGroup):
        asyncio.run(story())
    assert crashes == []


def test_in_turn_begins_each_when_it_is_given_and_raises_the_error_itself() -> None:
    async def story(is_well: bool) -> list[str]:
        told: list[str] = []
        bell = Wakeup()

        async def work(name: str) -> None:
            told.append(name)
            bell.wake()
            if not is_well:
                raise KeyError(name)

        async def given() -> AsyncIterator[Coroutine[Any, Any, None]]:
            for name in "abc":
                yield work(name)
                await bell.wait()  # the next is given once this one has begun

        await in_turn(given())
        return told

    assert asyncio.run(story(is_well=True)) == ["a", "b", "c"]
    with pytest.raises(KeyError, match="a"):
        asyncio.run(story(is_well=False))
