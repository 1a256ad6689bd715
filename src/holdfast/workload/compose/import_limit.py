"""Import limit: what a container may use, and how it is kept apart → the fields of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.workload.compose.import_seen import Seen, escaped_all, size

_PLAIN_HOST: Mapping[str, str] = {
    "CpuShares": "cpu_shares",
    "CpuPeriod": "cpu_period",
    "CpuQuota": "cpu_quota",
    "CpuRealtimePeriod": "cpu_rt_period",
    "CpuRealtimeRuntime": "cpu_rt_runtime",
    "CpusetCpus": "cpuset",
    "CgroupParent": "cgroup_parent",
    "OomKillDisable": "oom_kill_disable",
    "OomScoreAdj": "oom_score_adj",
    "Privileged": "privileged",
    "ReadonlyRootfs": "read_only",
    "Init": "init",
    "CapAdd": "cap_add",
    "CapDrop": "cap_drop",
    "SecurityOpt": "security_opt",
    "GroupAdd": "group_add",
    "DeviceCgroupRules": "device_cgroup_rules",
    "Dns": "dns",
    "DnsOptions": "dns_opt",
    "DnsSearch": "dns_search",
    "Sysctls": "sysctls",
    "StorageOpt": "storage_opt",
    "UTSMode": "uts",
    "UsernsMode": "userns_mode",
    "Annotations": "annotations",
}
"""Fields of HostConfig that mean the same in a service; empty ones are left out."""


def limits(seen: Seen) -> dict[str, Any]:
    made: dict[str, Any] = {}
    memory, swap = seen.host.get("Memory") or 0, seen.host.get("MemorySwap") or 0
    if seen.host.get("NanoCpus"):
        made["cpus"] = f"{seen.host['NanoCpus'] / 1e9:g}"
    if memory:
        made["mem_limit"] = size(memory)
    if seen.host.get("MemoryReservation"):
        made["mem_reservation"] = size(seen.host["MemoryReservation"])
    if swap and swap != 2 * memory:  # twice the memory is what Docker gives by itself
        made["memswap_limit"] = size(swap)
    if (swappiness := seen.host.get("MemorySwappiness")) is not None and swappiness != -1:
        made["mem_swappiness"] = swappiness
    if (pids := seen.host.get("PidsLimit") or 0) > 0:
        made["pids_limit"] = pids
    if ulimits := {
        str(each["Name"]): {"soft": each["Soft"], "hard": each["Hard"]} if each["Soft"] != each["Hard"] else each["Soft"]
        for each in seen.host.get("Ulimits") or ()
    }:
        made["ulimits"] = ulimits
    return made | _disks(seen)


def _disks(seen: Seen) -> dict[str, Any]:
    made: dict[str, Any] = {"weight": seen.host["BlkioWeight"]} if seen.host.get("BlkioWeight") else {}
    if weights := seen.host.get("BlkioWeightDevice"):
        made["weight_device"] = [{"path": each["Path"], "weight": each["Weight"]} for each in weights]
    for name in ("ReadBps", "ReadIOps", "WriteBps", "WriteIOps"):
        if rates := seen.host.get(f"BlkioDevice{name}"):
            key = {"ReadBps": "read_bps", "ReadIOps": "read_iops", "WriteBps": "write_bps", "WriteIOps": "write_iops"}[name]
            made[f"device_{key}"] = [{"path": each["Path"], "rate": each["Rate"]} for each in rates]
    return {"blkio_config": made} if made else {}


def plain(seen: Seen) -> dict[str, Any]:
    found = {key: seen.host.get(name) for name, key in _PLAIN_HOST.items()}
    return {key: escaped_all(value) for key, value in found.items() if value not in (None, "", 0, False, [], {})}


def namespaces(seen: Seen) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, key, usual in (("IpcMode", "ipc", {"", "private", "shareable"}), ("PidMode", "pid", {""})):
        mode = str(seen.host.get(name) or "")
        if mode in usual:
            continue
        service = seen.around.services.get(mode.removeprefix("container:"))
        made[key] = f"service:{service}" if mode.startswith("container:") and service else mode
    is_second = str(seen.around.info.get("CgroupVersion", "1")) == "2"
    mode = str(seen.host.get("CgroupnsMode") or "")
    if mode and mode != ("private" if is_second else "host"):
        made["cgroup"] = mode
    return made
