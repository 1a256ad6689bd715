"""Derived kinds: what only other resources are made into. Nobody may declare one, it is changed in place, and it is well where it is there.

A room's kind is a subclass that says its words, and judges health by itself where it knows more.
"""

from __future__ import annotations

from typing import Any

from holdfast.errors import DeclarationError
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State


class DerivedKind:
    """What of `model.declaration.Kind` is the same for all of them."""

    name: str
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any]
    """That of the kind which it is made of."""
    code: str
    """Of the refusal to declare one."""
    made_of: str
    """As people say it: `a Site`."""
    instead: str
    """What to write instead."""
    deadline_s: float = 30.0

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        return (
            DeclarationError(
                self.code,
                f"cannot declare {self.name} {declaration.name}: it is made of {self.made_of}",
                where=[declaration.place(("kind",))],
                hint=f"write {self.instead}",
            ),
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        return Health(Status.MISSING) if observation.state is None else Health(Status.HEALTHY)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return self.deadline_s
