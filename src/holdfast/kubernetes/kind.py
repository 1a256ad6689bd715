"""The objects of a cluster as resources: any kind that its API serves, without a schema here.

What differs is the manifest in its normal form; what it needs are the namespace that it lies in, the definition of its kind, and what its
pods name, as far as the same Application declares it. An object that is there already is taken over: an apply on the server's side
changes what the manifest says and nothing else, and two Applications of this installation never have one object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json, digest
from holdfast.kit.clock import Instant
from holdfast.kubernetes.customization import is_argocd_cm, read_customizations
from holdfast.kubernetes.hook import HOOK, Turn, read_turn
from holdfast.kubernetes.normal import normalize
from holdfast.kubernetes.object_id import CLUSTER, CLUSTER_SCOPED, kind_name, namespace_of
from holdfast.kubernetes.reference import definition_of, references
from holdfast.kubernetes.sync_option import DEFINITION, in_vain_for_object, read_policy, read_sync_options
from holdfast.model.declaration import Declaration, Reading, Scope
from holdfast.model.ids import HOST, ResourceId, one_set
from holdfast.model.labels import ADOPT, APPLICATION, HEAL, SYNC_OPTIONS
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Hook, Origin, Resource, ResourcePolicy, Warning
from holdfast.model.state import Facts, State

Path = tuple[str | int, ...]
Place = Callable[[Path], Where]

_SETTLES_S = 60.0
_ROLLS_S = 600.0
"""Of a workload that says no `progressDeadlineSeconds`: what the API takes for it (apps/v1)."""
_HOOK_S = 3600.0
"""Of a hook that says no `activeDeadlineSeconds`: a migration takes its time, but nothing waits for ever."""
_WORKLOADS = frozenset({"apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "batch/Job"})
_HOLD = frozenset({"apps/StatefulSet", "PersistentVolumeClaim", "PersistentVolume"})
"""Hold data, which another of another name does not have."""
APPLICATION_KIND = "argoproj.io/Application"
ARGO_CD = frozenset({APPLICATION_KIND, "argoproj.io/AppProject"})
"""Kinds that are served here where an Application's content holds them, instead of lying in the cluster."""
_OF_A_CHILD = frozenset({SYNC_OPTIONS, ADOPT, HEAL})


