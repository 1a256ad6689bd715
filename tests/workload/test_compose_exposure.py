"""What would open a database or the host is found in whatever syntax it is written, and carried by whatever file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.workload.compose_files import KINDS, TODAY, declared, errors_of, read, scope

from holdfast.errors import HoldfastError, RefusedDeclaration
from holdfast.model.declaration import Scope
from holdfast.model.resource import Resource

WAIVERS = scope(allowed=frozenset({"waivers"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One meaning in one syntax: fields of a service, what stands beside services, and words of the line that is to be named."""

    fields: tuple[str, ...]
    line: str
    beside: str = ""
    image: str = "app:1"


def listed(key: str, value: str) -> tuple[str, ...]:
    return (f"{key}:", f"  - {value}")


def ports(address: str | None, published: int | None, target: int, protocol: str, image: str) -> list[Written]:
    """Return a published port in every syntax."""
    ip = f"[{address}]:" if address and ":" in address else f"{address}:" if address else ""
    host = f"{published}:" if published is not None else ":" if ip else ""
    texts = [f'"{ip}{host}{target}/{protocol}"']
    if protocol == "tcp":
        texts.append(f'"{ip}{host}{target}"')
        if published is None and not ip:
            texts.append(str(target))
    if published is not None:
        texts.append(f'"{ip}{published - 1}-{published + 1}:{target - 1}-{target + 1}/{protocol}"')
        texts.append(f'"{ip}{published}-{published}:{target}/{protocol}"')
    found = [Written(fields=listed("ports", text), line="-", image=image) for text in texts]
    parts = [f"target: {target}", f"protocol: {protocol}", "mode: host"]
    parts += [f'published: "{published}"'] if published is not None else []
    parts += [f'host_ip: "{address}"'] if address else []
    found.append(Written(fields=listed("ports", "{" + ", ".join(parts) + "}"), line="-", image=image))
    block = ("ports:", f"  - {parts[0].replace(str(target), f'{target}')}", *(f"    {part}" for part in parts[1:]))
    found.append(Written(fields=block, line="target", image=image))
    return found


def mounts(source: str) -> list[Written]:
    """Return a bind of a path of the host in every syntax."""
    short = [f'"{source}:/mnt"', f'"{source}:/mnt:ro"', f'"{source}:/mnt:rw,z"', f'"{source}/:/mnt"']
    long = [
        f"{{type: bind, source: {source}, target: /mnt}}",
        f"{{type: bind, source: /x/..{source}, target: /mnt, read_only: 'yes'}}",
        f"{{target: /mnt, bind: {{create_host_path: false}}, source: '/{source}', type: bind}}",
    ]
    found = [Written(fields=listed("volumes", each), line="-") for each in (*short, *long)]
    for options in ("{type: none, o: bind, device: %s}", "{o: 'rw,bind', device: %s, type: none}", "{type: bind, o: rbind, device: '%s'}"):
        beside = f"volumes:\n  data:\n    driver: local\n    driver_opts: {options % source}\n"
        found.append(Written(fields=listed("volumes", '"data:/mnt"'), line="driver_opts", beside=beside))
        found.append(Written(fields=listed("volumes", "{type: volume, source: data, target: /mnt}"), line="driver_opts", beside=beside))
    return found


