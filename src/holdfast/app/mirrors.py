"""The way to repositories, and to charts of Helm repositories, as this host is configured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from holdfast.app.registries import chart_registries
from holdfast.app.registry_charts import RegistryShelf
from holdfast.host.config import Config
from holdfast.host.helm_credentials import HelmRepositories, repositories_path
from holdfast.host.reach import allowed_places
from holdfast.kit.clock import Clock, Random
from holdfast.source.chart.charts import Charts
from holdfast.source.chart.shelf import HelmShelf
from holdfast.source.chart.web import Web
from holdfast.source.command import GitSettings
from holdfast.source.git import GitPolicy, MirroredGit


def mirrors(
    state: Path, config: Config, environ: Mapping[str, str], *, is_local: Callable[[str], bool], clock: Clock, random: Random
) -> MirroredGit:
    """Return the port that reads what Git may read: local folders that an operator named (`is_local`), the rest as the local configuration
    says. Helm repositories are asked with what `helm repo add` keeps for the user that runs this."""
    is_http = "http" in config.allowed
    policy = GitPolicy(allow_local=is_local, allow_http=lambda address: is_http, poll_s=config.poll_interval_s)
    web = Web(allow_http=lambda url: is_http, may_reach=allowed_places(config.private_chart_hosts))
    charts = Charts(
        repositories=HelmShelf(web, HelmRepositories(repositories_path(environ)).of),
        registries=RegistryShelf(chart_registries(config, environ, clock)),
        clock=clock,
        random=random,
        every_s=config.poll_interval_s,
    )
    settings = GitSettings(credential_helper=str(config.get("git.credential_helper")), environment=environ)
    return MirroredGit(state, clock=clock, random=random, policy=policy, settings=settings, charts=charts)
