"""Making a failing story shorter: fewer acts, fewer resources, no encores, as long as it still fails.

Greedy, one removal at a time, so the result has no act and no resource that it could do without. A cut is told as what is kept of a seed's
story, so that one command replays it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from holdfast.model.ids import ResourceId
from holdfast.testing.story import Story

MOST_PLAYS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is kept of a story."""

    acts: tuple[int, ...]
    """Numbers of the acts, from 0."""
    without: tuple[ResourceId, ...] = ()

    def of(self, story: Story) -> Story:
        teams = story.teams
        for id in self.without:
            teams = tuple(team.without(id) for team in teams)
        return replace(story, teams=teams, acts=tuple(story.acts[number] for number in self.acts), least_effects=0)

    def command(self, story: Story) -> str:
        """Return the command that plays it again."""
        acts = ",".join(map(str, self.acts))
        without = f" --without {','.join(map(str, self.without))}" if self.without else ""
        return f"holdfast-sim --seed {story.seed} --acts {acts}{without} --trace"


def shrink(story: Story, fails: Callable[[Story], bool]) -> Cut | None:
    """Return the smallest cut found that still `fails`; None where the story without its encores does not."""
    cut = Cut(acts=tuple(range(len(story.acts))))
    if not fails(cut.of(story)):
        return None
    plays = 1
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for smaller in _smaller(cut, story):
            if plays >= MOST_PLAYS:
                return cut
            plays += 1
            if fails(smaller.of(story)):
                cut, is_shorter = smaller, True
                break
    return cut


def _smaller(cut: Cut, story: Story) -> Iterator[Cut]:
    """Yield cuts with one act or one resource less."""
    for number in reversed(cut.acts):
        yield replace(cut, acts=tuple(other for other in cut.acts if other != number))
    for id in story.ids:
        if id not in cut.without:
            yield replace(cut, without=(*cut.without, id))
