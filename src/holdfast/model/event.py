"""Event: what happened, append-only. Status, history, incidents and metrics are folds of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`type` is noun.past (`process.exited`); `subject` an id's text or `Application/<name>`; `data["application"]` names whose it is.

    `seq` is given by the store: 0 before it was appended.
    """

    type: str
    subject: str
    at: Instant
    seq: int = 0
    operation: str | None = None
    revision: str | None = None
    severity: Severity = Severity.INFO
    key: str | None = None
    """Equal keys say the same thing again (an aggregate may count them)."""
    data: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "at": self.at,
            "type": self.type,
            "subject": self.subject,
            "operation": self.operation,
            "revision": self.revision,
            "severity": self.severity.value,
            "key": self.key,
            "data": dict(self.data),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        return cls(**{**data, "severity": Severity(data["severity"])})
