"""`holdfast import argocd`: from files, and from a real API server that has Argo CD's kinds and its controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.daemon import Run, Runner
from tests.real.cluster import NOBODY, Cluster

API = "argoproj.io/v1alpha1"
GROUP = f"/apis/{API}/namespaces/argocd"
CONTROLLER = "/apis/apps/v1/namespaces/argocd/statefulsets"


def application(name: str = "web", **spec: Any) -> dict[str, Any]:
    source = {"repoURL": "https://ci:hunter2@git.example.com/shop.git", "path": "web", "targetRevision": "main"}
    said = {"project": "shop", "destination": {"server": "https://kubernetes.default.svc", "namespace": "web"}, "source": source, **spec}
    return {"apiVersion": API, "kind": "Application", "metadata": {"name": name, "namespace": "argocd"}, "spec": said}


PROJECT = {
    "apiVersion": API,
    "kind": "AppProject",
    "metadata": {"name": "shop", "namespace": "argocd"},
    "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}], "roles": [{"name": "ci"}]},
}


@pytest.fixture
def given(tmp_path: Path) -> Path:
    path = tmp_path / "live.yaml"
    items = [application(revisionHistoryLimit=3), PROJECT]
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}))
    return path


def test_files_are_printed_and_what_is_not_honoured_is_told(holdfast: Runner, given: Path) -> None:
    ran = holdfast("import", "argocd", "-f", str(given))
    assert ran.code == 0
    project, web = yaml.safe_load_all(ran.out)
    assert project == PROJECT
    assert web["spec"]["source"]["repoURL"] == "https://git.example.com/shop.git"
    assert "spec.revisionHistoryLimit of Application web is not honoured" in ran.err
    assert "spec.roles of AppProject shop is not honoured" in ran.err
    assert "spec.source.repoURL looks like a secret: its value was left out" in ran.err
    assert "kubectl -n argocd scale statefulset argocd-application-controller --replicas=0" in ran.err
    assert "hunter2" not in ran.out + ran.err


def test_what_was_written_is_read_by_our_own_reader(holdfast: Runner, given: Path, tmp_path: Path) -> None:
    ran = holdfast("import", "argocd", "-f", str(given), "--output", str(tmp_path / "apps"), "--json")
    assert (ran.code, ran.document["kind"]) == (0, "ImportedArgoCD")
    assert ran.data["written"] == [f"{tmp_path}/apps/project_shop.yaml", f"{tmp_path}/apps/web.yaml"]
    project, web = ran.data["files"]
    assert (project["state"], web["state"], web["flagged"], web["problems"]) == ("new", "new", ["spec.source.repoURL"], [])
    (warning,) = web["warnings"]
    line = int(warning.rpartition(":")[2].rstrip(")"))
    assert (tmp_path / "apps" / "web.yaml").read_text().splitlines()[line - 1].strip() == "revisionHistoryLimit: 3"
    again = holdfast("import", "argocd", "-f", str(tmp_path / "apps" / "web.yaml"), "--json")
    assert [each["text"].splitlines()[0] for each in again.data["files"]] == [f"apiVersion: {API}"]


def test_no_file_is_overwritten_unless_it_is_asked_for(holdfast: Runner, given: Path, tmp_path: Path) -> None:
    words = ("import", "argocd", "-f", str(given), "--output", str(tmp_path / "apps"))
    dry = holdfast(*words, "--dry-run", "--json")
    assert (dry.code, dry.data["written"], (tmp_path / "apps").exists()) == (0, [], False)
    assert holdfast(*words).code == 0
    file = tmp_path / "apps" / "web.yaml"
    written = file.read_text()
    assert holdfast(*words, "--json").data["written"] == []
    file.write_text("mine: true\n")
    (tmp_path / "apps" / "project_shop.yaml").unlink()
    refused = holdfast(*words, "--json")
    assert (refused.code, refused.data["code"]) == (5, "HF8060")
    assert not (tmp_path / "apps" / "project_shop.yaml").exists()
    assert [each["state"] for each in holdfast(*words, "--dry-run", "--json").data["files"]] == ["new", "changed"]
    assert file.read_text() == "mine: true\n"
    assert holdfast(*words, "--force", "--json").data["written"] == [f"{tmp_path}/apps/project_shop.yaml", str(file)]
    assert file.read_text() == written


def test_a_link_is_replaced_and_not_followed(holdfast: Runner, given: Path, tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "apps" / "web.yaml").symlink_to(tmp_path / "precious")
    words = ("import", "argocd", "-f", str(given), "--output", str(tmp_path / "apps"))
    assert holdfast(*words).code == 5
    assert holdfast(*words, "--force").code == 0
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "apps" / "web.yaml").is_symlink()


def test_what_cannot_be_followed_is_written_and_said(holdfast: Runner, tmp_path: Path) -> None:
    path = tmp_path / "live.yaml"
    path.write_text(
        yaml.safe_dump(application("redis", project="default", source={"repoURL": "ssh://c/x", "chart": "redis", "targetRevision": "1"}))
    )
    ran = holdfast("import", "argocd", "-f", str(path), "--json")
    (file,) = ran.data["files"]
    assert (ran.code, [each["code"] for each in file["problems"]]) == (0, ["HF1151"])
    assert "1 of them cannot be followed yet" in holdfast("import", "argocd", "-f", str(path)).err


def test_without_a_cluster_or_a_file_it_says_what_to_do(holdfast: Runner, tmp_path: Path) -> None:
    ran = holdfast("import", "argocd", "--json")
    assert (ran.code, ran.data["code"]) == (64, "HF8058")
    assert "kubectl get applications" in ran.data["hint"]
    missing = holdfast("import", "argocd", "-f", str(tmp_path / "none.yaml"), "--json")
    assert (missing.code, missing.data["code"]) == (64, "HF8059")
    (tmp_path / "bad.yaml").write_text("a: [")
    assert holdfast("import", "argocd", "-f", str(tmp_path / "bad.yaml"), "--json").code == 1


def definition(kind: str, plural: str) -> dict[str, Any]:
    """A definition that keeps whatever an object says, with a status of its own as Argo CD's has none."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.argoproj.io"},
        "spec": {"group": "argoproj.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def stateful_set(replicas: int) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "argocd-application-controller"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "controller", "image": "argocd:v3"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "argocd-application-controller", "labels": {"app.kubernetes.io/component": "application-controller"}},
        "spec": {"replicas": replicas, "serviceName": "controller", "selector": {"matchLabels": labels}, "template": pod},
    }


