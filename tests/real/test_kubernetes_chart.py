"""An Application whose source is a chart of a Helm repository, on a real API server.

Its range is followed, forth and back, and a repository that is away or changes what it gave takes nothing down.
"""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.real.cluster import Cluster
from tests.real.helm_program import folder_of_helm
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, live, name_of, until

from holdfast.testing.helm_repository import HelmRepository

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  source:
    repoURL: {repository}
    chart: greeter
    targetRevision: 1.2.x
    helm: {{ valuesObject: {{ audience: world }} }}
  syncPolicy:
    automated: {{ prune: true, selfHeal: true }}
    syncOptions: [CreateNamespace=true]
"""
TEMPLATE = """\
apiVersion: v1
kind: ConfigMap
metadata: {{ name: greeting }}
data: {{ text: "{text} {{{{ .Values.audience }}}}" }}
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *what: object) -> None: ...


@contextmanager
def serving(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """Serve the files of a folder on loopback."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Shop:
    """A house whose Application follows a chart of a repository of its own."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder
        self.served = HelmRepository()

    def release(self, version: str, text: str, **more: str) -> None:
        self.served.release("greeter", version, {"templates/greeting.yaml": TEMPLATE.format(text=text), **more})
        self.publish()

    def publish(self) -> None:
        """Write what is served; the index last, and whole."""
        for name, data in self.served.archives.items():
            (self.folder / name).write_bytes(data)
        (self.folder / "new").write_bytes(self.served.index)
        (self.folder / "new").replace(self.folder / "index.yaml")


@pytest.fixture
def shop(cluster: Cluster, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    folder = tmp_path / "charts"
    folder.mkdir()
    with serving(folder) as server, house_on(cluster, name_of(request)) as house:
        house.environ["HOLDFAST_PATH"] = f"{folder_of_helm()}:{house.environ.get('HOLDFAST_PATH', '/usr/bin:/bin')}"
        house.environ |= {"HOLDFAST_ALLOW_HTTP": "true", "HOLDFAST_CHARTS_PRIVATE": "127.0.0.1", "HOLDFAST_POLL_INTERVAL": "1s"}
        house.file.write_text(APPLICATION.format(name=house.name, repository=f"http://127.0.0.1:{server.server_port}"))
        yield Shop(house, folder)


def test_a_range_of_a_chart_is_followed(cluster: Cluster, shop: Shop) -> None:
    house = shop.house
    path = f"/api/v1/namespaces/{house.name}/configmaps/greeting"

    def text() -> str:
        found = live(cluster, path)
        return str(found["data"]["text"]) if found else ""

    shop.release("1.2.0", "hello", **{"templates/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more }\n"})
    shop.release("2.0.0", "never")
    house.up()
    first = house.well()
    assert text() == "hello world"
    assert house.happened("revision.fetched")["data"]["ref"] == "1.2.0"

    shop.release("1.2.1", "hail")
    until(lambda: text() == "hail world", "the new version within the range is followed")
    second = house.well()
    assert second["revision"] != first["revision"]
    until(lambda: live(cluster, f"/api/v1/namespaces/{house.name}/configmaps/more") is None, "what it does not hold any more is pruned")
    (planned,) = house.answer("plan", house.name, "--revision", "1.2.0", expect=2)["data"]["applications"]
    assert planned["revision"] == first["revision"]
    assert {each["id"].rpartition("/")[2]: each["verb"] for each in planned["changes"]} == {"greeting": "update", "more": "create"}
    rendered = house.answer("render", "-f", str(house.file), "--revision", ">=2")
    assert "never world" in str(rendered)

    shop.served.withdraw("greeter", "1.2.1")
    shop.publish()
    until(lambda: text() == "hello world", "a version that is withdrawn is gone back from")
    assert house.well()["revision"] == first["revision"]

    before = house.newest()
    shop.release("1.2.0", "hostile")
    failed = house.happened("source.failed", after=before)
    assert failed["data"]["error"]["code"] == "HF4079"
    cluster.ask("DELETE", path)
    until(lambda: text() == "hello world", "what was fetched first stays in force")


def test_a_repository_that_is_away_takes_nothing_down(cluster: Cluster, shop: Shop) -> None:
    house = shop.house
    path = f"/api/v1/namespaces/{house.name}/configmaps/greeting"
    shop.release("1.2.0", "hello")
    house.up()
    house.well()
    before = house.newest()
    for file in shop.folder.iterdir():
        file.unlink()
    assert house.happened("source.failed", after=before)["data"]["error"]["code"] == "HF4072"
    house.end()
    house.up()
    cluster.ask("DELETE", path)
    until(lambda: live(cluster, path), "what was applied last is kept up without the repository")
    house.file.write_text(house.file.read_text().replace("1.2.x", "1.2.0").replace("audience: world", "audience: all"))
    until(lambda: (live(cluster, path) or {}).get("data", {}).get("text") == "hello all", "a version that is kept needs no repository")


def test_a_chart_is_rolled_back_and_held_until_a_newer_version(cluster: Cluster, shop: Shop) -> None:
    house = shop.house

    def text() -> str:
        found = live(cluster, f"/api/v1/namespaces/{house.name}/configmaps/greeting")
        return str(found["data"]["text"]) if found else ""

    shop.release("1.2.0", "hello")
    house.up()
    first = house.well()
    shop.release("1.2.1", "hail")
    until(lambda: text() == "hail world", "the new version is followed")
    house.well()
    house.run("rollback", house.name, "--to", first["revision"][:7], "--state", str(house.state))
    assert text() == "hello world"
    held = house.application()
    assert (held["revision"], held["pinned"], held["sync"]) == (first["revision"], True, "OutOfSync")
    house.end()
    house.up()
    cluster.ask("DELETE", f"/api/v1/namespaces/{house.name}/configmaps/greeting")
    until(lambda: text() == "hello world", "what is pinned is healed, after a restart too")
    shop.release("1.2.2", "welcome")
    until(lambda: text() == "welcome world", "a newer version ends the pin")
    assert not house.well()["pinned"]
