"""Which containers and processes a name means, by what the daemon knows, or by what it recorded last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.app.console import Running
from holdfast.cli.call import Call
from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean
from holdfast.kubernetes.pod import WITH_PODS
from holdfast.model.ids import HOST, ResourceId

KIND, PROCESS = "Container", "Process"


def running(call: Call, name: str | None) -> list[tuple[str, Running]]:
    """Return id and place of each container that runs, of an Application, a Container with all its replicas, or one id; all without a name.

    UsageError (HF8056) where there is none.
    """
    known = _known(call, (KIND,))
    found = _of(known, name)
    alive = [*_alive(found)]
    if not alive and name is not None:
        raise _nothing(name, known, found, KIND)
    return alive


def running_all(call: Call, name: str | None) -> tuple[list[tuple[str, Running]], list[tuple[str, int]]]:
    """Return as `running` does, and id and pid of each process of this host that runs. UsageError (HF8056) where there is neither."""
    known = _known(call, (KIND, PROCESS))
    found = _of(known, name)
    containers = [*_alive([each for each in found if str(each["id"]).startswith(f"{KIND}/")])]
    processes = [*_living([each for each in found if str(each["id"]).startswith(f"{PROCESS}/")])]
    if not containers and not processes and name is not None:
        raise _nothing(name, known, found, PROCESS, KIND)
    return containers, processes


def _known(call: Call, kinds: tuple[str, ...] | None = None) -> list[tuple[str, Mapping[str, Any]]]:
    """Return every resource with its Application, as the daemon knows it, or as it was recorded last; of some kinds, or of all."""
    if (client := call.daemon()) is not None:
        data = client.get("/v1/status")["data"]
    else:
        from holdfast.app.offline import Offline

        data = Offline(call.state_dir).status(None, None)
    known = [(str(application["name"]), each) for application in data["applications"] for each in application["resources"]]
    return [(application, each) for application, each in known if kinds is None or str(each["id"]).partition("/")[0] in kinds]


def _of(known: list[tuple[str, Mapping[str, Any]]], name: str | None) -> list[Mapping[str, Any]]:
    return [each for application, each in known if name is None or name in _names(application, str(each["id"]))]


def _nothing(name: str, known: list[tuple[str, Mapping[str, Any]]], found: list[Mapping[str, Any]], *kinds: str) -> UsageError:
    if found:
        reason = f"no {' or '.join(kinds).lower()} of it runs"
        return UsageError("HF8056", f"cannot find {name}: {reason}", hint="`holdfast status` shows what runs")
    names = sorted({other for application, each in known for other in _names(application, str(each["id"]))})
    guess = did_you_mean(name, names)
    reason = f"no {', '.join(['Application', *kinds[:-1]])} or {kinds[-1]} has that name"
    hint = f"did you mean {guess}?" if guess else "`holdfast status` shows what runs"
    return UsageError("HF8056", f"cannot find {name}: {reason}", hint=hint)


def pods_of(call: Call, name: str) -> ResourceId | None:
    """Return the workload of a cluster that a name means: its id, `Kind/name`, or its name; None where a container has it, or nobody.

    UsageError (HF8056) where it means several.
    """
    known = _known(call)
    if any(str(each["id"]).startswith(f"{KIND}/") and name in _names(application, str(each["id"])) for application, each in known):
        return None
    found = []
    for _, each in known:
        id = ResourceId.parse(str(each["id"]), str(each["destination"]))
        if id.destination != HOST and id.kind in WITH_PODS and name in (str(id), f"{id.kind.rpartition('/')[2]}/{id.name}", id.name):
            found.append(id)
    if len(found) > 1:
        hint = f"write one of {', '.join(sorted(map(str, found)))}"
        raise UsageError("HF8056", f"cannot tell what {name} is: there are {len(found)}", hint=hint)
    return found[0] if found else None


def _names(application: str, id: str) -> tuple[str, ...]:
    """Return what an id may be called: `Container/shop/web.0` is web.0, and one of web."""
    own = id.rpartition("/")[2]
    head, dot, number = own.rpartition(".")
    declared = (head, id.removesuffix(f".{number}")) if dot and number.isdigit() else ()
    return (application, id, own, *declared)


def _living(found: list[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    for each in sorted(found, key=lambda it: str(it["id"])):
        pid = (each.get("live") or {}).get("pid")
        if isinstance(pid, int) and pid > 0:
            yield str(each["id"]), pid


def _alive(found: list[Mapping[str, Any]]) -> Iterator[tuple[str, Running]]:
    for each in sorted(found, key=lambda it: str(it["id"])):
        live = each.get("live") or {}
        if live.get("container") and live.get("status") in ("running", "paused"):
            destination = str(each["destination"])
            yield (
                str(each["id"]),
                Running(destination=destination, container=str(live["container"]), name=str(live.get("name") or each["id"])),
            )
