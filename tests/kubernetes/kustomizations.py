"""Kustomizations by chance: a repository of a base, overlays and a component that use many features at once.

For the comparison with kustomize itself: `repository(random)` gives path → text. What is written is meant to be built; some of it cannot
be, and then both must say so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import yaml

NAMES = ("web", "api", "db", "cache")
NAMESPACES = ("", "", "prod", "default", "stage")
IMAGES = ("nginx", "nginx:1.25", "registry.local:5000/team/app:v1", "busybox@sha256:" + "a" * 64, "app")
WORDS = ("true", "5", "0644", "1.50", "1e3", "yes", "null", "~", "", "plain", "a: b", "héllo", "2001-01-01", "0x1F", "1_000", ".5")


@dataclass
class Chance:
    """Choices, all from one source."""

    random: Random

    def one(self, *of: Any) -> Any:
        return of[self.random.randrange(len(of))]

    def often(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    def some(self, *of: Any, share: float = 0.5) -> list[Any]:
        return [each for each in of if self.often(share)]

    def name(self) -> str:
        return str(self.one(*NAMES))

    def scalar(self) -> Any:
        return self.one(1, 0, 8080, True, False, 1.5, "text", "5", "true", "", "x y", -3)

    def pairs(self, *keys: str) -> dict[str, str]:
        return {key: str(self.one("a", "b", "1", "true", "long value")) for key in self.some(*keys) or [keys[0]]}


def _meta(chance: Chance, name: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name}
    if namespace := chance.one(*NAMESPACES):
        meta["namespace"] = namespace
    if chance.often():
        meta["labels"] = chance.pairs("app", "tier", "example.com/team")
    if chance.often(0.3):
        meta["annotations"] = {"note": chance.scalar(), **chance.pairs("owner")}
    return meta


def _pod(chance: Chance) -> dict[str, Any]:
    names = chance.some("main", "side", share=0.6) or ["main"]
    pod: dict[str, Any] = {"containers": [_container(chance, name) for name in names]}
    if chance.often(0.3):
        pod["initContainers"] = [_container(chance, "init")]
    if chance.often(0.5):
        pod["volumes"] = [
            {"name": "config", "configMap": {"name": chance.name(), "defaultMode": chance.one(420, "0644")}},
            *chance.some(
                {"name": "data", "persistentVolumeClaim": {"claimName": chance.name()}},
                {"name": "keys", "secret": {"secretName": chance.name()}},
                {"name": "empty", "emptyDir": {}},
            ),
        ]
    if chance.often(0.4):
        pod["serviceAccountName"] = chance.name()
    if chance.often(0.2):
        pod["imagePullSecrets"] = [{"name": chance.name()}]
    if chance.often(0.2):
        pod["tolerations"] = [{"key": "a", "operator": "Exists"}]
    if chance.often(0.2):
        pod["nodeSelector"] = None
    if chance.often(0.2):
        pod["affinity"] = {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "host"},
                ]
            }
        }
    return pod


def _container(chance: Chance, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "image": chance.one(*IMAGES)}
    if chance.often():
        made["env"] = [
            {"name": "A", "value": chance.one("1", "$(MY_VAR)", "x$(MY_VAR)y", "true")},
            *chance.some(
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": chance.name(), "key": "k"}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": chance.name(), "key": "k"}}},
            ),
        ]
    if chance.often(0.3):
        made["envFrom"] = [{"configMapRef": {"name": chance.name()}}, {"secretRef": {"name": chance.name()}}]
    if chance.often():
        made["ports"] = [
            {"containerPort": 8080, **({"protocol": "TCP"} if chance.often() else {}), **({"name": "http"} if chance.often() else {})},
            *chance.some({"containerPort": 8080, "protocol": "UDP"}, {"containerPort": 9090}, share=0.3),
        ]
    if chance.often(0.3):
        made["args"] = ["--a", "--host=$(MY_VAR)"]
    if chance.often(0.3):
        made["volumeMounts"] = [{"name": "config", "mountPath": "/etc/a"}, {"name": "data", "mountPath": "/data"}]
    if chance.often(0.3):
        made["resources"] = {"limits": {"cpu": chance.one(1, "500m", 0.5), "memory": "1Gi"}}
    return made


def _template(chance: Chance) -> dict[str, Any]:
    template: dict[str, Any] = {"spec": _pod(chance)}
    if chance.often(0.8):
        template["metadata"] = {"labels": chance.pairs("app", "tier")}
    return template


def deployment(chance: Chance, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = {"template": _template(chance)}
    if chance.often():
        spec["replicas"] = chance.one(1, 2, None)
    if chance.often(0.8):
        spec["selector"] = {"matchLabels": chance.pairs("app", "tier")}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _meta(chance, name), "spec": spec}


def stateful_set(chance: Chance, name: str) -> dict[str, Any]:
    made = deployment(chance, name) | {"kind": "StatefulSet"}
    made["spec"]["serviceName"] = chance.name()
    if chance.often():
        made["spec"]["volumeClaimTemplates"] = [
            {"metadata": {"name": "data"}, "spec": {"storageClassName": chance.name(), "resources": {"requests": {"storage": "1Gi"}}}}
        ]
    return made


def cron_job(chance: Chance, name: str) -> dict[str, Any]:
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": _template(chance)}}}
    return {"apiVersion": chance.one("batch/v1", "batch/v1beta1"), "kind": "CronJob", "metadata": _meta(chance, name), "spec": spec}


def service(chance: Chance, name: str) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": chance.one(8080, "http")}, *chance.some({"port": 443, "name": "https", "protocol": "TCP"})]
    spec = {"ports": ports, "selector": chance.pairs("app", "tier")}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(chance, name), "spec": spec}


def config_map(chance: Chance, name: str) -> dict[str, Any]:
    data = {"k": chance.one("v", "1", "true"), "j": '{"a": {"b": 1}, "c": [1, 2]}', "v": "$(MY_VAR)"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(chance, name), "data": dict(chance.some(*data.items(), share=0.7))}


def secret(chance: Chance, name: str) -> dict[str, Any]:
    more = chance.one({"stringData": {"p": "word"}}, {"data": {"p": "d29yZA=="}}, {"stringData": {"p": "x"}, "data": {"q": "eA=="}})
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _meta(chance, name), "type": "Opaque", **more}


def ingress(chance: Chance, name: str) -> dict[str, Any]:
    backend = {"service": {"name": chance.name(), "port": {"number": 80}}}
    rules = [{"host": f"{chance.name()}.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    spec = {"rules": rules, "ingressClassName": chance.name(), **({"tls": [{"secretName": chance.name()}]} if chance.often() else {})}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": _meta(chance, name), "spec": spec}


def autoscaler(chance: Chance, name: str) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": chance.one("Deployment", "StatefulSet"), "name": chance.name()}
    spec = {"scaleTargetRef": target, "maxReplicas": 3}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": _meta(chance, name), "spec": spec}


def role_binding(chance: Chance, name: str) -> dict[str, Any]:
    kind = chance.one("RoleBinding", "ClusterRoleBinding")
    subjects = [
        {"kind": "ServiceAccount", "name": each, **({"namespace": chance.one("prod", "default", "stage")} if chance.often() else {})}
        for each in chance.some("default", *NAMES[:2], share=0.6)
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": chance.one("Role", "ClusterRole"), "name": chance.name()}
    meta = _meta(chance, name)
    if kind == "ClusterRoleBinding":
        meta.pop("namespace", None)
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": meta, "subjects": subjects, "roleRef": role}


def role(chance: Chance, name: str) -> dict[str, Any]:
    kind = chance.one("Role", "ClusterRole")
    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [chance.name()], "verbs": ["get"]}]
    meta = _meta(chance, name)
    if kind == "ClusterRole":
        meta.pop("namespace", None)
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": meta, "rules": rules}


def service_account(chance: Chance, name: str) -> dict[str, Any]:
    made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(chance, chance.one(name, "default"))}
    return made | ({"secrets": [{"name": chance.name()}]} if chance.often(0.3) else {})


def claim(chance: Chance, name: str) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": chance.name()}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": _meta(chance, name), "spec": spec}


def namespace(chance: Chance, name: str) -> dict[str, Any]:
    meta = _meta(chance, chance.one("prod", name))
    meta.pop("namespace", None)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def definition(chance: Chance, name: str) -> dict[str, Any]:
    spec = {"group": "example.com", "names": {"kind": "Widget"}, "scope": chance.one("Namespaced", "Cluster")}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}.example.com"},
        "spec": spec,
    }


def widget(chance: Chance, name: str) -> dict[str, Any]:
    spec = {
        "list": [{"name": "a", "v": 1}, {"name": "b", "v": chance.scalar()}],
        "image": "nginx",
        "ref": {"name": chance.name()},
        "x": None,
    }
    if chance.often(0.3):
        spec["inner"] = deployment(chance, "inner")
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": _meta(chance, name), "spec": spec}


def webhook(chance: Chance, name: str) -> dict[str, Any]:
    kind = chance.one("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    hooks = [{"name": "a.example.com", "clientConfig": {"service": {"name": chance.name(), "namespace": chance.one("prod", "default")}}}]
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "webhooks": hooks}


def policy(chance: Chance, name: str) -> dict[str, Any]:
    spec = {"podSelector": {"matchLabels": {"app": "x"}}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "y"}}}]}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": _meta(chance, name), "spec": spec}


KINDS: tuple[Callable[[Chance, str], dict[str, Any]], ...] = (
    deployment, deployment, stateful_set, cron_job, service, service, config_map, config_map, secret, ingress, autoscaler, role_binding,
    role_binding, role, service_account, claim, namespace, definition, widget, webhook, policy,
)  # fmt: skip
OBJECTS = ("Deployment", "StatefulSet", "Service", "ConfigMap", "Secret", "Widget", "Ingress", "CronJob")


@dataclass
class Files:
    chance: Chance
    text: dict[str, str] = field(default_factory=dict)
    known: list[dict[str, Any]] = field(default_factory=list)
    """Objects that were written so far, as they stand in their files."""

    def write(self, path: str, *documents: Any) -> None:
        self.text[path] = "---\n".join(spelled(self.chance, each) for each in documents)


class _Dumper(yaml.SafeDumper):
    """Writes values in spellings that differ: quotes, nulls."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.chance = Chance(Random(0))

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    style = dumper.chance.one(None, None, None, '"', "'")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _null(dumper: _Dumper, value: None) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:null", dumper.chance.one("null", "~", ""))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(type(None), _null)


