"""Streams: server-sent events that can be resumed, and JSON lines with a result at their end.

One task reads what comes into a bounded queue, the request's own writes it out: so a slow reader holds back its source, and a silent source
still has its heartbeat. A reader that went away is seen at the next write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TypeVar

import orjson
from aiohttp import web

from holdfast.api.wire import bug, envelope, error_document, last_line, status_of
from holdfast.errors import HoldfastError
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event

T = TypeVar("T")
QUEUE = 256
HEARTBEAT_S = 15.0


async def start(request: web.Request, content_type: str) -> web.StreamResponse:
    """Return a response whose head is sent. Nothing on the way may buffer or change it (nginx: X-Accel-Buffering)."""
    headers = {"Content-Type": content_type, "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    return response


def sse(event: Event) -> bytes:
    """Return one server-sent event; JSON holds no bare line breaks, so one data line is enough."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.seq, event.type.encode(), orjson.dumps(event.to_json()))


async def relay(
    source: AsyncIterator[T],
    write: Callable[[T], Awaitable[None]],
    beat: Callable[[], Awaitable[None]],
    crashed: Callable[[str, BaseException], None],
    every_s: float,
) -> HoldfastError | None:
    """Write all that `source` yields, and a beat whenever it was silent for `every_s`, until it ends or the reader has gone.

    Returns what the source failed with: its head is sent, so an error can only be the stream's last word.
    """
    queue: asyncio.Queue[T | HoldfastError | None] = asyncio.Queue(QUEUE)

    async def read() -> None:
        end: HoldfastError | None = None
        try:
            async for item in source:
                await queue.put(item)
        except HoldfastError as error:
            end = error
        except Exception as error:  # noqa: BLE001 - a defect ends this stream, not the daemon
            crashed("stream", error)
            end = bug(error)
        await queue.put(end)

    problem: HoldfastError | None = None
    async with Tasks() as tasks:
        tasks.start("read", read())
        try:
            problem = await _write_all(queue, write, beat, every_s)
        except ConnectionError:
            problem = None  # Nobody is there to be told.
        finally:
            await tasks.stop()
    return problem


async def _write_all(
    queue: asyncio.Queue[T | HoldfastError | None],
    write: Callable[[T], Awaitable[None]],
    beat: Callable[[], Awaitable[None]],
    every_s: float,
) -> HoldfastError | None:
    while True:
        try:
            async with asyncio.timeout(every_s):
                item = await queue.get()
        except TimeoutError:
            await beat()
            continue
        if item is None or isinstance(item, HoldfastError):
            return item
        await write(item)


async def of_application(events: AsyncIterator[Event], application: str | None) -> AsyncIterator[Event]:
    """Yield the events of one Application, or all; the daemon's own concern everybody."""
    async for event in events:
        if application is None or event.data.get("application", application) == application:
            yield event


async def send_events(
    request: web.Request, events: AsyncIterator[Event], crashed: Callable[[str, BaseException], None], every_s: float
) -> web.StreamResponse:
    """Answer with server-sent events until the reader goes; an error is a last event of type `error`, without an id."""
    response = await start(request, "text/event-stream")

    async def write(event: Event) -> None:
        await response.write(sse(event))

    async def beat() -> None:
        await response.write(b": heartbeat\n\n")

    with suppress(ConnectionError):
        await beat()  # At once, so that a reader knows that it stands.
        if problem := await relay(events, write, beat, crashed, every_s):
            await response.write(b"event: error\ndata: " + last_line(error_document(problem), status_of(problem)) + b"\n")
    return response


async def send_lines(
    request: web.Request,
    lines: AsyncIterator[T],
    line: Callable[[T], bytes],
    crashed: Callable[[str, BaseException], None],
    every_s: float,
) -> web.StreamResponse:
    """Answer with JSON lines; a beat is an empty line. The last line is an envelope: `End`, or the error that ended it."""
    response = await start(request, "application/x-ndjson")

    async def write(item: T) -> None:
        await response.write(line(item))

    async def beat() -> None:
        await response.write(b"\n")

    with suppress(ConnectionError):
        problem = await relay(lines, write, beat, crashed, every_s)
        await response.write(last_line(error_document(problem), status_of(problem)) if problem else last_line(envelope("End", None), 200))
    return response


async def send_work(
    request: web.Request,
    work: Callable[[], Awaitable[bytes]],
    events: AsyncIterator[Event],
    rest: Callable[[int], Awaitable[Iterable[Event]]],
    crashed: Callable[[str, BaseException], None],
    every_s: float,
) -> web.StreamResponse:
    """Do `work` while its events go out as lines, and end with its document. The work goes on when the reader goes away.

    `rest` gives the events after a seq: those that the work told of last, and that had no time to go out.
    """
    response = await start(request, "application/x-ndjson")
    told = 0

    async def write(event: Event) -> None:
        nonlocal told
        told = event.seq
        await response.write(envelope("Event", event.to_json()) + b"\n")

    async def beat() -> None:
        await response.write(b"\n")

    async with Tasks(on_crash=crashed) as tasks:
        tasks.start("tell", relay(events, write, beat, crashed, every_s), guard=True)
        try:
            end = last_line(await work(), 200)
        except HoldfastError as error:
            end = last_line(error_document(error), status_of(error))
        except Exception as error:  # noqa: BLE001 - the head is sent: a defect can only be the last line
            crashed(request.path, error)
            end = last_line(error_document(bug(error)), 500)
        finally:
            await tasks.stop()
    with suppress(ConnectionError):
        for event in await rest(told):
            await write(event)
        await response.write(end)
    return response
