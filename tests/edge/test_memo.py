"""The memo: what was folded before never shows in what is folded now; and what is left out of a test is what serves already."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.edge.generate import EDGES, sites

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.fold import Folded, fold
from holdfast.edge.memo import Memo
from holdfast.edge.parse import parse
from holdfast.edge.part import Part
from holdfast.edge.route_spec import HealthSpec, MaintenanceSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.target_health import flag_of
from holdfast.edge.world import World
from holdfast.model.ids import ResourceId
from holdfast.testing.sites import BOOKWORM, MAINLINE, part, world_at

HOSTS = ("a.example.com", "b.example.com", "shop.example.com")
RESTING = st.sampled_from([frozenset[str](), frozenset({"unix:/run/web.1"})])
SLOTS = st.sampled_from([{}, {"Process/shop/web": ("unix:/run/web.0",)}, {"Process/shop/web": ("unix:/run/web.0", "unix:/run/web.1")}])
WORLDS = st.builds(
    lambda edge, capability, slots, resolved, resting, spare: world_at(
        edge=edge, capability=capability, slots=slots, resolved=resolved, resting=resting, spare=spare
    ),
    EDGES | st.just(EdgeSpec()),
    st.sampled_from([BOOKWORM, MAINLINE]),
    SLOTS,
    st.sampled_from([{}, {"app.internal": ("10.0.0.3",)}]),
    RESTING,
    RESTING,
)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[World, list[Part]]]:
    """Return worlds with parts, of which most stay as they were from one to the next."""
    worlds = draw(st.lists(WORLDS, min_size=1, max_size=2))
    pool = {name: [part(name, draw(sites(host))) for _ in range(2)] for name, host in zip("xyz", HOSTS, strict=True)}
    names = st.lists(st.sampled_from("xyz"), unique=True)
    return [
        (draw(st.sampled_from(worlds)), [draw(st.sampled_from(pool[name])) for name in draw(names)]) for _ in range(draw(st.integers(2, 5)))
    ]


def seen(folded: Folded) -> tuple[object, ...]:
    """Return all that a fold says; of what failed, who."""
    fields = (name for name in Folded.__dataclass_fields__ if name != "failed")
    return (sorted(folded.failed), *(getattr(folded, name) for name in fields))


@given(steps())
def test_a_fold_with_a_memo_gives_what_one_without_gives(several: list[tuple[World, list[Part]]]) -> None:
    memo, good = Memo(), dict[ResourceId, Part]()
    for world, parts in several:
        folded = fold(parts, world, good=good, memo=memo)
        assert seen(folded) == seen(fold(parts, world, good=good))
        good = dict(folded.served)


def simple(name: str, **fields: object) -> Part:
    targets = ("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80")
    return part(name, SiteSpec(hosts=(f"{name}.example.com",), targets=targets, **fields))  # type: ignore[arg-type]


def test_only_what_changed_is_rendered_anew() -> None:
    memo, world = Memo(), world_at()
    parts = [simple("a"), simple("b", health=HealthSpec())]
    before = fold(parts, world, memo=memo)
    (check,) = before.checks
    out = frozenset(flag_of(check.group, target) for target in check.targets[:2])
    after = fold([simple("a"), parts[1]], replace(world, out=out), memo=memo)
    texts = {(piece.owners[0].name, piece.is_server): piece.text for piece in before.pieces}
    for piece in after.pieces:
        is_same = piece.text is texts[piece.owners[0].name, piece.is_server]
        assert is_same is (piece.owners[0].name == "a"), "an equal part is the same, and who is left out of b is written down"


def test_maintenance_is_no_part_of_a_text_and_still_seen() -> None:
    memo, world = Memo(), world_at()
    closed = simple("a", maintenance=MaintenanceSpec(enabled=True))
    opened = replace(closed, spec=replace(closed.spec, maintenance=MaintenanceSpec()))
    assert len(fold([closed], world, memo=memo).flags) == 1
    assert len(fold([opened], world, memo=memo).flags) == 0


def test_what_serves_already_is_left_out_line_by_line() -> None:
    world = world_at()
    old = fold([simple("a"), simple("b"), simple("c")], world)
    new = fold([simple("a"), simple("b", trace=False), simple("c"), simple("d")], world)
    text = new.without(old)
    assert text.count("\n") == new.text.count("\n")
    kept = {each.args for server in parse("x", text.encode()).directives[-1].all("server") for each in server.all("server_name")}
    assert kept == {("_",), ("b.example.com",), ("d.example.com",), ("status.holdfast",)}
    for number, (line, whole) in enumerate(zip(text.split("\n"), new.text.split("\n"), strict=True), 1):
        assert line in {"", whole}
        if line != whole:
            assert {id.name for id in new.owners(number)} <= {"a", "b", "c"}, "a redirect of b is as it was"
