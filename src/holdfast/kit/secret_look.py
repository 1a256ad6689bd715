"""Secret look: what looks like a secret, by its name or by what it holds. For imports, which write what people then commit.

A guess on the safe side: what is not sure is one, and whoever imports tells of it.
"""

from __future__ import annotations

import re

_SECRET_NAME = re.compile(
    r"PASS(?:WORD|WD|PHRASE)?(?:_|$)|SECRET|TOKEN|CREDENTIAL|PRIVATE|(?:API|ACCESS|AUTH|SIGNING|ENCRYPTION)_?KEY", re.IGNORECASE
)
_NO_SECRET = re.compile(r"_(?:FILE|PATH|DIR|URL|URI|HOST|USER|NAME|TTL|LENGTH)$", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY")


def looks_secret(name: str, value: str) -> bool:
    """Say whether a variable looks like a secret: by its name, or by credentials or a private key in its value."""
    if not value or value.startswith("/run/secrets/"):
        return False
    return bool(_SECRET_VALUE.search(value)) or bool(_SECRET_NAME.search(name) and not _NO_SECRET.search(name))
