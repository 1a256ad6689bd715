"""Address: what `repoURL` names: a repository somewhere, or a folder of this host, which only an operator may name.

Asked by the reader of Applications and by projects. `source` has the last word on what Git is given; what is refused here is refused with
its file and line. Law: a folder comes out plain and absolute, however it was written.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_REMOTE = frozenset({"https", "http", "ssh"})
_SCP = re.compile(r"(?:[\w.-]+@)?(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):(?!:).+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A repository as Git is given it: an address, or the absolute path of a folder."""

    text: str
    is_local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Why a text is no address. `is_secret`: it carries credentials, so that neither it nor its line may be shown."""

    code: str
    reason: str
    hint: str
    is_secret: bool = False


def read_address(text: str, folder: str | None, local: Collection[str] = ()) -> Address | Unusable:
    """Return what `text` names. `folder` is the absolute folder of the file that says it, None where no operator gave the file: such a file
    may name of this host only the folders in `local`, by their absolute paths."""
    if not text.isprintable() or text.startswith("-"):
        return _no_address("it holds a control character" if not text.isprintable() else "it starts with '-'")
    if has_credentials(text):
        return Unusable(
            code="HF1154",
            reason="its address carries credentials",
            hint="take them out of Git and change them; set git.credential_helper in the local configuration, or use a key for ssh",
            is_secret=True,
        )
    if folder is None and text in local:
        return Address(text=text, is_local=True)
    if is_local(text):
        return _local(text, folder)
    scheme = _SCHEME.match(text)
    if scheme is not None:
        return Address(text=text) if scheme[1].lower() in _REMOTE else _no_address(f"{scheme[1]}:// is no Git repository")
    if _SCP.fullmatch(text):
        return Address(text=text)
    return _no_address(f"{text!r} is no address", f"write ./{text} for a folder beside the file, or https://host/path")


def is_local(text: str) -> bool:
    return text in {".", ".."} or text.startswith(("./", "../", "/", "file:"))


def has_credentials(text: str) -> bool:
    """Say whether an address carries a password, or before its `@` something else than the user of ssh."""
    scheme, mark, rest = text.partition("://")
    authority = re.split(r"[/?#]", rest if mark else text, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    return bool(at) and (":" in user or (bool(mark) and scheme.lower() != "ssh"))


def _no_address(reason: str, hint: str = "write https://host/path, ssh://host/path, git@host:path, or a local folder") -> Unusable:
    return Unusable(code="HF1153", reason=reason, hint=hint)


def _local(text: str, folder: str | None) -> Address | Unusable:
    if folder is None:
        return Unusable(
            code="HF1152",
            reason=f"{text} is a folder of this host, which only an operator may name",
            hint="write https://host/path or ssh://host/path; a local folder may stand in a file that is given to `holdfast up -f`",
        )
    path = text
    if text.startswith("file:"):
        host, slash, rest = text.removeprefix("file:").removeprefix("//").partition("/")
        if not text.startswith("file://") or host not in {"", "localhost"} or not slash:
            return _no_address("file:// needs an absolute path", "write it as in file:///srv/shop")
        try:
            path = "/" + unquote(rest, errors="strict")
        except UnicodeDecodeError:
            return _no_address("its path is not UTF-8")
        if not path.isprintable():
            return _no_address("it holds a control character")
    return Address(text=absolute(path, folder), is_local=True)


def absolute(path: str, folder: str) -> str:
    """Return `path`, relative to the absolute `folder` unless it is absolute itself, without `.` and `..`."""
    names: list[str] = []
    for name in (path if path.startswith("/") else f"{folder}/{path}").split("/"):
        if name == "..":
            names = names[:-1]
        elif name not in {"", "."}:
            names.append(name)
    return "/" + "/".join(names)


def comparable(text: str) -> str:
    """Return an address as projects compare it (Argo CD `NormalizeGitURL`): no case, no `.git`, ssh in either form; a folder as it is."""
    if is_local(text):
        return text
    plain = text.strip().lower()
    if _SCHEME.match(plain) is None and _SCP.fullmatch(plain):
        plain = plain.replace(":", "/", 1)
    return plain.removesuffix(".git").removeprefix("ssh://")
