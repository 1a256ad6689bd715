"""Target revisions: what kind of name it is, and which of the advertised references it means. Pure.

A name reaches Git only after `is_reference`: an allow-list of characters with the rules of git-check-ref-format(1). A range is matched
here, against the names of tags, and never given to Git.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from holdfast.errors import SourceError
from holdfast.kit.semver import Range
from holdfast.kit.suggest import did_you_mean

HEADS = "refs/heads/"
TAGS = "refs/tags/"
HEAD = "HEAD"
Kind: TypeAlias = Literal["reference", "commit"]

_ALLOWED = re.compile(r"[\w.+@#=%,/-]+")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,40}")
LONGEST = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a name means now: a full reference (`refs/heads/main`, `HEAD`), or the beginning of a commit's id."""

    kind: Kind
    name: str


def is_reference(name: str) -> bool:
    """Say whether a branch or tag may have this name (git-check-ref-format(1)), of the characters that are allowed here."""
    components = name.split("/")
    is_formed = all(part and not part.startswith((".", "-")) and not part.endswith((".lock", ".")) for part in components)
    return len(name) <= LONGEST and name != "@" and ".." not in name and "@{" not in name and is_formed and bool(_ALLOWED.fullmatch(name))


def full_commit(text: str) -> str | None:
    """Return the id where the text is a whole commit id, else None."""
    return text.lower() if len(text) == 40 and _COMMIT.fullmatch(text) else None


def choose(text: str, references: Mapping[str, str], repository: str) -> Target:
    """Return what `text` means among the advertised references (full name → id).

    In this order: HEAD (also ""), a full name, a tag, a branch (gitrevisions(7) has tags first), a commit, a semver range over the tags.
    Raises `SourceError`: HF4020 nothing has that name, HF4021 the repository is empty, HF4022 no name at all, HF4024 no tag fits.
    """
    if text in ("", HEAD):
        if HEAD not in references:
            raise _empty(repository) if not references else _nothing(HEAD, references, repository)
        return Target(kind="reference", name=HEAD)
    if is_reference(text):
        for candidate in (text, f"{TAGS}{text}", f"{HEADS}{text}", f"refs/{text}"):
            if candidate in references and candidate.startswith((HEADS, TAGS)):
                return Target(kind="reference", name=candidate)
    if not references:
        raise _empty(repository)
    if _COMMIT.fullmatch(text):
        return Target(kind="commit", name=text.lower())
    return Target(kind="reference", name=_tag_of_range(text, references, repository))


def _tag_of_range(text: str, references: Mapping[str, str], repository: str) -> str:
    tags = short_names(references, TAGS)
    try:
        wanted = Range.parse(text) if len(text) <= LONGEST and re.search(r"[\d*]", text) else None  # a branch may be called x
    except ValueError:
        wanted = None
    if wanted is None:
        raise _nothing(text, references, repository) if is_reference(text) else _no_name(text, repository)
    best = wanted.best(tag for tag in tags if is_reference(tag))
    if best is None:
        newest = Range.parse("*").best(tags)
        raise SourceError(
            "HF4024",
            f"cannot resolve {text!r} in {repository}: none of its {len(tags)} tags fits the range",
            hint=f"the highest version there is {newest}" if newest else "tag a release as v1.2.3, or name a branch",
        )
    return f"{TAGS}{best}"


def short_names(references: Iterable[str], prefix: str) -> list[str]:
    return sorted(name.removeprefix(prefix) for name in references if name.startswith(prefix))


def _nothing(text: str, references: Mapping[str, str], repository: str) -> SourceError:
    known = [*short_names(references, HEADS), *short_names(references, TAGS)]
    near = did_you_mean(text, known)
    listed = ", ".join(known[:5]) + (" …" if len(known) > 5 else "")
    return SourceError(
        "HF4020",
        f"cannot resolve {text!r} in {repository}: no branch, tag or commit has that name",
        hint=f"did you mean {near!r}?" if near else f"there are {listed}",
    )


def _empty(repository: str) -> SourceError:
    return SourceError(
        "HF4021", f"cannot resolve a revision in {repository}: the repository has no commit yet", hint="commit and push first"
    )


def _no_name(text: str, repository: str) -> SourceError:
    return SourceError(
        "HF4022",
        f"cannot resolve {text[:100]!r} in {repository}: it is no name of a branch, tag or commit, and no version range",
        hint="write a branch, a tag, a commit id of at least 7 digits, HEAD, or a range such as ^1.2",
    )
