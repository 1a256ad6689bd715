"""Shape: all that is needed to make a container, or to judge one that is there: body, endpoints, image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.engines.docker import label, view
from holdfast.engines.docker.body import attachments, create_body
from holdfast.engines.docker.grounding import Grounding
from holdfast.engines.docker.view import Mark, View
from holdfast.model.ids import ResourceId
from holdfast.model.state import State
from holdfast.workload.contained import Contained, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """`name` is the container's while it serves; `endpoints` its networks by their names at the host, the first one first."""

    it: Contained
    name: str
    body: Mapping[str, Any]
    endpoints: Mapping[str, Mapping[str, Any]]

    def wanted(self, image: Mapping[str, Any], mark: Mark) -> View:
        return view.expected(self.body, self.endpoints, image, mark)


def shape(id: ResourceId, application: str, state: State, grounding: Grounding, *, image: str, own: Mapping[str, str]) -> Shape:
    """Return the shape of a Container; `own` labels join compose's. Raises Rejected where a name means nothing at its host."""
    it = read(state.fields)
    ground = grounding.of(id, application, it)
    labels = {**label.of_container(it.spec, it.replica, state.digest), **own}
    endpoints = dict(attachments(it.spec, ground))
    body = create_body(it.spec, ground, image, labels)
    return Shape(it=it, name=label.container_name(id, it.spec, it.replica), body=body, endpoints=endpoints)
