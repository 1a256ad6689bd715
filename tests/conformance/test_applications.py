"""Applications and projects as others write them: each loads, or is refused with a precise reason; no field is passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conformance.given import cases_at

from holdfast.declare.hint import bare, element, is_spec, spec_fields, union
from holdfast.delivery.application import Context
from holdfast.delivery.application_spec import ApplicationSpec
from holdfast.delivery.project_spec import AppProjectSpec
from holdfast.delivery.reader import read_applications
from holdfast.errors import DeclarationError

FOLDER = Path(__file__).parent / "argocd"
ROOT = Path(__file__).parent.parent.parent
CASES = {
    f"{name} {case['key']}": case["input"]
    for name in ("health-argocd", "health-builtin")
    for case in map(json.loads, cases_at(name, "cases.jsonl").read_text().splitlines())
    if re.search(r"^kind: Application(Set)?$", case["input"], re.MULTILINE)
}
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.yaml") if "kind: Application" in path.read_text())
RENDER = Context(is_render=True)


def refusals(*files: Path | str, context: Context = RENDER) -> list[str]:
    """Return code, place and reason of each error, none where the files load."""
    texts = [(file.name, file.read_bytes()) if isinstance(file, Path) else ("case.yaml", file.encode()) for file in files]
    try:
        read_applications(texts, context)
    except DeclarationError as error:
        return [f"{each.code} {each.where[0]} {each.message.partition(': ')[2]}" for each in error.errors or (error,)]
    return []


@pytest.mark.parametrize("key", CASES)
def test_documents_of_argo_cd_are_refused_for_what_they_are(key: str) -> None:
    found = refusals(CASES[key])
    if "/ApplicationSet/" in key:
        assert found == ["HF1103 case.yaml:2:7 an ApplicationSet is not read yet"]
    elif key.startswith("health-builtin"):
        # Only a status: who it is and what it follows are missing.
        assert [text.partition(" ")[0] for text in found] == ["HF1022", "HF1102"]
    else:
        group, kind, *_ = key.split(" ")[1].split("/")
        assert found == [f"HF1103 case.yaml:2:7 {kind} of {group} is neither an Application nor an AppProject of argoproj.io"]


def test_there_are_cases() -> None:
    assert len(CASES) >= 8
    assert EXAMPLES


DESTINATIONS = dict.fromkeys(("compose-private-db", "compose-pm2"), "unix:///var/run/docker.sock")
"""Of examples that do not run on this host itself."""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_load_without_a_warning(path: Path) -> None:
    found = read_applications([(path.name, path.read_bytes())], Context(folders={path.name: str(path.parent)}))
    wanted = DESTINATIONS.get(path.parent.name, "host")
    assert [(each.destination, each.warnings) for each in found] == [(wanted, ())]


def test_an_application_for_a_cluster_is_refused_when_applied_and_stated_when_rendered() -> None:
    path = FOLDER / "cluster.yaml"
    assert refusals(path, context=Context()) == [
        (
            "HF1100 cluster.yaml:8:13 destination https://kubernetes.default.svc is a Kubernetes cluster, "
            "and the local configuration does not reach it"
        )
    ]
    (application,) = read_applications([(path.name, path.read_bytes())], RENDER)
    assert application.destination == "https://kubernetes.default.svc"
    assert [warning.reason for warning in application.warnings] == ["DestinationNotReached"]


def test_every_field_of_argo_cd_loads_or_is_told() -> None:
    text = (FOLDER / "application.yaml").read_text()
    project = (FOLDER / "project.yaml").read_text()
    assert refusals(text + "---\n" + project) == [
        "HF1155 case.yaml:160:3 it asks for signed commits, and signatures are not checked yet",
    ]
    unsigned = "\n".join(line for line in project.splitlines() if not line.lstrip().startswith(("signatureKeys", "sourceIntegrity")))
    (application,) = read_applications([("a.yaml", text.encode()), ("b.yaml", unsigned.encode())], Context())
    told = [warning.message.partition(" of ")[0] for warning in application.warnings]
    assert told == [
        "spec.ignoreDifferences",
        "spec.revisionHistoryLimit",
        "spec.syncPolicy.managedNamespaceMetadata",
        "spec.sourceHydrator",
        "spec.source",
        "spec.sources",
        "sync option PruneLast=true",
        "sync option RespectIgnoreDifferences=true",
        "spec.destinationServiceAccounts",
        "spec.permitOnlyProjectScopedClusters",
        "spec.roles",
        "spec.orphanedResources",
    ]
    followed = replace(application, warnings=(), annotation_places={})
    assert (followed.repository, followed.target_revision, followed.path) == ("https://github.com/example/dry", "env/prod", "web")


@pytest.mark.parametrize(("name", "spec_type"), [("application.yaml", ApplicationSpec), ("project.yaml", AppProjectSpec)])
def test_the_documents_hold_every_field_once(name: str, spec_type: type[Any]) -> None:
    """So that the test above speaks of all of them."""
    spec = yaml.safe_load((FOLDER / name).read_text())["spec"]
    assert known(spec_type) - set(written(spec_type, spec)) == set()


def inner_specs(hint: Any) -> Iterator[Any]:
    """Yield the spec types that a value of this field is made of."""
    for member in (bare(hint), *map(bare, union(bare(hint)))):
        inner = bare(element(member) or member)
        if is_spec(inner):
            yield inner


def known(spec_type: Any) -> set[tuple[str, str]]:
    """Return every field that may be written within `spec_type`: the name of its spec, and its key."""
    found = {(spec_type.__name__, key) for key in spec_fields(spec_type)}
    for item in spec_fields(spec_type).values():
        for inner in inner_specs(item.hint):
            found |= known(inner)
    return found


def written(spec_type: Any, value: Any) -> Iterator[tuple[str, str]]:
    for each in value if isinstance(value, list) else [value]:
        for key, item in spec_fields(spec_type).items():
            if key in each:
                yield spec_type.__name__, key
                for inner in inner_specs(item.hint):
                    yield from written(inner, each[key])
