"""ImagePolicy: which tag of an image is wanted, and by which rules the new one is committed.

Written by hand; applied by the engine that asks registries. Says what may differ and how it is judged. Law: `read(write(spec)) == spec`.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from holdfast.declare.schema import encode
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kit.constraint import Constraint
from holdfast.kit.duration import format_duration, parse_duration
from holdfast.kit.image_reference import ImageReference
from holdfast.kit.linear_pattern import LinearPattern
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State
from holdfast.workload.image_policy_spec import (
    INTERVAL_S,
    Choice,
    CommitAuthor,
    FilterTags,
    ImagePolicySpec,
    OrderChoice,
    SemverChoice,
    UpdateRules,
)
from holdfast.workload.process_spec import SecretRef

LEAST_INTERVAL_S = 10.0
DEADLINE_S = 30.0
PATIENCE = 3
"""Intervals that a registry may be silent before its policy counts as degraded."""
PLACEHOLDERS = frozenset({"summary", "changes", "application"})


class ImagePolicyKind:
    """The kind `ImagePolicy` of `model.declaration.Kind`."""

    name = "ImagePolicy"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = ImagePolicySpec

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        if found := tuple(_errors(declaration)):
            return found
        return Resource(
            id=ResourceId(HOST, self.name, declaration.namespace or scope.namespace, declaration.name),
            state=State.of(write(declaration.spec, facts.fingerprints)),
            origin=declaration.origin,
            labels={**declaration.labels, APPLICATION: scope.application},
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        """Judge by the handle: `image` that is chosen, `message` of the last failure, `failing_since` (an instant).

        A registry that is silent for a while is no reason to hold up a deployment.
        """
        if observation.state is None:
            return Health(Status.MISSING)
        handle = observation.handle or {}
        image, message, since = handle.get("image"), str(handle.get("message") or ""), handle.get("failing_since")
        patience_s = PATIENCE * read(observation.state.fields).interval
        if isinstance(since, int | float) and now - since >= patience_s:
            return Health(Status.DEGRADED, f"{message} (for {format_duration(round(now - since))})")
        return Health(Status.HEALTHY, str(image) if image else message or "the registry was not asked yet")

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return DEADLINE_S


def write(spec: ImagePolicySpec, fingerprints: Mapping[str, str]) -> dict[str, Json]:
    """Return the fields of the state, defaults left out; a secret with its fingerprint."""
    fields = encode(ImagePolicySpec, spec)
    assert isinstance(fields, dict), "a spec is a mapping"
    if spec.credentials is not None:
        fields["credentials"] = {"secret": spec.credentials.secret, "fingerprint": fingerprints.get(spec.credentials.secret)}
    return fields


def read(fields: Mapping[str, Any]) -> ImagePolicySpec:
    """Return what the fields of a state say."""
    choice, rule, rules, secret = (fields.get(name) for name in ("policy", "filterTags", "update", "credentials"))
    return ImagePolicySpec(
        image=fields["image"],
        policy=Choice(
            semver=_made(SemverChoice, choice, "semver"),
            numerical=_made(OrderChoice, choice, "numerical"),
            alphabetical=_made(OrderChoice, choice, "alphabetical"),
        ),
        filter_tags=None if rule is None else FilterTags(**rule),
        interval=parse_duration(fields["interval"]) if "interval" in fields else INTERVAL_S,
        digest=fields.get("digest", False),
        credentials=None if secret is None else SecretRef(secret=secret["secret"]),
        update=None if rules is None else UpdateRules(**{**rules, "author": CommitAuthor(**rules.get("author", {}))}),
    )


def _made(form: Callable[..., Any], fields: Any, name: str) -> Any:
    found = fields.get(name) if isinstance(fields, Mapping) else None
    return None if found is None else form(**found)


def _errors(declaration: Declaration) -> Iterator[DeclarationError]:
    spec: ImagePolicySpec = declaration.spec

    def say(reason: str, path: tuple[str | int, ...], hint: str | None = None) -> DeclarationError:
        where = [declaration.place(("spec", *path))]
        return DeclarationError("HF1450", f"cannot follow ImagePolicy {declaration.name}: {reason}", where=where, hint=hint)

    try:
        image = ImageReference.parse(spec.image)
    except ValueError as error:
        yield say(_reason(error), ("image",))
    else:
        if image.tag is not None or image.digest is not None:
            yield say("its image has a tag or a digest, which the policy is to choose", ("image",), f"write {image.familiar_name}")
    given = [name for name in ("semver", "numerical", "alphabetical") if getattr(spec.policy, name) is not None]
    if len(given) != 1:
        yield say(f"policy has {' and '.join(given) or 'nothing'}", ("policy",), "write one of semver, numerical and alphabetical")
    if spec.policy.semver is not None and (reason := _refused(Constraint.parse, spec.policy.semver.range)):
        yield say(reason, ("policy", "semver", "range"), 'write a range such as ^1.2, ~1.2, 1.x, ">=1.2 <2" or "*"')
    if spec.filter_tags is not None and (reason := _refused(LinearPattern, spec.filter_tags.pattern)):
        yield say(reason, ("filterTags", "pattern"), "patterns are RE2's: no look-around, no back references")
    if spec.interval < LEAST_INTERVAL_S:
        yield say("its interval is too short", ("interval",), f"write at least {format_duration(LEAST_INTERVAL_S)}")
    if spec.update is not None and (reason := _refused(message_of, spec.update.message)):
        yield say(reason, ("update", "message"), "{summary}, {changes} and {application} are filled in; {{ and }} are braces")


def message_of(template: str, *, summary: str = "", changes: str = "", application: str = "") -> str:
    """Return a commit message; ValueError where the template asks for something else."""
    try:
        asked = {
            name for _, name, form, conversion in string.Formatter().parse(template) if name is not None and not form and not conversion
        }
        plain = sum(name is not None for _, name, _, _ in string.Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"cannot read message: {error}") from None
    if not asked <= PLACEHOLDERS or plain != sum(template.count(f"{{{name}}}") for name in asked):
        raise ValueError("cannot read message: it asks for something that there is not")
    return template.format(summary=summary, changes=changes, application=application)


def _refused(reading: Callable[[str], object], text: str) -> str:
    try:
        reading(text)
    except ValueError as error:
        return _reason(error)
    return ""


def _reason(error: ValueError) -> str:
    text = str(error)
    return text.removeprefix("cannot read ")
