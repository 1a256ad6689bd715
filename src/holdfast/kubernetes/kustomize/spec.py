"""Spec: what a kustomization may say, field by field, as kustomize v5 reads it (api/types/kustomization.go).

Decoded by declare, so an unknown field is refused with its place. Fields that are read and then refused by name (helmCharts, functions)
stand here as well: whoever reads them says what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from holdfast.kubernetes.kustomize.configuration import SpecFile
from holdfast.kubernetes.kustomize.identity import Gvk

API_VERSION = "kustomize.config.k8s.io/v1beta1"
COMPONENT_VERSION = "kustomize.config.k8s.io/v1alpha1"
COMPONENT = "Component"
ORIGINS, TRANSFORMATIONS, MANAGED_BY = "originAnnotations", "transformerAnnotations", "managedByLabel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which objects: regular expressions for the parts of their ids, and selectors of labels and annotations."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    annotation_selector: str = ""
    label_selector: str = ""

    @property
    def has_id(self) -> bool:
        return any((self.group, self.version, self.kind, self.name, self.namespace))


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchOptions:
    allow_name_change: bool = False
    allow_kind_change: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A strategic merge patch or a JSON patch, in a file or in place."""

    path: str = ""
    patch: str = ""
    target: Selector | None = None
    options: PatchOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    pairs: Mapping[str, str] = field(default_factory=dict)
    include_selectors: bool = False
    include_templates: bool = False
    include_volume_claim_templates: bool = False
    fields: tuple[SpecFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    name: str = ""
    new_name: str = ""
    tag_suffix: str = ""
    new_tag: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    name: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorOptions:
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    disable_name_suffix_hash: bool = False
    immutable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """What a ConfigMap, or with `type` a Secret, is made of."""

    name: str = ""
    namespace: str = ""
    behavior: str = ""
    literals: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    envs: tuple[str, ...] = ()
    env: str = ""
    options: GeneratorOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretGenerator(Generator):
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOptions:
    """How a value is cut out of, or put into, a longer text."""

    delimiter: str = ""
    index: int = 0
    encoding: str = ""
    create: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The one object, and the field of it, that a value is taken from."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    field_path: str = ""
    options: FieldOptions | None = None

    def __str__(self) -> str:
        said = (("group", self.group), ("version", self.version), ("kind", self.kind), ("name", self.name), ("namespace", self.namespace))
        return ", ".join(f"{key} {value}" for key, value in said if value) or "a source that says nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a value goes."""

    select: Selector | None = None
    reject: tuple[Selector, ...] = ()
    field_paths: tuple[str, ...] = ()
    options: FieldOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """One value and the fields that it is copied to; `path`: a file that says so, one or a list."""

    source: Source | None = None
    source_value: str | None = None
    targets: tuple[Target, ...] | None = None
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReference:
    """The object of a variable."""

    api_version: str = ""
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""

    @property
    def gvk(self) -> Gvk:
        return Gvk.of(self.api_version, self.kind) if self.api_version else Gvk(self.group, self.version, self.kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReference:
    field_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """`$(NAME)` in the fields of `varReference` stands for a field of an object."""

    name: str
    objref: ObjectReference
    fieldref: FieldReference | None = None

    @property
    def field_path(self) -> str:
        return (self.fieldref.field_path if self.fieldref else "") or "metadata.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacySortOptions:
    order_first: tuple[str, ...] = ()
    order_last: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOptions:
    order: Literal["legacy", "fifo"] = "fifo"
    legacy_sort_options: LegacySortOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kustomization:
    """A file kustomization.yaml."""

    api_version: str = ""
    kind: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    openapi: Mapping[str, str] = field(default_factory=dict)
    name_prefix: str = ""
    name_suffix: str = ""
    namespace: str = ""
    common_labels: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    patches_strategic_merge: tuple[str, ...] = ()
    patches_json6902: tuple[Patch, ...] = ()
    patches: tuple[Patch, ...] = ()
    images: tuple[Image, ...] = ()
    image_tags: tuple[Image, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    replicas: tuple[Replica, ...] = ()
    vars: tuple[Variable, ...] = ()
    sort_options: SortOptions | None = None
    resources: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    config_map_generator: tuple[Generator, ...] = ()
    secret_generator: tuple[SecretGenerator, ...] = ()
    helm_globals: object = None
    helm_charts: tuple[object, ...] = ()
    helm_chart_inflation_generator: tuple[object, ...] = ()
    generator_options: GeneratorOptions | None = None
    configurations: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()
    transformers: tuple[str, ...] = ()
    validators: tuple[str, ...] = ()
    build_metadata: tuple[str, ...] = ()
