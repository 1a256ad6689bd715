"""Schema: JSON Schema from specs, docstrings from source text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from holdfast.declare.schema import field_docs, json_schema
from holdfast.model.scalars import Argv, Duration, EnvName

SOURCE = '''
"""A module."""

@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How it is asked.

    A second
    paragraph: with a colon.
    """

    period: Duration = 10.0
    """Time between
    probes."""
    silent: bool = False

    def method(self) -> None:
        """Not a field's."""


class Other:
    value: Mapping[str, int] = field(default_factory=dict)
    """Of another class."""
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    period: Duration = 10.0
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What is wanted."""

    command: Argv
    env: Mapping[EnvName, str | int] = field(default_factory=dict)
    probe: Probe | None = None
    probes: tuple[Probe, ...] = (Probe(silent=True),)
    order: Literal["first", "last"] = "first"
    raw: object = None


def test_docstrings_below_fields_are_found() -> None:
    assert field_docs(SOURCE) == {
        "Probe": {"": "How it is asked.\n\nA second paragraph: with a colon.", "period": "Time between probes."},
        "Other": {"value": "Of another class."},
    }


def schema() -> dict[str, Any]:
    return json_schema("Process", "holdfast.dev/v1alpha1", Spec, field_docs(SOURCE))


def test_the_envelope_is_whole() -> None:
    whole = schema()
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert whole["description"] == "What is wanted."
    assert whole["required"] == ["apiVersion", "kind", "metadata", "spec"]
    assert whole["properties"]["apiVersion"] == {"const": "holdfast.dev/v1alpha1"}
    assert whole["properties"]["kind"] == {"const": "Process"}
    assert whole["properties"]["spec"] == {"$ref": "#/$defs/Spec"}
    assert sorted(whole["$defs"]) == ["Probe", "Spec"]


def test_fields_carry_shape_default_and_words() -> None:
    spec, probe = schema()["$defs"]["Spec"], schema()["$defs"]["Probe"]
    assert spec["required"] == ["command"]
    assert spec["additionalProperties"] is False
    assert spec["properties"]["command"]["minItems"] == 1
    assert spec["properties"]["env"]["additionalProperties"] == {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    assert spec["properties"]["env"]["propertyNames"]["pattern"] == "^(?:[A-Za-z_][A-Za-z0-9_]*)$"
    assert spec["properties"]["probe"] == {"anyOf": [{"$ref": "#/$defs/Probe"}, {"type": "null"}]}
    assert spec["properties"]["probes"]["default"] == [{"silent": True}]
    assert spec["properties"]["order"] == {"enum": ["first", "last"], "default": "first"}
    assert spec["properties"]["raw"] == {}
    assert probe["properties"]["period"] == {"type": ["string", "integer"], "description": "Time between probes.", "default": "10s"}
    assert probe["description"] == "How it is asked.\n\nA second paragraph: with a colon."
