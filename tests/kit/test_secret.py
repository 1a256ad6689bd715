"""What a secret shows of itself, and each form that the net must know it in."""

from __future__ import annotations

import base64
import json
import pickle
from urllib.parse import quote

import pytest

from holdfast.kit.secret import Redactor, Secret, fingerprint


def test_it_shows_that_it_is_one_and_nothing_else() -> None:
    assert repr(Secret("canary")) == "Secret(…)"
    with pytest.raises(TypeError, match=r"^a Secret cannot be pickled or copied$"):
        pickle.dumps(Secret("canary"))


def test_it_equals_only_a_secret_of_the_same_text() -> None:
    assert Secret("canary") == Secret("canary")
    assert Secret("canary") != Secret("canarx")
    assert Secret("canary") != "canary"


def test_a_fingerprint_has_32_digits() -> None:
    assert fingerprint(b"key", "canary") == "f36c6ccd9e6270fc52bbb5ad2c0007bc"


VALUE = 'p/s "ü" & 1'


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        quote(VALUE, safe=""),
        quote(VALUE, safe="").replace("%20", "+"),
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode(),
    ],
)
def test_nothing_of_it_stays_in_any_form(form: str) -> None:
    assert Redactor([Secret(VALUE)]).redact(f"[{form}]") == "[[redacted]]"


@pytest.mark.parametrize("before", ["", "u", "us", "usr"])
def test_amid_base64_all_digits_that_are_its_alone_go(before: str) -> None:
    told = Redactor([Secret("canary-4711")]).redact(base64.b64encode(f"{before}canary-4711:tail".encode()).decode())
    digits = -(-8 * len(before.encode()) // 6)
    assert told.index("[redacted]") == digits
    assert (
        len(told) - len("[redacted]") == digits + len(base64.b64encode(f"{before}canary-4711:tail".encode())) - 8 * (len(before) + 11) // 6
    )


def test_the_longer_of_two_secrets_goes_whole() -> None:
    assert Redactor([Secret("canary"), Secret("canary-4711"), Secret("a-canary-4711")]).redact("a-canary-4711") == "[redacted]"


def test_a_secret_that_begins_with_another_goes_whole() -> None:
    assert Redactor([Secret("canary"), Secret("canary-4711")]).redact("canary-4711") == "[redacted]"


def test_a_line_of_eight_characters_is_looked_for_and_one_of_seven_is_not() -> None:
    redactor = Redactor([Secret("first-line\n12345678\n1234567\n")])
    assert redactor.redact("12345678 1234567") == "[redacted] 1234567"


def test_a_net_without_secrets_lets_all_pass() -> None:
    empty = Redactor()
    assert empty.redact("anything") == "anything"
    empty.add(Secret("abc"))
    assert empty.redact("abc") == "abc"
    empty.add(Secret("abcd"))
    assert empty.redact("abcd") == "[redacted]"
