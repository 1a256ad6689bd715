"""Select: which files of a tree are declarations, and of which form; or why none is.

Called by render with the Application's directory options and the `holdfast.dev/format` annotation. Laws: one path holds at most one
workload format beside own kinds, and nothing is guessed: two, or none, are explained.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from holdfast.declare.manifest import SUFFIXES
from holdfast.declare.registry import Registry
from holdfast.errors import DeclarationError, Where
from holdfast.kit import glob
from holdfast.model.declaration import Format, Whole
from holdfast.model.labels import FORMAT
from holdfast.model.source import LINK, Blob, Tree

NO_FORMAT = "none"
"""Value of the annotation that chooses own kinds alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """`spec.source.directory`: which files of own kinds are read. Globs are matched against the path below the Application's."""

    recurse: bool = False
    include: str = ""
    exclude: str = ""

    def takes(self, path: str) -> bool:
        if not path.endswith(SUFFIXES) or ("/" in path and not self.recurse):
            return False
        if self.exclude and glob.matches(self.exclude, path):
            return False
        return not self.include or glob.matches(self.include, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The files to read."""

    manifests: tuple[Blob, ...] = ()
    workload: tuple[tuple[Format, Blob], ...] = ()
    """At most one, unless a format that is no workload has files too."""
    errors: tuple[DeclarationError, ...] = ()
    is_astray: bool = False
    """Whether the one error is that what was chosen is not here."""


def select(tree: Tree, directory: Directory, registry: Registry, chosen: str | None, chosen_at: Where | None) -> Selection:
    """Return what is to be read of `tree`; `chosen` is the annotation's value, a format's name or a file's."""
    found: defaultdict[str, list[tuple[Format, Blob]]] = defaultdict(list)
    manifests = []
    for path in sorted(tree.blobs):
        blob = tree.blobs[path]
        if blob.mode == LINK:
            continue
        form = registry.format_of(path)
        if form is not None:
            found[form.name].append((form, blob))
        elif directory.takes(path):
            manifests.append(blob)
    beside = [pair for pairs in found.values() for pair in pairs if not pair[0].workload]
    workload = {name: pairs for name, pairs in found.items() if pairs[0][0].workload}
    picked = _pick(tree, workload, registry, chosen, chosen_at)
    if isinstance(picked, DeclarationError):
        is_astray = picked.code == "HF1211"
        return Selection(manifests=tuple(manifests), workload=tuple(beside), errors=(picked,), is_astray=is_astray)
    if any(is_whole(form) for form, _ in picked):
        manifests = []
    return Selection(manifests=tuple(manifests), workload=(*beside, *picked))


def is_whole(form: Format) -> bool:
    """Say whether a format leaves nothing of its path to others."""
    return isinstance(form, Whole) and form.whole


def _pick(
    tree: Tree, found: Mapping[str, list[tuple[Format, Blob]]], registry: Registry, chosen: str | None, chosen_at: Where | None
) -> list[tuple[Format, Blob]] | DeclarationError:
    """Return the one workload file, none, or why that cannot be told."""
    if chosen is not None:
        return _chosen(tree, found, registry, chosen, chosen_at)
    files = [pair for pairs in found.values() for pair in pairs]
    return _several(tree, files) if len(files) > 1 else files


def _several(tree: Tree, files: Collection[tuple[Format, Blob]]) -> DeclarationError:
    names = sorted({form.name for form, _ in files})
    choices = names if len(names) > 1 else sorted(blob.path for _, blob in files)
    return DeclarationError(
        "HF1210",
        f"cannot choose between {' and '.join(sorted(blob.path for _, blob in files))}: one path holds one workload format",
        where=[Where(path=shown(tree, blob.path), line=1) for _, blob in sorted(files, key=lambda pair: pair[1].path)],
        hint=f"set the Application's annotation {FORMAT} to {' or '.join(choices)}",
    )


def _chosen(
    tree: Tree, found: Mapping[str, list[tuple[Format, Blob]]], registry: Registry, chosen: str, chosen_at: Where | None
) -> list[tuple[Format, Blob]] | DeclarationError:
    where = [chosen_at] if chosen_at else []
    if chosen == NO_FORMAT:
        return []
    by_file = [pair for pairs in found.values() for pair in pairs if pair[1].path == chosen]
    if by_file:
        return by_file
    if registry.format(chosen) is None:
        near = registry.near_format(chosen)
        known = ", ".join([*(each.name for each in registry.formats), NO_FORMAT])
        hint = f"did you mean {near}?" if near else f"known: {known}; or the name of a file that is there"
        return DeclarationError("HF1211", f"cannot read annotation {FORMAT}: unknown format {chosen!r}", where=where, hint=hint)
    files = found.get(chosen, [])
    if not files:
        return DeclarationError(
            "HF1211", f"cannot read annotation {FORMAT}: there is no {chosen} file in {tree.path or 'the repository'}", where=where
        )
    return _several(tree, files) if len(files) > 1 else files


def shown(tree: Tree, path: str) -> str:
    """Return a path of the tree as it stands in the repository."""
    root = root_of(tree)
    return f"{root}/{path}" if root else path


def root_of(tree: Tree) -> str:
    root = tree.path.strip("/")
    return "" if root == "." else root.removeprefix("./")


_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "Dockerfile": "images are not built",
        "Chart.yaml": "a chart gives objects of a cluster",
        "package.json": "",
        "requirements.txt": "",
        "pyproject.toml": "",
        "go.mod": "",
        "Gemfile": "",
        "Cargo.toml": "",
        "pom.xml": "",
        "composer.json": "",
        "Makefile": "",
    }
)
"""What people keep where declarations could be, with what must be said of it."""


def nothing_there(tree: Tree, directory: Directory, registry: Registry) -> DeclarationError:
    """Say why a path declares nothing: it is empty, or it holds only what nobody here reads."""
    place = root_of(tree) or "the repository"
    where = [Where(path=root_of(tree) or ".")]
    if not tree.blobs:
        return DeclarationError(
            "HF1212", f"cannot render {place}: there is no file at this path", where=where, hint="check spec.source.path"
        )
    names = [name for name in _FORMS if name in tree.blobs] or sorted({path.split("/")[0] for path in tree.blobs})[:3]
    remarks = dict.fromkeys(_FORMS[name] for name in names if _FORMS.get(name))
    readable = ", ".join(
        [*(each.name for each in registry.formats), *(sorted({kind.api_version for kind in registry.kinds}) or ["own kinds"])]
    )
    return DeclarationError(
        "HF1213",
        f"cannot render {place}: found {_and(names)}, and nothing that says what should run"
        + (f" ({'; '.join(remarks)})" if remarks else ""),
        where=where,
        hint="; ".join([*_deeper(tree, directory, registry), f"read are {readable}", "`holdfast init` writes a first declaration"]),
    )


def _deeper(tree: Tree, directory: Directory, registry: Registry) -> Iterator[str]:
    """Yield where declarations stand that a small change of the Application would reach."""
    for path in sorted(tree.blobs):
        folder, _, name = path.rpartition("/")
        if folder and registry.format_of(name) is not None:
            yield f"{shown(tree, path)} is there: set spec.source.path to {shown(tree, folder)}"
            return
    if not directory.recurse and any("/" in path and path.endswith((".yaml", ".yml")) for path in tree.blobs):
        yield "files in folders are read with spec.source.directory.recurse: true"


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
