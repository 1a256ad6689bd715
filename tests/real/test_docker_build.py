"""Images built from the files of a commit by a real Docker Engine: what a build sees, that it is built once, and why one fails.

And files that are copied into a container with an owner and a mode.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.docker_house import WELL_BEHAVED, DockerHouse, play
from tests.workload.compose_files import tree

from holdfast.errors import EngineError
from holdfast.kit.canonical import Json, digest_bytes
from holdfast.model.declaration import Declaration
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Origin, Resource
from holdfast.model.state import State
from holdfast.workload.build import answered, asks, tag
from holdfast.workload.build_spec import BuildSpec
from holdfast.workload.container_spec import ContainerSpec, ContainerStop, MountSpec

pytestmark = [pytest.mark.real, pytest.mark.needs(*NEEDS)]
DOCKERFILE = f"""\
FROM {SMALL} AS base
ARG COLOUR=none
COPY . /app
RUN echo $COLOUR > /colour && test ! -e /app/notes.md
FROM base AS other
RUN echo other > /colour
FROM base AS last
"""
APP = {
    "app/Dockerfile": DOCKERFILE,
    "app/page": "one",
    "app/notes.md": "x",
    "app/.dockerignore": "*.md\nDockerfile\n",
    "far/Dockerfile": "?",
}


def commit(house: DockerHouse, files: dict[str, str]) -> None:
    contents = {path: text.encode() for path, text in files.items()}
    house.trees.append(tree(contents))
    house.blobs |= {digest_bytes(data): data for data in contents.values()}


def built(house: DockerHouse, spec: BuildSpec, image: str) -> ContainerSpec:
    """Return a Container whose image is built as the newest commit has it."""
    files = {blob.path: house.blobs[blob.id] for blob in house.trees[-1].blobs.values()}
    answers = {ask: house.trees[-1].listing(ask.path) if ask.what == "tree" else files.get(ask.path) for ask in asks(spec)}
    declaration = Declaration(
        kind="Container",
        name="web",
        namespace=None,
        spec=None,
        origin=Origin(path="x", line=1, revision="r"),
        place=lambda path: _nowhere(),
    )
    found = answered(declaration, spec, answers)
    assert isinstance(found, BuildSpec), found
    return ContainerSpec(image=image, command=WELL_BEHAVED, build=found)


def _nowhere() -> Any:
    raise AssertionError("it is built from what is there")


def said(dockerd: Dockerd, house: DockerHouse, path: str, name: str = "web") -> str:
    """Return a file of a container."""
    data: bytes = dockerd.ask("GET", f"/containers/{house.namespace}-{name}/archive?path={path}", is_json=False)
    return data[512:].rstrip(b"\0").decode().strip()


def images(dockerd: Dockerd, image: str) -> set[str]:
    return {each for it in dockerd.ask("GET", "/images/json") for each in it["RepoTags"] or () if each.startswith(image)}


def forget(dockerd: Dockerd, image: str) -> None:
    for each in images(dockerd, image):
        dockerd.ask("DELETE", f"/images/{each}?force=1")


def test_an_image_is_built_from_the_commit_once_and_the_last_few_stay(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        name = f"{house.namespace}/shop"
        commit(house, APP)
        spec = BuildSpec(
            context="app", args={"COLOUR": "blue"}, labels={"of": "tests"}, tags=(f"{name}:extra",), extra_hosts=("a=10.0.0.1",)
        )
        first = house.container(built(house, spec, name))
        assert await house.engine.forecast({first.id: first}) == {first.id: f"builds image {name} from app"}
        await house.roll(first)
        assert (said(dockerd, house, "/app/page"), said(dockerd, house, "/colour")) == ("one", "blue")
        assert house.named("web")["Config"]["Image"] == name
        known = images(dockerd, name)
        assert known == {f"{name}:latest", f"{name}:extra", tag(name, built(house, spec, name).build or spec)}
        assert dockerd.ask("GET", f"/images/{name}/json")["Config"]["Labels"]["of"] == "tests"

        commit(house, {**APP, "app/notes.md": "other", "elsewhere": "new"})
        again = house.container(built(house, spec, name))
        assert again.state == first.state, "nothing that the build sees is another one"
        before = house.named("web")["Image"]
        twin = house.container(built(house, spec, name), "twin")
        assert await house.engine.forecast({twin.id: twin}) == {twin.id: f"runs image {name}, which is built already"}
        await house.roll(twin)
        assert house.named("twin")["Image"] == before
        await house.delete(twin)

        house.keeps = 2
        ids = [before]
        for version in ("two", "three"):
            commit(house, {**APP, "app/page": version})
            await house.roll(house.container(built(house, replace(spec, tags=()), name)))
            assert said(dockerd, house, "/app/page") == version
            ids.append(house.named("web")["Image"])
        standing = {each["Id"] for each in dockerd.ask("GET", "/images/json")}
        assert ids[0] in standing, "the twin ran it last"
        house.keeps = 1
        commit(house, {**APP, "app/page": "four"})
        await house.roll(house.container(built(house, replace(spec, tags=()), name)))
        assert ids[1] not in {each["Id"] for each in dockerd.ask("GET", "/images/json")}
        assert SMALL in images(dockerd, "holdfast-test/"), "what it was built on was never ours"
        forget(dockerd, name)

    play(dockerd, tmp_path, script)


def test_a_stage_a_dockerfile_from_elsewhere_and_a_heal(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        name = f"{house.namespace}/other"
        commit(house, {**APP, "far/Dockerfile": DOCKERFILE.replace("echo other", "echo far")})
        web = house.container(built(house, BuildSpec(context="app", dockerfile="../far/Dockerfile", target="other"), name))
        await house.roll(web)
        assert said(dockerd, house, "/colour") == "far"
        dockerd.ask("DELETE", f"/containers/{house.namespace}-web?force=1")
        forget(dockerd, name)
        await house.roll(web)
        assert said(dockerd, house, "/colour") == "far", "it was built again from the commit that has its files"
        dockerd.ask("DELETE", f"/containers/{house.namespace}-web?force=1")
        forget(dockerd, name)
        house.trees.clear()
        with pytest.raises(EngineError) as refused:
            await house.roll(web)
        assert refused.value.code == "HF3224"

    play(dockerd, tmp_path, script)


def test_a_build_that_fails_says_its_step_and_its_last_line_and_what_serves_goes_on(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        name = f"{house.namespace}/bad"
        commit(house, APP)
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED))
        await house.roll(web)
        inline = f"FROM {SMALL}\nRUN echo first\nRUN echo bad $((40 + 2)); exit 3\n"
        bad = house.container(built(house, BuildSpec(context="app", inline=inline), name))
        with pytest.raises(EngineError) as refused:
            await house.roll(bad)
        assert refused.value.code == "HF3223"
        assert "step 3 of 3, RUN echo bad $((40 + 2)); exit 3" in refused.value.message
        assert "its last line: bad 42" in refused.value.message
        assert "bad 42" in refused.value.log
        copied = house.container(built(house, BuildSpec(context="app", inline=f"FROM {SMALL}\nCOPY nowhere /x\n"), name))
        with pytest.raises(EngineError) as uncopied:
            await house.roll(copied)
        assert (uncopied.value.code, "step 2 of 2, COPY nowhere /x" in uncopied.value.message) == ("HF3223", True)
        missing = house.container(built(house, BuildSpec(context="app", inline="FROM holdfast-test/not-there:1\n"), name))
        with pytest.raises(EngineError) as nowhere:
            await house.roll(missing)
        assert nowhere.value.code in {"HF3206", "HF3207", "HF3201", "HF3223"}
        house.known[web.id] = web
        assert await house.state(web) == web.state

    play(dockerd, tmp_path, script)


def test_a_secret_has_the_owner_and_mode_that_git_says_and_another_value_is_another_container(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        house.secrets.values["key"] = "not told"
        secret: Json = {"secret": "key", "fingerprint": "f1"}
        for name, content in (("secret.key", secret), ("config.site", "plain\n")):
            file = Resource(id=ResourceId(HOST, "File", house.namespace, name), state=State.of({"path": f"x/{name}", "content": content}))
            house.known[file.id] = file
        mounts = (
            MountSpec(
                type="file",
                source="secret.key",
                target="/run/secrets/key",
                read_only=True,
                uid="65534",
                gid="100",
                mode="0400",
                secret="key",
            ),
            MountSpec(type="file", source="config.site", target="/etc/site.conf", read_only=True, uid="65534", content="c1"),
        )
        spec = ContainerSpec(
            image=SMALL, user="65534:65534", command=("sh", "-c", "cat /run/secrets/key > /tmp/seen; exec sleep 1000"), mounts=mounts
        )
        web = house.container(replace(spec, stop=ContainerStop(signal="SIGKILL")))
        await house.roll(web)
        assert said(dockerd, house, "/tmp/seen") == "not told", "it is read by the user that it is for"
        for path, owner, mode in (("/run/secrets/key", (65534, 100), 0o400), ("/etc/site.conf", (65534, 0), 0o444)):
            data = dockerd.ask("GET", f"/containers/{house.namespace}-web/archive?path={path}", is_json=False)
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                (entry,) = tar.getmembers()
            assert ((entry.uid, entry.gid), entry.mode & 0o7777) == (owner, mode)
        assert await house.state(web) == web.state
        assert "not told" not in json.dumps(house.named("web")), "what the engine tells of a container has no secret in it"

    play(dockerd, tmp_path, script)
