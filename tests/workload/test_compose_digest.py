"""One meaning written in many ways is one state; another meaning is another one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.workload.compose_files import resources

WAYS: Mapping[str, tuple[str, ...]] = {
    "environment": ("environment: {A: '1', B: 'true'}", "environment: [B=true, A=1]", "environment: {B: true, A: 1}"),
    "ports": (
        "ports: ['127.0.0.1:8080:80', '127.0.0.1:9090:90']",
        "ports: ['127.0.0.1:9090:90/tcp', {target: 80, published: 8080, host_ip: 127.0.0.1}]",
        "ports: [{target: '90', published: '9090', host_ip: 127.0.0.1, mode: host}, '127.0.0.1:8080:80/TCP']",
    ),
    "range": ("ports: ['127.0.0.1:8080-8081:80-81']", "ports: ['127.0.0.1:8081:81', '127.0.0.1:8080:80']"),
    "volumes": (
        "volumes: ['data:/data:ro', './conf:/conf']",
        "volumes: [{type: bind, source: conf, target: /conf/}, {type: volume, source: data, target: /data, read_only: true}]",
        "volumes: ['./conf/../conf:/conf:rw', {type: volume, source: data, target: //data, read_only: 'yes'}]",
    ),
    "command": ("command: sh -c 'echo hi'", "command: [sh, -c, echo hi]", 'command: "sh  -c \\"echo hi\\""'),
    "memory": ("mem_limit: 512m", "mem_limit: 536870912", "deploy: {resources: {limits: {memory: 0.5g}}}", "mem_limit: 524288k"),
    "cpus": ("cpus: 1.5", "cpus: '1.50'", "deploy: {resources: {limits: {cpus: 1.5}}}"),
    "replicas": ("scale: 3", "deploy: {replicas: 3}", "deploy: {replicas: '3'}"),
    "healthcheck": ("healthcheck: {test: curl x, interval: 90s}", "healthcheck: {test: [CMD-SHELL, curl x], interval: 1m30s}"),
    "no healthcheck": ("healthcheck: {disable: true}", "healthcheck: {test: [NONE]}"),
    "networks": ("networks: [default]", "networks: {default: }", "labels: {}"),
    "depends_on": ("depends_on: [b]", "depends_on: {b: {condition: service_started}}"),
    "restart": ("restart: 'no'", "labels: {}", "deploy: {restart_policy: {condition: none}}"),
    "ulimits": ("ulimits: {nofile: 1024}", "ulimits: {nofile: {soft: 1024, hard: 1024}}", "ulimits: {nofile: '1024'}"),
    "hosts": ("extra_hosts: {a: 1.1.1.1, b: [2.2.2.2]}", "extra_hosts: ['b:2.2.2.2', 'a=1.1.1.1']"),
    "capabilities": ("cap_add: [NET_ADMIN, CHOWN]", "cap_add: [CAP_CHOWN, net_admin]"),
    "secrets": ("secrets: [s]", "secrets: [{source: s}]", "secrets: [{source: s, target: /run/secrets/s}]"),
    "labels": ("labels: [a=1, b=]", "labels: {b: , a: 1}", "labels: {a: '1', b: ''}"),
    "grace": ("stop_grace_period: 10s", "labels: {}"),
    "tmpfs": ("tmpfs: /run", "tmpfs: [/run]", "volumes: [{type: tmpfs, target: /run}]"),
    "gpus": ("gpus: all", "gpus: [{count: all}]", "gpus: [{count: -1, capabilities: [gpu]}]"),
}
OTHERS: Mapping[str, str] = {
    "environment": "environment: {A: '1', B: 'True'}",
    "ports": "ports: ['127.0.0.1:8080:80', '127.0.0.1:9091:90']",
    "range": "ports: ['127.0.0.1:8080-8082:80-82']",
    "volumes": "volumes: ['data:/data', './conf:/conf']",
    "command": "command: [sh, -c, 'echo', hi]",
    "memory": "mem_limit: 513m",
    "cpus": "cpus: 1.51",
    "replicas": "scale: 4",
    "healthcheck": "healthcheck: {test: [CMD, curl, x], interval: 90s}",
    "no healthcheck": "labels: {}",
    "networks": "networks: {default: {aliases: [x]}}",
    "restart": "restart: always",
    "ulimits": "ulimits: {nofile: {soft: 1023, hard: 1024}}",
    "hosts": "extra_hosts: {a: 1.1.1.2, b: 2.2.2.2}",
    "capabilities": "cap_add: [NET_ADMIN]",
    "secrets": "secrets: [{source: s, mode: 0400}]",
    "labels": "labels: [a=1]",
    "grace": "stop_grace_period: 11s",
    "tmpfs": "tmpfs: /run:size=1m",
    "gpus": "gpus: [{count: 1}]",
}


def state(*fields: str) -> tuple[str, object]:
    """Return the digest and the needs of a service with these fields."""
    lines = "\n".join(f"    {field}" for field in fields)
    found = resources(
        {
            "compose.yaml": f"services:\n  a:\n    image: a:1\n{lines}\n  b: {{image: b:1}}\n"
            "volumes: {data: }\nsecrets: {s: {external: true}}\nnetworks: {default: }\n",
            "conf/x": "1",
        }
    )
    container = found["Container/a"]
    return container.state.digest, sorted(map(str, container.policy.restart_with))


@pytest.mark.parametrize("name", WAYS)
def test_one_meaning_has_one_state(name: str) -> None:
    ways = {way: state(way) for way in WAYS[name]}
    assert len(set(map(str, ways.values()))) == 1, ways


@pytest.mark.parametrize("name", OTHERS)
def test_another_meaning_has_another_state(name: str) -> None:
    assert state(OTHERS[name])[0] != state(WAYS[name][0])[0]


SINGLE = [name for name in WAYS if name not in {"ports", "memory", "cpus", "replicas", "restart", "grace", "networks", "labels", "tmpfs"}]


@given(st.data())
def test_order_and_company_make_no_difference(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(SINGLE), min_size=1, max_size=6, unique=True))
    if {"healthcheck", "no healthcheck"} <= set(names):
        names.remove("no healthcheck")
    one = [data.draw(st.sampled_from(WAYS[name])) for name in names]
    other = [data.draw(st.sampled_from(WAYS[name])) for name in data.draw(st.permutations(names))]
    assert state(*one) == state(*other)


def test_every_field_that_is_honoured_shows_in_the_state() -> None:
    """What a field changes must be seen by the planner."""
    fields = {
        "hostname": "h",
        "domainname": "d",
        "user": "'1000'",
        "group_add": "[x]",
        "working_dir": "/w",
        "stop_signal": "SIGINT",
        "init": "true",
        "tty": "true",
        "stdin_open": "true",
        "read_only": "true",
        "cap_drop": "[ALL]",
        "security_opt": "['no-new-privileges:true']",
        "devices": "['/dev/ttyUSB0']",
        "device_cgroup_rules": "['c 1:3 mr']",
        "dns": "1.1.1.1",
        "dns_opt": "[use-vc]",
        "dns_search": "x.org",
        "mac_address": "'02:42:ac:11:65:43'",
        "ipc": "shareable",
        "cgroup": "private",
        "cgroup_parent": "p",
        "runtime": "runsc",
        "platform": "linux/arm64",
        "cpuset": "'0'",
        "cpu_shares": "5",
        "cpu_period": "5",
        "cpu_quota": "5",
        "mem_reservation": "5m",
        "memswap_limit": "-1",
        "mem_swappiness": "0",
        "oom_kill_disable": "true",
        "oom_score_adj": "5",
        "pids_limit": "5",
        "shm_size": "5m",
        "blkio_config": "{weight: 300}",
        "sysctls": "{net.core.somaxconn: 1}",
        "storage_opt": "{size: 1G}",
        "logging": "{driver: none}",
        "annotations": "{a: b}",
        "pull_policy": "always",
        "expose": "[80]",
        "entrypoint": "[]",
        "links": "['b:x']",
        "container_name": "xx",
        "deploy": "{update_config: {order: stop-first}}",
        "configs": "[c]",
    }
    text = "services: {a: {image: a:1, %s}, b: {image: b:1}}\nconfigs: {c: {content: x}}"
    digests = {key: resources(text % f"{key}: {value}")["Container/a"].state.digest for key, value in fields.items()}
    plain = resources(text % "labels: {}")["Container/a"].state.digest
    assert [key for key, digest in digests.items() if digest == plain] == []
    assert [pair for pair in itertools.combinations(digests, 2) if digests[pair[0]] == digests[pair[1]]] == []
