"""Plans in words: what goes is always named, and each density shows what it says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.cli.daemon import blocked, change, hook, planned

from holdfast.cli.ink import Ink
from holdfast.cli.plan_text import Density, diff_lines, exit_code, plan_lines
from holdfast.cli.words import summary

BARE = Ink(False)


def text(data: dict[str, object], density: Density = Density.USUAL, width: int | None = None) -> str:
    return "\n".join(plan_lines(data, density, BARE, width))


FULL = planned(
    change("create", "web", fields=[{"path": "command", "before": None, "after": ["node"]}]),
    change("update", "worker", reason="drifted", wave=1, fields=[{"path": "env.LOG", "before": "info", "after": "debug"}]),
    change("delete", "old", wave=2, origin=None, fields=[{"path": "command", "before": ["old"], "after": None}]),
    held=(blocked("db", reason="is there and not ours", code="HF2010"),),
    unchanged=4,
)


def test_the_headline_counts_and_names_what_goes() -> None:
    assert text(FULL).splitlines()[0] == (
        "shop at aaaaaaaaaa: 1 to create, 1 to update, 1 to delete: Process/shop/old (4 resources unchanged)"
    )


def test_every_change_has_its_verb_its_reason_and_its_place() -> None:
    lines = text(FULL, Density.BRIEF).splitlines()
    assert "  wave 0" in lines
    assert "  + create  Process/shop/web     Git says it (shop/processes.yaml:3)" in lines
    assert "  ~ update  Process/shop/worker  it drifted from what was applied (shop/processes.yaml:3)" in lines
    assert "  - delete  Process/shop/old     Git no longer says it" in lines
    assert "  ! blocked Process/shop/db: is there and not ours; see `holdfast explain HF2010`" in lines


def test_each_density_shows_more_fields() -> None:
    assert "env.LOG" not in text(FULL, Density.BRIEF)
    assert '      env.LOG: "info" → "debug"' in text(FULL).splitlines()
    assert "command" not in text(FULL)
    full = text(FULL, Density.FULL).splitlines()
    assert '      command: + ["node"]' in full
    assert '      command: - ["old"]' in full
    assert "  digest abc123" in full


def test_long_values_are_shortened_on_a_screen_only() -> None:
    long = planned(change("update", "web", fields=[{"path": "x", "before": "a" * 300, "after": "b" * 300}]))
    assert "a" * 300 in text(long)
    assert "…" in text(long, width=80)
    assert "a" * 300 in text(long, Density.FULL, width=80)


def test_digests_are_short_but_for_the_full_density() -> None:
    moved = planned(change("update", "web", fields=[{"path": "release", "before": "a" * 64, "after": "b" * 64}]))
    assert f"release: {'a' * 12} → {'b' * 12}" in text(moved)
    assert "b" * 64 in text(moved, Density.FULL)


def test_a_refusal_says_what_approves_it() -> None:
    held = planned(held=(blocked("old", refused=True, reason="is protected", code="HF2006"),))
    assert "refused Process/shop/old: is protected" in text(held)
    assert "holdfast sync shop --approve abc123" in text(held)


def test_no_approval_is_offered_where_none_would_help() -> None:
    held = planned(held=(blocked("old", refused=True, reason="is owned by another", code="HF2003"),))
    assert "refused Process/shop/old: is owned by another" in text(held)
    assert "approve" not in text(held)


HOOKS = (
    hook("PreSync", "migrate", wave=-1, delete=["BeforeHookCreation", "HookSucceeded"]),
    hook("PostSync", "tell", generated=True, delete=[]),
    hook("SyncFail", "cry"),
    hook("PreDelete", "save"),
)


def test_hooks_that_run_are_listed_by_phase_with_when_they_go() -> None:
    data = planned(change("update", "web"), hooks=HOOKS)
    assert [line for line in text(data, Density.BRIEF).splitlines() if "Job" in line] == [
        "  » PreSync   batch/Job/shop/migrate  wave -1; deleted before it runs again and when it succeeds (shop/hooks.yaml:3)",
        "  » PostSync  batch/Job/shop/tell     under a new name; never deleted (shop/hooks.yaml:3)",
        "    SyncFail  batch/Job/shop/cry      only if the sync fails; deleted before it runs again (shop/hooks.yaml:3)",
    ]
    assert "batch/Job/shop/save  " in text(data, Density.FULL)
    assert "when the Application goes" in text(data, Density.FULL)


def test_hooks_that_do_not_run_are_counted() -> None:
    idle = planned(hooks=tuple({**each, "runs": False} for each in HOOKS))
    assert "4 hooks not run" in text(idle)
    assert "Job" not in text(idle)
    assert "PreSync   batch/Job/shop/migrate  not now; wave -1" in text(idle, Density.FULL)
    assert exit_code(idle) == 0
    assert exit_code(planned(hooks=HOOKS)) == 2, "an edit of a hook alone is a sync"


def test_diff_shows_both_sides_of_every_field() -> None:
    lines = list(diff_lines(FULL, BARE))
    assert lines[:4] == ["--- Process/shop/web (not there)", "+++ Process/shop/web (aaaaaaaaaa)", "@ command", '+ ["node"]']
    assert lines[lines.index("@ env.LOG") + 1 :][:2] == ['- "info"', '+ "debug"']
    assert "+++ Process/shop/old (gone)" in lines


def test_a_value_of_several_lines_is_compared_line_by_line() -> None:
    data = planned(change("update", "file", fields=[{"path": "content", "before": "a\nb", "after": "a\nc"}]))
    lines = list(diff_lines(data, BARE))
    assert lines[lines.index("@ content") + 1 :][:4] == ["- a", "- b", "+ a", "+ c"]


@given(st.lists(st.tuples(st.sampled_from(["create", "update", "replace", "delete"]), st.integers(0, 99)), max_size=30))
def test_whatever_is_deleted_or_replaced_is_named_in_whole(picked: list[tuple[str, int]]) -> None:
    changes = [change(verb, f"p{number}") for verb, number in picked]
    words = summary(changes)
    assert all(each["id"] in words for each in changes if each["verb"] in ("delete", "replace"))
    assert exit_code(planned(*changes)) == (2 if changes else 0)
