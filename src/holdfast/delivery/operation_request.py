"""Operation request: what the `operation` of an Application object asks for (argoproj.io/v1alpha1 `Operation`), as far as it is honoured.

Pure. Law: what is written is done, or named in `unhonoured` or `refused`. That Argo CD leaves out what is prune or selective there is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from holdfast.model.source import joined

Object: TypeAlias = Mapping[str, Any]
_COMMIT = re.compile(r"[0-9a-f]{40}")


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
    joined_revision = _joined(revisions, _list(spec.get("sources"))) if len(revisions) > 1 else "".join(revisions)
    if joined_revision is None:
        return Requested(person=person, refused="it does not name a commit for each of the sources")
    return Requested(
        person=person,
        revision=str(sync.get("revision") or "") or joined_revision,
        prune=sync.get("prune") is True,
        is_dry_run=sync.get("dryRun") is True,
        resources=tuple(_selected(each) for each in _list(sync.get("resources")) if isinstance(each, Mapping)),
        unhonoured=tuple(_unhonoured(said, sync, spec)),
    )


def _joined(revisions: list[str], sources: list[Any]) -> str | None:
    """Return commits of each source as the one revision that they are here; None where they are not that."""
    if len(revisions) != len(sources) or not all(_COMMIT.fullmatch(each) for each in revisions):
        return None
    followed = [(_dict(each).get("repoURL"), _dict(each).get("targetRevision") or "HEAD") for each in sources]
    commits = dict(zip(followed, revisions, strict=True))
    are_one = all(commits[each] == commit for each, commit in zip(followed, revisions, strict=True))
    return joined(commits.values()) if are_one else None


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
    given, own_sources = _list(sync.get("sources")), _list(spec.get("sources"))
    if len(given) != len(own_sources) or not all(_is_within(_dict(a), _dict(b)) for a, b in zip(given, own_sources, strict=True)):
        yield from ["sources: those of the Application count"] if given else ()
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
