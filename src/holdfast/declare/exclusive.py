"""Exclusive: what only one declared resource of a host can hold at a time: a port, a socket, a path.

Resources say it by the label `holdfast.dev/exclusive`. `clashes` looks within one Application, `fold_exclusive` across all. Law: who is in
the wrong does not depend on the order in which anything was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, Protocol

from holdfast.declare.document import Path
from holdfast.declare.hint import camel
from holdfast.errors import DeclarationError, Where
from holdfast.model import labels
from holdfast.model.declaration import Declaration
from holdfast.model.plan import Inventory
from holdfast.model.resource import Desired, Origin, Resource

_ANY_ADDRESS = frozenset({"0.0.0.0", "::", "*"})


class Token(NamedTuple):
    """One thing that only one can hold: as the label says it, what it is compared by, and the address within that (`tcp:80`, 127.0.0.1)."""

    text: str
    what: str
    address: str


def tokens_of(resource: Resource) -> tuple[Token, ...]:
    """Return what `resource` wants for itself alone."""
    label = resource.labels.get(labels.EXCLUSIVE, "")
    return tuple(_token(text.strip()) for text in label.split(",") if text.strip()) if label else ()


def _token(text: str) -> Token:
    scheme, _, rest = text.partition(":")
    if scheme not in {"tcp", "udp"}:
        return Token(text, text, "")
    address, colon, port = rest.rpartition(":")
    return Token(text, f"{scheme}:{port}", address.strip("[]")) if colon else Token(text, text, "")


def _overlap(one: str, other: str) -> bool:
    return one == other or one in _ANY_ADDRESS or other in _ANY_ADDRESS


def _holders(claims: Iterable[tuple[Token, Any]], same: Callable[[Any, Any], bool]) -> Iterator[tuple[str, Any, Any]]:
    """Yield each token that is claimed by two that are not the `same`, with the first and the later one."""
    taken: dict[str, list[tuple[str, Any]]] = {}
    for (text, what, address), claimant in claims:
        if (holders := taken.get(what)) is None:  # nearly always: of ten thousand claims all but a few are the only one
            taken[what] = [(address, claimant)]
            continue
        rival = next((other for held, other in holders if _overlap(held, address) and not same(other, claimant)), None)
        if rival is not None:
            yield text, rival, claimant
        elif not any(held == address and same(other, claimant) for held, other in holders):
            holders.append((address, claimant))


def clashes(claims: Iterable[tuple[Token, tuple[Declaration, Resource]]]) -> Iterator[DeclarationError]:
    """Yield an error where two declarations of one Application want the same; several resources of one declaration share it."""
    told: set[tuple[int, int, str]] = set()
    for token, (first, held), (later, wanting) in _holders(claims, lambda one, other: one[0] is other[0]):
        if (pair := (id(first), id(later), token)) in told:
            continue
        told.add(pair)
        yield DeclarationError(
            "HF1205",
            f"cannot declare {wanting.declared_id}: {_spoken(token)} is taken by {held.declared_id}",
            where=[_claim_place(first, token), _claim_place(later, token)],
            hint="only one of the two can have it",
        )


def _spoken(token: str) -> str:
    scheme, _, rest = token.partition(":")
    return {"tcp": "port ", "udp": "UDP port ", "unix": "socket ", "file": "path "}.get(scheme, f"{scheme} ") + rest


def _claim_place(declaration: Declaration, token: str) -> Where:
    """Return the place of the field that claims `token`, else of the name."""
    last = token.rpartition(":")[2]
    path = next((path for path in _fields_saying(declaration.spec, last, ("spec",))), None)
    return declaration.place(path or ("metadata", "name"))


def _fields_saying(value: object, text: str, path: Path) -> Iterator[Path]:
    """Yield the paths of a spec's fields `port` and `path` that read `text`."""
    if isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _fields_saying(item, text, (*path, index))
    elif is_dataclass(value):
        for item in fields(value):
            held = getattr(value, item.name)
            if item.name in {"port", "path"} and str(held) == text:
                yield (*path, camel(item.name))
            elif is_dataclass(held) or isinstance(held, tuple | list):
                yield from _fields_saying(held, text, (*path, camel(item.name)))


class Fold(Protocol):
    """Joins what several Applications say of one thing of the host. Pure; the answer names who is in the wrong."""

    def __call__(self, desireds: Sequence[Desired], inventory: Inventory) -> Mapping[str, tuple[DeclarationError, ...]]:
        """Return the errors by Application; one that is not named is sound."""
        ...


def fold_exclusive(desireds: Sequence[Desired], inventory: Inventory) -> Mapping[str, tuple[DeclarationError, ...]]:
    """Find what two Applications both want: a port, a socket, a file.

    Who holds it by the inventory keeps it, else the first by name; the other gets the error, which names both places.
    """
    claims = sorted(
        (
            (not _holds(resource, token, inventory), desired.application, token, resource)
            for desired in desireds
            for resource in desired
            for token in tokens_of(resource)
        ),
        key=lambda claim: (claim[0], claim[1], claim[3].id, claim[2]),
    )
    found: defaultdict[str, list[DeclarationError]] = defaultdict(list)
    rivals = _holders(
        ((token, (application, resource)) for _, application, token, resource in claims), lambda one, other: bool(one[0] == other[0])
    )
    for token, (holder, held), (application, resource) in rivals:
        found[application].append(
            DeclarationError(
                "HF1206",
                f"cannot declare {resource.declared_id}: {_spoken(token)} is taken by {held.declared_id} of Application {holder}",
                where=[Where(path=origin.path, line=origin.line) for origin in _origins(held, resource)],
                hint="only one of the two can have it",
            )
        )
    return {application: tuple(errors) for application, errors in found.items()}


def _holds(resource: Resource, token: Token, inventory: Inventory) -> bool:
    owned = inventory.get(resource.id)
    return owned is not None and owned.application == resource.labels.get(labels.APPLICATION) and token in tokens_of(owned.resource)


def _origins(*resources: Resource) -> Iterator[Origin]:
    return (resource.origin for resource in resources if resource.origin is not None)
