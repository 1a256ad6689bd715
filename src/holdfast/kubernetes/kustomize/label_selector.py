"""Label selector: `app=web,tier in (front,back),!canary`, as the Kubernetes API reads it (apimachinery labels.Parse).

Used for `labelSelector` and `annotationSelector` of patches and replacements. Law: an empty selector fits everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TOKEN = re.compile(r"\s*(?:(==|!=|=|,|\(|\)|!|<|>)|([^\s=!,()<>]+)|(\S))")
_IN: Final = frozenset({"in", "notin"})


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition: `in` or `notin` some values, `exists`, `absent`, `<` or `>` a number."""

    key: str
    what: str
    values: frozenset[str] = frozenset()

    def fits(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.what:
            case "in":
                return value is not None and value in self.values
            case "notin":
                return value is None or value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        if value is None or not re.fullmatch(r"-?[0-9]{1,18}", value):
            return False
        (bound,) = self.values
        return int(value) > int(bound) if self.what == ">" else int(value) < int(bound)


@lru_cache(maxsize=256)
def read_selector(text: str) -> tuple[Requirement, ...]:
    """Return what a selector asks. Raises ValueError with the reason."""
    tokens = [match[1] or match[2] or match[3] for match in _TOKEN.finditer(text.rstrip())]
    return tuple(_Reader(tokens).requirements()) if tokens else ()


def selects(text: str, labels: Mapping[str, str]) -> bool:
    return all(each.fits(labels) for each in read_selector(text))


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def take(self) -> str:
        if not self.tokens:
            raise ValueError("it ends too early")
        return self.tokens.pop(0)

    def requirements(self) -> list[Requirement]:
        found = [self.requirement()]
        while self.tokens:
            if (token := self.take()) != ",":
                raise ValueError(f"expected a comma, found {token!r}")
            found.append(self.requirement())
        return found

    def requirement(self) -> Requirement:
        key = self.take()
        if key == "!":
            return Requirement(self.name(self.take()), "absent")
        self.name(key)
        if not self.tokens or self.tokens[0] == ",":
            return Requirement(key, "exists")
        operator = self.take()
        if operator in _IN:
            return Requirement(key, operator, self.values())
        if operator in {"=", "==", "!="}:
            return Requirement(key, "notin" if operator == "!=" else "in", frozenset({self.value()}))
        if operator in {"<", ">"} and re.fullmatch(r"-?[0-9]{1,18}", bound := self.take()):
            return Requirement(key, operator, frozenset({bound}))
        raise ValueError(f"unknown operator {operator!r} after {key}")

    def name(self, key: str) -> str:
        if key in {",", "(", ")", "=", "==", "!=", "<", ">"}:
            raise ValueError(f"expected a key, found {key!r}")
        return key

    def value(self) -> str:
        return self.take() if self.tokens and self.tokens[0] != "," else ""

    def values(self) -> frozenset[str]:
        if self.take() != "(":
            raise ValueError("expected a bracket after in")
        found: set[str] = set()
        word = ""
        while (token := self.take()) != ")":
            if token == "(":
                raise ValueError("a bracket stands within brackets")
            if token == ",":
                found.add(word)
            word = "" if token == "," else token
        return frozenset(found | {word})
