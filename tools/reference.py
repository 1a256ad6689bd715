"""Write docs/reference/kinds.md, site.md and the JSON Schemas beside them from the specs: `.venv/bin/python tools/reference.py`.

One source: the dataclasses that files are decoded by, and the docstrings of their fields. Running it again changes nothing;
tests/docs/test_reference.py fails when the pages are not what this would write.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.declare.document import Path as Steps
from holdfast.declare.hint import (
    Hint,
    SpecField,
    bare,
    choices,
    element,
    entries,
    expectation,
    is_raw,
    is_spec,
    scalar,
    spec_fields,
    union,
)
from holdfast.declare.schema import Docs, encode, field_docs, json_schema
from holdfast.delivery.application_spec import ApplicationSpec
from holdfast.delivery.project_spec import AppProjectSpec
from holdfast.delivery.unhonoured import APPLICATION_FIELDS, CHART_FIELDS, NO_CHART, PROJECT_FIELDS, SOURCE_FIELDS
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.nginx_file import NginxFileSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.workload.container_spec import ContainerSpec, NetworkSpec, VolumeSpec
from holdfast.workload.file import FileSpec
from holdfast.workload.image_policy_spec import ImagePolicySpec
from holdfast.workload.process_spec import ProcessSpec

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "holdfast"
REFERENCE = ROOT / "docs" / "reference"
ARGO = "argoproj.io/v1alpha1"
OWN = "holdfast.dev/v1alpha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One kind: its spec, and where that is written."""

    name: str
    api_version: str
    spec_type: type[Any]
    modules: tuple[str, ...]
    example: str
    passed_over: tuple[str, ...] = ("status",)
    unhonoured: Mapping[str, str]


def spoken(prefix: str, table: Mapping[Steps, str]) -> dict[str, str]:
    return {f"{prefix}{'.'.join(map(str, path))}": why for path, why in table.items()}


KINDS = (
    Page(
        name="Application",
        api_version=ARGO,
        spec_type=ApplicationSpec,
        modules=("delivery/application_spec.py", "delivery/source_spec.py"),
        example="""
metadata:
  name: shop
spec:
  source: {repoURL: https://git.example/shop, targetRevision: main, path: deploy}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
""",
        passed_over=("status", "operation"),
        unhonoured=spoken("spec.", APPLICATION_FIELDS) | spoken("spec.source.", {**SOURCE_FIELDS, **NO_CHART, **CHART_FIELDS}),
    ),
    Page(
        name="AppProject",
        api_version=ARGO,
        spec_type=AppProjectSpec,
        modules=("delivery/project_spec.py",),
        example="""
metadata:
  name: web
spec:
  sourceRepos: ["https://git.example/*"]
  destinations: [{server: "host://local", namespace: "*"}]
  syncWindows:
    - {kind: deny, schedule: "0 22 * * *", duration: 8h, timeZone: Europe/Berlin, applications: ["*"], manualSync: true}
""",
        unhonoured=spoken("spec.", PROJECT_FIELDS) | {"spec.orphanedResources": "of an Application whose destination is no cluster"},
    ),
    Page(
        name="Process",
        api_version=OWN,
        spec_type=ProcessSpec,
        modules=("workload/process_spec.py",),
        example="""
metadata:
  name: web
spec:
  command: [python3, server.py]
  replicas: 2
  sockets: [{name: http, port: 8080}]
  probes: {readiness: {http: {path: /ready}, period: 1s}}
""",
        unhonoured={},
    ),
    Page(
        name="File",
        api_version=OWN,
        spec_type=FileSpec,
        modules=("workload/file.py", "workload/process_spec.py"),
        example="""
metadata:
  name: settings
spec:
  path: settings.toml
  contentFrom: {file: config/production.toml}
  mode: "0640"
""",
        unhonoured={},
    ),
)

SITES = (
    Page(
        name="Site",
        api_version=OWN,
        spec_type=SiteSpec,
        modules=("edge/site_spec.py", "edge/route_spec.py"),
        example="""
metadata:
  name: shop
spec:
  hosts: [shop.example.com, www.shop.example.com]
  canonicalHost: shop.example.com
  service: web
  rateLimit: [{rate: 20r/s, burst: 40}]
  paths:
    - {path: /api, service: api, stripPrefix: true, timeouts: {read: 60s}}
    - {path: /assets/, static: {root: public/assets, maxAge: 30d}}
    - {path: /old, redirect: {to: https://shop.example.com/new}}
""",
        unhonoured={},
    ),
    Page(
        name="NginxFile",
        api_version=OWN,
        spec_type=NginxFileSpec,
        modules=("edge/nginx_file.py",),
        example="""
metadata:
  name: old
spec:
  file: nginx/old.conf
""",
        unhonoured={},
    ),
    Page(
        name="Certificate",
        api_version=OWN,
        spec_type=CertificateSpec,
        modules=("edge/certificate_spec.py", "edge/route_spec.py"),
        example="""
metadata:
  name: everything
spec:
  hosts: [example.com, "*.example.com"]
  files: {certificate: {secret: everything.pem}, key: {secret: everything.key}}
""",
        unhonoured={},
    ),
    Page(
        name="Edge",
        api_version=OWN,
        spec_type=EdgeSpec,
        modules=("edge/edge_spec.py", "edge/route_spec.py", "edge/issuer_spec.py"),
        example="""
metadata:
  name: edge
spec:
  trustedProxies: [10.0.0.0/24]
  tls: {profile: modern}
  defaults: {maxBody: 50Mi, headers: {preset: strict}}
""",
        unhonoured={},
    ),
)

