"""Health by users' own scripts: the Lua checks of an `argocd-cm`, each run once for one version of an object.

Called by the engine before the rules of `kubernetes.health` are asked. Law: what a script fails with is Unknown, never Healthy.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from holdfast.errors import Rejected
from holdfast.host.lua import Lua
from holdfast.kubernetes.customization import Customizations
from holdfast.kubernetes.health import is_going, judged
from holdfast.kubernetes.object_id import kind_name
from holdfast.model.live import Health, Status

KEPT = 20_000
"""Verdicts that are remembered, of the objects looked at last."""
CLOCK = re.compile(r"\bos\b")
"""A script that may ask the time is run at each look."""


class CustomHealth:
    """`said` returns what users say of kinds, at the time of each look. Close it when done."""

    def __init__(self, said: Callable[[], Customizations], lua: Lua) -> None:
        self._said = said
        self._lua = lua
        self._kept: OrderedDict[str, tuple[str, str, Health | None]] = OrderedDict()

    def speaks_of(self, kind: str) -> bool:
        """Say whether a user's script judges a kind."""
        return self._said().of(kind).health is not None

    async def judge(self, live: Mapping[str, Any]) -> Health | None:
        """Return what the user's script says of a live object; None where there is none, or it says nothing."""
        kind = kind_name(live)
        script = self._said().of(kind).health
        if script is None or is_going(live):
            return None
        metadata = live["metadata"]
        uid, version = str(metadata.get("uid")), str(metadata.get("resourceVersion"))
        kept = self._kept.get(uid)
        if kept is not None and kept[:2] == (version, script):
            self._kept.move_to_end(uid)
            return kept[2]
        try:
            verdict = judged(await self._lua.run(script, f"the health check of {kind}", {"obj": dict(live)}))
        except Rejected as error:
            hint = f" ({error.hint})" if error.hint else ""
            return Health(Status.UNKNOWN, f"{error.message}{hint}")
        if CLOCK.search(script) is None:
            self._kept[uid] = (version, script, verdict)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return verdict

    async def aclose(self) -> None:
        await self._lua.aclose()
