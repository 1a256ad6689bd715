"""Formatting nginx files from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.daemon import Runner

MESSY = "server{listen 80;}  # one\n"
TIDY = "server {\n    listen 80;\n} # one\n"


def test_the_text_is_printed_and_the_file_left(holdfast: Runner, tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text(MESSY)
    assert holdfast("edge", "fmt", str(path)).out == TIDY
    assert path.read_text() == MESSY


def test_check_tells_by_its_exit_code_and_write_writes(holdfast: Runner, tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text(MESSY)
    checked = holdfast("edge", "fmt", str(path), "--check")
    assert checked.code == 2
    assert "+    listen 80;" in checked.out
    assert checked.out.endswith("1 of 1 file is not in the form\n")
    assert holdfast("edge", "fmt", str(path), "--write").out == f"wrote {path}\n"
    assert path.read_text() == TIDY
    again = holdfast("edge", "fmt", str(path), "--check", "--json")
    assert (again.code, again.document["kind"]) == (0, "Formatted")
    assert again.data["files"] == [{"path": str(path), "is_changed": False, "written": False, "diff": "", "text": TIDY}]


def test_a_link_is_written_through(holdfast: Runner, tmp_path: Path) -> None:
    (tmp_path / "sites-available").mkdir()
    (tmp_path / "sites-enabled").mkdir()
    (tmp_path / "sites-available" / "shop").write_text(MESSY)
    (tmp_path / "sites-enabled" / "shop").symlink_to("../sites-available/shop")
    assert holdfast("edge", "fmt", str(tmp_path), "--write").code == 0
    assert (tmp_path / "sites-available" / "shop").read_text() == TIDY
    assert (tmp_path / "sites-enabled" / "shop").is_symlink()


def test_what_cannot_be_written_is_told(holdfast: Runner, tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("server {\n")
    assert holdfast("edge", "fmt", str(path), "--json").data["code"] == "HF1300"
