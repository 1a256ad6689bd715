"""Small kinds and formats for the tests of declare: what rooms bring, at its smallest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.declare.document import Path
from holdfast.declare.registry import Registry
from holdfast.errors import DeclarationError, Where
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Ask, Declaration, Reading, Scope
from holdfast.model.ids import ResourceId
from holdfast.model.labels import EXCLUSIVE
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Origin, Prepare, Resource, Warning
from holdfast.model.scalars import NonEmptyStr, Port
from holdfast.model.state import Facts, State


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingSpec:
    size: int = 1
    needs: tuple[NonEmptyStr, ...] = ()
    port: Port | None = None
    parts: int = 0


@dataclass(kw_only=True)
class ThingKind:
    """Things stand as they are, or expand into `parts` leaves; `declared` lists the name of each that was declared, in order."""

    name: str = "Thing"
    api_version: str = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = ThingSpec
    leaf: str = "Leaf"
    declared: list[str] = field(default_factory=list)

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        self.declared.append(declaration.name)
        spec: ThingSpec = declaration.spec
        if spec.size < 0:
            return (DeclarationError("HF1021", f"cannot size {declaration.name}", where=[declaration.place(("spec", "size"))]),)
        fields = {"size": spec.size, "parts": spec.parts, "release": scope.release, "fingerprint": facts.fingerprints.get("key")}
        return Resource(
            id=ResourceId(scope.destination, self.name, declaration.namespace or scope.namespace, declaration.name),
            state=State.of(fields),
            labels={} if spec.port is None else {EXCLUSIVE: f"tcp:127.0.0.1:{spec.port}"},
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return tuple((need, ("spec", "needs", at)) for at, need in enumerate(declaration.spec.needs))

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        count = resource.state.fields.get("parts")
        assert isinstance(count, int)
        state = State.of({"size": resource.state.fields["size"], "parts": 0})
        return tuple(
            Resource(id=resource.id._replace(kind=self.leaf, name=f"{resource.id.name}.{at}"), state=state, labels=resource.labels)
            for at in range(count)
        )

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return (Warning(reason="Large", message="it is large", origin=declaration.origin),) if declaration.spec.size > 9 else ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        return Health(Status.HEALTHY)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return 1.0


@dataclass(kw_only=True)
class RunKind(ThingKind):
    """Runs from the release."""

    name: str = "Run"

    def prepare(self, declaration: Declaration) -> Prepare | None:
        return Prepare(command=("make", declaration.name), working_dir=".", timeout_s=1.0) if declaration.spec.size > 1 else None


class EndlessKind(ThingKind):
    """Expands into itself."""

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return (Resource(id=resource.id._replace(name=f"{resource.id.name}x"), state=resource.state),)


def at(where: Where) -> Callable[[Path], Where]:
    """Return the place of everything: one line has no parts."""
    return lambda path: where


@dataclass(kw_only=True)
class LinesFormat:
    """One Thing for each line; `ask FILE` asks for a file whose content is the name; `read` counts the readings."""

    name: str = "lines"
    path: str = "Lines"
    workload: bool = True
    read_count: int = 0

    def matches(self, path: str) -> bool:
        return path == self.path

    def read(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Reading:
        self.read_count += 1
        asks = tuple(Ask(what="blob", path=line[4:]) for line in data.decode().splitlines() if line.startswith("ask "))
        if not set(asks) <= answers.keys():
            return Reading(asks=asks)
        declarations = []
        for number, line in enumerate(data.decode().splitlines(), 1):
            where = Where(path=scope.shown(path), line=number, column=1)
            name = (answers[Ask(what="blob", path=line[4:])] or b"none").decode() if line.startswith("ask ") else line
            origin = Origin(path=where.path, line=number, revision=scope.revision)
            declarations.append(Declaration(kind="Thing", name=name, namespace=None, spec=ThingSpec(), origin=origin, place=at(where)))
        return Reading(declarations=tuple(declarations), consumed=frozenset({path}))


def registry(*kinds: Any, formats: tuple[Any, ...] = ()) -> Registry:
    return Registry(kinds=kinds or (ThingKind(),), formats=formats)


def thing(name: str, spec: str = "{}", *, kind: str = "Thing", annotations: str = "{}", namespace: str = "") -> str:
    """Return a document of own kind; `spec` and `annotations` are flow YAML."""
    where = f", namespace: {namespace}" if namespace else ""
    return f"apiVersion: holdfast.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}{where}, annotations: {annotations}}}\nspec: {spec}\n"
