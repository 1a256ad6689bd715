"""`holdfast pin`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.nginx_files import rewrite
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.errors import HoldfastError, UsageError, Where
from holdfast.kit.image_reference import ImageReference
from holdfast.workload.image_pin import Named, images_of, pinned

PENDING = 2
"""Exit code."""
ENDINGS = (".yaml", ".yml")
LARGEST = 8 << 20
MOST = 5_000
PASSED_OVER = frozenset({"node_modules"})


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file as it is: `shown` is its path for people."""

    path: str
    shown: str
    text: str
    images: tuple[Named, ...]


@page(
    "pin",
    document="Pinned",
    examples=(
        ("holdfast pin compose.yaml", "Write the digest behind the tag of every image that has none."),
        ("holdfast pin . --check", "Whether an image is not pinned, with the lines; for the checks of a repository."),
        ("holdfast pin compose.yaml --update", "Ask again for those that are pinned, and write what their tags are now."),
    ),
    exits={
        0: "done, or all were pinned; with --check: all are pinned",
        1: "a file cannot be read, or a registry said no",
        2: "--check: an image is not pinned",
        75: "a registry did not answer",
    },
    see=("render", "plan"),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--check", "is_check", is_flag=True, help="Write nothing; say by the exit code whether something is not pinned.")
@click.option("--update", "is_update", is_flag=True, help="Ask for the digests of pinned images too.")
@click.pass_obj
def command(call: Call, files: tuple[str, ...], is_check: bool, is_update: bool) -> int:
    """Write the digests of images into the files that name them, behind the tag: `nginx:1.27@sha256:…`. A tag can move, a digest cannot.

    FILE is a compose file, a Container, whatever of Kubernetes holds containers, or a folder: then every .yaml and .yml file below it.
    Only the images change; comments, blanks and quotes stay. An image with a variable is left alone and told; so is one that is built.
    Registries are asked with the credentials of `docker login`. Where one of them does not answer nothing is written.

    Document: Pinned {files[] {path, written, diff}, images[] {path, line, image, digest, was_pinned}, left[] {path, line, image, reason}}.
    """
    found = [*_read(call.folder, files)]
    wanted = [each for file in found for each in file.images if each.image is not None and (is_update or not each.is_pinned)]
    digests = _digests(call, [each.tagged for each in wanted if each.tagged is not None], found)
    rows: list[dict[str, Any]] = []
    for file in found:
        text = pinned(file.text, digests, is_update=is_update)
        is_changed = text != file.text
        rows.append({"path": file.shown, "written": is_changed and not is_check, "diff": "".join(_diff(file.shown, file.text, text))})
        if is_changed and not is_check:
            rewrite(file.path, text.encode(), code="HF8051")
    data: dict[str, Any] = {
        "files": rows,
        "images": [_image(file, each, digests) for file in found for each in file.images if each.image is not None],
        "left": [
            {"path": file.shown, "line": each.scalar.line, "image": each.scalar.value, "reason": each.reason}
            for file in found
            for each in file.images
            if each.image is None
        ],
    }
    warnings = [f"{each['path']}:{each['line']}: {each['image']} is not pinned: {each['reason']}" for each in data["left"]]
    call.terminal.answer("Pinned", data, lambda: _lines(data, is_check), warnings)
    return PENDING if is_check and any(row["diff"] for row in rows) else 0


def _read(folder: str, names: Sequence[str]) -> Iterator[File]:
    """Yield the files; UsageError (HF8050) for one that cannot be read, or that was named and is no YAML."""
    seen: set[str] = set()
    for name in names:
        path = os.path.normpath(os.path.join(folder, name))
        for each in _below(path) if os.path.isdir(path) else (path,):
            if each in seen:
                continue
            seen.add(each)
            if len(seen) > MOST:
                raise UsageError("HF8050", f"cannot read more than {MOST:,} files", hint="name fewer of them")
            shown = each if os.path.isabs(name) else os.path.relpath(each, folder)
            file = _file(each, shown, is_named=each == path)
            if file is not None:
                yield file


def _below(path: str) -> Iterator[str]:
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in PASSED_OVER)
        yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(ENDINGS))


def _file(path: str, shown: str, *, is_named: bool) -> File | None:
    """Return a file; one of a folder that is no YAML (a template, say) is passed over, as it cannot name an image."""
    try:
        with open(path, "rb") as opened:
            data = opened.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UsageError("HF8050", f"cannot read {shown}: it is larger than {LARGEST:,} bytes")
        text = data.decode()
        return File(path=path, shown=shown, text=text, images=images_of(text))
    except OSError as error:
        raise UsageError("HF8050", f"cannot read {shown}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        if not is_named:
            return None
        if isinstance(error, UnicodeDecodeError):
            raise UsageError("HF8050", f"cannot read {shown}: it is no UTF-8") from error
        reason, line, column = error.args
        raise UsageError("HF8050", f"cannot read {shown}: {reason}", where=[Where(path=shown, line=line, column=column)]) from error


def _digests(call: Call, images: Sequence[ImageReference], files: Sequence[File]) -> dict[ImageReference, str]:
    """Ask registries. Raises what one of them said, or HF8052 with what several said, each with the places that name its image."""
    if not images:
        return {}
    from holdfast.app.registries import digests  # an HTTP library, only where there is somebody to ask

    found, failed = digests(images, config=call.config, environ=call.environ)
    errors = [_placed(error, image, files) for image, error in failed.items()]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        where = [place for error in errors for place in error.where]
        kind = type(errors[0]) if len({type(error) for error in errors}) == 1 else HoldfastError
        raise kind("HF8052", f"cannot pin {len(errors)} images", where=where, errors=errors, hint="nothing was written")
    return found


def _placed(error: HoldfastError, image: ImageReference, files: Sequence[File]) -> HoldfastError:
    error.where = tuple(
        Where(path=file.shown, line=each.scalar.line, column=each.scalar.column)
        for file in files
        for each in file.images
        if each.tagged == image
    )
    return error


def _image(file: File, each: Named, digests: Mapping[ImageReference, str]) -> dict[str, Any]:
    assert each.image is not None
    assert each.tagged is not None
    return {
        "path": file.shown,
        "line": each.scalar.line,
        "image": str(each.tagged),
        "digest": digests.get(each.tagged, each.image.digest),
        "was_pinned": each.is_pinned,
    }


def _diff(path: str, old: str, new: str) -> Iterator[str]:
    for line in difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), path, path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(data: dict[str, Any], is_check: bool) -> Iterator[str]:
    changed = [row for row in data["files"] if row["diff"]]
    yield from (line for row in changed for line in row["diff"].splitlines())
    yield from (f"wrote {row['path']}" for row in changed if row["written"])
    open_ones = sum(not image["was_pinned"] for image in data["images"])
    if is_check:
        yield f"{open_ones} of {count(len(data['images']), 'image')} {'is' if open_ones == 1 else 'are'} not pinned"
    elif not changed:
        yield (
            f"nothing to write: {count(len(data['images']), 'image')}, all pinned"
            if data["images"]
            else "nothing to write: no image is named"
        )
