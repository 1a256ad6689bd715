"""Safety: what a file of nginx from Git may say beside the Sites of others.

An allow-list: directives that answer, guard and pass on requests of the file's own hosts. Nothing runs code, opens files outside of the
release, writes files, listens, trusts others, or holds for somebody else's host. Law: what is not known to be harmless is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from holdfast.edge.directive import OPAQUE, facts
from holdfast.edge.import_value import size
from holdfast.edge.tree import Directive, walk

MODULES = frozenset(
    f"ngx_http_{name}_module"
    for name in (
        "core access addition auth_basic auth_request autoindex browser charset empty_gif fastcgi geo grpc gunzip gzip gzip_static headers "
        "index internal_redirect limit_conn limit_req log map memcached mirror num_map proxy referer rewrite scgi slice split_clients "
        "stub_status sub upstream uwsgi v2"
    ).split()
)
"""Modules whose directives are looked at one by one; those of others are refused."""
TOP = frozenset({"server", "upstream", "map", "geo", "split_clients", "num_map", "limit_req_zone", "limit_conn_zone"})
"""What may stand outside of servers: it has a name, and holds for nobody who does not use that."""
_EDGE = "it is the Edge's, for all Sites alike"
_FILE = "it opens or writes files of the host"
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys("load_module ssl_engine perl perl_modules perl_require perl_set env".split(), "it runs code in nginx"),
        **dict.fromkeys(
            (
                "auth_basic_user_file client_body_temp_path client_body_in_file_only proxy_temp_path proxy_store proxy_store_access "
                "fastcgi_temp_path fastcgi_store fastcgi_store_access uwsgi_temp_path uwsgi_store uwsgi_store_access scgi_temp_path "
                "scgi_store scgi_store_access proxy_cache_path fastcgi_cache_path uwsgi_cache_path scgi_cache_path open_log_file_cache "
                "open_file_cache proxy_ssl_certificate proxy_ssl_certificate_key proxy_ssl_trusted_certificate proxy_ssl_crl "
                "proxy_ssl_password_file grpc_ssl_certificate grpc_ssl_certificate_key grpc_ssl_trusted_certificate grpc_ssl_crl "
                "grpc_ssl_password_file uwsgi_ssl_certificate uwsgi_ssl_certificate_key uwsgi_ssl_trusted_certificate uwsgi_ssl_crl "
                "uwsgi_ssl_password_file disable_symlinks"
            ).split(),
            _FILE,
        ),
        **dict.fromkeys(
            "proxy_ssl_conf_command grpc_ssl_conf_command uwsgi_ssl_conf_command proxy_bind fastcgi_bind grpc_bind "
            "uwsgi_bind scgi_bind memcached_bind".split(),
            "it reaches beyond the requests of its hosts",
        ),
        **dict.fromkeys(
            "state resolver server_names_hash_bucket_size server_names_hash_max_size types_hash_max_size "
            "types_hash_bucket_size variables_hash_max_size variables_hash_bucket_size map_hash_max_size "
            "map_hash_bucket_size connection_pool_size request_pool_size aio directio log_format http2_recv_buffer_size "
            "reset_timedout_connection post_action".split(),
            _EDGE,
        ),
    }
)
"""Directives of those modules, and well known ones of others, that are refused all the same, with why."""
OWN_LOG = frozenset({"access_log", "error_log"})
FOLDERS = frozenset({"root", "alias"})
RESERVED = "holdfast"
"""How names of the edge's own begin."""
LARGEST_ZONE = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """What a file may not say."""

    directive: Directive
    reason: str
    hint: str | None = None


def dangers(directives: Sequence[Directive]) -> Iterator[Danger]:
    """Yield all that is refused, in order."""
    for directive, above in walk(tuple(directives)):
        if above and above[-1].name in OPAQUE:
            if directive.name == "include":
                yield Danger(directive=directive, reason="include reads a file", hint="write here what it includes")
            continue
        if directive.name == "include":  # what lies in the repository stands in its place already
            reason = f"include {' '.join(directive.args)}: there is no such file in the repository, or it includes itself"
            yield Danger(directive=directive, reason=reason, hint="put it beside the file, or write here what it includes")
            continue
        if not above and directive.name not in TOP:
            hint = "write it into the server that it is for"
            yield Danger(directive=directive, reason=f"{directive.name} outside of a server would hold for every Site", hint=hint)
            continue
        yield from _of(directive, above[-1] if above else None)


def _of(directive: Directive, block: Directive | None) -> Iterator[Danger]:
    name = directive.name
    known = {fact.module for fact in facts(name)}
    if (why := REFUSED.get(name)) is not None:
        yield Danger(directive=directive, reason=f"{name} is not allowed: {why}")
    elif name in OWN_LOG:
        if name == "error_log" or directive.args != ("off",):  # `error_log off` writes a file that is called off
            yield Danger(directive=directive, reason=f"{name} writes a file of the host", hint="the Edge writes one log for all Sites")
    elif directive.raw is not None or not known & MODULES:
        yield Danger(directive=directive, reason=f"{name} is not allowed: it is not known to be harmless")
    elif name in FOLDERS:
        yield from _folder(directive)
    elif name == "if":
        yield from _looked_up(directive)
    yield from _names(directive, block)


def _folder(directive: Directive) -> Iterator[Danger]:
    path = directive.args[0] if directive.args else ""
    if path.startswith("/") or "$" in path or ".." in path.split("/"):
        hint = "files are those of the repository: write the folder as it is below the Application's path"
        yield Danger(directive=directive, reason=f"{directive.name} {path} leads out of the release", hint=hint)


def _looked_up(directive: Directive) -> Iterator[Danger]:
    """Whether a file is there tells of the host, unless it is asked for below a root."""
    if any(word.lstrip("(").lstrip("!") in {"-f", "-d", "-e", "-x"} for word in directive.args):
        yield Danger(directive=directive, reason="if looks for files of the host", hint="try_files looks below the root")


def _names(directive: Directive, block: Directive | None) -> Iterator[Danger]:
    """Yield names that are the edge's own, and zones that take too much memory."""
    for word in directive.args:
        value = word.partition("zone=")[2] if "zone=" in word else word
        if value.lstrip("$@").startswith(RESERVED) and directive.name in TOP | {"set", "auth_request_set", "location"}:
            yield Danger(directive=directive, reason=f"names that begin with {RESERVED} are the edge's own")
    for word in directive.args if directive.name in {"limit_req_zone", "limit_conn_zone", "zone"} else ():
        text = word.partition(":")[2] if word.startswith("zone=") else word
        if (bytes_ := size(text)) is not None and bytes_ > LARGEST_ZONE:
            yield Danger(directive=directive, reason=f"a zone of {text} is more than {LARGEST_ZONE >> 20}m")
