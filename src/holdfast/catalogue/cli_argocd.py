"""HF8058 to HF8060: the import of what Argo CD manages."""

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
    }
)
