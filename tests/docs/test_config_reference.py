"""The page of settings is what the keys say, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.tool import REFERENCE, tool

from holdfast.host.config import KEYS, Source, resolve
from holdfast.host.config_file import read

TOOL = tool("reference_config")
PAGE = (REFERENCE / "configuration.md").read_text()


def test_the_page_is_what_the_keys_say() -> None:
    assert TOOL.page() == PAGE, "run .venv/bin/python tools/reference_config.py"


def test_every_setting_stands_there_once() -> None:
    assert re.findall(r"^\| `([a-z_.]+)` \|", PAGE, re.MULTILINE) == list(KEYS)


def test_the_example_is_understood(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "holdfast.yaml"
    file.write_text(example)
    layer = read(Source.USER, str(file))
    assert layer is not None
    config = resolve([layer])
    assert (config.poll_interval_s, config.allowed, config.prune_share) == (10.0, frozenset({"javascript"}), 0.2)
