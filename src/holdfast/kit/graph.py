"""Graphs as mappings: topological levels, a cycle to show, reachability. Nothing recurses; results do not depend on input order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

N = TypeVar("N", bound=Any)


def levels(waits: Mapping[N, Collection[N]]) -> dict[N, int]:
    """Return for each key one more than the highest level it waits for, 0 where it waits for none; what is no key is ignored.

    In the order of `waits`, one step an edge. Raises ValueError naming a cycle.
    """
    waiting = dict.fromkeys(waits, 0)
    dependants: defaultdict[N, list[N]] = defaultdict(list)
    for node, others in waits.items():
        for other in others:
            if other in waits:
                waiting[node] += 1
                dependants[other].append(node)
    found: dict[N, int] = {}
    ready = [node for node, count in waiting.items() if not count]
    level = 0
    while ready:
        found.update(dict.fromkeys(ready, level))
        level += 1
        ready = _released(ready, waiting, dependants)
    if len(found) < len(waits):
        raise ValueError(f"cycle: {' → '.join(map(str, find_cycle(waits) or ()))}")
    return {node: found[node] for node in waits}


def _released(done: Iterable[N], waiting: dict[N, int], dependants: Mapping[N, Collection[N]]) -> list[N]:
    """Count `done` down in `waiting` and return what now waits for nothing (Kahn 1962)."""
    free = []
    for node in done:
        for dependant in dependants.get(node, ()):
            waiting[dependant] -= 1
            if not waiting[dependant]:
                free.append(dependant)
    return free


def find_cycle(waits: Mapping[N, Collection[N]]) -> tuple[N, ...] | None:
    """Return one cycle, its smallest node first and again at the end, or None. Of several it is always the same one."""
    done: set[N] = set()
    for start in sorted(waits):
        path: list[N] = []
        on_path: set[N] = set()
        stack: list[tuple[N, list[N]]] = []
        if start not in done:
            stack.append((start, sorted(waits[start], reverse=True)))
            path.append(start)
            on_path.add(start)
        while stack:
            node, rest = stack[-1]
            if not rest:
                stack.pop()
                path.pop()
                on_path.discard(node)
                done.add(node)
                continue
            other = rest.pop()
            if other in on_path:
                ring = path[path.index(other) :]
                first = ring.index(min(ring))
                return (*ring[first:], *ring[:first], ring[first])
            if other not in done and other in waits:
                stack.append((other, sorted(waits[other], reverse=True)))
                path.append(other)
                on_path.add(other)
    return None


def reachable(roots: Iterable[N], edges: Mapping[N, Collection[N]]) -> set[N]:
    """Return `roots` and all that can be reached from them."""
    found = set(roots)
    edge = list(found)
    while edge:
        fresh = [other for other in edges.get(edge.pop(), ()) if other not in found]
        found.update(fresh)
        edge.extend(fresh)
    return found


def reverse(edges: Mapping[N, Collection[N]]) -> dict[N, set[N]]:
    """Return the same edges the other way round; only nodes that something points at are keys."""
    found: defaultdict[N, set[N]] = defaultdict(set)
    for node, others in edges.items():
        for other in others:
            found[other].add(node)
    return dict(found)
