"""Configuration files: from YAML to layers of `config`. Callers: `app`, and the command line where a file is there at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from holdfast.declare.document import Document, Path
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import UsageError, Where
from holdfast.host.config import KEYS, Config, Layer, Source, environment_layer, files, flag_layer, joined, resolve
from holdfast.kit.canonical import Json


def load(environ: Mapping[str, str], folder: str, flags: Mapping[str, Json] | None = None) -> Config:
    """Return the configuration as it stands for a command that runs in `folder`; UsageError with every fault of all layers."""
    layers = [flag_layer(**(flags or {})), environment_layer(environ)]
    layers += [layer for source, path in files(environ, folder) if (layer := read(source, path)) is not None]
    return resolve(layers)


def read(source: Source, path: str) -> Layer | None:
    """Return what a file says, None where there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError("HF8005", f"cannot read the configuration {path}: {error.strerror}", where=[Where(path=path)]) from error
    parsed = read_yaml(path, data, Dialect.CORE)
    if parsed.errors:
        raise joined([UsageError("HF8005", each.message, where=each.where, hint=each.hint) for each in parsed.errors])
    values: dict[str, Json] = {}
    places: dict[str, Where] = {}
    for document in parsed.documents:
        if not isinstance(document.value, dict):
            raise UsageError("HF8005", f"cannot read the configuration {path}: expected a mapping", where=[document.where(())])
        for keys, value in _leaves(document, (), document.value):
            name = ".".join(map(str, keys))
            values[name], places[name] = value, document.where(keys, key=True)
    return Layer(source=source, name=os.path.abspath(path), values=values, places=places)


def _leaves(document: Document, at: Path, value: dict[str, Json]) -> Iterator[tuple[Path, Json]]:
    """Yield every key that is one, or that is not known; groups of known keys are walked."""
    for name, inner in value.items():
        keys = (*at, name)
        is_group = any(known.startswith(".".join(map(str, keys)) + ".") for known in KEYS)
        if is_group and isinstance(inner, dict):
            yield from _leaves(document, keys, inner)
        else:
            yield keys, inner
