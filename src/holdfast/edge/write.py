"""Write: a tree → text that nginx reads as the same tree.

What was parsed and not changed is written as it was, byte for byte; what is new or changed is written anew, words in double quotes unless
they are plain. Laws: `write(parse(data)) == data`; `parse(show(directives))` equals `directives`; no value can end its own word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast.edge.token import quote, unquote
from holdfast.edge.tree import Config, Directive, Spelling

INDENT = "    "


def write(config: Config) -> bytes:
    """Return the file, unchanged where the tree is; ValueError for a new value that no configuration may hold."""
    text = "".join(written(config.directives, 0)) + config.tail
    return text.encode("utf-8", "surrogateescape")


def show(directives: Sequence[Directive]) -> str:
    """Return directives in the form of this house, whatever they were written like: one a line, four spaces a level."""
    return "".join(f"{line}\n" for line in _lines(directives, 0))


def written(directives: Sequence[Directive], depth: int) -> Iterator[str]:
    """Yield the text of directives that stand `depth` blocks deep; new ones are put in line with their neighbours."""
    lead = _lead(directives, depth)
    for directive in directives:
        spelling = directive.spelling
        if spelling is None:
            yield from (lead + line for line in _lines((directive,), 0))
            continue
        yield from _words(directive, spelling)
        if directive.raw is not None:
            yield f"{{{directive.raw}}}"
        elif directive.block is None:
            yield ";"
        else:
            yield "{"
            yield from written(directive.block, depth + 1)
            yield spelling.close or ("" if _is_as_read(directive.block) else "\n" + INDENT * depth)
            yield "}"


def _lead(directives: Sequence[Directive], depth: int) -> str:
    """Return what stands before each directive on a line of its own: as the first neighbour that was read has it."""
    for directive in directives:
        if directive.spelling is not None and directive.spelling.at > 0:
            _, line_break, indent = directive.spelling.gaps[0].rpartition("\n")
            return line_break + (indent if not indent.strip() else "") if line_break else " "
    return "\n" + INDENT * depth


def _is_as_read(block: Sequence[Directive]) -> bool:
    return all(directive.spelling is not None for directive in block)


def head(directive: Directive) -> str:
    """Return name and arguments alone, without the spaces and comments before the name."""
    if directive.spelling is None:
        return " ".join(_shown(directive))
    return "".join(_words(directive, directive.spelling)).removeprefix(directive.spelling.gaps[0])


def _words(directive: Directive, spelling: Spelling) -> Iterator[str]:
    """Yield name and arguments; each in its old spelling where that still says the same."""
    values = (directive.name, *directive.args)
    for at, value in enumerate(values):
        is_old = at < len(spelling.words) and unquote(spelling.words[at]) == value
        yield spelling.gaps[at] if at < len(spelling.words) else " "
        yield spelling.words[at] if is_old else quote(value)
    yield spelling.gaps[-1]


def _lines(directives: Sequence[Directive], depth: int) -> Iterator[str]:
    indent = INDENT * depth
    for directive in directives:
        if directive.note is not None:
            yield f"{indent}# {' '.join(directive.note.split())}"
        head = indent + " ".join(_shown(directive))
        if directive.raw is not None:
            yield f"{head} {{{directive.raw}}}"
        elif directive.block is None:
            yield f"{head};"
        elif not directive.block:
            yield f"{head} {{ }}"
        else:
            yield f"{head} {{"
            yield from _lines(directive.block, depth + 1)
            yield f"{indent}}}"


def _shown(directive: Directive) -> Iterator[str]:
    """Yield the words; one that was read with a control character (a line break in a log format) keeps its spelling."""
    written = directive.spelling.words if directive.spelling is not None else ()
    for at, value in enumerate((directive.name, *directive.args)):
        try:
            yield quote(value)
        except ValueError:
            if at >= len(written) or unquote(written[at]) != value:
                raise
            yield written[at]
