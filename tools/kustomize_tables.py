"""Write the tables of `holdfast.kubernetes.kustomize` anew from the Go module that `tests/kustomize/go.mod` pins.

Two files come of it: which lists of the built-in kinds are merged by which keys, and which kinds have no namespace (from the compiled
OpenAPI of kyaml); and which fields hold names, labels, images and so on (from kustomize's built-in configuration). Needs Go; run it when the
pinned version moves, and look at the difference.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
MODULE = ROOT / "tests" / "kustomize"
ROOM = ROOT / "src" / "holdfast" / "kubernetes" / "kustomize"
WIDTH = 138
GENERATED = "Written by tools/kustomize_tables.py from {source}; not by hand."


def module(name: str) -> tuple[Path, str]:
    """Return where a Go module lies, and its version."""
    told = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Dir}} {{.Version}}", f"sigs.k8s.io/kustomize/{name}"],
        cwd=MODULE,
        capture_output=True,
        text=True,
        check=True,
    )
    folder, version = told.stdout.split()
    return Path(folder), version


def short(definition: str) -> str:
    """Return `io.k8s.api.core.v1.PodSpec` as `core.v1.PodSpec`."""
    return ".".join(definition.split(".")[-3:])


class Schema:
    """The definitions of an OpenAPI document, without what no patch can reach."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self.definitions = definitions
        names = [short(name) for name in definitions]
        assert len(names) == len(set(names)), "two definitions would share a name"
        self.useful = self.reach()

    def reach(self) -> frozenset[str]:
        """Return the definitions below which a list is merged."""
        useful = {name for name, each in self.definitions.items() if any(merged(field) for field in each.get("properties", {}).values())}
        while True:
            more = {name for name, each in self.definitions.items() if name not in useful and self.leads(each, useful)}
            if not more:
                return frozenset(useful)
            useful |= more

    def leads(self, definition: Mapping[str, Any], useful: set[str]) -> bool:
        return any(reference(field) in useful for field in [*definition.get("properties", {}).values(), extra(definition)])

    def line(self, name: str) -> str:
        definition = self.definitions[name]
        fields = dict(definition.get("properties", {}))
        if extra(definition):
            fields["*"] = extra(definition)
        tokens = [token for field, schema in sorted(fields.items()) if (token := self.token(field, schema))]
        return " ".join([short(name), *tokens])

    def token(self, field: str, schema: Mapping[str, Any]) -> str | None:
        target = reference(schema)
        known = short(target) if target in self.useful else ""
        if merged(schema):
            return f"{field}={known}[{','.join(keys(schema))}]"
        if not known:
            return None
        return f"{field}[]{known}" if schema.get("type") == "array" else f"{field}:{known}"


