"""Sources: where one Application comes from, in order, and at which revision each of them is meant.

Two sources that follow the same revision of the same repository are one commit; a revision of an Application is the commits of what it
follows, joined (`model.source.joined`). Asked by delivery, which reads them, and by controllers.source, which resolves and renders them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from holdfast.declare.select import Directory
from holdfast.errors import SourceError
from holdfast.kit.canonical import Json
from holdfast.model.source import commits_of

_WHOLE = 40
"""Digits of a whole commit id."""
_LONGEST = 63
_REFERENCE = re.compile(r"\$([\w-]+)/")


class Followed(NamedTuple):
    """What a source follows."""

    repository: str
    """An address as it was written, or the plain absolute path of a folder."""
    target_revision: str
    """Branch, tag, commit, range of versions, or `HEAD`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A folder of a repository at a revision, and how it is read."""

    repository: str
    """An address as it was written, or the plain absolute path of a folder."""
    target_revision: str = "HEAD"
    """Branch, tag, commit, range of versions, or `HEAD`."""
    path: str = ""
    """Folder of the repository as its tree keys are written; "" is the whole repository."""
    is_local: bool = False
    """Whether the repository is a folder of this host."""
    directory: Directory = field(default_factory=Directory)
    kustomize: Mapping[str, Json] = field(default_factory=dict)
    """What is added to a kustomization, as it is written."""
    helm: Mapping[str, Json] = field(default_factory=dict)
    """How a chart is rendered, as it is written."""
    name: str = ""
    """Its name among several."""
    ref: str = ""
    """The name by which other sources take files of it."""
    has_resources: bool = True
    """False: it gives files to other sources and nothing else."""
    written: str = "spec.source"
    """Where it stands in the Application."""

    @property
    def followed(self) -> Followed:
        return Followed(self.repository, self.target_revision)


def followed_of(sources: Sequence[Source]) -> tuple[Followed, ...]:
    """Return what is followed, each once, in the order of the sources."""
    return tuple(dict.fromkeys(source.followed for source in sources))


def targets(sources: Sequence[Source], revision: str | None = None) -> tuple[str, ...]:
    """Return what each of `followed_of(sources)` is to be resolved at, where a person or a record says `revision`.

    None: what each follows. A joined revision is for every one of them. `NAME=REVISION` is for the source of that name, reference or number
    (from 1) and whoever follows the same; anything else is for the first. Raises SourceError (HF4038) where a joined revision is of
    another number of sources.
    """
    every = followed_of(sources)
    own = [each.target_revision for each in every]
    if revision is None:
        return tuple(own)
    commits = commits_of(revision)
    if len(commits) > 1 and (len(every) > 1 or min(map(len, commits)) >= _WHOLE):
        if len(commits) != len(every):
            raise SourceError(
                "HF4038",
                f"cannot resolve {revision}: it is of {len(commits)} sources, and there are {len(every)} now",
                hint="the sources of the Application were changed since; name a revision of one source, as NAME=REVISION",
            )
        return commits
    named = _named(sources, revision) if len(sources) > 1 else None
    source, wanted = named or (sources[0], revision)
    own[every.index(source.followed)] = wanted
    return tuple(own)


def _named(sources: Sequence[Source], revision: str) -> tuple[Source, str] | None:
    name, sign, wanted = revision.partition("=")
    for number, source in enumerate(sources, 1) if name and sign and wanted else ():
        if name in (source.name, source.ref, str(number)):
            return source, wanted
    return None


def labels_of(sources: Sequence[Source]) -> tuple[str, ...]:
    """Return how each source is called where a path alone would not say which one's it is; "" where all follow the same."""
    if len(followed_of(sources)) == 1:
        return ("",) * len(sources)
    found = [_word(source.name) or source.ref or _last(source.repository) for source in sources]
    return tuple(label if found.count(label) == 1 else f"{label}#{number}" for number, label in enumerate(found, 1))


def _word(name: str) -> str:
    """Return a name where it is one to print before every place."""
    return name if name.isprintable() and len(name) <= _LONGEST else ""


def _last(repository: str) -> str:
    return repository.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git")


def references_in(helm: Mapping[str, Json]) -> frozenset[str]:
    """Return the references that options of a chart may name, as `$values/production.yaml`."""
    files = helm.get("valueFiles")
    parameters = helm.get("fileParameters")
    texts = [*(files if isinstance(files, list) else ())]
    texts += [each.get("path") for each in (parameters if isinstance(parameters, list) else ()) if isinstance(each, dict)]
    return frozenset(found[1] for text in texts if isinstance(text, str) and (found := _REFERENCE.match(text)))
