"""Usage: what a container uses, from ContainerStats, as `docker stats` counts it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from holdfast.kit.canonical import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """CPUs in use (1.0 is a whole one), bytes of memory without what the kernel may take back, and its limit, bytes moved."""

    cpus: float
    memory: int
    memory_limit: int | None
    pids: int
    received: int
    sent: int
    read: int
    written: int

    def to_json(self) -> dict[str, Json]:
        return asdict(self)


def usage_of(stats: Mapping[str, Any]) -> Usage:
    """Return what a container used between two samples, and holds now; what a kernel does not count is 0."""
    now, before = stats.get("cpu_stats") or {}, stats.get("precpu_stats") or {}
    used = _number(now, "cpu_usage", "total_usage") - _number(before, "cpu_usage", "total_usage")
    passed = _number(now, "system_cpu_usage") - _number(before, "system_cpu_usage")
    count = _number(now, "online_cpus") or len((now.get("cpu_usage") or {}).get("percpu_usage") or ()) or 1
    memory = stats.get("memory_stats") or {}
    details = memory.get("stats") or {}
    # cgroup v1 counts the page cache in: total_inactive_file is what docker stats takes off; v2 calls it inactive_file
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    usage, limit = _number(memory, "usage"), _number(memory, "limit")
    networks = (stats.get("networks") or {}).values()
    disks = [each for each in (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or () if isinstance(each, dict)]
    return Usage(
        cpus=round(used / passed * count, 4) if used > 0 and passed > 0 else 0.0,
        memory=usage - cache if cache < usage else usage,
        memory_limit=limit if 0 < limit < 1 << 60 else None,
        pids=_number(stats, "pids_stats", "current"),
        received=sum(_number(each, "rx_bytes") for each in networks),
        sent=sum(_number(each, "tx_bytes") for each in networks),
        read=sum(_number(each, "value") for each in disks if str(each.get("op", "")).lower() == "read"),
        written=sum(_number(each, "value") for each in disks if str(each.get("op", "")).lower() == "write"),
    )


def _number(document: Mapping[str, Any], *path: str) -> int:
    found: Any = document
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else 0