def merged(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" and "merge" in str(schema.get("x-kubernetes-patch-strategy", "")).split(",")


def keys(schema: Mapping[str, Any]) -> list[str]:
    """Return what tells the items of a merged list apart; nothing where they are plain values."""
    one = schema.get("x-kubernetes-patch-merge-key")
    return list(schema.get("x-kubernetes-list-map-keys") or ([one] if one else []))


def reference(schema: Mapping[str, Any]) -> str:
    """Return the definition that a field, the items of a list or the values of a mapping have; empty where they have none."""
    inner = schema.get("items") or schema
    return str(inner.get("$ref", "")).removeprefix("#/definitions/")


def extra(definition: Mapping[str, Any]) -> Mapping[str, Any]:
    more = definition.get("additionalProperties")
    return more if isinstance(more, dict) else {}


def wrapped(lines: Iterator[str]) -> str:
    """Return lines, each continued by an indent where it is long."""
    return "\n".join(
        textwrap.fill(line, WIDTH, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False).replace("\\", "\\\\")
        for line in lines
    )


def schema_table() -> str:
    folder, version = module("kyaml")
    bundle = json.loads(gzip.decompress(next(folder.glob("openapi/kubernetesapi/data/*.json.gz")).read_bytes()))
    schema = Schema(bundle["definitions"])
    kinds = [each for each in bundle["resources"] if each.get("definition") in schema.useful]
    scopes = {f"{each['apiVersion']}/{each['kind']}": each["scope"] == "Cluster" for each in bundle["resources"] if each.get("scope")}
    named = list[str]()
    for version_, kind, namespaced in re.findall(
        r'\{APIVersion: "([^"]+)", Kind: "([^"]+)"\}:\s+(true|false)', (folder / "openapi" / "openapi.go").read_text()
    ):
        scopes[f"{version_}/{kind}"] = namespaced == "false"
        named += [f"{version_}/{kind}"] if namespaced == "true" else []
    floor = bundle["coverage"]["ceiling"]
    return f'''"""Schema table: which lists of the built-in kinds are merged by which keys, and which kinds have no namespace.

{GENERATED.format(source=f"the OpenAPI of Kubernetes {floor} in kyaml {version}")}
A definition a line: `field:D` a mapping, `field[]D` a list of such, `field=D[keys]` a list that is merged by its keys, `*` any other field.
"""

from __future__ import annotations

VERSION = "{floor}"

DEFINITIONS = """
{wrapped(schema.line(name) for name in sorted(schema.useful, key=short))}
"""

KINDS = """
{wrapped(f"{each['apiVersion']}/{each['kind']} {short(each['definition'])}" for each in kinds)}
"""

CLUSTER_SCOPED = """
{wrapped(iter([" ".join(sorted(name for name, alone in scopes.items() if alone))]))}
"""

NAMESPACED = """
{wrapped(iter([" ".join(sorted(named))]))}
"""
"""Kinds that kustomize knows to have a namespace without its OpenAPI."""
'''


def field_table() -> str:
    folder, version = module("api")
    consts: dict[str, str] = {}
    for path in (folder / "internal" / "konfig" / "builtinpluginconsts").glob("*.go"):
        consts |= dict(re.findall(r"(\w+FieldSpecs|\w+MetadataLabels)\s*=\s*((?:`[^`]*`|\w+|\s\+\s)+)", path.read_text()))
    text = {name: whole(name, consts) for name in consts}
    config: dict[str, Any] = {}
    for each in text.values():
        loaded = yaml.safe_load(each)
        if isinstance(loaded, dict):
            config |= loaded
    return f'''"""Field table: which fields hold names, namespaces, labels, images and replicas, before anybody configures more.

{GENERATED.format(source=f"the built-in configuration of kustomize {version}")}
A line is `[group/version/]kind path` with empty parts left out, `*` for every kind; `+` after the path: the field is made where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {{
{"".join(f'    "{name}": """{nl(lines(specs))}""",' + chr(10) for name, specs in sorted(config.items()) if name != "nameReference")}}}

NAME_REFERENCES = """
{nl(references(config["nameReference"]))}
"""
"""A kind that is referred to, and below it, by a blank, who refers to it where."""
'''


def whole(name: str, consts: Mapping[str, str]) -> str:
    return "".join(part[1:-1] if part.startswith("`") else whole(part, consts) for part in re.findall(r"`[^`]*`|\w+", consts[name]))


def lines(specs: list[Mapping[str, Any]]) -> Iterator[str]:
    for spec in specs:
        yield f"{kind_of(spec)} {spec['path']}{'+' if spec.get('create') else ''}"


def references(found: list[Mapping[str, Any]]) -> Iterator[str]:
    for each in found:
        yield kind_of(each)
        yield from (f" {line}" for line in lines(each["fieldSpecs"]))


def kind_of(spec: Mapping[str, Any]) -> str:
    parts = [str(spec.get(key, "")) for key in ("group", "version", "kind")]
    return "/".join(parts).lstrip("/") if any(parts[:2]) else parts[2] or "*"


def nl(found: Iterator[str]) -> str:
    return "\n".join(found).replace("\\", "\\\\")


def main() -> None:
    for name, text in (("schema_table", schema_table()), ("field_table", field_table())):
        (ROOM / f"{name}.py").write_text(text)
        print(f"wrote {name}.py: {text.count(chr(10))} lines", file=sys.stderr)


if __name__ == "__main__":
    main()
