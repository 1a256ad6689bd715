"""Which containers a name means, by what the daemon knows, or by what it recorded last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.app.console import Running
from holdfast.cli.call import Call
from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean

KIND = "Container"


def running(call: Call, name: str | None) -> list[tuple[str, Running]]:
    """Return id and place of each container that runs, of an Application, a Container with all its replicas, or one id; all without a name.

    UsageError (HF8056) where there is none.
    """
    if (client := call.daemon()) is not None:
        data = client.get("/v1/status")["data"]
    else:
        from holdfast.app.offline import Offline

        data = Offline(call.state_dir).status(None, None)
    known = [(application["name"], each) for application in data["applications"] for each in application["resources"]]
    containers = [(application, each) for application, each in known if str(each["id"]).startswith(f"{KIND}/")]
    found = [each for application, each in containers if name is None or name in _names(application, str(each["id"]))]
    alive = [*_alive(found)]
    if not alive and name is not None:
        names = sorted({other for application, each in containers for other in _names(application, str(each["id"]))})
        guess = did_you_mean(name, names)
        reason = "no container of it runs" if found else "no Application or Container has that name"
        hint = f"did you mean {guess}?" if guess and not found else "`holdfast status` shows what runs"
        raise UsageError("HF8056", f"cannot find {name}: {reason}", hint=hint)
    return alive


def _names(application: str, id: str) -> tuple[str, ...]:
    """Return what an id may be called: `Container/shop/web.0` is web.0, and one of web."""
    own = id.rpartition("/")[2]
    head, dot, number = own.rpartition(".")
    declared = (head, id.removesuffix(f".{number}")) if dot and number.isdigit() else ()
    return (application, id, own, *declared)


def _alive(found: list[Mapping[str, Any]]) -> Iterator[tuple[str, Running]]:
    for each in sorted(found, key=lambda it: str(it["id"])):
        live = each.get("live") or {}
        if live.get("container") and live.get("status") in ("running", "paused"):
            destination = str(each["destination"])
            yield (
                str(each["id"]),
                Running(destination=destination, container=str(live["container"]), name=str(live.get("name") or each["id"])),
            )
