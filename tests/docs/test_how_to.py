"""The how-to pages, each typed as it stands by a reader who has nothing yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.session import session
from tests.docs.tool import DOCS, ROOT
from tests.engines.docker_stage import NEEDS as DOCKER
from tests.engines.docker_stage import Dockerd
from tests.real.cluster import Cluster, running
from tests.real.docker_shop import clear
from tests.real.helm_program import folder_of_helm

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "curl", "node", "nginx", "redis-server", "redis-cli")]
OF_A_CLUSTER = ("app-of-apps", "hooks", "kubernetes", "projects")
ELSEWHERE = {"index", "docker", "helm", *OF_A_CLUSTER}
PAGES = sorted(path for path in (DOCS / "how-to").glob("*.md") if path.stem not in ELSEWHERE)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_recipe_can_be_typed_as_it_stands(path: Path) -> None:
    with session() as reader:
        reader.folder = ROOT
        reader.read(path.read_text())


def test_the_recipe_for_a_chart_can_be_typed() -> None:
    """Where a helm is on the path of the local configuration."""
    with session() as reader:
        reader.environment["HOLDFAST_PATH"] = f"{folder_of_helm()}:/usr/bin:/bin"
        reader.read((DOCS / "how-to" / "helm.md").read_text())


@pytest.mark.needs("docker", *DOCKER)
def test_the_recipe_for_a_docker_host_can_be_typed(dockerd: Dockerd) -> None:
    """On an engine of the tests' own, which has the image of the page."""
    dockerd.busybox("busybox:1.36")
    page = (DOCS / "how-to" / "docker.md").read_text()
    try:
        with session() as reader:
            reader.environment["DOCKER_HOST"] = dockerd.address
            reader.read(page.replace("unix:///var/run/docker.sock", dockerd.address))
    finally:
        clear(dockerd, "shop")


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane of the tests' own, whose pods are ready at once."""
    with running(tmp_path_factory.mktemp("cluster"), controllers=True) as started:
        yield started


@pytest.mark.parametrize("page", OF_A_CLUSTER)
def test_the_recipes_for_a_cluster_can_be_typed(cluster: Cluster, page: str) -> None:
    with session() as reader:
        folder = reader.home / ".kube"
        folder.mkdir()
        (folder / "config").write_bytes(cluster.kubeconfig.read_bytes())
        reader.read((DOCS / "how-to" / f"{page}.md").read_text())
