"""Others: what `source` knows of other Applications, for sync, which is made before it (`controllers.sync.lane.Others`)."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.controllers.source.controller import SourceController
from holdfast.model.ids import ResourceId


class OtherApplications:
    def __init__(self, source: Callable[[], SourceController]) -> None:
        self._source = source

    def claimed(self, id: ResourceId, application: str) -> str | None:
        return self._source().claimed(id, application)

    def are_behind(self, application: str, revision: str) -> bool:
        return self._source().are_behind(application, revision)
