"""HF165x: what the rooms of Kubernetes read beside manifests."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1650": Explanation(
            title="Health rule not readable",
            meaning="A file of health rules has a rule that cannot be read, so the kinds of its group are judged by the general rule.",
            cause="An unknown field, an unknown status, or an expression that is not closed.",
            next_step="Mend the line shown; docs/reference/health.md lists what a rule may say.",
        ),
        "HF1651": Explanation(
            title="No object of a cluster",
            meaning="A file of an Application for a cluster holds something that no API server would take.",
            cause="apiVersion, kind or metadata.name is missing, a label or annotation is no text, or a hook or wave is unknown.",
            next_step="Mend the line shown; numbers and switches in annotations stand in quotes.",
        ),
        "HF1680": Explanation(
            title="Customisation not readable",
            meaning="A key of Argo CD's ConfigMap argocd-cm cannot be read. What the other keys say counts.",
            cause="The YAML within the key is broken, or an action has no name or no action.lua.",
            next_step="Mend the key shown; docs/reference/health.md says which keys are read.",
        ),
    }
)
