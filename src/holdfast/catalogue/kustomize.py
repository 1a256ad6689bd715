"""HF17xx: kustomizations that cannot be built, and directories of manifests that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1700": Explanation(
            title="Not built here",
            meaning="A kustomization asks for something that Holdfast does not do: a remote base, a Helm chart, a function or plug-in.",
            cause="What runs programs or fetches things is left out on purpose: the same commit must always give the same objects.",
            next_step="Render it where that may happen, and commit the objects; or commit a copy of the base.",
        ),
        "HF1701": Explanation(
            title="No usable kustomization",
            meaning="A folder has no kustomization, two of them, one that says nothing, or one of another kind or version.",
            cause="A wrong path, a component listed under resources, or an old apiVersion.",
            next_step="Look at the place that is shown; a Component stands under `components`, all else under `resources`.",
        ),
        "HF1702": Explanation(
            title="File not there",
            meaning="A kustomization names a file or folder that the repository does not hold.",
            cause="A typing error, a file that was not committed, or a path that is relative to another folder.",
            next_step="Check the path: it is relative to the kustomization that names it.",
        ),
        "HF1703": Explanation(
            title="File out of bounds",
            meaning="A kustomization names a file outside of the repository, or a patch or generator file outside of its own folder.",
            cause="`..` in a path; kustomize forbids the same (`--load-restrictor`).",
            next_step="Move the file into the kustomization's folder, or make a base or component of it.",
        ),
        "HF1704": Explanation(
            title="Configuration not understood",
            meaning="A file of `configurations`, `crds` or `openapi` cannot be used.",
            cause="Two field specs contradict each other, or a document is no OpenAPI document.",
            next_step="Mend the file that is shown.",
        ),
        "HF1705": Explanation(
            title="Patch does not apply",
            meaning="A patch is no patch, or it does not fit the object that it is meant for.",
            cause="A path of a JSON patch that is not there, a list where the object has a mapping, or two kinds of patches in one.",
            next_step="Compare the patch with the object; add the parent of a missing path first.",
        ),
        "HF1706": Explanation(
            title="Field of another shape",
            meaning="A path leads through an object where something else stands: a single value where a mapping was expected.",
            cause="The path is wrong for this kind, or a configuration names a field of many kinds.",
            next_step="Correct the path; field specs may name a kind.",
        ),
        "HF1707": Explanation(
            title="Selector not understood",
            meaning="A pattern or label selector of a target cannot be read.",
            cause="A bracket that is not closed, or something that RE2 patterns do not have.",
            next_step="Names and kinds of a target are regular expressions (RE2); labels are selected as kubectl does.",
        ),
        "HF1708": Explanation(
            title="Nothing to change",
            meaning="A patch, replacement or replica count is for an object or field that is not there.",
            cause="A typing error, a name with its prefix where that without is meant, or a resource that is not listed.",
            next_step="Name the object as its own file does; `options.create: true` makes a field.",
        ),
        "HF1709": Explanation(
            title="Generator not understood",
            meaning="A configMapGenerator or secretGenerator cannot make its object.",
            cause="No name, a literal that is not key=value, a key that stands twice, or nothing there to merge into.",
            next_step="Mend the entry that is shown.",
        ),
        "HF1710": Explanation(
            title="Object twice",
            meaning="Two objects have the same kind, name and namespace.",
            cause="A file is listed twice, two bases share an object, or a namespace was set for both.",
            next_step="Keep one of the two, or give one another name.",
        ),
        "HF1711": Explanation(
            title="Reference not clear",
            meaning="A name may refer to several objects, or stands where no name is expected.",
            cause="Objects of one name in several layers, or a nameReference with a wrong path.",
            next_step="Give the objects different names, or name the namespace in the reference.",
        ),
        "HF1712": Explanation(
            title="Variable without a value",
            meaning="An entry of `vars` has no object, several, or no such field.",
            cause="objref names the object as it is called in the end, or stands twice.",
            next_step="Name it as its own file does; better, use `replacements`.",
        ),
        "HF1713": Explanation(
            title="Build too large",
            meaning="A kustomization reads or makes more than one build may.",
            cause="Very large bundles, or files that were made to cost time.",
            next_step="Split it into several Applications.",
        ),
        "HF1714": Explanation(
            title="No Kubernetes object",
            meaning="A document of a manifest has no kind or no metadata.name, or is no mapping.",
            cause="A values file, a template or a fragment among the manifests.",
            next_step="Move it elsewhere, or leave it out of the list of resources.",
        ),
        "HF1716": Explanation(
            title="Objects of a cluster",
            meaning="A path holds a kustomization or manifests of Kubernetes objects, and the Application's destination is this host.",
            cause="The destination is not the one that was meant, or the path is another one's.",
            next_step="Name the cluster in spec.destination; `holdfast render` shows what would go there.",
        ),
        "HF1717": Explanation(
            title="Options of a kustomization do not fit",
            meaning="spec.source.kustomize of an Application adds something that the kustomization has already, or that changes nothing.",
            cause="A label that both say, an image without a tag, or a count that is no number.",
            next_step="Change the Application's option; forceCommonLabels and forceCommonAnnotations let it win.",
        ),
        "HF1715": Explanation(
            title="Kustomization within itself",
            meaning="A kustomization leads back to a folder that is being built.",
            cause="`resources: [..]`, or two bases that name each other.",
            next_step="Move what both need into a base of its own.",
        ),
    }
)
