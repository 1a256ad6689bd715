"""Replacement: a value of one object copied into fields of others (`replacements`).

As kustomize has it: a source must be one object; each target's fields must be there, unless `create`; what is written keeps the type of
what was there; JSON within a text field is opened and written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast.declare.json_reader import read_json
from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.field_path import Slot, lookup, parts_of, slot_of, slots
from holdfast.kubernetes.kustomize.generate import go_json
from holdfast.kubernetes.kustomize.identity import Gvk, Identity
from holdfast.kubernetes.kustomize.selection import selects_id, selects_labels
from holdfast.kubernetes.kustomize.spec import FieldOptions, Replacement, Source, Target
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import FRESH, MISSING, Loose, Tied, Value, copied, is_empty, is_scalar, plain, retext, text

_NAME = "metadata.name"


def replace_all(drafts: Sequence[Draft], replacement: Replacement) -> None:
    """Do one replacement. Raises Trouble."""
    if replacement.targets is None or (replacement.source is None and replacement.source_value is None):
        raise Trouble("HF1708", "a replacement needs a source and at least one target")
    if replacement.source is not None and replacement.source_value is not None:
        raise Trouble("HF1708", "a replacement has both source and sourceValue")
    said = Loose(replacement.source_value or "")
    value = _source(drafts, replacement.source) if replacement.source is not None else Slot([said], 0)
    for target in replacement.targets:
        _apply(drafts, value, target)


def _ids(draft: Draft) -> list[Identity]:
    """Return the ids of now and before; whether a kind has namespaces does not count here."""
    now = [Identity(draft.gvk, draft.name, draft.namespace)]
    return now + [Identity(each.gvk, each.name, each.namespace) for each in draft.before()]


def _source(drafts: Iterable[Draft], source: Source) -> Slot:
    """Return where the value stands: whoever is written to after that place itself gets what it holds by then, as in kustomize."""
    gvk = Gvk(source.group, source.version, source.kind)
    wanted = Identity(gvk, source.name, source.namespace)

    def is_it(id: Identity) -> bool:
        return (
            (not source.name or source.name == id.name)
            and (not source.namespace or wanted.effective_namespace == id.effective_namespace)
            and id.gvk.is_selected(gvk)
        )

    found = [draft for draft in drafts if any(map(is_it, _ids(draft)))]
    if len(found) != 1:
        what = "nothing is" if not found else f"{len(found)} objects are"
        raise Trouble("HF1708", f"{what} selected by {source}", "a source is one object: name its kind and name")
    path = source.field_path or _NAME
    slot = slot_of(found[0].value, parts_of(path))
    value = MISSING if slot is None else slot.value
    if slot is None or is_empty(value):
        raise Trouble("HF1708", f"there is no {path} in {found[0].identity()}, which the value is taken from")
    options = source.options
    if options is None or not options.delimiter:
        return slot
    if not is_scalar(value):
        raise Trouble("HF1708", f"{path} is no single value, so it has no delimiter")
    parts = text(value).split(options.delimiter)
    if not 0 <= options.index < len(parts):
        raise Trouble("HF1708", f"{text(value)!r} has no part {options.index} between {options.delimiter!r}")
    return Slot([_part(value, parts[options.index])], 0)


def _part(value: Value, said: str) -> Value:
    return type(value)(said) if isinstance(value, str) and not isinstance(value, Tied) else said


def _apply(drafts: Iterable[Draft], value: Slot, target: Target) -> None:
    if target.select is None:
        raise Trouble("HF1708", "a target says nothing of what it selects", "add select")
    for draft in drafts:
        if not selects_labels(target.select, draft):
            continue
        if any((each.label_selector or each.annotation_selector) and selects_labels(each, draft) for each in target.reject):
            continue
        ids = _ids(draft)
        if any(each.has_id and any(selects_id(each, id) for id in ids) for each in target.reject):
            continue
        if any(selects_id(target.select, id) for id in ids):
            for path in target.field_paths or (_NAME,):
                _put(draft, value, path, target.options)


def _put(draft: Draft, source: Slot, path: str, options: FieldOptions | None) -> None:
    parts = parts_of(path)
    if _put_in_text(draft, source.value, parts, options):
        return
    made = _made(source.value, options)
    try:
        found = slots(draft.value, parts, made)
    except Trouble as trouble:
        raise _not_there(draft, path, made, trouble.reason) from None
    if not found:
        raise _not_there(draft, path, made)
    for slot in found:
        _write(slot, source.value, options)


def _made(value: Value, options: FieldOptions | None) -> Value:
    if options is None or not options.create:
        return MISSING
    return FRESH if is_scalar(value) else value


def _not_there(draft: Draft, path: str, made: Value, reason: str = "") -> Trouble:
    verb = "find" if made is MISSING else "find or create"
    return Trouble(
        "HF1708",
        f"unable to {verb} field {path!r} in {draft.identity()}" + (f": {reason}" if reason else ""),
        "options.create: true makes a field that is missing" if made is MISSING else None,
    )


def _write(slot: Slot, value: Value, options: FieldOptions | None) -> None:
    old = slot.value
    written = text(value)
    if options is not None and options.delimiter:
        if not is_scalar(old):
            raise Trouble("HF1708", "a target is no single value, so it has no delimiter")
        parts = text(old).split(options.delimiter)
        if options.index < 0:
            parts.insert(0, written)
        elif options.index >= len(parts):
            parts.append(written)
        else:
            parts[options.index] = written
        written = options.delimiter.join(parts)
    slot.put(retext(old, written) if is_scalar(old) else copied(value))


def _put_in_text(draft: Draft, value: Value, parts: list[str], options: FieldOptions | None) -> bool:
    """Write into JSON that stands in a text field; False where the path goes through no such text."""
    for length in range(1, len(parts)):
        try:
            found = lookup(draft.value, parts[:length])
        except Trouble:
            continue
        if isinstance(found, str):
            return _open(draft, found, value, parts, length, options)
    return False


def _open(draft: Draft, found: str, value: Value, parts: list[str], length: int, options: FieldOptions | None) -> bool:
    if found.lstrip()[:1] not in {"{", "["}:
        if ":" in found and "\n" in found:
            raise Trouble(
                "HF1700",
                f"the replacement goes into YAML that stands in a text field of {draft.identity()}, which is not done here",
                "JSON in a text field is; or set the whole field",
            )
        return False
    documents = read_json("", found.encode()).documents
    if not documents:
        return False
    opened = {"": copied(documents[0].value)}
    try:
        inner = slots(opened, ["", *parts[length:]], _made(value, options))
    except Trouble:
        return False
    if not inner:
        return False
    for slot in inner:
        _write(slot, value, options)
    indented = "\n" in found and "  " in found
    try:
        written = go_json(plain(opened[""]), indent=2 if indented else None)
    except ValueError:
        return True  # what cannot be written is passed over there
    (place,) = slots(draft.value, parts[:length])
    place.put(retext(found, written))
    return True