NAMESPACES = [
    *(
        Written(fields=(f"{key}: {quote}host{quote}",), line=key)
        for key in ("network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup")
        for quote in ("", '"')
    ),
    Written(fields=("networks: [outside]",), line="name", beside="networks:\n  outside:\n    name: host\n    external: true\n"),
    Written(fields=("networks: {outside: }",), line="name", beside="networks:\n  outside:\n    external:\n      name: host\n"),
    Written(fields=("networks: [host]",), line="external", beside="networks:\n  host:\n    external: true\n"),
]
PRIVILEGED = [Written(fields=(f"privileged: {value}",), line="privileged") for value in ("true", '"true"', "yes", "'on'", "True")]
POWERS = [
    Written(fields=("cap_add: [sys_admin]",), line="cap_add"),
    Written(fields=listed("cap_add", "CAP_SYS_ADMIN"), line="-"),
    Written(fields=("cap_add: [ALL]",), line="cap_add"),
    Written(fields=listed("security_opt", "seccomp:unconfined"), line="-"),
    Written(fields=listed("security_opt", "apparmor=unconfined"), line="-"),
    Written(fields=listed("security_opt", "label:disable"), line="-"),
    Written(fields=listed("devices", "/dev/sda:/dev/xvda:rwm"), line="-"),
    Written(fields=listed("devices", "{source: /dev/mem, target: /dev/mem}"), line="-"),
    Written(fields=listed("device_cgroup_rules", "'a *:* rwm'"), line="-"),
]


def service(name: str, written: Written, more: str = "") -> str:
    return "\n".join([f"  {name}:", f"    image: {written.image}", *(f"    {field}" for field in written.fields), more]).rstrip() + "\n"


def plainly(written: Written) -> Mapping[str, str]:
    return {"compose.yaml": f"services:\n{service('a', written)}{written.beside}"}


def by_override(written: Written) -> Mapping[str, str]:
    over = "\n".join(f"    {field}" for field in written.fields)
    return {
        "compose.yaml": f"services:\n  a:\n    image: {written.image}\n",
        "compose.override.yaml": f"services:\n  a:\n{over}\n{written.beside}",
    }


def by_second_document(written: Written) -> Mapping[str, str]:
    return {"compose.yaml": f"services:\n  a:\n    image: app:0\n---\n{plainly(written)['compose.yaml']}"}


def by_extends(written: Written) -> Mapping[str, str]:
    return {
        "compose.yaml": f"services:\n  a:\n    extends: {{file: base/c.yaml, service: b}}\n{written.beside}",
        "base/c.yaml": f"services:\n{service('b', written)}",
    }


def by_extends_here(written: Written) -> Mapping[str, str]:
    here = "  a: {extends: b, profiles: !reset []}\n"
    return {"compose.yaml": f"services:\n{here}{service('b', written, '    profiles: [never]')}{written.beside}"}


def by_include(written: Written) -> Mapping[str, str]:
    return {"compose.yaml": "include: [part/c.yaml]\nservices: {z: {image: 'z:1'}}\n", "part/c.yaml": plainly(written)["compose.yaml"]}


def by_merge_key(written: Written) -> Mapping[str, str]:
    fields = "\n".join(f"  {field}" for field in written.fields)
    return {"compose.yaml": f"x-all: &all\n{fields}\nservices:\n  a:\n    <<: *all\n    image: {written.image}\n{written.beside}"}


_LAST = re.compile(r"""([\[{]*)(["']?)([^"'\[\]{}]+)\2([\]}]*)""")


def by_variable(written: Written) -> Mapping[str, str]:
    """The last word of the last field comes from .env."""
    head, _, tail = written.fields[-1].rpartition(" ")
    match = _LAST.fullmatch(tail)
    if match is None:
        return plainly(written)
    opening, _, value, closing = match.groups()
    field = f'{head} {opening}"${{VALUE}}"{closing}'
    changed = Written(fields=(*written.fields[:-1], field), line=written.line, beside=written.beside, image=written.image)
    return {**plainly(changed), ".env": f"VALUE='{value}'\n"}


CARRIERS: Mapping[str, Callable[[Written], Mapping[str, str]]] = {
    "plainly": plainly,
    "override": by_override,
    "second document": by_second_document,
    "extends": by_extends,
    "extends here": by_extends_here,
    "include": by_include,
    "merge key": by_merge_key,
    "variable": by_variable,
}


def refusals(files: Mapping[str, str], where: Scope | None = None) -> list[HoldfastError]:
    """Return every refusal, after looking that there is no other error."""
    reading = read(files, where=where)
    assert [str(error) for error in reading.errors] == []
    found: list[HoldfastError] = []
    for declaration in reading.declarations:
        made = declared(declaration, where or scope())
        found += [] if isinstance(made, Resource) else made
    assert all(isinstance(error, RefusedDeclaration) and error.exit_code == 5 for error in found)
    return found


