"""Secrets as a user has them: one that comes late is taken up, one that is changed is rolled out, and none is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.house import House, house

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]
SAYS = "Process/shop/says"
DECLARED = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: { name: says }
spec:
  command: [sh, -c, 'echo "${#PASSWORD} long, beside $(wc -c <"$HOLDFAST_DATA_DIR/conf") bytes"; exec sleep 1000']
  env: { PASSWORD: { secret: password } }
  needs: [File/conf]
---
apiVersion: holdfast.dev/v1alpha1
kind: File
metadata: { name: conf }
spec: { path: conf, content: { secret: conf }, mode: "0600" }
"""


@pytest.fixture
def shop() -> Iterator[House]:
    with house() as it:
        yield it


def put(shop: House, name: str, value: str) -> None:
    (shop.state / "secrets" / name).write_text(value + "\n")


def said(shop: House) -> list[str]:
    return [line["text"] for line in shop.answer("logs", "shop")["data"]["lines"]]


def test_a_secret_that_comes_late_is_taken_up_without_a_commit(shop: House) -> None:
    shop.commit("secrets", declared_yaml=DECLARED)
    shop.up()
    failed = shop.happened("operation.failed")
    assert "cannot resolve secret conf" in failed["data"]["message"]
    put(shop, "conf", "12345678")
    put(shop, "password", "correct horse")
    shop.well()
    assert said(shop) == ["13 long, beside 8 bytes"]


def test_a_secret_that_is_changed_is_rolled_out_and_never_shown(shop: House) -> None:
    commit = shop.commit("secrets", declared_yaml=DECLARED)
    shop.up()
    put(shop, "conf", "12345678")
    put(shop, "password", "correct horse")
    shop.well(commit)
    before, after = shop.pid(SAYS), shop.newest()
    put(shop, "password", "battery staple")
    shop.happened("operation.succeeded", after=after)
    shop.well(commit)
    assert shop.pid(SAYS) != before
    assert said(shop)[-1] == "14 long, beside 8 bytes"
    shown = "".join(
        shop.run(*words, "--state", str(shop.state)).stdout for words in (("events", "--json"), ("render", str(shop.repository)))
    )
    assert "fingerprint" in shown
    assert "battery" not in shown
