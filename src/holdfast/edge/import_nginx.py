"""Import: nginx files → Sites that answer alike and mend what the review finds.

A server is said whole or stays whole, as it was, with every reason. Laws: what is imported can be declared; requests are answered alike,
except for what `changes` names; the same files give the same Sites.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from holdfast.declare.schema import encode
from holdfast.edge.capability import Capability
from holdfast.edge.certificate_spec import CertificateFiles, CertificateSpec
from holdfast.edge.difference import DEFINING, defines, names
from holdfast.edge.edge_spec import EdgeSpec, EdgeTls
from holdfast.edge.import_known import shipped
from holdfast.edge.import_place import Ground, Notebook, secrets_of
from holdfast.edge.import_result import Imported, ImportedSite, Left, Remark
from holdfast.edge.import_site import Group, Server, answers_nobody, groups, read_server, spec_of
from holdfast.edge.import_value import accepted
from holdfast.edge.include import roots
from holdfast.edge.issuer_spec import CertbotSpec, IssuerSpec
from holdfast.edge.review import suspicions
from holdfast.edge.review_subject import Suspicion
from holdfast.edge.route_spec import SecretRef
from holdfast.edge.scalar import Network
from holdfast.edge.site_check import errors
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.tree import Config, Directive, walk
from holdfast.edge.typed import read
from holdfast.errors import Where
from holdfast.model.declaration import Declaration
from holdfast.model.resource import Origin
from holdfast.model.scalars import Name

CERTBOT = "/etc/letsencrypt/live/"
SNAKEOIL = "/etc/ssl/certs/ssl-cert-snakeoil.pem"
USUAL: Mapping[bool, int] = MappingProxyType({False: 80, True: 443})
"""Port by whether it is encrypted."""
EVERYWHERE = frozenset({"version-disclosure"})
"""Rules whose finding stands at one server and is about all of them."""


def import_nginx(
    files: Mapping[str, Config],
    capability: Capability | None = None,
    *,
    folders: Mapping[str, str] | None = None,
    hosts: Sequence[str] = (),
) -> Imported:
    """Return what files become. `folders`: folder of the host → where its files are in the repository; `hosts`: of a server without."""
    known = {**files, **shipped(files)}
    wholes = [whole for whole in roots(known) if whole.path in files]
    found = tuple(suspicions(known, capability))
    directives = tuple(each for whole in wholes for each in whole.directives)
    ground = _ground(directives, folders or {})
    servers, strangers = _servers(directives, hosts)
    notes = [_not_followed(each) for whole in wholes for each in whole.missing]
    ports = _ports(servers)
    for server in servers:
        _check_listens(server, ports, servers)
    certificates = _Certificates()
    made = [_site(group, ground, certificates, found) for group in groups(servers, ground)]
    sites = tuple(each for each, group in made if not group.server.notebook.reasons)
    left = tuple(_left(server, directives) for server in servers if server.notebook.reasons)
    good = [server.notebook for server in servers if not server.notebook.reasons]
    edge = _edge(servers, ports, directives, certificates)
    dropped = {why: remark for notebook in good for why, remark in notebook.dropped.items()}
    return Imported(
        edge=edge,
        certificates=certificates.used(sites),
        sites=_apart(sites),
        left=(*left, *_streams(directives)),
        secrets=secrets_of([*good, certificates.notebook]),
        notes=(*notes, *strangers, *dropped.values(), *certificates.notes()),
    )


def _not_followed(include: Directive) -> Remark:
    return Remark(rule="include", message=f"{include.args[0]} is not here, and was not looked at", where=include.where)


def _ground(directives: Sequence[Directive], folders: Mapping[str, str]) -> Ground:
    upstreams: dict[str, Directive] = {}
    zones: dict[str, Directive] = {}
    variables: set[str] = set()
    for each, _ in walk(tuple(directives)):
        if each.name == "upstream" and each.args:
            upstreams.setdefault(each.args[0], each)
        elif each.name in {"limit_req_zone", "limit_conn_zone"}:
            zones.setdefault(defines(each), each)
        elif each.name in {"map", "geo", "split_clients", "set", "auth_request_set", "perl_set", "js_set"} and each.args:
            variables.add(each.args[0 if each.name.endswith("set") else -1].removeprefix("$"))
    by_scheme = {
        each.args[1].removeprefix("$"): each for each, _ in walk(tuple(directives)) if each.name == "map" and each.args[:1] == ("$scheme",)
    }
    return Ground(groups=upstreams, zones=zones, variables=frozenset(variables), by_scheme=by_scheme, folders=folders)


# Servers


def _servers(directives: Sequence[Directive], hosts: Sequence[str]) -> tuple[tuple[Server, ...], tuple[Remark, ...]]:
    """Return the servers of web sites, and what is said of those that the Edge makes needless."""
    outermost = Directive("http", (), tuple(directives))
    servers: list[Server] = []
    remarks: list[Remark] = []
    for directive, above in walk(tuple(directives)):
        if directive.name != "server" or directive.block is None or (above and above[-1].name != "http"):
            continue
        if not above and directive.all("proxy_pass"):
            continue
        server = read_server(directive, above or (outermost,))
        if answers_nobody(server):
            message = "hosts that nobody declared are refused by the Edge itself"
            remarks.append(Remark(rule="unknown-hosts", message=message, where=directive.where))
            continue
        if not server.hosts and hosts:
            server.hosts = tuple(hosts)
        elif not server.hosts:
            server.notebook.cannot(directive, "it answers for every host: name its hosts with --host")
        elif server.is_default:
            server.notebook.change("unknown-hosts", "hosts that nobody declared are refused", directive)
        servers.append(server)
    return tuple(servers), tuple(remarks)


def id_of(directive: Directive) -> tuple[str, int]:
    spelling = directive.spelling
    return ("", 0) if spelling is None else (spelling.file.path, spelling.at)


def _ports(servers: Sequence[Server]) -> Mapping[bool, int]:
    """Return the Edge's two ports: the usual ones, unless every server agrees on others."""
    found: dict[bool, int] = {}
    for tls in (False, True):
        wanted = {port for server in servers for port, is_encrypted in server.ports if is_encrypted is tls}
        found[tls] = USUAL[tls] if not wanted or USUAL[tls] in wanted else min(wanted)
    return found


