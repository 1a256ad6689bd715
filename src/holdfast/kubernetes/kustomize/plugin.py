"""Plugin: kustomize's built-in generators and transformers where a file configures them (`generators`, `transformers`).

`apiVersion: builtin` alone is done here; functions, executables and Go plug-ins run programs that Git names, and are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.declare.document import Document, Marks, pack
from holdfast.declare.hint import spec_fields
from holdfast.kubernetes.kustomize.configuration import SpecFile
from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.field import Specs, split
from holdfast.kubernetes.kustomize.field_path import slots
from holdfast.kubernetes.kustomize.generate import generate, hashed
from holdfast.kubernetes.kustomize.library import Home, Library, typed
from holdfast.kubernetes.kustomize.patch import Act, Patches
from holdfast.kubernetes.kustomize.replacement import replace_all
from holdfast.kubernetes.kustomize.schema import Schemas
from holdfast.kubernetes.kustomize.selection import select
from holdfast.kubernetes.kustomize.spec import Generator, Image, Patch, PatchOptions, Replacement, Replica, SecretGenerator, Selector
from holdfast.kubernetes.kustomize.transform import (
    Subjects,
    add_prefix,
    add_suffix,
    set_image,
    set_namespace,
    set_pairs,
    set_replicas,
)
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import FRESH, Value, plain, put

_FUNCTIONS: Final = ("config.kubernetes.io/function", "config.k8s.io/function")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    field_specs: tuple[SpecFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Affix:
    prefix: str = ""
    suffix: str = ""
    field_specs: tuple[SpecFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Namespace:
    metadata: _Metadata = _Metadata()
    field_specs: tuple[SpecFile, ...] = ()
    unset_only: bool = False
    set_role_binding_subjects: Subjects = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    image_tag: Image = Image()  # noqa: RUF009 - frozen
    field_specs: tuple[SpecFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replica:
    replica: Replica = Replica()  # noqa: RUF009 - frozen
    field_specs: tuple[SpecFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strategic:
    paths: tuple[str, ...] = ()
    patches: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Json:
    target: Selector | None = None
    path: str = ""
    json_op: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patch:
    target: Selector | None = None
    path: str = ""
    patch: str = ""
    options: PatchOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replacements:
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _ValueTarget:
    selector: Selector | None = None
    not_selector: Selector | None = None
    field_path: str = ""
    file_path_position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _ValueAdd:
    value: str = ""
    target_file_path: str = ""
    targets: tuple[_ValueTarget, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    name: str = ""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _CloudAccount:
    name: str = ""
    project_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _IamPolicy:
    cloud: str = ""
    kubernetes_service: _Account = _Account()
    service_account: _CloudAccount = _CloudAccount()


def _lenient(draft: Draft, spec_type: type[Any]) -> Any:
    """Return a configuration as a spec; what a plug-in does not know it passes over."""
    document = Document(draft.origin.path, plain(draft.value), Marks(draft.origin.path, "", pack(draft.origin.line - 1, 0)))
    return typed(document, spec_type, is_lenient=True)


def _refuse_programs(draft: Draft) -> None:
    annotations = draft.labels("annotations")
    if any(each in annotations for each in _FUNCTIONS):
        raise Trouble("HF1700", f"{draft.kind} {draft.name} is a function, which runs a container", _HINT, draft.where())
    if draft.api_version != "builtin":
        raise Trouble("HF1700", f"{draft.api_version} {draft.kind} is a plug-in of kustomize, which runs a program", _HINT, draft.where())


_HINT: Final = "render it where the program may run, and commit what comes of it"


def generated(draft: Draft, library: Library, home: Home) -> Draft:
    """Return what a built-in generator makes. Raises Trouble, Broken."""
    _refuse_programs(draft)
    if draft.kind == "IAMPolicyGenerator":
        return Draft(value=_iam_policy(_lenient(draft, _IamPolicy)), schema=draft.schema, origin=draft.origin)
    kinds: Mapping[str, type[Generator]] = {"ConfigMapGenerator": Generator, "SecretGenerator": SecretGenerator}
    if draft.kind not in kinds:
        raise Trouble("HF1700", f"{draft.kind} is no generator that is built in", _HINT, draft.where())
    args: Generator = _lenient(draft, kinds[draft.kind])
    metadata = _lenient(draft, _Namespace).metadata
    args = _named(args, metadata)
    value = generate(args, lambda path: library.load(home, path, "the generator")[1])
    return generated_draft(args, value, draft.schema, draft)


def _named(args: Generator, metadata: _Metadata) -> Generator:
    own = {each.name: getattr(args, each.name) for each in spec_fields(type(args)).values()}
    return type(args)(**{**own, "name": args.name or metadata.name, "namespace": args.namespace or metadata.namespace})


def generated_draft(args: Generator, value: Value, schema: Schemas, origin: Draft) -> Draft:
    is_hashed = args.options is None or not args.options.disable_name_suffix_hash
    return Draft(value=value, schema=schema, origin=origin.origin, behavior=args.behavior or "unspecified", is_hashed=is_hashed)


def _iam_policy(args: _IamPolicy) -> Value:
    if args.cloud != "gke":
        raise Trouble("HF1709", f"there is no IAM policy for cloud {args.cloud!r}", "known is gke")
    account = f"{args.service_account.name}@{args.service_account.project_id}.iam.gserviceaccount.com"
    metadata: dict[str, Value] = {"annotations": {"iam.gke.io/gcp-service-account": account}, "name": args.kubernetes_service.name}
    if args.kubernetes_service.namespace:
        metadata["namespace"] = args.kubernetes_service.namespace
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def transformer(draft: Draft, library: Library, home: Home) -> Act:
    """Return what a built-in transformer does. Raises Trouble, Broken."""
    _refuse_programs(draft)
    patches = Patches(library, home, draft.schema)
    made: Mapping[str, tuple[type[Any], Callable[[Any], Act]]] = {
        "AnnotationsTransformer": (_Pairs, lambda args: _pairs(args.annotations, _specs(args))),
        "LabelTransformer": (_Pairs, lambda args: _pairs(args.labels, _specs(args))),
        "PrefixTransformer": (_Affix, lambda args: _affix(args.prefix, "", _specs(args))),
        "SuffixTransformer": (_Affix, lambda args: _affix("", args.suffix, _specs(args))),
        "PrefixSuffixTransformer": (_Affix, lambda args: _affix(args.prefix, args.suffix, _specs(args))),
        "NamespaceTransformer": (_Namespace, _namespace),
        "ImageTagTransformer": (_Image, lambda args: lambda drafts: set_image(drafts, args.image_tag, _specs(args))),
        "ReplicaCountTransformer": (_Replica, lambda args: lambda drafts: set_replicas(drafts, args.replica, _specs(args))),
        "PatchTransformer": (
            _Patch,
            lambda args: patches.act(Patch(path=args.path, patch=args.patch, target=args.target, options=args.options)),
        ),
        "PatchStrategicMergeTransformer": (_Strategic, lambda args: _strategic(args, patches)),
        "PatchJson6902Transformer": (_Json, lambda args: patches.json(Patch(path=args.path, patch=args.json_op, target=args.target))),
        "ReplacementTransformer": (_Replacements, lambda args: _replacements(args, library, home)),
        "HashTransformer": (_Metadata, lambda args: add_hashes),
        "ValueAddTransformer": (_ValueAdd, _value_add),
    }
    if draft.kind not in made:
        raise Trouble("HF1700", f"{draft.kind} is no transformer that is built in", _HINT, draft.where())
    spec_type, act = made[draft.kind]
    return act(_lenient(draft, spec_type))


def _specs(args: Any) -> Specs:
    return tuple(each.spec() for each in args.field_specs)


def _pairs(pairs: Mapping[str, str], specs: Specs) -> Act:
    return lambda drafts: set_pairs(drafts, pairs, specs)


def _affix(prefix: str, suffix: str, specs: Specs) -> Act:
    if not specs:
        raise Trouble("HF1701", "a prefix or suffix transformer says no fieldSpecs", "add fieldSpecs with path: metadata/name")

    def act(drafts: list[Draft]) -> None:
        add_prefix(drafts, prefix, specs)
        add_suffix(drafts, suffix, specs)

    return act


def _namespace(args: _Namespace) -> Act:
    def act(drafts: list[Draft]) -> None:
        if args.metadata.namespace:
            set_namespace(drafts, args.metadata.namespace, _specs(args), args.set_role_binding_subjects, unset_only=args.unset_only)

    return act


def _strategic(args: _Strategic, patches: Patches) -> Act:
    said = [*args.paths, *([args.patches] if args.patches else [])]
    if not said:
        raise Trouble("HF1705", "a patch has neither paths nor patches")
    acts = [patches.strategic(each) for each in said]

    def act(drafts: list[Draft]) -> None:
        for each in acts:
            each(drafts)

    return act


def _replacements(args: _Replacements, library: Library, home: Home) -> Act:
    found = [each for said in args.replacements for each in replacements_of(said, library, home)]

    def act(drafts: list[Draft]) -> None:
        for each in found:
            replace_all(drafts, each)

    return act


def replacements_of(said: Replacement, library: Library, home: Home) -> list[Replacement]:
    """Return the replacements of an entry; those of a file where it names one. Raises Trouble, Broken."""
    if not said.path:
        return [said]
    if said.source is not None or said.targets:
        raise Trouble("HF1708", "a replacement has a path and stands in place as well", "keep one of the two")
    documents = library.documents(*library.load(home, said.path, "a replacement"))
    if not documents:
        raise Trouble("HF1708", f"{said.path} holds no replacement")
    document = documents[0]
    if isinstance(document.value, list):
        return [typed(document, Replacement, (index,)) for index in range(len(document.value))]
    return [typed(document, Replacement)]


def add_hashes(drafts: list[Draft]) -> None:
    """Put the hash of its content at the end of the name of each object that was generated so."""
    for draft in drafts:
        if draft.is_hashed:
            if draft.kind not in {"ConfigMap", "Secret"}:
                raise Trouble(
                    "HF1700",
                    f"{draft.identity()} was generated as another kind, and its hash is not made here",
                    "keep its kind",
                    draft.where(),
                )
            draft.remember()
            try:
                draft.set_name(f"{draft.name}-{hashed(draft.value)}")
            except ValueError as error:
                raise Trouble("HF1708", f"{draft.identity()}: {error}", None, draft.where()) from None


def _value_add(args: _ValueAdd) -> Act:
    def act(drafts: list[Draft]) -> None:
        for target in args.targets:
            if target.file_path_position:
                raise Trouble("HF1700", "filePathPosition of a ValueAddTransformer is not done here", "write a replacement")
            chosen = select(drafts, target.selector) if target.selector is not None else list(drafts)
            for draft in chosen:
                for slot in slots(draft.value, split(target.field_path), FRESH):
                    slot.put(put(slot.value, args.value))

    return act
