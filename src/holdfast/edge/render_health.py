"""Targets that are left out, rendered so that leaving one out is a file and no reload.

nginx below 1.27.3 reads who is in an upstream only when it reads its configuration. So each choice of targets that may be left out has a
group of its own, and a map finds the group by the flags that are there:

    set $out ""; if (-f flags/K.1.out) { set $out "${out}0."; } …        in the location: one look at a file a target
    map $out $group { "0." K_0; "1." K_1; "0.1." K_0_1; default K; }     in http

A group of another name has connections of its own, so none that was kept to a target that is left out is used again. A choice that has no
group (two of more than four) is written into the group itself, which needs a reload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from holdfast.edge.part import Path
from holdfast.edge.pieces import Pieces
from holdfast.edge.route_spec import HealthSpec, Route, UpstreamSpec
from holdfast.edge.target_health import Check, choices, flag_of, is_prepared
from holdfast.edge.tree import Directive

LABEL = "holdfast-look"
"""In place of the `*` of a host, when its application is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What chooses a group: `steps` stand in the location, `variable` names the group."""

    steps: tuple[Directive, ...]
    variable: str


def written_out(pieces: Pieces, group: str, targets: Sequence[str]) -> frozenset[str]:
    """Return the targets that the configuration itself must leave out: those that no flag can."""
    out = frozenset(target for target in targets if flag_of(group, target) in pieces.world.out)
    return frozenset() if is_prepared(len(out), len(targets)) else out


def switch(pieces: Pieces, group: str, targets: Sequence[str], make: Callable[[str, frozenset[str]], Directive]) -> Switch | None:
    """Add the groups in which some targets are left out; return what chooses among them, None where there is nothing to choose.

    `targets`: those that the group itself asks. `make` renders a group by its name and the targets that are missing in it.
    """
    if len(targets) < 2:
        return None
    entries = [Directive("default", (group,))]
    for out in choices(len(targets)):
        name = "_".join((group, *map(str, out)))
        pieces.http[f"upstream {name}"] = make(name, frozenset(targets[at] for at in out))
        entries.append(Directive("".join(f"{at}." for at in out), (name,)))
    marks, chosen = f"$holdfast_out_{group}", f"$holdfast_group_{group}"
    pieces.http[f"map {chosen}"] = Directive("map", (marks, chosen), tuple(entries))
    return Switch(steps=tuple(_steps(pieces, group, targets, marks)), variable=chosen)


def _steps(pieces: Pieces, group: str, targets: Sequence[str], marks: str) -> Iterator[Directive]:
    yield Directive("set", (marks, ""))
    for at, target in enumerate(targets):
        mark = Directive("set", (marks, f"${{{marks[1:]}}}{at}."))
        yield Directive("if", ("(-f", pieces.world.places.flag(flag_of(group, target)), ")"), (mark,))


def check_of(pieces: Pieces, path: Path, group: str, targets: tuple[str, ...], health: HealthSpec) -> Check:
    """Return how the targets of a path are asked."""
    spec = path.route.upstream or UpstreamSpec()
    host = pieces.part.spec.hosts[0]
    return Check(
        site=pieces.part.id,
        path=path.name,
        group=group,
        targets=targets,
        spec=health,
        host=spec.host or (f"{LABEL}{host[1:]}" if host.startswith("*") else host),
        scheme="https" if pieces.is_tls else "http",
        is_tls=spec.tls is not None,
        server_name=spec.tls.server_name if spec.tls is not None else None,
    )


def is_checked(route: Route) -> bool:
    return route.health is not None and (route.upstream or UpstreamSpec()).protocol in {"http1", "h2"}
