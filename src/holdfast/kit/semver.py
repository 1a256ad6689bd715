"""Versions and ranges by semver.org 2.0 and node-semver's range grammar, for `targetRevision: ^1.2`."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from types import MappingProxyType

_VERSION = re.compile(
    r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_PARTIAL = re.compile(r"v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_HOLDS = MappingProxyType({"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge})
_COMPARATOR = re.compile(r"\s*(\^|~|>=|<=|>|<|=)?\s*(\S+)")


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """Build metadata takes no part in order or equality (semver.org §10)."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Version:
        if (found := _VERSION.fullmatch(text)) is None:
            raise ValueError(f"cannot read version {text!r}: expected MAJOR.MINOR.PATCH")
        pre = tuple(found[4].split(".")) if found[4] else ()
        if any(part.isdigit() and len(part) > 1 and part[0] == "0" for part in pre):
            raise ValueError(f"cannot read version {text!r}: a number in the pre-release starts with 0")
        return cls(int(found[1]), int(found[2]), int(found[3]), pre)

    @property
    def _key(self) -> tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]:
        pre = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in self.pre)
        return (self.major, self.minor, self.patch, not self.pre, pre)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)


@dataclass(frozen=True, slots=True)
class Range:
    """Alternatives of comparators; a pre-release only fits where a comparator names its own release (node-semver's rule)."""

    alternatives: tuple[tuple[tuple[str, Version], ...], ...]

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read `^1.2`, `~1.2`, `1.x`, `>=1 <2`, `1.2 - 1.4`, `*`, `1.2 || 2.x`; ValueError otherwise."""
        return cls(tuple(_alternative(part.strip(), text) for part in text.split("||")))

    def fits(self, version: Version) -> bool:
        return any(_fits(version, comparators) for comparators in self.alternatives)

    def best(self, tags: Iterable[str]) -> str | None:
        """Return the tag with the highest version that fits, or None. Tags that are no versions are passed over."""
        found = []
        for tag in tags:
            try:
                version = Version.parse(tag)
            except ValueError:
                continue
            if self.fits(version):
                found.append((version, tag))
        return max(found)[1] if found else None


def _fits(version: Version, comparators: tuple[tuple[str, Version], ...]) -> bool:
    if not all(_HOLDS[sign](version, bound) for sign, bound in comparators):
        return False
    core = (version.major, version.minor, version.patch)
    return not version.pre or any(bound.pre and core == (bound.major, bound.minor, bound.patch) for _, bound in comparators)


def _alternative(part: str, whole: str) -> tuple[tuple[str, Version], ...]:
    if " - " in part:
        low, _, high = part.partition(" - ")
        return (*_comparator(">=", low.strip(), whole), *_comparator("<=", high.strip(), whole))
    found = [bound for sign, text in _COMPARATOR.findall(part) for bound in _comparator(sign, text, whole)]
    return tuple(found)


def _comparator(sign: str, text: str, whole: str) -> tuple[tuple[str, Version], ...]:
    if (found := _PARTIAL.fullmatch(text)) is None:
        raise ValueError(f"cannot read version range {whole!r}: {text!r} is no version")
    numbers = [int(part) for part in _known(found)]
    if not numbers:
        return ()
    low = _version(numbers, tuple(found[4].split(".")) if found[4] else ())
    known = len(numbers)
    match sign:
        case ">=":
            return ((">=", low),)
        case "<":
            return (("<", low),)
        case ">":
            return ((">", low),) if known == 3 else ((">=", _raised(numbers)),)
        case "<=":
            return (("<=", low),) if known == 3 else (("<", _bump(low, known - 1)),)
        case "^":
            first = next((at for at, number in enumerate(numbers) if number), known - 1)
            return ((">=", low), ("<", _bump(low, first)))
        case "~":
            return ((">=", low), ("<", _bump(low, min(known - 1, 1))))
        case _:
            return ((">=", low), ("<=", low)) if known == 3 else ((">=", low), ("<", _bump(low, known - 1)))


def _known(found: re.Match[str]) -> list[str]:
    known: list[str] = []
    for part in (found[1], found[2], found[3]):
        if part is None or part in "xX*":
            break
        known.append(part)
    return known


def _raised(numbers: list[int]) -> Version:
    """Return the release that follows all that `numbers` name; as a release it lets none of its own pre-releases in."""
    return _version([*numbers[:-1], numbers[-1] + 1], ())


def _bump(version: Version, at: int) -> Version:
    """Return the first pre-release of the next version at number `at`, so that its pre-releases do not fit below it."""
    numbers = [version.major, version.minor, version.patch]
    numbers[at] += 1
    return _version(numbers[: at + 1], ("0",))


def _version(numbers: list[int], pre: tuple[str, ...]) -> Version:
    major, minor, patch = [*numbers, 0, 0][:3]
    return Version(major, minor, patch, pre)
