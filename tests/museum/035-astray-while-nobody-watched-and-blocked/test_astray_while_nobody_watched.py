"""What was changed while the daemon was down stayed so, where Git's own change of it was blocked.

Found by seed 3842 of the simulator; mutation.toml brings it back.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.kit.canonical import Json
from holdfast.model.resource import ResourcePolicy
from holdfast.model.state import State
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import Stage, item, unit, wanted

pytestmark = pytest.mark.simulation

FIXED = ResourcePolicy(replace_on=frozenset({"fixed"}))
TOGETHER = ResourcePolicy(restart_with=frozenset({item("made")}))


async def fields_after_an_edit() -> dict[str, Json]:
    made = replace(wanted(item("made"), fixed=1), policy=FIXED)
    beside = replace(wanted(unit("beside"), 1, made.id), policy=TOGETHER)
    managed = Managed(name="shop", settings=Settings(automated=True, prune=False, self_heal=True))
    async with Stage([managed]) as stage:
        stage.commit("shop", made, beside)
        await stage.start()
        assert await stage.rest()
        await stage.die()
        stage.world.edit(made.id, State.of({"by": "hand"}))
        stage.commit("shop", replace(wanted(made.id, 2, fixed=2), policy=FIXED))  # `beside` stays as an orphan, and blocks it
        await stage.start()
        await stage.clock.sleep(30.0)
        return dict(stage.world.things[made.id].state.fields)


def test_it_is_mended() -> None:
    assert run(3842, fields_after_an_edit()) == {"version": 1, "fixed": 1}
