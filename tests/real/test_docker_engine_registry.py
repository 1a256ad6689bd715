"""Images from a real registry (Debian's docker-registry): fetched, pinned by digest, and what is refused."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.ports import free_port
from tests.real.docker_house import WELL_BEHAVED, DockerHouse, play

from holdfast.errors import EngineError
from holdfast.host.registry_credentials import RegistryCredentials
from holdfast.workload.container_spec import ContainerSpec

pytestmark = [pytest.mark.real, pytest.mark.needs("docker-registry", "htpasswd", *NEEDS)]
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
USER, PASSWORD = "tester", "not a secret"
CONFIG = """\
version: 0.1
log: {{ level: error }}
storage: {{ filesystem: {{ rootdirectory: {folder}/data }}, delete: {{ enabled: true }} }}
http: {{ addr: "127.0.0.1:{port}" }}
auth: {{ htpasswd: {{ realm: tests, path: {folder}/htpasswd }} }}
"""


@dataclass
class Registry:
    folder: Path
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def login(self, password: str = PASSWORD) -> RegistryCredentials:
        """Return the credentials that `docker login` would have written."""
        path = self.folder / f"config-{len(password)}.json"
        auth = b64encode(f"{USER}:{password}".encode()).decode()
        path.write_text(json.dumps({"auths": {self.host: {"auth": auth}}}))
        return RegistryCredentials(str(path), {})


@pytest.fixture
def registry(dockerd: Dockerd, tmp_path: Path) -> Iterator[Registry]:
    port = free_port()
    (tmp_path / "htpasswd").write_text(
        subprocess.run(["htpasswd", "-nbB", USER, PASSWORD], capture_output=True, text=True, check=True).stdout
    )
    (tmp_path / "config.yml").write_text(CONFIG.format(folder=tmp_path, port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(tmp_path / "config.yml")], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        ends_at = time.monotonic() + 10.0
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < ends_at, "the registry does not answer"
            time.sleep(0.05)
        yield Registry(tmp_path, port)
    finally:
        process.terminate()
        process.wait(10)


def pushed(dockerd: Dockerd, registry: Registry, tag: str, *changes: str) -> str:
    """Push an image, and have the host forget it; return its name."""
    name = f"{registry.host}/shop/web:{tag}"
    dockerd.busybox(name, ('CMD ["sleep","1000"]', *changes))
    who = b64encode(json.dumps({"username": USER, "password": PASSWORD, "serveraddress": registry.host}).encode()).decode()
    said = dockerd.ask("POST", f"/images/{registry.host}/shop/web/push?tag={tag}", is_json=False, headers={"X-Registry-Auth": who})
    assert b'"error"' not in said, said
    forget(dockerd, name)
    return name


def forget(dockerd: Dockerd, name: str) -> None:
    dockerd.ask("DELETE", f"/images/{name}?force=1")


def test_an_image_is_fetched_with_credentials_and_pinned_by_its_digest(dockerd: Dockerd, tmp_path: Path, registry: Registry) -> None:
    name = pushed(dockerd, registry, "1")

    async def script(house: DockerHouse) -> None:
        web = house.container(ContainerSpec(image=name, command=WELL_BEHAVED))
        await house.roll(web)
        pin = house.engine.images.pin(web.id)
        assert pin is not None
        assert pin.digest is not None
        first = house.named("web")["Image"]
        assert first == pin.id

        pushed(dockerd, registry, "1", "LABEL other=1")
        dockerd.ask("DELETE", f"/containers/{house.namespace}-web?force=1")
        forget(dockerd, first)
        await house.roll(web)
        assert house.named("web")["Image"] == first, "a heal fetches what was pinned, not what the tag means now"

        fresh = house.container(ContainerSpec(image=name, command=WELL_BEHAVED, pull_policy="always"))
        await house.roll(fresh)
        again = house.container(ContainerSpec(image=name, command=WELL_BEHAVED, pull_policy="always", env={"A": "1"}))
        await house.roll(again)
        assert house.named("web")["Image"] != first

    def prepare(house: DockerHouse) -> None:
        house.credentials = registry.login()

    play(dockerd, tmp_path, script, prepare=prepare)


def test_a_plan_tells_the_digest_and_the_apply_uses_it_though_the_tag_moves(dockerd: Dockerd, tmp_path: Path, registry: Registry) -> None:
    name = pushed(dockerd, registry, "3")

    async def script(house: DockerHouse) -> None:
        house.keeps = 1
        spec = ContainerSpec(image=name, command=WELL_BEHAVED, pull_policy="always")
        web = house.container(spec)
        digest = await house.engine.images.asked(house.engine.host(dockerd.address), name)
        assert await house.engine.forecast({web.id: web}) == {web.id: f"runs image {name} as {digest}, as the registry has it"}
        pushed(dockerd, registry, "3", "LABEL moved=1")
        await house.roll(web)
        pin = house.engine.images.pin(web.id)
        assert pin is not None
        assert pin.digest == digest
        first = house.named("web")["Image"]
        assert house.named("web")["Config"]["Image"] == name, "it is called by its tag"

        other = house.container(replace(spec, env={"A": "1"}))
        moved = await house.engine.images.asked(house.engine.host(dockerd.address), name)
        assert moved != digest
        await house.roll(other)
        pin = house.engine.images.pin(web.id)
        assert pin is not None
        assert pin.digest == moved, "nobody planned it: it is what the registry has now"
        assert first not in ids(dockerd), "we fetched it, and it is past the last one"

        house.keeps = 5
        kept = house.container(replace(spec, pull_policy="missing", env={"A": "2"}))
        assert "as it was pinned" in (await house.engine.forecast({kept.id: kept}))[kept.id]
        dockerd.busybox(f"{house.namespace}/mine:1")
        mine = house.container(ContainerSpec(image=f"{house.namespace}/mine:1", command=WELL_BEHAVED))
        await house.roll(mine)
        house.keeps = 1
        await house.roll(house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED)))
        standing = ids(dockerd)
        assert dockerd.ask("GET", f"/images/{house.namespace}/mine:1/json")["Id"] in standing, "we did not bring it"
        assert pin.id not in standing
        gone = house.container(ContainerSpec(image="127.0.0.1:1/not/there:1", command=WELL_BEHAVED), "gone")
        assert "it is not known which one it is" in (await house.engine.forecast({gone.id: gone}))[gone.id]

    def prepare(house: DockerHouse) -> None:
        house.credentials = registry.login()

    play(dockerd, tmp_path, script, prepare=prepare)


def ids(dockerd: Dockerd) -> set[str]:
    return {each["Id"] for each in dockerd.ask("GET", "/images/json?all=1")}


class Shelf:
    """The registry's own API: what no engine of one platform can push."""

    def __init__(self, registry: Registry) -> None:
        self._base = f"http://{registry.host}/v2/shop/web"
        self._who = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def _asked(self, method: str, url: str, data: bytes | None = None, **headers: str) -> tuple[bytes, str]:
        request = urllib.request.Request(url, data=data, method=method, headers={"Authorization": self._who, **headers})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read(), answer.headers.get("Location", "")

    def blob(self, digest: str) -> Any:
        return json.loads(self._asked("GET", f"{self._base}/blobs/{digest}")[0])

    def put_blob(self, value: Any) -> dict[str, Any]:
        data = json.dumps(value).encode()
        digest = f"sha256:{sha256(data).hexdigest()}"
        where = self._asked("POST", f"{self._base}/blobs/uploads/", b"")[1]
        self._asked("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}", data, **{"Content-Type": "application/octet-stream"})
        return {"digest": digest, "size": len(data)}

    def manifest(self, tag: str) -> bytes:
        return self._asked("GET", f"{self._base}/manifests/{tag}", Accept=MANIFEST)[0]

    def put_manifest(self, tag: str, data: bytes, kind: str) -> str:
        self._asked("PUT", f"{self._base}/manifests/{tag}", data, **{"Content-Type": kind})
        return f"sha256:{sha256(data).hexdigest()}"


