"""Reviewing nginx files from the command line: what is found, in which files, for which nginx, and what --fix writes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.cli.daemon import Runner

NAIVE = """server {
    listen 443 ssl http2;
    server_name app.example.com;
    location / {
        proxy_pass http://127.0.0.1:3000;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
}
"""
SOUND = "server_tokens off;\n"


def lay(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_conf", ".conf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_findings_end_with_exit_code_5(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)
    ran = holdfast("edge", "review", str(tmp_path / "app.conf"), "--nginx", "1.22.1", "--json")
    assert (ran.code, ran.document["kind"]) == (5, "Findings")
    finding = next(each for each in ran.data["findings"] if each["rule"] == "forwarded-for")
    assert sorted(finding) == ["file", "fix", "line", "message", "rule", "severity"]
    assert (finding["file"], finding["line"]) == (str(tmp_path / "app.conf"), 6)
    assert ran.data["nginx"] == "nginx 1.22.1"


def test_a_sound_file_ends_with_0(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=SOUND)
    ran = holdfast("edge", "review", str(tmp_path / "app.conf"), "--nginx", "any")
    assert (ran.code, ran.out) == (0, "nothing was found, for every nginx\n")


def test_people_see_place_reason_and_patch(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)
    ran = holdfast("edge", "review", str(tmp_path / "app.conf"), "--rule", "forwarded-for", "--nginx", "any")
    assert f"{tmp_path}/app.conf:6  medium  forwarded-for\n  what a client writes" in ran.out
    assert "\n  +        proxy_set_header X-Forwarded-For $remote_addr;\n" in ran.out
    assert ran.out.endswith("1 finding for every nginx: 1 medium\n")


def test_a_finding_depends_on_the_nginx(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)

    def rules(version: str) -> set[str]:
        data = holdfast("edge", "review", str(tmp_path / "app.conf"), "--nginx", version, "--json").data
        return {each["rule"] for each in data["findings"]}

    assert "http2" in rules("1.30.4") - rules("1.22.1")
    assert "tls-protocols" in rules("1.22.1") - rules("1.30.4")


@pytest.mark.needs("nginx")
def test_the_nginx_of_this_host_is_asked_what_it_can(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)
    assert holdfast("edge", "review", str(tmp_path / "app.conf"), "--json").data["nginx"].startswith("nginx 1.")


def test_a_program_that_is_no_nginx_is_told(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)
    for program, more in (("/bin/true", "no version"), (str(tmp_path / "none"), "no such file")):
        ran = holdfast("edge", "review", str(tmp_path / "app.conf"), "--capability-of", program, "--json")
        assert (ran.code, ran.data["code"]) == (64, "HF8030")
        assert more in ran.data["message"]
    both = holdfast("edge", "review", str(tmp_path / "app.conf"), "--capability-of", "/bin/true", "--nginx", "1.2", "--json")
    assert (both.code, both.data["code"]) == (64, "HF8001")
    assert holdfast("edge", "review", str(tmp_path / "app.conf"), "--nginx", "newest", "--json").data["code"] == "HF8001"


def test_what_a_file_includes_is_looked_at_in_place(holdfast: Runner, tmp_path: Path) -> None:
    lay(
        tmp_path,
        nginx_conf="http { include conf.d/*.conf; include mime.types; include snippets/none*; server_tokens off; }\n",
        conf_d__ignored_conf="",
        sites_enabled__a_conf="",
        **{"conf.d__app_conf": "server { proxy_set_header Host $http_host; include snippets/more.conf; }\n"},
        snippets__more_conf="set_real_ip_from 0.0.0.0/0;\n",
    )
    ran = holdfast("edge", "review", str(tmp_path), "--nginx", "any", "--json")
    found = {(os.path.relpath(each["file"], tmp_path), each["rule"]) for each in ran.data["findings"]}
    assert found == {("conf.d/app.conf", "host-spoofing"), ("snippets/more.conf", "trusts-anybody")}
    assert ran.document["warnings"] == [f"{tmp_path}/nginx.conf:1:31: mime.types is not there, so it was not looked at"]


def test_a_folder_without_a_main_file_is_all_its_files(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, a_conf="server_tokens on;\n", **{"sites-enabled__shop": "set_real_ip_from ::/0;\n", "sites-available__old_conf": "}"})
    data = holdfast("edge", "review", str(tmp_path), "--nginx", "any", "--json").data
    assert {each["rule"] for each in data["findings"]} == {"version-disclosure", "trusts-anybody"}
    (tmp_path / "empty").mkdir()
    assert holdfast("edge", "review", str(tmp_path / "empty"), "--json").data["code"] == "HF8029"


def test_nothing_outside_of_what_was_named_is_read(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, secret_conf="server_tokens on;\n", inside__a_conf="include ../secret.conf;\ninclude link.conf;\ninclude /etc/passwd;\n")
    (tmp_path / "inside" / "link.conf").symlink_to(tmp_path / "secret.conf")
    ran = holdfast("edge", "review", str(tmp_path / "inside" / "a.conf"), "--nginx", "any", "--json")
    assert ran.data["findings"] == []
    assert [warning.split(": ", 1)[1] for warning in ran.document["warnings"]] == [
        f"{name} lies outside of what was named, so it was not looked at" for name in ("../secret.conf", "link.conf", "/etc/passwd")
    ]


def test_every_file_that_nginx_could_not_read_is_told(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, a_conf="server {\n", b_conf="a;\n}\n")
    ran = holdfast("edge", "review", str(tmp_path / "a.conf"), str(tmp_path / "b.conf"), "--json")
    assert (ran.code, [each["code"] for each in ran.data["errors"]]) == (1, ["HF1300", "HF1300"])
    missing = holdfast("edge", "review", str(tmp_path / "none.conf"), "--json")
    assert (missing.code, missing.data["code"]) == (64, "HF8028")
    assert holdfast("edge", "review", "/dev/null", "--json").data["code"] == "HF8028"


def test_fix_writes_the_patches_and_nothing_without_it(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)
    path = tmp_path / "app.conf"
    path.chmod(0o640)
    assert holdfast("edge", "review", str(path)).code == 5
    assert path.read_text() == NAIVE
    ran = holdfast("edge", "review", str(path), "--nginx", "1.22.1", "--fix", "--json")
    assert ran.data["fixed"] == [str(path)]
    assert {each["rule"] for each in ran.data["findings"]} == {"limits", "upstream-keepalive"}
    assert path.stat().st_mode & 0o777 == 0o640
    assert "X-Forwarded-For $remote_addr;" in path.read_text()


def test_fix_of_one_rule_leaves_the_others(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)
    ran = holdfast("edge", "review", str(tmp_path / "app.conf"), "--nginx", "any", "--rule", "forwarded-for", "--fix")
    assert ran.code == 0
    assert (tmp_path / "app.conf").read_text() == NAIVE.replace("$proxy_add_x_forwarded_for", "$remote_addr")


def test_patches_apply_from_the_folder_that_the_command_ran_in(holdfast: Runner, tmp_path: Path) -> None:
    lay(tmp_path, app_conf=NAIVE)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        data = holdfast("edge", "review", "app.conf", "--nginx", "any", "--rule", "forwarded-for", "--json").data
    finally:
        os.chdir(before)
    fix = data["findings"][0]["fix"]
    done = subprocess.run(["git", "apply", "-p0"], cwd=tmp_path, input=fix, text=True, check=False, env={**os.environ, "GIT_DIR": "/"})
    assert done.returncode == 0
    assert (tmp_path / "app.conf").read_text() == NAIVE.replace("$proxy_add_x_forwarded_for", "$remote_addr")
