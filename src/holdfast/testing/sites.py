"""Sites: parts and worlds for tests of the edge, and of what applies it."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.edge.capability import Capability
from holdfast.edge.part import KIND, Part, fields_of
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.world import Places, World
from holdfast.kit.canonical import digest
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Origin
from holdfast.model.state import Facts

_HTTP = frozenset(
    f"ngx_http_{name}_module" for name in "ssl v2 realip auth_request stub_status gunzip gzip_static addition sub secure_link".split()
)
BOOKWORM = Capability(
    version=(1, 22, 1),
    revision="1.22.1-9+deb12u11",
    modules=Capability(version=(1, 22, 1)).modules | _HTTP,
    openssl=(3, 0, 19),
)
"""nginx-light of Debian 12."""
MAINLINE = Capability(version=(1, 31, 3), modules=BOOKWORM.modules | {"ngx_http_v3_module"}, openssl=(3, 5, 4))


def world_at(root: str = "/var/lib/holdfast/edge", capability: Capability = BOOKWORM, **more: object) -> World:
    """Return a world whose folders lie beneath `root`; `more` are fields of World."""
    places = Places(root=root, releases=f"{root}/releases", data=f"{root}/data", http=80, https=443)
    fields: dict[str, object] = {"capability": capability, "places": places, **more}
    return World(**fields)  # type: ignore[arg-type]


def part(
    name: str = "web", spec: SiteSpec | None = None, *, namespace: str = "shop", slots: Mapping[str, tuple[str, ...]] | None = None
) -> Part:
    """Return the part of a Site; `slots` are addresses by the name of a Process of the same namespace."""
    id = ResourceId(HOST, KIND, namespace, name)
    wanted = spec or SiteSpec(hosts=(f"{name}.example.com",), service="web")
    fields = fields_of(wanted, Facts(), id, namespace, None)
    return Part(
        id=id,
        application=namespace,
        spec=wanted,
        digest=digest(fields),
        slots={f"Process/{namespace}/{service}": addresses for service, addresses in (slots or {}).items()},
        origin=Origin(path=f"{name}.yaml", line=3, revision="c" * 40),
    )