def _check_listens(server: Server, ports: Mapping[bool, int], servers: Sequence[Server]) -> None:
    for port, tls in sorted(server.ports):
        if port != ports[tls]:
            server.notebook.cannot(
                server.directive, f"it listens on port {port}; the Edge has {ports[tls]} for {'https' if tls else 'http'}"
            )
    addresses = frozenset[str]().union(*(each.addresses for each in servers))
    if server.addresses != addresses and "*" not in server.addresses:
        server.notebook.cannot(server.directive, f"it listens on {', '.join(sorted(server.addresses))} alone, and others do not")


# One Site


def _site(group: Group, ground: Ground, certificates: _Certificates, found: Sequence[Suspicion]) -> tuple[ImportedSite, Group]:
    notebook = group.server.notebook
    certificate = certificates.of(group) if group.is_tls else "none"
    spec = spec_of(group, ground, certificate)
    if not notebook.reasons:
        for reason in _refusals(spec, group.server.directive):
            notebook.cannot(group.server.directive, reason)
    mended = tuple(_mended(group.server.directive, found))
    own = [each for each in notebook.changes if each.rule not in {other.rule for other in mended}]
    return ImportedSite(name=_name(group.hosts[0]), spec=spec, where=group.server.directive.where, changes=(*mended, *own)), group


def _mended(server: Directive, found: Sequence[Suspicion]) -> Iterator[Remark]:
    """Yield the findings of a server and of what stands in it."""
    inside = {id_of(each) for each, _ in walk((server,))}
    for each in found:
        if id_of(each.directive) in inside or each.rule in EVERYWHERE:
            yield Remark(rule=each.rule, message=each.message, where=each.directive.where)


def _refusals(spec: SiteSpec, server: Directive) -> Iterator[str]:
    """Yield why a Site could not be declared as it is."""
    try:
        read(SiteSpec, encode(SiteSpec, spec))  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        yield f"a value is not taken: {error}"
        return
    where = server.where or Where(path="nginx.conf")
    declaration = Declaration(
        kind="Site",
        name="imported",
        namespace=None,
        spec=spec,
        origin=Origin(path=where.path, line=where.line or 1, revision=""),
        place=lambda path: where,
    )
    yield from (each.message.partition(": ")[2] for each in errors(declaration))


def _name(host: str) -> str:
    plain = host.replace("*", "any")
    return accepted(Name, plain) or accepted(Name, plain.replace("_", "-")) or "site"


def _apart(sites: Sequence[ImportedSite]) -> tuple[ImportedSite, ...]:
    """Return Sites by names that no two share."""
    seen: defaultdict[str, int] = defaultdict(int)
    named = []
    for each in sites:
        seen[each.name] += 1
        named.append(each if seen[each.name] == 1 else replace(each, name=f"{each.name}-{seen[each.name]}"))
    return tuple(named)


# Certificates and the Edge


