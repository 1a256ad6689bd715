"""Build: a folder with a kustomization → its objects, as `kustomize build` gives them.

The order of the work is kustomize's: resources, then generators, components, and the transformers of each kustomization from the inside
out; at the very end hashes, references, variables. What it does not do it refuses by name: remote bases, Helm charts, functions, plug-ins.
Laws: the same files give the same objects; nothing outside of the repository is asked for; every failure has a place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.declare.document import Document
from holdfast.errors import DeclarationError, Where
from holdfast.kit.path import tidy, within
from holdfast.kubernetes.kustomize.absorb import absorb
from holdfast.kubernetes.kustomize.configuration import Configuration, ConfigurationFile, of_definitions
from holdfast.kubernetes.kustomize.configuration import built_in as built_in_configuration
from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.field import FieldSpec, Specs, merged
from holdfast.kubernetes.kustomize.generate import generate, with_globals
from holdfast.kubernetes.kustomize.identity import Gvk
from holdfast.kubernetes.kustomize.library import NAMES, Broken, Home, Library, is_remote, read_documents, typed
from holdfast.kubernetes.kustomize.name_reference import mend
from holdfast.kubernetes.kustomize.order import arranged
from holdfast.kubernetes.kustomize.patch import ORIGIN, Act, Patches, Seen, collision
from holdfast.kubernetes.kustomize.patch import TRANSFORMATIONS as TRANSFORMATIONS_NOTE
from holdfast.kubernetes.kustomize.plugin import add_hashes, generated, replacements_of, transformer
from holdfast.kubernetes.kustomize.replacement import replace_all
from holdfast.kubernetes.kustomize.schema import BUILT_IN, Schemas, read_schema
from holdfast.kubernetes.kustomize.spec import (
    COMPONENT,
    MANAGED_BY,
    ORIGINS,
    TRANSFORMATIONS,
    Generator,
    Image,
    Kustomization,
    Label,
    Replacement,
    Replica,
    Variable,
)
from holdfast.kubernetes.kustomize.step import Step, configured, listed, read_from
from holdfast.kubernetes.kustomize.transform import add_prefix, add_suffix, set_image, set_namespace, set_pairs, set_replicas
from holdfast.kubernetes.kustomize.trouble import Trouble, at
from holdfast.kubernetes.kustomize.value import plain
from holdfast.kubernetes.kustomize.variable import claim, resolve
from holdfast.kubernetes.manifest import Manifest
from holdfast.model.resource import Warning

VERSION: Final = "v5.8.2"
"""Of the kustomize that this follows."""
_DEEPEST: Final = 12
"""Kustomizations within kustomizations; one that nests deeper is a mistake, or made to cost time."""
_MOST_OBJECTS: Final = 50_000
_MOST_ACTS: Final = 5_000_000
"""Transformations times objects."""
_LAYER_COST: Final = 500
"""What a kustomization without objects counts for: so many of them may be built one after another, however they name each other."""
_METADATA_LABELS: Final = FieldSpec(Gvk(), "metadata/labels", create=True)
_LOCAL: Final = "config.kubernetes.io/local-config"
Place = Callable[[], Where]


@dataclass(frozen=True, slots=True)
class Built:
    """What a build gave: objects, or every error."""

    manifests: tuple[Manifest, ...] = ()
    errors: tuple[DeclarationError, ...] = ()
    warnings: tuple[Warning, ...] = ()


def build(library: Library, folder: str, *, sorts: bool = True) -> Built:
    """Return the objects of the kustomization in `folder`, or its errors; raises Wanted alone. `sorts`: by kind, as the command does."""
    subject = folder or "the repository"
    try:
        home = library.home(folder)
        if home is None:
            raise Trouble("HF1701", f"there is none of {', '.join(NAMES)} in it", "check the path", Where(path=folder or "."))
        manifests = tuple(_Build(library, home, sorts).manifests())
    except Trouble as trouble:
        return Built(errors=(trouble.error(subject),))
    except Broken as broken:
        return Built(errors=broken.errors)
    return Built(manifests, warnings=tuple(_warnings(library)))


def _warnings(library: Library) -> Iterator[Warning]:
    """Yield what kustomize passes over without a word, and a person should know."""
    for home in library.homes:
        for error in home.repeats:
            message = f"{error.message.partition(': ')[2]} in {home.path}; the later one is taken, as kustomize does"
            yield Warning(reason="RepeatedKey", message=message, origin=library.origin(error.where[0]))


@dataclass(slots=True)
class _Set:
    """What a kustomization has accumulated."""

    drafts: list[Draft] = field(default_factory=list)
    seen: Seen | None = None
    """Ids of the drafts, while nothing has changed them."""
    configuration: Configuration = field(default_factory=Configuration)
    variables: dict[str, Variable] = field(default_factory=dict)

    def append(self, drafts: list[Draft]) -> None:
        self.drafts += drafts
        if len(self.drafts) > _MOST_OBJECTS:
            raise Trouble("HF1713", f"it makes more than {_MOST_OBJECTS:,} objects", "build it in parts")
        if self.seen is None:
            self.seen = collision(self.drafts)
        else:
            collision(drafts, self.seen)

    def join(self, other: _Set) -> None:
        self.append(other.drafts)
        self.configuration = self.configuration.merge(other.configuration)
        for variable in other.variables.values():
            self.add_variable(variable)

    def add_variable(self, variable: Variable) -> None:
        if variable.name in self.variables:
            raise Trouble("HF1712", f"the variable {variable.name} stands twice", "give one of them another name")
        self.variables[variable.name] = variable


@dataclass(frozen=True, slots=True)
class _Layer:
    """A kustomization in work. `path`: how it was reached, for the origin annotations; `above`: the folders that lead here."""

    home: Home
    path: str
    above: tuple[str, ...]

    @property
    def spec(self) -> Kustomization:
        return self.home.spec

    @property
    def file(self) -> str:
        """Return the kustomization's file as the annotations name it."""
        return _beside(self.path, self.home.path.rpartition("/")[2])

    def at(self, *path: str | int) -> Place:
        return lambda: self.home.where(*path)


