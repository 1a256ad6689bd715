"""Charts are rendered by a real helm: with what it is given, within its fences, and the same for as long as nothing is another."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.real.helm_program import folder_of_helm

from holdfast.errors import SourceError
from holdfast.host.helm import Helm, Request
from holdfast.kubernetes.helm.call import Chart
from holdfast.model.source import LINK, Blob, Tree
from holdfast.testing.rendering import Repository, as_bytes

pytestmark = pytest.mark.real
FILES: dict[str, str] = {
    "web/Chart.yaml": "apiVersion: v2\nname: site\nversion: 1.0.0\n",
    "web/values.yaml": "size: 1\n",
    "web/templates/web.yaml": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {size: {{ .Values.size | quote }}}\n"
    ),
    "prod.yaml": "size: 3\n",
}


class Blobs:
    def __init__(self, files: Mapping[str, str]) -> None:
        tree = Repository(files).tree()
        self._contents = {tree.blobs[path].id: as_bytes(content) for path, content in files.items()}
        self.reads = 0

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        self.reads += 1
        return {id: self._contents[id] for id in blob_ids}


def request(files: Mapping[str, str], options: Mapping[str, Any], links: Collection[str] = ()) -> Request:
    whole = Repository(files).tree()
    below = {path.removeprefix("web/"): blob for path, blob in whole.blobs.items() if path.startswith("web/")}
    own = {path: Blob(path=path, id=it.id, mode=LINK if path in links else it.mode, size=it.size) for path, it in below.items()}
    chart = Chart(application="shop", namespace="production", root="web", revision="r1")
    return Request(chart=chart, options=options, tree=Tree(revision=whole.revision, path="web", blobs=own), repository=whole, others={})


def rendered(more: Mapping[str, str] | None = None, links: Collection[str] = (), it: Helm | None = None, **options: Any) -> dict[str, Any]:
    files = {**FILES, **(more or {})}
    helm = it or Helm(git=Blobs(files), search_path=f"{folder_of_helm()}:/usr/bin:/bin")
    answer: dict[str, Any] = json.loads(asyncio.run(helm.template(request(files, options, links), "https://cluster")))
    return answer


def template(text: str) -> dict[str, str]:
    return {"web/templates/more.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: more}}\ndata: {{v: {text}}}\n"}


def test_a_chart_is_rendered_with_what_its_application_says() -> None:
    found = rendered(valueFiles=["../prod.yaml"], releaseName="mine")
    assert found["chart"] == "site"
    assert "# Source: site/templates/web.yaml" in found["output"]
    assert 'metadata: {name: mine}\ndata: {size: "3"}' in found["output"]
    assert found["files"] == ["Chart.yaml", "templates/web.yaml", "values.yaml"]
    assert 'size: "7"' in rendered(valueFiles=["../prod.yaml"], parameters=[{"name": "size", "value": "7"}])["output"]
    assert 'size: "size: 3\\n"' in rendered(fileParameters=[{"name": "size", "path": "/prod.yaml"}])["output"]


def test_what_helm_refuses_is_what_it_says() -> None:
    failed = rendered(template("{{ .Values.no.such }}"))["failed"]
    assert "site/templates/more.yaml:4:" in failed
    assert os.sep + "tmp" not in failed
    assert (
        "missing in charts/ directory: db"
        in rendered(
            {"web/Chart.yaml": FILES["web/Chart.yaml"] + "dependencies: [{name: db, version: 1.0.0, repository: 'https://127.0.0.1:9'}]\n"}
        )["failed"]
    )
    assert rendered(valueFiles=["gone.yaml"])["wrong"]["path"] == "valueFiles[0]"


def test_a_template_sees_its_chart_and_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    secret.chmod(0o644)
    looks = f'{{{{ printf "%s%s%v" (.Files.Get "../files/0") (.Files.Get "{secret}") (lookup "v1" "Secret" "a" "b") | quote }}}}'
    files = {
        **template(looks),
        "web/templates/link.yaml": str(secret),
    }
    found = rendered(files, links=["templates/link.yaml"], valueFiles=["../prod.yaml"])
    assert "hunter2" not in json.dumps(found)
    assert 'data: {v: "map[]"}' in found["output"]
    assert found["links"] == ["templates/link.yaml"]
    assert 'function "env" not defined' in rendered(template('{{ env "HOME" }}'))["failed"]


def test_a_template_that_eats_memory_or_never_ends_is_ended() -> None:
    def ended(text: str, cpu_s: int = 60, memory: int = 4 << 30) -> str:
        files = template(text)
        bounded = Helm(git=Blobs({**FILES, **files}), search_path=f"{folder_of_helm()}:/usr/bin:/bin", cpu_s=cpu_s, memory=memory)
        return str(rendered(files, it=bounded)["failed"])

    loop = "".join("{{ range until 1000 }}" for _ in range(4)) + "{{ end }}" * 4
    assert "memory or time" in ended(f"x{loop}", cpu_s=2)
    eats = '{{ $x := repeat 1000000 "x" }}{{ range until 1000000 }}{{ $x = printf "%s%s" $x $x }}{{ end }}{{ $x | quote }}'
    assert "memory" in ended(eats, memory=2 << 30)


def test_a_random_value_is_drawn_once(tmp_path: Path) -> None:
    files = {**FILES, **template("{{ randAlphaNum 20 }}")}
    path = f"{folder_of_helm()}:/usr/bin:/bin"
    blobs = Blobs(files)
    first = rendered(files, it=Helm(git=blobs, search_path=path, kept=tmp_path / "charts"))
    reads = blobs.reads
    again = rendered(files, it=Helm(git=blobs, search_path=path, kept=tmp_path / "charts"))
    assert again == first
    assert blobs.reads == reads, "nothing was read for it"
    (kept,) = (tmp_path / "charts").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    other = {**files, "web/values.yaml": "size: 2\n"}
    assert rendered(other, it=Helm(git=Blobs(other), search_path=path, kept=tmp_path / "charts")) != first


def test_where_there_is_no_helm_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="helm is not on PATH") as found:
        rendered(it=Helm(git=Blobs(FILES), search_path=str(tmp_path)))
    assert found.value.code == "HF1723"
