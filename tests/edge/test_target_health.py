"""Targets and their checks: who is left out, by which file, and what the configuration says of it beforehand."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.fold import Folded, fold
from holdfast.edge.parse import parse
from holdfast.edge.render_guard import GATE
from holdfast.edge.route_spec import CanarySpec, HealthSpec, StickySpec, TargetSpec, UpstreamSpec, UpstreamTls
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.target_health import FEW, Standing, choices, flag_of, is_prepared, judge, left_out
from holdfast.edge.tree import Directive, walk
from holdfast.testing.sites import MAINLINE, part, world_at

HEALTH = HealthSpec(path="/ready", passes=2, fails=3)
names = st.sets(st.text("abc", min_size=1, max_size=3))


def stand(answers: str, spec: HealthSpec = HEALTH) -> str:
    """Return where a target stands after each answer: `+` passes, `-` fails; `i` in, `o` out."""
    standing, found = Standing(), ""
    for answer in answers:
        standing = judge(standing, passed=answer == "+", spec=spec)
        found += "i" if standing.is_in else "o"
    return found


def test_a_target_goes_after_three_failures_in_a_row_and_comes_back_after_two_passes() -> None:
    assert stand("--+---+-++-") == "iiiiiooooii"


@given(st.text("+-", max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_it_changes_sides_just_when_as_many_answers_in_a_row_speak_against_it(answers: str, passes: int, fails: int) -> None:
    spec = HealthSpec(passes=passes, fails=fails)
    found = stand(answers, spec)
    for at, (before, now) in enumerate(zip("i" + found, found, strict=False)):
        needed, against = (fails, "-") if before == "i" else (passes, "+")
        run = len(answers[: at + 1]) - len(answers[: at + 1].rstrip(against))
        since = len(found[:at]) - len(found[:at].rstrip(before)) if at else 0
        has_changed = now != before
        assert has_changed is (min(run, since + 1) >= needed)


@given(names, names)
def test_somebody_is_always_asked(failing: set[str], targets: set[str]) -> None:
    out = left_out(failing, targets)
    assert out <= failing & targets
    assert not targets or out != targets
    assert out == failing & targets or targets <= failing


@given(st.integers(0, 9))
def test_what_is_prepared_has_a_choice_of_its_own_and_leaves_somebody(count: int) -> None:
    found = choices(count)
    assert len(set(found)) == len(found)
    assert all(len(out) < count for out in found)
    for size in range(1, count):
        every = set(combinations(range(count), size))
        assert every <= set(found) if is_prepared(size, count) else every.isdisjoint(found)
    assert not is_prepared(count, count) or count == 0


def folded(*targets: str | TargetSpec, out: frozenset[str] = frozenset(), **fields: object) -> Folded:
    spec = SiteSpec(hosts=("a.example.com",), targets=targets, **{"health": HEALTH, **fields})  # type: ignore[arg-type]
    return fold([part(spec=spec)], world_at(out=out))


def tree(it: Folded) -> list[tuple[Directive, tuple[Directive, ...]]]:
    return list(walk(parse("nginx.conf", it.text.encode()).directives))


def groups(it: Folded) -> dict[str, list[str]]:
    """Return who is asked in each group, by the part of its name that says who is missing."""
    found = {}
    for each, _ in tree(it):
        if each.name == "upstream" and each.args != (GATE,):
            group = it.checks[0].group
            found[each.args[0].removeprefix(group)] = [one.args[0] for one in each.all("server")]
    return found


def test_each_choice_of_targets_has_a_group_and_nothing_is_rendered_anew_when_one_is_left_out() -> None:
    it = folded("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80")
    assert groups(it) == {
        "": ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"],
        "_0": ["10.0.0.2:80", "10.0.0.3:80"],
        "_1": ["10.0.0.1:80", "10.0.0.3:80"],
        "_2": ["10.0.0.1:80", "10.0.0.2:80"],
        "_0_1": ["10.0.0.3:80"],
        "_0_2": ["10.0.0.2:80"],
        "_1_2": ["10.0.0.1:80"],
    }
    group = it.checks[0].group
    gone = frozenset(flag_of(group, target) for target in it.checks[0].targets[:2])
    assert folded("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", out=gone).generation == it.generation


def test_a_choice_that_has_no_group_is_written_into_the_configuration() -> None:
    many = tuple(f"10.0.0.{at}:80" for at in range(FEW + 2))
    it = folded(*many)
    assert len(groups(it)) == 1 + len(many)
    flags = [flag_of(it.checks[0].group, target) for target in many]
    assert folded(*many, out=frozenset(flags[:1])).generation == it.generation
    two = folded(*many, out=frozenset(flags[:2]))
    assert groups(two)[""] == list(many[2:])
    assert two.checks == it.checks


def test_the_only_target_has_a_check_and_nothing_that_could_leave_it_out() -> None:
    it = folded("10.0.0.1:80")
    assert [check.targets for check in it.checks] == [("10.0.0.1:80",)]
    assert list(groups(it)) == [""]
    assert "proxy_pass http://" in it.text


def test_backups_alone_are_asked_as_the_others_were() -> None:
    it = folded("10.0.0.1:80", TargetSpec(address="10.0.0.2:80", backup=True))
    found = {each.args[0]: each for each, _ in tree(it) if each.name == "upstream"}
    group = it.checks[0].group
    assert "backup" in found[group].all("server")[1].args
    assert [one.args for one in found[f"{group}_0"].all("server")] == [("10.0.0.2:80", "max_fails=1", "fail_timeout=1s")]


def test_a_canary_and_a_sticky_cookie_go_with_it() -> None:
    it = folded("10.0.0.1:80", "10.0.0.2:80", canary=CanarySpec(targets=("10.0.0.9:80",), percent=5), sticky=StickySpec(cookie="at"))
    group = it.checks[0].group
    maps = {each.args: [(one.name, *one.args) for one in each.block or ()] for each, _ in tree(it) if each.name == "map"}
    (asked,) = (entries for (_, variable), entries in maps.items() if variable.startswith("$holdfast_asked_"))
    assert (group, f"$holdfast_group_{group}") in asked
    assert len([each for each, _ in tree(it) if each.name == "hash"]) == 4


def test_a_look_is_asked_as_the_application_is() -> None:
    (check,) = folded("10.0.0.1:443", upstream=UpstreamSpec(host="app", tls=UpstreamTls(server_name="inner"))).checks
    assert (check.host, check.is_tls, check.server_name) == ("app", True, "inner")
    (check,) = folded("10.0.0.1:80").checks
    assert (check.host, check.is_tls, check.server_name, check.scheme) == ("a.example.com", False, None, "https")
    (check,) = folded("10.0.0.1:80", certificate="none").checks
    assert check.scheme == "http"


def test_names_that_nginx_follows_are_not_checked() -> None:
    spec = SiteSpec(hosts=("a.example.com",), targets=("app.internal:80", "10.0.0.1:80"), health=HEALTH)
    it = fold([part(spec=spec)], world_at(capability=MAINLINE, edge=EdgeSpec(resolvers=("127.0.0.1",))))
    assert it.checks == ()
    assert ["follows" in note for notes in it.notes.values() for note in notes] == [True]


@pytest.mark.parametrize("address", ["unix:/run/a.sock", "[::1]:80", "10.0.0.1:80"])
def test_a_flag_is_a_plain_file_name_of_its_own(address: str) -> None:
    assert flag_of("g", address).replace(".", "").isalnum()
    assert flag_of("g", address) != flag_of("h", address) != flag_of("h", "10.0.0.2:80")
