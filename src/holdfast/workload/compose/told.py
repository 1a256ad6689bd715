"""Told: what is said of a model while it is read: every error and warning once, each with its place.

Handed through shapes, extends, include and checks; nothing of it decides anything but where relative paths lead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from holdfast.declare.hint import described
from holdfast.errors import DeclarationError, Where
from holdfast.model.resource import Origin, Warning
from holdfast.workload.compose.node import Node, Path, spoken

MOST = 100
"""Errors after which nothing more is said: nobody mends more in one go."""
MOST_MADE = 1_000_000
"""Values that one compose file may make of what it says: by extends, ranges of ports, env files, replicas."""
Resolve = Callable[[Node, str], str]
"""From a relative path and the node that says it to where it leads. Raises ValueError with the reason."""


def as_written(node: Node, path: str) -> str:
    return path


class Excess(Exception):
    """A file says little and means far too much; nothing more of it is read."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node


class Told:
    """`resolve` turns relative paths; `is_part` reads what another file may complete, so that nothing is missing yet."""

    def __init__(self, revision: str = "", *, resolve: Resolve = as_written, is_part: bool = False) -> None:
        self.revision = revision
        self.resolve = resolve
        self.is_part = is_part
        self.broken: set[Path] = set()
        """Paths below which something was wrong, so that what follows from it is not told again."""
        self._made = 0
        self._errors: dict[tuple[str, str, str], DeclarationError] = {}
        self._warnings: dict[tuple[str, Origin | None], Warning] = {}

    @property
    def errors(self) -> tuple[DeclarationError, ...]:
        return tuple(self._errors.values())

    @property
    def warnings(self) -> tuple[Warning, ...]:
        return tuple(self._warnings.values())

    def part(self) -> Told:
        """Return one that reads a part and says only what is wrong in itself."""
        return Told(self.revision, is_part=True)

    def add(self, *errors: DeclarationError) -> None:
        for error in errors:
            where = str(error.where[0]) if error.where else ""
            # What a service extends is read by itself and again as a part of the service: one mistake, two paths to it.
            reason = error.message.split(": ", 2)[-1]
            if len(self._errors) < MOST:
                self._errors.setdefault((error.code, where, reason), error)

    def take(self, other: Told) -> None:
        """Say what another one was told."""
        self.add(*other.errors)
        self.broken |= other.broken
        for warning in other.warnings:
            self._warnings.setdefault((warning.message, warning.origin), warning)

    def spend(self, count: int, node: Node) -> None:
        """Count what `node` makes more of than it says. Raises Excess beyond what a file may make."""
        self._made += count
        if self._made > MOST_MADE:
            raise Excess(node)

    def error(self, code: str, node: Node, reason: str, hint: str | None = None, *others: Node, key: bool = False) -> None:
        where = node.key_where if key else node.where
        self.at(code, where, reason, hint, *(each.where for each in others))

    def at(self, code: str, where: Where, reason: str, hint: str | None = None, *others: Where) -> None:
        self.add(DeclarationError(code, f"cannot read {where.path}: {reason}", where=[where, *others], hint=hint))

    def shape(self, node: Node, path: Path, reason: str, hint: str | None = None, *, key: bool = False, code: str = "HF1410") -> None:
        """Say that the value at `path` is none that compose takes."""
        self.broken.add(path)
        self.error(code, node, f"{spoken(path)}: {reason}" if path else reason, hint, key=key)

    def expected(self, node: Node, path: Path, what: str, reason: str = "") -> None:
        got = described({} if node.fields or node.value == {} else [] if isinstance(node.value, tuple) else node.value)  # type: ignore[arg-type]
        self.shape(node, path, f"expected {what}, got {got}" + (f": {reason}" if reason else ""))

    def is_broken(self, path: Path) -> bool:
        """Say whether something at or below `path` was wrong."""
        return any(each[: len(path)] == path for each in self.broken)

    def warn(self, reason: str, message: str, node: Node | None) -> None:
        origin = node.origin(self.revision) if node is not None else None
        self._warnings.setdefault((message, origin), Warning(reason=reason, message=message, origin=origin))

    def warn_at(self, warning: Warning) -> None:
        """Say what a reader of another file said."""
        self._warnings.setdefault((warning.message, warning.origin), warning)

    def warn_all(self, reason: str, message: str, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self.warn(reason, message, node)