POLICIES = (
    Page(
        name="ImagePolicy",
        api_version=OWN,
        spec_type=ImagePolicySpec,
        modules=("workload/image_policy_spec.py", "workload/process_spec.py"),
        example="""
metadata:
  name: web
spec:
  image: ghcr.io/acme/web
  policy: {semver: {range: "^1.2"}}
  update: {branch: bot/images}
""",
        unhonoured={},
    ),
)

CONTAINERS = (
    Page(
        name="Container",
        api_version=OWN,
        spec_type=ContainerSpec,
        modules=("workload/container_spec.py", "workload/build_spec.py", "workload/supervised.py", "workload/process_spec.py"),
        example="""
metadata:
  name: web
spec:
  image: nginx:1.27
  ports: [{target: 80, published: 8080, hostIp: 127.0.0.1}]
  networks: [{network: front}]
  mounts: [{type: volume, source: cache, target: /var/cache/nginx}]
  healthcheck: {test: [CMD-SHELL, curl -fs localhost], interval: 5s}
  needs: [Network/front, Volume/cache]
""",
        unhonoured={},
    ),
    Page(
        name="Network",
        api_version=OWN,
        spec_type=NetworkSpec,
        modules=("workload/container_spec.py",),
        example="""
metadata:
  name: front
spec:
  internal: true
""",
        unhonoured={},
    ),
    Page(
        name="Volume",
        api_version=OWN,
        spec_type=VolumeSpec,
        modules=("workload/container_spec.py",),
        example="""
metadata:
  name: cache
spec: {}
""",
        unhonoured={},
    ),
)

CONTAINER_INTRODUCTION = """# Containers, networks and volumes

What a [compose file](compose.md) becomes, and what may be written by hand, field by field. `tools/reference.py` writes this page from the
specs themselves; a JSON Schema of each kind lies in [schemas](schemas/), for editors.

They live at the Application's destination. A container that would open a database or the host is refused, as in a compose file.
"""

SITE_INTRODUCTION = """# Sites, certificates and the edge

What may be written about web sites and the nginx in front of them, field by field. `tools/reference.py` writes this page from the specs
themselves; a JSON Schema of each kind lies in [schemas](schemas/), for editors.

A Site says its hosts and what answers: a service, addresses, files, or a redirect. Its `paths` say what is answered otherwise; what a path
does not say is as the Site says, and what neither says is as the Edge says. A path that names an answer of its own takes over nothing that
belongs to the other answer: balance, cache, canary, retries. An exact path wins, then the longest prefix, then patterns in the order
written, then `/`. A prefix stands for whole segments: `/api` is `/api` and `/api/orders`, never `/apis`.

Sites of several Applications may share a host with different paths. Who holds a path keeps it; a Site that wants what another holds, or
that this nginx cannot serve, stays at its last good version and its Application is Degraded. Texts are values: no text can add a directive,
and `$` is a plain character.

Files beneath `STATE/edge/flags` close a Site or a path without a reload: maintenance, an open breaker, a target that is left out.

With `health` each target is asked by itself, a little jittered. One that fails so often in a row is left out until it passes again;
where none passes all are asked, so the only one stays in. Of up to four targets any may be left out without a reload, of more one; a
second one is written into the configuration. With `breaker` the answers of the last ten seconds are judged: where too many fail or are
slow, requests get 503 or the fallback's answer; after `open` a tenth of them is let through, and five answers settle whether it closes.
Both are events (`edge.target_…`, `edge.breaker_…`), and the Site is Degraded meanwhile.
"""

INTRODUCTION = """# Kinds

What may be written in a file, field by field. `tools/reference.py` writes this page from the specs themselves; a JSON Schema of each kind
lies in [schemas](schemas/), for editors.

Around every spec stand `apiVersion`, `kind` and `metadata` (`name`, `namespace`, `labels`, [`annotations`](annotations.md)), as Kubernetes
has them. An unknown field is an error that names the nearest known one. A field written as null counts as not written.
"""


