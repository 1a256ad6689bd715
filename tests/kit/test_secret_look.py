"""What looks like a secret."""

from __future__ import annotations

import pytest

from holdfast.kit.secret_look import looks_secret


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("DB_PASSWORD", "x", True),
        ("PGPASS", "x", True),
        ("API_KEY", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("GITHUB_TOKEN", "x", True),
        ("DATABASE_URL", "postgres://u:p@h/d", True),
        ("CERT", "-----BEGIN RSA PRIVATE KEY-----\nx", True),
        ("DATABASE_URL", "postgres://h/d", False),
        ("DB_PASSWORD", "", False),
        ("DB_PASSWORD_FILE", "/x", False),
        ("DB_PASSWORD", "/run/secrets/db", False),
        ("PASSENGER_APP", "x", False),
        ("TOKEN_URL", "https://x", False),
        ("KEYBOARD", "de", False),
    ],
)
def test_what_looks_like_a_secret(name: str, value: str, is_secret: bool) -> None:
    assert looks_secret(name, value) is is_secret