def spelled(chance: Chance, value: Any) -> str:
    seed = chance.random.randrange(1 << 16)

    class Seeded(_Dumper):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            self.chance = Chance(Random(seed))

    return yaml.dump(value, Dumper=Seeded, sort_keys=False, allow_unicode=True)


def _patch_body(chance: Chance, kind: str) -> dict[str, Any]:
    if kind in {"Deployment", "StatefulSet"}:
        container: dict[str, Any] = {"name": chance.one("main", "side", "new")}
        container |= dict(
            chance.some(
                ("image", "patched:2"),
                ("env", [{"name": chance.one("A", "B", "Z"), "value": chance.one("9", 9, True)}]),
                (
                    "ports",
                    [{"containerPort": chance.one(8080, 9090, 7), **({"protocol": chance.one("TCP", "UDP")} if chance.often() else {})}],
                ),
                ("args", ["--z"]),
                ("volumeMounts", [{"name": "data", "mountPath": chance.one("/data", "/new")}]),
                ("$patch", chance.one("delete", "replace", "merge")),
                ("resources", None),
                ("envFrom", []),
                share=0.25,
            )
        )
        pod: dict[str, Any] = {"containers": [container]}
        pod |= dict(
            chance.some(
                (
                    "volumes",
                    [
                        {
                            "name": chance.one("config", "data", "other"),
                            "emptyDir": {},
                            **chance.one({}, {"$patch": "replace"}, {"configMap": None}),
                        }
                    ],
                ),
                ("volumes", [{"$patch": chance.one("replace", "delete", "merge")}, {"name": "only", "emptyDir": {}}]),
                ("tolerations", [{"key": "b"}]),
                ("nodeSelector", chance.one({"disk": "ssd"}, None, {"$patch": "delete"})),
                ("imagePullSecrets", [{"name": "extra"}]),
                ("affinity", None),
                share=0.25,
            )
        )
        spec = {"template": {"spec": pod}}
        return {"spec": spec | dict(chance.some(("replicas", chance.one(3, "4", None)), ("selector", None), share=0.2))}
    if kind == "Service":
        port = {
            "port": chance.one(80, 443, 81),
            **chance.one({}, {"targetPort": 1}, {"protocol": "TCP"}, {"name": "https"}, {"$patch": "delete"}),
        }
        return {
            "spec": {
                "ports": chance.one([port], [port, {"port": 5}], None),
                **({"selector": {"tier": None, "x": "y"}} if chance.often() else {}),
            }
        }
    if kind == "ConfigMap":
        return {"data": chance.one({"k": None}, {"n": "w"}, {"k": chance.scalar()}, None, {"$patch": "replace", "z": "1"})}
    if kind == "Widget":
        return {
            "spec": {
                "list": chance.one([{"name": "a"}], None, []),
                "image": chance.scalar(),
                "inner": chance.one(None, {"a": 1, "b": None}),
            }
        }
    return {"spec": chance.one({"x": 1}, None, {"y": {"z": None}})} if chance.often() else {"x": chance.scalar()}


