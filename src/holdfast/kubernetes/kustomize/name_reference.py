"""Name reference: where an object names another, the name that the other has now.

For every field that the configuration knows to hold a name of some kind: the object that was called so, in the same namespace, and in the
same layers of prefixes where several were. As kustomize's nameref filter has it, ambiguities refused included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from holdfast.kubernetes.kustomize.configuration import Referred
from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.field import FieldSpec, change_field
from holdfast.kubernetes.kustomize.identity import CLUSTER, Gvk
from holdfast.kubernetes.kustomize.trouble import Trouble, at
from holdfast.kubernetes.kustomize.value import MISSING, Value, field_text, is_null, put_loose, text

Specs = Sequence[tuple[Gvk, FieldSpec]]


def mend(drafts: Sequence[Draft], references: Iterable[Referred]) -> None:
    """Write current names wherever they are referred to. Raises Trouble where that is ambiguous."""
    all_specs = [(each.gvk, spec) for each in references for spec in each.referrers]
    by_kind: dict[Gvk, Specs] = {}
    names: defaultdict[str, list[_Candidate]] = defaultdict(list)
    everybody = [_Candidate(draft) for draft in drafts]
    for each in everybody:
        for name in dict.fromkeys(id.name for id in each.before):
            names[name].append(each)
    for draft in drafts:
        gvk = draft.first().gvk
        if gvk not in by_kind:
            by_kind[gvk] = [(target, spec) for target, spec in all_specs if gvk.is_selected(spec.gvk)]
        referrer = _Referrer(draft, names, everybody)
        with at(draft.where):
            for target, spec in by_kind[gvk]:
                referrer.mend(target, spec)


class _Candidate:
    """What may be referred to: its ids of before and now do not change while references are mended."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.before = draft.before()
        self.now = draft.identity()

    def was(self, gvk: Gvk) -> bool:
        return any(id.gvk.is_selected(gvk) for id in self.before)


class _Referrer:
    def __init__(self, draft: Draft, names: defaultdict[str, list[_Candidate]], everybody: list[_Candidate]) -> None:
        self.draft = draft
        self.names = names
        self.everybody = everybody
        self.id = draft.identity()
        self.bound = _bound_namespaces(draft)

    def mend(self, target: Gvk, spec: FieldSpec) -> None:
        def change(value: Value) -> Value:
            if is_null(value):
                return value
            if isinstance(value, dict):
                self.mapping(value, target, spec)
            elif isinstance(value, list):
                value[:] = [self.item(each, target, spec) for each in value]
            else:
                return self.scalar(value, target, spec)
            return value

        change_field(self.draft, FieldSpec(self.draft.gvk, spec.path, spec.create), change)

    def item(self, value: Value, target: Gvk, spec: FieldSpec) -> Value:
        if isinstance(value, list):
            raise Trouble("HF1711", "a list stands in a list of names")
        if isinstance(value, dict):
            self.mapping(value, target, spec)
            return value
        return value if is_null(value) else self.scalar(value, target, spec)

    def scalar(self, value: Value, target: Gvk, spec: FieldSpec) -> Value:
        found = self.referral(text(value), target, spec, self.reachable, lambda draft: draft.name)
        return value if found is None or found.name == text(value) else put_loose(value, found.name)

    def mapping(self, value: dict[str, Value], target: Gvk, spec: FieldSpec) -> None:
        if "name" not in value:
            raise Trouble("HF1711", "the configuration names a mapping there that has no name")
        name = text(value["name"])
        among = self.within(field_text(value["namespace"])) if "namespace" in value else self.reachable
        found = self.referral(name, target, spec, among, lambda draft: (draft.name, draft.namespace))
        if found is None or (found.name == name and not found.namespace):
            return
        value["name"] = put_loose(value["name"], found.name)
        if found.namespace:
            value["namespace"] = put_loose(value.get("namespace", MISSING), found.namespace)

    def reachable(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Return what an object may refer to at all."""
        if self.id.is_cluster:
            return candidates
        return [
            each
            for each in candidates
            if each.now.is_cluster or each.now.effective_namespace == self.id.effective_namespace or each.draft.namespace in self.bound
        ]

    def within(self, namespace: str) -> Callable[[list[_Candidate]], list[_Candidate]]:
        """Return what filters by a namespace that is written beside the name: of before where any object was there, else of now."""
        everybody = self.reachable(self.everybody)

        def was_in(each: _Candidate) -> bool:
            first = (each.before or [each.now])[0].effective_namespace
            return first == namespace and first != CLUSTER

        def is_in(each: _Candidate) -> bool:
            return each.now.effective_namespace == namespace and namespace != CLUSTER

        fits = was_in if any(map(was_in, everybody)) else is_in
        return lambda candidates: [each for each in self.reachable(candidates) if fits(each)]

    def referral(
        self,
        name: str,
        target: Gvk,
        spec: FieldSpec,
        among: Callable[[list[_Candidate]], list[_Candidate]],
        identity: Callable[[Draft], object],
    ) -> Draft | None:
        """Return the object that is meant by `name`, None where it is none of these (selectReferral)."""
        if name not in self.names:
            return None
        found = [each for each in among(self.names[name]) if each.was(target)]
        if spec.path.endswith("roleRef/name") and (role := _role(self.draft)) is not None:
            found = [each for each in found if each.was(role)]
        found = [each for each in found if self.is_beside(each)]
        if len(found) == 1:
            return found[0].draft
        found = [each for each in found if _same_layers(each.draft, self.draft, allow_empty=True)]
        if len(found) > 1:
            found = [each for each in found if _same_layers(each.draft, self.draft, allow_empty=False)]
        if not found:
            return None
        if len({identity(each.draft) for each in found}) > 1:
            listed = ", ".join(str(each.now) for each in found)
            raise Trouble("HF1711", f"the name {name!r} may mean each of {listed}", "give the objects different names, or a namespace each")
        return found[0].draft

    def is_beside(self, each: _Candidate) -> bool:
        return (
            self.id.is_cluster
            or each.now.is_cluster
            or each.draft.kind == "ServiceAccount"
            or each.now.effective_namespace == self.id.effective_namespace
        )


def _bound_namespaces(draft: Draft) -> frozenset[str]:
    """Return the namespaces of the ServiceAccounts that a RoleBinding names."""
    found = draft.value.get("subjects") if draft.kind == "RoleBinding" else None
    subjects = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return frozenset(
        field_text(each["namespace"]) for each in subjects if "namespace" in each and field_text(each.get("kind")) == "ServiceAccount"
    )


def _role(draft: Draft) -> Gvk | None:
    role = draft.value.get("roleRef")
    if not isinstance(role, dict) or "apiGroup" not in role or "kind" not in role:
        return None
    return Gvk(text(role["apiGroup"]), "", text(role["kind"]))


def _same_layers(one: Draft, other: Draft, *, allow_empty: bool) -> bool:
    """Say whether two objects were given their names by the same layers (PrefixesSuffixesEquals)."""
    return all(
        (allow_empty and (not mine or not theirs)) or _ends_alike(mine, theirs)
        for mine, theirs in ((one.prefixes, other.prefixes), (one.suffixes, other.suffixes))
    )


def _ends_alike(one: list[str], other: list[str]) -> bool:
    short, long = sorted((one, other), key=len)
    return long[-len(short) :] == short if short else not long
