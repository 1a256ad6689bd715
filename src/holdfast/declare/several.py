"""Several: what only shows where an Application has more than one source: an id that two declare, a release that two need, and places that
a path alone would not tell apart. Asked by render, once all sources are read and expanded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from holdfast.declare.derive import Part
from holdfast.errors import DeclarationError, Where
from holdfast.model.declaration import Declaration
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Warning


def last_wins(expanded: Sequence[Sequence[Part]], labels: Sequence[str]) -> tuple[list[Part], list[Warning]]:
    """Return the parts of all sources, of an id that two sources declare only the last one's, and a warning for each that does not count.

    What one source declares twice stays, and is an error of `join`. As Argo CD does it (`RepeatedResourceWarning`).
    """
    if len(expanded) == 1:
        return [*expanded[0]], []
    last: dict[ResourceId, tuple[int, Part]] = {part.id: (at, part) for at, parts in enumerate(expanded) for part in parts}
    kept: list[Part] = []
    warnings: list[Warning] = []
    for at, parts in enumerate(expanded):
        for part in parts:
            winner, other = last[part.id]
            if winner == at:
                kept.append(part)
            else:
                warnings.append(_repeated(part, labels[at], other, labels[winner]))
    return kept, warnings


def _repeated(part: Part, label: str, other: Part, other_label: str) -> Warning:
    first, second = (labelled_place(_named(each), of) for each, of in ((part.declaration, label), (other.declaration, other_label)))
    message = f"{part.id} is declared by two sources, at {first} and at {second}: the last one counts"
    origin = part.declaration.origin
    return Warning(reason="RepeatedResource", message=message, origin=replace(origin, path=first.path, line=first.line or origin.line))


def needing_release(parts: Iterable[Part]) -> Declaration | None:
    """Return the first declaration that runs from files of its release, or shows them."""
    return next((part.declaration for part in parts if any(leaf.state.fields.get("release") is not None for leaf in part.leaves)), None)


def two_releases(application: str, needing: Collection[tuple[Declaration, str]]) -> DeclarationError:
    return DeclarationError(
        "HF1214",
        f"cannot render {application}: what {len(needing)} sources declare runs from files beside it, and an Application has one release",
        where=[labelled_place(_named(declaration), label) for declaration, label in needing],
        hint="keep what runs from files in one source, or write an Application for each",
    )


def labelled(warning: Warning, label: str, own: str | None) -> Warning:
    """Return a warning whose place says of which source it is; `own` is the Application's file, which is of none."""
    origin = warning.origin
    if not label or origin is None or origin.path == own:
        return warning
    return replace(warning, origin=replace(origin, path=f"{label}:{origin.path}"))


def labelled_error(error: DeclarationError, label: str, own: str | None) -> Iterator[DeclarationError]:
    """Yield an error, or those that it holds, with places that say of which source they are."""
    for each in [it for it in error.errors if isinstance(it, DeclarationError)] or [error]:
        if not label:
            yield each
        else:
            where = [place if place.path == own else labelled_place(place, label) for place in each.where]
            yield type(each)(each.code, each.message, where=where, hint=each.hint)


def labelled_place(where: Where, label: str) -> Where:
    return replace(where, path=f"{label}:{where.path}") if label else where


def _named(declaration: Declaration) -> Where:
    return declaration.place(("metadata", "name"))
