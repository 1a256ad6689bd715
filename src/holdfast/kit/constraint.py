"""Version constraints as Masterminds/semver 3 reads them, which is what Flux and Helm mean by a range: `^1.2`, `~1.2`, `1.x`, `1.2 - 1.4`,
`>=1.2, <2`, `!=1.3.1`, `1.x || >=2.5`.

Beside `semver.Range`, which is node-semver's, because the two differ: here a pre-release counts as soon as one comparator of its group
names a pre-release of any version (`>=1.2-0`), `~0.0.0` is everything, `01.2` is 1.2, a space or a comma joins, and an empty text is no
constraint. Law: for every text and every version the answer is that of the Go library; the tests hold its answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from holdfast.kit.semver import Version

LONGEST = 512
MOST_GROUPS = 32
LARGEST = 1 << 64
"""Numbers are 64 bits wide there; what is larger is no version."""
_SPACE = r"[\t\n\f\r ]"
_PRE = r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
_META = r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
_TEXT = rf"v?([0-9|xX*]+)(?:\.([0-9|xX*]+))?(?:\.([0-9|xX*]+))?{_PRE}{_META}"
_BARE = re.sub(r"\((?!\?)", "(?:", _TEXT)
"""The same without groups."""
_SIGNS = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_ONE = re.compile(rf"{_SPACE}*({_SIGNS}){_SPACE}*{_TEXT}{_SPACE}*")
_ANY_ONE = re.compile(rf"(?:{_SIGNS}){_SPACE}*{_BARE}")
_GROUP = re.compile(
    rf"(?:{_SPACE}*(?:{_SIGNS}){_SPACE}*{_BARE}{_SPACE}*)(?:(?:{_SPACE}+|,{_SPACE}*)(?:{_SIGNS}){_SPACE}*{_BARE}{_SPACE}*)*"
)
_HYPHEN = re.compile(rf"{_SPACE}*({_BARE}){_SPACE}+-{_SPACE}+({_BARE}){_SPACE}*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator:
    """One sign and the version it compares with; `known` says how many of its three numbers were written."""

    sign: str
    bound: Version
    known: int

    def fits(self, version: Version, *, with_pre: bool) -> bool:
        if version.pre and not with_pre:
            return False
        return _FITS[self.sign](version, self)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Groups of comparators: a version fits where it fits all of one group."""

    groups: tuple[tuple[Comparator, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read a constraint; ValueError says what is wrong with it."""
        if len(text.encode()) > LONGEST:
            raise ValueError(f"cannot read version range: it is longer than {LONGEST} bytes")
        whole = text
        for found in _HYPHEN.finditer(text):
            whole = whole.replace(found[0], f">= {found[1]}, <= {found[2]} ", 1)
        parts = whole.split("||")
        if len(parts) > MOST_GROUPS:
            raise ValueError(f"cannot read version range {text!r}: it has more than {MOST_GROUPS} alternatives")
        return cls(tuple(_group(part, text) for part in parts))

    def fits(self, version: Version) -> bool:
        """Say whether a version fits; a pre-release only where a comparator of the group names one."""
        return any(
            all(each.fits(version, with_pre=any(one.bound.pre for one in group)) for each in group)  # one law for the whole group
            for group in self.groups
        )

    def highest(self, tags: Iterable[str]) -> str | None:
        """Return the tag of the highest version that fits, the first one of equals; None where none does. Others are passed over."""
        best: tuple[Version, str] | None = None
        for tag in tags:
            version = version_of(tag)
            if version is not None and self.fits(version) and (best is None or version > best[0]):
                best = version, tag
        return best[1] if best else None


def version_of(tag: str) -> Version | None:
    """Return the version that a tag is, with or without a leading `v`; None for anything less than three numbers."""
    try:
        version = Version.parse(tag)
    except ValueError:
        return None
    return version if max(version.major, version.minor, version.patch) < LARGEST else None


def _group(part: str, whole: str) -> tuple[Comparator, ...]:
    if _GROUP.fullmatch(part) is None:
        what = f"{part.strip()!r} is no comparison with a version" if part.strip() else "an alternative is empty"
        raise ValueError(f"cannot read version range {whole!r}: {what}")
    return tuple(_comparator(found[0], whole) for found in _ANY_ONE.finditer(part))


def _comparator(text: str, whole: str) -> Comparator:
    found = _ONE.fullmatch(text)
    assert found is not None, "the group was judged whole"
    numbers: list[int] = []
    for written in (found[2], found[3], found[4]):
        if written is None or written in ("x", "X", "*"):
            break
        if not written.isdigit() or int(written) >= LARGEST:
            raise ValueError(f"cannot read version range {whole!r}: {written!r} is no number")
        numbers.append(int(written))
    pre = tuple(found[5].split(".")) if found[5] else ()
    if any(each.isdigit() and len(each) > 1 and each.startswith("0") for each in pre):
        raise ValueError(f"cannot read version range {whole!r}: a number of a pre-release starts with 0")
    known = len(numbers)
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    # `1.x.5` is `1.x`: what stands behind a number that is left open does not count, but a pre-release does.
    return Comparator(sign=found[1], bound=Version(major, minor, patch, pre), known=known)


def _is_same(version: Version, it: Comparator) -> bool:
    return version == it.bound if it.known == 3 else _is_near(version, it)


def _is_other(version: Version, it: Comparator) -> bool:
    bound = it.bound
    if it.known in (0, 3) or version.major != bound.major:
        return version != bound
    return it.known == 2 and (version.minor != bound.minor or version.pre != bound.pre)


def _is_above(version: Version, it: Comparator) -> bool:
    if it.known in (0, 3):
        return version > it.bound
    if version.major != it.bound.major:
        return version.major > it.bound.major
    return it.known == 2 and version.minor > it.bound.minor


def _is_at_most(version: Version, it: Comparator) -> bool:
    if it.known == 3:
        return version <= it.bound
    if version.major != it.bound.major:
        return version.major < it.bound.major
    return it.known == 1 or version.minor <= it.bound.minor


def _is_near(version: Version, it: Comparator) -> bool:
    """Judge `~`: at least the bound, and the same in every number but the last one that was written."""
    bound = it.bound
    if version < bound:
        return False
    if (bound.major, bound.minor, bound.patch) == (0, 0, 0) and it.known in (0, 3):
        return True
    return version.major == bound.major and (it.known == 1 or version.minor == bound.minor)


def _is_compatible(version: Version, it: Comparator) -> bool:
    """Judge `^`: at least the bound, and the same in every number up to the first that is not 0."""
    bound = it.bound
    if version < bound:
        return False
    if bound.major > 0 or it.known == 1:
        return version.major == bound.major
    if version.major > 0:
        return False
    if bound.minor > 0 or it.known == 2:
        return version.minor == bound.minor
    return version.minor == 0 and version.patch == bound.patch


_FITS: Mapping[str, Callable[[Version, Comparator], bool]] = {
    "": _is_same,
    "=": _is_same,
    "!=": _is_other,
    ">": _is_above,
    "<": lambda version, it: version < it.bound,
    ">=": lambda version, it: version >= it.bound,
    "=>": lambda version, it: version >= it.bound,
    "<=": _is_at_most,
    "=<": _is_at_most,
    "~": _is_near,
    "~>": _is_near,
    "^": _is_compatible,
}
