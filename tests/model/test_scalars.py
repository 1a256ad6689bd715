"""Scalars: what each takes and refuses, and that what it shows it takes again."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from holdfast.model.scalars import Argv, Check, CronText, Duration, EnvName, Name, NonEmptyStr, Port, RelativePath, Scalar, Size


def scalar(hint: Any) -> Scalar:
    mark = typing.get_args(hint)[1]
    assert isinstance(mark, Scalar)
    return mark


TAKEN: list[tuple[Any, Any, Any]] = [
    (Duration, "30s", 30.0),
    (Duration, "250ms", 0.25),
    (Duration, 0, 0.0),
    (Size, "512Mi", 512 * 1024 * 1024),
    (Size, 1000, 1000),
    (Port, 65535, 65535),
    (Name, "web.0", "web.0"),
    (Name, "a", "a"),
    (NonEmptyStr, " ", " "),
    (RelativePath, ".", "."),
    (RelativePath, "a/..b/c", "a/..b/c"),
    (CronText, "0 3 * * *", "0 3 * * *"),
    (EnvName, "_A1", "_A1"),
]
REFUSED: list[tuple[Any, Any]] = [
    (Duration, "30"),
    (Duration, 30),
    (Duration, True),
    (Duration, False),
    (Duration, ""),
    (Duration, None),
    (Duration, "9" * 400 + "s"),
    (Duration, "-1s"),
    (Size, -1),
    (Size, 1 << 63),
    (Size, "8Ei"),
    (Size, "1e999"),
    (Size, "250m"),
    (Size, True),
    (Size, "lots"),
    (Size, 1.5),
    (Port, 0),
    (Port, 65536),
    (Port, "80"),
    (Port, True),
    (Name, "Web"),
    (Name, "-a"),
    (Name, "a/b"),
    (Name, "a" * 64),
    (Name, "a\n"),
    (Name, 1),
    (NonEmptyStr, ""),
    (NonEmptyStr, "a\0b"),
    (RelativePath, "/etc"),
    (RelativePath, "a/../b"),
    (RelativePath, ""),
    (RelativePath, "a\0"),
    (CronText, "now"),
    (CronText, "61 * * * *"),
    (CronText, ""),
    (EnvName, "1A"),
    (EnvName, "A=B"),
    (EnvName, "A\n"),
]


@pytest.mark.parametrize(("hint", "written", "value"), TAKEN)
def test_taken(hint: Any, written: Any, value: Any) -> None:
    mark = scalar(hint)
    assert mark.parse(written) == value
    assert type(mark.parse(written)) is type(value)
    assert mark.parse(mark.show(value)) == value


@pytest.mark.parametrize(("hint", "written"), REFUSED)
def test_refused(hint: Any, written: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reason may be empty
        scalar(hint).parse(written)


@pytest.mark.parametrize(("argv", "is_fine"), [(("a",), True), (("a", ""), True), ((), False), (("", "a"), False)])
def test_argv(argv: tuple[str, ...], is_fine: bool) -> None:
    check = typing.get_args(Argv)[1]
    assert isinstance(check, Check)
    assert (check.reason(argv) is None) is is_fine
