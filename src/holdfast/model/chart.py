"""The address of one chart: a repository of its own, whose revisions are the chart's versions.

`helm+https://charts.example/stable#nginx` is the chart nginx of the Helm repository https://charts.example/stable, and
`helm+oci://registry.example/charts#nginx` the one at registry.example/charts/nginx, whose versions are tags. An Application says it
in two fields, repoURL and chart; the Git port, records and pages speak of one text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

PREFIX = "helm+"
LONGEST = 2048
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
_REPOSITORY = re.compile(rf"https?://{_HOST}(?::\d{{1,5}})?(?:/[A-Za-z0-9._~/@:+%=,!-]*)?")
_REGISTRY = re.compile(rf"(?:oci://)?({_HOST}(?::\d{{1,5}})?(?:/[a-z0-9._-]+)*)/?")
_LIKE_HOST = re.compile(r"localhost|.*[.:].*")
"""The first part of a name without a scheme, where it is a registry."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,249}")


class NoRepository(ValueError):
    """An address is that of no Helm repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartAddress:
    """A Helm repository, without a slash at its end, and the name of a chart in it."""

    repository: str
    chart: str

    @classmethod
    def of(cls, repository: str, chart: str) -> ChartAddress:
        """Read what an Application says; ValueError says what is wrong with it, NoRepository where it is the first."""
        registry = _REGISTRY.fullmatch(repository)
        is_registry = registry is not None and (repository.startswith("oci://") or bool(_LIKE_HOST.fullmatch(repository.partition("/")[0])))
        if not (is_registry or _REPOSITORY.fullmatch(repository)) or len(repository) > LONGEST:
            raise NoRepository("it is no address of a Helm repository or a registry")
        if not _NAME.fullmatch(chart):
            raise ValueError(f"{chart[:100]!r} is no name of a chart")
        return cls(repository=f"oci://{registry[1]}" if is_registry and registry else repository.rstrip("/"), chart=chart)

    @classmethod
    def parse(cls, text: str) -> ChartAddress:
        """Read the whole text of an address; ValueError where it is none."""
        repository, mark, chart = text.removeprefix(PREFIX).partition("#")
        if not is_chart(text) or not mark:
            raise ValueError("it is no address of a chart")
        return cls.of(repository, chart)

    @property
    def text(self) -> str:
        return f"{PREFIX}{self.repository}#{self.chart}"

    @property
    def subject(self) -> str:
        """For people."""
        return f"chart {self.chart} of {self.repository}"

    @property
    def is_registry(self) -> bool:
        """Whether it is in a registry of images, rather than behind an index."""
        return self.repository.startswith("oci://")

    @property
    def host(self) -> str:
        """Host, and port where one is written."""
        return urlsplit(self.repository).netloc


def is_chart(text: str) -> bool:
    """Say whether a repository's address is that of a chart."""
    return text.startswith(PREFIX)
