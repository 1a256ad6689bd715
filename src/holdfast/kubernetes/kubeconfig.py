"""Kubeconfig: how a cluster is reached and who asks, read from kubectl's file (client-go `tools/clientcmd`).

Pure: text in, values out; files that it names stay paths, and nothing is run. engines.kubernetes opens them. Laws: a file that cannot be
used says why and names the context, the cluster or the user that is missing; what is not read (auth-provider, as removed from kubectl) is
refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.canonical import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Exec:
    """A program that prints credentials (client.authentication.k8s.io): never a shell line."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    api_version: str = "client.authentication.k8s.io/v1"
    provides_cluster_info: bool = False
    install_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One cluster and one user. Base64 in `_data` as the file has it; a path is absolute, or relative to the file."""

    server: str
    namespace: str = ""
    authority_data: str = ""
    authority_file: str = ""
    server_name: str = ""
    """Name in the server's certificate, where it is not the host of `server`."""
    is_insecure: bool = False
    """Whether any certificate of the server is taken (`insecure-skip-tls-verify`)."""
    proxy_url: str = ""
    certificate_data: str = ""
    certificate_file: str = ""
    key_data: str = ""
    key_file: str = ""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    exec: Exec | None = None
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()


def read_kubeconfig(path: str, data: bytes, context: str = "") -> Access:
    """Return the access of `context`, of the current one where it is empty. ValueError says what is missing."""
    parsed = read_yaml(path, data, Dialect.KUBERNETES)
    if parsed.errors:
        raise ValueError(parsed.errors[0].message)
    if not parsed.documents or not isinstance(root := parsed.documents[0].value, dict):
        raise ValueError(f"{path} is no kubeconfig")
    name = context or _text(root, "current-context")
    if not name:
        raise ValueError(f"{path} has no current-context, and none was named; it has {_names(root, 'contexts')}")
    chosen = _entry(root, "contexts", "context", name, path)
    cluster = _entry(root, "clusters", "cluster", _text(chosen, "cluster"), path)
    user = _entry(root, "users", "user", _text(chosen, "user"), path) if _text(chosen, "user") else {}
    if "auth-provider" in user:
        raise ValueError(f"user {_text(chosen, 'user')} of {path} has an auth-provider, which kubectl gave up too; use exec")
    server = _text(cluster, "server")
    if not server.startswith(("https://", "http://")):
        raise ValueError(f"cluster {_text(chosen, 'cluster')} of {path} has no server")
    return Access(
        server=server.rstrip("/"),
        namespace=_text(chosen, "namespace"),
        authority_data=_text(cluster, "certificate-authority-data"),
        authority_file=_text(cluster, "certificate-authority"),
        server_name=_text(cluster, "tls-server-name"),
        is_insecure=cluster.get("insecure-skip-tls-verify") is True,
        proxy_url=_text(cluster, "proxy-url"),
        certificate_data=_text(user, "client-certificate-data"),
        certificate_file=_text(user, "client-certificate"),
        key_data=_text(user, "client-key-data"),
        key_file=_text(user, "client-key"),
        token=_text(user, "token"),
        token_file=_text(user, "tokenFile"),
        username=_text(user, "username"),
        password=_text(user, "password"),
        exec=_exec(user.get("exec"), _text(chosen, "user")),
        impersonate=_text(user, "as"),
        impersonate_groups=tuple(str(each) for each in _list(user, "as-groups")),
    )


def contexts(path: str, data: bytes) -> tuple[str, ...]:
    """Return the names of the contexts of a kubeconfig, none where it is none."""
    parsed = read_yaml(path, data, Dialect.KUBERNETES)
    root = parsed.documents[0].value if parsed.documents else None
    return tuple(_text(each, "name") for each in _list(root, "contexts") if isinstance(each, dict)) if isinstance(root, dict) else ()


def _entry(root: Mapping[str, Json], group: str, key: str, name: str, path: str) -> Mapping[str, Json]:
    for each in _list(root, group):
        if isinstance(each, dict) and each.get("name") == name:
            found = each.get(key)
            return found if isinstance(found, dict) else {}
    raise ValueError(f"{path} has no {key} {name!r}; it has {_names(root, group)}")


def _names(root: Mapping[str, Json], group: str) -> str:
    return ", ".join(_text(each, "name") for each in _list(root, group) if isinstance(each, dict)) or "none"


def _exec(value: Json, user: str) -> Exec | None:
    if not isinstance(value, dict):
        return None
    if not _text(value, "command"):
        raise ValueError(f"exec of user {user} names no command")
    if value.get("interactiveMode") == "Always":
        raise ValueError(f"exec of user {user} wants to ask a person (interactiveMode: Always), and nobody is there")
    return Exec(
        command=_text(value, "command"),
        args=tuple(str(each) for each in _list(value, "args")),
        env=tuple((_text(each, "name"), _text(each, "value")) for each in _list(value, "env") if isinstance(each, dict)),
        api_version=_text(value, "apiVersion") or "client.authentication.k8s.io/v1",
        provides_cluster_info=value.get("provideClusterInfo") is True,
        install_hint=_text(value, "installHint"),
    )


def _text(value: Mapping[str, Json], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _list(value: Mapping[str, Json], key: str) -> list[Json]:
    found = value.get(key)
    return found if isinstance(found, list) else []