class KubernetesKind:
    """A `model.declaration.Foreign`. `destinations` are the clusters that are reached; None: all that is no host, to render only."""

    name = "Kubernetes object"
    api_version = "any"
    spec_type: type[Any] = dict

    def __init__(self, destinations: frozenset[str] | None) -> None:
        self._destinations = destinations
        self._policy = ResourcePolicy()
        """The last one: those of most objects are equal, and are kept once."""
        self._last: dict[str, tuple[tuple[Resource, ...], tuple[Resource, ...]]] = {}
        """Of each Application, what was closed last, and as what: what a commit leaves as it was is the same resource again."""

    def reads(self, destination: str) -> bool:
        if self._destinations is not None:
            return destination in self._destinations
        return destination != HOST and "://" in destination and not destination.startswith(("host://", "unix://", "tcp://", "ssh://"))

    def read(self, value: Json, place: Place, origin: Origin) -> Reading:
        declarations: list[Declaration] = []
        warnings: list[Warning] = []
        errors: list[DeclarationError] = []
        for at, each in _objects(value):
            found = _read(each, _within(place, at), replace(origin, line=place(at).line or origin.line) if at else origin)
            if isinstance(found, Declaration):
                declarations.append(found)
            elif isinstance(found, Warning):
                warnings.append(found)
            else:
                errors += found
        return Reading(declarations=tuple(declarations), warnings=tuple(warnings), errors=tuple(errors))

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource:
        manifest: dict[str, Json] = declaration.spec
        namespace = CLUSTER if _is_wide(declaration.kind, facts) else declaration.namespace or scope.namespace
        metadata = manifest["metadata"]
        assert isinstance(metadata, dict), "it was read as one"
        named = {key: value for key, value in metadata.items() if key != "namespace"}
        if namespace != CLUSTER:
            named["namespace"] = namespace
        id = ResourceId(scope.destination, declaration.kind, namespace, declaration.name)
        policy = read_policy(manifest, _annotations(manifest), namespace_of(id), scope.terms)
        if declaration.kind in _HOLD:
            policy = replace(policy, holds=True)
        if policy != self._policy:
            self._policy = policy
        return Resource(
            id=id,
            state=State.of(_as_written(manifest, named) if declaration.kind in ARGO_CD else normalize({**manifest, "metadata": named})),
            needs=one_set(
                frozenset(
                    ResourceId(scope.destination, it.kind, it.namespace or CLUSTER, it.name)
                    for it in references(manifest, namespace_of(id))
                )
            ),
            policy=self._policy,
            origin=declaration.origin,
            labels=_labels(scope.application),
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, Path], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        def warning(key: str, message: str) -> Warning:
            where = declaration.place(("metadata", "annotations", key))
            origin = replace(declaration.origin, line=where.line or declaration.origin.line)
            return Warning(reason="AnnotationNotHonoured", message=message, origin=origin)

        vain = [warning(key, message) for key, message in in_vain_for_object(_annotations(declaration.spec))]
        if not is_argocd_cm(declaration.spec):
            return tuple(vain)
        errors = read_customizations(declaration.origin.path, declaration.spec.get("data")).errors
        return (*vain, *(Warning(reason="CustomizationNotRead", message=each.message, origin=declaration.origin) for each in errors))

    def closed(self, resources: tuple[Resource, ...], scope: Scope) -> tuple[tuple[Resource, ...], tuple[Hook, ...]]:
        """Keep of the needs of objects what is declared here, add the definitions of their kinds, and take the hooks out.

        What a definition among them says of no namespace holds for its objects, too. A namespace that is to have labels or annotations by
        `managedNamespaceMetadata` is added where nobody declares it.
        """
        resources = (*resources, *self._namespace(resources, scope))
        # An Application whose own file lies in what it follows is no child of itself.
        resources = tuple(each for each in resources if each.id.kind != APPLICATION_KIND or each.id.name != each.labels.get(APPLICATION))
        wide = frozenset(
            f"{group}/{kind}"
            for resource in resources
            if resource.id.kind == DEFINITION and (spec := resource.state.fields.get("spec")) and isinstance(spec, dict)
            if spec.get("scope") == "Cluster"
            for group, kind in (definition_of(resource.state.fields),)
        )
        if wide:
            resources = tuple(_widened(each) if each.id.kind in wide and each.id.namespace != CLUSTER else each for each in resources)
        turns = {resource.id: _turn(resource.state.fields) for resource in resources if self.reads(resource.id.destination)}
        there = {resource.id for resource in resources if resource.id not in turns or not turns[resource.id].is_hook}
        definitions = {
            f"{group}/{kind}": resource.id
            for resource in resources
            if resource.id.kind == DEFINITION and (names := definition_of(resource.state.fields))
            for group, kind in (names,)
        }
        among: dict[frozenset[ResourceId], frozenset[ResourceId]] = {}
        before = {id(one): other for one, other in zip(*self._last.get(scope.application, ((), ())), strict=True)}
        closed = tuple(
            _closed(each, turns[each.id].wave, there, definitions, among, before.get(id(each), each)) if each.id in turns else each
            for each in resources
        )
        self._last[scope.application] = (resources, closed)
        standing = tuple(each for each in closed if each.id in there)
        return standing, tuple(hook for each in closed if each.id not in there for hook in _hooks(each, turns[each.id]))

    def _namespace(self, resources: tuple[Resource, ...], scope: Scope) -> Iterator[Resource]:
        terms = scope.terms
        id = ResourceId(scope.destination, "Namespace", CLUSTER, scope.namespace)
        is_wanted = terms.options.get("CreateNamespace") == "true" and (terms.namespace_labels or terms.namespace_annotations)
        if not is_wanted or any(resource.id == id for resource in resources):
            return
        metadata: dict[str, Json] = {
            "name": scope.namespace,
            "labels": dict(terms.namespace_labels),
            "annotations": dict(terms.namespace_annotations),
        }
        yield Resource(
            id=id,
            state=State.of(normalize({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})),
            policy=ResourcePolicy(adopt=True, prune=False, delete=False, tolerated=True),  # it is others' too: never deleted for us
            origin=scope.annotation_origin,
            labels={APPLICATION: scope.application},
        )

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        """Return what the engine judged by the rules of health when it looked: the whole object is there alone."""
        handle = observation.handle or {}
        word = handle.get("health")
        message = handle.get("message")
        return Health(Status(word), str(message or "")) if isinstance(word, str) else Health(Status.HEALTHY)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        if _turn(state.fields).is_hook:
            return _hook_deadline_s(state.fields)
        if kind_name(state.fields) not in _WORKLOADS:
            return _SETTLES_S
        spec = state.fields.get("spec")
        seconds = spec.get("progressDeadlineSeconds") if isinstance(spec, dict) else None
        return float(seconds) if isinstance(seconds, int) and seconds > 0 else _ROLLS_S


