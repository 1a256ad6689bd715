"""Image policies from end to end: a real registry, a real repository, and the real program between them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.engines.registry_stage import Registry, basic, password_file, registry
from tests.real.house import APPLICATION, House, house

from holdfast.testing.git_repository import GitRepository

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "go")]

POLICY = """\
apiVersion: holdfast.dev/v1alpha1
kind: ImagePolicy
metadata: {{ name: web }}
spec:
  image: {registry}/web
  policy: {{ semver: {{ range: "^1.0" }} }}
  interval: 10s
{more}"""
UPDATE = """\
  update: {{ author: {{ name: Bot, email: bot@acme.test }}, message: "Roll {{summary}}\\n\\n{{changes}}\\n"{branch} }}
"""
FILE = """\
# What runs here.
apiVersion: holdfast.dev/v1alpha1
kind: File
metadata:   { name: image }   # a File stands for a container
spec:
  path: image.txt
  content:   "REGISTRY/web:1.0.0"  # {"$imagepolicy": "shop:web"}
"""


class Shop:
    """A House whose repository is a bare one that it may push to."""

    def __init__(self, it: House, images: Registry) -> None:
        self.house = it
        self.images = images
        self.bare = it.folder / "shop.git"
        it.environ = {
            "HOLDFAST_ALLOW_PUSH": "true",
            "HOLDFAST_REGISTRIES_PRIVATE": images.name,
            "HOME": str(it.folder),
            "DOCKER_CONFIG": str(it.folder),
        }
        it.file.write_text(APPLICATION.format(name="shop", repository=self.bare))
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.bare)], check=True)
        it.git("remote", "add", "origin", str(self.bare))

    def commit(self, more: str = "", **files: str) -> str:
        policy = POLICY.format(registry=self.images.name, more=more)
        commit = self.house.commit("by hand", policy_yaml=policy, file_yaml=FILE.replace("REGISTRY", self.images.name), **files)
        self.house.git("push", "-q", "origin", "main")
        return commit

    def show(self, what: str) -> str:
        done = subprocess.run(["git", "-C", str(self.bare), "show", what], capture_output=True, text=True, check=True)
        return done.stdout

    def written(self) -> str:
        return (self.house.state / "data" / "shop" / "image.txt").read_text()


@pytest.fixture(scope="module")
def images() -> Iterator[Registry]:
    with registry() as it:
        yield it


@contextmanager
def shop(images: Registry) -> Iterator[Shop]:
    with house() as it:
        yield Shop(it, images)


def test_a_new_tag_is_committed_and_deployed(images: Registry) -> None:
    images.push("web", ["1.0.0", "1.2.0", "1.10.0-rc.1", "2.0.0", "latest"])
    with shop(images) as it:
        before = it.commit(UPDATE.format(branch=""))
        it.house.up()
        told = it.house.happened("image.committed")
        assert told["data"]["branch"] == "main"
        assert told["data"]["changes"] == [
            {"path": "file.yaml", "line": 7, "before": f"{images.name}/web:1.0.0", "after": f"{images.name}/web:1.2.0"}
        ]
        assert it.show("main:file.yaml") == FILE.replace("REGISTRY", images.name).replace("web:1.0.0", "web:1.2.0")
        it.house.well(told["revision"])
        assert it.written() == f"{images.name}/web:1.2.0"
        log = subprocess.run(
            ["git", "-C", str(it.bare), "log", "-1", "--format=%an <%ae>%n%P%n%B", "main"], capture_output=True, text=True, check=True
        )
        assert log.stdout.strip().splitlines() == [
            "Bot <bot@acme.test>",
            before,
            f"Roll {images.name}/web:1.2.0",
            "",
            f"- file.yaml:7: {images.name}/web:1.0.0 -> {images.name}/web:1.2.0",
        ]
        seen = it.house.resource("ImagePolicy/shop/web")
        assert (seen["health"], seen["live"]["image"]) == ("Healthy", f"{images.name}/web:1.2.0")

        mark = it.house.newest()
        images.push("web", ["1.10.0"], "newer")
        told = it.house.happened("image.committed", after=mark)
        it.house.well(told["revision"])
        assert it.written() == f"{images.name}/web:1.10.0"
        # A restart chooses the same, and commits nothing.
        count = it.house.newest()
        it.house.end()
        it.house.up()
        it.house.well(told["revision"])
        assert not [each for each in it.house.client.get("/v1/events", after=count)["data"]["events"] if each["type"].startswith("image.")]


def test_of_several_sources_the_one_that_holds_the_marker_is_committed_to(images: Registry) -> None:
    images.push("web", ["1.0.0", "1.2.0"], "sources")
    with shop(images) as it:
        own = GitRepository(it.house.folder / "policies")
        policy = POLICY.format(registry=images.name, more=UPDATE.format(branch=""))
        first = own.commit({"images/policy.yaml": policy})
        it.house.commit("by hand", file_yaml=FILE.replace("REGISTRY", images.name))
        it.house.git("push", "-q", "origin", "main")
        source = f"source: {{ repoURL: {it.bare}, targetRevision: main, path: . }}"
        assert source in it.house.file.read_text()
        sources = f"sources: [{{ repoURL: {own.path}, targetRevision: main, path: images }}, {source.removeprefix('source: ')}]"
        it.house.file.write_text(it.house.file.read_text().replace(source, sources))
        it.house.up()
        told = it.house.happened("image.committed")
        it.house.well(f"{first}+{told['revision']}")
        [change] = told["data"]["changes"]
        assert (change["path"], change["before"]) == ("file.yaml", f"{images.name}/web:1.0.0")
        assert it.written() == change["after"] != change["before"]
        assert own.git("rev-parse", "main") == first


def test_a_branch_for_a_pull_request_is_pushed_once(images: Registry) -> None:
    digest = images.push("web", ["1.0.0", "1.99.0"], "branch")
    with shop(images) as it:
        before = it.commit("  digest: true\n" + UPDATE.format(branch=", branch: bot/images"))
        it.house.up()
        told = it.house.happened("image.committed")
        assert (told["data"]["branch"], it.show("bot/images:file.yaml")) == (
            "bot/images",
            FILE.replace("REGISTRY", images.name).replace("web:1.0.0", f"web:1.99.0@{digest}"),
        )
        it.house.well(before)
        assert it.written() == f"{images.name}/web:1.0.0"  # until somebody merges


def test_without_leave_nothing_is_pushed_and_that_is_told(images: Registry) -> None:
    images.push("web", ["1.0.0", "1.2.0"])
    with shop(images) as it:
        it.house.environ.pop("HOLDFAST_ALLOW_PUSH")
        before = it.commit(UPDATE.format(branch=""))
        it.house.up()
        told = it.house.happened("image.commit_failed")
        assert (told["data"]["code"], "allow.push" in told["data"]["hint"]) == ("HF4064", True)
        it.house.well(before)
        assert it.show("main:file.yaml") == FILE.replace("REGISTRY", images.name)


def test_a_registry_on_a_private_address_is_asked_only_where_this_host_allows_it(images: Registry) -> None:
    images.push("web", ["1.0.0", "1.2.0"])
    with shop(images) as it:
        it.house.environ.pop("HOLDFAST_REGISTRIES_PRIVATE")
        before = it.commit(UPDATE.format(branch=""))
        it.house.up()
        failed = it.house.happened("image.failed")
        assert (failed["data"]["code"], "127.0.0.1 is not public" in failed["data"]["message"]) == ("HF3247", True)
        it.house.well(before)
        assert it.show("main:file.yaml") == FILE.replace("REGISTRY", images.name)


def test_what_nothing_comes_of_is_told_and_the_rest_goes_on(images: Registry) -> None:
    images.push("web", ["0.1.0"])
    with registry() as empty, shop(empty) as it:
        empty.push("web", ["0.1.0"])
        stray = (
            "apiVersion: holdfast.dev/v1alpha1\nkind: File\nmetadata: { name: b }\n"
            'spec: { path: b, content: x }  # {"$imagepolicy": "shop:api"}\n'
        )
        before = it.commit(UPDATE.format(branch=""), other_yaml=stray)
        it.house.up()
        failed = it.house.happened("image.failed")
        assert (failed["data"]["code"], "is a version in ^1.0" in failed["data"]["message"]) == ("HF3246", True)
        strayed = it.house.happened("image.unmarked")
        assert strayed["data"]["problems"] == [{"message": "no ImagePolicy api in namespace shop is there", "where": "other.yaml:4:27"}]
        it.house.well(before)  # a registry that has nothing holds up no deployment
        mark = it.house.newest()
        empty.push("web", ["1.0.1"], "mended")
        assert it.house.happened("image.recovered", after=mark)["subject"] == "ImagePolicy/shop/web"
        told = it.house.happened("image.committed", after=mark)
        it.house.well(told["revision"])
        assert it.written() == f"{empty.name}/web:1.0.1"


def test_credentials_come_from_a_secret_of_the_host(tmp_path: Path) -> None:
    with registry(auth=password_file(tmp_path)) as images, shop(images) as it:
        images.login(basic())
        images.push("web", ["1.0.0", "1.3.0"])
        secrets = it.house.state / "secrets"
        secrets.mkdir(parents=True, mode=0o700)
        document = {"auths": {images.name: {"auth": basic().removeprefix("Basic ")}}}
        (secrets / "registry").write_text(json.dumps(document))
        it.commit("  credentials: { secret: registry }\n" + UPDATE.format(branch=""))
        it.house.up()
        told = it.house.happened("image.committed")
        it.house.well(told["revision"])
        assert it.written() == f"{images.name}/web:1.3.0"
        assert basic().removeprefix("Basic ") not in it.house.log.read_text() + json.dumps(it.house.client.get("/v1/status"))


@pytest.mark.parametrize(
    ("more", "reason", "place"),
    [
        (
            '  filterTags: { pattern: "(?=a)" }\n',
            "pattern '(?=a)': (? here begins something that needs backtracking or is not known",
            "8:26",
        ),
        ("  update: { message: '{who}' }\n", "message: it asks for something that there is not", "8:22"),
    ],
)
def test_what_cannot_be_followed_is_refused_at_its_line(images: Registry, more: str, reason: str, place: str) -> None:
    with shop(images) as it:
        it.commit(more)
        found = it.house.answer("plan", "-f", str(it.house.file), expect=1)
        assert found["data"]["code"] == "HF1450"
        assert found["data"]["message"] == f"cannot follow ImagePolicy web: {reason}"
        assert [f"{each['line']}:{each['column']}" for each in found["data"]["where"]] == [place]
