"""Forms: shapes with a short and a long syntax. Each reads both and returns the long one; files in either syntax join.

Neighbours: shape (the plain ones), short (what a text means). Law: one meaning in any syntax reads to one long form.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType

from holdfast.kit.canonical import Json
from holdfast.workload.compose import short
from holdfast.workload.compose.node import RESET, Node, Path, made, spoken
from holdfast.workload.compose.shape import (
    FLAG,
    TEXT,
    ListOf,
    MapOf,
    Record,
    Scalar,
    Shape,
    by_key,
    by_value,
    join,
    kind_of,
    once,
    replaced,
    untagged,
    yes,
)
from holdfast.workload.compose.told import Told
from holdfast.workload.compose.unit import written

_WORDS = frozenset({"string", "number", "integer", "boolean", "null"})
_REMOTE = ("github.com/", "git@", "service:", "target:")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValues(Shape):
    """`NAME: value` or a list of `NAME=value`. The long form is the mapping; a name alone is null, or "" unless `keeps_null`."""

    expected: str = "a mapping or a list of NAME=value"
    keeps_null: bool = False
    is_path: bool = False
    """Whether values are paths, or addresses that are left alone."""

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if isinstance(node.value, Mapping):
            entries = {key: each for key, each in node.value.items() if self._is_word(each, (*path, key), told)}
            return self._long(node, entries, path, told)
        if not isinstance(node.value, tuple):
            told.expected(node, path, self.expected)
            return None
        for at, each in enumerate(node.value):
            if not isinstance(each.value, str):
                told.expected(each, (*path, at), "text such as NAME=value")
        return self._long(node, _entries(node), path, told)

    def _is_word(self, node: Node, path: Path, told: Told) -> bool:
        if kind_of(node.value) not in _WORDS:
            told.expected(node, path, "text, a number, true, false or nothing")
            return False
        return True

    def _long(self, node: Node, entries: Mapping[str, Node], path: Path, told: Told) -> Node:
        found: dict[str, Node] = {}
        for key, each in entries.items():
            if each.value is None and self.keeps_null:
                found[key] = each
                continue
            assert not isinstance(each.value, tuple | Mapping), "only words are left"
            text = written(each.value)
            try:
                found[key] = each.holding(told.resolve(each, text) if self.is_path and not is_remote(text) else text).under(each.key_mark)
            except ValueError as error:
                told.expected(each, (*path, key), "a path", str(error))
        return node.holding(found).under(node.key_mark)

    def merge(self, base: Node, over: Node) -> Node | None:
        before, after = _mapping(base), _mapping(over)
        if before is None or after is None:
            return untagged(over)
        found = dict(before)
        for key, each in after.items():
            if each.tag == RESET:
                found.pop(key, None)
            else:
                found[key] = untagged(each) or each
        return base.holding(found).under(base.key_mark)


def is_remote(text: str) -> bool:
    """Say whether a build context is somewhere else than in the repository."""
    return "://" in text or text.startswith(_REMOTE)


def _entries(node: Node) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for each in node.items:
        if isinstance(each.value, str):
            key, equals, value = each.value.partition("=")
            found[key] = each.holding(value if equals else None)
    return found


def _mapping(node: Node) -> Mapping[str, Node] | None:
    """Return `node` as the mapping that it stands for; None where it is of no such shape, which reading tells."""
    if isinstance(node.value, Mapping):
        return node.value if all(kind_of(each.value) in _WORDS for each in node.value.values()) else None
    if isinstance(node.value, tuple) and all(isinstance(each.value, str) for each in node.value):
        return _entries(node)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts(ListOf):
    """One text, or a list of them."""

    item: Shape = TEXT
    expected: str = "text or a list"
    one: type[str] | UnionType = str
    """What may stand without a list."""

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        return ListOf.read(self, _listed(node, self.one), path, told)

    def merge(self, base: Node, over: Node) -> Node | None:
        return ListOf.merge(self, _listed(base, self.one), _listed(over, self.one))


def _listed(node: Node, one: type[str] | UnionType = str) -> Node:
    return node.holding((node.holding(node.value),)).under(node.key_mark) if isinstance(node.value, one) else node


class Command(Shape):
    """Words, or one text that is split as a shell would, without running one."""

    expected = "text or a list of words"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if node.value is None:
            return None
        if isinstance(node.value, tuple):
            return _WORDS_LIST.read(node, path, told)
        if not isinstance(node.value, str):
            told.expected(node, path, self.expected)
            return None
        try:
            found = short.words(node.value)
        except ValueError as error:
            told.shape(node, path, str(error), "write a list of words")
            return None
        if found.rest:
            rest = found.rest if len(found.rest) <= 40 else f"{found.rest[:40]}…"
            message = f"a command runs without a shell: compose drops {rest!r}; write [sh, -c, …] to have it run by one"
            told.warn("CommandCut", message, node)
        return made(list[Json](found.words), node).under(node.key_mark)


_WORDS_LIST = ListOf(item=TEXT, expected="text or a list of words")


class Test(Shape):
    """What a health check runs: `[CMD, …]`, `[CMD-SHELL, …]`, `[NONE]`, or one text for a shell."""

    expected = "text or a list of words"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if isinstance(node.value, str):
            return made(["CMD-SHELL", node.value], node).under(node.key_mark)
        return _WORDS_LIST.read(node, path, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Either(Record):
    """A mapping, or one text that stands for one of its fields."""

    short: str
    expected: str = "text or a mapping"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        return Record.read(self, self.long(node), path, told)

    def merge(self, base: Node, over: Node) -> Node | None:
        return self.merged(self.long(base), self.long(over))

    def long(self, node: Node) -> Node:
        return node.holding({self.short: node.holding(node.value)}).under(node.key_mark) if isinstance(node.value, str) else node


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(MapOf):
    """A mapping by name, or a list of names; `filled` is what each is at least."""

    expected: str = "a mapping or a list of names"
    filled: Mapping[str, Json] | None = None

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if isinstance(node.value, tuple):
            if _NAMES.read(node, path, told) is None:
                return None
            node = self.long(node)
        found = MapOf.read(self, node, path, told)
        if found is None or self.filled is None or told.is_part:
            return found
        entries = {key: self._filled(each) for key, each in found.fields.items()}
        return found.holding(entries).under(found.key_mark)

    def _filled(self, node: Node) -> Node:
        missing = {key: made(value, node) for key, value in (self.filled or {}).items() if key not in node.fields}
        return node.holding({**node.fields, **missing}).under(node.key_mark)

    def long(self, node: Node) -> Node:
        if not isinstance(node.value, tuple):
            return node
        of_name: Json = None if self.filled is None else dict(self.filled)
        entries = {each.value: made(of_name, each) for each in node.value if isinstance(each.value, str)}
        return node.holding(entries).under(node.key_mark)

    def merge(self, base: Node, over: Node) -> Node | None:
        return MapOf.merge(self, self.long(base), self.long(over))


_NAMES = ListOf(item=TEXT, is_set=True, expected="a mapping or a list of names")


@dataclass(frozen=True, slots=True, kw_only=True)
class Several(ListOf):
    """A list whose elements may be texts, each of which stands for one or more mappings."""

    item: Record
    expand: Callable[[str], tuple[dict[str, Json], ...]]
    types: frozenset[str] = frozenset({"string"})
    long_index: Callable[[Node], Hashable] = by_value
    finish: Callable[[Node, Told], Node] | None = None

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if not isinstance(node.value, tuple):
            told.expected(node, path, self.expected)
            return None
        written_ones = once(node.value, self.index)
        self.repeated(written_ones, path, told)
        for at, one in replaced(node.value, written_ones):
            tuple(self._read(one, (*path, at), told))
        found = (each for at, one in enumerate(written_ones) for each in self._read(one, (*path, at), told))
        return node.holding(once(found, self.long_index)).under(node.key_mark)

    def _read(self, node: Node, path: Path, told: Told) -> Iterator[Node]:
        for long in self._long(node, path, told):
            if (read := self.item.read(long, path, told)) is not None:
                yield self.finish(read, told) if self.finish is not None and not told.is_part else read

    def _long(self, node: Node, path: Path, told: Told) -> tuple[Node, ...]:
        if isinstance(node.value, Mapping):
            return (node,)
        kind = kind_of(node.value)
        if kind not in self.types and not (kind == "integer" and "number" in self.types):
            told.expected(node, path, self.item.expected)
            return ()
        assert not isinstance(node.value, tuple), "a list is none of the types"
        try:
            expanded = self.expand(written(node.value))
            told.spend(len(expanded) * 20, node)
            return tuple(made(each, node) for each in expanded)
        except ValueError as error:
            told.expected(node, path, self.item.expected, str(error))
            return ()


def port_index(node: Node) -> Hashable:
    """Return what a port is told by: its text as written, or address, host port, container port and protocol."""
    if not isinstance(node.value, Mapping):
        return str(node.value)
    return tuple(_word(node, key, default) for key, default in _PORT_KEYS.items())


_PORT_KEYS: Mapping[str, str] = {"host_ip": "0.0.0.0", "published": "", "target": "", "protocol": "tcp"}


def _word(node: Node, key: str, default: str) -> str:
    found = node.get(key)
    return default if found is None or isinstance(found.value, tuple | Mapping) else written(found.value) or default


def volume_index(node: Node) -> Hashable:
    """Return the path in the container, where only one thing can be mounted."""
    if isinstance(node.value, str):
        try:
            return str(short.volume(node.value)["target"])
        except ValueError:
            return node.value
    return _word(node, "target", "") or by_value(node)


def device_index(node: Node) -> Hashable:
    if isinstance(node.value, str):
        parts = node.value.split(":")
        return parts[1] if len(parts) > 1 else parts[0]
    return _word(node, "target", "") or by_value(node)


def mount_index(folder: str) -> Callable[[Node], Hashable]:
    """Return how secrets and configs are told apart: by target, else by source below `folder`."""

    def index(node: Node) -> Hashable:
        if isinstance(node.value, str):
            return f"{folder}/{node.value}"
        return _word(node, "target", "") or f"{folder}/{_word(node, 'source', '')}"

    return index


def path_index(node: Node) -> Hashable:
    return node.value if isinstance(node.value, str) else _word(node, "path", "") or by_value(node)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFiles(Several):
    """One path, or a list of paths and mappings."""

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        return Several.read(self, _listed(node), path, told)

    def merge(self, base: Node, over: Node) -> Node | None:
        return ListOf.merge(self, _listed(base), _listed(over))


class Hosts(Shape):
    """`name: address`, `name: [address, …]`, or a list of `name=address`; the long form is the list."""

    expected = "a mapping or a list of name=address"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if isinstance(node.value, Mapping):
            for key, each in node.value.items():
                _ADDRESSES.read(each, (*path, key), told)
        elif not isinstance(node.value, tuple):
            told.expected(node, path, self.expected)
            return None
        found: list[Node] = []
        for at, each in enumerate(_host_list(node).items):
            if not isinstance(each.value, str):
                told.expected(each, (*path, at), "text such as name=address")
                continue
            try:
                found += [each.holding(text) for text in short.host(each.value)]
            except ValueError as error:
                told.expected(each, (*path, at), "text such as name=address", str(error))
        if isinstance(node.value, tuple):
            _HOST_SET.repeated(node.value, path, told)
        return node.holding(once(tuple(found), by_value)).under(node.key_mark)

    def merge(self, base: Node, over: Node) -> Node | None:
        before, after = _host_list(base), _host_list(untagged(over) or over)
        return base.holding(once((*before.items, *after.items), by_value)).under(base.key_mark)


_ADDRESSES = Texts(expected="an address or a list of them")
_HOST_SET = ListOf(item=TEXT, is_set=True)


def _host_list(node: Node) -> Node:
    if not isinstance(node.value, Mapping):
        return node
    pairs = [(key, each) for key, value in sorted(node.value.items()) for each in _listed(value).items]
    return node.holding(tuple(each.holding(f"{key}={each.value}") for key, each in pairs if isinstance(each.value, str)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit(Shape):
    """One number, or a mapping of soft and hard. A later file's takes the place of an earlier one's."""

    one: Scalar
    both: Record
    expected: str = "a whole number or a mapping with soft and hard"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        return self.both.read(node, path, told) if isinstance(node.value, Mapping) else self.one.read(node, path, told)


class External(Shape):
    """True or false, or the mapping of old with a name."""

    expected = "true or false"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        return (_EXTERNAL if isinstance(node.value, Mapping) else FLAG).read(node, path, told)


_EXTERNAL = Record(fields={"name": yes(TEXT)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging(Record):
    """Options join only where both files mean the same driver."""

    def merge(self, base: Node, over: Node) -> Node | None:
        drivers = {driver.value for each in (base, over) if (driver := each.get("driver")) is not None}
        return self.merged(base, over) if len(drivers) < 2 else untagged(over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnets(ListOf):
    """Pools of addresses: those of one subnet join. As in compose-go, only pools that the later file names remain."""

    item: Record

    def merge(self, base: Node, over: Node) -> Node | None:
        if not isinstance(base.value, tuple) or not isinstance(over.value, tuple):
            return untagged(over)
        found: dict[str, Node] = {}
        for before in base.value:
            for after in over.value:
                subnet = _word(after, "subnet", "")
                if subnet != _word(before, "subnet", ""):
                    found.setdefault(subnet, untagged(after) or after)
                elif (joined := join(self.item, before, after)) is not None:
                    found[subnet] = joined
        return base.holding(tuple(found.values())).under(base.key_mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpus(ListOf):
    """`all`, or a list of requests."""

    expected: str = "all or a list"

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        if node.value == "all":
            return made([{"count": -1}], node).under(node.key_mark)
        return ListOf.read(self, node, path, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Record):
    """A network, volume, secret or config; `external: {name: …}` of old is `external: true` and a name."""

    def read(self, node: Node, path: Path, told: Told) -> Node | None:
        found = Record.read(self, node, path, told)
        external = found.get("external") if found is not None else None
        if found is None or external is None:
            return found
        if isinstance(external.value, Mapping):
            name = external.get("name")
            if name is not None and (other := found.get("name")) is not None:
                told.error("HF1413", name, f"{spoken(path)}: name and external.name are one thing", "keep name", other)
            inner = {key: each for key, each in external.fields.items() if key != "name"}
            others = {} if name is None else {"name": name}
            return found.holding({**found.fields, **inner, **others, "external": external.holding(True)}).under(found.key_mark)
        return found.without("external") if external.value is False else found


def one_by_one(index: Callable[[Node], Hashable] = by_key, *, item: Shape = TEXT) -> ListOf:
    """Return a list in which what comes again counts once."""
    return ListOf(item=item, index=index)


def text_set(item: Shape = TEXT) -> ListOf:
    """Return a list in which nothing may come again."""
    return ListOf(item=item, is_set=True)


LABELS = KeyValues()
ENVIRONMENT = KeyValues(keeps_null=True)