def check(written: Written, carrier: str, code: str) -> None:
    files = CARRIERS[carrier](written)
    found = [error for error in refusals(files) if error.code == code]
    assert found, files
    for error in found:
        where = error.where[0]
        assert where.line is not None
        line = files[where.path].splitlines()[where.line - 1]
        assert written.line in line or "*all" in line, (line, files)


images = st.sampled_from(
    [
        "postgres:16",
        "docker.io/library/mysql",
        "registry.example:5000/team/redis:7-alpine",
        "bitnami/mongodb@sha256:abc",
        "mcr.microsoft.com/mssql/server:2022",
    ]
)
addresses = st.sampled_from([None, "0.0.0.0", "192.168.1.5", "::", "2001:db8::1"])
loopback = st.sampled_from(["127.0.0.1", "127.1.2.3", "::1"])
carriers = st.sampled_from(sorted(CARRIERS))
published = st.one_of(st.none(), st.sampled_from([5432, 15432, 8080]))


@given(st.data())
def test_a_database_on_a_public_address_is_refused_however_it_is_written(data: st.DataObject) -> None:
    image = data.draw(images)
    target = data.draw(st.sampled_from([5432, 3306, 8123]))
    ways = ports(data.draw(addresses), data.draw(published), target, data.draw(st.sampled_from(["tcp", "udp"])), image)
    check(data.draw(st.sampled_from(ways)), data.draw(carriers), "HF1440")


@given(st.data())
def test_the_port_of_a_database_is_refused_whatever_the_image_is_called(data: st.DataObject) -> None:
    target, host = data.draw(st.sampled_from([(5432, 15432), (3306, None), (8080, 6379), (27017, 27017)]))
    ways = ports(data.draw(addresses), host, target, "tcp", "registry.example/ours:1")
    check(data.draw(st.sampled_from(ways)), data.draw(carriers), "HF1440")


@given(st.data())
def test_a_database_on_loopback_and_a_web_server_anywhere_are_let_through(data: st.DataObject) -> None:
    carrier = CARRIERS[data.draw(carriers)]
    ways = ports(data.draw(loopback), data.draw(published), 5432, "tcp", data.draw(images))
    assert refusals(carrier(data.draw(st.sampled_from(ways)))) == []
    others = ports(data.draw(addresses), 8080, 80, "tcp", "nginx:1.27")
    assert refusals(carrier(data.draw(st.sampled_from(others)))) == []


SOCKETS = (
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/var/run",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
    "/run/user/1000/docker.sock",
)
PATHS = ("/etc", "/etc/shadow", "/root/.ssh", "/proc", "/sys", "/boot", "/home/me", "/var/lib/docker", "/usr/bin", "/srv/other", "/dev/sda")


@given(st.sampled_from([way for socket in SOCKETS for way in mounts(socket)]), carriers)
def test_the_socket_of_the_engine_is_refused_however_it_is_mounted(written: Written, carrier: str) -> None:
    check(written, carrier, "HF1442")


@given(st.sampled_from([way for path in PATHS for way in mounts(path)]), carriers)
def test_a_path_of_the_host_is_refused_however_it_is_mounted(written: Written, carrier: str) -> None:
    check(written, carrier, "HF1444")


@given(st.sampled_from(NAMESPACES), carriers)
def test_a_namespace_of_the_host_is_refused(written: Written, carrier: str) -> None:
    check(written, carrier, "HF1443")


@given(st.sampled_from(PRIVILEGED), carriers)
def test_a_privileged_container_is_refused(written: Written, carrier: str) -> None:
    check(written, carrier, "HF1441")


@given(st.sampled_from(POWERS), carriers)
def test_a_power_over_the_host_is_refused(written: Written, carrier: str) -> None:
    check(written, carrier, "HF1445")


