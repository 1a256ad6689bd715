"""An Application of several sources on a real API server: manifests of one repository, a chart of another, and its values of a third."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.helm_program import folder_of_helm
from tests.real.house import House
from tests.real.kubernetes_apps import config_map, house_on, live, name_of, until

from holdfast.testing.git_repository import GitRepository

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  sources:
    - {{ repoURL: {base}, targetRevision: main, path: deploy, name: base }}
    - repoURL: {chart}
      targetRevision: main
      path: chart
      name: chart
      helm: {{ valueFiles: [$values/production.yaml] }}
    - {{ repoURL: {values}, targetRevision: main, ref: values }}
  syncPolicy:
    automated: {{ prune: true, selfHeal: true }}
    syncOptions: [CreateNamespace=true]
"""
CHART = {
    "chart/Chart.yaml": "apiVersion: v2\nname: site\nversion: 1.0.0\n",
    "chart/values.yaml": "size: 1\n",
    "chart/templates/config.yaml": 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: chart }\ndata: { SIZE: "{{ .Values.size }}" }\n',
    "chart/templates/shared.yaml": config_map("shared", "chart"),
}


class Sources:
    def __init__(self, house: House) -> None:
        self.house = house
        self.base, self.chart, self.values = (GitRepository(house.folder / name) for name in ("base", "charts", "values"))
        house.file.write_text(APPLICATION.format(name=house.name, base=self.base.path, chart=self.chart.path, values=self.values.path))


@pytest.fixture
def it(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Sources]:
    with house_on(cluster, name_of(request)) as house:
        house.environ["HOLDFAST_PATH"] = f"{folder_of_helm()}:{house.environ.get('HOLDFAST_PATH', '/usr/bin:/bin')}"
        yield Sources(house)


def test_manifests_a_chart_and_its_values_of_three_repositories_are_one_application(cluster: Cluster, it: Sources) -> None:
    house = it.house

    def data(name: str) -> dict[str, Any]:
        found = live(cluster, f"/api/v1/namespaces/{house.name}/configmaps/{name}")
        return dict(found["data"]) if found else {}

    base = it.base.commit({"deploy/own.yaml": config_map("own"), "deploy/shared.yaml": config_map("shared", "base")})
    chart, values = it.chart.commit(CHART), it.values.commit({"production.yaml": "size: 3\n"})
    house.well_at(f"{base}+{chart}+{values}")
    assert (data("own"), data("chart"), data("shared")) == ({"GREETING": "hello"}, {"SIZE": "3"}, {"GREETING": "chart"})
    [repeated] = [each for each in house.application()["conditions"] if each["reason"] == "RepeatedResource"]
    assert "at base:deploy/shared.yaml" in repeated["message"]
    assert "at chart:chart/templates/shared.yaml" in repeated["message"]
    told = house.application()["sources"]
    assert [(each.get("name"), each.get("ref"), each["revision"]) for each in told] == [
        ("base", None, base),
        ("chart", None, chart),
        (None, "values", values),
    ]

    more = it.values.commit({"production.yaml": "size: 4\n"})
    house.well(f"{base}+{chart}+{more}")
    assert data("chart") == {"SIZE": "4"}

    [planned] = house.answer("plan", house.name, "--revision", f"values={values}", expect=2)["data"]["applications"]
    assert [each["id"] for each in planned["changes"]] == [f"ConfigMap/{house.name}/chart"]
    done = house.answer("rollback", house.name, "--to", f"{base}+{chart}+{values}")
    assert done["data"]["operation"]["phase"] == "Succeeded"
    assert data("chart") == {"SIZE": "3"}
    house.answer("resume", house.name)
    house.well(f"{base}+{chart}+{more}")

    before = house.newest()
    it.values.commit({"other.yaml": ""})
    failed = house.happened("render.failed", after=before)
    assert "there is no file production.yaml in source 'values'" in str(failed["data"])
    assert data("chart") == {"SIZE": "4"}, "what was rendered last stays in force"

    third, last = it.base.commit({"deploy/new.yaml": config_map("new")}), it.values.commit({"production.yaml": "size: 5\n"})
    house.well(f"{third}+{chart}+{last}")
    assert (data("chart"), data("shared"), data("new")) == ({"SIZE": "5"}, {"GREETING": "chart"}, {"GREETING": "hello"})
    until(lambda: not data("own"), "what no source says any more is pruned")
