"""Every command has a whole page, answers in JSON, and is found by its name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click
import pytest
from tests.cli.daemon import Daemon, Runner

import holdfast.cli
from holdfast import __version__
from holdfast.cli.commands import COMMANDS, GROUPS, module_of
from holdfast.cli.page import EXITS, Page
from holdfast.cli.root import Commands, root
from holdfast.errors import HoldfastError


def page_of(name: str) -> Page:
    made: Commands = root()
    *groups, word = name.split()
    for group in groups:
        found = made.get_command(click.Context(made), group)
        assert isinstance(found, Commands)
        made = found
    command = made.get_command(click.Context(made), word)
    assert isinstance(command, Page)
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_whole_page(holdfast: Runner, name: str) -> None:
    command = page_of(name)
    assert command.name == name
    assert len(command.examples) >= 1
    assert all("holdfast " in line and words for line, words in command.examples)
    assert all(option.help for option in command.params if isinstance(option, click.Option)), "an option without help"
    assert set(command.exits) >= {0, 64, 70, 130}
    assert set(command.see) <= set(COMMANDS)
    ran = holdfast(*name.split(), "--help")
    assert ran.code == 0
    for part in (COMMANDS[name], "Usage:", "Options:", "--json", "Examples:", "Exit codes:"):
        assert part in ran.out
    assert holdfast(*name.split(), "--help", "--json").document["kind"] == "Help"
    assert holdfast("help", *name.split()).out == ran.out


def test_every_page_is_in_the_table_and_every_name_has_one() -> None:
    folder = Path(holdfast.cli.__path__[0])
    pages = {path.stem for path in folder.glob("*.py") if "\n@page(\n" in path.read_text()}
    assert {f"holdfast.cli.{page}" for page in pages} == {module_of(name) for name in COMMANDS}
    assert all(importlib.util.find_spec(module_of(name)) for name in COMMANDS)
    assert {name.split()[0] for name in COMMANDS if " " in name} == set(GROUPS)


def test_exit_codes_cover_the_error_tree() -> None:
    def codes(kind: type[HoldfastError]) -> set[int]:
        return {kind.exit_code}.union(*(codes(each) for each in kind.__subclasses__()))

    assert codes(HoldfastError) <= set(EXITS)


def test_the_root_page_names_every_command(holdfast: Runner) -> None:
    ran = holdfast()
    assert ran.code == 0
    assert all(f"\n  {name} " in ran.out for name in COMMANDS)
    assert holdfast("--help").out == ran.out
    assert holdfast("--json").data["code"] == "HF8001"


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_shows_its_commands_and_suggests_a_near_one(holdfast: Runner, name: str) -> None:
    inner = [command.removeprefix(f"{name} ") for command in COMMANDS if command.startswith(f"{name} ")]
    ran = holdfast(name)
    assert ran.code == 0
    assert all(f"\n  {command} " in ran.out for command in inner)
    assert holdfast(name, "--help").out == ran.out
    assert holdfast(name, "--json").data["hint"] == f"holdfast {name} --help"
    wrong = holdfast(name, f"{inner[0]}s", "--json")
    assert (wrong.code, wrong.data["hint"]) == (64, f"did you mean `holdfast {name} {inner[0]}`?")


def test_a_near_name_is_suggested(holdfast: Runner) -> None:
    assert "did you mean `holdfast status`?" in holdfast("stauts").err
    assert "did you mean --approve?" in holdfast("sync", "shop", "--aprove", "x").err


def test_the_version_is_told_each_way(daemon: Daemon, holdfast: Runner) -> None:
    assert holdfast("-V").out == f"holdfast {__version__}\n"
    assert holdfast("--version", "--json").data == {"version": __version__}
    assert holdfast("version", "--json").data["daemon"]["version"] == "9.9.9"
    daemon.stop()
    assert holdfast("version", "--json").data["daemon"] is None