class _Certificates:
    """Pairs of files that servers show, and who renews them."""

    def __init__(self) -> None:
        self.notebook = Notebook()
        self.has_certbot = False
        self._pairs: dict[tuple[str, str], str] = {}
        self._hosts: defaultdict[str, list[str]] = defaultdict(list)
        self._files: dict[str, CertificateFiles] = {}

    def of(self, group: Group) -> str:
        """Return what a Site says of its certificate."""
        server = group.server.directive
        chains, keys = server.all("ssl_certificate"), server.all("ssl_certificate_key")
        for level in reversed(group.server.above):
            chains, keys = chains or level.all("ssl_certificate"), keys or level.all("ssl_certificate_key")
        if not chains or not keys or len(chains) != len(keys):
            group.server.notebook.change("certificate", "its certificate is the Edge's to get", server)
            return "auto"
        chain, key = chains[0].args[0], keys[0].args[0]
        if chain == SNAKEOIL:
            return "selfSigned"
        if chain.startswith(CERTBOT):
            self.has_certbot = True
            return "auto"
        if "$" in chain or len(chains) > 1:
            group.server.notebook.cannot(chains[-1], "it shows several certificates, or one that depends on the request")
            return "auto"
        name = self._pairs.setdefault((chain, key), _name(group.hosts[0]))
        self._hosts[name] += [host for host in group.hosts if host not in self._hosts[name]]
        self._files[name] = CertificateFiles(
            certificate=SecretRef(secret=self.notebook.secret(chain)), key=SecretRef(secret=self.notebook.secret(key))
        )
        return name

    def notes(self) -> Iterator[Remark]:
        if self.has_certbot:
            folder = CERTBOT.removesuffix("/live/")
            yield Remark(
                rule="certbot", message=f"this host must lend certbot's folder to the Edge: edge.certbot {folder} in its configuration"
            )

    def used(self, sites: Sequence[ImportedSite]) -> tuple[tuple[str, CertificateSpec], ...]:
        wanted = {each.spec.certificate for each in sites}
        return tuple(
            (name, CertificateSpec(hosts=tuple(self._hosts[name]), files=files)) for name, files in self._files.items() if name in wanted
        )


def _edge(
    servers: Sequence[Server], ports: Mapping[bool, int], directives: Sequence[Directive], certificates: _Certificates
) -> EdgeSpec | None:
    """Return the Edge where its defaults would not do."""
    fields: dict[str, Any] = {}
    if ports[False] != USUAL[False]:
        fields["http"] = ports[False]
    if ports[True] != USUAL[True]:
        fields["https"] = ports[True]
    addresses = frozenset[str]().union(*(each.addresses for each in servers))
    if addresses and "*" not in addresses:
        fields["bind"] = tuple(sorted(addresses))
    proxies = [each.args[0] for each, _ in walk(tuple(directives)) if each.name == "set_real_ip_from" and each.args]
    trusted = dict.fromkeys(each for each in proxies if accepted(Network, each) is not None and not each.endswith("/0"))
    if trusted:
        fields["trusted_proxies"] = tuple(trusted)
    if any("proxy_protocol" in each.args for each, _ in walk(tuple(directives)) if each.name == "listen"):
        fields["proxy_protocol"] = True
    if certificates.has_certbot:
        fields["tls"] = EdgeTls(issuers=(IssuerSpec(name="certbot", certbot=CertbotSpec()),))
    return EdgeSpec(**fields) if fields else None


# What stays


def _left(server: Server, directives: Sequence[Directive]) -> Left:
    """Return a server as it is, with the groups, maps and zones that it refers to."""
    defined = {defines(each): each for each, _ in walk(tuple(directives)) if each.name in DEFINING and each.args}
    upstreams = {each.args[0]: each for each, _ in walk(tuple(directives)) if each.name == "upstream" and each.args}
    wanted: dict[str, Directive] = {}
    waiting = [server.directive]
    while waiting:
        directive = waiting.pop()
        for name in names(directive):
            if name in defined and name not in wanted:
                wanted[name] = defined[name]
                waiting.append(defined[name])
        for each, _ in walk((directive,)):
            if each.name.endswith("_pass") and each.args:
                group = each.args[0].rpartition("://")[2].partition("/")[0]
                if group in upstreams:
                    wanted[f"upstream {group}"] = upstreams[group]
    name = _name(server.hosts[0]) if server.hosts else f"server-{server.directive.line or 1}"
    return Left(
        name=name, directives=(*(wanted[each] for each in sorted(wanted)), server.directive), reasons=tuple(server.notebook.reasons)
    )


def _streams(directives: Sequence[Directive]) -> Iterator[Left]:
    """Yield what is no web site: streams and mail."""
    for at, each in enumerate(directives):
        is_bare = each.name == "server" and bool(each.all("proxy_pass"))
        if each.name in {"stream", "mail"} or is_bare:
            name = f"stream-{at + 1}" if is_bare else each.name
            reason = Remark(rule="raw", message="it is no web site: streams and mail are not served by Sites", where=each.where)
            yield Left(name=name, directives=(each,), reasons=(reason,))
