"""YAML reader: bytes of a blob → documents with marks, and every error of the file.

libyaml scans and parses; what its events mean (tags, merge keys, aliases, limits) is decided here, so that nothing of PyYAML's constructors
ever runs. Neighbours: text (bytes), resolve (words), document (results). Laws: never raises for bad input; a broken document does not hide
the errors of the next one; no input produces more nodes than its size and the limits allow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import yaml
from yaml.cyaml import CSafeLoader
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from holdfast.declare.document import Document, Limits, Mark, Marks, Parsed, pack, place, split_lines
from holdfast.declare.resolve import Dialect, Unclear, resolve
from holdfast.declare.text import read_text
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.once import one_word

_DOCUMENT = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
"""At the start of a line this begins a document wherever it stands, even within a block of text (YAML 1.2.2 §9.1.2)."""
_SHORT: Final = 32
_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS: Mapping[str, tuple[type, ...]] = {
    _TAG + "str": (str,),
    _TAG + "int": (int,),
    _TAG + "float": (float, int),
    _TAG + "bool": (bool,),
    _TAG + "null": (type(None),),
}
_UNTAGGED = frozenset({None, "!"})
_MAPPING_TAGS = _UNTAGGED | {_TAG + "map"}
_SEQUENCE_TAGS = _UNTAGGED | {_TAG + "seq"}
_HINTS: Mapping[str, str] = {
    "mapping values are not allowed": "put a value that holds ': ' in quotes, or check the indentation",
    "unexpected document indicator": "a quote or bracket is opened and never closed",
    "unexpected end of stream": "a quote is opened and never closed",
    "cannot start any token": "put a value that begins with @, ` or % in quotes",
    "did not find expected key": "check the indentation, and the quotes of the line before",
    "did not find expected ',' or": "a bracket is opened and never closed, or a comma is missing",
    "could not find expected ':'": "a key needs ': ' after it",
    "did not find expected alphabetic": "put a value that begins with & or * in quotes",
}
DEFAULT: Final = Limits()


def read_yaml(
    path: str,
    data: bytes,
    dialect: Dialect,
    limits: Limits = DEFAULT,
    local_tags: frozenset[str] = frozenset(),
    *,
    last_key_wins: bool = False,
) -> Parsed:
    """Return the documents of a YAML file, empty ones left out, and all its errors. Never raises for bad input.

    `local_tags` are kept beside the values that bear them (compose's `!reset`); any other is an error. So is a key that stands twice,
    unless `last_key_wins`, for a file that other programs read so.
    """
    text = read_text(path, data, limits)
    if isinstance(text, DeclarationError):
        return Parsed(errors=(text,))
    reader = _Reader(path, text, dialect, limits, local_tags, last_key_wins)
    reader.read()
    return Parsed(tuple(reader.documents), tuple(reader.errors))


class _Abandon(Exception):
    """The rest of this document cannot be read."""


class _Anchor:
    """What an alias stands for; `value` only once it is complete."""

    __slots__ = ("height", "is_complete", "mark", "size", "value")

    def __init__(self) -> None:
        self.value: Json = None
        self.mark: Mark = 0
        self.size = 0
        self.height = 0
        self.is_complete = False


class _Reader:
    """One file in reading."""

    def __init__(self, path: str, text: str, dialect: Dialect, limits: Limits, local_tags: frozenset[str], last_key_wins: bool) -> None:
        self.path = path
        self.text = text
        self.lines = split_lines(text)
        self.dialect = dialect
        self.limits = limits
        self.local_tags = local_tags
        self.last_key_wins = last_key_wins
        self.tags: dict[int, str] = {}
        self.documents: list[Document] = []
        self.errors: list[DeclarationError] = []
        self.count = 0
        self.offset = 0
        self.base = 0
        """Offset and line that the parser counts from."""
        self.anchors: dict[str, _Anchor] = {}
        self.expanded = 0
        self.words: dict[str, Json] = {}
        """What short words stand for: one that comes again (`v1`, `ConfigMap`) is resolved and kept once."""

    def read(self) -> None:
        offset: int | None = 0
        while offset is not None and len(self.errors) < self.limits.errors:
            offset = self.read_from(offset)

    def read_from(self, offset: int) -> int | None:
        """Read documents until one is broken; return where the next one begins."""
        self.events = CSafeLoader(self.text[offset:] if offset else self.text)
        started = self.base
        try:
            self.next()
            while not isinstance(event := self.next(), StreamEndEvent):
                if isinstance(event, DocumentStartEvent):
                    started = self.mark(event) >> 32
                    if not self.document():
                        return None
        except yaml.YAMLError as error:
            self.errors.append(self.syntax_error(error))
        except _Abandon:
            pass
        else:
            return None
        finally:
            self.events.dispose()
        return self.next_document(started)

    def next_document(self, after: int) -> int | None:
        """Return the offset of the first `---` below line `after` and count lines from there."""
        line, seen = self.base, self.offset
        for match in _DOCUMENT.finditer(self.text, self.offset):
            line += len(split_lines(self.text[seen : match.start()])) - 1
            seen = match.start()
            if line > after:
                self.base, self.offset = line, seen
                return seen
        return None

    def document(self) -> bool:
        """Read one document; answer False where the file holds too many."""
        self.count += 1
        self.anchors = {}
        self.tags = {}
        self.expanded = 0
        event = self.next()
        if self.count > self.limits.documents:
            self.error("HF1012", f"more than {self.limits.documents:,} documents in one file", self.mark(event), "split the file")
            return False
        before = len(self.errors)
        value, mark = self.node(event, 1)
        self.next()
        if value is not None and len(self.errors) == before:
            marks = Marks(self.path, self.text, mark)
            self.documents.append(Document(self.path, value, marks, self.count - 1, self.tags))
        return True

    def next(self) -> Event:
        event = self.events.get_event()
        assert event is not None, "libyaml ends a stream with its end event"
        return event

    def mark(self, event: Event) -> int:
        start = event.start_mark
        assert start is not None, "libyaml marks every event"
        return (start.line + self.base) << 32 | start.column  # as `pack`, without the call: it is asked for every word

    def error(self, code: str, reason: str, mark: int, hint: str, *others: int) -> None:
        where = [place(self.path, self.lines, at) for at in (mark, *others)]
        self.errors.append(DeclarationError(code, f"cannot read {self.path}: {reason}", where=where, hint=hint))
        if len(self.errors) >= self.limits.errors:
            raise _Abandon

    def abandon(self, code: str, reason: str, mark: int, hint: str) -> _Abandon:
        self.error(code, reason, mark, hint)
        return _Abandon()

    def syntax_error(self, error: yaml.YAMLError) -> DeclarationError:
        if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
            return DeclarationError("HF1004", f"cannot read {self.path}: {error}", where=[Where(path=self.path)])
        marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
        if "quoted scalar" in (error.context or ""):
            marks.reverse()  # the mistake is the quote that opens, not the place where the file ran out
        # Two places help only where they stand on two lines.
        packed = {mark.line: pack(mark.line + self.base, mark.column) for mark in reversed(marks)}
        where = [place(self.path, self.lines, packed[line]) for line in dict.fromkeys(mark.line for mark in marks)]
        reason = " ".join(part for part in (error.problem, error.context) if part)
        hint = _hint(error.problem or "", where[0].snippet or "")
        return DeclarationError("HF1004", f"cannot read {self.path}: {reason}", where=where, hint=hint)

    def node(self, event: Event, depth: int) -> tuple[Json, Mark]:
        """Return the value that begins with `event`, and its mark."""
        if isinstance(event, ScalarEvent):
            value, mark = self.scalar(event), self.mark(event)
            if event.anchor is not None:
                self.complete(self.begin(event.anchor), value, mark)
            return value, mark
        if isinstance(event, AliasEvent):
            return self.alias(event, depth)
        if depth > self.limits.depth:
            raise self.too_deep(event)
        if isinstance(event, MappingStartEvent):
            return self.mapping(event, depth)
        return self.sequence(event, depth)

    def scalar(self, event: ScalarEvent) -> Json:
        tag, is_plain = event.tag, event.implicit[0]
        if tag in self.local_tags:
            self.tags[self.mark(event)] = str(tag)
            tag, is_plain = None, not event.style
        try:
            if tag is None and is_plain:
                return self.word(event.value)
            if tag is None:
                return str(event.value)
            if tag in {"!", _TAG + "str"}:
                return str(event.value)
            if tag not in _SCALAR_TAGS:
                self.refuse_tag(tag, event)
                return None
            value = resolve(event.value, self.dialect)
        except Unclear as unclear:
            self.error(unclear.code, str(unclear), self.mark(event), unclear.hint)
            return None
        if type(value) not in _SCALAR_TAGS[tag]:
            self.error("HF1014", f"{event.value!r} is no {_short(tag)}", self.mark(event), "remove the tag, or mend the value")
        return float(value) if isinstance(value, int) and tag == _TAG + "float" else value

    def word(self, word: str) -> Json:
        """Return what an unquoted word stands for. Raises Unclear."""
        if len(word) > _SHORT:
            return resolve(word, self.dialect)
        if word not in self.words:
            self.words[word] = resolve(word, self.dialect)
        return self.words[word]

    def refuse_tag(self, tag: str | None, event: Event) -> None:
        if tag in self.local_tags:
            self.tags[self.mark(event)] = str(tag)
            return
        tag = tag or "!"
        self.error("HF1008", f"the tag {_short(tag)} is not read here", self.mark(event), "write the plain value without a tag")

    def alias(self, event: AliasEvent, depth: int) -> tuple[Json, Mark]:
        """Return a copy of what the alias stands for; its mark is the original's, where a person must edit."""
        name = event.anchor or ""
        anchor = self.anchors.get(name)
        if anchor is None or not anchor.is_complete:
            reason = f"*{name} has no anchor before it" if anchor is None else f"*{name} stands within itself"
            self.error("HF1011", reason, self.mark(event), f"define it first as &{name}")
            return None, self.mark(event)
        if not anchor.size:
            anchor.size, anchor.height = _measure(anchor.value)
        if depth + anchor.height - 1 > self.limits.depth:
            raise self.too_deep(event)
        self.expanded += anchor.size
        if self.expanded > self.limits.expanded:
            reason = f"its aliases expand to more than {self.limits.expanded:,} values"
            raise self.abandon("HF1010", reason, self.mark(event), "write the values out, or use fewer aliases of aliases")
        return _copy(anchor.value), anchor.mark

    def too_deep(self, event: Event) -> _Abandon:
        return self.abandon("HF1009", f"nested deeper than {self.limits.depth} levels", self.mark(event), "flatten the document")

    def begin(self, name: str | None) -> _Anchor:
        anchor = _Anchor()
        if name is not None:
            self.anchors[name] = anchor
        return anchor

    def complete(self, anchor: _Anchor, value: Json, mark: Mark) -> None:
        anchor.value, anchor.mark, anchor.is_complete = value, mark, True

    def sequence(self, event: Event, depth: int) -> tuple[Json, Mark]:
        assert isinstance(event, SequenceStartEvent)
        if event.tag not in _SEQUENCE_TAGS:
            self.refuse_tag(event.tag, event)
        anchor = self.begin(event.anchor)
        values: list[Json] = []
        marks: list[Mark] = []
        while not isinstance(item := self.next(), SequenceEndEvent):
            value, mark = self.node(item, depth + 1)
            values.append(value)
            marks.append(mark)
        result: Mark = (self.mark(event), marks)
        self.complete(anchor, values, result)
        return values, result

    def mapping(self, event: MappingStartEvent, depth: int) -> tuple[Json, Mark]:
        if event.tag not in _MAPPING_TAGS:
            self.refuse_tag(event.tag, event)
        anchor = self.begin(event.anchor)
        values: dict[str, Json] = {}
        marks: dict[str, tuple[int, Mark]] = {}
        merges: list[tuple[int, Json, Mark]] = []
        while not isinstance(first := self.next(), MappingEndEvent):
            key_mark = self.mark(first)
            is_merge = self.dialect.merges and isinstance(first, ScalarEvent) and first.value == "<<" and first.implicit[0]
            key = "<<" if is_merge else self.key(first, depth)
            value, mark = self.node(self.next(), depth + 1)
            if is_merge:
                merges.append((key_mark, value, mark))
            elif key is not None and key in marks and not self.last_key_wins:
                self.error("HF1006", f"the key {key!r} stands twice", key_mark, "keep one of the two", marks[key][0])
            elif key is not None:
                values[key] = value
                marks[key] = (key_mark, mark)
        if merges:
            self.merge(values, marks, merges)
        result: Mark = (self.mark(event), marks)
        self.complete(anchor, values, result)
        return values, result

    def key(self, event: Event, depth: int) -> str | None:
        """Return a key, or None where it is no acceptable one."""
        known = len(self.errors)
        value = self.scalar(event) if isinstance(event, ScalarEvent) and event.anchor is None else self.node(event, depth + 1)[0]
        if isinstance(value, str) and len(value) <= self.limits.key:
            return one_word(value)  # the same few words, in thousands of documents
        mark = self.mark(event)
        if isinstance(value, str):
            self.error("HF1013", f"a key of {len(value):,} characters", mark, f"a key may have {self.limits.key:,}")
        elif len(self.errors) == known:
            snippet = place(self.path, self.lines, mark).snippet or ""
            # `y:` and `on:` surprise most people in the Kubernetes dialect, so the word is shown with what it reads as.
            read_as = f"{event.value!r} reads as {_kind_of(value)}" if isinstance(event, ScalarEvent) else f"not {_kind_of(value)}"
            self.error("HF1007", f"a key must be text: {read_as}", mark, _template(snippet) or "write the key in quotes")
        return None

    def merge(self, values: dict[str, Json], marks: dict[str, tuple[int, Mark]], merges: list[tuple[int, Json, Mark]]) -> None:
        """Fill in what `<<` brings: own keys win, then the earlier mapping (yaml.org/type/merge)."""
        for again, _, _ in merges[1:]:
            self.error("HF1006", "the key '<<' stands twice", again, "write <<: [*one, *two]", merges[0][0])
        key_mark, value, mark = merges[0]
        several = isinstance(value, list) and not isinstance(mark, int) and isinstance(mark[1], list)
        sources = zip(value, mark[1], strict=True) if several else [(value, mark)]  # type: ignore[arg-type,index]
        for source, source_mark in sources:
            if not isinstance(source, dict) or isinstance(source_mark, int) or not isinstance(source_mark[1], dict):
                self.error("HF1015", f"<< needs a mapping, not {_kind_of(source)}", key_mark, "write <<: *name of a mapping's anchor")
                continue
            for key in source:
                if key not in values:
                    values[key] = source[key]
                    marks[key] = source_mark[1][key]


def _short(tag: str) -> str:
    return tag.replace(_TAG, "!!")


def _template(snippet: str) -> str | None:
    return "this looks like a template: commit the rendered file, or quote the braces" if "{{" in snippet else None


def _hint(problem: str, snippet: str) -> str | None:
    if (template := _template(snippet)) is not None:
        return template
    if "\t" in snippet[: len(snippet) - len(snippet.lstrip())]:
        return "indent with spaces: YAML allows no tabs there"
    return next((hint for words, hint in _HINTS.items() if words in problem), None)


def _kind_of(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "text"
        case list():
            return "a list"
    return "a mapping"


def _measure(value: Json) -> tuple[int, int]:
    """Return how many values `value` is made of, and how many levels of lists and mappings."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if children is None:
        return 1, 0
    size, height = 1, 0
    for child_size, child_height in map(_measure, children):
        size += child_size
        height = max(height, child_height)
    return size, height + 1


def _copy(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
