"""Derive: declarations → resources that stand in the plan, closed under their needs.

`expand` works on one declaration (and is remembered by render); `join` looks at all of an Application together. Laws: kinds are expanded to
a fixed point, and one that never reaches it is an error; a need on what was expanded is a need on everything that it became; the result is
the same in whatever order the files were read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType

from holdfast.declare.annotation import Directions, read_directions
from holdfast.declare.document import Path
from holdfast.declare.exclusive import Token, clashes, tokens_of
from holdfast.declare.registry import Registry
from holdfast.errors import DeclarationError, Where
from holdfast.kit.graph import find_cycle
from holdfast.kit.suggest import did_you_mean
from holdfast.model import labels
from holdfast.model.declaration import Declaration, Joining, Peer, Scope
from holdfast.model.ids import ResourceId, one_set
from holdfast.model.resource import Derived, Resource, ResourcePolicy, Warning
from holdfast.model.scalars import Name
from holdfast.model.state import Facts

_DEEPEST = 16
_MOST = 10_000
"""Expansions of one declaration; more is a kind that never ends."""
_NAME = Name.__metadata__[0]  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One declaration and what it stands for."""

    declaration: Declaration
    id: ResourceId
    leaves: tuple[Resource, ...]
    """What is planned in its name: the resource itself where its kind expands into nothing else. Needs are not resolved yet."""
    ids: tuple[ResourceId, ...]
    """Its own and those of its leaves, in order."""
    claims: tuple[tuple[Token, tuple[Declaration, Resource]], ...]
    """What its leaves want for themselves alone."""
    needs: tuple[tuple[str, Path], ...]
    warnings: tuple[Warning, ...] = ()


def expand(declaration: Declaration, scope: Scope, facts: Facts, registry: Registry) -> Part | tuple[DeclarationError, ...]:
    """Return what one declaration becomes, or every error of it."""
    kind = registry.kind(declaration.kind)
    assert kind is not None, f"nobody registered {declaration.kind}"
    directions = read_directions(declaration)
    names = () if kind is registry.foreign else _name_errors(declaration)  # a server has rules of its own
    errors = [*names, *(() if isinstance(directions, Directions) else directions)]
    declared = kind.declare(declaration, scope, facts)
    if errors or not isinstance(directions, Directions) or not isinstance(declared, Resource):
        return (*errors, *(() if isinstance(declared, Resource) else declared))
    policy, labelled = _joined(declared.policy, directions.policy), _labels(declaration, declared, scope)
    resource = declared
    if directions.wave != declared.wave or (policy, declaration.origin, labelled) != (declared.policy, declared.origin, declared.labels):
        resource = replace(declared, wave=directions.wave, policy=policy, origin=declaration.origin, labels=labelled)
    leaves = _leaves(resource, declaration, facts, registry)
    if isinstance(leaves, DeclarationError):
        return (leaves,)
    return Part(
        declaration=declaration,
        id=resource.id,
        leaves=leaves,
        ids=tuple(sorted({resource.id, *(leaf.id for leaf in leaves)})),
        claims=tuple((token, (declaration, leaf)) for leaf in leaves for token in tokens_of(leaf)),
        needs=kind.needs(declaration),
        warnings=(*kind.warnings(declaration), *directions.warnings),
    )


def _labels(declaration: Declaration, declared: Resource, scope: Scope) -> Mapping[str, str]:
    if not declaration.labels and declared.labels.get(labels.APPLICATION) == scope.application:
        return declared.labels
    return {**declaration.labels, **declared.labels, labels.APPLICATION: scope.application}


def _name_errors(declaration: Declaration) -> Iterator[DeclarationError]:
    for key, value in (("name", declaration.name), ("namespace", declaration.namespace)):
        try:
            if value is not None:
                _NAME.parse(value)
        except ValueError:
            yield DeclarationError(
                "HF1215",
                f"cannot name {declaration.kind} {value!r}: expected {_NAME.expected}",
                where=[declaration.place(("metadata", key))],
                hint="write it in lower case, with '-' between words",
            )


