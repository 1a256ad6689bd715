"""What a manifest needs of others."""

from __future__ import annotations

from holdfast.kit.canonical import Json
from holdfast.kubernetes.kind_order import rank
from holdfast.kubernetes.reference import Reference, definition_of, references


def test_a_workload_needs_what_its_pods_name() -> None:
    container: Json = {
        "name": "web",
        "envFrom": [{"configMapRef": {"name": "config"}}, {"secretRef": {"name": "maybe", "optional": True}}],
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "password", "key": "p"}}}],
    }
    volumes: Json = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "c", "configMap": {"name": "files"}}]
    pod: Json = {"serviceAccountName": "web", "containers": [container], "volumes": volumes, "imagePullSecrets": [{"name": "pull"}]}
    manifest: dict[str, Json] = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": pod}}}
    assert set(references(manifest, "shop")) == {
        Reference("Namespace", "", "shop"),
        Reference("ServiceAccount", "shop", "web"),
        Reference("Secret", "shop", "pull"),
        Reference("PersistentVolumeClaim", "shop", "data"),
        Reference("ConfigMap", "shop", "files"),
        Reference("ConfigMap", "shop", "config"),
        Reference("Secret", "shop", "password"),
    }


def test_a_binding_needs_its_role() -> None:
    group = "rbac.authorization.k8s.io"
    for kind, namespace in (("ClusterRole", ""), ("Role", "shop")):
        manifest: dict[str, Json] = {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "roleRef": {"kind": kind, "name": "r"}}
        assert Reference(f"{group}/{kind}", namespace, "r") in set(references(manifest, "shop"))


def test_a_definition_brings_a_kind() -> None:
    spec: Json = {"group": "example.com", "names": {"kind": "Thing"}}
    manifest: dict[str, Json] = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}
    assert definition_of(manifest) == ("example.com", "Thing")
    assert definition_of({"kind": "ConfigMap"}) == ("", "")


def test_the_order_of_kinds() -> None:
    assert rank("Namespace") < rank("CustomResourceDefinition") < rank("Deployment") < rank("APIService") < rank("Thing")
