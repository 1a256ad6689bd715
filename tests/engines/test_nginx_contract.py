"""The engine on the simulated nginx keeps the contract, whatever the order in which its tasks run."""

from __future__ import annotations

import pytest
from tests.engines.nginx_stage import play

from holdfast.testing.contracts.nginx import LAWS


@pytest.mark.parametrize("name", LAWS)
def test_the_engine_keeps_the_law_on_the_simulated_nginx(name: str) -> None:
    for seed in range(8):
        play(LAWS[name], seed=seed)
