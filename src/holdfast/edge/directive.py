"""Directive: what is known of each directive by name, and the check of a tree against it.

The facts are the documentation's (`directive_table`). What is not in the table is another's module and no error. The check says what nginx
would: a wrong context, a wrong number of arguments, a missing block, and what the nginx of this host does not know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from holdfast.edge.capability import Capability, Version, format_version, parse_version
from holdfast.edge.directive_table import TABLE
from holdfast.edge.tree import Directive, walk

OPAQUE = frozenset({"map", "geo", "types", "split_clients", "charset_map", "match", "num_map"})
"""Blocks that hold pairs, not directives."""
FAMILIES = frozenset({"http", "stream", "mail", "mgmt"})
OWN_VERSIONS = ("ngx_http_js_module", "ngx_stream_js_module", "ngx_http_acme_module", "ngx_otel_module")
"""Modules that count their own versions."""
OPEN_SINCE: Mapping[str, str] = {"sticky": "1.29.6", "least_time": "1.31.0", "state": "1.29.6"}
"""Directives that the table dates by the commercial edition, and when everybody's nginx got them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What the documentation says of a directive of one module."""

    name: str
    module: str
    contexts: tuple[str, ...]
    """Where it may stand; empty: anywhere."""
    least: int
    most: int | None
    """Arguments that it takes; None: any number."""
    is_block: bool
    is_commercial: bool
    """Whether some of it belongs to the commercial edition."""
    since: Version | None
    """None: always."""

    @property
    def family(self) -> str | None:
        """`http`, `stream`, `mail`; None of the core."""
        head = self.module.removeprefix("ngx_").partition("_")[0]
        return head if head in FAMILIES else None


@cache
def table() -> Mapping[str, tuple[Fact, ...]]:
    """Return all facts by name."""
    found: defaultdict[str, list[Fact]] = defaultdict(list)
    module, contexts = "", ()  # type: tuple[str, tuple[str, ...]]
    for line in TABLE.replace("\n    ", " ").splitlines():
        if not line.startswith(" "):
            module = line
            continue
        head, _, entries = line.strip().partition(": ")
        contexts = () if head == "any" else tuple(head.split(", "))
        for entry in entries.split(", "):
            fact = _fact(module, contexts, entry)
            found[fact.name].append(fact)
    return {name: tuple(facts) for name, facts in found.items()}


def _fact(module: str, contexts: tuple[str, ...], entry: str) -> Fact:
    name, arguments, *version = entry.split()
    least, dash, most = arguments.rstrip("{$").partition("-")
    return Fact(
        name=name,
        module=module,
        contexts=contexts,
        least=int(least.rstrip("+")),
        most=int(most) if dash else None if least.endswith("+") else int(least),
        is_block="{" in arguments,
        is_commercial="$" in arguments,
        since=parse_version(version[0]) if version and module not in OWN_VERSIONS else None,
    )


def facts(name: str) -> tuple[Fact, ...]:
    """Return what is known of a directive, one Fact a module; empty for another's."""
    return table().get(name, ())


def contexts(name: str) -> frozenset[str]:
    """Return everywhere that a directive may stand, whatever the module."""
    return frozenset(context for fact in facts(name) for context in fact.contexts)


def is_there(name: str, capability: Capability) -> bool:
    """Say whether the nginx of this host knows a directive of the `http` family or of the core."""
    known = (fact for fact in facts(name) if fact.family in {None, "http"} and fact.module in capability.modules)
    return any(_is_new_enough(fact, capability) for fact in known)


