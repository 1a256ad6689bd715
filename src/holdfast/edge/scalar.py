"""Scalars of the edge: hosts, paths, addresses and names, each refused where nginx could read more into it."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, TypeAlias

from holdfast.kit.canonical import Json
from holdfast.model.scalars import Check, Scalar, matching

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNIX = re.compile(r"unix:/[A-Za-z0-9_./@+-]+")
_URL = re.compile(r"(?:https?://[A-Za-z0-9.-]+(?::\d{1,5})?)?/?[!#-\[\]-~]*")


def _host(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError
    name = value.lower().removesuffix(".")
    if not name.isascii():
        raise ValueError("write it as browsers send it: xn--…")
    if len(name) > 253 or _HOST.fullmatch(name) is None:
        raise ValueError
    return name


def _clean(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError
    if (found := _CONTROL.search(value)) is not None:
        raise ValueError(f"it holds the control character {found[0]!r}")
    return value


def _line(value: Json) -> str:
    text = _clean(value)
    if len(text.encode()) > 2_000:
        raise ValueError("it takes more than 2,000 bytes")
    return text


def _path(value: Json) -> str:
    text = _line(value)
    if not text.startswith("/"):
        raise ValueError("it does not begin with /")
    if "?" in text or "#" in text:
        raise ValueError("a query is no part of a path")
    if "//" in text or {".", ".."} & set(text.split("/")):
        raise ValueError("nginx has tidied the path before it looks: //, . and .. never match")
    if "%" in text:
        raise ValueError("write the characters themselves: nginx has decoded the path before it looks")
    return text


def _pattern(value: Json) -> str:
    text = _line(value)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(str(error)) from None
    return text


def _network(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError
    try:
        return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))
    except ValueError as error:
        raise ValueError(str(error) if "host bits" in str(error) else "") from None


def _ip(value: Json) -> str:
    try:
        return str(ipaddress.ip_address(value)) if isinstance(value, str) else _fail()
    except ValueError:
        raise ValueError from None


def _fail() -> str:
    raise ValueError


def _resolver(value: Json) -> str:
    """An address, `[::1]:53`, or `10.0.0.2:5353`."""
    if not isinstance(value, str):
        raise ValueError
    if ":" not in value or value.endswith("]") or (value.count(":") > 1 and not value.startswith("[")):
        address = _ip(value.removeprefix("[").removesuffix("]"))
        return f"[{address}]" if ":" in address else address
    host, port = _split(value)
    address = _ip(host.strip("[]"))
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _split(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("a port from 1 to 65535 is missing")
    return host, int(port)


def _address(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError
    if value.startswith("unix:"):
        if _UNIX.fullmatch(value) is None or ".." in value.split("/"):
            raise ValueError("a path of letters, digits and ._/@+- follows unix:")
        return value
    host, port = _split(value)
    if host.startswith("[") and host.endswith("]"):
        return f"[{ipaddress.IPv6Address(_ip(host[1:-1]))}]:{port}"
    if _NAME.fullmatch(host.lower()) is None:
        raise ValueError
    return f"{host.lower()}:{port}"


def _url(value: Json) -> str:
    text = _line(value)
    if _URL.fullmatch(text) is None or not text.startswith(("http://", "https://", "/")) or text.startswith("//"):
        raise ValueError
    return text


Host: TypeAlias = Annotated[str, Scalar(expected="a host name such as shop.example.com or *.example.com", parse=_host)]
"""In lower case; `*` only as the whole first label."""

Line: TypeAlias = Annotated[str, Scalar(expected="text without control characters", parse=_line)]
"""One line, at most 2,000 bytes."""

UrlPath: TypeAlias = Annotated[str, Scalar(expected="a path such as /api", parse=_path)]
"""As nginx compares it: decoded, without `//`, `.` and `..`."""

Pattern: TypeAlias = Annotated[str, Scalar(expected="a regular expression", parse=_pattern)]

Network: TypeAlias = Annotated[str, Scalar(expected="an address or a network such as 10.0.0.0/8", parse=_network)]

Ip: TypeAlias = Annotated[str, Scalar(expected="an IP address", parse=_ip)]

Resolver: TypeAlias = Annotated[str, Scalar(expected="the address of a name server such as 127.0.0.53 or 10.0.0.2:53", parse=_resolver)]

Address: TypeAlias = Annotated[str, Scalar(expected="host:port or unix:/path", parse=_address)]

Url: TypeAlias = Annotated[str, Scalar(expected="an address such as https://example.com/sign-in, or a path", parse=_url)]

HeaderName: TypeAlias = Annotated[str, matching("the name of a header: letters, digits and '-'", r"[A-Za-z][A-Za-z0-9-]*", longest=64)]

CookieName: TypeAlias = Annotated[str, matching("the name of a cookie: letters, digits and '_'", r"[A-Za-z0-9_]+", longest=64)]
"""nginx knows no other by name."""

Rate: TypeAlias = Annotated[str, matching("a rate such as 10r/s or 300r/m", r"[1-9][0-9]{0,5}r/[sm]")]

ClientKey: TypeAlias = Annotated[str, matching("ip, ip64 or header:Name", r"ip|ip64|header:[A-Za-z][A-Za-z0-9-]*")]
"""Who counts as one client. `ip64`: of IPv6 the network of 64 bits, since one client has all of it."""

HashKey: TypeAlias = Annotated[
    str,
    matching(
        "ip, ip64, uri, header:Name, cookie:name or query:name", r"ip|ip64|uri|header:[A-Za-z][A-Za-z0-9-]*|(?:cookie|query):[A-Za-z0-9_]+"
    ),
]

StatusCode: TypeAlias = Annotated[
    int, Check(expected="a status from 300 to 599", reason=lambda code: None if 300 <= code <= 599 else "it is outside that range")
]

Percent: TypeAlias = Annotated[
    float, Check(expected="a percentage from 0 to 100", reason=lambda value: None if 0 <= value <= 100 else "it is outside that range")
]


def at_least(least: int) -> Check:
    return Check(
        expected=f"a whole number, {least} or more",
        reason=lambda value: None if value >= least else f"it is less than {least}",
        schema={"minimum": least},
    )


Count: TypeAlias = Annotated[int, at_least(1)]
