"""The TLS profiles are Mozilla's, as far as the nginx of the host goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.given import cases_at

from holdfast.edge.capability import Capability
from holdfast.edge.tls import GUIDELINE, ProfileName, policy

FILE = cases_at("nginx", "mozilla-tls", "6.0.json")
SOURCE: dict[str, Any] = json.loads(FILE.read_text())
NEWEST = Capability(version=(1, 31, 3), openssl=(3, 5, 4))


@pytest.mark.parametrize("name", ["modern", "intermediate"])
def test_a_host_that_can_all_of_it_offers_exactly_the_guideline(name: ProfileName) -> None:
    wanted, found = SOURCE["configurations"][name], policy(name, NEWEST)
    assert str(SOURCE["version"]) == found.guideline == GUIDELINE
    assert list(found.protocols) == wanted["tls_versions"]
    assert list(found.ciphers) == wanted["ciphers"]["openssl"]
    assert list(found.curves) == wanted["tls_curves"]
    assert found.hsts_s == wanted["hsts_min_age"]
    assert wanted["server_preferred_order"] is False


@given(
    st.sampled_from(["modern", "intermediate"]),
    st.tuples(st.integers(1, 3), st.integers(0, 6), st.integers(0, 3)).filter(lambda version: version >= (1, 1, 1)),
    st.sampled_from([(1, 18, 0), (1, 22, 1), (1, 26, 3), (1, 31, 3)]),
)
def test_no_host_offers_anything_else(name: ProfileName, openssl: tuple[int, ...], version: tuple[int, ...]) -> None:
    wanted, found = SOURCE["configurations"][name], policy(name, Capability(version=version, openssl=openssl))
    assert set(found.protocols) <= set(wanted["tls_versions"])
    assert set(found.ciphers) <= set(wanted["ciphers"]["openssl"])
    assert set(found.curves) <= set(wanted["tls_curves"])
    everything = {*wanted["tls_versions"], *wanted["ciphers"]["openssl"], *wanted["tls_curves"]}
    assert {*found.protocols, *found.ciphers, *found.curves, *found.dropped} == everything
