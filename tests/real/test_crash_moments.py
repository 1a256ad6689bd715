"""Deaths of the real daemon at moments that are chosen: what random ones found once, held for good."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from tests.real.house import House, house

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]

SINGLE = "Process/shop/single"
SLOW_TO_END = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: single }}
spec:
  command: [sh, -c, "trap 'touch $HOLDFAST_DATA_DIR/asked; sleep 1; exit 0' TERM; while :; do sleep 0.02; done"]
  env: {{ WORD: "{word}" }}
  order: stop-first
  minReady: 0s
"""


@pytest.fixture
def shop() -> Iterator[House]:
    with house() as it:
        yield it


def test_what_a_death_cut_off_goes_on_and_is_not_healed_backwards_first(shop: House) -> None:
    """Between the stop and the start of a stop-first rollout nothing runs: that is no drift."""
    shop.commit("one", single_yaml=SLOW_TO_END.format(word="one"))
    shop.up()
    shop.well()
    before, pid = shop.newest(), shop.pid(SINGLE)
    second = shop.commit("two", single_yaml=SLOW_TO_END.format(word="two"))
    shop.until("the old one is asked to end", (shop.state / "data" / "shop" / "asked").exists)
    shop.end(signal.SIGKILL)
    shop.up()
    shop.well(second)
    told = shop.client.get("/v1/events", after=before)["data"]["events"]
    assert [event["data"]["pid"] for event in told if event["type"] == "process.started"] == [shop.pid(SINGLE)]
    assert [(event["data"]["pid"], event["data"]["expected"]) for event in told if event["type"] == "process.exited"] == [(pid, True)]
    assert not [event for event in told if event["type"] in ("resource.drifted", "resource.healed")]
