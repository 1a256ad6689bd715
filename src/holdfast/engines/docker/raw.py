"""Raw streams: what logs, attach and exec send, taken apart.

Without a terminal every piece has a head of eight bytes: which stream, three zeros, its length (Docker Engine API, ContainerAttach). With
one there are no heads: all is standard output.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import NamedTuple

STDIN, STDOUT, STDERR = 0, 1, 2
HEAD = struct.Struct(">BxxxL")
LARGEST = 1 << 24


class Piece(NamedTuple):
    """Bytes of one stream: STDOUT or STDERR."""

    stream: int
    data: bytes


class Apart:
    """Takes a multiplexed stream apart, however it was cut on the way. ValueError where it is none."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Piece]:
        self._rest += data
        found: list[Piece] = []
        while len(self._rest) >= HEAD.size:
            stream, length = HEAD.unpack_from(self._rest)
            if stream > STDERR or length > LARGEST:
                raise ValueError("this is no multiplexed stream")
            if len(self._rest) < HEAD.size + length:
                break
            found.append(Piece(stream, bytes(self._rest[HEAD.size : HEAD.size + length])))
            del self._rest[: HEAD.size + length]
        return found


async def pieces(source: AsyncIterator[bytes], *, is_terminal: bool) -> AsyncIterator[Piece]:
    """Yield the pieces of a stream as they come."""
    apart = Apart()
    async for data in source:
        if is_terminal:
            yield Piece(STDOUT, data)
        else:
            for piece in apart.feed(data):
                yield piece


class Hijacked:
    """A connection that left HTTP: what is written goes to the standard input, what is read is the output. Close it when done."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_terminal: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._is_terminal = is_terminal

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def end_input(self) -> None:
        """Say that there will be no more input."""
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def read(self) -> AsyncIterator[Piece]:
        """Yield what comes until the other side ends."""
        async for piece in pieces(self._bytes(), is_terminal=self._is_terminal):
            yield piece

    async def _bytes(self) -> AsyncIterator[bytes]:
        while data := await self._reader.read(1 << 16):
            yield data

    async def aclose(self) -> None:
        self._writer.transport.abort()
