"""What can be said without a daemon: read from the store, as it was when the last daemon wrote it.

The command line imports this module alone for it: no HTTP library, no asyncio.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from holdfast.api.service import unknown_application
from holdfast.app.speaking import speaking
from holdfast.app.state import StateFolder
from holdfast.core.view import HISTORY_EVENTS, HISTORY_OPERATIONS, View, history, status
from holdfast.engines.process import logs
from holdfast.errors import Busy
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.store.reader import StoreReader


class Offline:
    """The looking half of `api.service.Service`, without waiting. Raises StoreError, Busy (HF8025) where there is nothing to read."""

    def __init__(self, state_dir: str) -> None:
        self._state = StateFolder(state_dir)

    def status(self, application: str | None, at: Instant | None) -> dict[str, Any]:
        view = self._view(at) if self._state.store.exists() else View()
        if application is not None:
            _known(application, view)
        return status(view, time.time() if at is None else at, application)

    def tree(self, application: str | None) -> dict[str, Any]:
        return self.status(application, None)

    def history(self, application: str) -> dict[str, Any]:
        with self._open() as store:
            _known(application, store.view())
            operations = store.operations(application=application, limit=HISTORY_OPERATIONS)
            return history(store.events(application=application, limit=HISTORY_EVENTS, newest=True), operations)

    def events(self, after: int, limit: int | None, application: str | None, since: Instant | None) -> dict[str, Any]:
        with self._open() as store:
            if since is None:
                found = store.events(after=after, application=application, limit=limit, newest=limit is not None and not after)
            else:
                pages = store.pages(after=after, application=application)
                found = tuple(islice((event for event in pages if event.at >= since), limit))
        return {"events": [event.to_json() for event in found]}

    def logs(self, name: str, lines: int) -> list[tuple[str, str]]:
        """Return the last lines, each with the id of whose they are: of an Application's processes, or of one."""
        with self._open() as store:
            inventory = store.inventory()
        found = speaking(inventory, name)
        if all(id.kind != "Process" for id in found):
            what, who = ("containers", "Docker: docker logs") if found[0].kind == "Container" else ("pods", "the cluster: kubectl logs")
            hint = f"start the daemon (holdfast up), or ask {who}"
            raise Busy("HF8055", f"cannot read the logs of {name}: {what} are asked by the daemon, and none is running", hint=hint)
        return [(str(id), text) for id in found if id.kind == "Process" for text in self._tail(id, inventory[id].application, lines)]

    def _tail(self, id: ResourceId, application: str, lines: int) -> tuple[str, ...]:
        return logs.tail(logs.files_of(self._state.logs / application, id, application), lines)

    def _view(self, at: Instant | None) -> View:
        with self._open() as store:
            return store.view() if at is None else store.view_at(at)

    def _open(self) -> StoreReader:
        if not self._state.store.exists():
            raise Busy(
                "HF8025",
                f"cannot read {self._state.path}: nothing was ever brought up there, and no daemon answers",
                hint="holdfast up -f application.yaml, or name another folder with --state",
            )
        return StoreReader.open(self._state.store)


def _known(application: str, view: View) -> None:
    if application not in view.applications:
        raise unknown_application(application, view.applications)
