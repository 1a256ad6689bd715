"""Plans as Markdown: what a comment on a pull request says, and that nothing from Git ends the code that it stands in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.cli.daemon import blocked, change, hook, planned

from holdfast.cli.plan_markdown import code, plan_markdown

FULL = planned(
    change("create", "web", fields=[{"path": "command", "before": None, "after": ["node"]}]),
    change("update", "worker", reason="drifted", wave=1, fields=[{"path": "env.LOG", "before": "in`fo", "after": "de```bug"}]),
    change("delete", "old", wave=2, origin=None, fields=[{"path": "command", "before": ["old"], "after": None}]),
    held=(blocked("db", reason="is there and not ours", code="HF2010"),),
    unchanged=4,
)


def test_it_counts_names_what_goes_and_folds_the_fields_away() -> None:
    assert (
        "\n".join(plan_markdown(FULL))
        == """\
### `shop` at `aaaaaaaaaa`

1 to create, 1 to update, **1 to delete**: `Process/shop/old` (4 resources unchanged)

| | Resource | Why | Where |
|---|---|---|---|
| + create | `Process/shop/web` | Git says it | `shop/processes.yaml:3` |
| ~ update | `Process/shop/worker` | it drifted from what was applied | `shop/processes.yaml:3` |
| - delete | `Process/shop/old` | Git no longer says it |  |

<details><summary>Fields</summary>

````diff
@ Process/shop/worker
- env.LOG: "in`fo"
+ env.LOG: "de```bug"
````

</details>

- **blocked** `Process/shop/db`: `is there and not ours`, HF2010"""
    )


def test_nothing_to_do_says_so() -> None:
    assert "Nothing to do" in list(plan_markdown(planned()))


def test_hooks_have_a_table_of_their_own() -> None:
    hooks = (hook("PreSync", "mi|grate"), hook("SyncFail", "cry"), hook("PostDelete", "save"))
    lines = list(plan_markdown(planned(hooks=hooks)))
    assert lines[lines.index("| Phase | Hook | | Where |") + 2 :][:3] == [
        "| PreSync | `batch/Job/shop/mi\\|grate` | deleted before it runs again | `shop/hooks.yaml:3` |",
        "| SyncFail | `batch/Job/shop/cry` | only if the sync fails; deleted before it runs again | `shop/hooks.yaml:3` |",
        "",
    ]
    assert "Phase" not in "".join(plan_markdown(planned(hooks=(hook("PreSync", "idle", runs=False),))))


@given(st.text(max_size=40))
def test_no_text_ends_its_code(text: str) -> None:
    shown = code(text)
    fence = shown[: len(shown) - len(shown.lstrip("`"))]
    inner = shown[len(fence) : -len(fence)]
    assert fence not in inner
    assert "\n" not in shown
