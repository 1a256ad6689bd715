"""Which files hold Applications, and what they say: those that were given, else those in `applications/` beside a configuration file.

Reading is here, meaning is `delivery`'s. Nothing is changed by reading.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.app.cluster import Place, clusters, place
from holdfast.delivery.application import Applications, Context
from holdfast.delivery.reader import read_applications
from holdfast.errors import UsageError, Where
from holdfast.host.config import Config, files

BESIDE = "applications"
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationFiles:
    """`given` as the operator wrote it, relative to `folder`; empty: the applications folders of the configuration."""

    given: tuple[str, ...]
    folder: str
    config: Config
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    from_cluster: str | None = None
    """Cluster, and namespace perhaps, whose Application objects are followed beside the files; then there need be no file."""

    @property
    def place(self) -> Place | None:
        """Return whose objects are followed; UsageError (HF8061) where no such cluster is reached."""
        return place(clusters(self.config, self.environ), self.from_cluster) if self.from_cluster is not None else None

    def read(self, *, is_render: bool = False) -> Applications:
        """Return what all files say. Raises DeclarationError with every error of them, UsageError where there is nothing to read."""
        texts: list[tuple[str, bytes]] = []
        folders: dict[str, str | None] = {}
        for path in self.paths():
            shown = self._shown(path)
            try:
                texts.append((shown, path.read_bytes()))
            except OSError as error:
                raise UsageError(
                    "HF8024",
                    f"cannot read {shown}: {error.strerror}",
                    where=[Where(path=shown)],
                    hint="name a file that holds Applications",
                ) from error
            folders[shown] = str(path.parent)
        return read_applications(texts, self.context(folders, is_render=is_render))

    def context(self, folders: Mapping[str, str | None] | None = None, *, is_render: bool = False) -> Context:
        """Return for whom files are read; those that are not in `folders` were found in Git."""
        return Context(
            folders=folders or {},
            is_render=is_render,
            clusters=clusters(self.config, self.environ).names,
            prune_share=self.config.prune_share,
            prune_free=self.config.prune_free,
        )

    def paths(self) -> tuple[Path, ...]:
        """Return the files, absolute; UsageError (HF8022) where there is none."""
        found = tuple(dict.fromkeys(path for given in self._places() for path in _files_of(given)))
        if not found and self.from_cluster is None:
            raise UsageError(
                "HF8022",
                "cannot find an Application: no file was given, and no folder `applications` stands beside the configuration",
                hint="holdfast up -f application.yaml; `holdfast init` writes one",
            )
        return found

    def folders(self) -> tuple[Path, ...]:
        """Return the folders whose changes may concern these files."""
        places = [place if place.is_dir() else place.parent for place in self._places()]
        return tuple(dict.fromkeys(places))

    def _places(self) -> Iterator[Path]:
        if self.given:
            yield from (Path(os.path.abspath(os.path.join(self.folder, given))) for given in self.given)
            return
        for _, path in files(self.environ, self.folder):
            yield Path(path).parent / BESIDE

    def _shown(self, path: Path) -> str:
        """Return a path as a person reads it: from where the command runs, unless it lies elsewhere."""
        return os.path.relpath(path, self.folder) if path.is_relative_to(self.folder) else str(path)


def _files_of(place: Path) -> Iterator[Path]:
    """Yield a file, there or not; of a folder its files of Applications."""
    if place.name == BESIDE and not place.exists():
        return
    if place.is_dir():
        yield from sorted(path for path in place.iterdir() if path.suffix in SUFFIXES and path.is_file())
    else:
        yield place
