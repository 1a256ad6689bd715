"""Rules on who gets in: paths that climb, lists that do not end, patterns that let strangers through."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from holdfast.edge.regex import ANY, Anchor, Chars, Choice, Group, Node, Series, inside, is_catastrophic, read_regex
from holdfast.edge.review_subject import Edit, Severity, Subject, Suspicion, after, words
from holdfast.edge.tree import Directive

FROM = frozenset({"$http_referer", "$http_origin"})
_ENDS = 1 << ord("/") | 1 << ord(":")
SAFE_IN_IF = frozenset({"return", "rewrite", "set", "break", "if", "access_log", "limit_rate", "limit_rate_after", "rewrite_log"})


def alias_traversal(subject: Subject) -> Iterator[Suspicion]:
    """`location /files { alias /home/; }`: /files../etc is /home/../etc (Orange Tsai, Breaking Parser Logic)."""
    for directive, above in subject.each("alias"):
        location = above[-1] if above and above[-1].name == "location" else None
        if location is None or not location.args or not directive.args or location.args[0] in {"~", "~*", "="}:
            continue
        prefix, path = location.args[-1], directive.args[0]
        if prefix.endswith("/") or prefix.startswith("@"):
            continue
        new = words(directive, path if path.endswith("/") else f"{path}/")
        yield Suspicion(
            rule="alias-traversal",
            severity=Severity.HIGH if path.endswith("/") else Severity.MEDIUM,
            directive=directive,
            message=f"{prefix}../ leads out of {path}: the location does not end with a slash",
            edits=(words(location, *location.args[:-1], f"{prefix}/"), *((new,) if new.new[0].args != directive.args else ())),
        )


def allow_without_deny(subject: Subject) -> Iterator[Suspicion]:
    seen: set[int] = set()
    for directive, above in subject.each("allow"):
        block = above[-1] if above else None
        if id(block) in seen or directive.args == ("all",):
            continue
        seen.add(id(block))
        if block is not None and block.name in {"upstream", "match"}:
            continue
        if not any(each.args == ("all",) for each in subject.said(block, "deny")) and not _ends_otherwise(subject, block):
            last = subject.said(block, "allow")[-1]
            yield Suspicion(
                rule="allow-without-deny",
                severity=Severity.MEDIUM,
                directive=directive,
                message="who is not named here gets in all the same: nothing says deny all",
                edits=(after(last, Directive("deny", ("all",))),),
            )


def _ends_otherwise(subject: Subject, block: Directive | None) -> bool:
    """Whether another check refuses the others: `satisfy any` with a password."""
    return any(each.args == ("any",) for each in subject.said(block, "satisfy")) or bool(subject.said(block, "return"))


def valid_referers(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("valid_referers"):
        if "none" in directive.args:
            yield Suspicion(
                rule="valid-referers",
                severity=Severity.HIGH,
                directive=directive,
                message="none lets every request through that sends no Referer, which any page can arrange",
                edits=(words(directive, *(word for word in directive.args if word != "none")),),
            )


def weak_origins(subject: Subject) -> Iterator[Suspicion]:
    """A pattern that is to name one's own sites and lets others' through."""
    for directive, pattern in _origin_patterns(subject):
        node = read_regex(pattern)
        reason = _gap(node) if node is not None else None
        if reason is not None:
            yield Suspicion(
                rule="origins",
                severity=Severity.HIGH,
                directive=directive,
                message=f"the pattern lets strangers through: {reason}",
                edits=_repatterned(directive, pattern, _closed(pattern)),
            )


_DOT = re.compile(r"\\.|\[(?:\\.|[^\]])*\]|(?P<dot>\.)(?P<repeat>[*+?{])?", re.DOTALL)
"""A character class or an escaped character, which stays as it is, or a dot that stands for any character."""


def _closed(pattern: str) -> str | None:
    """Return a pattern that names the same hosts and no strangers': begun, ended, and each dot in it one; None where that is not it."""
    begun = pattern if pattern.startswith("^") or not pattern.startswith("http") else f"^{pattern}"
    dotted = _DOT.sub(_dot, begun)
    for candidate in (dotted, f"{dotted}(:\\d+)?(/|$)"):
        node = read_regex(candidate)
        if node is not None and _gap(node) is None:
            return candidate
    return None


def _dot(found: re.Match[str]) -> str:
    if found["dot"] is None:
        return found[0]
    return "\\." if found["repeat"] is None else f"[^/:]{found['repeat']}"


_REPEATED = re.compile(r"\((?P<quiet>\?:)?(?P<one>\[(?:\\.|[^\]])*\]|\\.|[^\\()|])(?P<inner>[+*])\)(?P<outer>[+*])")
"""A group of one repeated character that is repeated itself: `(a+)*`."""


def _linear(pattern: str) -> str | None:
    """Return a pattern that fits the same texts without repeating a repeat; None where that is not it."""
    once = _REPEATED.sub(lambda it: f"({it['quiet'] or ''}{it['one']}{'*' if '*' in it['inner'] + it['outer'] else '+'})", pattern)
    node = read_regex(once)
    return once if once != pattern and node is not None and not is_catastrophic(node) else None


