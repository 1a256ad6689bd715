"""PM2 script: what an ecosystem file in JavaScript exported, as a document whose places lie in the script.

Used by pm2. host.javascript runs the script and answers with the JSON of what it exports, or with `failure` where it came to nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from holdfast.declare.document import Document, Mark, Marks, Parsed, pack, place, split_lines
from holdfast.declare.json_reader import read_json
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.path import name_of

FAILED = "holdfast.dev/failed"
"""The key of an answer that says why there is none."""


def failure(reason: str, line: int | None = None, column: int | None = None) -> bytes:
    """Return an answer that says why a script came to nothing; line and column count from 1."""
    return json.dumps({FAILED: reason, "line": line, "column": column}).encode()


def read_script(shown: str, data: bytes, answer: bytes) -> Parsed:
    """Return what the script `data` exported, or why it did not."""
    parsed = read_json(shown, answer)
    text = data.decode("utf-8", errors="replace")
    lines = split_lines(text)
    if parsed.errors:  # places in JSON that nobody ever saw
        return Parsed(errors=tuple(_replaced(error, place(shown, lines, 0)) for error in parsed.errors))
    (document,) = parsed.documents
    value = document.value
    if isinstance(value, dict) and FAILED in value:
        return Parsed(errors=(_failed(shown, lines, value),))
    return Parsed(documents=(Document(shown, value, Marks(shown, text, _marks(value, lines))),))


def not_run(shown: str, data: bytes, is_allowed: bool) -> DeclarationError:
    """Return why a script was not run at all."""
    lines = split_lines(data.decode("utf-8", errors="replace"))
    reason = "it was not run" if is_allowed else "the local configuration does not allow it to be run"
    return DeclarationError(
        "HF1130",
        f"cannot read {shown}: it is JavaScript, and {reason}",
        where=[place(shown, lines, 0)],
        hint="set allow.javascript in the local configuration, or convert it: "
        f"node -p 'JSON.stringify(require(\"./{name_of(shown)}\"), null, 2)' > ecosystem.config.json",
    )


def _replaced(error: DeclarationError, where: Where) -> DeclarationError:
    return DeclarationError(error.code, error.message, where=[where], hint="this is about what the script exports")


def _failed(shown: str, lines: tuple[str, ...], value: Mapping[str, Json]) -> DeclarationError:
    line, column = value.get("line"), value.get("column")
    mark = pack(line - 1, column - 1 if isinstance(column, int) and column > 0 else 0) if isinstance(line, int) and line > 0 else 0
    return DeclarationError(
        "HF1134",
        f"cannot read {shown}: {value[FAILED]}",
        where=[place(shown, lines, mark)],
        hint="it is run by node alone, without the network, the environment and installed modules; JSON or YAML need none of that",
    )


def _marks(value: Json, lines: tuple[str, ...]) -> Mark:
    """Return marks for what a script exported: an app is where its name stands, as well as that can be told."""
    if isinstance(value, list):
        return (0, [_app_mark(app, lines) for app in value])
    if isinstance(value, dict) and isinstance(apps := value.get("apps"), list):
        each: Mark = (0, [_app_mark(app, lines) for app in apps])
        return (0, {"apps": (0, each)})
    return _app_mark(value, lines)


def _app_mark(app: Json, lines: tuple[str, ...]) -> Mark:
    """Return the place of an app, which is that of its name or script, and of each field whose key stands before the next `name`."""
    if not isinstance(app, dict):
        return 0
    words = [re.compile(f"['\"`]{re.escape(word)}['\"`]") for word in (app.get("name"), app.get("script")) if isinstance(word, str)]
    start = next((found for word in words if (found := _find(word, lines, 0)) is not None), None)
    if start is None:
        return 0
    after = _find(re.compile(r"\bname['\"]?\s*:"), lines, (start >> 32) + 1)
    end = len(lines) if after is None else after >> 32
    fields: dict[str, tuple[int, Mark]] = {}
    for key in app:
        at = _find(re.compile(rf"(?<![\w'\"]){re.escape(key)}\b|['\"]{re.escape(key)}['\"]"), lines[:end], start >> 32)
        fields[key] = (start, start) if at is None else (at, at)
    return (start, fields)


def _find(pattern: re.Pattern[str], lines: tuple[str, ...], first: int) -> int | None:
    for number in range(first, len(lines)):
        if (found := pattern.search(lines[number])) is not None:
            return pack(number, found.start())
    return None
