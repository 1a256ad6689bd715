"""What a user's argocd-cm says: its three forms, which of them counts, and what is told of what cannot be read."""

from __future__ import annotations

import pytest

from holdfast.kubernetes.customization import ActionScripts, Customization, Customizations, read_customizations, read_file

ACTIONS = """
mergeBuiltinActions: true
discovery.lua: |
  return {restart = {}}
definitions:
- name: restart
  action.lua: |
    return obj
"""


def keyed(data: dict[str, str]) -> Customizations:
    return read_customizations("cm.yaml", {**data})


def test_a_key_of_its_own_holds_the_script_of_a_kind() -> None:
    found = keyed(
        {
            "resource.customizations.health.cert-manager.io_Certificate": "return 1",
            "resource.customizations.health.ConfigMap": "return 2",
            "resource.customizations.ignoreDifferences.apps_Deployment": "jsonPointers: [/spec/replicas]",
            "url": "https://argocd.example.com",
        }
    )
    assert found.errors == ()
    assert dict(found.kinds) == {
        "cert-manager.io/Certificate": Customization(health="return 1"),
        "ConfigMap": Customization(health="return 2"),
    }
    assert found.of("apps/Deployment") == Customization()


def test_actions_are_yaml_within_a_key() -> None:
    found = keyed({"resource.customizations.actions.apps_Deployment": ACTIONS})
    scripts = ActionScripts(discovery="return {restart = {}}\n", definitions={"restart": "return obj\n"}, merges=True)
    assert found.of("apps/Deployment") == Customization(actions=scripts)


def test_the_older_form_knows_patterns_and_gives_way_to_names_and_newer_keys() -> None:
    found = keyed(
        {
            "resource.customizations": (
                '"*.example.com/*": {health.lua: wide}\na.example.com/Thing: {health.lua: older}\n'
                'b.example.com/Thing: {health.lua: exact}\n"b.example.com/*": {health.lua: late}\n'
            ),
            "resource.customizations.health.a.example.com_Thing": "newer",
        }
    )
    assert found.errors == ()
    assert {
        kind: found.of(kind).health for kind in ("a.example.com/Thing", "b.example.com/Thing", "b.example.com/Other", "example.org/Thing")
    } == {
        "a.example.com/Thing": "newer",
        "b.example.com/Thing": "exact",
        "b.example.com/Other": "wide",
        "example.org/Thing": None,
    }


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("resource.customizations", "a: [", "argocd-cm"),
        ("resource.customizations", "- a", "expected a mapping"),
        ("resource.customizations", "a/B: text", "expected a mapping"),
        ("resource.customizations.actions.apps_Deployment", "definitions: []", "discovery.lua is missing"),
        ("resource.customizations.actions.apps_Deployment", "discovery.lua: x\ndefinitions: [{name: a}]", "a name and action.lua"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_counts(key: str, text: str, words: str) -> None:
    found = keyed({key: text, "resource.customizations.health.a_B": "return 1"})
    assert found.errors
    assert words in " ".join(f"{error.message} {error.where}" for error in found.errors) or key == "resource.customizations"
    assert found.of("a/B").health == "return 1"


def test_a_file_holds_the_config_map_somewhere() -> None:
    data = "data: {resource.customizations.health.a_B: x}"
    text = f"kind: Namespace\n---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: argocd-cm}}, {data}}}\n"
    assert read_file("a.yaml", text.encode()).of("a/B").health == "x"
    assert [error.code for error in read_file("a.yaml", b"kind: Namespace\n").errors] == ["HF1680"]
    assert read_file("a.yaml", b"a: [").errors


def test_of_two_the_one_above_counts_for_each_thing_that_it_says() -> None:
    above = keyed({"resource.customizations.health.a_B": "above"})
    below = keyed({"resource.customizations.health.a_B": "below", "resource.customizations.actions.a_B": ACTIONS})
    both = above.over(below).of("a/B")
    assert both.health == "above"
    assert both.actions is not None
