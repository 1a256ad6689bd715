"""The way to Helm repositories as this host is configured."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.host.config import Config
from holdfast.host.helm_credentials import HelmRepositories, repositories_path
from holdfast.host.reach import allowed_places
from holdfast.kit.clock import Clock, Random
from holdfast.source.chart.charts import Charts
from holdfast.source.chart.web import Web


def charts(config: Config, environ: Mapping[str, str], clock: Clock, random: Random) -> Charts:
    """Return the charts of all repositories, asked with what `helm repo add` keeps for the user that runs this."""
    return Charts(
        web=Web(allow_http=lambda url: "http" in config.allowed, may_reach=allowed_places(config.private_chart_hosts)),
        login=HelmRepositories(repositories_path(environ)).of,
        clock=clock,
        random=random,
        every_s=config.poll_interval_s,
    )
