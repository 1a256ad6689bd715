"""What users say of kinds: the file of the local configuration, the ConfigMap that an Application applied, and a folder of rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.app.cluster import clusters
from holdfast.app.kubernetes import ARGOCD_CM, Customs, rules_of
from holdfast.errors import UsageError
from holdfast.host.config import Config, environment_layer, resolve
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.resource import Resource
from holdfast.model.state import State


def config(**settings: str) -> Config:
    return resolve([environment_layer({f"HOLDFAST_KUBERNETES_{name.upper()}": value for name, value in settings.items()})])


def argocd_cm(**data: Json) -> Resource:
    named = {f"resource.customizations.health.{kind}": script for kind, script in data.items()}
    return Resource(id=ARGOCD_CM, state=State.of({"data": named}))


def test_the_file_counts_before_what_was_applied_and_that_follows_git(tmp_path: Path) -> None:
    path = tmp_path / "cm.yaml"
    path.write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}, data: {resource.customizations.health.A: of the file}}")
    applied: list[Resource | None] = [None]

    def look(id: ResourceId) -> Resource | None:
        assert str(id) == "ConfigMap/argocd/argocd-cm"
        return applied[-1]

    customs = Customs(config(customizations=str(path)), look)
    assert (customs.said().of("A").health, customs.said().of("B").health) == ("of the file", None)
    applied.append(argocd_cm(A="of git", B="of git"))
    assert (customs.said().of("A").health, customs.said().of("B").health) == ("of the file", "of git")
    applied.append(argocd_cm(B="of a later commit"))
    assert customs.said().of("B").health == "of a later commit"
    applied.append(None)
    assert customs.said().of("B").health is None


@pytest.mark.parametrize("text", [None, "kind: Namespace\n", "a: [\n"])
def test_a_file_that_cannot_be_used_is_told_at_once(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "cm.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError) as refused:
        Customs(config(customizations=str(path)), lambda id: None)
    assert refused.value.code == "HF8071"


def thing(kind: str, group: str = "example.com") -> dict[str, Json]:
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "status": {"ready": True}}


def test_a_folder_of_rules_is_asked_before_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "example.com.yaml").write_text("Thing: [{cel: status.ready, is: [Healthy, mine]}]\n")
    (tmp_path / "cert-manager.io.yaml").write_text("Issuer: [Suspended]\n")
    (tmp_path / "_.wide.io.yaml").write_text("_: [Degraded]\n")
    (tmp_path / "README").write_text("no rule")
    rules = rules_of(config(rules=str(tmp_path)))
    assert rules.judge(thing("Thing"), 0.0) == Health(Status.HEALTHY, "mine")
    assert rules.judge(thing("Issuer", "cert-manager.io"), 0.0) == Health(Status.SUSPENDED)
    assert rules.judge(thing("Any", "a.wide.io"), 0.0) == Health(Status.DEGRADED)
    shipped = rules.judge(thing("Certificate", "cert-manager.io"), 0.0)
    assert shipped == Health(Status.PROGRESSING, "Waiting for certificate"), "a kind that the own file does not name"
    assert rules_of(config()).judge(thing("Issuer", "cert-manager.io"), 0.0) == Health(Status.PROGRESSING, "Initializing issuer")


def test_a_rule_that_cannot_be_read_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "example.com.yaml").write_text("Thing:\n- Healthy\n- {when: 'a ==', is: Healthy}\n")
    with pytest.raises(UsageError) as refused:
        rules_of(config(rules=str(tmp_path)))
    assert (refused.value.code, refused.value.where[0].line) == ("HF8072", 3)
    with pytest.raises(UsageError, match="No such file") as missing:
        rules_of(config(rules=str(tmp_path / "none")))
    assert missing.value.code == "HF8072"


def test_a_kubeconfig_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        clusters(config(kubeconfig=str(tmp_path / "nope")), {})
    assert raised.value.code == "HF8070"
    assert raised.value.message == f"cannot use '{tmp_path}/nope' for kubernetes.kubeconfig: No such file or directory"