def _closed(
    resource: Resource,
    wave: int,
    there: set[ResourceId],
    definitions: Mapping[str, ResourceId],
    among: dict[frozenset[ResourceId], frozenset[ResourceId]],
    before: Resource,
) -> Resource:
    """Return an object with those of its needs that are `there`: `before`, where it was that.

    `among` remembers the needs for what needs the same, as nearly all do.
    """
    if (needs := among.get(resource.needs)) is None:
        needs = among[resource.needs] = one_set(resource.needs & there)
    if resource.id in needs:
        needs -= {resource.id}
    if (definition := definitions.get(resource.id.kind)) is not None:
        needs |= {definition}
    if needs == before.needs and wave == before.wave:
        return before
    return replace(resource, needs=needs, wave=wave)


def _hooks(resource: Resource, turn: Turn) -> Iterator[Hook]:
    metadata = resource.state.fields.get("metadata")
    is_generated = isinstance(metadata, dict) and "generateName" in metadata
    for phase in turn.phases:
        yield Hook(
            resource=_without_stem(resource) if is_generated else resource,
            phase=phase,
            wave=turn.wave,
            policies=turn.delete_policies,
            is_generated=is_generated,
        )


def _without_stem(resource: Resource) -> Resource:
    fields = dict(resource.state.fields)
    metadata = fields.get("metadata")
    assert isinstance(metadata, dict), "it was read as one"
    fields["metadata"] = {key: each for key, each in metadata.items() if key != "generateName"}
    return replace(resource, state=State.of(fields))


def _hook_deadline_s(fields: Mapping[str, Json]) -> float:
    spec = fields.get("spec")
    seconds = spec.get("activeDeadlineSeconds") if isinstance(spec, dict) else None
    return seconds + _SETTLES_S if isinstance(seconds, int) and seconds > 0 else _HOOK_S


def _as_written(manifest: Mapping[str, Json], metadata: dict[str, Json]) -> dict[str, Json]:
    """Return an Application or AppProject without what Argo CD writes into it; `automated: {}` means something, so nothing is tidied."""
    return {**{key: value for key, value in manifest.items() if key not in ("status", "operation")}, "metadata": metadata}


@lru_cache(maxsize=256)
def _labels(application: str) -> dict[str, str]:
    return {APPLICATION: application}


def _widened(resource: Resource) -> Resource:
    """Return an object as one that lies in no namespace."""
    fields = dict(resource.state.fields)
    metadata = fields.get("metadata")
    if isinstance(metadata, dict):
        fields["metadata"] = {key: value for key, value in metadata.items() if key != "namespace"}
    return replace(resource, id=resource.id._replace(namespace=CLUSTER), state=State.of(fields))


def _is_wide(kind: str, facts: Facts) -> bool:
    """Say whether a kind belongs to no namespace: by the API itself, or by what a cluster's discovery said."""
    told = facts.values.get("kubernetes.cluster-scoped")
    return kind in CLUSTER_SCOPED or (isinstance(told, list) and kind in told)


