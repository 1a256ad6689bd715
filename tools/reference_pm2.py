"""Write docs/reference/pm2.md from the table in workload/pm2_fields.py: `.venv/bin/python tools/reference_pm2.py`.

Running it again changes nothing; tests/docs/test_pm2_reference.py fails when the page is not what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from holdfast.workload.pm2_fields import FIELDS, INTERPRETERS, How

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "pm2.md"

INTRODUCTION = """# PM2 ecosystem files

`tools/reference_pm2.py` writes this page; do not edit it by hand. [Run a PM2 ecosystem file](../how-to/pm2.md) says how to use one.

Read are `ecosystem.config.json`, `.yaml`, `.yml`, `.js` and `.cjs`, and `pm2.json`, `.yaml` and `.yml`, at the Application's path. The
JavaScript forms are read only where the local configuration says [`allow.javascript`](configuration.md). Each app becomes a
[Process](kinds.md#process) of its name. A field that PM2 does not know is an error that names the nearest known one.

The words on the right are fields of a Process. Durations without a unit are milliseconds, as in PM2.
"""

TITLES = {
    How.HONOURED: "What is honoured",
    How.WARNED: "Understood and not honoured: a warning of the Application names file and line",
    How.MOOT: "About PM2 itself: passed over, since there is nothing that it could mean here",
}


def page() -> str:
    """Return the page."""
    return "\n".join([INTRODUCTION, *lines()]).rstrip() + "\n"


def lines() -> Iterator[str]:
    for how, title in TITLES.items():
        yield from (f"## {title}", "", "| field | other names | what becomes of it |", "|---|---|---|")
        for field in FIELDS:
            if field.how is how:
                yield f"| `{field.key}` | {', '.join(f'`{alias}`' for alias in field.aliases)} | {field.says} |"
        yield ""
    yield from (
        "## Which program runs a script",
        "",
        "By its ending, where `interpreter` names none.",
        "",
        "| ending | program |",
        "|---|---|",
    )
    yield from (f"| `{ending}` | `{program}` |" for ending, program in INTERPRETERS.items())


def main() -> None:
    if not PAGE.exists() or PAGE.read_text() != page():
        PAGE.write_text(page())
        sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