_CAREFREE = ResourcePolicy()


def _joined(one: ResourcePolicy, other: ResourcePolicy) -> ResourcePolicy:
    """Return the more careful of two policies."""
    if other == _CAREFREE:
        return one  # of most, and thousands of equal ones are memory
    return ResourcePolicy(
        prune=one.prune and other.prune,
        heal=one.heal and other.heal,
        protect=one.protect or other.protect,
        holds=one.holds or other.holds,
        adopt=one.adopt or other.adopt,
        replace_on=one.replace_on | other.replace_on,
        restart_with=one.restart_with | other.restart_with,
        delete=one.delete and other.delete,
        protect_delete=one.protect_delete or other.protect_delete,
        last=one.last or other.last,
        tolerated=one.tolerated or other.tolerated,
        options={**one.options, **other.options},
        ignored=(*one.ignored, *other.ignored),
    )


def _leaves(resource: Resource, declaration: Declaration, facts: Facts, registry: Registry) -> tuple[Resource, ...] | DeclarationError:
    """Expand until nothing expands any more."""
    found: list[Resource] = []
    open_: list[tuple[Resource, tuple[ResourceId, ...]]] = [(resource, (resource.id,))]
    turns = 0
    while open_:
        current, line = open_.pop()
        turns += 1
        kind = registry.kind(current.id.kind)
        children = kind.derive(current, facts) if kind is not None else ()
        if not children:
            found.append(current)
        for child in children:
            if child.id in line or len(line) >= _DEEPEST or turns > _MOST:
                return _endless(declaration, (*line, child.id))
            open_.append((_child(child, current, line), (*line, child.id)))
    return tuple(sorted(found, key=lambda leaf: leaf.id))


def _child(child: Resource, parent: Resource, line: tuple[ResourceId, ...]) -> Resource:
    """Return a derived resource with what it takes over from its parent."""
    return replace(
        child,
        owner=child.owner if isinstance(child.owner, Derived) and child.owner.parents[0] == line[0] else Derived(line),
        wave=child.wave or parent.wave,
        policy=_joined(child.policy, replace(parent.policy, replace_on=frozenset(), restart_with=frozenset())),
        origin=child.origin or parent.origin,
        labels={**parent.labels, **child.labels},
        needs=child.needs | parent.needs,
    )