def _is_new_enough(fact: Fact, capability: Capability) -> bool:
    opened = OPEN_SINCE.get(fact.name)
    since = parse_version(opened) if opened is not None else fact.since
    return since is None or capability.version >= since


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What nginx would not take: `context`, `arguments`, `block` or `unknown`."""

    what: str
    directive: Directive
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Context:
    """Where a directive stands: the context's name, and the family where it is known."""

    name: str
    family: str | None

    def within(self, directive: Directive) -> Context | None:
        """Return the context inside a block; None where that is another's."""
        name = directive.name
        if name in FAMILIES:
            return Context(name, name)
        if name == "if":
            return Context(f"if in {self.name}" if self.name == "server" else "if in location", self.family)
        known = facts(name)
        return Context(name, self.family) if known else None

    def allows(self, fact: Fact) -> bool:
        if not fact.contexts:
            return True
        names = {self.name, "if"} if self.name.startswith("if in ") else {self.name}
        return not names.isdisjoint(fact.contexts) and (self.family is None or fact.family in {None, self.family})


def top(directives: Sequence[Directive]) -> Context | None:
    """Return the context that a file's directives stand in; None where that cannot be told: a fragment that something includes."""
    names = {directive.name for directive in directives}
    if names & {"events", "http", "stream", "mail", "worker_processes", "load_module"}:
        return Context("main", None)
    return Context("http", "http") if names & {"server", "upstream", "map", "log_format"} and "location" not in names else None


def check(directives: Sequence[Directive], capability: Capability | None = None, *, context: Context | None = None) -> Iterator[Fault]:
    """Yield what nginx would refuse in a tree, in order; without `context` it is told from the tree as far as can be."""
    places: dict[int, Context | None] = {}
    outermost = context or top(directives)
    for directive, above in walk(tuple(directives)):
        here = places[id(above[-1])] if above else outermost
        if above and above[-1].name in OPAQUE:
            continue
        if directive.block is not None:
            places[id(directive)] = here.within(directive) if here is not None else _alone(directive)
        known = facts(directive.name)
        if known:
            yield from _faults(directive, known, here, capability)


def _alone(directive: Directive) -> Context | None:
    """Return the context inside a block that stands in no known one."""
    return Context("location", "http").within(directive)


def _faults(directive: Directive, known: tuple[Fact, ...], here: Context | None, capability: Capability | None) -> Iterator[Fault]:
    name = directive.name
    fitting = tuple(fact for fact in known if here is None or here.allows(fact))
    if here is not None and not fitting:
        allowed = sorted(contexts(name))
        yield Fault(
            what="context",
            directive=directive,
            reason=f"{name} may not stand in {here.name}",
            hint=f"it belongs in {_either(allowed)}",
        )
        return
    if not any(fact.least <= len(directive.args) and (fact.most is None or len(directive.args) <= fact.most) for fact in fitting):
        yield Fault(
            what="arguments",
            directive=directive,
            reason=f"{name} has {len(directive.args)} arguments",
            hint=f"it takes {_either(sorted({_count(fact) for fact in fitting}))}",
        )
    if all(fact.is_block for fact in fitting) is not (directive.block is not None) and len({fact.is_block for fact in fitting}) == 1:
        wants = fitting[0].is_block
        yield Fault(
            what="block",
            directive=directive,
            reason=f"{name} {'has no block' if wants else 'has a block'}",
            hint="add a block in braces" if wants else "end it with ;",
        )
    # A file elsewhere may load what was built to be loaded.
    if capability is not None and not any(
        fact.module in capability.modules | capability.dynamic and _is_new_enough(fact, capability) for fact in fitting
    ):
        yield _absent(directive, fitting, capability)


def _absent(directive: Directive, fitting: tuple[Fact, ...], capability: Capability) -> Fault:
    modules = sorted({fact.module for fact in fitting})
    lacking = all(module not in capability.modules for module in modules)
    since = [format_version(fact.since) for fact in fitting if fact.since is not None]
    opened = OPEN_SINCE.get(directive.name)
    hint = f"it needs {_either(modules)}" if lacking else f"it needs nginx {opened or _either(since)}"
    reason = f"{directive.name} is unknown to {capability}"
    return Fault(what="unknown", directive=directive, reason=reason, hint=hint)


def _count(fact: Fact) -> str:
    if fact.most is None:
        return f"{fact.least} or more"
    return str(fact.least) if fact.least == fact.most else f"{fact.least} to {fact.most}"


def _either(words: Sequence[str]) -> str:
    return " or ".join(words)
