"""Where a plan comes from: Application files, read here and now without a daemon, or an Application that the daemon knows."""

from __future__ import annotations

import json
from typing import Any

from holdfast.cli.call import Call
from holdfast.errors import UsageError


def plan(
    call: Call, command: str, files: tuple[str, ...], application: str | None, revision: str | None, resources: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a `Plan` document. Raises UsageError (HF8001) where neither or both are named, or `resources` of files."""
    if files and application is not None:
        raise UsageError("HF8001", f"cannot {command}: give Application files or the name of one that runs, not both", hint=_hint(command))
    at = f" at {revision}" if revision else ""
    if files and resources:
        raise UsageError(
            "HF8001", f"cannot {command} a part of Application files: name one that runs", hint=f"holdfast {command} NAME --resource …"
        )
    if files:
        call.terminal.tell(f"planning {', '.join(files)}{at} …")
        from holdfast.app.entry import plan as planned

        data = planned(files, state_dir=call.state_dir, config=call.config, revision=revision)
        return {"data": data, "warnings": []}
    if application is None:
        raise UsageError("HF8001", f"cannot {command}: neither Application files nor a name is given", hint=_hint(command))
    call.terminal.tell(f"planning {application}{at} …")
    return call.client.get("/v1/plan", application=application, revision=revision, resources=json.dumps(resources) if resources else None)


def _hint(command: str) -> str:
    return f"holdfast {command} -f application.yaml, or holdfast {command} NAME"
