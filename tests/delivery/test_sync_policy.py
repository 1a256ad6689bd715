"""Sync policy: every option of Argo CD is honoured, moot or warned of."""

from __future__ import annotations

from holdfast.declare.annotation import MOOT_ON_HOST, SYNC_OPTIONS
from holdfast.delivery.sync_policy import Options, read_options


def test_every_option_has_an_answer() -> None:
    texts = tuple(f"{name}={value}" for name, values in SYNC_OPTIONS.items() for value in values)
    found = read_options(texts)
    assert found.errors == ()
    assert {text for _, text in found.in_vain} == {
        "ApplyOutOfSyncOnly=false",
        "Delete=confirm",
        "FailOnSharedResource=false",
        "Force=true",
        "PruneLast=true",
        "Replace=true",
        "RespectIgnoreDifferences=true",
    }
    assert set(SYNC_OPTIONS) >= MOOT_ON_HOST
    assert {text for _, text, _ in found.in_vain_in_cluster} == {
        "ApplyOutOfSyncOnly=false",
        "FailOnSharedResource=false",
        "ServerSideApply=false",
        "SkipDryRunOnMissingResource=false",
        "Validate=false",
    }


def test_of_an_option_that_stands_twice_the_later_counts() -> None:
    assert read_options(("Prune=confirm", "Prune = false")) == Options(prune="false", by_name={"Prune": "false"})


def test_wrong_options_are_told_by_their_index() -> None:
    assert read_options(("Prune=true", "Prune", "Prun=true")).errors == (
        (1, "sync option Prune takes true or false or confirm: write Prune=true"),
        (2, "unknown sync option 'Prun', did you mean Prune?"),
    )
