"""Clusters: which one `up --from-cluster` means, and which namespace of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.app.cluster import IN_CLUSTER, Clusters, Place, place
from holdfast.errors import UsageError

EKS = "arn:aws:eks:eu-west-1:1234:cluster/shop"
REACHED = Clusters(
    accesses={},
    names={IN_CLUSTER: IN_CLUSTER, "in-cluster": IN_CLUSTER, "tests": IN_CLUSTER, EKS: EKS, "https://192.0.2.1:6443": EKS},
    base=Path("/"),
)


@pytest.mark.parametrize(
    ("text", "destination", "shown", "namespace"),
    [
        ("in-cluster", IN_CLUSTER, "in-cluster", "argocd"),
        ("tests/gitops", IN_CLUSTER, "in-cluster", "gitops"),
        ("/gitops", IN_CLUSTER, "in-cluster", "gitops"),
        (IN_CLUSTER, IN_CLUSTER, "in-cluster", "argocd"),
        (EKS, EKS, EKS, "argocd"),
        (f"{EKS}/gitops", EKS, EKS, "gitops"),
        ("https://192.0.2.1:6443/gitops", EKS, EKS, "gitops"),
    ],
)
def test_a_name_a_server_and_a_namespace(text: str, destination: str, shown: str, namespace: str) -> None:
    assert place(REACHED, text) == Place(destination=destination, shown=shown, namespace=namespace)
    assert str(place(REACHED, text)) == f"{shown}/{namespace}"


@pytest.mark.parametrize(
    ("text", "hint"), [("in-clustr", "in-cluster"), ("elsewhere", "these are reached"), ("tests/No_Name", "CLUSTER/NAMESPACE")]
)
def test_what_is_none_is_told(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        place(REACHED, text)
    assert (error.value.code, hint in str(error.value.hint)) == ("HF8061", True)


def test_without_a_cluster_it_says_what_to_do() -> None:
    with pytest.raises(UsageError) as error:
        place(Clusters(accesses={}, names={}, base=Path("/")), "in-cluster")
    assert "kubernetes.kubeconfig" in str(error.value.hint)
