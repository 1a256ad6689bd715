"""Mend: the patches of a review, all of them put into the files. What no patch mends stays, and is found again."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.edge.capability import Capability
from holdfast.edge.parse import parse
from holdfast.edge.review import own_suspicions
from holdfast.edge.review_patch import mend
from holdfast.edge.tree import Config

ROUNDS = 24
"""Patches of one place are put in one after another; what never comes to an end is left."""


def mended(files: Mapping[str, Config], capability: Capability | None = None, rules: frozenset[str] | None = None) -> Mapping[str, bytes]:
    """Return the files that change, by their path in `files`; `rules`: only findings of these."""
    now = dict(files)
    changed: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        edits = [each.edits for each in own_suspicions(now, capability) if each.edits and (rules is None or each.rule in rules)]
        paths = {
            config.directives[0].spelling.file: path for path, config in now.items() if config.directives and config.directives[0].spelling
        }
        texts = {paths[file]: (file.path, text) for file, text in mend(edits).items() if text != file.text}
        if not texts:
            break
        for path, (shown, text) in texts.items():
            changed[path] = text.encode("utf-8", "surrogateescape")
            now[path] = parse(shown, changed[path])
    return changed
