"""Where an Application comes from, as a person may write it: Argo CD's `spec.source`, all its fields.

Field docstrings are the help text, the reference page and the schema's description. What is read here and not honoured yet is in
`unhonoured.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from holdfast.kit.canonical import Json
from holdfast.model.scalars import NonEmptyStr, Scalar


def _tree_path(value: Json) -> str:
    """Return a folder of the repository as its tree keys are written: no `./`, no slash at the end, "" for the whole."""
    if not isinstance(value, str):
        raise ValueError
    if value.startswith("/"):
        raise ValueError("it is absolute")
    names = value.split("/")
    if ".." in names:
        raise ValueError("it climbs with ..")
    if "\0" in value or "\\" in value:
        raise ValueError("it holds a NUL character" if "\0" in value else "it holds a backslash")
    return "/".join(name for name in names if name not in {"", "."})


TreePath = Annotated[str, Scalar(expected="a folder from the root of the repository, such as deploy/production", parse=_tree_path)]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonnetVar:
    """A variable that is given to Jsonnet."""

    name: NonEmptyStr
    """Its name."""
    value: str
    """Its value."""
    code: bool = False
    """Whether the value is Jsonnet code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonnetSpec:
    """How Jsonnet files are rendered."""

    ext_vars: tuple[JsonnetVar, ...] = ()
    """External variables."""
    tlas: tuple[JsonnetVar, ...] = ()
    """Top-level arguments."""
    libs: tuple[str, ...] = ()
    """Further library folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySpec:
    """Which files below `path` are read as declarations."""

    recurse: bool = False
    """Whether files in folders below are read too."""
    include: str = ""
    """Glob of the files to read, such as `{web,worker}.yaml`; all of them without it."""
    exclude: str = ""
    """Glob of the files to leave out; it wins over `include`."""
    disable_extension_filter: bool = False
    """Whether files that end neither in .yaml, .yml nor .json are read too."""
    jsonnet: JsonnetSpec | None = None
    """Options of Jsonnet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmParameter:
    """One `--set` of Helm."""

    name: str = ""
    """Name of the value, dots for nesting."""
    value: str = ""
    """What it is set to."""
    force_string: bool = False
    """Whether numbers and booleans stay text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmFileParameter:
    """One `--set-file` of Helm."""

    name: str = ""
    """Name of the value, dots for nesting."""
    path: str = ""
    """File that holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmSpec:
    """Options of `helm template`."""

    value_files: tuple[str, ...] = ()
    """Files of values, the last one wins."""
    parameters: tuple[HelmParameter, ...] = ()
    """Single values."""
    release_name: str = ""
    """Name of the release; the Application's without it."""
    values: str = ""
    """Values as a block of YAML."""
    values_object: object = None
    """Values as a mapping; wins over `values`."""
    file_parameters: tuple[HelmFileParameter, ...] = ()
    """Values that files hold."""
    version: str = ""
    """Version of Helm."""
    pass_credentials: bool = False
    """Whether credentials go to every domain."""
    ignore_missing_value_files: bool = False
    """Whether a file of values that is not there is passed over."""
    skip_crds: bool = False
    """Whether custom resource definitions are left out."""
    skip_tests: bool = False
    """Whether test manifests are left out."""
    skip_schema_validation: bool = False
    """Whether the chart's own schema is not asked."""
    namespace: str = ""
    """Namespace to render with; the destination's without it."""
    kube_version: str = ""
    """Version of Kubernetes to render for."""
    api_versions: tuple[str, ...] = ()
    """API versions to render for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizeReplica:
    """How many of one workload."""

    name: NonEmptyStr
    """Name of the workload."""
    count: int | str
    """How many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizeTarget:
    """Which resources a patch is for."""

    group: str = ""
    """API group."""
    version: str = ""
    """API version."""
    kind: str = ""
    """Kind."""
    name: str = ""
    """Name, a regular expression."""
    namespace: str = ""
    """Namespace, a regular expression."""
    annotation_selector: str = ""
    """Selector over annotations."""
    label_selector: str = ""
    """Selector over labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizePatch:
    """One patch, in a file or in place."""

    path: str = ""
    """File that holds it."""
    patch: str = ""
    """The patch itself."""
    target: KustomizeTarget | None = None
    """What it is for."""
    options: Mapping[str, bool] = field(default_factory=dict)
    """`allowNameChange`, `allowKindChange`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KustomizeSpec:
    """What is added to a kustomization before it is built."""

    name_prefix: str = ""
    """Put before each name."""
    name_suffix: str = ""
    """Put after each name."""
    images: tuple[str, ...] = ()
    """Images to use: `[old=]name[:tag|@digest]`."""
    replicas: tuple[KustomizeReplica, ...] = ()
    """Counts of replicas."""
    patches: tuple[KustomizePatch, ...] = ()
    """Patches."""
    components: tuple[str, ...] = ()
    """Components to add."""
    ignore_missing_components: bool = False
    """Whether a component that is not there is passed over."""
    common_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels for every resource."""
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations for every resource."""
    force_common_labels: bool = False
    """Whether `commonLabels` replace labels that are there."""
    force_common_annotations: bool = False
    """Whether `commonAnnotations` replace annotations that are there."""
    common_annotations_envsubst: bool = False
    """Whether variables in `commonAnnotations` are replaced."""
    label_without_selector: bool = False
    """Whether `commonLabels` leave selectors alone."""
    label_include_templates: bool = False
    """Whether `commonLabels` reach templates of pods."""
    namespace: str = ""
    """Namespace of every resource."""
    version: str = ""
    """Version of kustomize."""
    kube_version: str = ""
    """Version of Kubernetes to render for."""
    api_versions: tuple[str, ...] = ()
    """API versions to render for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginEnv:
    """A variable of a plugin's environment."""

    name: NonEmptyStr
    """Its name."""
    value: str
    """Its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginParameter:
    """A parameter of a plugin: one of `string`, `map` and `array`."""

    name: str = ""
    """Its name."""
    string: str | None = None
    """A text."""
    map: Mapping[str, str] | None = None
    """Texts by name."""
    array: tuple[str, ...] | None = None
    """Texts in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginSpec:
    """A configuration management plugin."""

    name: str = ""
    """Its name; found by the files without it."""
    env: tuple[PluginEnv, ...] = ()
    """Its environment."""
    parameters: tuple[PluginParameter, ...] = ()
    """Its parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A folder of a Git repository at a revision."""

    repo_url: str = field(default="", metadata={"key": "repoURL"})
    """Address of the repository: `https://host/path`, `ssh://host/path`, `git@host:path`; where an operator gave the file, also an absolute
    folder, a `file://` address, or a folder relative to the file (`.`, `./shop`, `../shop`). With `chart` that of a Helm repository,
    or a registry: `ghcr.io/org/charts`, with `oci://` before it or without."""
    path: TreePath = ""
    """Folder of the repository that is read; the whole repository without it."""
    target_revision: str = ""
    """Branch, tag, commit or range of versions over the tags (`^1.2`); `HEAD` without it. Of a chart a version or range (`1.2.x`, `*`)."""
    directory: DirectorySpec | None = None
    """Which files are read."""
    helm: HelmSpec | None = None
    """Options of Helm."""
    kustomize: KustomizeSpec | None = None
    """Options of kustomize."""
    plugin: PluginSpec | None = None
    """Options of a plugin."""
    chart: str = ""
    """Name of a chart in the Helm repository or registry that `repoURL` is."""
    ref: str = ""
    """Name by which another source takes files of this one, as `$NAME/path`; without a path it gives nothing else."""
    name: str = ""
    """Name of this source among several, for `--revision NAME=REVISION`."""
    tag_prefix: str = ""
    """Beginning of the tags that a range of versions looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrySource:
    """Where manifests lie before they are hydrated."""

    repo_url: str = field(default="", metadata={"key": "repoURL"})
    """Address of the repository."""
    target_revision: str = ""
    """Revision that is hydrated."""
    path: TreePath = ""
    """Folder that is hydrated."""
    directory: DirectorySpec | None = None
    """Which files are read."""
    helm: HelmSpec | None = None
    """Options of Helm."""
    kustomize: KustomizeSpec | None = None
    """Options of kustomize."""
    plugin: PluginSpec | None = None
    """Options of a plugin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSource:
    """Where hydrated manifests lie, in the repository of the dry source."""

    target_branch: NonEmptyStr
    """Branch that is followed."""
    path: TreePath = ""
    """Folder that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HydrateTo:
    """Where hydrated manifests are put first."""

    target_branch: NonEmptyStr
    """Branch that is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHydrator:
    """A source that is rendered by somebody else: `syncSource` is followed, hydrating it is left to Argo CD."""

    dry_source: DrySource
    """Where the manifests come from."""
    sync_source: SyncSource
    """What is followed."""
    hydrate_to: HydrateTo | None = None
    """Where they are put first."""
