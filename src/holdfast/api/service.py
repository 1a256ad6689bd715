"""Service: what the API asks of the running daemon. `app` implements it; tests have one that remembers what it was asked.

Every method raises only `HoldfastError`s; an Application that is not known is HF7004 (`unknown_application`). Shapes of the answers are
those of product.md §5; `document` makes them from values of the model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from holdfast.errors import UsageError
from holdfast.kit.clock import Instant
from holdfast.kit.suggest import did_you_mean
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource

Data: TypeAlias = Mapping[str, Any]
"""The `data` of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line that a resource wrote; `source` is its id, or its pod's (`Pod/shop/web-0`, with `:container` where it has several)."""

    source: str
    text: str


class CertificateService(Protocol):
    """What is asked of certificates. `id` comes from `find`; methods that act raise what issuers and engines raise."""

    def find(self, name: str) -> ResourceId:
        """Return the Certificate that a name means: its id, its name, or one of its hosts. UsageError (HF7009) for none, or several."""
        ...

    def application_of(self, id: ResourceId) -> str: ...

    async def listed(self, application: str | None) -> Data:
        """Return the data of `Certificates`: {certificates[], authorities[] {issuer, root, is_made, install[]}}.

        A certificate is as `edge.certificate_shown` says, with {drift[], awaited} of what is served.
        """
        ...

    async def renew(self, id: ResourceId, person: str, is_forced: bool) -> Data:
        """Return the data of `Renewal`: {outcome renewed|kept|not_due, certificate, rehearsal: null}."""
        ...

    async def rehearse(self, id: ResourceId) -> Data:
        """Return the data of `Renewal`: {outcome rehearsed, certificate, rehearsal {issuer, directory, is_staging}}."""
        ...

    async def revoke(self, id: ResourceId, person: str, reason: str) -> Data:
        """Return the data of `Revocation`: {revoked {serial, names, issuer}, reason, certificate}; the last is what is served now."""
        ...

    async def take_over(self, id: ResourceId, person: str) -> Data:
        """Return the data of `TakeOver`: {certificate, message, next_step}; `message`: why there is no new one yet, or ""."""
        ...


class EdgeService(Protocol):
    """What is asked of the edge. A Site is named by its id, its name or one of its hosts: UsageError (HF7010) for none, or several."""

    async def shown(self) -> Data:
        """Return the data of `EdgeStatus`: {nginx, sites[]}; nginx null where nobody wants an edge."""
        ...

    async def forecast(self, changes: Mapping[ResourceId, Resource | None]) -> Data | None:
        """Return what changes of Sites and of the Edge would mean: {start, reload, diff, closes {idle, busy, within_s}, refused[]
        {code, message, where, hint}}.

        None: nothing for nginx. Where there is no edge yet it is started, and nothing is compared.
        """
        ...

    async def looked(self) -> Data:
        """Visit every host from outside; return the data of `EdgeLooks`: {looks[] {site, url, message}}, message null where all is well."""
        ...

    async def close(self, site: str, how: str, person: str, message: str, until: Instant | None) -> Data:
        """Close a Site (`how`: maintenance or pause); return the data of `SiteClosed`: {site, closed}."""
        ...

    async def open(self, site: str, how: str, person: str) -> Data:
        """Take back what `close` said; return the data of `SiteClosed`. Refused (HF7011) where Git, or nobody, closed it so."""
        ...


class ObjectService(Protocol):
    """What is asked of objects of a cluster, by id, `Kind/name` or name: UsageError (HF8073) for none, or several."""

    async def actions(self, name: str) -> Data:
        """Return the data of `Actions`: {application, id, destination, actions[] {name, title, disabled, params}}."""
        ...

    async def act(self, name: str, action: str, params: Mapping[str, str], person: str, reason: str) -> Data:
        """Do an action; return the data of `ActionDone`: {application, id, destination, action, params, changed[], created[], drift[],
        heals}.

        `drift`: what it changed and Git declares; `heals`: whether that is put back by itself.
        """
        ...


