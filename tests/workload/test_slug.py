"""Another tool's name becomes one that an id can hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.scalars import Name
from holdfast.workload.slug import slug

NAMES = {"web": "web", "My App": "my-app", "--x--": "x", "a/b:c": "a-b-c", "ÄÖ": "", "a" * 80: "a" * 63, "v1.2_x": "v1.2_x"}


@pytest.mark.parametrize("written", NAMES)
def test_a_name_is_made(written: str) -> None:
    assert slug(written) == NAMES[written]


@given(st.text(max_size=100))
def test_what_is_made_is_a_name_or_empty_and_stays_as_it_is(text: str) -> None:
    made = slug(text)
    assert slug(made) == made
    if made:
        assert Name.__metadata__[0].parse(made) == made  # type: ignore[attr-defined]
