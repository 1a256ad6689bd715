"""The address of one chart: a repository of its own, whose revisions are the chart's versions.

`helm+https://charts.example/stable#nginx` is the chart nginx of the Helm repository https://charts.example/stable. An Application says it
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
        if not _REPOSITORY.fullmatch(repository) or len(repository) > LONGEST:
            raise NoRepository("it is no https:// address of a Helm repository")
        if not _NAME.fullmatch(chart):
            raise ValueError(f"{chart[:100]!r} is no name of a chart")
        return cls(repository=repository.rstrip("/"), chart=chart)

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
    def is_encrypted(self) -> bool:
        return self.repository.startswith("https://")

    @property
    def host(self) -> str:
        """Host, and port where one is written."""
        return urlsplit(self.repository).netloc


def is_chart(text: str) -> bool:
    """Say whether a repository's address is that of a chart."""
    return text.startswith(PREFIX)
