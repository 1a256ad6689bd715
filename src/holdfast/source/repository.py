"""Repository addresses: which are addresses at all, which the operator must have named, and how they are shown without credentials.

Pure. Git gets an address only from here. That list is an allow-list: `ext::`, options and control characters never reach an argument
(`git ls-remote '--upload-pack=CMD' path` runs CMD).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import unquote_to_bytes

from holdfast.errors import Refused, SourceError

Scheme: TypeAlias = Literal["https", "http", "ssh", "file", "helm"]

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
_USER = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62})"
_WEB = re.compile(rf"(https?)://({_HOST})(:\d{{1,5}})?(/[A-Za-z0-9._~/@:+%=,!-]*)?")
_SSH = re.compile(rf"ssh://(?:{_USER}@)?{_HOST}(?::\d{{1,5}})?/[A-Za-z0-9._~/@:+%=,!-]+")
_SCP = re.compile(rf"(?:{_USER}@)?{_HOST}:[A-Za-z0-9._~/][A-Za-z0-9._~/@:+%=,!-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """An address that may be given to Git: as it was written, its scheme, and what Git gets (a folder for `file`).

    Of the scheme `helm` is a chart, which Git has a mirror of and never asks for: it allows no protocol of that name.
    """

    text: str
    scheme: Scheme
    address: str

    @property
    def digest(self) -> str:
        """The name of its mirror: 32 hex digits, one for each address Git gets."""
        return hashlib.sha256(self.address.encode()).hexdigest()[:32]

    @property
    def is_local(self) -> bool:
        return self.scheme == "file"

    @property
    def is_chart(self) -> bool:
        return self.scheme == "helm"


def parse(text: str, *, allow_local: Callable[[str], bool], allow_http: Callable[[str], bool]) -> Repository:
    """Read `https://`, `ssh://`, `user@host:path`, `file://` and absolute local paths.

    Raises `SourceError` for what is no such address, and `Refused` for a local folder or `http://` that the local configuration did not
    name; the predicates get the folder and the address.
    """
    _check_text(text)
    if text.startswith(("/", "file://")):
        folder = _folder(text)
        if not allow_local(folder):
            raise Refused(
                "HF4003",
                f"cannot read repository {shown(text)}: a local folder may be named by the operator only, never by content from Git",
                hint="give it in a file that you pass with `up -f`, or in the applications folder beside the configuration",
            )
        return Repository(text=text, scheme="file", address=folder)
    if found := _WEB.fullmatch(text):
        return _web(text, found, allow_http)
    if _SSH.fullmatch(text) or ("://" not in text and _SCP.fullmatch(text) and "::" not in text):
        return Repository(text=text, scheme="ssh", address=text)
    raise _no_address(text, _reason(text))


def _web(text: str, found: re.Match[str], allow_http: Callable[[str], bool]) -> Repository:
    if found[1] == "https":
        return Repository(text=text, scheme="https", address=text)
    if not allow_http(text):
        raise Refused(
            "HF4004",
            f"cannot read repository {shown(text)}: http:// is neither private nor proof of who answers",
            hint="use https:// or ssh://; the local configuration can allow http for this address",
        )
    return Repository(text=text, scheme="http", address=text)


def _check_text(text: str) -> None:
    if not text or len(text) > LONGEST:
        raise _no_address(text, "it is empty" if not text else f"it is longer than {LONGEST} characters")
    if _CONTROL.search(text):
        raise _no_address(text, "it holds a control character or a line break")
    if text.startswith("-"):
        raise _no_address(text, "it starts with '-' and would be read as an option")
    if _has_credentials(text):
        raise SourceError(
            "HF4002",
            f"cannot read repository {shown(text)}: the address carries credentials",
            hint="take them out; set git.credential_helper in the local configuration for https, or use a key for ssh",
        )


def _has_credentials(text: str) -> bool:
    """Say whether an address carries a password or, for http(s), anything before an `@`; a token is often given as the user."""
    scheme, mark, rest = text.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0] if mark else text.split("/", 1)[0]
    user, at, _ = authority.partition("@")
    return bool(at) and (":" in user or (bool(mark) and scheme.lower() != "ssh"))


def _folder(text: str) -> str:
    """Return the plain absolute path of a local address; `file://` may name this machine as localhost and percent-encode."""
    path = text
    if text.startswith("file://"):
        host, slash, rest = text.removeprefix("file://").partition("/")
        if host not in ("", "localhost") or not slash:
            raise _no_address(text, "file:// needs an absolute path, as in file:///srv/app")
        try:
            path = "/" + unquote_to_bytes(rest).decode()
        except UnicodeDecodeError as error:
            raise _no_address(text, "its path is not UTF-8") from error
    names = [name for name in path.split("/") if name]
    if ".." in names or "." in names or _CONTROL.search(path) or not names:
        raise _no_address(text, "its path is not plain: no '.', '..' or control characters")
    return "/" + "/".join(names)


def _reason(text: str) -> str:
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme and scheme.lower() not in ("https", "http", "ssh", "file"):
        return f"{scheme[:20]}:// is not one of https://, ssh://, file://"
    if "::" in text:
        return "remote helpers (`name::`) run programs and are never used"
    return "it is no address of a repository"


def _no_address(text: str, reason: str) -> SourceError:
    return SourceError(
        "HF4001",
        f"cannot read repository {shown(text)}: {reason}",
        hint="write https://host/path, ssh://host/path, git@host:path, or an absolute local path",
    )


def shown(text: str) -> str:
    """Return an address for people: on one line, cut, and without whatever stands before its last `@` but a plain ssh user."""
    scheme, mark, rest = text.partition("://")
    before, at, after = rest.rpartition("@") if mark else text.rpartition("@")
    is_plain = re.fullmatch(_USER, before) is not None and scheme.lower() in ("ssh", text.lower())
    hidden = text if not at or is_plain else (f"{scheme}{mark}***@{after}" if mark else f"***@{after}")
    plain = _CONTROL.sub(lambda found: repr(found[0])[1:-1], hidden)
    return plain if len(plain) <= 200 else plain[:199] + "…"


def redact(text: str) -> str:
    """Return a message of another program without the credentials of any address in it."""
    return re.sub(r"(?<=://)[^\s@]*(?:@[^\s@/]*)*@", "***@", text)
