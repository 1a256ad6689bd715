"""TLS: the policy of a profile, and what is left of it on older hosts."""

from __future__ import annotations

import pytest

from holdfast.edge.capability import Capability
from holdfast.edge.tls import policy, tls_directives
from holdfast.edge.write import show

BOOKWORM = Capability(version=(1, 22, 1), openssl=(3, 0, 19))
MAINLINE = Capability(version=(1, 31, 3), openssl=(3, 5, 4))


def test_what_this_openssl_does_not_know_is_left_out_and_named() -> None:
    found = policy("intermediate", BOOKWORM)
    assert found.curves == ("X25519", "prime256v1", "secp384r1")
    assert found.dropped == ("X25519MLKEM768",)
    assert policy("intermediate", MAINLINE).dropped == ()


def test_tickets_wait_for_keys_that_rotate() -> None:
    assert not policy("modern", BOOKWORM).tickets
    assert policy("modern", MAINLINE).tickets


def test_a_host_that_speaks_no_protocol_of_the_profile_is_refused() -> None:
    with pytest.raises(ValueError, match=r"TLS 1\.3 needs OpenSSL 1\.1\.1"):
        policy("modern", Capability(version=(1, 14, 0), openssl=(1, 1, 0)))
    with pytest.raises(ValueError, match="built without ngx_http_ssl_module"):
        policy("modern", Capability(version=(1, 22, 1), modules=frozenset()))


def test_the_policy_says_which_guideline_it_follows() -> None:
    assert show(tls_directives(policy("modern", BOOKWORM))).splitlines() == [
        "# Mozilla guideline 6.0, modern",
        "ssl_protocols TLSv1.3;",
        "ssl_ecdh_curve X25519:prime256v1:secp384r1;",
        "ssl_prefer_server_ciphers off;",
        "ssl_session_cache shared:holdfast_tls:10m;",
        "ssl_session_timeout 1d;",
        "ssl_session_tickets off;",
    ]