def pages() -> dict[Path, str]:
    """Return every file that belongs to the reference, and its text."""
    found = {REFERENCE / "kinds.md": page_of(INTRODUCTION, (*KINDS, *POLICIES)), REFERENCE / "site.md": page_of(SITE_INTRODUCTION, SITES)}
    found[REFERENCE / "container.md"] = page_of(CONTAINER_INTRODUCTION, CONTAINERS)
    for page in (*KINDS, *POLICIES, *SITES, *CONTAINERS):
        schema = json_schema(page.name, page.api_version, page.spec_type, docs_of(page), page.passed_over)
        found[REFERENCE / "schemas" / f"{page.name}.json"] = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    return found


def docs_of(page: Page) -> Docs:
    docs: dict[str, Mapping[str, str]] = {}
    for module in page.modules:
        docs.update(field_docs((SOURCE / module).read_text()))
    return docs | {spec.__name__: inherited(spec, docs) for spec in specs_within(page.spec_type)}


def inherited(spec_type: type[Any], docs: Docs) -> dict[str, str]:
    """Return the words of a spec's fields, with those of the specs that it is made from."""
    return {name: text for base in reversed(spec_type.__mro__) for name, text in docs.get(base.__name__, {}).items()}


def page_of(introduction: str, kinds: Sequence[Page]) -> str:
    contents = "\n".join(f"- [{page.name}](#{page.name.lower()}): {first_sentence(docs_of(page), page.spec_type)}" for page in kinds)
    return "\n".join([introduction, contents, "", *(line for page in kinds for line in section(page))]).rstrip() + "\n"


def first_sentence(docs: Docs, spec_type: type[Any]) -> str:
    return docs[spec_type.__name__][""].split(". ")[0].rstrip(".") + "."


def section(page: Page) -> Iterator[str]:
    docs = docs_of(page)
    yield from (f"## {page.name}", "", f"`apiVersion: {page.api_version}`", "")
    yield from (docs[page.spec_type.__name__][""], "", "```yaml", f"apiVersion: {page.api_version}", f"kind: {page.name}")
    yield from (page.example.strip(), "```", "", *table(page, page.spec_type, docs), "")
    for inner in specs_within(page.spec_type)[1:]:
        yield from (f"### {title(page, inner)}", "", docs[inner.__name__][""], "", *table(page, inner, docs), "")
    if page.unhonoured:
        yield from ("### Understood and not honoured", "")
        yield from ("Each is a warning of the Application that names its file and line.", "", "| field | why |", "|---|---|")
        yield from (f"| `{path}` | {cell(why)} |" for path, why in page.unhonoured.items())
        yield ""


def title(page: Page, spec_type: type[Any]) -> str:
    """Return the heading of a spec; kinds share specs, and a heading stands once on a page."""
    return f"{page.name}: {spec_type.__name__.removesuffix('Spec')}"


def anchor(page: Page, spec_type: type[Any]) -> str:
    return title(page, spec_type).lower().replace(":", "").replace(" ", "-")


def table(page: Page, spec_type: type[Any], docs: Docs) -> Iterator[str]:
    yield "| field | type | default | what |"
    yield "|---|---|---|---|"
    for key, item in spec_fields(spec_type).items():
        words = docs[spec_type.__name__].get(item.name, "")
        yield f"| `{key}` | {kind_of(page, item.hint)} | {default(item)} | {cell(words)} |"


def cell(text: str) -> str:
    return text.replace("\n\n", " ").replace("|", "\\|")


def default(item: SpecField) -> str:
    if item.is_required:
        return "required"
    value = encode(item.hint, item.default)
    return "" if value in (None, "", [], {}) else f"`{json.dumps(value, ensure_ascii=False)}`"


def kind_of(page: Page, hint: Hint) -> str:
    """Return in words what may be written, with a link where that is a spec of its own."""
    if scalar(hint) is not None:
        return cell(expectation(hint))
    plain = bare(hint)
    if is_raw(plain):
        return "anything"
    if members := union(plain):
        return " or ".join(dict.fromkeys(kind_of(page, member) for member in members if member is not type(None)))
    if values := choices(plain):
        return " or ".join(f"`{value}`" for value in values)
    if is_spec(plain):
        return f"[{plain.__name__.removesuffix('Spec')}](#{anchor(page, plain)})"
    if (item := element(plain)) is not None:
        return f"list of {kind_of(page, item)}"
    if (pair := entries(plain)) is not None:
        return f"mapping of names to {kind_of(page, pair[1])}"
    return cell(expectation(hint))


def specs_within(spec_type: type[Any]) -> list[type[Any]]:
    """Return a spec and those that its fields are made of, each once, in the order in which they are first met."""
    found = [spec_type]
    for met in found:
        for item in spec_fields(met).values():
            found += [inner for inner in inner_specs(item.hint) if inner not in found]
    return found


def inner_specs(hint: Hint) -> Iterator[type[Any]]:
    plain = bare(hint)
    if is_spec(plain):
        yield plain
    elif not is_raw(plain):
        pair = entries(plain)
        parts: tuple[Hint | None, ...] = (*union(plain), element(plain), pair[1] if pair else None)
        for part in parts:
            if part is not None:
                yield from inner_specs(part)


def main() -> None:
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
