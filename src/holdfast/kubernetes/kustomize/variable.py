"""Variable: `$(NAME)` in the fields of `varReference`, replaced by a field of an object (`vars`).

Deprecated by kustomize and still in many repositories. Law: what no variable is called stays as it is written, `$$(NAME)` means `$(NAME)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.field import Specs, change_field
from holdfast.kubernetes.kustomize.field_path import indexed, lookup, parts_of
from holdfast.kubernetes.kustomize.identity import Identity
from holdfast.kubernetes.kustomize.spec import Variable
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import MISSING, Value, is_null, is_text, text


def claim(drafts: Iterable[Draft], variable: Variable) -> None:
    """Mark the object that a variable takes its value from, while it is called as the variable says. Raises Trouble where several are."""
    said = variable.objref
    found = [draft for draft in drafts if not draft.is_gone and _is_meant(draft, said.name, said.namespace, variable)]
    if len(found) > 1:
        raise Trouble("HF1712", f"the variable {variable.name} may mean {len(found)} objects", "add objref.namespace")
    for draft in found:
        draft.variables.append(variable.name)


def _is_meant(draft: Draft, name: str, namespace: str, variable: Variable) -> bool:
    """Without a namespace any will do."""
    wanted = Identity(variable.objref.gvk, name, namespace)
    ids = (*draft.before(), draft.identity())
    return any(wanted.equals(id) if namespace else (id.gvk, id.name) == (wanted.gvk, name) for id in ids)


def resolve(drafts: Sequence[Draft], variables: Mapping[str, Variable], specs: Specs) -> None:
    """Replace all variables. Raises Trouble where one has no value."""
    values = {name: _value(drafts, variables[name]) for name in sorted(variables)}
    if not values:
        return
    for draft in drafts:
        for spec in specs:
            change_field(draft, spec, lambda old: _replaced(old, values))


def _value(drafts: Iterable[Draft], variable: Variable) -> Value:
    for draft in drafts:
        if variable.name in draft.variables:
            found = lookup(draft.value, indexed(parts_of(variable.field_path)))
            if found is MISSING:
                raise Trouble("HF1712", f"there is no {variable.field_path} in {draft.identity()} for the variable {variable.name}")
            return text(found) if is_null(found) else found
    raise Trouble("HF1712", f"no object fits the variable {variable.name}", "objref names the object as its own file does, without prefix")


def _replaced(old: Value, values: Mapping[str, Value]) -> Value:
    if is_null(old):
        return old
    if isinstance(old, dict):
        for key, each in old.items():
            old[key] = expand(text(each), values) if is_text(each) else each
        return old
    if isinstance(old, list):
        if not all(is_text(each) for each in old):
            raise Trouble("HF1712", "a list with variables in it holds something else than text")
        old[:] = [expand(text(each), values) for each in old]
        return old
    return expand(text(old), values) if is_text(old) else old


def expand(said: str, values: Mapping[str, Value]) -> Value:
    """Return text with its variables replaced; where it is one variable and nothing else, the value with its type."""
    result: list[str] = []
    at = 0
    while (dollar := said.find("$", at)) >= 0 and dollar + 1 < len(said):
        result.append(said[at:dollar])
        following = said[dollar + 1]
        end = said.find(")", dollar + 2) if following == "(" else -1
        if following == "$":
            result.append("$")
            at = dollar + 2
        elif following == "(" and end > 0:
            name = said[dollar + 2 : end]
            value = values.get(name, MISSING)
            if value is MISSING or isinstance(value, dict | list):
                value = f"$({name})"
            if said == f"$({name})":
                return value
            result.append(text(value))
            at = end + 1
        else:
            result.append(f"${following}")
            at = dollar + 2
    return "".join(result) + said[at:]
