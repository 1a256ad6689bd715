"""Addresses of charts: one text for each, however an Application writes it."""

from __future__ import annotations

import pytest

from holdfast.model.chart import ChartAddress, NoRepository, is_chart


@pytest.mark.parametrize(
    ("repository", "text"),
    [
        ("https://charts.example", "helm+https://charts.example#nginx"),
        ("https://charts.example/stable/", "helm+https://charts.example/stable#nginx"),
        ("http://[::1]:8080/a", "helm+http://[::1]:8080/a#nginx"),
        ("ghcr.io/org/charts", "helm+oci://ghcr.io/org/charts#nginx"),
        ("oci://ghcr.io/org/charts/", "helm+oci://ghcr.io/org/charts#nginx"),
        ("localhost:5000/charts", "helm+oci://localhost:5000/charts#nginx"),
        ("oci://registry/charts", "helm+oci://registry/charts#nginx"),
        ("registry-1.docker.io/bitnamicharts", "helm+oci://registry-1.docker.io/bitnamicharts#nginx"),
    ],
)
def test_an_address_is_read_and_written(repository: str, text: str) -> None:
    address = ChartAddress.of(repository, "nginx")
    assert address.text == text
    assert is_chart(text)
    assert ChartAddress.parse(text) == address
    assert address.is_registry == ("oci://" in text)
    assert address.host in repository


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "charts",
        "./charts",
        "/srv/charts",
        "file:///srv/charts",
        "git@host:charts",
        "ssh://host/charts",
        "ftp://host/charts",
        "https://ada:pass@host/charts",
        "https://host/charts?x=1",
        "https://host/charts#x",
        "https://host/a b",
        "https://" + "a" * 3000,
        "oci://host/Charts",
        "-oci.host/x",
    ],
)
def test_what_is_none_is_refused(repository: str) -> None:
    with pytest.raises(NoRepository):
        ChartAddress.of(repository, "nginx")


@pytest.mark.parametrize("chart", ["", "a/b", "../a", "-a", "a b", "a#b", "a\nb", "a" * 300])
def test_a_name_is_one_word(chart: str) -> None:
    with pytest.raises(ValueError, match="is no name of a chart"):
        ChartAddress.of("https://charts.example", chart)


@pytest.mark.parametrize("text", ["https://charts.example#nginx", "helm+https://charts.example", "helm+#nginx", "helm+ssh://a/b#nginx"])
def test_another_text_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="no"):
        ChartAddress.parse(text)
