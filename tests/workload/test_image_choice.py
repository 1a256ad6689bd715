"""Which tag is chosen: the cases of Flux's documentation and policy tests, and the laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workload.image_choice import choose
from holdfast.workload.image_policy_spec import Choice, FilterTags, ImagePolicySpec, OrderChoice, SemverChoice

ASC, DESC = OrderChoice(), OrderChoice(order="desc")


def spec(choice: Choice, pattern: str | None = None, extract: str | None = None) -> ImagePolicySpec:
    rule = None if pattern is None else FilterTags(pattern=pattern, extract=extract)
    return ImagePolicySpec(image="ghcr.io/acme/web", policy=choice, filter_tags=rule)


def semver(versions: str) -> Choice:
    return Choice(semver=SemverChoice(range=versions))


@pytest.mark.parametrize(
    ("it", "tags", "chosen"),
    [
        (spec(semver("1.0.x")), ["1.0.0", "1.0.3", "1.1.0", "latest"], "1.0.3"),
        (spec(semver(">=1.0.0")), ["v1.0.0", "v1.2.0-rc.1", "v1.1.0"], "v1.1.0"),
        (spec(semver("^1.x-0")), ["1.2.0", "1.3.0-alpine"], "1.3.0-alpine"),
        (spec(semver("*"), "^(?P<v>[0-9.]+)-alpine$", "$v"), ["1.2.0", "1.1.0-alpine", "1.0.0-alpine"], "1.1.0-alpine"),
        (spec(semver("*"), r"^release-(\d+\.\d+\.\d+)$", "$1"), ["release-1.9.0", "release-1.10.0", "2.0.0"], "release-1.10.0"),
        (spec(Choice(alphabetical=ASC)), ["a", "b", "Z"], "b"),
        (spec(Choice(alphabetical=DESC)), ["a", "b", "Z"], "Z"),
        (spec(Choice(alphabetical=ASC), "^RELEASE[.].*$"), ["RELEASE.2021-01-03Z", "RELEASE.2021-02-03Z", "zz"], "RELEASE.2021-02-03Z"),
        (spec(Choice(numerical=ASC)), ["-62", "-88", "73", "72", "15", "16", "15", "29", "-33", "-91"], "73"),
        (spec(Choice(numerical=DESC)), ["-62", "-88", "73", "-91"], "-91"),
        (spec(Choice(numerical=ASC)), ["5.6", "5.10", "5.07"], "5.6"),
        (spec(Choice(numerical=ASC)), ["9007199254740992", "9007199254740993"], "9007199254740993"),
        (spec(Choice(numerical=ASC), "^main-[a-f0-9]+-(?P<ts>.*)", "$ts"), ["main-1fc8-1606", "main-9abc-1607", "a-0-9"], "main-9abc-1607"),
    ],
)  # fmt: skip
def test_the_newest_is_chosen(it: ImagePolicySpec, tags: list[str], chosen: str) -> None:
    assert choose(it, tags) == choose(it, reversed(tags)) == chosen


@pytest.mark.parametrize(
    ("it", "tags", "reason"),
    [
        (spec(semver("1.0.x")), [], "the image has no tags"),
        (spec(semver("1.0.x")), ["1.1.0", "latest"], "none of 2 tags is a version in 1.0.x"),
        (spec(semver("1.0.x"), "^v"), ["1.0.0"], r"none of 1 tags fits filterTags.pattern"),
        (spec(Choice(numerical=ASC)), ["1", "latest"], "'latest' is no number: let filterTags take only tags that are"),
        (spec(Choice(numerical=ASC)), ["1", "1e9999"], "'1e9999' is no number"),
    ],
)  # fmt: skip
def test_where_none_is_chosen_it_is_told_why(it: ImagePolicySpec, tags: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=r"tag|number") as found:
        choose(it, tags)
    assert str(found.value).startswith(reason)


_TAGS = st.lists(
    st.from_regex(r"\A(v?[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}(-rc\.[0-9])?|main-[a-f0-9]{1,3}-[0-9]{1,4}|latest)\Z"), max_size=12
)
_SPECS = st.sampled_from(
    [
        spec(semver(">=0-0")),
        spec(semver("^1 || >=3")),
        spec(Choice(alphabetical=ASC), "^main"),
        spec(Choice(numerical=DESC), r"-(\d+)$", "$1"),
    ]
)


@given(_SPECS, _TAGS)
def test_what_is_chosen_was_offered_and_stays_chosen_when_offered_alone(it: ImagePolicySpec, tags: list[str]) -> None:
    try:
        chosen = choose(it, tags)
    except ValueError:
        return
    assert chosen in tags
    assert choose(it, [chosen]) == chosen