def _beside(folder: str, path: str) -> str:
    """Return a path from a folder, `..` kept where it leads up (filepath.Join)."""
    return tidy(f"{folder or '.'}/{path}")


class _Build:
    def __init__(self, library: Library, home: Home, sorts: bool) -> None:
        self.library = library
        self.root = home
        self.sorts = sorts
        self.schemas = Schemas()
        self.keeps_sources = bool(home.spec.build_metadata)
        self.acts = 0

    def manifests(self) -> list[Manifest]:
        layer = _Layer(self.root, "", (self.root.folder,))
        self.set_schema(layer, is_root=True)
        found = self.accumulate(layer, _Set())
        drafts = found.drafts
        add_hashes(drafts)
        mend(drafts, found.configuration.name_reference)
        with at(layer.at("vars")):
            resolve(drafts, found.variables, found.configuration.var_reference)
        drafts = [draft for draft in drafts if not draft.is_gone and draft.labels("annotations").get(_LOCAL, "false") == "false"]
        with at(layer.at("sortOptions")):
            drafts = arranged(drafts, self.root.spec.sort_options, sorts=self.sorts)
        if MANAGED_BY in self.root.spec.build_metadata:
            set_pairs(drafts, {"app.kubernetes.io/managed-by": f"kustomize-{VERSION}"}, (_METADATA_LABELS,))
        return [self.finished(draft) for draft in drafts]

    def finished(self, draft: Draft) -> Manifest:
        """Return a draft as an object; its annotations are text, as kustomize leaves them."""
        annotations = draft.labels("annotations")
        annotations.pop(ORIGIN, None)
        annotations.pop(TRANSFORMATIONS_NOTE, None)
        if ORIGINS in self.root.spec.build_metadata and draft.source is not None:
            annotations[ORIGIN] = draft.source
        if TRANSFORMATIONS in self.root.spec.build_metadata and draft.transformations:
            annotations[TRANSFORMATIONS_NOTE] = listed(draft.transformations)
        draft.set_labels(annotations, "annotations")
        if not draft.name:
            raise Trouble("HF1714", f"the {draft.kind} has no name at the end of the build", None, draft.where())
        try:
            value = plain(draft.value)
        except ValueError as error:
            raise Trouble("HF1708", f"{draft.identity()}: {error}", "look at the replacements that write to it", draft.where()) from None
        assert isinstance(value, dict)
        return Manifest(value=value, origin=draft.origin)

    # --- accumulating ------------------------------------------------------------------------------------------------------------

    def count(self, acts: int) -> None:
        """Take part of what a build may do; refuse what was made to cost time."""
        self.acts += acts
        if self.acts > _MOST_ACTS:
            raise Trouble("HF1713", f"it changes objects more than {_MOST_ACTS:,} times", "build it in parts")

    def accumulate(self, layer: _Layer, found: _Set) -> _Set:
        """Do what a kustomization says, into `found`: an empty set, or for a component that of its parent."""
        self.count(_LAYER_COST)
        spec = layer.spec
        self.refuse(layer)
        for index, entry in enumerate(spec.resources):
            self.resource(layer, entry, found, layer.at("resources", index))
        for index, entry in enumerate(spec.bases):
            self.resource(layer, entry, found, layer.at("bases", index))
        self.configure(layer, found)
        self.generate(layer, found)
        for index, entry in enumerate(spec.components):
            self.component(layer, entry, found, layer.at("components", index))
        for step in self.steps(layer, found.configuration):
            found.seen = None
            with at(step.place):
                self.count(len(found.drafts))
                step.act(found.drafts)
            for draft in found.drafts:
                draft.settle()
            self.note(found.drafts, step.source)
            found.drafts[:] = [draft for draft in found.drafts if not draft.is_gone]
        for index, variable in enumerate(spec.vars):
            with at(layer.at("vars", index)):
                claim(found.drafts, variable)
                found.add_variable(variable)
        return found

    def refuse(self, layer: _Layer) -> None:
        spec = layer.spec
        if spec == Kustomization(api_version=spec.api_version, kind=spec.kind):
            raise Trouble("HF1701", f"{layer.home.path} says nothing", "add resources", layer.home.where())
        hint = "render it where the program may run, and commit what comes of it"
        for key, said in (
            ("helmCharts", spec.helm_charts),
            ("helmChartInflationGenerator", spec.helm_chart_inflation_generator),
            ("validators", spec.validators),
        ):
            if said:
                what = "validators, which run programs" if key == "validators" else "Helm charts"
                raise Trouble("HF1700", f"it has {what} ({key})", hint, layer.home.where(key))

    def resource(self, layer: _Layer, entry: str, found: _Set, place: Place) -> None:
        """Add a file of objects, or what another kustomization makes."""
        with at(place):
            path = self.inside(layer, entry, "a resource")
            data = self.library.content(path) if path else None
            if data is None:
                home = self.sub(layer, path, entry, is_component=False)
                found.join(self.accumulate(home, _Set()))
                return
            self.library.load(layer.home, entry, "a resource")
            drafts = self.library.drafts(self.library.documents(path, data), self.schemas)
            for draft in drafts:
                draft.source = read_from(_beside(layer.path, entry)) if self.keeps_sources else None
            found.append(drafts)

    def component(self, layer: _Layer, entry: str, found: _Set, place: Place) -> None:
        with at(place):
            path = self.inside(layer, entry, "a component")
            self.accumulate(self.sub(layer, path, entry, is_component=True), found)
            found.seen = collision(found.drafts)

    def inside(self, layer: _Layer, entry: str, what: str) -> str:
        """Return where an entry leads in the repository."""
        if is_remote(entry):
            raise Trouble(
                "HF1700",
                f"{what} {entry!r} is somewhere else than in this repository",
                "commit a copy of it; nothing is fetched while rendering",
            )
        if entry.startswith("/"):
            raise Trouble("HF1703", f"{what} {entry!r} is a path of a host", "write a path relative to the kustomization")
        path = within(layer.home.folder, entry)
        if path is None:
            raise Trouble("HF1703", f"{what} {entry!r} leads out of the repository", "keep what is built within one repository")
        return path

    def sub(self, layer: _Layer, folder: str, entry: str, *, is_component: bool) -> _Layer:
        """Return the kustomization that an entry names."""
        if any(folder == each or not folder or each.startswith(f"{folder}/") for each in layer.above):
            raise Trouble(
                "HF1715", f"{entry!r} leads back to {folder or 'the top'}, which is being built", "a kustomization cannot contain itself"
            )
        if len(layer.above) >= _DEEPEST:
            raise Trouble("HF1713", f"kustomizations are nested deeper than {_DEEPEST} levels", "flatten them")
        home = self.library.home(folder)
        if home is None:
            raise Trouble(
                "HF1702",
                f"{folder or '.'} is neither a file nor a folder with a kustomization",
                "check the path; it is relative to the kustomization",
            )
        if (home.spec.kind == COMPONENT) != is_component:
            wanted, list_ = ("Component", "resources") if is_component else ("Kustomization", "components")
            raise Trouble("HF1701", f"{home.path} is no {wanted}", f"name it under {list_}")
        inner = _Layer(home, _beside(layer.path, entry), (*layer.above, folder))
        self.set_schema(inner, is_root=False)
        return inner

    def set_schema(self, layer: _Layer, *, is_root: bool) -> None:
        said = layer.spec.openapi
        with at(layer.at("openapi")):
            if "path" not in said:
                if (version := said.get("version")) not in {None, BUILT_IN}:
                    raise Trouble(
                        "HF1704",
                        f"the OpenAPI version {version} is not built in",
                        f"built in is {BUILT_IN}; give a document by openapi.path",
                    )
                if version is not None:
                    self.schemas.set(None, is_root=is_root)
                return
            path, data = self.library.load(layer.home, said["path"], "openapi")
            if "version" in said:
                raise Trouble("HF1704", "openapi has both a path and a version", "keep one of the two")
            documents = self.library.documents(path, data)
            try:
                self.schemas.set(read_schema(documents[0].value if documents else None), is_root=is_root)
            except ValueError as error:
                raise Trouble("HF1704", f"{path} is no OpenAPI document: {error}") from None

    def configure(self, layer: _Layer, found: _Set) -> None:
        configuration = built_in_configuration()
        for index, entry in enumerate(layer.spec.configurations):
            with at(layer.at("configurations", index)):
                for document in self.read(layer, entry, "a configuration")[:1]:
                    configuration = configuration.merge(typed(document, ConfigurationFile).configuration())
        found.configuration = found.configuration.merge(configuration)
        for index, entry in enumerate(layer.spec.crds):
            with at(layer.at("crds", index)):
                for document in self.read(layer, entry, "crds")[:1]:
                    found.configuration = found.configuration.merge(of_definitions(document.value))

    def read(self, layer: _Layer, entry: str, what: str) -> tuple[Document, ...]:
        return self.library.documents(*self.library.load(layer.home, entry, what))

    # --- generating --------------------------------------------------------------------------------------------------------------

    def generate(self, layer: _Layer, found: _Set) -> None:
        spec = layer.spec
        for key, kind, generators in (
            ("configMapGenerator", "ConfigMapGenerator", spec.config_map_generator),
            ("secretGenerator", "SecretGenerator", spec.secret_generator),
        ):
            source = configured(layer.file, kind) if self.keeps_sources else None
            for index, generator in enumerate(generators):
                with at(layer.at(key, index)):
                    self.absorb(
                        found,
                        self.made(layer, replace(generator, options=with_globals(generator.options, spec.generator_options)), key, index),
                        source,
                    )
        for draft in self.plugins(layer, "generators", spec.generators):
            with at(draft.where):
                self.absorb(found, generated(draft, self.library, layer.home), self.plugin_source(draft))

    def absorb(self, found: _Set, draft: Draft, source: str | None) -> None:
        draft.source = source
        found.seen = None
        absorb(found.drafts, draft)
        found.append([])

    def made(self, layer: _Layer, generator: Generator, key: str, index: int) -> Draft:
        value = generate(generator, lambda path: self.library.load(layer.home, path, "the generator")[1])
        is_hashed = generator.options is None or not generator.options.disable_name_suffix_hash
        origin = self.library.origin(layer.home.where(key, index))
        return Draft(value=value, schema=self.schemas, origin=origin, behavior=generator.behavior or "unspecified", is_hashed=is_hashed)

    def plugins(self, layer: _Layer, key: str, entries: tuple[str, ...]) -> list[Draft]:
        """Return the configurations that `generators` or `transformers` give: in place first, then those of files."""
        inline, filed = _Set(), _Set()
        for index, entry in enumerate(entries):
            with at(layer.at(key, index)):
                documents = _inline(layer.home.path, entry)
                if documents is None:
                    self.resource(layer, entry, filed, layer.at(key, index))
                    continue
                where = layer.home.where(key, index)
                drafts = self.library.drafts(documents, self.schemas)
                for draft in drafts:
                    draft.origin = self.library.origin(where)
                    draft.source = read_from(layer.file) if self.keeps_sources else None
                inline.append(drafts)
        inline.append(filed.drafts)
        return inline.drafts

    def plugin_source(self, draft: Draft) -> str | None:
        if draft.source is None:
            return None
        path = draft.source.removeprefix("path: ").strip()
        return configured(path, draft.kind, api_version=draft.api_version, name=draft.name, namespace=draft.namespace)

    # --- transforming ------------------------------------------------------------------------------------------------------------

    def steps(self, layer: _Layer, known: Configuration) -> list[Step]:
        """Return what is done to all objects, in kustomize's order."""
        spec, patches = layer.spec, Patches(self.library, layer.home, self.schemas)
        made: list[Step] = []

        def add(kind: str, act: Act, *path: str | int) -> None:
            source = configured(layer.file, kind) if self.keeps_sources else None
            made.append(Step(act=act, place=layer.at(*path), source=source))

        strategic: list[Act] = []
        for index, said in enumerate(spec.patches_strategic_merge):
            with at(layer.at("patchesStrategicMerge", index)):
                strategic.append(_placed(patches.strategic(said), layer.at("patchesStrategicMerge", index)))
        if strategic:
            add("PatchStrategicMergeTransformer", lambda drafts: _all(strategic, drafts), "patchesStrategicMerge")
        for index, patch in enumerate(spec.patches):
            with at(layer.at("patches", index)):
                add("PatchTransformer", patches.act(patch), "patches", index)
        if spec.namespace:
            add("NamespaceTransformer", lambda drafts: set_namespace(drafts, spec.namespace, known.namespace), "namespace")
        if spec.name_prefix:
            add("PrefixTransformer", lambda drafts: add_prefix(drafts, spec.name_prefix, known.name_prefix), "namePrefix")
        if spec.name_suffix:
            add("SuffixTransformer", lambda drafts: add_suffix(drafts, spec.name_suffix, known.name_suffix), "nameSuffix")
        self.add_labels(layer, known, add)
        if spec.common_annotations:
            add("AnnotationsTransformer", _pairs(spec.common_annotations, known.common_annotations), "commonAnnotations")
        for index, patch in enumerate(spec.patches_json6902):
            with at(layer.at("patchesJson6902", index)):
                add("PatchJson6902Transformer", patches.json(patch), "patchesJson6902", index)
        for index, replica in enumerate(spec.replicas):
            add("ReplicaCountTransformer", _replicas(replica, known.replicas), "replicas", index)
        for index, image in enumerate((*spec.images, *spec.image_tags)):
            place = ("images", index) if index < len(spec.images) else ("imageTags", index - len(spec.images))
            add("ImageTagTransformer", _image(image, known.images), *place)
        if replacements := self.replacements(layer):
            add("ReplacementTransformer", lambda drafts: _replace(replacements, drafts), "replacements")
        for draft in self.plugins(layer, "transformers", spec.transformers):
            with at(draft.where):
                act = transformer(draft, self.library, layer.home)
            made.append(Step(act=act, place=draft.where, source=self.plugin_source(draft)))
        return made

    def add_labels(self, layer: _Layer, known: Configuration, add: Callable[..., None]) -> None:
        spec = layer.spec
        if not spec.labels and not spec.common_labels:
            return
        for index, label in enumerate(spec.labels):
            with at(layer.at("labels", index)):
                add("LabelTransformer", _pairs(label.pairs, _label_specs(label, known)), "labels", index)
        add("LabelTransformer", _pairs(spec.common_labels, known.common_labels), "commonLabels")

    def replacements(self, layer: _Layer) -> list[tuple[Replacement, Place]]:
        found: list[tuple[Replacement, Place]] = []
        for index, said in enumerate(layer.spec.replacements):
            place = layer.at("replacements", index)
            with at(place):
                found += [(each, place) for each in replacements_of(said, self.library, layer.home)]
        return found

    def note(self, drafts: list[Draft], source: str | None) -> None:
        """Remember what changed each object, where the build keeps that."""
        if source is not None:
            for draft in (each for each in drafts if not each.is_gone):
                if draft.source is None:
                    draft.source = source
                else:
                    draft.transformations.append(source)
                draft.set_labels(draft.labels("annotations"), "annotations")  # kustomize notes it there, and so makes text of all