def _any_object(files: Files, *kinds: str) -> dict[str, Any]:
    """Return something that is likely there, of one of these kinds where there is one."""
    chance = files.chance
    candidates = [each for each in files.known if each["kind"] in (kinds or OBJECTS)] or files.known
    if chance.often(0.02):
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nobody"}}
    found: dict[str, Any] = chance.one(*candidates)
    return found


def _reference(found: dict[str, Any]) -> dict[str, Any]:
    meta = found["metadata"]
    return {"kind": found["kind"], "name": meta["name"], **({"namespace": meta["namespace"]} if "namespace" in meta else {})}


def _strategic(files: Files) -> dict[str, Any]:
    chance = files.chance
    found = _any_object(files)
    kind = found["kind"]
    meta: dict[str, Any] = {key: value for key, value in found["metadata"].items() if key in {"name", "namespace"}}
    if chance.often(0.3):
        meta["labels"] = chance.one({"patched": "1"}, {"app": None}, None, {"tier": chance.scalar()})
    if chance.often(0.3):
        meta["annotations"] = chance.one({"note": chance.scalar()}, {"note": None}, {"$patch": "replace", "new": "1"})
    patch = {"apiVersion": found["apiVersion"], "kind": kind, "metadata": meta, **_patch_body(chance, kind)}
    return patch | ({"$patch": "delete"} if chance.often(0.03) else {})


