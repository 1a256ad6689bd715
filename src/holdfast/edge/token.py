"""Token: nginx's own lexical rules (`ngx_conf_read_token`), both ways.

A word is bare or quoted. In both, `\\"`, `\\'` and `\\\\` stand for the second character and `\\t`, `\\r`, `\\n` for white space; any other
backslash stays. `#` begins a comment only where a word could begin, and `${` does not open a block. Law: `unquote(quote(value)) == value`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

GAP = r"(?:[ \t\r\n]++|\#[^\n]*+)*+"
"""Spaces and comments."""
TOKEN = re.compile(
    rf"""(?P<gap>{GAP})(?:
        (?P<mark>[;{{}}])
      | (?P<quoted>"(?:[^"\\]++|\\.)*+" | '(?:[^'\\]++|\\.)*+')
      | (?P<bare>(?:[^ \t\r\n;{{}}\#"'\\$]|\\.|\$\{{*+)(?:[^ \t\r\n;{{\\$]++|\\.|\$\{{*+)*+)
      | (?P<end>\Z)
    )""",
    re.VERBOSE | re.DOTALL,
)
AFTER_QUOTE = frozenset(" \t\r\n;{)")
"""What may follow a closing quote."""
LONGEST = 4000
"""Bytes of a word: nginx reads through a buffer of 4,096 and refuses a word that does not fit."""

_ESCAPE = re.compile(r"\\([\"'\\trn])")
_ESCAPED: Mapping[str, str] = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BARE = re.compile(r"\(?(?:\$[A-Za-z0-9_]+|[-A-Za-z0-9_./:=*~^@%+,!]+)\)?|\)")
"""Words that read the same with and without quotes: none of nginx's own characters, and a variable only as a whole."""


def unquote(word: str) -> str:
    """Return the value of a word as written."""
    if word[0] in "\"'":
        word = word[1:-1]
    return word if "\\" not in word else _ESCAPE.sub(lambda found: _ESCAPED[found[1]], word)


@lru_cache(maxsize=16_384)
def quote(value: str) -> str:
    """Return `value` as nginx reads it back: in double quotes unless it is plain.

    ValueError for a control character, which has no place in a configuration that is generated, and for a word too long for nginx.
    """
    if (found := _CONTROL.search(value)) is not None:
        raise ValueError(f"it holds the control character {found[0]!r}")
    if _BARE.fullmatch(value) is not None:
        word = value
    else:
        word = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if len(word) > LONGEST // 4 and (size := len(word.encode("utf-8", "surrogateescape"))) > LONGEST:
        raise ValueError(f"it takes {size:,} bytes, more than the {LONGEST:,} that nginx reads as one word")
    return word