class Service(Protocol):
    """The doors of the daemon. `person` is who asks, `uid name`, from the kernel and not from the caller."""

    @property
    def edge(self) -> EdgeService: ...

    @property
    def certificates(self) -> CertificateService: ...

    @property
    def objects(self) -> ObjectService: ...

    def version(self) -> Data:
        """Return {version, pid, state, started_at}."""
        ...

    async def status(self, application: str | None, at: Instant | None) -> Data:
        """Return the data of `Status`, as it is or as it was at an instant."""
        ...

    async def history(self, application: str) -> Data:
        """Return the data of `History`: {operations[], events[]}."""
        ...

    async def newest(self) -> int:
        """Return the seq of the newest event, 0 where there is none."""
        ...

    async def events(self, after: int, limit: int | None, application: str | None, since: Instant | None) -> tuple[Event, ...]:
        """Return events with seq > `after` and at >= `since`, ascending; with `limit` and nothing else the newest of them."""
        ...

    def follow(self, after: int) -> AsyncIterator[Event]:
        """Yield every event with seq > `after`, those that are there and then those that come, without gap or repetition."""
        ...

    async def plan(self, application: str, revision: str | None, resources: Sequence[str] = ()) -> Data:
        """Return the data of `Plan` for one Application, now or as another revision would have it; `edge` as `EdgeService.forecast`."""
        ...

    async def sync(self, application: str, person: str, approve: str | None, wait: bool, resources: Sequence[str] = ()) -> Data:
        """Return the data of `Operation`; without `wait` as soon as it is accepted, with {operation: null, accepted: true}."""
        ...

    async def rollback(self, application: str, to: str | None, person: str) -> Data:
        """Return the data of `Operation` when it has ended."""
        ...

    async def suspend(self, application: str, person: str, reason: str) -> None: ...

    async def resume(self, application: str, person: str) -> None: ...

    async def down(self, application: str, person: str, approve: str | None) -> Data:
        """Return the data of `Operation` when all that the Application has is gone."""
        ...

    def logs(self, name: str, lines: int, follow: bool, since: Instant | None = None) -> AsyncIterator[LogLine]:
        """Yield the last `lines` lines of an Application's resources, or of one resource by its id, and with `follow` what comes.

        With `since` only lines that were written from then on; UsageError (HF8074) where lines have no times.
        """
        ...

    async def refresh(self, application: str | None) -> None:
        """Look at Git now, for one Application or for all."""
        ...

    async def tree(self, application: str | None) -> Data:
        """Return the applications and their resources as `status` does; more fields do no harm. Of one Application, an object of a cluster
        has {conditions[], warnings[] {reason, message, count, at}, beneath[] {kind, name, health, message, and these again}}, and `unseen`
        says what could not be looked at.

        A tree is drawn from `resources[]` {id, destination, declared, needs[], wave, sync, health, message, origin}; a `declared` other
        than the resource's own id says what it was derived from.
        """
        ...

    async def doctor(self) -> Data:
        """Return {checks[] {name, result ok|warn|fail, message, next_step}} of what only the daemon can look at."""
        ...


def unknown_application(name: str, known: Iterable[str]) -> UsageError:
    """Return the error for an Application that nobody declared."""
    names = sorted(known)
    guess = did_you_mean(name, names)
    have = f"there are {', '.join(names)}" if names else "there is none yet; start one with `holdfast up -f application.yaml`"
    return UsageError("HF7004", f"cannot find Application {name}: it is not known here", hint=f"did you mean {guess}?" if guess else have)


def certificate_named(name: str, known: Mapping[ResourceId, Collection[str]]) -> ResourceId:
    """Return the one of `known` (id → hosts) that a name means; UsageError (HF7009) for none, or several."""
    exact = [id for id in known if name in (str(id), f"{id.namespace}/{id.name}")]
    found = exact or [id for id in known if name == id.name] or [id for id, hosts in known.items() if name in hosts]
    if len(found) == 1:
        return found[0]
    if found:
        hint = f"write one of {', '.join(map(str, sorted(found)))}"
        raise UsageError("HF7009", f"cannot tell which Certificate {name} is: there are {len(found)}", hint=hint)
    names = sorted({*map(str, known), *(id.name for id in known), *(host for hosts in known.values() for host in hosts)})
    guess = did_you_mean(name, names)
    have = f"there are {', '.join(map(str, sorted(known)))}" if known else "there is none; a Site asks for one"
    raise UsageError("HF7009", f"cannot find Certificate {name}: it is not known here", hint=f"did you mean {guess}?" if guess else have)
