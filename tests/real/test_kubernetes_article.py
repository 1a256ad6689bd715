"""The article's Application, as it stands, from a real repository to a real API server with its real controllers.

Only the address of the repository differs. Edits and deletions are healed, what Git no longer says is pruned, a bad manifest names its file
and line and holds nothing else up, a rollback is held, and real Deployments roll.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.cluster import Cluster
from tests.real.house import House
from tests.real.kubernetes_apps import house_on, live, until

pytestmark = [pytest.mark.real, pytest.mark.controllers]
ARTICLE = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: resilient-web
spec:
  destination:
    namespace: production
    server: https://kubernetes.default.svc
  source:
    repoURL: https://github.com/your-org/platform-infra
    targetRevision: main
    path: clusters/prod/web
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
"""
PLACE = "clusters/prod/web"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  replicas: 3
  selector: {{ matchLabels: {{ app: web }} }}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec:
      containers:
        - name: web
          image: {image}
          envFrom: [{{ configMapRef: {{ name: web }} }}]
          resources: {{ limits: {{ cpu: 1000m, memory: 128Mi }} }}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: { name: web }
data: { GREETING: hello }
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
"""
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: { name: production }
"""
API = "/apis/apps/v1/namespaces/production/deployments/web"
CORE = "/api/v1/namespaces/production"


@pytest.fixture(scope="module")
def house(cluster: Cluster) -> Iterator[House]:
    with house_on(cluster, "resilient-web") as house:
        house.file.write_text(ARTICLE.replace("https://github.com/your-org/platform-infra", str(house.repository)))
        put(house, "first", namespace=NAMESPACE, config=CONFIG, service=SERVICE, deployment=DEPLOYMENT.format(image="web:1"))
        house.up()
        yield house


def put(house: House, subject: str, **files: str | None) -> str:
    """Commit manifests into the article's path, each in a file of its name."""
    folder = house.repository / PLACE
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    return house.commit(subject)


def rolled_to(cluster: Cluster, image: str) -> bool:
    found = live(cluster, API)
    if found is None or found["spec"]["template"]["spec"]["containers"][0]["image"] != image:
        return False
    status = found.get("status", {})
    is_seen = bool(status.get("observedGeneration") == found["metadata"]["generation"])
    return is_seen and status.get("updatedReplicas") == 3 and status.get("availableReplicas") == 3


def test_it_comes_up_as_git_says(cluster: Cluster, house: House) -> None:
    until(lambda: rolled_to(cluster, "web:1"), "the first revision rolls")
    assert live(cluster, f"{CORE}/services/web") is not None
    house.well()


def test_an_edit_by_hand_is_healed(cluster: Cluster, house: House) -> None:
    cluster.ask("PATCH", f"{CORE}/configmaps/web", {"data": {"GREETING": "by hand"}}, kind="application/merge-patch+json")
    until(lambda: live(cluster, f"{CORE}/configmaps/web")["data"] == {"GREETING": "hello"}, "the edit is healed")  # type: ignore[index]


def test_a_deletion_by_hand_is_healed(cluster: Cluster, house: House) -> None:
    before = live(cluster, f"{CORE}/services/web")
    assert before is not None
    cluster.ask("DELETE", f"{CORE}/services/web")
    until(
        lambda: (it := live(cluster, f"{CORE}/services/web")) is not None and it["metadata"]["uid"] != before["metadata"]["uid"],
        "the Service is back",
    )


def test_replicas_of_an_autoscaler_are_its_own_business(cluster: Cluster, house: House) -> None:
    cluster.ask("PATCH", API, {"metadata": {"annotations": {"by": "others"}}}, kind="application/merge-patch+json")
    house.well()
    assert live(cluster, API)["metadata"]["annotations"]["by"] == "others"  # type: ignore[index]


def test_a_commit_rolls_and_what_git_forgets_is_pruned(cluster: Cluster, house: House) -> None:
    put(house, "second", deployment=DEPLOYMENT.format(image="web:2"), service=None)
    until(lambda: rolled_to(cluster, "web:2"), "the second revision rolls")
    until(lambda: live(cluster, f"{CORE}/services/web") is None, "the Service is pruned")


def test_a_bad_manifest_holds_nothing_else_up_and_names_its_place(cluster: Cluster, house: House) -> None:
    bad = "apiVersion: v1\nkind: Service\nmetadata: { name: bad }\nspec:\n  ports: [{ port: 99999 }]\n"
    put(house, "bad", bad=bad, config=CONFIG.replace("hello", "still here"))
    until(lambda: live(cluster, f"{CORE}/configmaps/web")["data"] == {"GREETING": "still here"}, "the good one is applied")  # type: ignore[index]
    failed = house.happened("change.failed")
    assert "99999" in str(failed["data"])
    assert "clusters/prod/web/bad.yaml:1" in str(failed["data"])
    told = house.application()
    assert told["sync"] == "OutOfSync"
    assert "99999" in told["message"]
    house.well(put(house, "mended", bad=None, config=CONFIG))


def test_a_kustomization_is_built(cluster: Cluster, house: House) -> None:
    built = "resources: [namespace.yaml, config.yaml, deployment.yaml]\nlabels: [{ pairs: { team: web } }]\n"
    house.well(put(house, "kustomized", kustomization=built))
    there = live(cluster, f"{CORE}/configmaps/web")
    assert there is not None
    assert there["metadata"]["labels"] == {"team": "web"}
    house.well(put(house, "plain again", kustomization=None))
    assert "labels" not in live(cluster, f"{CORE}/configmaps/web")["metadata"]  # type: ignore[index]


def test_a_rollback_is_held(cluster: Cluster, house: House) -> None:
    before = house.git("rev-parse", "HEAD")
    house.well(put(house, "third", deployment=DEPLOYMENT.format(image="web:3")))
    assert rolled_to(cluster, "web:3")
    house.run("rollback", "resilient-web", "--to", before, "--state", str(house.state))
    until(lambda: rolled_to(cluster, "web:2"), "it is rolled back")
    cluster.ask("PATCH", f"{CORE}/configmaps/web", {"data": {"GREETING": "by hand"}}, kind="application/merge-patch+json")
    until(lambda: live(cluster, f"{CORE}/configmaps/web")["data"] == {"GREETING": "hello"}, "it heals at the pinned revision")  # type: ignore[index]
    assert rolled_to(cluster, "web:2")
