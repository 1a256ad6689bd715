"""Generate: ConfigMaps and Secrets from literals and files, and the hash that stands at the end of their names.

The hash is kustomize's to the last letter: the SHA-256 of the Go JSON of kind, data and, for a Secret, type, its first ten hexadecimal
digits with five of them replaced (api/hasher). Contents are in memory only; nothing of a Secret is ever in an error.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from holdfast.kit.canonical import Json
from holdfast.kubernetes.kustomize.spec import Generator, GeneratorOptions, SecretGenerator
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import Value, field_text, new, plain, text

Load = Callable[[str], bytes]
"""From a path beside the kustomization to what the file holds. Raises Trouble."""

_LETTERS: Final = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})
_LINE: Final = 70
_LONGEST_LINE: Final = 64 * 1024
_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def go_json(value: Json, indent: int | None = None) -> str:
    """Return JSON as Go's encoding/json writes it."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(value, sort_keys=True, separators=separators, ensure_ascii=False, indent=indent).translate(_ESCAPES)


def with_globals(options: GeneratorOptions | None, common: GeneratorOptions | None) -> GeneratorOptions | None:
    """Return a generator's options with those of `generatorOptions` behind them."""
    if common is None:
        return options
    own = options or GeneratorOptions()
    return replace(
        own,
        labels={**common.labels, **own.labels},
        annotations={**common.annotations, **own.annotations},
        disable_name_suffix_hash=own.disable_name_suffix_hash or common.disable_name_suffix_hash,
        immutable=own.immutable or common.immutable,
    )


def generate(generator: Generator, load: Load) -> Value:
    """Return the object that a generator makes. Raises Trouble."""
    is_secret = isinstance(generator, SecretGenerator)
    if not generator.name:
        raise Trouble("HF1709", f"a {'secret' if is_secret else 'configMap'}Generator has no name", "add name")
    made: dict[str, Value] = {"apiVersion": "v1", "kind": "Secret" if is_secret else "ConfigMap", "metadata": {"name": generator.name}}
    if generator.namespace:
        made["metadata"]["namespace"] = generator.namespace
    pairs = _unique(generator.name, _pairs(generator, load))
    if isinstance(generator, SecretGenerator):
        made["type"] = generator.type or "Opaque"
        made["data"] = {key: new(encoded(value)) for key, value in sorted(pairs.items())}
    else:
        set_data(made, pairs)
    options = generator.options or GeneratorOptions()
    for key, found in (("labels", options.labels), ("annotations", options.annotations)):
        if found:
            made["metadata"][key] = dict(sorted(found.items()))
    if options.immutable:
        made["immutable"] = True
    return made


def set_data(value: dict[str, Value], pairs: Mapping[str, bytes]) -> None:
    """Write the data of a ConfigMap: text, or base64 where it is no UTF-8."""
    for key, content in sorted(pairs.items()):
        try:
            value.setdefault("data", {})[key] = new(content.decode())
        except UnicodeDecodeError:
            value.setdefault("binaryData", {})[key] = encoded(content)
    if value.get("data") == {}:
        del value["data"]


def encoded(content: bytes) -> str:
    """Return base64, in lines of 70 characters where it has more than one."""
    code = base64.b64encode(content).decode()
    if len(code) < _LINE:
        return code
    return "".join(f"{code[at : at + _LINE]}\n" for at in range(0, len(code), _LINE))


def _unique(name: str, pairs: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for key, value in pairs:
        if key in found:
            raise Trouble("HF1709", f"the generator {name} has the key {key!r} twice", "keep one of the two")
        found[key] = value
    return found


def _pairs(generator: Generator, load: Load) -> Iterator[tuple[str, bytes]]:
    for path in (*generator.envs, *([generator.env] if generator.env else [])):
        yield from _of_env(path, load(path))
    for literal in generator.literals:
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise Trouble("HF1709", f"a literal of the generator {generator.name} is not key=value", "write - KEY=value")
        yield key, _unquoted(value).encode()
    for source in generator.files:
        key, path = file_source(source)
        yield key, load(path)


def file_source(source: str) -> tuple[str, str]:
    """Return the key and the path that an entry of `files` says. Raises Trouble."""
    key, equals, path = source.partition("=")
    if not equals:
        return source.rstrip("/").rpartition("/")[2] or source, source
    if not key or not path or "=" in path:
        raise Trouble(
            "HF1709", f"{source!r} is neither a path nor key=path", "a file whose name has a = in it is given a key by renaming it"
        )
    return key, path


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def _of_env(path: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    lines = content.split(b"\n")
    for index, line in enumerate(lines[:-1] if lines[-1] == b"" else lines):
        if len(line) > _LONGEST_LINE:
            raise Trouble("HF1709", f"line {index + 1} of {path} is longer than {_LONGEST_LINE:,} bytes")
        try:
            said = line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            raise Trouble("HF1709", f"line {index + 1} of {path} is not UTF-8") from None
        said = (said.removeprefix("\ufeff") if index == 0 else said).lstrip()
        if said and not said.startswith("#"):
            key, _, value = said.partition("=")
            yield key, value.encode()


def hashed(value: Value) -> str:
    """Return the suffix for the name of a ConfigMap, a Secret or another object."""
    kind = field_text(value.get("kind"))
    if kind == "ConfigMap":
        said = _said(value, kind, "binaryData")
    elif kind == "Secret":
        said = _said(value, kind, "stringData") | {"type": text(value.get("type", ""))}
    else:
        raise ValueError(f"no hash of a {kind}")
    return hashlib.sha256(go_json(said).encode()).hexdigest()[:10].translate(_LETTERS)


def _said(value: Value, kind: str, more: str) -> dict[str, Json]:
    data = value.get("data", "")
    # The name is read at `metadata/name`, a key that is never there: so it is empty, and the hash does not depend on it.
    said: dict[str, Json] = {"kind": kind, "name": "", "data": plain(data) if isinstance(data, dict) else text(data)}
    if isinstance(value.get(more), dict):
        said[more] = plain(value[more])
    return said
