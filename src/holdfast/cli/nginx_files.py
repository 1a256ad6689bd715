"""nginx files as a person names them: read, with what they include from where they lie, and written back.

Nothing is read beyond the folders that were named and those that named files lie in, links included.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.edge.include import candidates, includes
from holdfast.edge.parse import LARGEST, parse
from holdfast.edge.tree import Config, Directive
from holdfast.errors import DeclarationError, EngineError, HoldfastError, UsageError, declaration_errors
from holdfast.host.files import write_atomic

MAIN = "nginx.conf"
ENABLED = frozenset({"sites-enabled", "conf.d", "http.d"})
"""Folders of which every file counts, whatever its name ends with."""
PASSED_OVER = frozenset({"sites-available", "modules-available", "renewal", "accounts", "archive", "live"})
"""Folders that hold what is not in force, or what is no configuration of nginx (certbot's own)."""
MOST = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxFiles:
    """Files by absolute path; each knows the path that it is shown by."""

    configs: Mapping[str, Config]
    warnings: tuple[str, ...]
    """What is included and was not read."""


@dataclass(slots=True, kw_only=True)
class _Reading:
    folder: str
    trees: tuple[str, ...]
    """Real paths of the folders that may be read."""
    are_absolute: bool
    configs: dict[str, Config] = field(default_factory=dict)
    errors: list[DeclarationError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_files(folder: str, names: Sequence[str]) -> NginxFiles:
    """Return files and the files of folders, named as seen from `folder`, with what they include.

    Raises UsageError (HF8028, HF8029) for what is not there, DeclarationError with every file that nginx could not read.
    """
    given = [os.path.normpath(os.path.join(folder, name)) for name in names]
    trees = tuple(os.path.realpath(path if os.path.isdir(path) else os.path.dirname(path)) for path in given)
    reading = _Reading(folder=folder, trees=trees, are_absolute=any(os.path.isabs(name) for name in names))
    for file in dict.fromkeys(file for path in given for file in _files_of(path)):
        _read(reading, file, os.path.dirname(file))
    if reading.errors:
        raise declaration_errors(reading.errors)
    return NginxFiles(configs=reading.configs, warnings=tuple(dict.fromkeys(reading.warnings)))


def _files_of(path: str) -> Sequence[str]:
    """Return a file itself; of a folder its nginx.conf, else every file in it that looks like nginx's."""
    if not os.path.isdir(path):
        return [path]
    if os.path.isfile(main := os.path.join(path, MAIN)):
        return [main]
    found: list[str] = []
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER and not name.startswith("."))
        is_enabled = os.path.basename(folder) in ENABLED
        found += [os.path.join(folder, name) for name in sorted(files) if name.endswith(".conf") or (is_enabled and name.isidentifier())]
    if not found:
        raise UsageError("HF8029", f"cannot read {path}: no file in it is nginx's", hint="name the files; those of a folder end with .conf")
    return found


def _read(reading: _Reading, path: str, prefix: str) -> None:
    """Read a file and what it includes. `prefix`: the folder of the file that begins it all."""
    if path in reading.configs:
        return
    if len(reading.configs) >= MOST:
        raise UsageError("HF8029", f"cannot read more than {MOST:,} files", hint="name fewer of them")
    try:
        config = parse(_shown(reading, path), content(path))
    except DeclarationError as error:
        reading.errors.append(error)
        return
    reading.configs[path] = config
    for directive in includes(config.directives):
        for found in _included(reading, directive, prefix):
            _read(reading, found, prefix)


def _shown(reading: _Reading, path: str) -> str:
    return path if reading.are_absolute else os.path.relpath(path, reading.folder)


def _included(reading: _Reading, directive: Directive, prefix: str) -> Sequence[str]:
    """Return the files that an `include` means, of the first place where there are any."""
    argument = directive.args[0]
    is_outside = False
    for candidate in candidates(argument, prefix):
        there = [path for path in sorted(glob.glob(candidate)) or [candidate] if os.path.isfile(path)]
        if inside := [path for path in there if _is_inside(reading, path)]:
            return inside
        is_outside |= bool(there)
    if is_outside or not glob.has_magic(argument):
        reason = "lies outside of what was named" if is_outside else "is not there"
        reading.warnings.append(f"{directive.where}: {argument} {reason}, so it was not looked at")
    return ()


def _is_inside(reading: _Reading, path: str) -> bool:
    real = os.path.realpath(path)
    return any(os.path.commonpath((tree, real)) == tree for tree in reading.trees)


def content(path: str) -> bytes:
    """Return the bytes of a file, one more than may be where it is larger; UsageError (HF8028) where it cannot be read."""
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError("HF8028", f"cannot read {path}: it is no file")
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError("HF8028", f"cannot read {path}: {(error.strerror or 'it cannot be opened').lower()}") from error


def rewrite(path: str, data: bytes, *, code: str = "HF8032") -> None:
    """Replace a file that is there, its mode and owner kept; HoldfastError (`code`) where that is not possible."""
    real = os.path.realpath(path)
    try:
        old = os.stat(real)
        is_own = old.st_uid == os.geteuid()
        write_atomic(real, data, mode=stat.S_IMODE(old.st_mode), uid=-1 if is_own else old.st_uid, gid=-1 if is_own else old.st_gid)
    except (OSError, EngineError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        raise HoldfastError(code, f"cannot write {path}: {reason}", hint="what was not written is as it was") from error


def texts(files: NginxFiles) -> Iterator[tuple[str, str, Config]]:
    """Yield each file: its path, the path that it is shown by, and its tree."""
    for path, config in files.configs.items():
        first = next((each.spelling for each in config.directives if each.spelling is not None), None)
        yield path, first.file.path if first is not None else path, config
