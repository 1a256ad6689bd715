"""The archive of a chart, a .tgz: bytes → its files, or the error that says why it is refused. Pure.

Who packed it is not trusted: the whole is judged before anything is kept. Nothing is written here, so what is refused is what would be
another file than its name says once it is written: absolute names, `..`, links, devices, a name twice; and what grows beyond its limit
while it is unpacked. Every file is plain: Helm reads charts, it runs nothing of them. Source: Helm `pkg/chart/loader/archive.go`.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.errors import SourceError
from holdfast.source.chart.index import LATEST, read_text_mapping
from holdfast.source.limits import Limits

MARKER = "Chart.yaml"
TELL = "tell who keeps the repository; what ran before stays in force"
_DRIVE = re.compile(r"[A-Za-z]:")
_PASSED_OVER = frozenset({tarfile.XGLTYPE, tarfile.XHDTYPE})


class _Bounded(io.RawIOBase):
    """What is read through it ends with ValueError where it is more than `limit` bytes."""

    def __init__(self, source: gzip.GzipFile, limit: int) -> None:
        self._source = source
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        piece = self._source.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(piece)
        if self._left < 0:
            raise ValueError("unpacked it is larger than the limit")
        return piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """The files of a chart by their path within its folder, and when the newest of them was made, in seconds since the epoch."""

    files: Mapping[str, bytes]
    packed_at: float


def unpack(data: bytes, chart: str, version: str, subject: str, limits: Limits) -> Unpacked:
    """Return what a chart's archive holds, Chart.yaml among it.

    Raises `SourceError`: HF4077 it is unsafe, broken or too large, HF4078 it holds no chart, or another one.
    """
    doing = f"cannot use {chart} {version} of {subject}"
    try:
        found = _unpacked(data, limits)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError) as error:
        raise SourceError("HF4077", f"{doing}: its archive cannot be unpacked: {_plain(error)}", hint=TELL) from error
    if MARKER not in found.files:
        raise SourceError("HF4078", f"{doing}: its archive holds no {MARKER} in a folder at its top", hint=TELL)
    try:
        said = read_text_mapping(found.files[MARKER])
    except ValueError as error:
        raise SourceError("HF4078", f"{doing}: its {MARKER} cannot be read: {error}", hint=TELL) from error
    if (said.get("name"), said.get("version")) != (chart, version):
        other = f"{said.get('name')} {said.get('version')}"
        raise SourceError("HF4078", f"{doing}: its archive holds {_printable(other)}", hint=TELL)
    return found


def _unpacked(data: bytes, limits: Limits) -> Unpacked:
    files: dict[str, bytes] = {}
    size, newest = 0, 0.0
    room = limits.chart + limits.files * 3 * tarfile.BLOCKSIZE  # headers and padding
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as unzipped, tarfile.open(fileobj=_Bounded(unzipped, room), mode="r|") as archive:
        for member in archive:
            if member.isdir() or member.type in _PASSED_OVER:
                continue
            name = _name(member)
            size, newest = size + member.size, max(newest, float(int(member.mtime)))
            if len(files) >= limits.files:
                raise ValueError(f"it holds more than {limits.files} files")
            if member.size > limits.chart_file:
                raise ValueError(f"{_printable(name)} has {member.size} bytes, more than the limit of {limits.chart_file}")
            if size > limits.chart:
                raise ValueError(f"its files have more than {limits.chart} bytes together")
            if name in files:
                raise ValueError(f"it holds {_printable(name)} twice")
            content = archive.extractfile(member)
            files[name] = content.read() if content is not None else b""
    if both := next((folder for path in files for folder in _folders(path) if folder in files), None):
        raise ValueError(f"{_printable(both)} is a file and a folder")
    return Unpacked(files=files, packed_at=newest if newest < LATEST else 0.0)


def _folders(path: str) -> list[str]:
    names = path.split("/")[:-1]
    return ["/".join(names[: at + 1]) for at in range(len(names))]


def _name(member: tarfile.TarInfo) -> str:
    """Return a file's path without the folder of the chart; ValueError where it is no plain file of a folder."""
    shown = _printable(member.name)
    if not member.isreg() or member.issparse():
        what = "a link" if member.issym() or member.islnk() else "no plain file"
        raise ValueError(f"{shown} is {what}")
    names = member.name.replace("\\", "/").split("/")
    if member.name.startswith(("/", "\\")) or ".." in names or _DRIVE.match(member.name):
        raise ValueError(f"{shown} leads out of the chart's folder")
    plain = [name for name in names if name not in ("", ".")]
    if not all(name.isprintable() for name in plain):
        raise ValueError(f"{shown} is a name with control characters")
    if len(plain) < 2:
        raise ValueError(f"{shown} lies beside the chart's folder")
    return "/".join(plain[1:])


def _plain(error: Exception) -> str:
    return _printable(str(error)) or type(error).__name__


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]
