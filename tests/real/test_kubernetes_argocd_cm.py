"""What a committed argocd-cm says of health counts at once, for what did not move too."""

from __future__ import annotations

import json

import pytest
from tests.real.cluster import Cluster
from tests.real.kubernetes_apps import house_on, name_of, namespace

pytestmark = [pytest.mark.real, pytest.mark.controllers]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: {name} }}
spec:
  destination: {{ namespace: {name}, server: "https://kubernetes.default.svc" }}
  source: {{ repoURL: {repository}, targetRevision: main, path: . }}
  syncPolicy:
    automated: {{ prune: true, selfHeal: true }}
    syncOptions: [CreateNamespace=true]
"""


def customized(status: str) -> str:
    data = {
        "resource.customizations.health.ConfigMap": f"return {{status = obj.data.judged and '{status}' or 'Healthy', message = 'said'}}"
    }
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"}, "data": data})


def test_another_script_in_argocd_cm_is_heard_at_once(cluster: Cluster, request: pytest.FixtureRequest) -> None:
    """The commit changes argocd-cm alone; what it says of another object is shown though that did not move."""
    with house_on(cluster, name_of(request)) as house:
        house.file.write_text(APPLICATION.format(name=house.name, repository=house.repository))
        judged = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"judged": "yes"}})

        def health() -> str:
            found: str = house.resource(f"ConfigMap/{house.name}/one")["health"]
            return found

        house.well_at(house.commit("first", one_yaml=judged, argocd_yaml=namespace("argocd"), cm_yaml=customized("Healthy")))
        house.commit("another", cm_yaml=customized("Degraded"))
        house.until("it is Degraded", lambda: health() == "Degraded")
        house.commit("as before", cm_yaml=customized("Healthy"))
        house.until("it is Healthy", lambda: health() == "Healthy")
