"""Names of container images: registry, path, tag and digest, by Docker's grammar (github.com/distribution/reference).

`nginx` is familiar; `docker.io/library/nginx:latest` is the canonical name of the same image. Laws: a canonical name and its familiar form
read as equal references; what cannot be read is a ValueError that says why, never another image.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

HUB = "docker.io"
OFFICIAL = "library/"
LATEST = "latest"
LONGEST_PATH = 255
_OLD_HUB = "index.docker.io"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?)"
_PART = r"[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
_PATH = rf"{_PART}(?:/{_PART})*"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_WHOLE = re.compile(rf"({_HOST})/({_PATH})(?::({_TAG}))?(?:@({_DIGEST}))?", re.ASCII)
_ID = re.compile(r"[a-f0-9]{64}")
_KNOWN_DIGEST = re.compile(r"(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """One image: `registry` is a host with its port, `path` the repository there; `tag` and `digest` as far as they were written."""

    registry: str
    path: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Read a familiar or canonical name; ValueError says what is wrong with it."""
        if _ID.fullmatch(text):
            raise ValueError(f"cannot read image {text!r}: 64 hexadecimal digits are the id of an image, not its name")
        registry, rest = _split(text)
        if (bare := rest.partition(":")[0]) != bare.lower():
            raise ValueError(f"cannot read image {text!r}: its name has capital letters")
        found = _WHOLE.fullmatch(f"{registry}/{rest}")
        if found is None:
            raise ValueError(f"cannot read image {text!r}: {'it is empty' if not text else _why(text)}")
        if len(found[2]) > LONGEST_PATH:
            raise ValueError(f"cannot read image {text[:40]!r}…: its name is longer than {LONGEST_PATH} characters")
        if found[4] is not None and not is_digest(found[4]):
            raise ValueError(f"cannot read image {text!r}: {found[4]!r} is no digest such as sha256: and 64 hexadecimal digits")
        return cls(registry=found[1], path=found[2], tag=found[3], digest=found[4])

    @property
    def name(self) -> str:
        """Registry and path: `docker.io/library/nginx`."""
        return f"{self.registry}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The name as Docker shows it: `nginx`, `bitnami/redis`, `ghcr.io/acme/web`."""
        if self.registry != HUB:
            return self.name
        short = self.path.removeprefix(OFFICIAL)
        return self.path if "/" in short else short

    @property
    def canonical(self) -> str:
        """All that is known, with the registry: `docker.io/library/nginx:1.27@sha256:…`; `latest` where neither tag nor digest is."""
        tag = LATEST if self.tag is None and self.digest is None else self.tag
        return self.name + _suffix(tag, self.digest)

    @property
    def familiar(self) -> str:
        """All that is written, as Docker shows it: `nginx:1.27@sha256:…`."""
        return self.familiar_name + _suffix(self.tag, self.digest)

    def __str__(self) -> str:
        return self.familiar

    @property
    def wanted(self) -> str:
        """What a registry is asked for: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or LATEST

    def with_tag(self, tag: str) -> ImageReference:
        """Return another tag of the same repository, without a digest, which would be the old one's."""
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: str | None) -> ImageReference:
        return replace(self, digest=digest)


def is_digest(text: str) -> bool:
    """Say whether a text is the digest of a manifest: an algorithm that registries know, and as many digits as it has."""
    return _KNOWN_DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return re.fullmatch(_TAG, text, re.ASCII) is not None


def _suffix(tag: str | None, digest: str | None) -> str:
    return (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")


def _split(text: str) -> tuple[str, str]:
    """Return registry and the rest: the first part is a host only where it looks like one."""
    head, slash, rest = text.partition("/")
    if not slash:
        return HUB, OFFICIAL + text
    if head in (HUB, _OLD_HUB):
        return HUB, rest if "/" in rest else OFFICIAL + rest
    if head == "localhost" or "." in head or ":" in head or head != head.lower():
        return head, rest
    return HUB, text


def _why(text: str) -> str:
    if text != text.strip() or any(letter.isspace() for letter in text):
        return "it has a blank"
    if "://" in text:
        return "it is an address; leave https:// away"
    if "$" in text:
        return "it holds a variable"
    return "expected name, name:tag or name:tag@sha256:…"
