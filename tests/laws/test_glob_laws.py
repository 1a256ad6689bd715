"""Laws of glob: the walk and the regular expression say the same, and no pattern takes long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.glob import _ends, _expression, _tokens, matches

PATTERNS = st.text(st.sampled_from("aab/*?{,}[]!-&\\"), max_size=10)
TEXTS = st.text(st.sampled_from("aab/,-"), max_size=8)


@given(PATTERNS, TEXTS, st.booleans())
def test_the_walk_and_the_expression_agree(pattern: str, text: str, separated: bool) -> None:
    try:
        tokens = _tokens(pattern, separated)
    except (ValueError, re.error):
        assert matches(pattern, text, separated) is (pattern == text)
        return
    walked = len(text) in _ends(tokens, text, {0})
    assert walked is (re.compile(_expression(tokens), re.DOTALL).fullmatch(text) is not None)
    assert matches(pattern, text, separated) is walked


@pytest.mark.parametrize(
    "pattern", ["*a" * 30 + "b", "**/a" * 30 + "b", "{a,aa}" * 30 + "b", "{" * 500 + "a" + "}" * 500, "{*a,*aa}" * 10 + "b"]
)
def test_a_pattern_that_would_take_for_ever_is_answered(pattern: str) -> None:
    """As a regular expression each of these would still be at it tomorrow."""
    assert not matches(pattern, "a" * 4_000)
    assert not matches(pattern, "a/" * 2_000, separated=True)


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        ("{web,worker}.yaml", "worker.yaml", True),
        ("**/{a,b}*.yaml", "x/y/bc.yaml", True),
        ("*/{a,b}*.yaml", "x/y/bc.yaml", False),
        ("a*b*c*d", "a1b2c3d", True),
        ("a*b*c*d", "a1/b2c3d", False),
        ("[!a-c]*", "d", True),
        ("[[a]x", "[x", True),
        ("[+--]", ",", True),
        ("[a&&b]", "&", True),
        ("\\*", "*", True),
        ("\\*", "x", False),
        ("{a", "{a", True),
        ("a,b}", "a,b}", True),
        ("", "", True),
    ],
)
def test_what_patterns_mean(pattern: str, text: str, answer: bool) -> None:
    assert matches(pattern, text, separated=True) is answer
