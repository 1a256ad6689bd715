"""Text: bytes of a blob → text that a parser may see.

Used by yaml_reader and json_reader. Law: what passes is UTF-8 within the size limit and holds no NUL, no escape sequence and no lone
surrogate, so that a snippet of it can be shown on a terminal.
"""

from __future__ import annotations

import re

from holdfast.declare.document import Limits, pack, place, split_lines
from holdfast.errors import DeclarationError, Where

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""All but YAML's c-printable (YAML 1.2.2 §5.1)."""


def read_text(path: str, data: bytes, limits: Limits) -> str | DeclarationError:
    """Return the text of a blob without its byte order mark, or why it is none."""
    if len(data) > limits.bytes:
        return DeclarationError(
            "HF1003",
            f"cannot read {path}: it has {len(data):,} bytes, more than the {limits.bytes:,} that a declaration may have",
            where=[Where(path=path)],
            hint="split the file, or move data that is no declaration out of it",
        )
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        return _not_utf8(path, data, error.start)
    bad = _FORBIDDEN.search(text)
    return text if bad is None else _forbidden(path, text, bad.start())


def _not_utf8(path: str, data: bytes, at: int) -> DeclarationError:
    before = data[:at].decode("utf-8").removeprefix("\ufeff")
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return DeclarationError(
        "HF1001",
        f"cannot read {path}: byte 0x{data[at]:02x} is not UTF-8",
        where=[_end_of(path, before)],
        hint="it is UTF-16: save it as UTF-8" if utf16 else "save the file as UTF-8",
    )


def _forbidden(path: str, text: str, at: int) -> DeclarationError:
    name = "a NUL character" if text[at] == "\0" else f"the control character U+{ord(text[at]):04X}"
    return DeclarationError(
        "HF1002",
        f"cannot read {path}: {name} is not allowed in a text file",
        where=[_end_of(path, text[:at])],
        hint="remove the character; inside quotes it can be written as an escape",
    )


def _end_of(path: str, before: str) -> Where:
    """Return the place right after `before`, without a snippet: the line holds what must not be shown."""
    lines = split_lines(before)
    where = place(path, (), pack(len(lines) - 1, len(lines[-1])))
    return Where(path=path, line=where.line, column=where.column)
