"""HF8058 to HF8063: the import of what Argo CD manages, and following its objects."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF8058": Explanation(
            title="There is no Argo CD to import from",
            meaning="No cluster is configured, or the one that is does not serve Applications and AppProjects of argoproj.io.",
            cause="Another context is the current one, or the kubeconfig is not named in the local configuration.",
            next_step="Set kubernetes.kubeconfig and kubernetes.context, or give what kubectl printed with -f.",
        ),
        "HF8059": Explanation(
            title="A file of an import cannot be read or written",
            meaning="A file that was given cannot be read, or one that should be written cannot be; the reason is the system's own.",
            cause="A typing error, a missing permission or a full disk.",
            next_step="Name the file as it is seen from the folder the command runs in, as a user that may read and write there.",
        ),
        "HF8060": Explanation(
            title="A file of an import is there already",
            meaning="A file that should be written is there and says something else. Nothing was written.",
            cause="The cluster or the file was changed since the last import.",
            next_step="Compare the two: --dry-run names them. --force overwrites, --output chooses another folder.",
        ),
        "HF8061": Explanation(
            title="No such cluster to follow",
            meaning="`up --from-cluster` names a cluster that the local configuration does not reach, or a namespace that cannot be one.",
            cause="A typing error, or the kubeconfig is not named in the local configuration.",
            next_step="Write a destination such as in-cluster or a context of the kubeconfig, with /NAMESPACE behind it perhaps.",
        ),
        "HF8062": Explanation(
            title="Argo CD's controller runs",
            meaning="Application objects are to be followed in a namespace where Argo CD's application controller runs. Nothing is synced, "
            "and no status is written, until it is stopped; that is noticed at once.",
            cause="It was not scaled down yet, or somebody scaled it up again.",
            next_step="Scale it to no replicas, as the hint says. To go back to Argo CD, end Holdfast first.",
        ),
        "HF8063": Explanation(
            title="The cluster has no such objects",
            meaning="Application objects are to be followed in a cluster that does not serve their kind. It is looked at again.",
            cause="Argo CD's definitions are not installed there, or another cluster is meant.",
            next_step="Apply the definitions of Application and AppProject, or name the right cluster.",
        ),
    }
)
