"""HF407x, HF408x: what a Helm repository or a registry did not answer of a chart, or answered and is refused."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF4070": Explanation(
            title="The Helm repository does not answer",
            meaning="The index or an archive could not be fetched. The last good version stays in force, and it is tried again by itself.",
            cause="The server or the network is down, slow or overloaded, or the name does not resolve.",
            next_step="Look at the address that the message names from this host.",
        ),
        "HF4071": Explanation(
            title="The Helm repository wants credentials",
            meaning="The server did not let Holdfast in.",
            cause="A private repository without credentials, or ones that it does not take.",
            next_step=(
                "Run `helm repo add NAME URL --username USER --password-stdin` as the user that runs Holdfast: it keeps them in "
                "repositories.yaml, where they are looked for."
            ),
        ),
        "HF4072": Explanation(
            title="This is no Helm repository",
            meaning="There is no index.yaml at the address, or what is there is none.",
            cause="repoURL names a page about the repository, a registry, or one folder too many.",
            next_step="Write the address that `helm repo add` takes. index.yaml lies directly below it.",
        ),
        "HF4073": Explanation(
            title="The repository has no such chart",
            meaning="The index of the Helm repository does not name the chart. What ran before stays in force.",
            cause="A misspelt name, or a chart that was moved or removed.",
            next_step="Correct spec.source.chart; the message names what is near or there.",
        ),
        "HF4074": Explanation(
            title="No version of the chart fits",
            meaning="targetRevision is neither a version that the index names nor a range that one of them is in.",
            cause="The version is not released yet or was removed, or the range is too narrow. Pre-releases fit only where one is named.",
            next_step="Choose one of the versions that the message names, or widen the range.",
        ),
        "HF4075": Explanation(
            title="The archive of a chart is not there",
            meaning="The index names an archive that the server does not have, or that lies where it is not fetched from.",
            cause="The archive was removed, or the index was written for another address.",
            next_step="Tell who keeps the repository, or choose another version.",
        ),
        "HF4076": Explanation(
            title="The archive is not the one that the index names",
            meaning="The SHA-256 of the archive differs from the digest in the index. It was not used; what ran before stays in force.",
            cause="The archive was packed anew without the index, a transfer went wrong, or somebody replaced it.",
            next_step="Tell who keeps the repository. Do not go on before it is clear what happened.",
        ),
        "HF4077": Explanation(
            title="The archive cannot be unpacked safely",
            meaning=(
                "The archive is broken, larger than Helm lets a chart be, or holds what no chart needs: links, devices, names that leave "
                "its folder, one name twice. Nothing of it was used."
            ),
            cause="A damaged archive, one that was packed by hand, or an attack.",
            next_step="Look at it with `tar -tvzf`, pack the chart with `helm package`, and release a new version.",
        ),
        "HF4078": Explanation(
            title="The archive holds another chart, or none",
            meaning="The archive has no Chart.yaml in a folder at its top, or one of another name or version than the index says.",
            cause="The index was written by hand, or archives were mixed up.",
            next_step="Run `helm repo index` anew where the repository is kept.",
        ),
        "HF4079": Explanation(
            title="A version of a chart has changed",
            meaning="The repository gives other files under a number that was fetched before. They are not taken; the first ones stay.",
            cause="The chart was changed without a new version, or somebody replaced it.",
            next_step=(
                "Release a new version and name that. To take the changed files under the old number, remove the mirror's folder below "
                "STATE/mirrors."
            ),
        ),
        "HF4080": Explanation(
            title="A Helm repository on a private address",
            meaning="The repository, or a place that it names, is on an address that is not public. It was not asked.",
            cause="Git names whom Holdfast asks; without this brake it could look around in your own network.",
            next_step="Name the host in charts.private of the local configuration, where that is right.",
        ),
        "HF4081": Explanation(
            title="Credentials of Helm cannot be read",
            meaning="repositories.yaml, or a certificate that it names, cannot be read. Nothing of its content is shown.",
            cause="The file is damaged, or the user that runs Holdfast may not read it.",
            next_step="Give the user the right, or write it anew with `helm repo add`.",
        ),
    }
)
