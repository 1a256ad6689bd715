"""Child: what an Application found in another one's content may be. It widens nothing that an operator allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.delivery.test_project import project

from holdfast.delivery.application import Context
from holdfast.delivery.child import read_child, read_child_project
from holdfast.delivery.project import Project
from holdfast.delivery.project_spec import AppProjectSpec, ProjectDestination
from holdfast.errors import DeclarationError, Refused
from holdfast.model.resource import Origin

ORIGIN = Origin(path="apps/web.yaml", line=7, revision="c")
SERVER = "https://kubernetes.default.svc"
CONTEXT = Context(clusters={SERVER: SERVER}, local=frozenset({"/srv/shop"}))


def manifest(namespace: str = "argocd", **spec: Any) -> dict[str, Any]:
    whole = {"source": {"repoURL": "https://git.example/shop"}, "destination": {"server": SERVER, "namespace": "shop"}, **spec}
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    return {**head, "metadata": {"name": "web", "namespace": namespace}, "spec": whole}


def open_to(*namespaces: str) -> Project:
    anything = (ProjectDestination(server="*", namespace="*"),)
    return project(AppProjectSpec(source_repos=("*",), destinations=anything, source_namespaces=namespaces))


def test_it_is_an_application_whose_place_is_its_document() -> None:
    child = read_child(manifest(syncPolicy={"automated": {}}), ORIGIN, CONTEXT)
    assert (child.name, child.destination, child.origin, child.settings.automated) == ("web", SERVER, ORIGIN, True)
    assert child == read_child(manifest(syncPolicy={"automated": {}}), ORIGIN, CONTEXT)


@pytest.mark.parametrize(
    ("changed", "code", "is_refusal"),
    [
        ({"destination": {"server": "host://local"}}, "HF1156", True),
        ({"destination": {"server": "unix:///var/run/docker.sock"}}, "HF1156", True),
        ({"destination": {}}, "HF1156", True),
        ({"source": {"repoURL": "/srv/other"}}, "HF1152", False),
        ({"source": {"repoURL": "/srv/shop/../other"}}, "HF1152", False),
        ({"project": "nobodys"}, "HF1107", False),
        ({"sorce": {}}, "HF1020", False),
    ],
)
def test_what_is_refused_names_the_document(changed: dict[str, Any], code: str, is_refusal: bool) -> None:
    with pytest.raises(DeclarationError) as error:
        read_child(manifest(**changed), ORIGIN, CONTEXT)
    assert (error.value.code, isinstance(error.value, Refused)) == (code, is_refusal)
    assert str(error.value.where[0]) == "apps/web.yaml:7"
    assert ".json" not in error.value.message


def test_its_wave_is_its_place_in_the_parent_and_no_warning() -> None:
    annotations = {"argocd.argoproj.io/sync-wave": "1", "argocd.argoproj.io/refresh": "hard"}
    whole = manifest()
    whole["metadata"]["annotations"] = annotations
    told = [each.message for each in read_child(whole, ORIGIN, CONTEXT).warnings]
    assert [each for each in told if "sync-wave" in each] == []
    assert len([each for each in told if "refresh" in each]) == 1


def test_a_folder_that_an_operator_named_may_be_followed() -> None:
    assert read_child(manifest(source={"repoURL": "/srv/shop"}), ORIGIN, CONTEXT).sources[0].is_local


@pytest.mark.parametrize(("patterns", "is_permitted"), [((), False), (("team-*",), True), (("other",), False)])
def test_another_namespace_needs_its_project(patterns: tuple[str, ...], is_permitted: bool) -> None:
    context = replace(CONTEXT, projects={"web": open_to(*patterns)})
    asked = manifest(namespace="team-a", project="web")
    if is_permitted:
        assert read_child(asked, ORIGIN, context).project == "web"
        return
    with pytest.raises(DeclarationError) as error:
        read_child(asked, ORIGIN, context)
    assert error.value.code == "HF1158"


def test_another_namespace_is_not_permitted_where_nobody_declares_the_default_project() -> None:
    with pytest.raises(DeclarationError) as error:
        read_child(manifest(namespace="team-a"), ORIGIN, CONTEXT)
    assert error.value.code == "HF1158"


def test_a_project_of_an_operator_cannot_be_replaced() -> None:
    wide = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    written: dict[str, Any] = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "web"}, "spec": wide}
    assert read_child_project(written, ORIGIN, CONTEXT).permits_repository("https://git.example/shop")
    with pytest.raises(DeclarationError) as error:
        read_child_project(written, ORIGIN, replace(CONTEXT, projects={"web": open_to()}))
    assert error.value.code == "HF1157"
