"""JSON patches: each operation, and each way in which one does not apply."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kubernetes.kustomize.json_patch import apply
from holdfast.kubernetes.kustomize.trouble import Trouble


def document() -> dict[str, Any]:
    return {"a": {"b": [1, 2, 3], "x/y": 1, "~": 2}, "n": None}


@pytest.mark.parametrize(
    ("operation", "path", "value"),
    [
        ({"op": "add", "path": "/a/c", "value": 4}, ("a", "c"), 4),
        ({"op": "add", "path": "/a/b/0", "value": 0}, ("a", "b"), [0, 1, 2, 3]),
        ({"op": "add", "path": "/a/b/-", "value": 4}, ("a", "b"), [1, 2, 3, 4]),
        ({"op": "add", "path": "/a/b/-1", "value": 4}, ("a", "b"), [1, 2, 3, 4]),
        ({"op": "remove", "path": "/a/b/-1"}, ("a", "b"), [1, 2]),
        ({"op": "replace", "path": "/a/b/1", "value": "z"}, ("a", "b"), [1, "z", 3]),
        ({"op": "replace", "path": "/a/x~1y", "value": "z"}, ("a", "x/y"), "z"),
        ({"op": "replace", "path": "/a/~0", "value": "z"}, ("a", "~"), "z"),
        ({"op": "copy", "from": "/a/b", "path": "/c"}, ("c",), [1, 2, 3]),
        ({"op": "move", "from": "/a/b/0", "path": "/c"}, ("c",), 1),
        ({"op": "test", "path": "/a/b", "value": [1, 2, 3]}, ("a", "b"), [1, 2, 3]),
        ({"op": "test", "path": "/none", "value": None}, ("n",), None),
    ],
)
def test_an_operation_applies(operation: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    found = apply(document(), [operation])
    for step in path:
        found = found[step]
    assert found == value


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ({"op": "add", "path": "/none/c", "value": 4}, "add /none/c: there is nothing at this path"),
        ({"op": "add", "path": "/a/b/9", "value": 4}, "add /a/b/9: the list there has 3 items"),
        ({"op": "add", "path": "/a/b/x", "value": 4}, "add /a/b/x: 'x' is no index of a list"),
        ({"op": "add", "path": "a", "value": 4}, "add a: a path begins with a slash"),
        ({"op": "add", "path": "", "value": 4}, "add : there is nothing at this path"),
        ({"op": "remove", "path": "/none"}, "remove /none: there is nothing at this path"),
        ({"op": "remove", "path": "/a/b/3"}, "remove /a/b/3: the list there has 3 items"),
        ({"op": "replace", "path": "/a/b/3", "value": 1}, "replace /a/b/3: the list there has 3 items"),
        ({"op": "test", "path": "/a/b/0", "value": True}, "test /a/b/0: the value there is another"),
        ({"op": "move", "path": "/c"}, "move /c: `from` is missing"),
        ({"op": "increase", "path": "/a"}, "'increase' is no operation of a JSON patch"),
        ({"path": "/a"}, "an operation of the JSON patch has no op or no path"),
    ],
)
def test_what_does_not_apply_says_why(operation: dict[str, Any], reason: str) -> None:
    with pytest.raises(Trouble) as trouble:
        apply(document(), [operation])
    assert trouble.value.reason == reason


def test_copies_are_bounded() -> None:
    doubling: list[dict[str, Any]] = [{"op": "add", "path": "/a", "value": list(range(100))}]
    doubling += [{"op": "copy", "from": "/a", "path": "/a/-"}] * 30
    with pytest.raises(Trouble, match="copies more than"):
        apply({}, doubling)


def test_a_copy_is_a_copy() -> None:
    found = apply({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}, {"op": "replace", "path": "/c/b", "value": 2}])
    assert found == {"a": {"b": 1}, "c": {"b": 2}}
