"""Answers of an API server: what was asked, what came back, and which error of the house an unhappy one is.

A Status says `reason` and `message`; who reads them wants to know what to change: the missing rule where a verb is forbidden, the server's
own reason where a manifest is invalid, the finalizer where a deletion hangs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from holdfast.errors import Conflict, EngineError, Rejected, TimedOut, Unavailable

_IMMUTABLE = re.compile(
    r"immutable|updates to .* forbidden|updates may not change|may not (be )?change|cannot be changed|cannot change roleRef", re.IGNORECASE
)
"""How API servers say that a field cannot be changed in place: there is no reason of its own for it in a Status."""
CONFLICT_OF_FIELDS = "FieldManagerConflict"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, as people would say it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    kind: str = "application/json"
    """Content type of the body."""
    accept: str = "application/json"
    verb: str = ""
    """For messages: `apply`, `list` …"""
    subject: str = ""
    """For messages: `apps/Deployment/shop/web`, `all of apps/Deployment` …"""
    is_safe: bool = False
    """Whether asking twice does no more than asking once; GET always is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def said(self) -> Mapping[str, Any]:
        """The Status that an error carries; empty where it carries none."""
        try:
            found = orjson.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def retry_after_s(self) -> float | None:
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdigit() else None


class Gone(Exception):
    """The resource version of a watch or a page is too old (410): list again."""


class NotFound(Exception):
    """There is no such object (404): the one that was asked for, or its namespace. `error` is what that is to who needs it."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(error.message)
        self.error = error


def error_of(question: Question, answer: Answer, server: str) -> EngineError:
    """Return the error that an answer beyond 2xx is."""
    status = answer.said
    reason, message = str(status.get("reason") or ""), str(status.get("message") or "").strip()
    what = f"cannot {question.verb or question.method.lower()} {question.subject or question.path}"
    words = message or f"the server answered {answer.status}"
    match answer.status:
        case 401:
            hint = "are the credentials of the context still valid? `kubectl auth whoami` asks the same server"
            return Rejected("HF3302", f"{what}: {server} does not accept our credentials", hint=hint)
        case 403:
            return Rejected("HF3303", f"{what}: {words}", hint=_missing_rule(status) or "the user of the context lacks a right")
        case 404 if _names_a_namespace(status):
            hint = "declare the Namespace too, or add CreateNamespace=true to spec.syncPolicy.syncOptions"
            return Rejected("HF3321", f"{what}: its namespace is not there: {words}", hint=hint)
        case 404:
            return Rejected("HF3304", f"{what}: {words}", hint="is the API group installed in this cluster?")
        case 409:
            return Conflict("HF3305", f"{what}: {words}", hint=_field_hint(status, reason))
        case 422 if _IMMUTABLE.search(message):
            return Rejected("HF3320", f"{what}: {words}", hint=_causes(status))
        case 400 | 413 | 415 | 422:
            return Rejected("HF3306", f"{what}: {words}", hint=_causes(status))
        case 429:
            return Unavailable("HF3307", f"{what}: {server} is asked for more than it takes", hint="it is tried again, more slowly")
        case 504:
            return TimedOut("HF3301", f"{what}: {words}")
        case 500 if "failed to create typed patch object" in message:  # an unknown field: kubernetes/kubernetes#98350
            return Rejected("HF3306", f"{what}: {words}")
        case code if code >= 500:
            return Unavailable("HF3308", f"{what}: {words}")
    return Rejected("HF3306", f"{what}: {words}")


def _names_a_namespace(status: Mapping[str, Any]) -> bool:
    details = status.get("details")
    return isinstance(details, dict) and details.get("kind") == "namespaces"


def _missing_rule(status: Mapping[str, Any]) -> str | None:
    """Return the rule of RBAC that would allow it, as YAML on one line."""
    details = status.get("details")
    message = str(status.get("message") or "")
    if not isinstance(details, dict) or " cannot " not in message:
        return None
    verb = message.split(" cannot ", 1)[1].split(" ", 1)[0]
    group, plural = str(details.get("group") or ""), str(details.get("kind") or "")
    return f'it needs a rule: {{apiGroups: ["{group}"], resources: ["{plural}"], verbs: ["{verb}"]}}'


def _causes(status: Mapping[str, Any]) -> str | None:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    fields = [str(each.get("field")) for each in causes if isinstance(each, dict) and each.get("field")] if isinstance(causes, list) else []
    return f"look at {', '.join(dict.fromkeys(fields))}" if fields else None


def _field_hint(status: Mapping[str, Any], reason: str) -> str | None:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    owners = [str(each.get("message")) for each in causes or () if isinstance(each, dict) and each.get("reason") == CONFLICT_OF_FIELDS]
    return "; ".join(dict.fromkeys(owners)) or ("it changed meanwhile; it is looked at again" if reason == "Conflict" else None)
