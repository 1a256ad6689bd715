"""The completion script of bash completes commands, options, codes and what runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.daemon import Daemon, Runner, declared

from holdfast.cli.commands import COMMANDS


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_script(holdfast: Runner, shell: str) -> None:
    ran = holdfast("completion", shell)
    assert ran.code == 0
    assert f"_HOLDFAST_COMPLETE={shell}_complete" in ran.out
    assert holdfast("completion", shell, "--json").data["script"].strip() == ran.out.strip()


@pytest.mark.needs("bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", {name.split()[0] for name in COMMANDS}),
        ("edge re", {"render", "review"}),
        ("st", {"status"}),
        ("sync --ap", {"--approve"}),
        ("explain HF800", {f"HF800{digit}" for digit in "123456789"}),
        ("config get poll", {"poll_interval"}),
        ("sync s", {"shop"}),
        ("down ", {"shop", "blog"}),
        ("certificate re", {"renew", "revoke"}),
        ("certificate renew Cert", {"Certificate/shop/shop"}),
        ("certificate take-over shop.", {"shop.example.com"}),
    ],
)
def test_bash_completes(daemon: Daemon, holdfast: Runner, tmp_path: Path, words: str, expected: set[str]) -> None:
    daemon.put(declared("shop"), declared("blog"))
    daemon.service.certificates.put("shop")
    program = tmp_path / "holdfast"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom holdfast.cli.main import main\nsys.exit(main())\n")
    program.chmod(0o755)
    *front, last = ["holdfast", *words.split(" ")]
    script = (
        holdfast("completion", "bash").out
        + f"\nCOMP_WORDS=({' '.join(front)} '{last}'); COMP_CWORD={len(front)}\n_holdfast_completion {program}\n"
        + 'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    environ = {"PATH": "/usr/bin:/bin", "HOLDFAST_STATE": str(daemon.state), "HOME": str(tmp_path)}
    ran = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, env=environ, check=True)
    assert set(ran.stdout.split()) == expected
