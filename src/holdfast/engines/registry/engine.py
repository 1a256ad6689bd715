"""The registry engine: keeps ImagePolicies, and asks registries which image each of them chooses.

What a policy chose is remembered, so that a restart changes nothing while its registry is silent. When to ask is its controller's affair.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from dataclasses import dataclass, replace

from holdfast.engines.registry.client import Ask, RegistryClient
from holdfast.errors import Bug, EngineError, Rejected
from holdfast.host.registry_credentials import Credentials, read_config, written_in
from holdfast.host.thread import in_thread
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant
from holdfast.kit.image_reference import ImageReference
from holdfast.kit.tasks import Wakeup
from holdfast.model.codec import decode, encode
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.ports import Records, Secrets
from holdfast.model.state import State
from holdfast.workload.image_choice import choose
from holdfast.workload.image_policy import read
from holdfast.workload.image_policy_spec import ImagePolicySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One policy: as it was applied, and what it chose last."""

    application: str
    fields: str
    """The state, as JSON text."""
    tag: str | None = None
    digest: str | None = None
    chosen_at: Instant = 0.0
    failing_since: Instant | None = None
    message: str = ""

    @property
    def spec(self) -> ImagePolicySpec:
        return read(json.loads(self.fields))

    @property
    def image(self) -> ImageReference | None:
        """What is chosen, None while nothing is."""
        return None if self.tag is None else ImageReference.parse(self.spec.image).with_tag(self.tag).with_digest(self.digest)


class RegistryEngine:
    """Implements ports.Engine. `client_with` returns a client that takes its credentials from a function. Close it when done."""

    name = "registry"
    kinds = frozenset({"ImagePolicy"})

    def __init__(
        self, *, client: RegistryClient, client_with: Callable[[Ask], RegistryClient], records: Records, secrets: Secrets, clock: Clock
    ) -> None:
        self._client = client
        self._client_with = client_with
        self._records = records
        self._secrets = secrets
        self._clock = clock
        self._held: dict[ResourceId, Held] = {}
        self._pending: dict[ResourceId, None] = {}
        self._bell = Wakeup()
        self.changed = Wakeup()
        """Rings when a policy comes, goes or is another."""
        for key, value in records.all().items():
            try:
                self._held[ResourceId.parse(key, HOST)] = decode(Held, value)
            except ValueError:
                continue  # forgotten: it is seen as missing, and applied again

    def held(self) -> Mapping[ResourceId, Held]:
        """Return all policies."""
        return dict(self._held)

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        now = self._clock.now()
        return Live(observed={id: self._observation(id, now) for id in ids})

    def _observation(self, id: ResourceId, now: Instant) -> Observation:
        held = self._held.get(id)
        if held is None:
            return Observation(state=None, observed_at=now)
        handle: dict[str, Json] = {
            "image": None if held.image is None else str(held.image),
            "chosen_at": held.chosen_at,
            "message": held.message,
            "failing_since": held.failing_since,
        }
        return Observation(state=State.of(json.loads(held.fields)), owned=True, handle=handle, observed_at=now)

    async def apply(self, step: Step) -> None:
        if step.verb is StepVerb.DELETE:
            if self._held.pop(step.id, None) is not None:
                await self._records.drop(str(step.id))
        elif step.verb is StepVerb.APPLY and step.resource is not None:
            await self._keep(step.id, step.resource.labels.get(APPLICATION, ""), step.resource.state)
        else:
            raise Bug("HF9001", f"cannot {step.verb} {step.id}: an ImagePolicy is only applied and deleted")
        self._tell(step.id)
        self.changed.wake()

    async def _keep(self, id: ResourceId, application: str, state: State) -> None:
        """Keep a policy; what it chose stays chosen where it chooses as before."""
        before = self._held.get(id)
        fields = dict(state.fields)
        held = Held(application=application, fields=json.dumps(fields, sort_keys=True))
        if before is not None and _choosing(before.spec) == _choosing(held.spec):
            held = replace(before, application=application, fields=held.fields)
        await self._put(id, held)

    async def _put(self, id: ResourceId, held: Held) -> None:
        self._held[id] = held
        await self._records.put(str(id), encode(held))

    async def watch(self) -> AsyncGenerator[ResourceId, None]:
        while True:
            await self._bell.wait()
            while self._pending:
                yield self._pending.popitem()[0]

    def _tell(self, id: ResourceId) -> None:
        self._pending[id] = None
        self._bell.wake()

    # Asking

    async def look(self, id: ResourceId) -> Held | None:
        """Ask the registry of a policy, and return the policy as it is now; None where it is gone.

        Raises EngineError where the registry gave no answer that something can be chosen of; that is remembered too.
        """
        held = self._held.get(id)
        if held is None:
            return None
        try:
            tag, digest = await self._chosen(held.spec)
        except EngineError as error:
            await self._settle(id, held, replace(held, failing_since=held.failing_since or self._clock.now(), message=error.message))
            raise
        is_same = (tag, digest) == (held.tag, held.digest)
        chosen_at = held.chosen_at if is_same else self._clock.now()
        return await self._settle(id, held, replace(held, tag=tag, digest=digest, chosen_at=chosen_at, failing_since=None, message=""))

    async def _settle(self, id: ResourceId, before: Held, after: Held) -> Held | None:
        """Remember what a look brought, unless the policy was changed or removed meanwhile."""
        if self._held.get(id) is not before:
            return self._held.get(id)
        if after != before:
            await self._put(id, after)
            self._tell(id)
        return after

    async def _chosen(self, spec: ImagePolicySpec) -> tuple[str, str | None]:
        image = ImageReference.parse(spec.image)
        if spec.credentials is None:
            return await self._asked(self._client, spec, image)
        client = self._client_with(self._lent(spec.credentials.secret))
        try:
            return await self._asked(client, spec, image)
        finally:
            await client.aclose()

    async def _asked(self, client: RegistryClient, spec: ImagePolicySpec, image: ImageReference) -> tuple[str, str | None]:
        tags = await client.tags(image)
        try:
            tag = await in_thread(choose, spec, tags)  # a pattern may take a moment for many tags
        except ValueError as error:
            hint = "widen the range or the pattern, or push a tag that fits"
            raise Rejected("HF3246", f"cannot choose a tag of {image.familiar_name}: {error}", hint=hint) from None
        return tag, await client.digest(image.with_tag(tag)) if spec.digest else None

    def _lent(self, secret: str) -> Ask:
        """Return where credentials come from that stand in a secret; helpers are the operator's alone, so none are called."""

        async def of(registry: str) -> Credentials | None:
            return written_in(read_config(self._secrets.resolve(secret).reveal().encode(), f"secret {secret}"), registry)

        return of

    async def aclose(self) -> None:
        await self._client.aclose()


def _choosing(spec: ImagePolicySpec) -> ImagePolicySpec:
    """Return a spec as far as the choice hangs on it."""
    return replace(spec, interval=0.0, update=None, credentials=None)
