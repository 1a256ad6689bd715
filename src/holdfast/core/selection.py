"""Selection: which resources of an Application a selective sync or plan is about, from what a person wrote.

Two forms: `GROUP:KIND:[NAMESPACE/]NAME` as `argocd app sync --resource` has it, and an id as it is shown (`Process/shop/web`). `*` stands
for any value of one part; `!` before either excludes. As in Argo CD what is excluded stays out, and excludes alone mean all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Inventory
from holdfast.model.resource import Desired

ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What one `--resource` says; `namespace` None: any."""

    text: str
    group: str
    kind: str
    namespace: str | None
    name: str
    is_exclude: bool = False

    def matches(self, id: ResourceId) -> bool:
        group, _, kind = id.kind.rpartition("/")
        parts = ((self.group, group), (self.kind, kind), (self.namespace or ANY, id.namespace), (self.name, id.name))
        return all(said in (ANY, there) for said, there in parts)


def patterns(texts: Iterable[str]) -> tuple[Pattern, ...]:
    """Return what `--resource` says, each; UsageError (HF6010) where one is of neither form."""
    return tuple(map(_pattern, texts))


def _pattern(text: str) -> Pattern:
    said = text.removeprefix("!")
    head, colon, rest = said.partition(":")
    if colon and "/" not in head:
        kind, colon, place = rest.partition(":")
        namespace, slash, name = place.rpartition("/")
        is_whole = bool(kind and colon and name) and "/" not in kind + namespace and (bool(namespace) or not slash)
        found = Pattern(text=text, group=head, kind=kind, namespace=namespace or None, name=name, is_exclude=said != text)
    else:
        words = said.split("/")
        is_whole = len(words) in (3, 4) and all(words)
        group, kind, namespace, name = words if len(words) == 4 else ("", *words) if is_whole else ("",) * 4
        found = Pattern(text=text, group=group, kind=kind, namespace=namespace, name=name, is_exclude=said != text)
    if not is_whole:
        hint = (
            "write GROUP:KIND:NAMESPACE/NAME, such as apps:Deployment:web, or an id as `holdfast tree` shows it, such as Process/shop/web"
        )
        raise UsageError("HF6010", f"cannot read the resource {text!r}", hint=hint)
    return found


def select(desired: Desired, inventory: Inventory, said: Sequence[Pattern]) -> frozenset[ResourceId]:
    """Return the ids that are declared or ours and selected, a replica by its Process too.

    Raises UsageError (HF6010) where a pattern, including one that excludes, matches nothing: who mistypes must not sync something else.
    """
    name = desired.application
    ours = [owned.resource for owned in inventory.values() if owned.application == name]
    names = {resource.id: resource.declared_id for resource in (*ours, *desired)}
    met = {each: {id for id, declared in names.items() if each.matches(id) or each.matches(declared)} for each in said}
    for each, ids in met.items():
        if not ids:
            raise _unknown(each, name, names)
    included = [ids for each, ids in met.items() if not each.is_exclude]
    excluded = [ids for each, ids in met.items() if each.is_exclude]
    return frozenset(set().union(*included) if included else names).difference(*excluded)


def _unknown(said: Pattern, application: str, known: Iterable[ResourceId]) -> UsageError:
    texts = {_alike(said, id): id for id in sorted(known)}
    guess = did_you_mean(said.text.removeprefix("!"), texts)
    hint = f"did you mean {'!' if said.is_exclude else ''}{guess}?" if guess else f"`holdfast tree {application}` lists what there is"
    return UsageError("HF6010", f"cannot select {said.text}: {application} has no such resource", hint=hint)


def _alike(said: Pattern, id: ResourceId) -> str:
    """Return `id` in the form in which `said` was written."""
    if ":" not in said.text.partition("/")[0]:
        return str(id)
    group, _, kind = id.kind.rpartition("/")
    return f"{group}:{kind}:{f'{id.namespace}/' if said.namespace else ''}{id.name}"
