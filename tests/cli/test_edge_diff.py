"""Two configurations compared from the command line."""

from __future__ import annotations

from pathlib import Path

from tests.cli.daemon import Runner


def test_what_requests_would_meet_otherwise(holdfast: Runner, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("server { listen 80; server_name a; location / { root /x; } }\n")
    (tmp_path / "b.conf").write_text("server {\n listen 80; server_name a; location / { root /y; }\n}\n")
    ran = holdfast("edge", "diff", str(tmp_path / "a.conf"), str(tmp_path / "b.conf"), "--json")
    assert (ran.code, ran.document["kind"]) == (2, "EdgeDiff")
    (found,) = ran.data["differences"]
    assert found["what"] == "root"
    assert (found["before"], found["after"]) == (["root /x;"], ["root /y;"])
    assert (found["before_at"], found["after_at"]) == (f"{tmp_path}/a.conf:1:49", f"{tmp_path}/b.conf:2:41")
    assert found["requests"][0] == "http://a/"
    shown = holdfast("edge", "diff", str(tmp_path / "a.conf"), str(tmp_path / "b.conf"))
    assert "  - root /x;\n  + root /y;\n  for http://a/\n" in shown.out


def test_the_same_split_into_files_is_no_difference(holdfast: Runner, tmp_path: Path) -> None:
    (tmp_path / "one.conf").write_text("http { server { listen 80; root /x; } }\n")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "nginx.conf").write_text("http { include s.conf; }\n")
    (tmp_path / "two" / "s.conf").write_text("server { root '/x'; listen 80; }\n")
    ran = holdfast("edge", "diff", str(tmp_path / "one.conf"), str(tmp_path / "two"))
    assert (ran.code, ran.out) == (0, "no request would meet anything else\n")


def test_many_requests_are_counted_unless_all_are_asked_for(holdfast: Runner, tmp_path: Path) -> None:
    servers = "".join(f"server {{ listen 80; server_name h{at}; }}" for at in range(9))
    (tmp_path / "a.conf").write_text(servers)
    (tmp_path / "b.conf").write_text(f"root /x; {servers}")
    few = holdfast("edge", "diff", str(tmp_path / "a.conf"), str(tmp_path / "b.conf"))
    assert "  and 6 more requests\n" in few.out
    assert "for http://h8/" in holdfast("edge", "diff", str(tmp_path / "a.conf"), str(tmp_path / "b.conf"), "--full").out
