"""Which version a target revision means: one as it is written, else the highest of a range. Pure.

Ranges are Helm's, which are those of Masterminds/semver: `^1.2`, `~1.2`, `1.x`, `>=1.0.0 <2`, `*`; a pre-release only where the range names
one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from holdfast.errors import SourceError
from holdfast.kit.constraint import Constraint, version_of
from holdfast.kit.semver import Version

ANY = "*"
NEWEST = 5
"""Versions that a hint names."""
_LENIENT = re.compile(r"v?(\d{1,20})(?:\.(\d{1,20}))?(?:\.(\d{1,20}))?((?:[-+][0-9A-Za-z.+-]{1,100})?)", re.ASCII)


def choose(text: str, versions: Collection[str], held: str | None, subject: str) -> str:
    """Return the version that `text` means: as written among `versions`, `held` (the same, fetched before and gone since), or by range.

    Raises `SourceError`: HF4022 neither a version nor a range, HF4074 nothing fits.
    """
    if (found := exact(text, versions)) is not None:
        return found
    if held is not None:
        return held
    try:
        wanted = Constraint.parse(range_of(text))
    except ValueError as error:
        raise SourceError(
            "HF4022",
            f"cannot resolve {text[:100]!r} in {subject}: it is no version and no range of versions",
            hint="write a version such as 1.2.3, or a range such as ^1.2 or 1.2.x",
        ) from error
    known = {version: read for version in versions if (read := read_version(version)) is not None}
    fitting = [version for version, read in known.items() if wanted.fits(read)]
    if not fitting:
        newest = ordered([version for version, read in known.items() if not read.pre] or known)[:NEWEST]
        raise SourceError(
            "HF4074",
            f"cannot resolve {text[:100]!r} in {subject}: none of its {len(versions)} versions fits",
            hint=f"the newest are {', '.join(newest)}" if newest else None,
        )
    return ordered(fitting)[0]


def exact(text: str, versions: Iterable[str]) -> str | None:
    """Return the version that is written so, or that is the same one written otherwise (`v1.2.3`, `1.2.3`); None for a range."""
    found = list(versions)
    if text in found:
        return text
    wanted = version_of(text)
    return None if wanted is None or "+" in text else next((each for each in found if "+" not in each and version_of(each) == wanted), None)


def range_of(text: str) -> str:
    return ANY if text in ("", "HEAD") else text


def ordered(versions: Iterable[str]) -> list[str]:
    """Return versions, the highest first; what is no version is left out, and of equals the first one is first."""
    found = [(read, version) for version in versions if (read := read_version(version)) is not None]
    return [version for _, version in sorted(found, key=lambda each: each[0], reverse=True)]


def read_version(text: str) -> Version | None:
    """Read a version as Helm does, `1.2` as 1.2.0; None for anything else."""
    found = _LENIENT.fullmatch(text)
    if found is None:
        return None
    return version_of(f"{int(found[1])}.{int(found[2] or 0)}.{int(found[3] or 0)}{found[4]}")
