"""Write docs/reference/configuration.md from the keys of host/config.py: `.venv/bin/python tools/reference_config.py`.

Running it again changes nothing; tests/docs/test_config_reference.py fails when the page is not what this would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from holdfast.host.config import FILE_NAME, KEYS, PREFIX, SYSTEM_FOLDER, Key, Source

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "configuration.md"

INTRODUCTION = f"""# Configuration

`tools/reference_config.py` writes this page; do not edit it by hand. `holdfast config list` shows every setting with its value,
`holdfast config explain KEY` all that was said of one.

What Holdfast may do on this host is said here, by whoever runs it, and never in Git. Where several places name a setting, the first of
these wins:

| place | what |
|---|---|
| {Source.FLAG} | `--state DIR` |
| environment | the variable of the setting, such as `{PREFIX}POLL_INTERVAL`; an empty one says nothing |
| {Source.PROJECT} | `{FILE_NAME}` in the folder where the command is given |
| {Source.USER} | `$XDG_CONFIG_HOME/holdfast/{FILE_NAME}`, else `~/.config/holdfast/{FILE_NAME}` |
| {Source.SYSTEM} | `{SYSTEM_FOLDER}/{FILE_NAME}` |

A file is YAML. A path is absolute, or begins with `~/`. Dots in a name stand for nesting, and may be written as such:

```yaml
poll_interval: 10s
allow:
  javascript: true
prune:
  share: 0.2
```

The {Source.PROJECT} may have come with a checkout, so it counts as Git: what widens the power of Git is not taken from it, and a warning
says so. An unknown setting, or a value that is not understood, is an error with its place (exit code 64), and nothing is done.

Where `holdfast up` is given no `-f`, it brings up the Application files in `applications/` beside these files.
"""


def page() -> str:
    """Return the page."""
    lines = [INTRODUCTION, "| setting | default | widens | variable | what |", "|---|---|---|---|---|", *rows()]
    return "\n".join(lines) + "\n"


def rows() -> Iterator[str]:
    for key in KEYS.values():
        words = key.help.replace("|", "\\|")
        yield f"| `{key.name}` | {default(key)} | {'yes' if key.widens else ''} | `{key.variable}` | {words} |"


def default(key: Key) -> str:
    """Return the default as a file would say it; where it depends on the host, in words."""
    if key.name == "state":
        return "root: `/var/lib/holdfast`; else `$XDG_STATE_HOME/holdfast` (`~/.local/state/holdfast`)"
    shown = key.show(key.default)
    return f"`{shown if isinstance(shown, str) else json.dumps(shown)}`"


def main() -> None:
    if not PAGE.exists() or PAGE.read_text() != page():
        PAGE.write_text(page())
        sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
