"""What goes over the wire, against the examples of the standards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.engines.acme import wire
from holdfast.engines.acme.wire import AccountKey

NOW = 1_800_000_000.0

# RFC 7515 appendix A.3: a JWS with ES256.
A3_KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
A3_INPUT = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
A3_SIGNATURE = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
# RFC 7515 appendix A.1: one with HS256.
A1_KEY = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
A1_INPUT = (
    b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
    b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)
A1_SIGNATURE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
# RFC 7638 §3.1.
THUMBED = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
    "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI"
    "SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def opened(body: bytes) -> tuple[dict[str, object], bytes, bytes, bytes]:
    """Return header, payload, signing input and signature of a flattened JWS."""
    parts = json.loads(body)
    assert set(parts) == {"protected", "payload", "signature"}
    head = json.loads(wire.unb64(parts["protected"]))
    return head, wire.unb64(parts["payload"]), f"{parts['protected']}.{parts['payload']}".encode(), wire.unb64(parts["signature"])


def test_the_signature_of_the_standard_is_read_as_one() -> None:
    assert wire.verifies(A3_KEY, A3_INPUT, wire.unb64(A3_SIGNATURE))
    assert not wire.verifies(A3_KEY, A3_INPUT + b"x", wire.unb64(A3_SIGNATURE))


def test_the_mac_of_the_standard_is_made_again() -> None:
    assert wire.b64(wire.hs256(wire.unb64(A1_KEY), A1_INPUT)) == A1_SIGNATURE


def test_the_thumbprint_of_the_standard_is_made_again() -> None:
    assert wire.thumbprint(THUMBED) == THUMBPRINT


def test_a_certificate_is_called_as_the_standard_calls_it() -> None:
    """RFC 9773 §4.1: the serial keeps the zero byte that DER puts before a high bit."""
    identifier = bytes.fromhex("69885B6B8746404 1E1B37B847BA0AE2CDE01C8D4".replace(" ", ""))
    assert wire.certificate_id(identifier, 0x8765_4321) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_the_record_of_a_wildcard_is_that_of_its_parent() -> None:
    assert wire.txt_name("*.shop.example.com") == wire.txt_name("shop.example.com") == "_acme-challenge.shop.example.com."


def test_a_key_authorization_and_its_record_are_as_in_the_standard() -> None:
    """RFC 8555 §8.1 and §8.4, with the thumbprint of RFC 7638; the digest is that of `openssl dgst -sha256`."""
    authorization = wire.key_authorization("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", THUMBPRINT)
    assert authorization == "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert wire.txt_value(authorization) == "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8"


@given(st.binary(max_size=200))
def test_base64url_goes_there_and_back_without_padding(data: bytes) -> None:
    text = wire.b64(data)
    assert wire.unb64(text) == data
    assert not set(text) & set("+/=")
    assert wire.unb64(text.replace("-", "+").replace("_", "/")) == data  # as some issuers write the key of a binding


@pytest.mark.parametrize("text", ["a", "ä", "a b", "%%%%"])
def test_what_is_no_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.unb64(text)


@given(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=4))
def test_a_request_is_signed_by_its_key_over_what_it_says(payload: dict[str, object]) -> None:
    key = AccountKey.make()
    head, said, data, signature = opened(wire.signed(key, {"nonce": "n1", "url": "https://ca.example/x", "kid": "k"}, payload))
    assert head == {"alg": "ES256", "nonce": "n1", "url": "https://ca.example/x", "kid": "k"}
    assert json.loads(said) == payload
    assert len(signature) == 64
    assert wire.verifies(key.jwk(), data, signature)


def test_a_post_as_get_signs_an_empty_payload() -> None:
    _, said, _, _ = opened(wire.signed(AccountKey.make(), {"nonce": "n", "url": "u", "kid": "k"}, None))
    assert said == b""
    _, said, _, _ = opened(wire.signed(AccountKey.make(), {"nonce": "n", "url": "u", "kid": "k"}, {}))
    assert said == b"{}"


def test_a_binding_signs_our_key_with_that_of_the_issuer() -> None:
    key, mac = AccountKey.make(), b"m" * 32
    head, said, data, signature = opened(json.dumps(wire.binding("kid-1", mac, "https://ca.example/new", key.jwk())).encode())
    assert head == {"alg": "HS256", "kid": "kid-1", "url": "https://ca.example/new"}
    assert json.loads(said) == key.jwk()
    assert signature == wire.hs256(mac, data)


def test_a_change_of_key_is_signed_by_the_new_one_and_names_the_old_one() -> None:
    old, new = AccountKey.make(), AccountKey.make()
    inner = json.dumps(wire.key_change(old, new, "https://ca.example/acct/1", "https://ca.example/key-change")).encode()
    head, said, data, signature = opened(inner)
    assert head == {"alg": "ES256", "jwk": new.jwk(), "url": "https://ca.example/key-change"}
    assert json.loads(said) == {"account": "https://ca.example/acct/1", "oldKey": old.jwk()}
    assert wire.verifies(new.jwk(), data, signature)


def test_a_key_is_kept_as_pem_and_shows_itself_nowhere(tmp_path: Path) -> None:
    key = AccountKey.make()
    again = AccountKey.load(key.pem())
    assert again.jwk() == key.jwk()
    assert "BEGIN" not in f"{key!r} {key}"
    for other in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(ValueError, match=r"."):
            AccountKey.load(other)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 3 ", 3.0),
        ("-5", None),
        ("soon", None),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("9" * 400, 999_999_999_999.0),
    ],
)
def test_a_retry_after_is_read_in_both_of_its_forms(header: str | None, expected: float | None) -> None:
    assert wire.retry_after(header, NOW) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (['<https://ca.example/alt/1>;rel="alternate"', "<https://ca.example/dir>; rel=index"], ("https://ca.example/alt/1",)),
        (['<https://a/1>; rel="alternate", <https://a/2>; title="x, y"; rel=alternate'], ("https://a/1", "https://a/2")),
        (['<https://a/1>; rel="up alternate"'], ("https://a/1",)),
        (["<https://a/1>", "nonsense", "<>;"], ()),
    ],
)
def test_links_are_found_by_their_relation(headers: list[str], expected: tuple[str, ...]) -> None:
    assert wire.links(headers, "alternate") == expected


@given(st.text(max_size=60))
def test_no_header_of_an_issuer_breaks_the_reading(text: str) -> None:
    assert wire.links([text], "alternate") is not None
    found = wire.retry_after(text, NOW)
    assert found is None or found >= 0
    assert wire.instant(text) is None or isinstance(wire.instant(text), float)


def test_a_moment_needs_its_zone() -> None:
    assert wire.instant("2027-01-15T08:00:00Z") == NOW
    assert wire.instant("2027-01-15T09:00:00+01:00") == NOW
    assert wire.instant("2027-01-15T08:00:00") is None
    assert wire.instant(None) is None
    assert wire.instant("tomorrow") is None
