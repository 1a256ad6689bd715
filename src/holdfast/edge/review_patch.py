"""Patch: edits of directives → a unified diff that `patch -p0` and `git apply -p0` take. Only the lines that change are written anew."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.edge.review_subject import Edit
from holdfast.edge.tree import Directive, File, Spelling, printable
from holdfast.edge.write import head, show

_CONTEXT = 3
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADER = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@\n")


@dataclass(frozen=True, slots=True)
class _Cut:
    """Characters `start` to `end` of a file, and what comes in their place."""

    start: int
    end: int
    text: str


def patch(edits: Sequence[Edit]) -> str:
    """Return the diff; empty where no edit is of a file."""
    return "".join(_file(file, sorted(found, key=lambda cut: cut.start)) for file, found in _cuts(edits).items())


def mend(several: Iterable[Sequence[Edit]]) -> Mapping[File, str]:
    """Return the text of each file with the edits made: of those that belong together all or none, of two that touch the first."""
    chosen: defaultdict[File, list[_Cut]] = defaultdict(list)
    for edits in several:
        cuts = _cuts(edits)
        if not any(_touches(cut, other) for file, found in cuts.items() for cut in found for other in chosen[file]):
            for file, found in cuts.items():
                chosen[file] += found
    return {file: _mended(file, sorted(found, key=lambda cut: cut.start)) for file, found in chosen.items() if found}


def _cuts(edits: Sequence[Edit]) -> Mapping[File, list[_Cut]]:
    cuts: defaultdict[File, list[_Cut]] = defaultdict(list)
    for edit in edits:
        if edit.old.spelling is not None:
            cuts[edit.old.spelling.file].append(_cut(edit, edit.old.spelling))
    return cuts


def _touches(one: _Cut, other: _Cut) -> bool:
    return one.start <= other.end and other.start <= one.end


def _mended(file: File, cuts: Sequence[_Cut]) -> str:
    text, at = "", 0
    for cut in cuts:
        text += file.text[at : cut.start] + cut.text
        at = cut.end
    return text + file.text[at:]


def _cut(edit: Edit, spelling: Spelling) -> _Cut:
    old = edit.old
    if not edit.new:
        return _removed(spelling)
    lead = _lead(spelling)
    if len(edit.new) == 1 and old.block is not None and edit.new[0].block is old.block:
        length = sum(map(len, spelling.words)) + sum(map(len, spelling.gaps[1:]))
        return _Cut(spelling.at, spelling.at + length, head(edit.new[0]))
    if edit.new[-1] is old:  # what stays is not written anew, so that an edit within it can go along
        return _Cut(spelling.at, spelling.at, "".join(_text(new, lead) + lead for new in edit.new[:-1]))
    if edit.new[0] is old:
        return _Cut(spelling.end, spelling.end, "".join(lead + _text(new, lead) for new in edit.new[1:]))
    return _Cut(spelling.at, spelling.end, lead.join(_text(new, lead) for new in edit.new))


def _text(new: Directive, lead: str) -> str:
    if new.spelling is not None and new.block is None:
        return f"{head(new)};"
    return lead.join(show([new]).splitlines())


def _lead(spelling: Spelling) -> str:
    """Return what comes between two directives on lines of their own, as this one has it."""
    start = spelling.file.text.rfind("\n", 0, spelling.at) + 1
    indent = spelling.file.text[start : spelling.at]
    return "\n" + indent if not indent.strip() else " "


def _removed(spelling: Spelling) -> _Cut:
    """Return the cut that takes a directive away, with its line where nothing else stands on it."""
    text = spelling.file.text
    start = text.rfind("\n", 0, spelling.at) + 1
    end = text.find("\n", spelling.end)
    end = len(text) if end < 0 else end + 1
    is_alone = not text[start : spelling.at].strip() and not text[spelling.end : end].strip()
    return _Cut(start, end, "") if is_alone else _Cut(spelling.at, spelling.end, "")


def _file(file: File, cuts: Sequence[_Cut]) -> str:
    shift = 0
    hunks: list[str] = []
    for group in _together(file, cuts):
        hunks += _hunks(file, group, shift)
        shift += sum(cut.text.count("\n") - file.text.count("\n", cut.start, cut.end) for cut in group)
    return f"--- {file.path}\n+++ {file.path}\n{''.join(hunks)}"


def _together(file: File, cuts: Sequence[_Cut]) -> Iterator[list[_Cut]]:
    """Yield groups of cuts whose lines and contexts touch; of two that overlap the first stands."""
    group: list[_Cut] = []
    for cut in cuts:
        if group and cut.start < group[-1].end:
            continue
        if group and file.line(cut.start) - file.line(group[-1].end) > 2 * _CONTEXT + 1:
            yield group
            group = []
        group.append(cut)
    if group:
        yield group


def _hunks(file: File, cuts: Sequence[_Cut], shift: int) -> Iterator[str]:
    """Yield the hunks of one group: a window of lines before and after."""
    text = file.text
    first = max(file.line(cuts[0].start) - _CONTEXT, 1)
    last = min(file.line(cuts[-1].end) + _CONTEXT, len(file.starts))
    begin = file.starts[first - 1]
    end = file.starts[last] if last < len(file.starts) else len(text)
    new, at = "", begin
    for cut in cuts:
        new += text[at : cut.start] + cut.text
        at = cut.end
    new += text[at:end]
    lines = difflib.unified_diff(_LINE.findall(text[begin:end]), _LINE.findall(new), n=_CONTEXT)
    for line in list(lines)[2:]:
        if (header := _HEADER.fullmatch(line)) is not None:
            yield f"@@ -{int(header[1]) + first - 1}{header[2] or ''} +{int(header[3]) + first - 1 + shift}{header[4] or ''} @@\n"
        else:
            yield printable(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
