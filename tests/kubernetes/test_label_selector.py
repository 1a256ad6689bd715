"""Label selectors: each form, and what is none."""

from __future__ import annotations

import pytest

from holdfast.kubernetes.kustomize.label_selector import selects

LABELS = {"app": "web", "tier": "front", "size": "7", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ("", True),
        ("app", True),
        ("!app", False),
        ("!other", True),
        ("app=web", True),
        ("app==web,tier=front", True),
        ("app=api", False),
        ("app!=web", False),
        ("other!=web", True),
        ("tier in (front, back)", True),
        ("tier in (back)", False),
        ("tier notin (back)", True),
        ("other notin (back)", True),
        ("empty=", True),
        ("empty in (,a)", True),
        ("size>6", True),
        ("size < 7", False),
        ("app>1", False),
        (" app = web , tier ", True),
    ],
)
def test_a_selector_says_what_kubectl_says(selector: str, is_selected: bool) -> None:
    assert selects(selector, LABELS) is is_selected


@pytest.mark.parametrize("selector", ["=a", "a b", "a in b", "a in (b", "a,", "a>b", "!", "a=b c"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reason is for people
        selects(selector, LABELS)
