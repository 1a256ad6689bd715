"""Which images a file names, and what pinning writes."""

from __future__ import annotations

import pytest

from holdfast.kit.image_reference import ImageReference
from holdfast.workload.image_pin import images_of, pinned, spelled

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
COMPOSE = f"""\
# The shop
x-image: &base "redis:7"   # an anchor names none
services:
  web: {{image: 'nginx:1.27', labels: {{image: nginx:1.27}}}}
  db:
    image:   postgres   # no tag
  cache:
    image: *base
  old:
    image: nginx:1.27@{ONE} # pinned
  own:
    build: .
    image: shop/own:1
  made:
    build:
      context: .
    image: shop/made:1
  variable:
    image: ghcr.io/acme/web:${{TAG}}
  wrong:
    image: "Nope:1"
"""
MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      initContainers: [{name: a, image: busybox:1}]
      containers:
      - name: web
        image: nginx:1.27
---
apiVersion: holdfast.dev/v1alpha1
kind: Container
spec: {image: nginx:1.27, env: {image: nginx:1.27}}
---
kind: ImagePolicy
spec: {image: nginx}
---
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: localhost:5000/job}]}}}}}
"""


def test_a_compose_file_names_the_images_that_are_not_built() -> None:
    found = images_of(COMPOSE)
    assert [(each.scalar.line, str(each.tagged or each.reason), each.is_pinned) for each in found] == [
        (4, "nginx:1.27", False),
        (6, "postgres", False),
        (10, "nginx:1.27", True),
        (19, "it holds a variable: pin what the variable stands for", False),
        (21, "its name has capital letters", False),
    ]


def test_resources_name_images_where_containers_are() -> None:
    assert [(each.scalar.document, str(each.tagged)) for each in images_of(MANIFESTS)] == [
        (0, "busybox:1"),
        (0, "nginx:1.27"),
        (1, "nginx:1.27"),
        (3, "localhost:5000/job"),
    ]


def test_only_the_images_change_and_only_once() -> None:
    digests = {ImageReference.parse("nginx:1.27"): TWO, ImageReference.parse("postgres"): TWO}
    once = pinned(COMPOSE, digests)
    assert once == COMPOSE.replace("'nginx:1.27'", f"'nginx:1.27@{TWO}'").replace("postgres  ", f"postgres:latest@{TWO}  ")
    assert pinned(once, digests) == once
    assert pinned(once, {**digests, ImageReference.parse("postgres:latest"): TWO}, is_update=True) == once.replace(ONE, TWO)
    assert pinned(COMPOSE, {}) == COMPOSE


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("nginx", "nginx:latest"),
        ("nginx:1", "nginx:1"),
        (f"nginx:1@{ONE}", "nginx:1"),
        (f"nginx@{ONE}", "nginx:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("docker.io/library/nginx:1", "docker.io/library/nginx:1"),
    ],
)
def test_the_tag_stays_before_the_digest(written: str, name: str) -> None:
    assert spelled(written, TWO) == f"{name}@{TWO}"
    assert ImageReference.parse(spelled(written, TWO)).digest == TWO
