"""What a container uses, from what engines of both cgroup versions say."""

from __future__ import annotations

from typing import Any

from holdfast.engines.docker.usage import Usage, usage_of

SECOND: dict[str, Any] = {
    "cpu_stats": {"cpu_usage": {"total_usage": 3_000}, "system_cpu_usage": 20_000, "online_cpus": 4},
    "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 12_000},
    "memory_stats": {"usage": 5_000, "limit": 9_000, "stats": {"inactive_file": 1_000}},
    "pids_stats": {"current": 3},
    "networks": {"eth0": {"rx_bytes": 10, "tx_bytes": 20}, "eth1": {"rx_bytes": 1, "tx_bytes": 2}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "read", "value": 7}, {"op": "Write", "value": 8}, {"op": "read", "value": 1}]},
}


def test_two_samples_give_the_processors_in_use() -> None:
    assert usage_of(SECOND) == Usage(cpus=1.0, memory=4_000, memory_limit=9_000, pids=3, received=11, sent=22, read=8, written=8)


def test_the_first_version_counts_its_processors_otherwise() -> None:
    first = {
        **SECOND,
        "cpu_stats": {"cpu_usage": {"total_usage": 3_000, "percpu_usage": [1, 2]}, "system_cpu_usage": 20_000},
        "memory_stats": {"usage": 5_000, "limit": 1 << 63, "stats": {"total_inactive_file": 500, "inactive_file": 1_000}},
    }
    found = usage_of(first)
    assert (found.cpus, found.memory, found.memory_limit) == (0.5, 4_500, None)


def test_what_is_not_counted_is_nothing() -> None:
    nothing = Usage(cpus=0.0, memory=0, memory_limit=None, pids=0, received=0, sent=0, read=0, written=0)
    assert usage_of({}) == usage_of({"networks": None, "blkio_stats": {"io_service_bytes_recursive": None}, "memory_stats": {}}) == nothing
