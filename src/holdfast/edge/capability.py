"""Capability: what the nginx of this host can do, read from what `nginx -V` prints.

Asked by everything that renders or judges a configuration. A version number alone says nothing of mended faults: Debian mends them in its
own revisions, so that stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Version: TypeAlias = tuple[int, ...]

BUILT_IN = frozenset(("Core functionality", *(f"ngx_http_{name}_module" for name in "core upstream log headers index".split())))
"""Modules that no option of `configure` removes."""
DEFAULT = frozenset(
    f"ngx_http_{name}_module"
    for name in (
        "access auth_basic autoindex browser charset empty_gif fastcgi geo grpc gzip internal_redirect limit_conn limit_req map memcached "
        "mirror num_map proxy referer rewrite scgi split_clients ssi tunnel userid uwsgi"
    ).split()
)
"""Modules that are there unless `--without-http_…_module` is said."""
WITH_STREAM = frozenset(
    f"ngx_stream_{name}_module" for name in "access geo limit_conn log map pass proxy return set split_clients upstream".split()
)
"""Modules that come with `--with-stream`."""
SINCE: Mapping[str, Version] = {
    "ngx_http_mirror_module": (1, 13, 4),
    "ngx_http_grpc_module": (1, 13, 10),
    "ngx_http_internal_redirect_module": (1, 23, 4),
    "ngx_http_num_map_module": (1, 29, 0),
    "ngx_http_tunnel_module": (1, 31, 0),
}
_PRODUCT = re.compile(r"^(?:nginx )?version: (\S+?)/(\d+(?:\.\d+)+)", re.MULTILINE)
_BUILT_WITH = re.compile(r"^built with OpenSSL (\d+(?:\.\d+)+)", re.MULTILINE)
_RUNNING_WITH = re.compile(r"^built with .*\(running with OpenSSL (\d+(?:\.\d+)+)", re.MULTILINE)
_OPTION = re.compile(r"--(with|without)-(\w+?)(=dynamic)?(?= |$)")


def parse_version(text: str) -> Version:
    """Return `1.22.1` as (1, 22, 1); ValueError otherwise."""
    return tuple(int(part) for part in text.split("."))


def format_version(version: Version) -> str:
    return ".".join(map(str, version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What is there. All the rendering knows of the nginx that will read it."""

    version: Version
    revision: str | None = None
    """Of the Debian package, where it is one: `1.22.1-9+deb12u11`."""
    product: str = "nginx"
    """`nginx`, `openresty`, …"""
    modules: frozenset[str] = BUILT_IN | DEFAULT | {"ngx_http_ssl_module", "ngx_http_v2_module", "ngx_http_realip_module"}
    """Compiled in, by the names of the documentation."""
    dynamic: frozenset[str] = frozenset()
    """Built to be loaded by `load_module`, so not there by themselves."""
    openssl: Version | None = None
    """The version that it runs with; None where it is not OpenSSL or not told."""

    def is_at_least(self, version: str) -> bool:
        return self.version >= parse_version(version)

    @property
    def has_tls(self) -> bool:
        return "ngx_http_ssl_module" in self.modules

    @property
    def has_http2(self) -> bool:
        return "ngx_http_v2_module" in self.modules

    @property
    def has_http2_directive(self) -> bool:
        """Whether HTTP/2 is a directive (`http2 on`), no longer a parameter of `listen`."""
        return self.has_http2 and self.is_at_least("1.25.1")

    @property
    def has_http3(self) -> bool:
        return "ngx_http_v3_module" in self.modules and self.is_at_least("1.25.0")

    @property
    def has_resolve(self) -> bool:
        """Whether an upstream may follow a name while nginx runs (`server … resolve`)."""
        return self.is_at_least("1.27.3")

    @property
    def has_sticky(self) -> bool:
        return self.is_at_least("1.29.6")

    @property
    def has_h2_upstreams(self) -> bool:
        return self.is_at_least("1.29.4") and self.has_http2

    @property
    def has_polite_reload(self) -> bool:
        """Whether idle connections may outlive a reload a while, so that no request meets a closed one (`keepalive_min_timeout`)."""
        return self.is_at_least("1.27.4")

    @property
    def rotates_tickets(self) -> bool:
        """Whether the keys of session tickets rotate by themselves; else tickets would undo forward secrecy."""
        return self.is_at_least("1.23.2")

    def __str__(self) -> str:
        shown = f"{self.product} {self.revision or format_version(self.version)}"
        return f"{shown}, OpenSSL {format_version(self.openssl)}" if self.openssl is not None else shown


def read_capability(text: str, revision: str | None = None) -> Capability:
    """Return what `nginx -V` says; ValueError where it is not the answer of an nginx.

    `revision`: of the package that the program belongs to, which it does not know itself.
    """
    found = _PRODUCT.search(text)
    if found is None:
        raise ValueError(f"cannot read what nginx says of itself: no version in {text[:80]!r}")
    version = parse_version(found[2])[:3]
    options = [(how, name, bool(dynamic)) for how, name, dynamic in _OPTION.findall(text)]
    without = {_module(name) for how, name, _ in options if how == "without"}
    given = {_module(name): dynamic for how, name, dynamic in options if how == "with"}
    dynamic = frozenset(name for name, is_dynamic in given.items() if is_dynamic and _is_module(name))
    families = tuple(name.removesuffix("core_module") for name in dynamic if name.endswith("_core_module"))
    within = frozenset(name for name in given if families and name.startswith(families))
    modules = BUILT_IN | {name for name in DEFAULT if version >= SINCE.get(name, ())} | {name for name in given if _is_module(name)}
    if "ngx_stream_core_module" in modules - dynamic:
        modules |= WITH_STREAM
    return Capability(
        version=version,
        revision=revision,
        product=found[1],
        modules=frozenset(modules - without - dynamic - within),
        dynamic=dynamic | within,
        openssl=_openssl(text),
    )


def _module(option: str) -> str:
    """Return the documentation's name for an option of configure: `http_ssl_module` → `ngx_http_ssl_module`, `stream` → its core."""
    if option in {"stream", "mail"}:
        return f"ngx_{option}_core_module"
    return f"ngx_{option}" if option.endswith("_module") else option


def _is_module(name: str) -> bool:
    return name in BUILT_IN or name.startswith("ngx_")


def _openssl(text: str) -> Version | None:
    """Return the version it runs with, which may be newer or older than the one it was built with."""
    found = _RUNNING_WITH.search(text) or _BUILT_WITH.search(text)
    return None if found is None else parse_version(found[1])