def _endless(declaration: Declaration, line: tuple[ResourceId, ...]) -> DeclarationError:
    shown = " → ".join(map(str, line[-4:]))
    return DeclarationError(
        "HF1204",
        f"cannot derive {line[0]}: it expands without end ({shown})",
        where=[declaration.place(())],
        hint="this is a defect of the kind; please report it",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What an Application's parts are together."""

    resources: tuple[Resource, ...] = ()
    errors: tuple[DeclarationError, ...] = ()


def join(parts: Sequence[Part], failed: Collection[str] = (), joining: Mapping[str, Joining] = MappingProxyType({})) -> Joined:
    """Return the resources of all parts with their needs resolved, or every error that only shows between them.

    `failed` are the names of what is declared but is wrong in itself: a need of one of those is not told as well. `joining`: kinds whose
    resources depend on whom they need and who needs them.
    """
    twice = list(_twice(parts))
    index = _Index(parts, failed)
    resolved: dict[ResourceId, dict[ResourceId, Path]] = {}
    errors = list(twice)
    for part in parts:
        if part.needs:
            found, wrong = index.resolve(part)
            resolved[part.id] = found
            errors += wrong
    errors += _rings(index, resolved)
    errors += clashes(claim for part in parts for claim in part.claims)
    if errors:
        return Joined(errors=tuple(errors))
    leaves = {part.id: tuple(index.closed(part, resolved.get(part.id, {}))) for part in parts}
    if joining:
        leaves |= _beside_others(parts, leaves, index, resolved, joining)
    return Joined(resources=tuple(leaf for part in parts for leaf in leaves[part.id]))


def _beside_others(
    parts: Sequence[Part],
    leaves: Mapping[ResourceId, tuple[Resource, ...]],
    index: _Index,
    resolved: Mapping[ResourceId, Mapping[ResourceId, Path]],
    joining: Mapping[str, Joining],
) -> dict[ResourceId, tuple[Resource, ...]]:
    """Return the leaves of parts whose kind has them depend on other parts, with what they bring along."""
    needs = {id: {index.owner.get(need, need) for need in found} for id, found in resolved.items()}
    peers = {part.id: Peer(id=part.id, declaration=part.declaration) for part in parts}
    needed_by: defaultdict[ResourceId, list[Peer]] = defaultdict(list)
    for id in sorted(needs):
        for need in needs[id]:
            needed_by[need].append(peers[id])
    found = {}
    for part in parts:
        if (kind := joining.get(part.id.kind)) is not None:
            wanted = tuple(peers[need] for need in sorted(needs.get(part.id, ())) if need in peers)
            found[part.id] = kind.joined(peers[part.id], leaves[part.id], wanted, tuple(needed_by.get(part.id, ())))
    return found


def _twice(parts: Sequence[Part]) -> Iterator[DeclarationError]:
    """Yield an error for each id that two declarations claim."""
    claimed: dict[ResourceId, Part] = {}
    for part in parts:
        for id in part.ids:
            first = claimed.setdefault(id, part)
            if first is not part:
                yield DeclarationError(
                    "HF1200",
                    f"cannot declare {id}: it is declared twice",
                    where=[_named(first.declaration), _named(part.declaration)],
                    hint="rename or remove one of the two",
                )
                break


def _named(declaration: Declaration) -> Where:
    return declaration.place(("metadata", "name"))


class _Index:
    """Who is called what, and what each stands for; each table is made when the first need asks for it."""

    def __init__(self, parts: Sequence[Part], failed: Collection[str]) -> None:
        self.parts: Mapping[ResourceId, Part] = {part.id: part for part in parts}
        self.failed = frozenset(failed)
        self._stood: dict[frozenset[ResourceId], frozenset[ResourceId]] = {}
        """Needs of leaves, and what they stand for."""

    @cached_property
    def stands_for(self) -> Mapping[ResourceId, tuple[ResourceId, ...]]:
        return {id: tuple(leaf.id for leaf in part.leaves) for id, part in self.parts.items()}

    @cached_property
    def by_name(self) -> Mapping[tuple[str, str], list[ResourceId]]:
        found: defaultdict[tuple[str, str], list[ResourceId]] = defaultdict(list)
        for id in self.parts:
            found[id.namespace, id.name].append(id)
        return found

    @cached_property
    def owner(self) -> Mapping[ResourceId, ResourceId]:
        return {leaf.id: id for id, part in self.parts.items() for leaf in part.leaves}

    def resolve(self, part: Part) -> tuple[dict[ResourceId, Path], list[DeclarationError]]:
        """Return the parts that `part` needs, each with the path where it says so, and what could not be found."""
        found: dict[ResourceId, Path] = {}
        errors = []
        for text, path in part.needs:
            target = self.find(text, part, path)
            if isinstance(target, DeclarationError):
                if target.code != "HF1201" or text.rpartition("/")[2] not in self.failed:
                    errors.append(target)
            else:
                found[target] = path
        return found, errors

    def find(self, text: str, part: Part, path: Path) -> ResourceId | DeclarationError:
        kind, namespace, name = _reference(text, part.id, {id.kind for id in self.parts})
        if kind is not None:
            wanted = ResourceId(part.id.destination, kind, namespace, name)
            exact = [id for id in (wanted, wanted._replace(destination="host")) if id in self.parts or id in self.owner]
            elsewhere = [id for id in self.by_name.get((namespace, name), ()) if id.kind == kind]
            return (exact or elsewhere)[0] if exact or len(elsewhere) == 1 else self.unknown(text, part, path)
        candidates = self.by_name.get((namespace, name), [])
        same = [id for id in candidates if id.kind == part.id.kind]
        if len(found := same or candidates) == 1:
            return found[0]
        if not found:
            leaf = part.id._replace(name=name)
            return leaf if leaf in self.owner else self.unknown(text, part, path)
        listed = " or ".join(sorted(f"{id.kind}/{id.name}" for id in found))
        return DeclarationError(
            "HF1202",
            f"cannot resolve need {text!r} of {part.id}: more than one resource has that name",
            where=[part.declaration.place(path)],
            hint=f"write {listed}",
        )

    def unknown(self, text: str, part: Part, path: Path) -> DeclarationError:
        near = did_you_mean(text, self.names(part.id))
        return DeclarationError(
            "HF1201",
            f"cannot resolve need {text!r} of {part.id}: nothing of this Application is called so",
            where=[part.declaration.place(path)],
            hint=f"did you mean {near}?" if near else "write name, Kind/name or Kind/namespace/name of a resource that is declared here",
        )

    def names(self, asking: ResourceId) -> set[str]:
        here = {id for id in self.parts if id != asking}
        return (
            {id.name for id in here if id.namespace == asking.namespace}
            | {f"{id.kind}/{id.name}" for id in here}
            | {str(id) for id in here}
        )

    def closed(self, part: Part, needs: Mapping[ResourceId, Path]) -> Iterator[Resource]:
        """Yield the leaves of `part` with their needs as ids that stand in the plan."""
        wanted = {leaf for id in needs for leaf in self.stands_for.get(id, (id,))}
        for leaf in part.leaves:
            closed = self._own(leaf.needs) if not wanted else one_set(self._own(leaf.needs).union(wanted))
            yield replace(leaf, needs=closed) if closed != leaf.needs else leaf

    def _own(self, needs: frozenset[ResourceId]) -> frozenset[ResourceId]:
        """Return what `needs` of a leaf stand for; remembered, since thousands need the same."""
        if not needs:
            return needs
        if (known := self._stood.get(needs)) is None:
            known = self._stood[needs] = one_set(frozenset(other for id in needs for other in self.stands_for.get(id, (id,))))
        return known


def _reference(text: str, asking: ResourceId, kinds: Collection[str]) -> tuple[str | None, str, str]:
    """Return kind, namespace and name of a need as written; no kind where only a name stands."""
    words = text.split("/")
    if len(words) == 1:
        return None, asking.namespace, text
    if len(words) >= 3 and f"{words[0]}/{words[1]}" in kinds:
        words = [f"{words[0]}/{words[1]}", *words[2:]]
    if len(words) == 2:
        return words[0], asking.namespace, words[1]
    return "/".join(words[:-2]), words[-2], words[-1]


def _rings(index: _Index, needs: Mapping[ResourceId, Mapping[ResourceId, Path]]) -> Iterator[DeclarationError]:
    """Yield an error for each ring of needs; the places are those where each says that it needs the next."""
    paths = {id: {index.owner.get(need, need): path for need, path in found.items()} for id, found in needs.items()}
    edges = {id: set(found) for id, found in paths.items()}
    while (ring := find_cycle(edges)) is not None:
        pairs = list(pairwise(ring))
        yield DeclarationError(
            "HF1203",
            f"cannot order {ring[0]}: it needs itself"
            if len(pairs) == 1
            else f"cannot order {' → '.join(map(str, ring))}: a ring of needs",
            where=[index.parts[id].declaration.place(paths[id][need]) for id, need in pairs],
            hint="remove one of these needs",
        )
        edges[ring[0]].discard(ring[1])
