"""Kustomize: overlays rendered here, beside the `kustomize` program on the same files in the same run.

One overlay over a base of 1, 20 and 200 applications of three objects each. Figures are of the wall clock; `again` is a second render of a
commit that changed nothing of it, through the renderer that remembers by blob ids, and `one_changed` one in which a single file of the base
is another. The program is built by tools/kustomize; without Go its figures are left out.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.kubernetes.kustomize.build import build
from holdfast.kubernetes.kustomize.format import Kustomize
from holdfast.kubernetes.kustomize.library import Library
from holdfast.testing.rendering import Repository

ROOT = Path(__file__).resolve().parent.parent
N = 7
TARGET_RATIO = 1.0
APPLICATION = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: app{at}
  labels: {{app: app{at}}}
spec:
  replicas: 1
  selector:
    matchLabels: {{app: app{at}}}
  template:
    metadata:
      labels: {{app: app{at}}}
    spec:
      containers:
      - name: main
        image: nginx:1.25
        ports: [{{containerPort: 8080, name: http}}]
        env:
        - name: MODE
          valueFrom:
            configMapKeyRef: {{name: settings{at}, key: mode}}
---
apiVersion: v1
kind: Service
metadata:
  name: app{at}
spec:
  selector: {{app: app{at}}}
  ports: [{{port: 80, targetPort: http}}]
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings{at}
data: {{mode: plain}}
"""
OVERLAY = """resources: [../base]
namePrefix: prod-
namespace: prod
labels: [{pairs: {team: shop}, includeSelectors: true}]
images: [{name: nginx, newTag: "1.27"}]
configMapGenerator: [{name: generated, literals: [a=1]}]
patches:
- target: {kind: Deployment}
  patch: |-
    - {op: add, path: /spec/template/spec/containers/0/args, value: [--fast]}
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: app0}
    spec: {template: {spec: {containers: [{name: main, env: [{name: EXTRA, value: "1"}]}]}}}
"""


def repository(count: int) -> dict[str, str]:
    names = [f"app{at}.yaml" for at in range(count)]
    files = {f"base/{name}": APPLICATION.format(at=at) for at, name in enumerate(names)}
    return files | {"base/kustomization.yaml": json.dumps({"resources": names}), "overlay/kustomization.yaml": OVERLAY}


def timed(act: Callable[[], object], times: int = N) -> list[float]:
    found = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        found.append((time.perf_counter() - began) * 1e3)
    return found


def told(times_ms: Sequence[float]) -> dict[str, Any]:
    return {"n": len(times_ms), "median_ms": round(statistics.median(times_ms), 2), "worst_ms": round(max(times_ms), 2)}


def program() -> str | None:
    made = subprocess.run([ROOT / "tools" / "kustomize"], capture_output=True, text=True, check=False)
    return made.stdout.strip() if made.returncode == 0 else None


def peer(path: str | None, files: Mapping[str, str]) -> list[float] | None:
    """Return what the program takes for the same files, process start included, as whoever calls it pays."""
    if path is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_text(text)
        return timed(lambda: subprocess.run([path, "build", "overlay"], cwd=folder, stdout=subprocess.DEVNULL, check=True))


def remembered(files: Mapping[str, str]) -> dict[str, Any]:
    """Return what a renderer takes for the same content again, and where one file of the base is another."""
    below = {name.removeprefix("overlay/"): text for name, text in files.items() if name.startswith("overlay/")}
    around = {name: text for name, text in files.items() if not name.startswith("overlay/")}
    shop = Repository(path="overlay", files=below, around=around)
    renderer = Renderer(Registry(formats=(Kustomize(is_reached=True),)))
    shop.render(renderer)
    request = replace(shop.request(), repository=shop.repository())
    again = timed(lambda: renderer.render(request, {}))
    changed = []
    for turn in range(N):
        text = APPLICATION.format(at=0).replace("replicas: 1", f"replicas: {turn + 2}")
        other = replace(shop, around={**around, "base/app0.yaml": text})
        changed += timed(lambda it=other: it.render(renderer), 1)  # type: ignore[misc]
    return {"again": told(again), "one_changed": told(changed)}


def measured(path: str | None, files: Mapping[str, str]) -> dict[str, Any]:
    contents = {name: text.encode() for name, text in files.items()}
    built = build(Library(contents.get, "c" * 40), "overlay")
    assert not built.errors, built.errors
    ours = timed(lambda: build(Library(contents.get, "c" * 40), "overlay"))
    theirs = peer(path, files)
    answer: dict[str, Any] = {"objects": len(built.manifests), "holdfast": told(ours), **remembered(files)}
    if theirs is not None:
        answer["kustomize"] = told(theirs)
        answer["ratio"] = round(statistics.median(ours) / statistics.median(theirs), 3)
    return answer


def main() -> int:
    path = program()
    answers = {f"{count}_applications": measured(path, repository(count)) for count in (1, 20, 200)}
    print(json.dumps({"cores": os.cpu_count(), "repositories": answers}, indent=2))
    return int(any(each.get("ratio", 0) > TARGET_RATIO for each in answers.values()))


if __name__ == "__main__":
    sys.exit(main())