def _objects(value: Json) -> Iterator[tuple[Path, Json]]:
    """Yield the objects of a document: itself, or the items of a list, which in a `ConfigMapList` need not write their own kind."""
    kind = value.get("kind") if isinstance(value, dict) else None
    if isinstance(value, dict) and isinstance(kind, str) and kind.endswith("List") and isinstance(items := value.get("items"), list):
        for index, item in enumerate(items):
            for at, each in _objects(_typed(item, kind, value.get("apiVersion"))):
                yield ("items", index, *at), each
    else:
        yield (), value


def _typed(item: Json, kind: str, api_version: Json) -> Json:
    if kind == "List" or not isinstance(item, dict) or "kind" in item:
        return item
    return {"apiVersion": api_version, "kind": kind.removesuffix("List"), **item}


def _within(place: Place, at: Path) -> Place:
    return (lambda path: place((*at, *path))) if at else place


def _read(value: Json, place: Place, here: Origin) -> Declaration | Warning | tuple[DeclarationError, ...]:
    if not isinstance(value, dict):
        return (_wrong(place, (), "it is no mapping"),)
    metadata = value.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    if HOOK in _texts(named.get("annotations")) and not named.get("name") and isinstance(stem := named.get("generateName"), str) and stem:
        # Unlike any other object, a hook may leave its name to us: each run has one of its own.
        named = {**named, "name": f"{stem}{digest(value)[:7]}"}
        value = {**value, "metadata": named}
    errors = [
        _wrong(place, path, reason)
        for path, reason, is_right in (
            (("apiVersion",), "apiVersion is missing", isinstance(value.get("apiVersion"), str) and value["apiVersion"]),
            (("kind",), "kind is missing", isinstance(value.get("kind"), str) and value["kind"]),
            (("metadata", "name"), "metadata.name is missing", isinstance(named.get("name"), str) and named["name"]),
            (("metadata", "namespace"), "metadata.namespace is no text", isinstance(named.get("namespace", ""), str)),
            *((("metadata", key), f"metadata.{key} are not texts", _are_texts(named.get(key))) for key in ("labels", "annotations")),
        )
        if not is_right
    ]
    if errors:
        return tuple(errors)
    annotations = _texts(named.get("annotations"))
    try:
        turn = read_turn(annotations)
        read_sync_options(annotations)
    except ValueError as error:
        return (_wrong(place, ("metadata", "annotations"), str(error)),)
    name = str(named["name"])
    if not turn.phases:
        message = f"{kind_name(value)} {name} is not run: {annotations.get(HOOK) or 'Helm tests and rollbacks'} is no phase of a sync"
        return Warning(reason="HookNotHonoured", message=message, origin=here)
    return Declaration(
        kind=kind_name(value),
        name=name,
        namespace=str(named["namespace"]) if named.get("namespace") else None,
        spec=value,
        origin=here,
        place=place,
        annotations=_directions(kind_name(value), annotations),
        labels=_texts(named.get("labels")),
    )


_TURNS = tuple(f"argocd.argoproj.io/{name}" for name in ("hook", "sync-wave", "sync-options", "compare-options"))
"""Read here: not told of as not honoured."""


def _directions(kind: str, annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the annotations that say how an object is treated; most of a child Application's are about what the child has."""
    if kind in ARGO_CD:
        return {key: text for key, text in annotations.items() if key in _OF_A_CHILD}
    return {key: text for key, text in annotations.items() if not key.startswith(_TURNS)}


def _turn(fields: Mapping[str, Json]) -> Turn:
    return read_turn(_annotations(fields))


def _annotations(manifest: Mapping[str, Json]) -> dict[str, str]:
    metadata = manifest.get("metadata")
    return _texts(metadata.get("annotations") if isinstance(metadata, dict) else None)


def _are_texts(value: Json) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(each, str) for each in value.values()))


def _texts(value: Json) -> dict[str, str]:
    return {key: each for key, each in value.items() if isinstance(each, str)} if isinstance(value, dict) else {}


def _wrong(place: Place, path: Path, reason: str) -> DeclarationError:
    where = place(path)
    hint = "an object has apiVersion, kind and metadata.name"
    return DeclarationError("HF1651", f"cannot read {where.path}: {reason}", where=[where], hint=hint)
