"""An index is read for one chart, as Helm writes it and otherwise, and what is no index is said to be none."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from holdfast.source.chart.index import Release, charts_of, instant, read_text_mapping, releases_of
from holdfast.testing.helm_repository import CREATED, HelmRepository

DIGEST = "ab" * 32
ONE = f"version: 1.2\n    urls: [a]\n    digest: {DIGEST}\n"
"""The lines of one entry, within a list beneath a chart's name."""
BLANK = ONE.replace("\n", "\n\n", 1)


def three() -> HelmRepository:
    served = HelmRepository()
    for name in ("nginx", "nginx-ingress", "redis"):
        for version in ("1.0.0", "1.2.0"):
            served.release(name, version)
    return served


def test_the_versions_of_one_chart_are_read() -> None:
    served = three()
    found = releases_of(served.index, "nginx")
    assert found is not None
    assert list(found) == ["1.2.0", "1.0.0"]
    digest = served.entries["nginx"][0]["digest"]
    assert found["1.2.0"] == Release(version="1.2.0", urls=("nginx-1.2.0.tgz",), digest=str(digest), created_at=CREATED)
    assert releases_of(served.index, "ngin") is None
    assert charts_of(served.index) == ["nginx", "nginx-ingress", "redis"]


LAYOUTS = {
    "flow": f'{{"entries": {{"redis": [], "nginx": [{{"version": "1.2", "urls": ["a"], "digest": "{DIGEST}"}}]}}}}',
    "indented lists": "entries:\n  other:\n    - {}\n  nginx:\n    - " + ONE.replace("    ", "      "),
    "quoted name": f'entries:\n  "nginx":\n  - {ONE.replace(DIGEST, f"sha256:{DIGEST}")}',
    "windows": f"entries:\n  nginx:\n  - {ONE}  other:\n  - version: 3\n".replace("\n", "\r\n"),
    "comments and blanks": f"entries:\n\n  # ours\n  nginx:\n  - {BLANK}\n  z:\n  - version: 9\n",
    "an alias": f"entries:\n  nginx:\n  - appVersion: &v 1.2\n    {ONE.replace('1.2', '*v', 1).replace(DIGEST, DIGEST.upper())}",
    "a name of the same kind before entries": f"annotations:\n  nginx:\n  - x\nentries:\n  nginx:\n  - {ONE}",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_index_may_be_laid_out_otherwise(layout: str) -> None:
    assert releases_of(LAYOUTS[layout].encode(), "nginx") == {"1.2": Release(version="1.2", urls=("a",), digest=DIGEST)}


def test_entries_that_name_no_archive_are_passed_over() -> None:
    none = "entries:\n  nginx:\n  - version: 1.0.0\n  - urls: [a]\n  - text\n  - {version: 2.0.0, urls: []}\n"
    text = none + "  - {version: 3.0.0, urls: [b], digest: xyz}\n"
    assert releases_of(text.encode(), "nginx") == {"3.0.0": Release(version="3.0.0", urls=("b",))}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has no entries"),
        ("<html><body>Not found</body></html>", "it has no entries"),
        ("entries: [a]", "it has no entries"),
        ("entries:\n  nginx:\n  - {a: 'b", "it is no YAML"),
        ("entries:\n  nginx: " + "[" * 200, "it is nested too deeply"),
        ("entries:\n  nginx:\n  - a: &x [1, 2]\n    urls: *x\n", "an alias of more than one value"),
    ],
)
def test_what_is_no_index_is_said(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        releases_of(text.encode(), "nginx")


@given(st.binary(max_size=400) | st.text("entrisgx:-[]{}&*!\"' \n01.", max_size=200).map(str.encode))
def test_no_text_does_more_than_be_refused(data: bytes) -> None:
    try:
        found = releases_of(data, "nginx")
    except ValueError:
        return
    assert found is None or all(release.urls for release in found.values())


@given(st.dictionaries(st.sampled_from(["nginx", "nginx-ingress", "a", "my.chart", "z_1"]), st.lists(st.integers(0, 9), max_size=4)))
def test_the_lines_that_are_cut_out_say_what_the_whole_says(charts: dict[str, list[int]]) -> None:
    entries = {
        name: [{"version": f"1.{minor}.0", "urls": ["a"], "description": "entries:\n  nginx:\n  - x\n"} for minor in minors]
        for name, minors in charts.items()
    }
    whole = {"apiVersion": "v1", "entries": entries, "generated": "x"}
    for name, minors in charts.items():
        laid_out, in_flow = yaml.safe_dump(whole).encode(), yaml.safe_dump(whole, default_flow_style=True).encode()
        assert releases_of(laid_out, name) == releases_of(in_flow, name)
        assert list(releases_of(laid_out, name) or {}) == list(dict.fromkeys(f"1.{minor}.0" for minor in minors))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2023-11-14T22:13:20Z", CREATED),
        ("2023-11-14T22:13:20.123456789Z", CREATED),
        ("2023-11-15T00:13:20+02:00", CREATED),
        ("1969-01-01T00:00:00Z", 0),
        ("yesterday", 0),
        (None, 0),
    ],
)
def test_instants_are_whole_seconds(text: object, at: float) -> None:
    assert instant(text) == at


def test_scalars_stay_as_they_are_written() -> None:
    assert read_text_mapping(b"version: 1.10\nname: on\nlist: [1]\n") == {"version": "1.10", "name": "on", "list": ["1"]}
    with pytest.raises(ValueError, match="no mapping"):
        read_text_mapping(b"- a")
