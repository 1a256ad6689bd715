"""Secret text: a type that cannot be printed, a keyed fingerprint, and the net that catches what slipped."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
_SHORTEST = 4
"""A secret of fewer characters would redact half of every text; it is not looked for."""
_SHORTEST_LINE = 8
"""Of several lines a short one may be any word, `true` or `name:`."""


class Secret:
    """Holds text that only `reveal` gives. Printing, formatting, pickling and copying it give nothing away; it has no hash."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


def fingerprint(key: bytes, value: str) -> str:
    """Return 32 hexadecimal digits of HMAC-SHA256(key, value): equal values look equal, and nothing else can be told."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:32]


class Redactor:
    """Replaces every known secret in a text, also where it stands URL-encoded, as a JSON string, or in base64, alone or amid other text.

    Each longer line of a secret of several lines is one too: logs come line by line, and a file's last newline is seldom sent along.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def add(self, *secrets: Secret) -> None:
        for secret in secrets:
            self._forms.update(form for form in _forms(secret.reveal()) if len(form) >= _SHORTEST)
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def redact(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text) if self._pattern else text


def _forms(value: str) -> Iterator[str]:
    lines = (line.strip() for line in value.splitlines())
    for text in {value, value.strip(), *(line for line in lines if len(line) >= _SHORTEST_LINE)}:
        if len(text) >= _SHORTEST:
            yield text
            yield quote(text, safe="")
            yield quote_plus(text)
            yield json.dumps(text)[1:-1]
            yield json.dumps(text, ensure_ascii=False)[1:-1]
            yield from _base64_forms(text.encode())


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield `data` in both alphabets: whole, and the digits that are its alone at each of the three places it can take in a longer text.

    A digit holds six bits, so one that also holds bits of a neighbour is left out: `Basic` credentials hide `user:` before the password.
    """
    whole = base64.b64encode(data).decode()
    middles = [base64.b64encode(bytes(before) + data).decode()[-(-8 * before // 6) : 8 * (before + len(data)) // 6] for before in range(3)]
    for form in (whole, *middles):
        yield form
        yield form.replace("+", "-").replace("/", "_")
