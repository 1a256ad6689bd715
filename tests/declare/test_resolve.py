"""What an unquoted word means, dialect by dialect."""

from __future__ import annotations

import pytest

from holdfast.declare.resolve import Dialect, Unclear, resolve

# word: as kubectl reads it, as compose reads it, as YAML 1.2 core reads it
WORDS = {
    "": (None, None, None),
    "~": (None, None, None),
    "Null": (None, None, None),
    "nULL": ("nULL", "nULL", "nULL"),
    "true": (True, True, True),
    "FALSE": (False, False, False),
    "tRue": ("tRue", "tRue", "tRue"),
    "yes": (True, "yes", "yes"),
    "On": (True, "On", "On"),
    "off": (False, "off", "off"),
    "NO": (False, "NO", "NO"),
    "y": (True, "y", "y"),
    "n": (False, "n", "n"),
    "0": (0, 0, 0),
    "-0": (0, 0, 0),
    "42": (42, 42, 42),
    "+42": (42, 42, 42),
    "0o17": (15, 15, 15),
    "0x1F": (31, 31, 31),
    "-0x1F": (-31, -31, "-0x1F"),
    "0b11": (3, 3, "0b11"),
    "1_000": (1000, 1000, "1_000"),
    "1e3": (1000, 1000.0, 1000.0),
    "1.5": (1.5, 1.5, 1.5),
    "1.0": (1, 1.0, 1.0),
    ".5": (0.5, 0.5, 0.5),
    ".": (".", ".", "."),
    "1.": (1, 1.0, 1.0),
    "1.2.3": ("1.2.3", "1.2.3", "1.2.3"),
    "12:30:45": ("12:30:45", "12:30:45", "12:30:45"),
    "190:20:30": ("190:20:30", "190:20:30", "190:20:30"),
    "2024-01-31": ("2024-01-31", "2024-01-31", "2024-01-31"),
    "2001-12-14t21:59:43Z": ("2001-12-14t21:59:43Z",) * 3,
    "18446744073709551615": (18446744073709551615,) * 3,
    "-": ("-", "-", "-"),
    "=": ("=", "=", "="),
    "v1": ("v1", "v1", "v1"),
    "८": ("८", "८", "८"),
}


@pytest.mark.parametrize(("word", "values"), WORDS.items())
def test_words_mean_what_their_own_program_takes_them_for(word: str, values: tuple[object, object, object]) -> None:
    read = tuple(resolve(word, dialect) for dialect in (Dialect.KUBERNETES, Dialect.COMPOSE, Dialect.CORE))
    assert [(type(value), value) for value in read] == [(type(value), value) for value in values]


@pytest.mark.parametrize(("word", "value"), [("0644", 420), ("00", 0), ("089", 89), ("12e4567", "12e4567")])
def test_go_reads_leading_zeros_and_commit_ids_its_own_way(word: str, value: object) -> None:
    assert resolve(word, Dialect.KUBERNETES) == value
    assert resolve(word, Dialect.COMPOSE) == value


@pytest.mark.parametrize("word", [".inf", "-.INF", ".nan", "+.Inf"])
@pytest.mark.parametrize("dialect", Dialect)
def test_what_json_cannot_hold_is_refused(word: str, dialect: Dialect) -> None:
    with pytest.raises(Unclear) as caught:
        resolve(word, dialect)
    assert caught.value.code == "HF1014"


@pytest.mark.parametrize(
    ("word", "code"), [("0644", "HF1016"), ("-012", "HF1016"), ("12e4567", "HF1014"), ("9" * 30, "HF1014"), ("9" * 9_000, "HF1014")]
)
def test_traps_are_refused_in_our_own_kinds(word: str, code: str) -> None:
    with pytest.raises(Unclear) as caught:
        resolve(word, Dialect.CORE)
    assert caught.value.code == code


def test_a_number_beyond_64_bits_is_a_float_to_go() -> None:
    assert resolve("1" + "0" * 25, Dialect.COMPOSE) == 1e25
    with pytest.raises(Unclear):
        resolve("0x" + "f" * 20, Dialect.COMPOSE)