def test_the_socket_by_its_own_field_or_a_pipe_is_refused_too() -> None:
    assert errors_of("services:\n  a:\n    image: a:1\n    use_api_socket: true\n")[0].startswith("HF1442 compose.yaml:4 ")
    pipe = r"services: {a: {image: a:1, volumes: [{type: npipe, source: '\\.\pipe\docker_engine', target: '\\.\pipe\docker_engine'}]}}"
    assert errors_of(pipe)[0].startswith("HF1442 compose.yaml:1 ")


HARMLESS = (
    "volumes: ['/etc/localtime:/etc/localtime:ro', './x:/x', 'data:/d']",
    "tmpfs: [/var/run, /etc]",
    "cap_add: [NET_BIND_SERVICE, NET_ADMIN]",
    "security_opt: ['no-new-privileges:true', 'seccomp:profile.json']",
    "devices: ['/dev/ttyUSB0', '/dev/net/tun']",
    "network_mode: none",
    "expose: [5432]",
    "privileged: false",
)


@pytest.mark.parametrize("field", HARMLESS)
def test_what_opens_nothing_is_let_through(field: str) -> None:
    assert errors_of(f"services:\n  a:\n    image: postgres:16\n    {field}\nvolumes: {{data: }}\n") == []


WAIVED = """
services:
  db:
    image: postgres:16
    ports: ["5432:5432"]
    x-holdfast:
      waivers:
        - {rule: HF1440, reason: replicas of others, owner: dba@example.org, expires: "%s"}
"""


def test_a_waiver_counts_only_where_it_is_allowed_and_until_its_day() -> None:
    assert errors_of(WAIVED % TODAY, where=WAIVERS) == []
    (warning,) = (each for each in warnings(WAIVED % TODAY) if each.startswith("Waived"))
    assert "HF1440 is waived until 2026-06-30 by dba@example.org: replicas of others" in warning
    assert errors_of(WAIVED % TODAY)[0].startswith("HF1440 compose.yaml:5 ")
    (refused,) = refusals({"compose.yaml": WAIVED % TODAY})
    assert refused.hint == "its waiver does not count: the local configuration does not allow waivers (allow.waivers)"
    assert errors_of(WAIVED % "2026-06-29", where=WAIVERS) == [
        "HF1446 compose.yaml:8 its waiver of HF1440 does not count: it ended on 2026-06-29"
    ]


def warnings(text: str) -> list[str]:
    """Return what the kinds warn of."""
    declarations = read(text, where=WAIVERS).declarations
    return [f"{warning.reason} {warning.message}" for each in declarations for warning in KINDS[each.kind].warnings(each)]


BAD_WAIVERS = {
    "{rule: HF1440}": "HF1412 compose.yaml:6 services.a.x-holdfast.waivers.0: reason is missing",
    "{rule: HF1499, reason: r, owner: o, expires: '2026-12-31'}": "HF1447 compose.yaml:6 there is no such rule",
    "{rule: HF1440, reason: r, owner: o, expires: soon}": "HF1410 compose.yaml:6 services.a.x-holdfast.waivers.0.expires: expected a day",
    "{rule: HF1440, reason: r, owner: o, expires: '2026-12-31', why: x}": (
        "HF1411 compose.yaml:6 services.a.x-holdfast.waivers.0: unknown field"
    ),
}


@pytest.mark.parametrize("waiver", BAD_WAIVERS)
def test_a_waiver_is_whole_or_an_error(waiver: str) -> None:
    text = f"services:\n  a:\n    image: a:1\n    x-holdfast:\n      waivers:\n        - {waiver}\n"
    found = errors_of(text, where=WAIVERS)
    assert [each for each in found if each.startswith(BAD_WAIVERS[waiver])] != [], found


def test_refusals_and_errors_are_told_in_one_answer() -> None:
    reading = read("services:\n  db:\n    image: redis:7\n    ports: ['6379:6379']\n  a: {imag: x}\n")
    assert [error.code for error in reading.errors] == ["HF1411", "HF1440"]
