"""`status`, asked and answered without click, whose import alone takes longer than the rest.

Law: what `read_status` understands, the page of `status` understands the same way; everything else is left to the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from holdfast.cli.call import Call
from holdfast.cli.status_text import status_lines
from holdfast.cli.terminal import Form
from holdfast.cli.times import read_instant

SWITCHES: Mapping[str, str] = MappingProxyType(
    {
        "--json": "is_json",
        "--exit-code": "is_strict",
        "--resources": "is_long",
        "--no-color": "is_colour_off",
        "--quiet": "is_quiet",
        "-q": "is_quiet",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """What `holdfast status` was asked. `at` is as it was written."""

    application: str | None = None
    at: str | None = None
    state: str | None = None
    is_json: bool = False
    is_strict: bool = False
    """Tell by the exit code how it stands."""
    is_long: bool = False
    """Show every resource of every Application."""
    is_colour_off: bool = False
    is_quiet: bool = False


def read_status(words: Sequence[str]) -> StatusRequest | None:
    """Return what plain words ask; None where they are not `status`, or not plain."""
    if words[:1] not in (["status"], ("status",)):
        return None
    told: dict[str, Any] = {}
    rest = iter(words[1:])
    for word in rest:
        if word in SWITCHES:
            told[SWITCHES[word]] = True
        elif word in ("--state", "--at") and (value := next(rest, None)) is not None and not value.startswith("-"):
            told[word.removeprefix("--")] = value
        elif word and not word.startswith("-") and "application" not in told:
            told["application"] = word
        else:
            return None
    return StatusRequest(**told)


def show_status(call: Call, request: StatusRequest) -> int:
    """Answer a request and return the exit code."""
    terminal = call.terminal
    if request.is_json:
        terminal.form = Form.JSON
    terminal.is_quiet |= request.is_quiet
    terminal.is_colour_off |= request.is_colour_off
    call.state = request.state if request.state is not None else call.state
    at = None if request.at is None else read_instant(request.at, call.now(), "--at")
    document = fetch(call, request.application, at)
    data = document["data"]
    code = standing(data["applications"]) if request.is_strict else 0
    terminal.answer(
        "Status",
        data,
        lambda: status_lines(
            data, terminal.ink, terminal.width, is_long=request.is_long or request.application is not None, is_screen=terminal.is_screen
        ),
        document.get("warnings", ()),
    )
    return code


def fetch(call: Call, application: str | None, at: float | None) -> dict[str, Any]:
    """Return the `Status` document: the daemon's, or what the store remembers."""
    if (client := call.daemon()) is not None:
        return client.get("/v1/status", application=application, at=at)
    from holdfast.app.offline import Offline

    data = Offline(call.state_dir).status(application, at)
    call.terminal.tell(f"no daemon is running on {call.state_dir}: this is what was last recorded", "warning")
    return {"data": data}


def standing(applications: Iterable[Mapping[str, Any]]) -> int:
    """Return the exit code that Applications stand for: 3 degraded or pinned, 75 not known, 2 changes pending, 0 as Git says."""
    codes = {_standing(each) for each in applications}
    return next((code for code in (3, 75, 2) if code in codes), 0)


def _standing(application: Mapping[str, Any]) -> int:
    if application["pinned"] or application["health"] == "Degraded":
        return 3
    if "Unknown" in (application["sync"], application["health"]):
        return 75
    return 0 if application["sync"] == "Synced" and application["health"] in ("Healthy", "Suspended") else 2
