"""Resolve: what an unquoted YAML word means, in each of the three dialects that the field's programs read.

Called by yaml_reader for every plain scalar. Law: the same word means here what it means to the program whose file it is; where that
meaning is a trap (infinity, a number beyond 64 bits, 0644 in a dialect that has no such octal), it is refused instead of guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum

from holdfast.kit.canonical import Json


class Dialect(Enum):
    """Who would read this file without Holdfast.

    KUBERNETES: kubectl, that is sigs.k8s.io/yaml over goyaml.v2: YAML 1.1 booleans, merge keys, 0644 and 0o644; a number goes through
    JSON, so 1e3 is the integer 1000. Base 60 and timestamps stay text.
    COMPOSE: compose-go over yaml.v3: as above, but only true and false are booleans.
    CORE: YAML 1.2 core schema, for Holdfast's own kinds; no merge keys.
    """

    KUBERNETES = "kubernetes"
    COMPOSE = "compose"
    CORE = "core"

    @property
    def merges(self) -> bool:
        """Whether `<<` merges a mapping into this one."""
        return self is not Dialect.CORE


class Unclear(ValueError):
    """A word that the dialect gives no usable meaning: `code` of the catalogue, the reason, and `hint`."""

    def __init__(self, code: str, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.code = code
        self.hint = hint


def _cased(words: str, value: bool | None) -> dict[str, bool | None]:
    return {form: value for word in words.split() for form in (word, word.capitalize(), word.upper())}


_CORE_WORDS: Mapping[str, bool | None] = {"": None, "~": None} | _cased("null", None) | _cased("true", True) | _cased("false", False)
_WORDS: Mapping[Dialect, Mapping[str, bool | None]] = {
    Dialect.CORE: _CORE_WORDS,
    Dialect.COMPOSE: _CORE_WORDS,
    Dialect.KUBERNETES: {**_CORE_WORDS, **_cased("y yes on", True), **_cased("n no off", False)},
}
_NOT_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_GO_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
"""strconv.ParseInt with base 0, its groups by base: 16, 2, 8, 10."""
_CORE_INT = re.compile(r"()(?:0x([0-9a-fA-F]+)|(?!)()|0o([0-7]+)|([-+]?[0-9]+))")
_MOST_DIGITS = 100
"""More are no number of anybody's; Python refuses to read thousands."""


def resolve(word: str, dialect: Dialect) -> Json:
    """Return the value of an unquoted `word`. Raises Unclear."""
    words = _WORDS[dialect]
    if word in words:
        return words[word]
    if word[0] not in "+-.0123456789":
        return word
    if _NOT_JSON.fullmatch(word):
        raise Unclear("HF1014", f"{word} is no number that JSON knows", "write a finite number, or put the word in quotes")
    if dialect is Dialect.CORE:
        return _core_number(word)
    return _go_number(word, dialect)


def _core_number(word: str) -> Json:
    match = _CORE_INT.fullmatch(word)
    if match is not None:
        digits = word.lstrip("+-")
        if digits[0] == "0" and digits.isdigit() and digits.strip("0"):
            raise Unclear(
                "HF1016",
                f"{word} is octal to some readers of YAML and decimal to others",
                f'write "{word}" for the text, 0o{digits.lstrip("0")} for the octal number',
            )
        number = _integer(match)
        if number is None:
            raise _too_large(word)
        return number
    if not _FLOAT.fullmatch(word):
        return word
    real = float(word)
    if math.isinf(real):
        raise _too_large(word)
    return real


def _go_number(word: str, dialect: Dialect) -> Json:
    """goyaml.v2 and yaml.v3, resolve.go: integer, else float, else text. Underscores are separators unless the word begins with a point."""
    plain = word if word[0] == "." else word.replace("_", "")
    match = _GO_INT.fullmatch(plain)
    if match is not None and (number := _integer(match)) is not None:
        return number
    if _FLOAT.fullmatch(plain):
        real = float(plain)
        if math.isinf(real):
            return word
        # json.Marshal writes a float below 1e21 without an exponent, so the API server sees an integer.
        return int(real) if dialect is Dialect.KUBERNETES and real.is_integer() and abs(real) < 1e21 else real
    if match is not None:
        raise _too_large(word)
    return word


def _integer(match: re.Match[str]) -> int | None:
    """Return the integer where 64 bits hold it."""
    sign, hexadecimal, binary, octal, decimal = match.groups()
    for text, base in ((decimal, 10), (octal, 8), (hexadecimal, 16), (binary, 2)):
        if text is not None:
            number = int(sign + text, base) if len(text) <= _MOST_DIGITS else None
            return number if number is not None and -(1 << 63) <= number < 1 << 64 else None
    return None


def _too_large(word: str) -> Unclear:
    shown = word if len(word) <= 40 else f"{word[:40]}…"
    return Unclear("HF1014", f"{shown} is too large for a number", "put it in quotes if it is text, such as a commit id")