def for_two_platforms(dockerd: Dockerd, registry: Registry, tag: str) -> str:
    """Push an image that there is for this machine's architecture and, with the same content, for s390x; return its name."""
    name = pushed(dockerd, registry, tag)
    shelf = Shelf(registry)
    here = shelf.manifest(tag)
    manifest = json.loads(here)
    config = shelf.blob(manifest["config"]["digest"])
    other = {**manifest, "config": {**manifest["config"], **shelf.put_blob({**config, "architecture": "s390x"})}}
    there = json.dumps(other).encode()
    known = [(here, config["architecture"]), (there, "s390x")]
    listed = [
        {
            "mediaType": MANIFEST,
            "size": len(data),
            "digest": shelf.put_manifest(f"{tag}-{architecture}", data, MANIFEST),
            "platform": {"os": "linux", "architecture": architecture},
        }
        for data, architecture in known
    ]
    shelf.put_manifest(tag, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode(), INDEX)
    return name


def test_a_service_runs_the_image_of_its_platform(dockerd: Dockerd, tmp_path: Path, registry: Registry) -> None:
    """What the host has under the same name for another platform is not taken for it; a heal keeps to it."""
    name = for_two_platforms(dockerd, registry, "5")

    async def script(house: DockerHouse) -> None:
        def architecture() -> str:
            found: str = dockerd.ask("GET", f"/images/{house.named('web')['Image']}/json")["Architecture"]
            return found

        plain = ContainerSpec(image=name, command=WELL_BEHAVED)
        await house.roll(house.container(plain))
        own = architecture()
        assert own != "s390x"
        web = house.container(replace(plain, platform="linux/s390x"))
        assert (await house.engine.forecast({web.id: web}))[web.id].endswith("as the registry has it")
        await house.roll(web)
        assert architecture() == "s390x"

        first = house.named("web")["Image"]
        dockerd.ask("DELETE", f"/containers/{house.namespace}-web?force=1")
        forget(dockerd, first)
        await house.roll(web)
        assert architecture() == "s390x", "a heal fetches it for the platform too"

        await house.roll(house.container(replace(plain, platform=own)))
        assert architecture() == own
        absent = house.container(replace(plain, platform="linux/riscv64"))
        with pytest.raises(EngineError) as refused:
            await house.roll(absent)
        assert refused.value.code == "HF3206"
        assert "linux/riscv64" in refused.value.message
        assert "platform" in str(refused.value.hint)

    def prepare(house: DockerHouse) -> None:
        house.credentials = registry.login()

    play(dockerd, tmp_path, script, prepare=prepare)


def test_what_a_registry_refuses_is_told_and_others_go_on(dockerd: Dockerd, tmp_path: Path, registry: Registry) -> None:
    name = pushed(dockerd, registry, "2")

    async def script(house: DockerHouse) -> None:
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED))
        await house.roll(web)
        wrong = house.container(ContainerSpec(image=name, command=WELL_BEHAVED), "wrong")
        with pytest.raises(EngineError) as refused:
            await house.roll(wrong)
        assert refused.value.code == "HF3207"
        assert "docker login" in str(refused.value.hint)
        house.credentials = registry.login()
        await house.restart()
        missing = house.container(ContainerSpec(image=name.replace(":2", ":9"), command=WELL_BEHAVED), "missing")
        with pytest.raises(EngineError) as nowhere:
            await house.roll(missing)
        assert nowhere.value.code == "HF3206"
        assert await house.state(web) == web.state
        await house.roll(house.container(replace(ContainerSpec(image=name), command=WELL_BEHAVED), "right"))

    def prepare(house: DockerHouse) -> None:
        house.credentials = registry.login("wrong")

    play(dockerd, tmp_path, script, prepare=prepare)
