"""Sync options of an object: what `syncOptions` of its Application and its own annotation ask for, as a policy.

Pure. The object's own word counts over its Application's. Laws: every option of Argo CD is honoured, is what happens in any case, or is
told of as in vain; what asks for less deletion wins (`helm.sh/resource-policy: keep` too).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from holdfast.declare.annotation import IN_VAIN_IN_CLUSTER, parse_sync_option
from holdfast.kit.canonical import Json
from holdfast.kubernetes.ignore import COMPARE_OPTIONS, compare_options, fits
from holdfast.kubernetes.object_id import kind_name
from holdfast.model.labels import SYNC_OPTIONS
from holdfast.model.resource import ResourcePolicy
from holdfast.model.terms import IgnoredFields, Terms

HELM_POLICY = "helm.sh/resource-policy"
DEFINITION = "apiextensions.k8s.io/CustomResourceDefinition"
REPLACE, FORCE, PROPAGATION, RESPECT, CREATE_NAMESPACE = (
    "Replace",
    "Force",
    "PrunePropagationPolicy",
    "RespectIgnoreDifferences",
    "CreateNamespace",
)
_FOR_ENGINE = (REPLACE, FORCE, PROPAGATION, RESPECT, CREATE_NAMESPACE)
_COMPARE: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("IgnoreExtraneous", "true"): "",
        ("ServerSideDiff", "true"): "",
        ("ServerSideDiff", "false"): "compared is with the server's own answer",
        ("IncludeMutationWebhook", "true"): "",
    }
)
"""Compare options, and why one is not honoured."""


def read_sync_options(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the options of an object by name. ValueError where one is unknown or has a wrong value."""
    if SYNC_OPTIONS not in annotations:
        return {}
    parts = (part.strip() for part in annotations[SYNC_OPTIONS].split(","))
    return dict(parse_sync_option(part) for part in parts if part)


def in_vain_for_object(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the annotation, and what is said in it in vain."""
    options = read_sync_options(annotations)
    for (name, value), why in IN_VAIN_IN_CLUSTER.items():
        if options.get(name) == value:
            yield SYNC_OPTIONS, f"sync option {name}={value} is not honoured: {why}"
    if CREATE_NAMESPACE in options:
        yield SYNC_OPTIONS, f"sync option {CREATE_NAMESPACE} is one of an Application, not of an object"
    for name, value in compare_options(annotations):
        if why := _COMPARE.get((name, value), "it is unknown"):
            yield COMPARE_OPTIONS, f"compare option {name}={value} is not honoured: {why}"


_PLAIN = ResourcePolicy(adopt=True)


def read_policy(manifest: Mapping[str, Json], annotations: Mapping[str, str], namespace: str, terms: Terms) -> ResourcePolicy:
    """Return the policy of an object in `namespace`; ValueError as `read_sync_options`."""
    if not (annotations or terms.options or terms.ignored) and kind_name(manifest) != DEFINITION:
        return _PLAIN
    own = read_sync_options(annotations)
    options = {**terms.options, **own}
    keeps = HELM_POLICY in annotations and annotations[HELM_POLICY].strip() == "keep"
    # As Argo CD: with a definition go all objects of its kind, of every Application, so that it stays unless it says otherwise.
    delete = own.get("Delete", "false" if kind_name(manifest) == DEFINITION else "true")
    return ResourcePolicy(
        prune=own.get("Prune") != "false" and not keeps,
        protect=own.get("Prune") == "confirm",
        adopt=True,
        delete=delete != "false" and not keeps,
        protect_delete=options.get("Delete") == "confirm",
        last=options.get("PruneLast") == "true",
        tolerated=("IgnoreExtraneous", "true") in compare_options(annotations),
        options={name: options[name] for name in _FOR_ENGINE if options.get(name, "false") != "false"},
        ignored=tuple(_fields(rule) for rule in terms.ignored if fits(rule, manifest, namespace)),
    )


def _fields(rule: IgnoredFields) -> IgnoredFields:
    """Return what a rule names, without the objects that it is about."""
    return IgnoredFields(
        json_pointers=rule.json_pointers,
        jq_path_expressions=rule.jq_path_expressions,
        managed_fields_managers=rule.managed_fields_managers,
    )
