"""The engine on a real nginx keeps the contract that the simulated one is held to."""

from __future__ import annotations

import pytest
from tests.real.nginx_house import play

from holdfast.testing.contracts.nginx import LAWS

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]


@pytest.mark.parametrize("name", LAWS)
def test_the_engine_keeps_the_law_on_a_real_nginx(name: str) -> None:
    play(LAWS[name])
