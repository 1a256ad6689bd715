"""An Application whose source is a chart, on a real API server: rendered by a real helm for this cluster, followed, healed and pruned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.cluster import Cluster
from tests.real.helm_program import folder_of_helm
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, live, name_of, until

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  source:
    repoURL: {repository}
    targetRevision: main
    path: chart
    helm:
      valueFiles: [../prod.yaml]
      parameters: [{{ name: greeting, value: "hello, world" }}]
  syncPolicy:
    automated: {{ prune: true, selfHeal: true }}
    syncOptions: [CreateNamespace=true]
"""
CHART = "apiVersion: v2\nname: site\nversion: 1.0.0\n"
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {{ name: "{{{{ .Release.Name }}}}-config" }}
data:
  GREETING: {{{{ .Values.greeting | quote }}}}
  SIZE: {{{{ .Values.size | quote }}}}
  KUBERNETES: {{{{ .Capabilities.KubeVersion.Version | quote }}}}
  APPS: {{{{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}}}
  TRY: "{number}"
"""
HOOK = """\
apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { helm.sh/hook: "pre-install,pre-upgrade" } }
spec:
  template:
    spec: { restartPolicy: Never, containers: [{ name: run, image: "run:1" }] }
"""


@pytest.fixture
def house(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[House]:
    with house_on(cluster, name_of(request)) as house:
        house.environ["HOLDFAST_PATH"] = f"{folder_of_helm()}:{house.environ.get('HOLDFAST_PATH', '/usr/bin:/bin')}"
        house.file.write_text(APPLICATION.format(name=house.name, repository=house.repository))
        yield house


def commit(house: House, number: int, **files: str | None) -> str:
    return house.commit(
        f"number {number}",
        chart__Chart_yaml=CHART,
        chart__values_yaml="size: 1\n",
        chart__templates__config_yaml=CONFIG.format(number=number),
        chart__templates__hook_yaml=HOOK,
        prod_yaml="size: 3\n",
        **files,
    )


def test_a_chart_is_followed_as_manifests_are(cluster: Cluster, house: House) -> None:
    def data() -> dict[str, Any]:
        found = live(cluster, f"/api/v1/namespaces/{house.name}/configmaps/{house.name}-config")
        return found["data"] if found else {}

    house.well_at(commit(house, 1, chart__templates__more_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more }\n"))
    _, version = cluster.ask("GET", "/version")
    assert data() == {"GREETING": "hello, world", "SIZE": "3", "KUBERNETES": version["gitVersion"], "APPS": "true", "TRY": "1"}
    assert live(cluster, f"/apis/batch/v1/namespaces/{house.name}/jobs/migrate") is not None, "a hook of Helm is run as one of Argo CD"
    (config,) = [each for each in house.application()["resources"] if each["id"].endswith("-config")]
    assert config["origin"] == "chart/templates/config.yaml:1"

    house.well(commit(house, 2, chart__templates__more_yaml=None))
    assert data()["TRY"] == "2", "a template alone changed"
    until(lambda: live(cluster, f"/api/v1/namespaces/{house.name}/configmaps/more") is None, "what no template gives any more is pruned")

    cluster.ask("DELETE", f"/api/v1/namespaces/{house.name}/configmaps/{house.name}-config")
    until(lambda: data().get("TRY") == "2", "it is healed")

    before = house.newest()
    commit(house, 3, chart__templates__bad_yaml="{{ .Values.no.such }}\n")
    failed = house.happened("render.failed", after=before)
    assert "chart/templates/bad.yaml" in str(failed["data"])
    assert data()["TRY"] == "2", "what was rendered last stays in force"
