"""Rules on headers: those that are lost, split, doubled or out of date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from holdfast.edge.review_subject import Edit, Severity, Subject, Suspicion, before, removal, within, words
from holdfast.edge.review_variable import DECODED, broken_by
from holdfast.edge.tree import Directive

SECURITY = frozenset(
    {
        "content-security-policy",
        "permissions-policy",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
    }
)
OBSOLETE: Mapping[str, str] = {
    "x-xss-protection": "browsers dropped it, and where it still works it opens holes",
    "public-key-pins": "browsers dropped it",
}
SINKS = ("add_header", "proxy_set_header", "proxy_pass", "return", "rewrite", "more_set_headers")


def header_redefinition(subject: Subject) -> Iterator[Suspicion]:
    """`add_header` in a block takes away all that the blocks around it add (ngx_http_headers_module)."""
    seen: set[int] = set()
    for directive, above in subject.each("add_header"):
        block = above[-1] if above else None
        if block is None or id(block) in seen:
            continue
        seen.add(id(block))
        if _is_merged(subject, (*above,)):
            continue
        own = {each.args[0].lower() for each in block.all("add_header") if each.args}
        outer = subject.in_force("add_header", above[:-1])
        lost = [each for each in outer if each.args and each.args[0].lower() not in own]
        if lost:
            names = ", ".join(each.args[0] for each in lost)
            is_grave = any(each.args[0].lower() in SECURITY for each in lost)
            yield Suspicion(
                rule="add-header-redefinition",
                severity=Severity.MEDIUM if is_grave else Severity.LOW,
                directive=directive,
                message=f"this add_header takes away what the blocks around it add: {names}",
                edits=(before(directive, *(Directive(each.name, each.args) for each in lost)),),
            )


def _is_merged(subject: Subject, above: tuple[Directive, ...]) -> bool:
    said = subject.in_force("add_header_inherit", above)
    return bool(said) and said[-1].args[:1] == ("merge",)


def content_type(subject: Subject) -> Iterator[Suspicion]:
    for directive, above in subject.each("add_header"):
        if not directive.args or directive.args[0].lower() != "content-type":
            continue
        hidden = subject.in_force("proxy_hide_header", above)
        if any(each.args and each.args[0].lower() == "content-type" for each in hidden):
            continue
        yield Suspicion(
            rule="add-header-content-type",
            severity=Severity.LOW,
            directive=directive,
            message="this adds a second Content-Type beside the one that is there; default_type says what a file without a type is",
            edits=(words(directive, directive.args[1], name="default_type"),) if len(directive.args) > 1 else (),
        )


def multiline(subject: Subject) -> Iterator[Suspicion]:
    """Header lines that are folded are out of HTTP since RFC 7230 §3.2.4; HTTP/2 forbids them."""
    for directive, _ in subject.each("add_header", "more_set_headers"):
        values = directive.args[1:2] if directive.name == "add_header" else _more_headers(directive.args)
        if any("\n" in value or "\r" in value for value in values):
            yield Suspicion(
                rule="add-header-multiline",
                severity=Severity.LOW,
                directive=directive,
                message="the header goes on over several lines, which HTTP/2 forbids and clients read in different ways",
                edits=(words(directive, *(" ".join(word.split()) if "\n" in word else word for word in directive.args)),),
            )


def _more_headers(args: tuple[str, ...]) -> Iterator[str]:
    """Yield the headers of `more_set_headers`; `-s` and `-t` take a value that is none."""
    skip = False
    for word in args:
        if skip:
            skip = False
        elif word in {"-s", "-t"}:
            skip = True
        elif not word.startswith("-"):
            yield word


def splitting(subject: Subject) -> Iterator[Suspicion]:
    """A decoded path in a header lets a client end the line with %0d%0a and write headers of its own."""
    for directive, above in subject.each(*SINKS):
        value = _sink(directive)
        name = broken_by(value, directive, above) if value is not None else None
        if name is None:
            continue
        edits: tuple[Edit, ...] = ()
        if name in DECODED:
            edits = (words(directive, *(word.replace(f"${name}", "$request_uri") for word in directive.args)),)
        yield Suspicion(
            rule="http-splitting",
            severity=Severity.HIGH,
            directive=directive,
            message=f"${name} may hold a line break that a client sent as %0a, and so end the line it stands in",
            edits=edits,
        )


def _sink(directive: Directive) -> str | None:
    """Return the value that goes into a line of a request or an answer."""
    args = directive.args
    match directive.name:
        case "add_header" | "proxy_set_header" | "more_set_headers":
            return args[-1] if directive.name == "more_set_headers" and args else args[1] if len(args) > 1 else None
        case "proxy_pass":
            return args[0] if args else None
        case "return":
            is_redirect = (len(args) > 1 and args[0].startswith("3")) or (len(args) == 1 and not args[0].isdigit())
            return args[-1] if is_redirect else None
        case "rewrite":
            is_redirect = len(args) > 1 and (
                args[1].startswith(("http://", "https://", "$scheme")) or args[-1] in {"redirect", "permanent"}
            )
            return args[1] if is_redirect else None
    return None


def obsolete_header(subject: Subject) -> Iterator[Suspicion]:
    for directive, _ in subject.each("add_header"):
        why = OBSOLETE.get(directive.args[0].lower()) if directive.args else None
        if why is not None:
            yield Suspicion(
                rule="obsolete-header",
                severity=Severity.INFO,
                directive=directive,
                message=f"{directive.args[0]} does no good: {why}",
                edits=(removal(directive),),
            )


def missing_headers(subject: Subject) -> Iterator[Suspicion]:
    """A TLS server that says nothing of how browsers should treat it."""
    wanted = {
        "strict-transport-security": ("Strict-Transport-Security", "max-age=63072000"),
        "x-content-type-options": ("X-Content-Type-Options", "nosniff"),
    }
    for server, above in subject.servers:
        if not is_tls(server) or not _answers(server):
            continue
        said = {each.args[0].lower() for each in _added(subject, server, above) if each.args}
        if lacking := [pair for name, pair in wanted.items() if name not in said]:
            new = [Directive("add_header", (name, value, "always")) for name, value in lacking]
            yield Suspicion(
                rule="security-headers",
                severity=Severity.LOW,
                directive=server,
                message=f"browsers are not told {' and '.join(name for name, _ in lacking)}",
                edits=(within(server, *new),),
            )


def _added(subject: Subject, server: Directive, above: tuple[Directive, ...]) -> Iterator[Directive]:
    yield from subject.in_force("add_header", (*above, server))
    yield from subject.inside(server, "add_header")


def _answers(server: Directive) -> bool:
    """Whether it serves anything itself: not only a redirect or a refusal."""
    block = server.block or ()
    if any(each.name == "return" or (each.name == "ssl_reject_handshake" and each.args == ("on",)) for each in block):
        return False
    places = server.all("location")
    return not places or not all(each.all("return") for each in places)


def is_tls(server: Directive) -> bool:
    return any("ssl" in each.args[1:] for each in server.all("listen")) or any(each.args == ("on",) for each in server.all("ssl"))


def version_disclosure(subject: Subject) -> Iterator[Suspicion]:
    said = list(subject.each("server_tokens"))
    for directive, _ in said:
        if directive.args and directive.args[0] in {"on", "build"}:
            yield Suspicion(
                rule="version-disclosure",
                severity=Severity.LOW,
                directive=directive,
                message="every answer tells the version of nginx",
                edits=(words(directive, "off"),),
            )
    if said:
        return
    for block in [each for each in subject.directives if each.name == "http"] or [server for server, _ in subject.servers][:1]:
        yield Suspicion(
            rule="version-disclosure",
            severity=Severity.LOW,
            directive=block,
            message="every answer tells the version of nginx: server_tokens is on unless it is said otherwise",
            edits=(within(block, Directive("server_tokens", ("off",))),),
        )
