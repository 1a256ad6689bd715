"""The life of a certificate, decided: when it is renewed, by whom, how long a failure waits, and when too little is left.

Everything is a value. `Held` is what is there (the engine remembers it), `Course` how its renewal goes and `Queue` how an issuer takes it
(the controller remembers both). Instants are wall clock, which may jump: what waits for one that a jump has moved out of reach waits no
longer. Laws: a certificate is renewed before its last third begins; no issuer is asked more than five times an hour for one certificate
that it refuses; an issuer that says when to come back is left alone until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeAlias

from holdfast.edge.certificate import covers
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.typed import read
from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant

HOUR, DAY = 3_600.0, 86_400.0
SELF_SIGNED = "selfSigned"
"""The issuer that every installation has."""
RENEW_SHARE = 2 / 3
"""Of its life: then a certificate is renewed where its issuer names no moment."""
SHORT_S, SHORT_SHARE = 10 * DAY, 1 / 2
"""A life below this is renewed at half of it: a third of six days would be gone before anybody could act."""
LEAD_SHARE, JITTER_SHARE = 0.02, 0.05
"""Of its life: so much earlier, that the renewal is done when the alarm of a late one would begin; and up to so much more, so that what was
issued at one time is not renewed at one time."""
LAST_SHARE = 1 / 3
"""Of its life: what is not renewed by then is late."""
ASK_S, ASK_LEAST_S = 6 * HOUR, 60.0
"""How often an issuer is asked when to renew where it does not say, and the least between two questions (RFC 9773 §4.3)."""
SPACE_S, SPACE_SHARE = DAY, 0.1
"""Between two renewals at least, in seconds and as a share of a life: to a clock that runs ahead a new certificate may look old."""
LOOK_S = HOUR
"""How often a folder that somebody else renews is looked at."""
LONGEST_WAIT_S = 8 * DAY
"""Nothing waits longer. The longest limit of a public issuer runs for a week."""
SHARED_WAIT_S = HOUR
"""A limit that one certificate has met holds up the others of that issuer at most so long: it may have been that one's own."""
REFUSED = Backoff(first_s=60.0, factor=4.0, cap_s=6 * HOUR)
UNANSWERED = Backoff(first_s=15.0, factor=2.0, cap_s=15 * 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What an end certificate says, and the digest of its whole chain."""

    serial: str
    """Lower-case hexadecimal."""
    names: tuple[str, ...]
    not_before: Instant
    not_after: Instant
    issuer: str
    """Common name of who signed it."""
    key: str
    """`ecdsa-p256` and so on, as in CertificateSpec; else what the library calls it."""
    digest: str
    """SHA-256 over the certificates of the chain, in hexadecimal."""

    @property
    def life_s(self) -> float:
        return max(0.0, self.not_after - self.not_before)

    def left_share(self, now: Instant) -> float:
        """Return which share of its life is left: 1 when new, 0 when expired."""
        return min(1.0, max(0.0, (self.not_after - now) / self.life_s)) if self.life_s else 0.0

    def is_for(self, hosts: Iterable[str]) -> bool:
        return all(covers(self.names, host) for host in hosts)


class Source(StrEnum):
    """Where what is served comes from."""

    BOOTSTRAP = "bootstrap"
    """Signed by itself so that nginx starts, until an issuer has answered."""
    ISSUED = "issued"
    ADOPTED = "adopted"
    """Copied from a folder that somebody else renews."""
    FILES = "files"
    """A pair of secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order that an issuer has taken and not delivered: a crash goes on with it instead of ordering again."""

    issuer: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is there of one certificate."""

    application: str
    fields: Mapping[str, Json]
    """The state that was applied last."""
    version: str = ""
    """Which kept pair is served; "" before the first."""
    leaf: Leaf | None = None
    source: Source = Source.BOOTSTRAP
    issuer: str = ""
    """Who signed it, by the name of the issuer here."""
    order: Order | None = None

    @property
    def spec(self) -> CertificateSpec:
        return read(CertificateSpec, self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When an issuer wants a certificate to be renewed."""

    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalInfo:
    """What an issuer says of a renewal (RFC 9773 §4.2): when, why, and in how many seconds it wants to be asked again."""

    window: Window | None
    retry_after_s: float | None
    explanation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a dry run showed: every host was proven to this issuer, at a directory for tests where it has one. Nothing was signed."""

    issuer: str
    directory: str
    is_staging: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How often one issuer has failed with one certificate since it last gave it."""

    failures: int
    tried_at: Instant
    until: Instant
    """Not before then again."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the renewal of one certificate goes."""

    serial: str = ""
    """Of the certificate that `window` is about."""
    unit: float = 0.5
    """Its share of the jitter, in [0, 1)."""
    window: Window | None = None
    chosen_at: Instant | None = None
    """The moment in the window."""
    asked_at: Instant | None = None
    ask_at: Instant | None = None
    """When its issuer is asked again; None: at once."""
    looked_at: Instant | None = None
    obtained_at: Instant | None = None
    trials: Mapping[str, Trial] = field(default_factory=dict)
    failing_since: Instant | None = None
    is_forced: bool = False
    is_taken_over: bool = False
    """Whether it is ours to renew though it was adopted."""

    @property
    def message(self) -> str:
        """Return why there is no newer one: the last word of every issuer that failed."""
        return "; ".join(f"{name}: {trial.message}" for name, trial in sorted(self.trials.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How an issuer takes questions at all: failures in a row, and when it may be asked again."""

    failures: int = 0
    tried_at: Instant = 0.0
    until: Instant = 0.0


class Fault(StrEnum):
    """What kind of failure an issue ended with."""

    UNANSWERED = "unanswered"
    """The issuer did not answer, or nonsense."""
    LIMITED = "limited"
    """It said when to come back."""
    REFUSED = "refused"
    """It understood and said no, or what it gave is of no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why an issuer gave no certificate."""

    fault: Fault
    code: str
    message: str
    hint: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """What is served from now on. `is_news`: whether it is another than before."""

    leaf: Leaf
    issuer: str
    is_news: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    until: Instant


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask its issuer when it wants to renew."""


@dataclass(frozen=True, slots=True)
class Obtain:
    """Get a new one, from the first of these that gives it."""

    issuers: tuple[str, ...]


Act: TypeAlias = Wait | Ask | Obtain
NEVER = float("inf")


def act(held: Held, course: Course, candidates: Sequence[str], queues: Mapping[str, Queue], now: Instant) -> Act:
    """Return what is to be done about a certificate now. `candidates` are the issuers that may give it, the first wish first.

    A wait for a certificate that is due ends within LONGEST_WAIT_S.
    """
    due_at = due(held, course, candidates, now)
    if now >= due_at:
        open_at = {name: max(_until(course.trials.get(name), now), _until(queues.get(name), now)) for name in candidates}
        ready = tuple(name for name in candidates if open_at[name] <= now)
        return Obtain(ready) if ready else Wait(min(open_at.values(), default=NEVER))
    asks = held.source is Source.ISSUED and held.issuer in candidates and held.issuer != SELF_SIGNED
    if not asks:
        return Wait(due_at)
    ask_at = _ask_at(course, now)
    return Ask() if now >= ask_at else Wait(min(due_at, ask_at))


def due(held: Held, course: Course, candidates: Sequence[str], now: Instant) -> Instant:
    """Return from when on a new certificate is wanted; NEVER where nobody but a person brings one.

    What was noted after now was noted by a clock that has been put back, and does not count.
    """
    if not candidates:
        return NEVER
    leaf, spec = held.leaf, held.spec
    if course.is_forced or leaf is None or held.source is Source.BOOTSTRAP:
        return 0.0
    if is_worse(held, candidates):
        return leaf.not_after
    if held.source is Source.FILES:
        return 0.0
    if not leaf.is_for(spec.hosts) or (leaf.key != spec.key and held.source is Source.ISSUED):
        return 0.0
    if held.issuer not in candidates:
        return 0.0
    if held.source is Source.ADOPTED:
        return 0.0 if course.looked_at is None or course.looked_at > now else course.looked_at + LOOK_S
    obtained_at = course.obtained_at
    spaced_at = 0.0 if obtained_at is None or obtained_at > now else obtained_at + min(SPACE_S, leaf.life_s * SPACE_SHARE)
    return max(renew_at(leaf, course), spaced_at)


def is_worse(held: Held, candidates: Sequence[str]) -> bool:
    """Say whether nobody is left but one that signs itself, and somebody else gave what is there: that is served as long as it is valid."""
    return held.spec.issuer == "auto" and tuple(candidates) == (SELF_SIGNED,) and held.issuer != SELF_SIGNED


def renew_at(leaf: Leaf, course: Course) -> Instant:
    """Return when a certificate is renewed: in the window its issuer gave, else at two thirds of its life (half of a short one).

    In any case before its last third begins.
    """
    share = SHORT_SHARE if leaf.life_s < SHORT_S else RENEW_SHARE
    usual = leaf.not_before + leaf.life_s * (share - LEAD_SHARE - JITTER_SHARE * course.unit)
    if course.chosen_at is None or course.serial != leaf.serial:
        return usual
    return min(course.chosen_at, leaf.not_after - leaf.life_s * (LAST_SHARE + LEAD_SHARE))


def is_late(leaf: Leaf, now: Instant) -> bool:
    """Say whether less than a third of its life is left, or it is not valid yet."""
    return leaf.left_share(now) < LAST_SHARE or now < leaf.not_before


def taught(course: Course, leaf: Leaf, info: RenewalInfo | None, now: Instant, unit: float) -> Course:
    """Return the course after an issuer said when to renew; None: it does not say such things. An empty window says nothing.

    The moment is chosen once for each window (RFC 9773 §4.2): choosing again at every question would drift towards its start.
    """
    window, retry_after_s = (None, DAY) if info is None else (info.window, info.retry_after_s)
    sound = window if window is not None and window.start < window.end else None
    is_same = sound is not None and sound == course.window and course.serial == leaf.serial
    chosen = course.chosen_at if is_same else None if sound is None else sound.start + (sound.end - sound.start) * unit
    wait_s = min(max(ASK_S if retry_after_s is None else retry_after_s, ASK_LEAST_S), DAY)
    return replace(course, serial=leaf.serial, window=sound, chosen_at=chosen, asked_at=now, ask_at=now + wait_s)


def unanswered(course: Course, now: Instant, retry_after_s: float | None = None) -> Course:
    """Return the course after an issuer did not answer when to renew: what it said before stands, and it is asked again later."""
    wait_s = min(max(ASK_S / 6 if retry_after_s is None else retry_after_s, ASK_LEAST_S), DAY)
    return replace(course, asked_at=now, ask_at=now + wait_s)


def obtained(course: Course, got: Obtained, now: Instant, unit: float) -> Course:
    """Return the course after a certificate came: failures are forgotten, and for another one the jitter is drawn anew."""
    calm = replace(course, trials={}, failing_since=None, is_forced=False, looked_at=now)
    if not got.is_news:
        return calm
    return replace(calm, serial=got.leaf.serial, unit=unit, window=None, chosen_at=None, asked_at=None, ask_at=None, obtained_at=now)


def failed(course: Course, issuer: str, failure: Failed, now: Instant, unit: float) -> Course:
    """Return the course after an issuer failed; the wait is the longer of its own word and the backoff."""
    before = course.trials.get(issuer)
    failures = 1 + (before.failures if before else 0)
    backoff = UNANSWERED if failure.fault is Fault.UNANSWERED else REFUSED
    wait_s = max(backoff.equal_jitter(failures, unit), min(failure.retry_after_s or 0.0, LONGEST_WAIT_S))
    trial = Trial(failures=failures, tried_at=now, until=now + wait_s, message=failure.message)
    since = now if course.failing_since is None else course.failing_since
    return replace(course, trials={**course.trials, issuer: trial}, failing_since=since, looked_at=now)


def forced(course: Course) -> Course:
    """Return the course after a person wants a new one now: what was refused before is tried again, limits of issuers stay."""
    return replace(course, trials={}, is_forced=True)


def queued(queue: Queue, outcome: Failed | None, now: Instant, unit: float) -> Queue:
    """Return how an issuer takes questions after one; `outcome` None: it gave what was asked for.

    That it refused one certificate says nothing about the others.
    """
    if outcome is None or outcome.fault is Fault.REFUSED:
        return Queue()
    failures = queue.failures + 1
    wait_s = UNANSWERED.equal_jitter(failures, unit)
    if outcome.fault is Fault.LIMITED:
        wait_s = max(wait_s, min(outcome.retry_after_s or 0.0, SHARED_WAIT_S))
    return Queue(failures=failures, tried_at=now, until=now + wait_s)


def _until(held_up: Trial | Queue | None, now: Instant) -> Instant:
    """Return when a wait ends. One that began after now was measured by a clock that has been put back: it is over."""
    if held_up is None or held_up.tried_at > now:
        return 0.0
    return min(held_up.until, held_up.tried_at + LONGEST_WAIT_S)


def _ask_at(course: Course, now: Instant) -> Instant:
    if course.ask_at is None or course.asked_at is None or course.asked_at > now:
        return 0.0
    return course.ask_at