def _json_patch(chance: Chance, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return operations that are likely to apply to an object."""
    meta = found["metadata"]
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": "/metadata/annotations/json", "value": chance.one("text", "5")},
        {"op": "test", "path": "/kind", "value": found["kind"]},
        {"op": "add", "path": "/data", "value": {"added": "1", "none": None, "number": chance.scalar()}},
        {"op": "copy", "from": "/metadata/name", "path": "/copied"},
        {"op": "replace", "path": "/made", "value": chance.scalar()},
    ]
    if "labels" in meta:
        operations += [
            {"op": "add", "path": "/metadata/labels/json", "value": "1"},
            {"op": "add", "path": "/metadata/labels/example.com~1x", "value": "1"},
            {"op": "remove", "path": "/metadata/labels"},
        ]
    if "spec" in found:
        operations += [
            {"op": "replace", "path": "/spec/replicas", "value": chance.one(7, "8")},
            {"op": "move", "from": "/spec", "path": "/moved"},
        ]
    if found["kind"] in {"Deployment", "StatefulSet"}:
        operations += [
            {"op": "add", "path": "/spec/template/spec/containers/0/env", "value": [{"name": "J", "value": "1"}]},
            {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "json", "image": "nginx"}},
            {"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "first", "image": "app"}},
            {"op": "remove", "path": "/spec/template/spec/containers/-1/image"},
        ]
    chosen = chance.some(*operations, share=0.2) or [chance.one(*operations)]
    return [each for each in chosen if each["op"] != "move"] + [each for each in chosen if each["op"] == "move"]


def _selector(files: Files) -> dict[str, Any]:
    chance = files.chance
    found = _any_object(files)
    kind, name = found["kind"], found["metadata"]["name"]
    chosen: dict[str, Any] = chance.one(
        {"kind": kind},
        {"kind": kind, "name": name},
        {"kind": kind, "name": name},
        {"name": ".*e.*"},
        {"kind": "Deploy.*|Service", "name": "w.b"},
        {"labelSelector": chance.one("app", "app=a", "tier notin (a,b)", "app in (a, b),!tier", "app!=a")},
        {"annotationSelector": "note"},
        {"group": "apps", "version": "v1"},
        {"namespace": chance.one("prod", "default", "sta.*")},
        {"kind": kind, "labelSelector": "app"},
    )
    return chosen


def _patch(files: Files, folder: str, index: int) -> dict[str, Any]:
    chance = files.chance
    entry: dict[str, Any] = {}
    is_json = chance.often(0.35)
    found = _any_object(files)
    body: Any = _json_patch(chance, found) if is_json else _strategic(files)
    if is_json:
        entry["target"] = _reference(found) if chance.often(0.9) else _selector(files)
    elif chance.often(0.4):
        entry["target"] = _selector(files)
    if not is_json and chance.often(0.15):
        entry["options"] = chance.one(
            {"allowNameChange": True}, {"allowKindChange": True}, {"allowNameChange": True, "allowKindChange": True}
        )
    if chance.often():
        entry["patch"] = spelled(chance, body)
    else:
        entry["path"] = f"patch-{index}.yaml"
        files.write(f"{folder}/patch-{index}.yaml", body)
    return entry


def _generator(files: Files, folder: str, index: int, is_secret: bool) -> dict[str, Any]:
    chance = files.chance
    kind = "Secret" if is_secret else "ConfigMap"
    known = [each for each in files.known if each["kind"] == kind]
    made: dict[str, Any] = {"name": f"{chance.one(*NAMES)}-{len(files.text)}"}
    if known and chance.often(0.4):
        made = {key: value for key, value in chance.one(*known)["metadata"].items() if key in {"name", "namespace"}}
        made["behavior"] = chance.one("merge", "merge", "replace")
    elif chance.often(0.3):
        made["namespace"] = chance.one("prod", "stage")
    if chance.often(0.5):
        made["literals"] = chance.some("a=1", "b=x=y", "c='quoted'", 'd="é"', "e=", "k=new", "h=<&>") or ["a=1"]
    if chance.often(0.4):
        files.text[f"{folder}/file-{index}.txt"] = chance.one("one\ntwo\n", "", "x" * 200, "<b>&\u2028", "tab\there")
        made["files"] = chance.one([f"file-{index}.txt"], [f"named=file-{index}.txt"])
    if chance.often(0.3):
        files.text[f"{folder}/vars-{index}.env"] = '# comment\nX=1\n  Y=two words\nZ\n\nQ="q"\r\n'
        made[chance.one("envs", "envs", "env")] = [f"vars-{index}.env"]
        if "env" in made:
            made["env"] = made["env"][0]
    if chance.often(0.3):
        made["options"] = chance.one(
            {"disableNameSuffixHash": True}, {"labels": {"g": "1"}}, {"annotations": {"g": "1"}, "immutable": True}
        )
    if is_secret and chance.often(0.3):
        made["type"] = "kubernetes.io/tls"
    if "behavior" not in made:
        meta = {key: value for key, value in made.items() if key in {"name", "namespace"}}
        files.known.append({"apiVersion": "v1", "kind": kind, "metadata": meta, "data": {"k": "v"}})
    return made


def _field_path(chance: Chance) -> str:
    return str(
        chance.one(
            "metadata.name",
            "spec.replicas",
            "spec.template.spec.containers.[name=main].image",
            "spec.template.spec.containers.0.env.[name=A].value",
            "spec.template.spec.containers.*.image",
            r"metadata.labels.example\.com/team",
            "metadata.annotations.[example.com/made]",
            "metadata.labels.app",
            "data.k",
            "data.j.a.b",
            "data",
            "spec.selector",
            "spec.ports.0.port",
            "spec.list.[name=.*].v",
        )
    )


def _replacement(files: Files) -> dict[str, Any]:
    chance = files.chance
    source = _reference(_any_object(files))
    if chance.often(0.3):
        source = _reference(_any_object(files, "Deployment", "StatefulSet")) | {"fieldPath": "spec.template.spec.containers.0.image"}
        if chance.often(0.5):
            source["options"] = {"delimiter": chance.one(":", "e", "/"), "index": 0}
    found = _any_object(files)
    path = {"Deployment": _field_path(chance), "ConfigMap": chance.one("data.k", "data.j.a.b", "data"), "Service": "spec.ports.0.port"}
    target: dict[str, Any] = {
        "select": _reference(found) if chance.often(0.8) else _selector(files),
        "fieldPaths": [path.get(found["kind"]) or chance.one("metadata.name", "metadata.annotations.made", "spec.list.[name=.*].v")],
    }
    if chance.often(0.7):
        target["options"] = chance.one(
            {"create": True}, {"delimiter": ":", "index": chance.one(0, 1, 5, -1)}, {"create": True, "delimiter": "/"}
        )
    if chance.often(0.2):
        target["reject"] = [_selector(files)]
    made: dict[str, Any] = {"targets": [target]}
    return made | ({"source": source} if chance.often(0.7) else {"sourceValue": chance.one("5", "text", "true", "1.50")})


def _transformer(chance: Chance) -> dict[str, Any]:
    chosen: dict[str, Any] = chance.one(
        {"kind": "PrefixTransformer", "prefix": "tp-", "fieldSpecs": [{"path": "metadata/name"}]},
        {"kind": "SuffixTransformer", "suffix": "-ts", "fieldSpecs": [{"path": "metadata/name", "kind": "Service"}]},
        {"kind": "LabelTransformer", "labels": {"t": "1"}, "fieldSpecs": [{"path": "metadata/labels", "create": True}]},
        {"kind": "AnnotationsTransformer", "annotations": {"t": "1"}, "fieldSpecs": [{"path": "metadata/annotations", "create": True}]},
        {
            "kind": "NamespaceTransformer",
            "metadata": {"name": "x", "namespace": "tns"},
            "unsetOnly": chance.often(),
            "setRoleBindingSubjects": chance.one("allServiceAccounts", "none", "defaultOnly"),
            "fieldSpecs": [{"path": "metadata/name", "kind": "Namespace"}],
        },
        {"kind": "ImageTagTransformer", "imageTag": {"name": "nginx", "newTag": "t"}, "fieldSpecs": [{"path": "spec/image"}]},
    )
    return chosen | {"apiVersion": "builtin"}


def kustomization(files: Files, folder: str, resources: list[str], *, is_component: bool = False) -> None:
    """Write a kustomization of many features."""
    chance = files.chance
    made: dict[str, Any] = {"resources": resources} if resources else {}
    if is_component:
        made |= {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    share = 0.25

    def perhaps(key: str, value: Callable[[], Any], of: float = share) -> None:
        if chance.often(of):
            made[key] = value()

    perhaps("namespace", lambda: chance.one("prod", "stage", "other"))
    perhaps("namePrefix", lambda: chance.one("p-", "dev-"))
    perhaps("nameSuffix", lambda: chance.one("-s", "-v2"))
    perhaps("commonLabels", lambda: chance.pairs("app", "common"))
    perhaps("commonAnnotations", lambda: chance.pairs("note", "common"))
    perhaps("labels", lambda: [_label(chance) for _ in range(chance.one(1, 2))])
    perhaps("images", lambda: [_image(chance) for _ in range(chance.one(1, 2))])
    if any(each["kind"] in {"Deployment", "StatefulSet"} for each in files.known):
        perhaps(
            "replicas",
            lambda: [{"name": _any_object(files, "Deployment", "StatefulSet")["metadata"]["name"], "count": chance.one(0, 3)}],
            0.15,
        )
    perhaps("patches", lambda: [_patch(files, folder, index) for index in range(chance.one(1, 2, 3))], 0.5)
    perhaps("patchesStrategicMerge", lambda: [spelled(chance, _strategic(files)) for _ in range(chance.one(1, 2))])
    perhaps("patchesJson6902", lambda: [_legacy_json_patch(files)], 0.1)
    perhaps("configMapGenerator", lambda: [_generator(files, folder, index, False) for index in range(chance.one(1, 2))])
    perhaps("secretGenerator", lambda: [_generator(files, folder, 10, True)])
    perhaps("generatorOptions", lambda: chance.one({"disableNameSuffixHash": True}, {"labels": {"all": "1"}}, {"immutable": True}), 0.15)
    perhaps("replacements", lambda: [_replacement(files) for _ in range(chance.one(1, 2))], 0.25)
    perhaps("transformers", lambda: [spelled(chance, {"metadata": {"name": "t"}} | _transformer(chance))], 0.15)
    perhaps("buildMetadata", lambda: chance.some("originAnnotations", "transformerAnnotations", share=0.7) or ["originAnnotations"], 0.12)
    perhaps("sortOptions", lambda: chance.one({"order": "fifo"}, {"order": "legacy"}), 0.15)
    if chance.often(0.12):
        found = _any_object(files)
        reference = _reference(found) | {"apiVersion": found["apiVersion"]}
        path = {"Service": "spec.ports[0].port", "Deployment": "spec.template.spec.containers[0].image"}.get(found["kind"], "metadata.name")
        made["vars"] = [
            {"name": f"MY_VAR{'' if folder == 'top' else folder}", "objref": reference, **chance.one({}, {"fieldref": {"fieldpath": path}})}
        ]
    if chance.often(0.12):
        made["configurations"] = ["config.yaml"]
        files.write(f"{folder}/config.yaml", _configuration(chance))
    files.write(f"{folder}/kustomization.yaml", made)


def _legacy_json_patch(files: Files) -> dict[str, Any]:
    found = _any_object(files)
    group, _, version = found["apiVersion"].rpartition("/")
    target = {"version": version, "kind": found["kind"], "name": found["metadata"]["name"], **({"group": group} if group else {})}
    return {"target": target, "patch": spelled(files.chance, _json_patch(files.chance, found))}


def _configuration(chance: Chance) -> dict[str, Any]:
    options = {
        "images": [{"path": "spec/image", "kind": "Widget"}],
        "namePrefix": [{"path": "spec/ref/name", "kind": "Widget"}],
        "nameReference": [{"kind": chance.one("ConfigMap", "Service"), "fieldSpecs": [{"path": "spec/ref/name", "kind": "Widget"}]}],
        "commonLabels": [{"path": "spec/labels", "create": True, "kind": "Widget"}],
        "commonAnnotations": [{"path": "spec/annotations", "create": False, "kind": "Widget"}],
        "labels": [{"path": "spec/only", "create": True, "kind": "Widget"}],
        "varReference": [{"path": "data", "kind": "ConfigMap"}],
        "replicas": [{"path": "spec/count", "create": True, "kind": "Widget"}],
        "namespace": [{"path": "spec/ns", "create": True, "kind": "Widget"}],
    }
    return dict(chance.some(*options.items(), share=0.4))


def _label(chance: Chance) -> dict[str, Any]:
    made: dict[str, Any] = {"pairs": chance.pairs("app", "l")}
    for key in ("includeSelectors", "includeTemplates", "includeVolumeClaimTemplates"):
        if chance.often(0.3):
            made[key] = True
    if chance.often(0.2):
        made["fields"] = [{"path": "spec/extra", "kind": "Widget", "create": True}]
    return made


def _image(chance: Chance) -> dict[str, Any]:
    made: dict[str, Any] = {"name": chance.one("nginx", "registry.local:5000/team/app", "busybox", "app", "ng.*x")}
    return made | dict(
        chance.some(("newTag", "9.9"), ("newName", "other/name"), ("digest", "sha256:" + "b" * 64), ("tagSuffix", "-x"), share=0.4)
    )


def _objects(files: Files, count: int) -> list[dict[str, Any]]:
    """Return objects that are not there yet, whatever their namespace."""
    made: list[dict[str, Any]] = []
    while len(made) < count:
        each = files.chance.one(*KINDS)(files.chance, files.chance.name())
        if all((known["kind"], known["metadata"]["name"]) != (each["kind"], each["metadata"]["name"]) for known in files.known):
            files.known.append(each)
            made.append(each)
    return made


def repository(random: Random) -> dict[str, str]:
    """Return path → text; the folder `top` is what is to be built."""
    chance = Chance(random)
    files = Files(chance)
    resources = []
    for index in range(chance.one(2, 3, 4, 5)):
        objects = _objects(files, chance.one(1, 1, 2))
        path = f"r{index}.yaml"
        if chance.often(0.06):
            objects = [{"apiVersion": "v1", "kind": "List", "items": objects}]
        files.write(f"base/{path}", *objects)
        resources.append(path)
    kustomization(files, "base", resources)
    below = ["../base"]
    if chance.often(0.4):
        kustomization(files, "middle", below)
        below = ["../middle"]
    if chance.often(0.15):
        kustomization(files, "other", ["../base"])
        files.text["other/kustomization.yaml"] += (
            "nameSuffix: -other\n" if "nameSuffix" not in files.text["other/kustomization.yaml"] else ""
        )
        below += ["../other"]
    extra = []
    if chance.often(0.3):
        files.write("top/extra.yaml", *_objects(files, 1))
        extra = ["extra.yaml"]
    kustomization(files, "top", [*below, *extra])
    if chance.often(0.3):
        kustomization(files, "part", [], is_component=True)
        files.text["top/kustomization.yaml"] += "components: [../part]\n"
    return files.text
