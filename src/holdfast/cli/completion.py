"""`holdfast completion`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from holdfast.cli.call import Call
from holdfast.cli.page import page
from holdfast.cli.root import COMPLETE, PROGRAM

SHELLS: Mapping[str, type[ShellComplete]] = MappingProxyType({"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete})


@page(
    "completion",
    document="Completion",
    examples=(
        ('eval "$(holdfast completion bash)"', "In ~/.bashrc."),
        ('holdfast completion zsh > "${fpath[1]}/_holdfast"', "For every zsh."),
        ("holdfast completion fish > ~/.config/fish/completions/holdfast.fish", "For fish."),
    ),
    exits={},
    see=("config",),
)
@click.argument("shell", type=click.Choice(sorted(SHELLS)))
@click.pass_obj
def command(call: Call, shell: str) -> int:
    """Print the script that makes a shell complete commands, options, codes, settings, and the Applications that run here."""
    made = SHELLS[shell](click.Command(PROGRAM), {}, PROGRAM, COMPLETE)
    text = ShellComplete.source(made)  # bash's own asks the bash on PATH for its version, which need not be the one that reads this
    call.terminal.answer("Completion", {"shell": shell, "script": text}, lambda: [text])
    return 0
