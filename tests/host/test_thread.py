"""A thread for one piece of work."""

from __future__ import annotations

import asyncio
import threading

import pytest

from holdfast.host.memory import give_back, use_one_heap
from holdfast.host.thread import in_thread


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("work")]


def test_its_result_comes_back_from_elsewhere() -> None:
    assert asyncio.run(in_thread(threading.get_ident)) != threading.get_ident()


def test_its_error_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(lambda: 1 // 0))


def test_the_thread_ends_with_the_work() -> None:
    async def story() -> list[threading.Thread]:
        return [await in_thread(threading.current_thread) for _ in range(3)]

    for thread in asyncio.run(story()):
        thread.join(timeout=10.0)
        assert not thread.is_alive()
    assert names() == []


def test_a_caller_that_gives_up_leaves_the_work_to_its_end() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go_on.wait(timeout=10.0)
        ended.set()

    async def story() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_thread(work)

    asyncio.run(story())
    assert begun.is_set()
    assert not ended.is_set()
    go_on.set()
    assert ended.wait(timeout=10.0)


def test_giving_memory_back_asks_the_allocator_and_changes_nothing_else() -> None:
    kept = [bytes(1000) for _ in range(1000)]
    use_one_heap()
    give_back()
    assert all(each == bytes(1000) for each in kept)