def _inline(path: str, entry: str) -> tuple[Document, ...] | None:
    """Return the documents of an entry that is a configuration itself, None where it is a path."""
    try:
        documents = read_documents(path, entry.encode())
    except Broken:
        return None
    return documents if documents and all(isinstance(each.value, dict) for each in documents) else None


def _placed(act: Act, place: Place) -> Act:
    def placed(drafts: list[Draft]) -> None:
        with at(place):
            act(drafts)

    return placed


def _all(acts: list[Act], drafts: list[Draft]) -> None:
    for act in acts:
        act(drafts)


def _replace(replacements: list[tuple[Replacement, Place]], drafts: list[Draft]) -> None:
    for each, place in replacements:
        with at(place):
            replace_all(drafts, each)


def _replicas(replica: Replica, specs: Specs) -> Act:
    return lambda drafts: set_replicas(drafts, replica, specs)


def _image(image: Image, specs: Specs) -> Act:
    return lambda drafts: set_image(drafts, image, specs)


def _pairs(pairs: Mapping[str, str], specs: Specs) -> Act:
    return lambda drafts: set_pairs(drafts, pairs, specs)


def _label_specs(label: Label, known: Configuration) -> Specs:
    """Return the fields that a label goes to: those it names, those configured for all, and selectors or templates where it asks."""
    specs = merged(tuple(each.spec() for each in label.fields), known.labels)
    if label.include_selectors:
        return merged(specs, known.common_labels)
    if label.include_templates:
        specs = merged(specs, known.template_labels)
    if label.include_volume_claim_templates:
        specs = merged(specs, known.volume_claim_template_labels)
    return merged(specs, [_METADATA_LABELS])
