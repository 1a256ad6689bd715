"""Identity: what an object is called: group, version, kind, name, namespace; and how two of those are compared.

As kyaml's resid has it: an object without a namespace is in `default`, unless its kind is known to have none. The texts are those of
kustomize's messages, which people search for.
"""

from __future__ import annotations

from typing import Final, NamedTuple

CLUSTER: Final = "_non_namespaceable_"
_DEFAULT = "default"
_FIRST: Final = (
    "Namespace ResourceQuota StorageClass CustomResourceDefinition ServiceAccount PodSecurityPolicy Role ClusterRole RoleBinding "
    "ClusterRoleBinding ConfigMap Secret Endpoints Service LimitRange PriorityClass PersistentVolume PersistentVolumeClaim Deployment "
    "StatefulSet CronJob PodDisruptionBudget"
).split()
_LAST: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


class Gvk(NamedTuple):
    """Group, version and kind, of an object or, with empty parts for any, of a selector."""

    group: str = ""
    version: str = ""
    kind: str = ""

    @classmethod
    def of(cls, api_version: str, kind: str) -> Gvk:
        group, slash, version = api_version.partition("/")
        return cls(group, version, kind) if slash else cls("", api_version, kind)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def is_selected(self, selector: Gvk) -> bool:
        return all(not wanted or wanted == own for wanted, own in zip(selector, self, strict=True))

    def __str__(self) -> str:
        return f"{self.kind or '[noKind]'}.{self.version or '[noVer]'}.{self.group or '[noGrp]'}"


class Identity(NamedTuple):
    """One object among others. `is_cluster`: its kind is known to have no namespace."""

    gvk: Gvk
    name: str
    namespace: str
    is_cluster: bool = False

    @property
    def effective_namespace(self) -> str:
        return CLUSTER if self.is_cluster else self.namespace or _DEFAULT

    def equals(self, other: Identity) -> bool:
        return self.gvk == other.gvk and self.name == other.name and self.effective_namespace == other.effective_namespace

    def __str__(self) -> str:
        return f"{self.gvk}/{self.name or '[noName]'}.{self.namespace or '[noNs]'}"


def order(first: tuple[str, ...] | list[str], last: tuple[str, ...] | list[str]) -> dict[str, int]:
    """Return the rank of each kind that has one; all others have 0."""
    ranks = {kind: index - len(first) for index, kind in enumerate(first)}
    return ranks | {kind: index + 1 for index, kind in enumerate(last)}


_RANKS: Final = order(list(_FIRST), list(_LAST))


def rank(gvk: Gvk) -> tuple[int, str]:
    """Return where a kind stands among others (Gvk.IsLessThan)."""
    return _RANKS.get(gvk.kind, 0), spelled(gvk)


def spelled(gvk: Gvk) -> str:
    return f"{gvk.group or '~G'}_{gvk.version or '~V'}_{gvk.kind or '~K'}"


def default_order() -> dict[str, int]:
    return dict(_RANKS)
