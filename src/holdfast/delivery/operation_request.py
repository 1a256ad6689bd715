"""Operation request: what the `operation` of an Application object asks for (argoproj.io/v1alpha1 `Operation`), as far as it is honoured.

Pure. Law: what is written is done, or named in `unhonoured` or `refused`. That Argo CD leaves out what is prune or selective there is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """One sync that was asked for."""

    person: str
    """Who asked, for the event."""
    revision: str = ""
    """Empty: the one that the Application follows."""
    prune: bool = False
    is_dry_run: bool = False
    resources: tuple[str, ...] = ()
    """As `core.selection` reads them."""
    unhonoured: tuple[str, ...] = ()
    """What is left out of it, in words."""
    refused: str = ""
    """Why nothing is done; empty where it can be done."""


def read_operation(operation: object, spec: Object) -> Requested:
    """Return what is asked of an Application whose spec is `spec`."""
    said = _dict(operation)
    sync = said.get("sync")
    person = str(_dict(said.get("initiatedBy")).get("username") or "") or "its object's operation"
    if not isinstance(sync, Mapping):
        return Requested(person=person, refused="it asks for no sync")
    if sync.get("manifests"):
        return Requested(person=person, refused="it brings manifests of its own, and only what Git says is applied")
    revisions = [str(each) for each in _list(sync.get("revisions")) if each]
    if len(revisions) > 1:
        return Requested(person=person, refused="it names a revision for each of several sources, and one source is followed")
    return Requested(
        person=person,
        revision=str(sync.get("revision") or "") or "".join(revisions),
        prune=sync.get("prune") is True,
        is_dry_run=sync.get("dryRun") is True,
        resources=tuple(_selected(each) for each in _list(sync.get("resources")) if isinstance(each, Mapping)),
        unhonoured=tuple(_unhonoured(said, sync, spec)),
    )


def _selected(it: Object) -> str:
    namespace = f"{it['namespace']}/" if it.get("namespace") else ""
    return f"{'!' if it.get('exclude') is True else ''}{it.get('group') or ''}:{it.get('kind') or '*'}:{namespace}{it.get('name') or '*'}"


def _unhonoured(said: Object, sync: Object, spec: Object) -> Iterator[str]:
    policy = _dict(spec.get("syncPolicy"))
    own = {str(each) for each in _list(policy.get("syncOptions"))}
    for option in _list(sync.get("syncOptions")):
        if str(option) not in own:
            yield f"sync option {option}: those of the Application count"
    strategy = _dict(sync.get("syncStrategy"))
    if "apply" in strategy:
        yield "syncStrategy.apply: hooks run where there are some"
    if any(_dict(each).get("force") is True for each in strategy.values()):
        yield "syncStrategy force: an object is made anew where its own sync option Force says so"
    source = sync.get("source")
    if isinstance(source, Mapping) and not _is_within(source, _dict(spec.get("source"))):
        yield "source: that of the Application counts"
    if _list(sync.get("sources")):
        yield "sources: that of the Application counts"
    retry = said.get("retry")
    if isinstance(retry, Mapping) and retry and retry != policy.get("retry"):
        yield "retry: that of the Application counts"


def _is_within(part: Object, whole: Object) -> bool:
    """Say whether one says nothing else than the other, but for a revision, which the operation names itself."""
    return all(whole.get(key) == value for key, value in part.items() if key != "targetRevision")


def _dict(value: object) -> Object:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
