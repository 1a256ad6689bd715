"""Review: an nginx configuration → findings, each with its line, why it matters, how bad it is, and a patch where one can be given.

A finding depends on the nginx that runs: what it cannot do, or does by itself, is not asked of the file. Law: a configuration that this
house renders has no finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.edge import review_access, review_header, review_proxy, review_tls
from holdfast.edge.capability import Capability
from holdfast.edge.import_known import shipped
from holdfast.edge.include import roots
from holdfast.edge.review_patch import patch
from holdfast.edge.review_subject import Severity, Subject, Suspicion
from holdfast.edge.tree import Config, Directive
from holdfast.kit.canonical import Json

RULES: Sequence[Callable[[Subject], Iterator[Suspicion]]] = (
    review_access.alias_traversal,
    review_access.allow_without_deny,
    review_access.valid_referers,
    review_access.weak_origins,
    review_access.catastrophic_regex,
    review_access.if_is_evil,
    review_access.external_resolver,
    review_header.header_redefinition,
    review_header.content_type,
    review_header.multiline,
    review_header.splitting,
    review_header.obsolete_header,
    review_header.missing_headers,
    review_header.version_disclosure,
    review_proxy.forged_requests,
    review_proxy.host_spoofing,
    review_proxy.forwarded_for,
    review_proxy.trusted_anybody,
    review_proxy.resolved_once,
    review_proxy.variable_without_resolver,
    review_proxy.keepalive,
    review_proxy.websocket,
    review_proxy.limits,
    review_proxy.unlinked,
    review_proxy.descriptors,
    review_proxy.unknown_hosts,
    review_tls.protocols,
    review_tls.ciphers,
    review_tls.stapling,
    review_tls.http2,
    review_tls.unencrypted,
    review_tls.outside_certificates,
    review_tls.obsolete,
    review_tls.invalid,
)
_GRAVITY = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing to mend. `fix` is a unified diff; None where no edit alone mends it."""

    rule: str
    severity: Severity
    file: str
    line: int
    message: str
    fix: str | None

    def to_json(self) -> dict[str, Json]:
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "file": self.file,
            "line": self.line,
            "message": self.message,
            "fix": self.fix,
        }


def review(files: Mapping[str, Config], capability: Capability | None = None) -> tuple[Finding, ...]:
    """Return the findings of configuration files by path, in the order of files and lines; the gravest first on one line.

    A file that another one includes is looked at where it is included. Without `capability` only what holds for every nginx is said.
    """
    found = (_finding(suspicion) for suspicion in own_suspicions(files, capability))
    return tuple(sorted(found, key=lambda each: (each.file, each.line, _GRAVITY.index(each.severity), each.rule)))


def own_suspicions(files: Mapping[str, Config], capability: Capability | None) -> Iterator[Suspicion]:
    """Yield what the rules find in these files, and edits of these alone. What they include and is not there says what everybody's says."""
    known = shipped(files)
    for each in suspicions({**files, **known}, capability):
        if not _is_of(each.directive, known):
            yield replace(each, edits=()) if any(_is_of(edit.old, known) for edit in each.edits) else each


def _is_of(directive: Directive, files: Mapping[str, Config]) -> bool:
    return directive.spelling is not None and directive.spelling.file.path in files


def suspicions(files: Mapping[str, Config], capability: Capability | None = None) -> Iterator[Suspicion]:
    """Yield what the rules find, each once, whoever includes the file."""
    seen: set[tuple[str, int, str]] = set()
    for whole in roots(files):
        subject = Subject(whole.directives, capability)
        for suspicion in (suspicion for rule in RULES for suspicion in rule(subject)):
            if (key := _key(suspicion)) not in seen:
                seen.add(key)
                yield suspicion


def _key(suspicion: Suspicion) -> tuple[str, int, str]:
    spelling = suspicion.directive.spelling
    return suspicion.rule, spelling.at if spelling is not None else 0, spelling.file.path if spelling is not None else ""


def _finding(suspicion: Suspicion) -> Finding:
    where = suspicion.directive.where
    return Finding(
        rule=suspicion.rule,
        severity=suspicion.severity,
        file=where.path if where is not None else "",
        line=(where.line or 1) if where is not None else 1,
        message=suspicion.message,
        fix=patch(suspicion.edits) or None,
    )
