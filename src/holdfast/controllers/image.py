"""Image: asks registries when it is time, and commits what policies choose by their rules.

Each policy has its own interval; a registry that fails is asked later and later. What is committed is what the markers in the files of
the policy's own Application say, on top of the commit that the Application follows; one commit for all policies of one Application with
the same rules. Where Git already says what is chosen nothing is done, so doing it again is safe.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.declare.source import Source
from holdfast.errors import Bug, EngineError, HoldfastError, Refused, StoreError
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Instant, Random
from holdfast.kit.image_reference import ImageReference
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.chart import is_chart
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Journal
from holdfast.model.source import LINK, Author, Git, GitWriter, Revision, Tree
from holdfast.workload import image_event as events
from holdfast.workload.image_marker import MarkerProblem, Policy, Rewrite, may_have_markers, rewrite
from holdfast.workload.image_policy import message_of
from holdfast.workload.image_policy_spec import ImagePolicySpec, UpdateRules

AGAIN = Backoff(first_s=10.0, cap_s=900.0)
"""Between two tries of a registry that fails, where that is later than the interval says."""
COMMIT_AGAIN = Backoff(first_s=2.0, cap_s=300.0)
MOST_BYTES = 4 << 20
"""Of a file that may have markers."""


class HeldPolicy(Protocol):
    """A policy as its engine keeps it."""

    @property
    def application(self) -> str: ...

    @property
    def spec(self) -> ImagePolicySpec: ...

    @property
    def image(self) -> ImageReference | None: ...

    @property
    def failing_since(self) -> Instant | None: ...


class Policies(Protocol):
    """The engine that keeps policies and asks registries."""

    changed: Wakeup

    def held(self) -> Mapping[ResourceId, HeldPolicy]: ...

    async def look(self, id: ResourceId) -> HeldPolicy | None: ...


class Repositories(Git, GitWriter, Protocol):
    """Reads and writes."""


@dataclass(slots=True)
class _Turn:
    """When a policy is asked for again."""

    due: float
    failures: int = 0


@dataclass(slots=True)
class _Writing:
    """What is known of committing for one Application."""

    is_owed: bool = True
    due: float = 0.0
    failures: int = 0
    told: str | None = None
    problems: tuple[MarkerProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Marked:
    """One source, and its files that have markers, by path below the source's."""

    source: Source
    revision: Revision
    contents: Mapping[str, bytes]


@dataclass(slots=True)
class _Batch:
    """What goes into one commit."""

    files: dict[str, bytes] = field(default_factory=dict)
    rewrites: list[Rewrite] = field(default_factory=list)


