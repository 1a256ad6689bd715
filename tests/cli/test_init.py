"""What init finds in a folder, what it writes, and that it never overwrites."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.daemon import Runner

from holdfast.cli.scaffold import scalar
from holdfast.cli.service_unit import quoted, unit_text

pytestmark = pytest.mark.needs("git")


def repository(folder: Path, files: Mapping[str, str], *, is_committed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    commands: list[tuple[str, ...]] = [("init", "-q", "-b", "main")]
    if is_committed:
        commands += [("add", "-A"), ("commit", "-q", "-m", "first")]
    for command in commands:
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


def test_a_procfile_becomes_an_application(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "My Shop", {"Procfile": "web: ./server\n"})
    ran = holdfast("init", str(shop))
    assert ran.code == 0
    assert ran.out == f"wrote {shop}/application.yaml\n"
    written = yaml.safe_load((shop / "application.yaml").read_text())
    assert written["metadata"] == {"name": "my-shop"}
    assert written["spec"]["source"] == {"repoURL": ".", "targetRevision": "main", "path": "."}
    assert written["spec"]["destination"] == {"server": "host://local"}


def test_a_file_that_is_there_is_never_overwritten(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", {"Procfile": "web: ./server\n", "application.yaml": "mine\n"})
    ran = holdfast("init", str(shop), "--json")
    assert (ran.code, ran.data["code"]) == (5, "HF8010")
    assert (shop / "application.yaml").read_text() == "mine\n"
    assert holdfast("init", str(shop), "--output", str(tmp_path / "no" / "x.yaml"), "--json").data["code"] == "HF8013"


def test_a_folder_beneath_its_repository_is_named_by_its_path(holdfast: Runner, tmp_path: Path) -> None:
    top = repository(tmp_path / "all", {"apps/shop/ecosystem.config.json": '{"apps": []}', "apps/shop/package-lock.json": "{}"})
    data = holdfast("init", str(top / "apps" / "shop"), "--json").data
    written = yaml.safe_load(data["text"])
    assert written["spec"]["source"]["repoURL"] == "../.."
    assert written["spec"]["source"]["path"] == "apps/shop"
    assert written["metadata"]["annotations"] == {"holdfast.dev/prepare": '["npm", "ci"]'}
    assert data["files"] == ["ecosystem.config.json"]


def test_a_package_with_a_start_script_gets_a_procfile(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", {"package.json": '{"scripts": {"start": "node server.js"}}'})
    data = holdfast("init", str(shop), "--json").data
    assert (shop / "Procfile").read_text() == "web: npm start\n"
    assert data["written"] == [str(shop / "Procfile"), str(shop / "application.yaml")]
    assert any("commit it" in note for note in data["notes"])


def test_two_ways_to_say_what_runs_are_told_and_one_is_chosen(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", {"Procfile": "web: ./x\n", "ecosystem.config.json": "{}", "Dockerfile": "FROM x\n"})
    data = holdfast("init", str(shop), "--output", "-", "--json").data
    assert yaml.safe_load(data["text"])["metadata"]["annotations"] == {"holdfast.dev/format": "pm2"}
    assert any("both say what runs" in note for note in data["notes"])
    assert any(note.startswith("Dockerfile:") for note in data["notes"])
    assert data["written"] == []
    assert not (shop / "application.yaml").exists()


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.yml"])
def test_a_compose_file_runs_on_the_docker_host_of_this_machine(holdfast: Runner, tmp_path: Path, name: str) -> None:
    shop = repository(tmp_path / "shop", {name: "services: {web: {image: busybox:1.36}}\n"})
    data = holdfast("init", str(shop), "--json").data
    assert yaml.safe_load(data["text"])["spec"]["destination"] == {"server": "unix:///var/run/docker.sock"}
    assert data["files"] == [name]
    assert holdfast("render", "-f", str(shop / "application.yaml"), "--json").code == 0


def test_beside_a_procfile_a_compose_file_is_not_chosen_since_processes_need_no_docker(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", {"Procfile": "web: ./x\n", "compose.yaml": "services: {web: {image: busybox:1.36}}\n"})
    written = yaml.safe_load(holdfast("init", str(shop), "--output", "-", "--json").data["text"])
    assert written["metadata"]["annotations"] == {"holdfast.dev/format": "procfile"}
    assert written["spec"]["destination"] == {"server": "host://local"}


def test_what_is_not_committed_is_told(holdfast: Runner, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop", {"Procfile": "web: ./x\n"}, is_committed=False)
    assert "Procfile is not committed yet" in holdfast("init", str(shop)).err


@pytest.mark.parametrize("files", [{}, {"README.md": "hello\n", "values.yaml": "a: 1\n"}], ids=["empty", "nothing to run"])
def test_nothing_to_run_is_told(holdfast: Runner, tmp_path: Path, files: dict[str, str]) -> None:
    shop = repository(tmp_path / "shop", files, is_committed=bool(files))
    ran = holdfast("init", str(shop), "--json")
    assert (ran.code, ran.data["code"]) == (64, "HF8015")
    assert "Procfile" in ran.data["hint"]


def test_a_folder_outside_git_is_told(holdfast: Runner, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: ./x\n")
    assert "git init" in holdfast("init", str(tmp_path), "--json").data["hint"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_whatever_a_name_is_yaml_reads_it_back(text: str) -> None:
    assert yaml.safe_load(f"a: {scalar(text)}    # why") == {"a": text}


def test_the_unit_runs_this_program_with_its_files(holdfast: Runner, tmp_path: Path) -> None:
    (tmp_path / "application.yaml").write_text("")
    data = holdfast("init", str(tmp_path), "--service", "--state", "/srv/my state", "--json").data
    assert data["written"] is None
    assert f' up -f {tmp_path}/application.yaml --state "/srv/my state"\n' in data["unit"]
    target = tmp_path / "holdfast.service"
    assert holdfast("init", str(tmp_path), "--service", "--output", str(target)).code == 0
    assert "KillMode=process" in target.read_text()
    assert holdfast("init", str(tmp_path), "--service", "--output", str(target)).code == 5


def test_arguments_of_the_unit_are_one_word_each() -> None:
    assert [quoted(it) for it in ("plain/path", "two words", 'say "hi"', "50%", "$HOME", "")] == [
        "plain/path",
        '"two words"',
        '"say \\"hi\\""',
        "50%%",
        "$$HOME",
        '""',
    ]


@pytest.mark.real
@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("is_system", [True, False], ids=["system", "user"])
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path, is_system: bool) -> None:
    program = shutil.which("true")
    assert program is not None
    unit = tmp_path / "holdfast.service"
    unit.write_text(unit_text([program, "up", "-f", "/srv/my app/50% off.yaml"], "/", is_system=is_system))
    manager = "--system" if is_system else "--user"
    ran = subprocess.run(["systemd-analyze", "verify", manager, "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert [line for line in (ran.stdout + ran.stderr).splitlines() if "holdfast.service" in line] == []
