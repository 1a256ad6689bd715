"""Write docs/reference/events.md from the tables in core/events.py and core/room_events.py: `.venv/bin/python tools/reference_events.py`.

Running it again changes nothing; tests/docs/test_events_reference.py fails when the page is not what this would write.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from holdfast.core import events, room_events

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "events.md"

INTRODUCTION = """# Events

`tools/reference_events.py` writes this page; do not edit it by hand.

Everything that happens is written down as an event, in order. `holdfast events` shows them, `holdfast history APP` those of one
Application, and `status --at TIME` is what they add up to. They are kept for the time of the setting
[`retention`](configuration.md).

With `--json` an event is

```json
{
  "seq": 93,
  "at": 1790000000.409,
  "type": "operation.failed",
  "subject": "Application/shop",
  "operation": "01K…",
  "revision": "bfd77ab4ed24…",
  "severity": "error",
  "key": null,
  "data": {"application": "shop"}
}
```

| field | what |
|---|---|
| `seq` | Its number: it grows, and never comes again. `events --since SEQ` goes on after it. |
| `at` | When, in seconds since 1970 (UTC). |
| `type` | One of the table below. A program passes over types that it does not know. |
| `subject` | A resource, `Application/NAME`, or `Holdfast`. |
| `operation` | The operation that it belongs to, or null. |
| `revision` | The commit that it is about, or null. |
| `severity` | `info`, `warning` or `error`. |
| `key` | Events with the same key say the same thing again; null where that is not asked. |
| `data` | What the table says, and `application`, `id` and `destination` where the event is about an Application or a resource. |

`error` and `errors[]` are error documents: `code`, `message`, `where[]`, `hint`. Times within `data` are as `at`, spans are in seconds.
"""


def table() -> dict[str, tuple[str, str]]:
    """Return the types with when they are written and what their data holds, as the docstring says."""
    text = "\n".join(inspect.getdoc(module) or "" for module in (events, room_events))
    rows = re.findall(r"^\| ([a-z_.]+) \| (.*?) \| (.*?)\s*\|$", text, re.MULTILINE)
    return {type: (when, data.strip()) for type, when, data in rows if type != "type"}


def page() -> str:
    """Return the page."""
    rows = [f"| `{type}` | {when} | {data or 'nothing more'} |" for type, (when, data) in table().items()]
    return "\n".join([INTRODUCTION, "| type | when | data |", "|---|---|---|", *rows]) + "\n"


def main() -> None:
    if not PAGE.exists() or PAGE.read_text() != page():
        PAGE.write_text(page())
        sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
