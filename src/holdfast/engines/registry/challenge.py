"""What a registry asks for before it answers: the challenges of `WWW-Authenticate` (RFC 9110 §11.6.1), and where a token is got. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

LONGEST_S = 3600.0
SHORTEST_S = 60.0
"""How long a token counts that does not say so (distribution's token specification)."""
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)(?=\s|$)")
_PARAMETER = re.compile(r'[\s,]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One way to say who one is: `basic`, or `bearer` with the realm that gives tokens."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def challenges(header: str) -> tuple[Challenge, ...]:
    """Read a header; what cannot be read is left out."""
    found: list[Challenge] = []
    at = 0
    while (scheme := _SCHEME.match(header, at)) is not None:
        at = scheme.end()
        parameters: dict[str, str] = {}
        while (parameter := _PARAMETER.match(header, at)) is not None:
            value = parameter[3] if parameter[2] is None else re.sub(r"\\(.)", r"\1", parameter[2])
            parameters.setdefault(parameter[1].lower(), value)
            at = parameter.end()
        found.append(Challenge(scheme=scheme[1].lower(), parameters=parameters))
        comma = re.compile(r"\s*,").match(header, at)
        at = comma.end() if comma is not None else at
    return tuple(found)


def token_url(challenge: Challenge, scope: str, *, may_be_plain: bool) -> str | None:
    """Return where the token for `scope` is asked for; None where the realm is no address that credentials may be sent to."""
    realm = urlsplit(challenge.parameters.get("realm", ""))
    if realm.scheme not in ({"https", "http"} if may_be_plain else {"https"}) or not realm.hostname or realm.username or realm.fragment:
        return None
    asked = {"service": challenge.parameters.get("service", ""), "scope": challenge.parameters.get("scope") or scope}
    query = "&".join(part for part in (realm.query, urlencode({key: value for key, value in asked.items() if value})) if part)
    return f"{realm.scheme}://{realm.netloc}{realm.path}" + (f"?{query}" if query else "")


def read_token(body: bytes) -> tuple[str, float] | None:
    """Return a token and how many seconds it counts; None where the answer holds none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    token = (answer.get("token") or answer.get("access_token")) if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        return None
    lifetime = answer.get("expires_in")
    is_number = isinstance(lifetime, int | float) and not isinstance(lifetime, bool)
    return token, min(max(float(lifetime) if is_number else SHORTEST_S, 0.0), LONGEST_S)
