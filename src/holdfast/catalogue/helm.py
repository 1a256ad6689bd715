"""HF172x: charts that cannot be rendered."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1720": Explanation(
            title="Option of a chart that cannot be",
            meaning="spec.source.helm of an Application names a file of values that is not there, lies elsewhere, or sets no value.",
            cause="A typing error, a path relative to another folder, or an address: nothing is fetched while a chart is rendered.",
            next_step="Paths are relative to the chart, `/` begins at the root of its repository, `$name/` at that of another source.",
        ),
        "HF1721": Explanation(
            title="Chart that cannot be rendered",
            meaning="helm refuses the chart with these values, and says why. What was rendered last stays in force.",
            cause="A mistake in a template or in Chart.yaml, a value that is missing or of another type, a dependency missing in charts/.",
            next_step="Run `helm template` in the chart's folder: it says the same. What is shown is the template that helm names.",
        ),
        "HF1722": Explanation(
            title="Chart that gives no objects",
            meaning="What a template of a chart gives is no YAML, or none that means objects of a cluster.",
            cause="Indentation that `indent` or `nindent` got wrong, or a value that needs quotes.",
            next_step="Look at what `helm template` prints for that template.",
        ),
        "HF1723": Explanation(
            title="Helm is not there",
            meaning="A chart is to be rendered, and helm cannot be started on this host.",
            cause="Helm is not installed, or not on the configured PATH.",
            next_step="Install helm 3, or commit what `helm template` prints. The last good revision stays in force.",
        ),
    }
)
