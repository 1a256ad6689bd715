"""Kubeconfigs as kubectl writes them, and what is missing in the others."""

from __future__ import annotations

import pytest

from holdfast.kubernetes.kubeconfig import Access, Exec, contexts, read_kubeconfig

CONFIG = b"""
apiVersion: v1
kind: Config
current-context: shop
clusters:
- {name: one, cluster: {server: "https://one.example.com:6443/", certificate-authority-data: Q0E=, tls-server-name: api}}
- {name: two, cluster: {server: "https://two.example.com", insecure-skip-tls-verify: true, proxy-url: "http://proxy:3128"}}
- {name: bad, cluster: {server: nowhere}}
contexts:
- {name: shop, context: {cluster: one, user: admin, namespace: shop}}
- {name: two, context: {cluster: two, user: cloud}}
- {name: old, context: {cluster: two, user: old}}
- {name: gone, context: {cluster: three, user: admin}}
- {name: bad, context: {cluster: bad}}
- {name: asking, context: {cluster: one, user: asking}}
users:
- {name: admin, user: {client-certificate-data: Qw==, client-key: key.pem}}
- {name: old, user: {auth-provider: {name: gcp}}}
- name: asking
  user: {exec: {command: login, interactiveMode: Always}}
- name: cloud
  user:
    exec:
      {apiVersion: client.authentication.k8s.io/v1beta1, command: aws, args: [eks], env: [{name: A, value: b}], installHint: get it}
"""


def test_the_current_context_counts_unless_another_is_named() -> None:
    assert read_kubeconfig("config", CONFIG) == Access(
        server="https://one.example.com:6443",
        namespace="shop",
        authority_data="Q0E=",
        server_name="api",
        certificate_data="Qw==",
        key_file="key.pem",
    )
    assert read_kubeconfig("config", CONFIG, "two") == Access(
        server="https://two.example.com",
        is_insecure=True,
        proxy_url="http://proxy:3128",
        exec=Exec(
            command="aws",
            args=("eks",),
            env=(("A", "b"),),
            api_version="client.authentication.k8s.io/v1beta1",
            install_hint="get it",
        ),
    )
    assert contexts("config", CONFIG) == ("shop", "two", "old", "gone", "bad", "asking")


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ("nobody", "has no context 'nobody'; it has shop, two"),
        ("gone", "has no cluster 'three'"),
        ("old", "auth-provider"),
        ("bad", "has no server"),
        ("asking", "nobody is there"),
    ],
)
def test_what_is_missing_is_named(context: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_kubeconfig("config", CONFIG, context)


@pytest.mark.parametrize("data", [b"", b"[1]", b"a: [", b"apiVersion: v1\nkind: Config\n"])
def test_what_is_no_kubeconfig_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_kubeconfig("config", data)
