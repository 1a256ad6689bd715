"""What an import makes of Argo CD's objects: what is left out, what a file is called, and what the reader says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.delivery.import_argocd import LEFT_OUT, import_argocd, read_objects, tell
from holdfast.errors import DeclarationError

CONFORMANCE = Path(__file__).resolve().parents[1] / "conformance" / "argocd"
API = "argoproj.io/v1alpha1"
CLUSTERS = {"https://kubernetes.default.svc": "https://kubernetes.default.svc"}


def application(name: Any = "web", source: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    destination = {"server": "https://kubernetes.default.svc", "namespace": "web"}
    found = source or {"repoURL": "https://git.example.com/shop.git", "path": "web"}
    named = {"name": name, "namespace": "argocd", **metadata}
    return {"apiVersion": API, "kind": "Application", "metadata": named, "spec": {"destination": destination, "source": found}}


def test_what_the_cluster_writes_is_left_out_and_the_rest_stays() -> None:
    written = application(labels={"team": "shop"}, finalizers=["resources-finalizer.argocd.argoproj.io"])
    live = json.loads(json.dumps(written))
    live["metadata"] |= {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 2,
        "managedFields": [{}],
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    note = json.dumps({"spec": {"token": "hunter2"}})
    live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": note, "argocd.argoproj.io/refresh": "hard"}
    live |= {"status": {"health": {"status": "Healthy"}}, "operation": {"sync": {}}}
    (made,), passed_over = import_argocd([live])
    assert (made.manifest, made.path, made.flagged, passed_over) == (written, "web.yaml", (), ())
    assert made.left == ("an operation runs, or waits: it is left out",)


def test_tokens_of_roles_stay_in_the_cluster() -> None:
    roles = [{"name": "ci", "policies": ["p"], "jwtTokens": [{"iat": 1, "id": "abc"}]}]
    project: dict[str, Any] = {
        "apiVersion": API,
        "kind": "AppProject",
        "metadata": {"name": "shop"},
        "spec": {"roles": roles},
        "status": {"jwtTokensByRole": {}},
    }
    (made,), _ = import_argocd([project])
    assert made.manifest["spec"] == {"roles": [{"name": "ci", "policies": ["p"]}]}
    assert made.path == "project_shop.yaml"


@pytest.mark.parametrize(
    ("source", "clean", "flagged"),
    [
        ({"repoURL": "https://ci:hunter2@git/x"}, {"repoURL": "https://git/x"}, ["repoURL"]),
        ({"repoURL": "https://hunter2@git/x"}, {"repoURL": "https://git/x"}, ["repoURL"]),
        ({"repoURL": "git@git.example.com:x"}, {"repoURL": "git@git.example.com:x"}, []),
        ({"repoURL": "ssh://git@git/x"}, {"repoURL": "ssh://git@git/x"}, []),
        (
            {"helm": {"parameters": [{"name": "db.password", "value": "hunter2"}, {"name": "replicas", "value": "2"}]}},
            {"helm": {"parameters": [{"name": "db.password", "value": LEFT_OUT}, {"name": "replicas", "value": "2"}]}},
            ["helm.parameters[0].value"],
        ),
        (
            {"plugin": {"env": [{"name": "VAULT_TOKEN", "value": "hunter2"}]}},
            {"plugin": {"env": [{"name": "VAULT_TOKEN", "value": LEFT_OUT}]}},
            ["plugin.env[0].value"],
        ),
        (
            {"plugin": {"parameters": [{"name": "tokens", "array": ["hunter2"]}]}},
            {"plugin": {"parameters": [{"name": "tokens", "array": [LEFT_OUT]}]}},
            ["plugin.parameters[0].array[0]"],
        ),
        (
            {"helm": {"values": "db:\n  password: hunter2\n  user: app\n  secretName: db\n"}},
            {"helm": {"values": f"db:\n  password: {LEFT_OUT}\n  user: app\n  secretName: db\n"}},
            ["helm.values"],
        ),
        (
            {"helm": {"values": "key: |\n  -----BEGIN PRIVATE KEY-----\n  hunter2\n"}},
            {"helm": {"values": LEFT_OUT}},
            ["helm.values"],
        ),
        ({"helm": {"values": "password: |\n  hunter2\nuser: app\n"}}, {"helm": {"values": LEFT_OUT}}, ["helm.values"]),
        ({"helm": {"values": "db: {password: hunter2}\n"}}, {"helm": {"values": LEFT_OUT}}, ["helm.values"]),
        ({"helm": {"values": "user: app # of the shop\n"}}, {"helm": {"values": "user: app # of the shop\n"}}, []),
        ({"helm": {"values": "password: hunter2"}}, {"helm": {"values": f"password: {LEFT_OUT}"}}, ["helm.values"]),
        (
            {"helm": {"valuesObject": {"apiKey": 123, "secretName": "x", "passwordLength": 8, "withToken": True}}},
            {"helm": {"valuesObject": {"apiKey": LEFT_OUT, "secretName": "x", "passwordLength": 8, "withToken": True}}},
            ["helm.valuesObject.apiKey"],
        ),
    ],
)
def test_what_looks_like_a_secret_is_left_out_and_told(source: dict[str, Any], clean: dict[str, Any], flagged: list[str]) -> None:
    (made,), _ = import_argocd([application(source=source)])
    spec: Any = made.manifest["spec"]
    assert spec["source"] == clean
    assert made.flagged == tuple(f"spec.source.{each}" for each in flagged)
    assert "hunter2" not in json.dumps(made.manifest)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/x", ".hidden", "", None, "A", "a_b", "a" * 300, "a\nb", "-f"])
def test_a_name_that_no_file_could_have_makes_none(name: Any) -> None:
    made, (told,) = import_argocd([application(name)])
    assert made == ()
    assert told.endswith("it has no name that a file could have")


def test_no_two_objects_have_one_file() -> None:
    other = application("project")
    other["metadata"]["namespace"] = "teams"
    hidden = application("web")
    hidden["metadata"]["namespace"] = "project"
    project: dict[str, Any] = {"apiVersion": API, "kind": "AppProject", "metadata": {"name": "web", "namespace": "argocd"}, "spec": {}}
    made, passed_over = import_argocd([application(), project, application("project-web"), other, hidden, application()])
    assert [each.path for each in made] == ["project_web.yaml", "project-web.yaml", "project__web.yaml", "teams__project.yaml", "web.yaml"]
    assert [each.path for each in made if each.left] == ["project__web.yaml", "web.yaml"], "one name, two namespaces"
    assert passed_over == ("Application argocd/web: it is there twice",)


def test_what_is_made_by_somebody_else_says_by_whom() -> None:
    owner = [{"kind": "ApplicationSet", "name": "all"}]
    tracking = {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/web"}
    (made,), passed_over = import_argocd(
        [application(ownerReferences=owner, annotations=tracking), {"kind": "ApplicationSet", "apiVersion": API}]
    )
    assert [each.partition(":")[0] for each in made.left] == ["ApplicationSet all makes it", "Application root declares it in Git already"]
    assert "annotations" not in str(made.manifest)
    assert passed_over == ("ApplicationSet None: it makes Applications, which are there; ApplicationSets are not read yet",)


@pytest.mark.parametrize("form", ["documents", "list", "json"])
def test_files_are_read_as_kubectl_writes_them(form: str) -> None:
    items = [application("a"), application("b")]
    whole = {"apiVersion": "v1", "kind": "List", "items": items}
    texts = {"documents": yaml.safe_dump_all(items), "list": yaml.safe_dump(whole), "json": json.dumps(whole)}
    assert read_objects("x.json" if form == "json" else "x.yaml", texts[form].encode()) == items


def test_a_file_that_does_not_read_is_an_error_at_its_place() -> None:
    with pytest.raises(DeclarationError) as raised:
        read_objects("x.yaml", b"a: [")
    assert raised.value.where[0].path == "x.yaml"


def test_the_reader_tells_of_each_what_it_does_not_honour() -> None:
    def file(name: str) -> tuple[str, bytes]:
        return f"{name}.yaml", (CONFORMANCE / f"{name}.yaml").read_bytes()

    chart = yaml.safe_dump(application("redis", {"repoURL": "https://charts.example.com", "chart": "redis"})).encode()
    lost = application("lost")
    lost["spec"]["project"] = "nobody"
    given = [
        ("Application", *file("cluster")),
        ("AppProject", *file("project")),
        ("Application", "redis.yaml", chart),
        ("Application", "lost.yaml", yaml.safe_dump(lost).encode()),
    ]
    told = tell(given, CLUSTERS)
    assert (told["cluster.yaml"].warnings, told["cluster.yaml"].problems) == ((), ())
    assert [each.code for each in told["redis.yaml"].problems] == ["HF1102"]
    assert "nobody" in told["lost.yaml"].problems[0].message
    assert told["project.yaml"].warnings or told["project.yaml"].problems