@pytest.mark.real
def test_a_cluster_is_asked_and_its_controller_is_looked_at(holdfast: Runner, cluster: Cluster, tmp_path: Path) -> None:
    def run(*words: str, token: str | None = None) -> Run:
        kubeconfig = tmp_path / "kubeconfig"
        text = cluster.kubeconfig.read_text()
        kubeconfig.write_text(text.replace("tests-admin", token) if token else text)
        return holdfast("import", "argocd", *words, "--json", environ={"HOLDFAST_KUBERNETES_KUBECONFIG": str(kubeconfig)})

    none = run()
    assert (none.code, none.data["code"]) == (64, "HF8058")
    for kind, plural in (("Application", "applications"), ("AppProject", "appprojects")):
        made = cluster.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(kind, plural))
        assert made[0] == 201
        cluster.wait("kube-apiserver", lambda plural=plural: cluster.ask("GET", f"/apis/{API}/{plural}")[0] == 200)
    assert cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "argocd"}})[0] == 201
    live = {**application(), "status": {"health": {"status": "Healthy"}}}
    for plural, item in (("applications", live), ("appprojects", PROJECT)):
        assert cluster.ask("POST", f"{GROUP}/{plural}", item)[0] == 201

    found = run()
    assert [each["path"] for each in found.data["files"]] == ["project_shop.yaml", "web.yaml"]
    assert set(yaml.safe_load(found.data["files"][1]["text"])) == {"apiVersion", "kind", "metadata", "spec"}
    assert set(yaml.safe_load(found.data["files"][1]["text"])["metadata"]) == {"name", "namespace"}
    assert "no controller of Argo CD was found in namespace argocd" in found.document["warnings"][-1]

    assert cluster.ask("POST", CONTROLLER, stateful_set(1))[0] == 201
    (controller,) = run().data["controllers"]
    assert (controller["kind"], controller["wanted"], controller["stopped"]) == ("StatefulSet", 1, False)
    stop = "kubectl -n argocd scale statefulset argocd-application-controller --replicas=0"
    assert controller["stop"] == stop
    assert stop in run().document["warnings"][-1]
    scaled = cluster.ask("PATCH", f"{CONTROLLER}/{controller['name']}", {"spec": {"replicas": 0}}, kind="application/merge-patch+json")
    assert scaled[0] == 200
    stopped = run()
    assert [each["stopped"] for each in stopped.data["controllers"]] == [True]
    assert not any("controller" in each for each in stopped.document["warnings"])
    assert run("--namespace", "elsewhere").data["files"] == []
    forbidden = run(token=NOBODY)
    assert (forbidden.code, forbidden.data["code"]) == (1, "HF3303")
