"""What an import makes of Docker's documents, where no engine is needed to ask; the rest is tried on a real one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workload.compose.import_docker import Host, import_docker, is_managed
from holdfast.workload.compose.import_seen import Noted, size
from holdfast.workload.compose.import_service import duration
from holdfast.workload.compose.write import write

ID = "a" * 64


def service(
    config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, image: dict[str, Any] | None = None, **more: Any
) -> Any:
    """Return the service of one container, and what is told of it."""
    container = {
        "Id": ID,
        "Name": "/web",
        "Image": "sha256:1",
        "Config": {"Image": "nginx:1", **(config or {})},
        "HostConfig": host or {},
        **more,
    }
    images = {"sha256:1": {"Config": image or {}, "RepoTags": ["nginx:1"]}}
    (made,) = import_docker(Host(containers=[container], images=images, networks={}, volumes={}, info={}), name="shop")
    found = dict(made.model["services"]["web"])
    assert found.pop("container_name") == "web"
    return found, made.left


GPUS = {"reservations": {"devices": [{"count": "all", "capabilities": ["gpu"]}]}}
LOG = {"driver": "local", "options": {"a": "b"}}
BARE = {"image": "nginx:1", "network_mode": "bridge"}


@pytest.mark.parametrize(
    ("config", "host", "image", "more"),
    [
        ({"Env": ["A=1", "B=2"]}, {}, {"Env": ["A=1"]}, {"environment": {"B": "2"}}),
        ({"Cmd": ["x"], "Entrypoint": ["e"]}, {}, {"Cmd": ["x"], "Entrypoint": ["e"]}, {}),
        ({"Cmd": None, "Entrypoint": ["f"]}, {}, {"Cmd": ["x"], "Entrypoint": ["e"]}, {"entrypoint": ["f"]}),
        ({"Cmd": ["x"], "Entrypoint": ["f"]}, {}, {"Cmd": ["x"], "Entrypoint": ["e"]}, {"entrypoint": ["f"], "command": ["x"]}),
        ({"Hostname": ID[:12]}, {}, {}, {}),
        ({"Hostname": "till"}, {}, {}, {"hostname": "till"}),
        ({"Healthcheck": {"Test": ["NONE"]}}, {}, {"Healthcheck": {"Test": ["CMD", "x"]}}, {"healthcheck": {"disable": True}}),
        ({"Labels": {"a": "1", "b": "$2"}}, {}, {"Labels": {"a": "1"}}, {"labels": {"b": "$$2"}}),
        ({}, {"Memory": 1 << 30, "MemorySwap": 2 << 30}, {}, {"mem_limit": "1g"}),
        ({}, {"Memory": 1 << 30, "MemorySwap": -1}, {}, {"mem_limit": "1g", "memswap_limit": -1}),
        ({}, {"ShmSize": 64 << 20, "Runtime": "runc", "IpcMode": "private", "CgroupnsMode": "host"}, {}, {}),
        ({}, {"ShmSize": 1 << 20, "Runtime": "runsc"}, {}, {"shm_size": "1m", "runtime": "runsc"}),
        ({}, {"IpcMode": "host", "CgroupnsMode": "private"}, {}, {"ipc": "host", "cgroup": "private"}),
        ({}, {"RestartPolicy": {"Name": "always"}, "Init": True}, {}, {"restart": "always", "init": True}),
        ({}, {"LogConfig": {"Type": "json-file", "Config": {}}}, {}, {}),
        ({}, {"LogConfig": {"Type": "local", "Config": {"a": "b"}}}, {}, {"logging": LOG}),
        ({}, {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}, {}, {"deploy": {"resources": GPUS}}),
        ({}, {"Devices": [{"PathOnHost": "/a", "PathInContainer": "/b", "CgroupPermissions": "r"}]}, {}, {"devices": ["/a:/b:r"]}),
    ],
)  # fmt: skip
def test_what_nobody_asked_for_is_left_out(
    config: dict[str, Any], host: dict[str, Any], image: dict[str, Any], more: dict[str, Any]
) -> None:
    assert service(config, host, image) == ({**BARE, **more}, ())


def test_the_networks_of_others_are_shared_by_the_services_that_have_them() -> None:
    config = {"Image": "nginx:1"}
    one = {"Id": ID, "Name": "/db", "Image": "", "Config": config, "HostConfig": {"NetworkMode": "none"}}
    two = {
        "Id": "b" * 64,
        "Name": "/web",
        "Image": "",
        "Config": config,
        "HostConfig": {"NetworkMode": f"container:{ID}", "PidMode": "container:gone"},
    }
    (made,) = import_docker(Host(containers=[one, two], images={}, networks={}, volumes={}, info={}), name="shop")
    assert {key: each.get("network_mode") for key, each in made.model["services"].items()} == {"db": "none", "web": "service:db"}
    assert made.model["services"]["web"]["pid"] == "container:gone"


def test_an_image_by_its_id_is_told_with_its_name() -> None:
    found, left = service({"Image": "sha256:" + "1" * 64})
    assert found["image"] == "nginx:1"
    assert left == ("web: it was made of an image by its id; nginx:1 is the name of that image now",)


def test_what_a_service_cannot_say_is_told() -> None:
    _, left = service(host={"AutoRemove": True, "Links": ["/db:/web/db"], "PublishAllPorts": True}, State={"Paused": True})
    assert [each.partition(":")[0] for each in left] == ["web"] * 4


def test_durations_and_sizes_read_as_compose_reads_them() -> None:
    assert [duration(each) for each in (5_000_000_000, 1_500_000_000, 2_000, 7)] == ["5s", "1500ms", "2us", "7ns"]
    assert [size(each) for each in (1 << 30, 3 << 20, 5 << 10, 1000, -1)] == ["1g", "3m", "5k", 1000, -1]


def test_what_orchestrators_make_is_theirs() -> None:
    labels: tuple[dict[str, str], ...] = (
        {"com.docker.swarm.service.id": "1"},
        {"io.kubernetes.pod.uid": "1"},
        {"com.docker.compose.oneoff": "True"},
        {"a": "b"},
        {},
    )
    assert [is_managed({"Config": {"Labels": each}}) for each in labels] == [True, True, True, False, False]


_TEXT = st.text(max_size=12)
_PLAIN = st.none() | st.booleans() | st.integers() | _TEXT
_VALUES = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=12)


@given(st.dictionaries(_TEXT, _VALUES, max_size=4))
def test_what_is_written_reads_back(model: dict[str, Any]) -> None:
    assert yaml.safe_load(write(model, ["above"])) == (model or None)


def test_a_comment_stands_behind_its_value() -> None:
    assert write({"a": {"b": Noted("c d", "why")}}) == 'a:\n  b: "c d"  # why\n'