def _repatterned(directive: Directive, old: str, new: str | None) -> tuple[Edit, ...]:
    """Return the edit that puts a pattern in the place of another, in a directive's name or one of its words."""
    if new is None:
        return ()
    if directive.name.endswith(old):
        return (words(directive, *directive.args, name=directive.name.removesuffix(old) + new),)
    return (words(directive, *(new.join(word.rsplit(old, 1)) if old in word else word for word in directive.args)),)


def _origin_patterns(subject: Subject) -> Iterator[tuple[Directive, str]]:
    """Yield each pattern that a Referer or an Origin is held against."""
    for directive, _ in subject.each("if"):
        args = [*directive.args]
        if len(args) > 2 and args[0] == "(":
            args = args[1:]
        if len(args) >= 3 and args[0].lstrip("(") in FROM and args[1] in {"~", "~*", "!~", "!~*"}:
            pattern = args[2]
            if len(args) == 3:
                pattern = pattern.removesuffix(")")
            yield directive, pattern
    for directive, _ in subject.each("map"):
        if directive.args and directive.args[0] in FROM:
            for entry in directive.block or ():
                if entry.name.startswith("~") and entry.args and entry.args[0] not in {"", "0"}:
                    yield entry, entry.name.lstrip("~").removeprefix("*")


def _gap(node: Node) -> str | None:
    """Return how a foreign host gets past a pattern; None where none does."""
    parts = node.items if isinstance(node, Series) else (node,)
    if not parts or parts[0] != Anchor("^"):
        return "it does not begin with ^, so the site's name may stand anywhere in the address"
    start = _scheme_end(parts)
    end = next((at for at in range(start, len(parts)) if _is_slash(parts[at]) or parts[at] == Anchor("$")), len(parts))
    if any(isinstance(part, Chars) and part.mask == ANY for each in parts[start:end] for part in inside(each)):
        return "a . in the host stands for any character; write \\."
    if end == len(parts) and not _is_end(parts[-1]):
        return "nothing ends the host, so that example.com.evil.org fits too; end with / or $"
    return None


def _scheme_end(parts: tuple[Node, ...]) -> int:
    """Return where `://` is over; 0 where there is none."""
    slashes = 0
    for at, part in enumerate(parts):
        slashes = slashes + 1 if _is_slash(part) else 0
        if slashes == 2:
            return at + 1
    return 0


def _is_slash(node: Node) -> bool:
    return node == Chars(1 << ord("/"))


def _is_end(node: Node) -> bool:
    """Whether it can only be an end of the host: `/`, `:`, `$`, or a choice of these such as `(:\\d+|/|$)`."""
    match node:
        case Group(body=body):
            return _is_end(body)
        case Choice(options=options):
            return all(map(_is_end, options))
        case Series(items=items):
            return bool(items) and _is_end(items[0])
        case Chars(mask=mask):
            return mask & ~_ENDS == 0
    return node == Anchor("$")


def catastrophic_regex(subject: Subject) -> Iterator[Suspicion]:
    """PCRE backtracks: one request can hold a worker for minutes (`pcre_match_limit` ends it with a 500)."""
    for directive, pattern in _patterns(subject):
        node = read_regex(pattern)
        if node is not None and is_catastrophic(node):
            yield Suspicion(
                rule="regex-catastrophic",
                severity=Severity.MEDIUM,
                directive=directive,
                message="a repeat within a repeat: a crafted request makes the match take exponential time",
                edits=_repatterned(directive, pattern, _linear(pattern)),
            )


def _patterns(subject: Subject) -> Iterator[tuple[Directive, str]]:
    for directive, _ in subject.each("location"):
        if len(directive.args) == 2 and directive.args[0] in {"~", "~*"}:
            yield directive, directive.args[1]
    for directive, _ in subject.each("rewrite"):
        if directive.args:
            yield directive, directive.args[0]
    for directive, _ in subject.each("if"):
        operators = [at for at, word in enumerate(directive.args) if word in {"~", "~*", "!~", "!~*"}]
        if operators and operators[0] + 1 < len(directive.args):
            yield directive, directive.args[operators[0] + 1]
    for directive, _ in subject.each("map"):
        for entry in directive.block or ():
            if entry.name.startswith("~"):
                yield entry, entry.name[1:].removeprefix("*")
    for directive, _ in subject.each("server_name"):
        for name in directive.args:
            if name.startswith("~"):
                yield directive, name[1:]


def if_is_evil(subject: Subject) -> Iterator[Suspicion]:
    """`if` in a location is a hidden location of its own (nginx wiki, If Is Evil)."""
    for directive, above in subject.each("if"):
        if not above or above[-1].name != "location":
            continue
        odd = sorted({each.name for each in directive.block or () if each.name not in SAFE_IN_IF})
        if odd:
            yield Suspicion(
                rule="if-is-evil",
                severity=Severity.LOW,
                directive=directive,
                message=f"within if in a location only return and rewrite are sure to work, not {', '.join(odd)}",
            )


def external_resolver(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("resolver"):
        outside = [word for word in directive.args if _is_public(word)]
        if outside:
            yield Suspicion(
                rule="resolver-external",
                severity=Severity.MEDIUM,
                directive=directive,
                message=f"names are asked of {', '.join(outside)} on the open network, where answers can be forged",
                edits=(words(directive, "127.0.0.1", *(word for word in directive.args if "=" in word)),),
            )


def _is_public(word: str) -> bool:
    host = word.rpartition(":")[0] if word.count(":") == 1 or (word.startswith("[") and not word.endswith("]")) else word
    try:
        return ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return False
