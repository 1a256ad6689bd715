"""Broken input made of good input, and what no input may cost. Used by test_fuzz_*.py.

A corpus of whole files is edited: pieces go, come twice, come from another file or from a list of words, bytes flip, a piece comes a
thousand times. That finds what random bytes never reach: the far side of a reader's first check.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from hypothesis import strategies as st

IS_SOAK = bool(os.environ.get("HOLDFAST_SOAK"))
MOST_BYTES = 64 << 20
"""By which one input may raise the most memory that this process ever had."""
LONGEST_S = 1.0
"""Of processor time for one input; judged in `make soak` alone, since no test of `make test` is judged by time."""
STUCK_S = 120.0
"""After which a reader that even the timer cannot end is told with its stack."""
MANY = 1000
LARGEST = 64 * 1024

CORPUS = Path(__file__).with_name("corpus")

Edit = Callable[[bytes], bytes]


def corpus(kind: str) -> tuple[bytes, ...]:
    """Return the whole files that broken ones of this kind are made of."""
    return tuple(path.read_bytes() for path in sorted((CORPUS / kind).iterdir()))


def words(text: str) -> tuple[bytes, ...]:
    """Return the words of a list that `¦` divides, with Python's escapes."""
    return tuple(word.encode().decode("unicode_escape").encode("latin-1") for word in text.split("¦"))


@contextmanager
def bounded() -> Iterator[None]:
    """Fail what takes too much memory, and in the soak run what computes for too long."""
    before = _peak()
    gc.freeze()  # what was there before is not this input's to collect: after many thousand examples that alone takes a second
    try:
        with _timed() if IS_SOAK else _untimed():
            yield
    finally:
        gc.unfreeze()
    grown = _peak() - before
    assert grown <= MOST_BYTES, f"one input took {grown >> 20} MiB"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@contextmanager
def _untimed() -> Iterator[None]:
    yield


@contextmanager
def _timed() -> Iterator[None]:
    """Raise in whatever computes for longer than `LONGEST_S`. The timer counts this process's own time, so a busy machine is no hang."""
    before = signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
    faulthandler.dump_traceback_later(STUCK_S, exit=True, file=sys.__stderr__ or sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def _too_long(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"one input takes more than {LONGEST_S:g} s")


def edited(corpus: Sequence[bytes], words: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return files of `corpus` after a few edits, with pieces of each other and `words` in them."""
    edits = st.one_of(
        st.builds(_cut, _PLACES, _LENGTHS),
        st.builds(_put, _PLACES, st.sampled_from(words) | st.binary(max_size=4)),
        st.builds(_graft, _PLACES, st.sampled_from(corpus), _PLACES, _LENGTHS),
        st.builds(_flip, _PLACES, st.integers(0, 255)),
        st.builds(_repeat, _PLACES, _LENGTHS, st.sampled_from([2, 3, MANY])),
        st.builds(_end, _PLACES),
    )
    return st.builds(_after, st.sampled_from(corpus), st.lists(edits, max_size=6))


_PLACES = st.floats(0.0, 1.0)
_LENGTHS = st.integers(1, 40)


def _after(data: bytes, edits: Sequence[Edit]) -> bytes:
    for edit in edits:
        data = edit(data)[:LARGEST]
    return data


def _at(data: bytes, place: float) -> int:
    return int(len(data) * place)


def _cut(place: float, length: int) -> Edit:
    return lambda data: data[: _at(data, place)] + data[_at(data, place) + length :]


def _put(place: float, word: bytes) -> Edit:
    return lambda data: data[: _at(data, place)] + word + data[_at(data, place) :]


def _graft(place: float, other: bytes, there: float, length: int) -> Edit:
    return _put(place, other[_at(other, there) :][:length])


def _flip(place: float, value: int) -> Edit:
    return lambda data: data[: _at(data, place)] + bytes([value]) + data[_at(data, place) + 1 :]


def _repeat(place: float, length: int, times: int) -> Edit:
    return lambda data: data[: _at(data, place)] + data[_at(data, place) :][:length] * times + data[_at(data, place) + length :]


def _end(place: float) -> Edit:
    return lambda data: data[: _at(data, place)]
