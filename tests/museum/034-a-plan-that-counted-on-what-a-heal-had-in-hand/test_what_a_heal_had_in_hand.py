"""A need was deleted while what needed it was being taken back to the state that needs it.

Found by seed 1014 of the simulator; mutation.toml brings it back.
"""

from __future__ import annotations

import pytest

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.model.plan import Policy
from holdfast.model.resource import Desired
from holdfast.testing.generate import story_of
from holdfast.testing.play import play
from holdfast.testing.shrink import Cut
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, item, unit, wanted
from holdfast.walk.look import Looker

pytestmark = pytest.mark.simulation
WEB, CONF = unit("web"), item("conf")
PRUNES = Policy(prune=True, prune_share=1.0)


def test_it_is_mended() -> None:
    story = story_of(1014)
    assert play(Cut(acts=tuple(range(7))).of(story)).violations == ()
    assert play(story).violations == ()


def test_what_somebody_has_in_hand_may_need_again_what_it_needed() -> None:
    """`web` stands as it is declared now, without a need of `conf`; who has it in hand may take it back to what was last applied."""

    async def main() -> tuple[set[object], set[object]]:
        async with Stage([Managed(name="shop", settings=Settings(automated=True, prune=True))]) as stage:
            stage.commit("shop", wanted(WEB, 1, CONF), wanted(CONF))
            await stage.start()
            assert await stage.rest()
            house = stage.house
            looker = Looker(walker=house.walker, ledger=house.ledger, journal=house.journal, clock=stage.clock)
            stage.world.edit(WEB, wanted(WEB, 2).state)
            assert house.walker.take(WEB)
            desired = Desired.of("shop", stage.heads["shop"], (wanted(WEB, 2),))
            held = await looker.look(desired, PRUNES)
            await house.walker.give_back([WEB])
            free = await looker.look(desired, PRUNES)
            return {change.id for change in held.plan}, {change.id for change in free.plan}

    assert run(0, main()) == (set(), {CONF})