class ImageController:
    """`followed` says where an Application comes from, nothing where nobody serves it; `may_push` what the local configuration says."""

    def __init__(
        self,
        *,
        policies: Policies,
        git: Repositories,
        followed: Callable[[str], tuple[Source, ...]],
        may_push: bool,
        journal: Journal,
        clock: Clock,
        random: Random,
        crashed: Callable[[str, BaseException], None],
    ) -> None:
        self._policies = policies
        self._git = git
        self._followed = followed
        self._may_push = may_push
        self._journal = journal
        self._clock = clock
        self._random = random
        self._tasks = Tasks(on_crash=crashed)
        self._turns: dict[ResourceId, _Turn] = {}
        self._writings: defaultdict[str, _Writing] = defaultdict(_Writing)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._tasks:
            while True:
                now = loop.time()
                next_at = await self.turn(now)
                await self._policies.changed.wait_until(next_at)

    async def turn(self, now: float) -> float | None:
        """Do all that is due at `now`, the loop's time; return when something is due again, None where there is no policy."""
        held = self._policies.held()
        for id in self._turns.keys() - held.keys():
            del self._turns[id]
        for id in sorted(held):
            turn = self._turns.setdefault(id, _Turn(now))
            if turn.due <= now:
                await self._look(id, held[id], turn, now)
        held = self._policies.held()
        applications = {it.application for it in held.values() if it.spec.update is not None}
        for name in sorted(applications):
            writing = self._writings[name]
            if writing.is_owed and writing.due <= now:
                await self._write(name, {id: it for id, it in held.items() if it.application == name}, writing, now)
        for name in self._writings.keys() - applications:
            del self._writings[name]
        due = [self._turns[id].due for id in held if id in self._turns]
        due += [writing.due for writing in self._writings.values() if writing.is_owed]
        return min(due, default=None)

    # Choosing

    async def _look(self, id: ResourceId, before: HeldPolicy, turn: _Turn, now: float) -> None:
        interval_s = before.spec.interval * (0.9 + self._random.random() / 5)
        at = self._clock.now()
        try:
            after = await self._policies.look(id)
        except EngineError as error:
            pause = AGAIN.equal_jitter(turn.failures, self._random.random())
            turn.failures += 1
            turn.due = now + max(pause, interval_s)
            if before.failing_since is None:
                await self._journal.emit(events.failed(id, before.application, error.code, error.message, error.hint, at=at))
            return
        except StoreError:
            turn.due = now + interval_s
            return
        turn.failures, turn.due = 0, now + interval_s
        if after is None:
            return
        self._writings[after.application].is_owed = True
        if before.failing_since is not None:
            await self._journal.emit(events.recovered(id, after.application, at=at))
        if after.image is not None and after.image != before.image:
            was = None if before.image is None else str(before.image)
            await self._journal.emit(events.chosen(id, after.application, image=str(after.image), before=was, at=at))

    # Committing

    async def _write(self, name: str, held: Mapping[ResourceId, HeldPolicy], writing: _Writing, now: float) -> None:
        """Commit what the policies of one Application choose; what cannot be done is told once, and tried again."""
        writing.is_owed = False
        try:
            await self._commit(name, held, writing)
        except Bug:
            raise
        except HoldfastError as error:
            writing.is_owed = True
            writing.due = now + COMMIT_AGAIN.equal_jitter(writing.failures, self._random.random())
            writing.failures += 1
            if writing.told != error.message:
                writing.told = error.message
                await self._journal.emit(events.commit_failed(name, error, at=self._clock.now()))
        else:
            writing.failures, writing.told = 0, None

    async def _commit(self, name: str, held: Mapping[ResourceId, HeldPolicy], writing: _Writing) -> None:
        found = [await self._read(source) for source in self._followed(name) if _may_hold_markers(source)]
        by_rules: dict[UpdateRules, dict[Policy, ImageReference | None]] = {}
        for id, it in held.items():
            if it.spec.update is not None:
                by_rules.setdefault(it.spec.update, {})[id.namespace, id.name] = it.image
        await self._tell_problems(name, [each.contents for each in found], held, writing)
        pushed: set[tuple[str, str]] = set()
        for each in found:
            marked = each if each.source.followed not in pushed else await self._read(each.source)  # what it stands on moved
            contents = marked.contents
            for rules, chosen in by_rules.items():
                batch = _batch(contents, chosen, held)
                if batch.rewrites:
                    await self._push(name, marked, rules, batch)
                    pushed.add(marked.source.followed)
                    contents = {**contents, **batch.files}

    async def _read(self, source: Source) -> _Marked:
        revision = await self._git.resolve(source.repository, source.target_revision)
        return _Marked(source, revision, await self._marked(await self._git.tree(revision, source.path)))

    async def _marked(self, tree: Tree) -> dict[str, bytes]:
        """Return the files of a source that have markers, by path below the source's."""
        blobs = {
            path: blob
            for path, blob in tree.blobs.items()
            if blob.mode != LINK and blob.size <= MOST_BYTES and path.endswith((".yaml", ".yml"))
        }
        found = await self._git.read(tree.revision.repository, {blob.id for blob in blobs.values()})
        return {path: found[blob.id] for path, blob in sorted(blobs.items()) if may_have_markers(path, found[blob.id])}

    async def _tell_problems(
        self, name: str, contents: Sequence[Mapping[str, bytes]], held: Mapping[ResourceId, HeldPolicy], writing: _Writing
    ) -> None:
        """Say which markers nothing is made of, where that is news."""
        everybody: dict[Policy, ImageReference | None] = {(id.namespace, id.name): None for id in held}
        files = [file for each in contents for file in each.items()]
        problems = tuple(problem for path, data in files for problem in rewrite(path, data, everybody).problems)
        if problems != writing.problems:
            writing.problems = problems
            await self._journal.emit(events.unmarked(name, problems, at=self._clock.now()))

    async def _push(self, name: str, marked: _Marked, rules: UpdateRules, batch: _Batch) -> None:
        source = marked.source
        own = None if rules.branch is not None else await self._git.branch_of(source.repository, source.target_revision)
        branch = own or rules.branch or ""
        if not self._may_push:
            raise Refused(
                "HF4064",
                f"cannot write to the repository of {name}: {_summary(batch.rewrites)}: the local configuration does not let Holdfast push",
                hint="set allow.push in the configuration of this host, or write the image by hand",
            )
        root = source.path.strip("/")
        prefix = f"{root}/" if root not in ("", ".") else ""
        message = message_of(
            rules.message,
            summary=_summary(batch.rewrites),
            changes="\n".join(f"- {prefix}{each.path}:{each.line}: {each.old} -> {each.new}" for each in batch.rewrites),
            application=name,
        )
        at = self._clock.now()
        commit = await self._git.push(
            marked.revision,
            branch,
            {f"{prefix}{path}": data for path, data in batch.files.items()},
            author=Author(name=rules.author.name, email=rules.author.email),
            message=message,
            at=at,
            follows=own is not None,
        )
        if commit is not None:
            await self._journal.emit(events.committed(name, commit, branch, batch.rewrites, at=at))


def _may_hold_markers(source: Source) -> bool:
    """Say whether a source is one that may be committed to: not the archive of a chart, nor what only gives files to others."""
    return source.has_resources and not is_chart(source.repository)


def _batch(contents: Mapping[str, bytes], chosen: Mapping[Policy, ImageReference | None], held: Mapping[ResourceId, HeldPolicy]) -> _Batch:
    """Return what `chosen` changes in the files; other policies of the Application are known, and not meant."""
    known: dict[Policy, ImageReference | None] = {(id.namespace, id.name): None for id in held}
    batch = _Batch()
    for path, data in contents.items():
        found = rewrite(path, data, {**known, **chosen})
        if found.rewrites:
            batch.files[path] = found.data
            batch.rewrites += found.rewrites
    return batch


def _summary(rewrites: Sequence[Rewrite]) -> str:
    """Return `ghcr.io/acme/web:1.3.0`, or how many values are others."""
    images = list(dict.fromkeys(each.new for each in rewrites))
    return images[0] if len(images) == 1 else f"{len(images)} images"
