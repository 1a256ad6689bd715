"""Write docs/reference/kustomize.md from what the reader of kustomizations takes: `.venv/bin/python tools/reference_kustomize.py`.

Running it again changes nothing; tests/docs/test_kustomize_reference.py fails when the page is not what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from holdfast.declare.hint import Hint, bare, element, expectation, is_spec, spec_fields, union
from holdfast.kubernetes.kustomize.build import VERSION
from holdfast.kubernetes.kustomize.library import LIMITS, MOST_BYTES, MOST_FILES
from holdfast.kubernetes.kustomize.schema import BUILT_IN
from holdfast.kubernetes.kustomize.spec import Kustomization

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "kustomize.md"

INTRODUCTION = f"""# Kustomizations

`tools/reference_kustomize.py` writes this page; do not edit it by hand.

Read is `kustomization.yaml`, `kustomization.yml` or `Kustomization` at the Application's path; then nothing else there counts but what it
names. What comes of it is what `kustomize build` {VERSION} gives, object by object and in its order, kinds sorted as the command does: equal
on all 150 given cases of kustomize's own tests and examples, and compared with the program on repositories made by chance. Nothing is run and
nothing is fetched; bases, components and resources may lie anywhere in the repository, all other files in the folder of the kustomization
that names them. A render is remembered by the blobs that it read: a commit that changes none of them costs nothing.

Lists are merged by the keys of Kubernetes {BUILT_IN}, as in kustomize; `openapi.path` brings others. Names and kinds of a target are regular
expressions (RE2), label and annotation selectors are those of kubectl.

`spec.source.kustomize` of the Application is added to its kustomization as Argo CD does by `kustomize edit`; what both say is refused (HF1717)
unless it is forced. `version`, `kubeVersion` and `apiVersions` have no effect.
"""
WORDS: Mapping[str, str] = {
    "apiVersion": "`kustomize.config.k8s.io/v1beta1`; of a Component `v1alpha1`",
    "kind": "`Kustomization` or `Component`",
    "metadata": "means nothing",
    "openapi": f"`path` of a document, or `version: {BUILT_IN}`",
    "namePrefix": "names, and what refers to them",
    "nameSuffix": "names, and what refers to them",
    "namespace": "of all objects that have one; the subjects named `default` of role bindings",
    "commonLabels": "labels, selectors and templates",
    "labels": "labels; selectors, templates and claims where it says so",
    "commonAnnotations": "annotations of objects and templates",
    "patchesStrategicMerge": "files, or patches in place",
    "patchesJson6902": "of one target each",
    "patches": "strategic merge or JSON, in a file or in place, with or without a target",
    "images": "names, tags and digests",
    "imageTags": "the same under its old name",
    "replacements": "in place, or in a file",
    "replicas": "of workloads by name",
    "vars": "in the fields of `varReference`",
    "sortOptions": "`legacy` with or without an order of kinds, or `fifo`",
    "resources": "files and folders of this repository",
    "components": "folders of this repository",
    "crds": "what OpenAPI definitions say of names, labels and annotations",
    "bases": "the same as `resources`",
    "configMapGenerator": "literals, files and env files; hashes to the last letter",
    "secretGenerator": "the same; values are never shown",
    "generatorOptions": "of all generators",
    "configurations": "more fields for names, labels, images and so on",
    "generators": "built-in ones that a file or text configures",
    "transformers": "built-in ones that a file or text configures",
    "buildMetadata": "`originAnnotations`, `transformerAnnotations`, `managedByLabel`",
}
"""Field → what is done with it."""
REFUSED: Mapping[str, str] = {
    "helmGlobals": "Helm charts are not read",
    "helmCharts": "Helm charts are not read",
    "helmChartInflationGenerator": "Helm charts are not read",
    "validators": "they run programs",
}
DIFFERENCES: Mapping[str, str] = {
    "Bases, resources and files of other repositories and addresses": "refused (HF1700): rendering asks nothing of the network",
    "Functions, executable and Go plug-ins": "refused (HF1700): they run programs that Git names",
    "A replacement into YAML that stands in a text field": "refused (HF1700): kustomize keeps comments and layout, which is not done here; JSON is",
    "A generated object whose kind a patch changed": "refused (HF1700) where its name has a hash",
    "`filePathPosition` of a ValueAddTransformer": "refused (HF1700)",
    "A file that is a symbolic link": "not followed: it counts as not there",
    "Unicode classes (`\\p{…}`) in patterns": "refused (HF1707)",
    "A key that stands twice in a kustomization": "the later one counts, as in kustomize, with a warning",
    "A text that kustomize cannot write, and crashes at": "is built",
}
BOUNDS = f"""## Bounds

A file has {LIMITS.bytes >> 20} MiB at most and {LIMITS.documents:,} documents, a build {MOST_BYTES >> 20} MiB and {MOST_FILES:,} files; twelve
kustomizations may nest. A build that would make or change more than a repository of people does is refused (HF1713).
"""


def kind(hint: Hint) -> str:
    """Return in plain words what a field takes."""
    members = [each for each in union(hint) if each is not type(None)]
    hint = bare(members[0]) if len(members) == 1 else bare(hint)
    item = element(hint)
    if item is not None:
        return "list of mappings" if is_spec(bare(item)) else "list"
    return "mapping" if is_spec(hint) else expectation(hint).removeprefix("a ")


def rows() -> Iterator[str]:
    yield from ("## Fields", "", "| field | takes | what is done |", "|---|---|---|")
    for key, field in spec_fields(Kustomization).items():
        what = f"refused (HF1700): {REFUSED[key]}" if key in REFUSED else WORDS[key]
        yield f"| `{key}` | {kind(field.hint)} | {what} |"
    yield ""


def differences() -> Iterator[str]:
    yield from (f"## Where it differs from kustomize {VERSION}", "", "| what | here |", "|---|---|")
    yield from (f"| {what} | {here} |" for what, here in DIFFERENCES.items())
    yield ""


def page() -> str:
    return "\n".join([INTRODUCTION, *rows(), *differences(), BOUNDS])


def main() -> None:
    if not PAGE.exists() or PAGE.read_text() != page():
        PAGE.write_text(page())
        sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
