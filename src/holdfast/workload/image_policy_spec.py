"""What a person may write about an ImagePolicy. Field docstrings are the help text, the reference page and the schema's description.

The words are those of Flux's ImagePolicy and ImageUpdateAutomation. `image_policy.py` says what may differ and how it is judged,
`image_choice.py` which tag is chosen, `image_marker.py` where it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.model.scalars import Duration, NonEmptyStr
from holdfast.workload.process_spec import SecretRef

INTERVAL_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterTags:
    """Which tags count, and which part of them is compared."""

    pattern: NonEmptyStr
    """Regular expression (RE2) that a tag must fit somewhere; write ^ and $ for the whole of it."""
    extract: NonEmptyStr | None = None
    """What is compared instead of the tag, made of the pattern's groups: `$ts`, `${1}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemverChoice:
    """The highest version in a range."""

    range: NonEmptyStr
    """Versions that are allowed, as ^1.2, ~1.2, 1.x, 1.2 - 1.4, >=1.2 <2 or 1.x || >=2.5; pre-releases only where it names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChoice:
    """The last one in an order."""

    order: Literal["asc", "desc"] = "asc"
    """`asc`: the highest is chosen; `desc`: the lowest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How one tag is chosen: one of the three."""

    semver: SemverChoice | None = None
    """By version."""
    numerical: OrderChoice | None = None
    """By number; every tag that counts must be one."""
    alphabetical: OrderChoice | None = None
    """By alphabet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitAuthor:
    """Who commits."""

    name: NonEmptyStr = "Holdfast"
    """Name of author and committer."""
    email: NonEmptyStr = "holdfast@localhost"
    """Address of author and committer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRules:
    """How a new tag is committed. Only where the local configuration allows pushing."""

    branch: NonEmptyStr | None = None
    """Branch that is pushed to, made of the newest commit that the Application follows. Without it, the branch that it follows."""
    author: CommitAuthor = CommitAuthor()
    """Who commits."""
    message: NonEmptyStr = "Update {summary}\n\n{changes}\n"
    """Message; {summary}, {changes} and {application} are filled in, {{ and }} are braces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePolicySpec:
    """Which tag of an image is wanted, and how it gets into Git."""

    image: NonEmptyStr
    """Image without a tag, such as ghcr.io/acme/web."""
    policy: Choice
    """How the tag is chosen."""
    filter_tags: FilterTags | None = None
    """Which tags count; without it all."""
    interval: Duration = INTERVAL_S
    """Time between looks at the registry, at least 10s."""
    digest: bool = False
    """Whether the digest is written behind the tag, so that the tag cannot move."""
    credentials: SecretRef | None = None
    """Secret that holds a Docker config.json with credentials; without it the config.json of the user that Holdfast runs as."""
    update: UpdateRules | None = None
    """How the new tag is committed; without it the choice is only shown."""
