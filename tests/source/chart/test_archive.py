"""An archive is judged whole: what a chart needs is taken, everything else is refused before anything of it is kept."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import SourceError
from holdfast.source.chart.archive import unpack
from holdfast.source.limits import Limits
from holdfast.testing.helm_repository import CREATED, chart_files, packed

LIMITS = Limits()
NARROW = replace(LIMITS, files=8, chart=4096, chart_file=1024)


def opened(data: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    return dict(unpack(data, "nginx", "1.2.3", "https://charts.example", limits).files)


def refusal(data: bytes, limits: Limits = LIMITS) -> SourceError:
    with pytest.raises(SourceError) as raised:
        opened(data, limits)
    assert raised.value.message.isprintable()
    return raised.value


def archive(*members: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None) -> bytes:
    """Return a chart's archive with these members beside it; `change` makes of the last one what no packer would."""
    unzipped = io.BytesIO()
    with tarfile.open(fileobj=unzipped, mode="w") as made:
        all_members = [("nginx/Chart.yaml", b"name: nginx\nversion: 1.2.3\n"), *members]
        for at, (name, data) in enumerate(all_members):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if change is not None and at == len(all_members) - 1:
                change(member)
            made.addfile(member, io.BytesIO(data))
    return gzip.compress(unzipped.getvalue())


def test_files_are_named_within_the_charts_folder() -> None:
    found = unpack(packed(chart_files("nginx", "1.2.3"), "nginx"), "nginx", "1.2.3", "https://charts.example", LIMITS)
    assert sorted(found.files) == ["Chart.yaml", "templates/greeting.yaml", "values.yaml"]
    assert found.files["values.yaml"] == b"greeting: hello\n"
    assert found.packed_at == CREATED


def test_folders_and_comments_of_tar_are_passed_over_and_dots_are_nothing() -> None:
    def is_folder(member: tarfile.TarInfo) -> None:
        member.type = tarfile.DIRTYPE

    assert sorted(opened(archive(("./nginx//values.yaml", b"a: 1"), ("nginx/charts", b""), change=is_folder))) == [
        "Chart.yaml",
        "values.yaml",
    ]
    git = packed({"Chart.yaml": "name: nginx\nversion: 1.2.3\n"}, "nginx")
    assert list(opened(git)) == ["Chart.yaml"]


def typed(type: bytes, target: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname = type, target

    return change


HOSTILE: dict[str, tuple[bytes, str]] = {
    "an absolute name": (archive(("/etc/cron.d/x", b"x")), "leads out"),
    "a climbing name": (archive(("nginx/../../x", b"x")), "leads out"),
    "a climbing name of Windows": (archive(("nginx\\..\\..\\x", b"x")), "leads out"),
    "a drive": (archive(("C:/x", b"x")), "leads out"),
    "a symbolic link": (archive(("nginx/x", b""), change=typed(tarfile.SYMTYPE, "/etc/passwd")), "is a link"),
    "a hard link": (archive(("nginx/x", b""), change=typed(tarfile.LNKTYPE, "nginx/Chart.yaml")), "is a link"),
    "a device": (archive(("nginx/x", b""), change=typed(tarfile.CHRTYPE)), "no plain file"),
    "a pipe": (archive(("nginx/x", b""), change=typed(tarfile.FIFOTYPE)), "no plain file"),
    "a name twice": (archive(("nginx/Chart.yaml", b"x")), "twice"),
    "two charts": (archive(("other/Chart.yaml", b"x")), "twice"),
    "a file as a folder": (archive(("nginx/a", b"x"), ("nginx/a/b", b"y")), "is a file and a folder"),
    "a line break in a name": (archive(("nginx/a\nM 100644 inline b", b"x")), "control characters"),
    "a file beside the folder": (archive(("x", b"x")), "beside the chart's folder"),
    "no archive": (b"<html>", "cannot be unpacked"),
    "an empty answer": (b"", "cannot be unpacked"),
    "a tar that is cut off": (gzip.compress(gzip.decompress(archive(("nginx/x", b"y" * 3000)))[:1800]), "cannot be unpacked"),
    "a gzip that is cut off": (archive(("nginx/x", b"y" * 3000))[:-20], "cannot be unpacked"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_whole(what: str) -> None:
    data, reason = HOSTILE[what]
    error = refusal(data)
    assert error.code == "HF4077"
    assert reason in error.message


def test_a_bomb_ends_at_the_limit() -> None:
    one = archive(("nginx/zeros", bytes(1 << 20)))
    assert len(one) < 4096
    assert "more than the limit of 1024" in refusal(one, NARROW).message
    several = archive(*((f"nginx/{number}", bytes(1000)) for number in range(6)))
    assert "more than 4096 bytes together" in refusal(several, NARROW).message
    many = archive(*((f"nginx/{number}", b"") for number in range(9)))
    assert "more than 8 files" in refusal(many, NARROW).message
    folders = archive(*((f"nginx/{number}/", b"") for number in range(400)))
    unzipped = io.BytesIO()
    with tarfile.open(fileobj=unzipped, mode="w") as made:
        for number in range(400):
            folder = tarfile.TarInfo(f"nginx/{number}")
            folder.type = tarfile.DIRTYPE
            made.addfile(folder)
    assert len(folders) > 0
    assert "larger than the limit" in refusal(gzip.compress(unzipped.getvalue()), NARROW).message


def test_a_name_without_end_is_not_read() -> None:
    """A header may say that the name that follows has as many bytes as it likes."""
    long = archive(("nginx/" + "a" * 200_000, b""))
    assert refusal(long, NARROW).code == "HF4077"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"values.yaml": "a: 1"}, "holds no Chart.yaml"),
        ({"Chart.yaml": "- a"}, "cannot be read: it is no mapping"),
        ({"Chart.yaml": "a: 'b"}, "cannot be read: it is no YAML"),
        ({"Chart.yaml": "name: apache\nversion: 1.2.3\n"}, "holds apache 1.2.3"),
        ({"Chart.yaml": "name: nginx\nversion: 1.2.4\n"}, "holds nginx 1.2.4"),
        ({"deep/Chart.yaml": "name: nginx\nversion: 1.2.3\n"}, "holds no Chart.yaml"),
    ],
)
def test_what_is_no_chart_or_another_one_is_said(files: dict[str, str], reason: str) -> None:
    error = refusal(packed(files, "nginx"))
    assert error.code == "HF4078"
    assert reason in error.message


PLAIN = gzip.decompress(archive(("nginx/values.yaml", b"a: 1\n"), ("nginx/templates/" + "a" * 120, b"b")))


@given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), max_size=12), st.integers(0, len(PLAIN)))
def test_no_bytes_do_more_than_be_refused(changes: list[tuple[int, int]], end: int) -> None:
    damaged = bytearray(PLAIN)
    for at, byte in changes:
        damaged[at] = byte
    for data in (gzip.compress(bytes(damaged)), gzip.compress(bytes(damaged[:end])), bytes(damaged[:end])):
        try:
            files = opened(data)
        except SourceError:
            continue
        assert "Chart.yaml" in files
        assert all(not path.startswith("/") and ".." not in path.split("/") for path in files)
