"""Files that nginx serves itself, as `static` of a Site: what the release holds, if somebody said where."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.edge.import_place import Ground, Notebook, Place
from holdfast.edge.route_spec import StaticSpec
from holdfast.edge.tree import Directive

HINT = "say where its files are in the repository with --files"


def static(place: Place, match: str, path: str, ground: Ground, notebook: Notebook) -> StaticSpec | None:
    """Return the files at a path; None where no field says them, and the notebook why."""
    folder = _folder(place, match, path, notebook)
    if folder is None:
        return None
    root = ground.in_repository(folder)
    if root is None:
        notebook.cannot(place.said("alias", "root")[-1], f"it serves the files of {folder}: {HINT} {folder}=FOLDER")
        return None
    index = _index(place, notebook)
    return StaticSpec(root=root, index=index, spa=_falls_back(place, path, index, notebook))


def _folder(place: Place, match: str, path: str, notebook: Notebook) -> str | None:
    """Return the folder of the host whose files stand directly below a path."""
    said = place.said("alias", "root")
    if not said:
        notebook.cannot(place.block, "nothing says what answers")
        return None
    directive = said[-1]
    value = place.fill(directive.args[0]) if directive.args else ""
    if "$" in value or not value.startswith("/"):
        notebook.cannot(
            directive, f"its files are in {value}, which is not the same for every request" if "$" in value else f"{value} is relative"
        )
        return None
    if place.word("autoindex") == "on":
        notebook.cannot(place.said("autoindex")[-1], "folders are listed")
    if directive.name == "root":
        below = path.rpartition("/")[0] if match == "exact" else path if match == "prefix" else ""
        return f"{value.rstrip('/')}{below}".rstrip("/") or "/"
    if match == "regex":
        if not path.startswith("/") or not path.endswith("/") or not value.endswith(path):
            notebook.cannot(directive, "its files are called otherwise than their paths, and patterns are tried before it")
            return None
        return value.removesuffix(path) or "/"
    if match == "exact":
        folder, _, name = value.rpartition("/")
        if name != path.rpartition("/")[2]:
            notebook.cannot(directive, f"{path} is a file of another name")
        return folder or "/"
    if not path.endswith("/") or not value.endswith("/"):
        notebook.change("alias-traversal", f"{path} is the folder {value.rstrip('/')}/, and leads nowhere else", directive)
    return value.rstrip("/") or "/"


def _index(place: Place, notebook: Notebook) -> str:
    """Return the one file that answers for a folder."""
    said = place.said("index")
    names = said[-1].args if said else ("index.html",)
    plain = [name for name in names if "$" not in name and "/" not in name and not name.endswith(".php")]
    if not plain:
        notebook.cannot(said[-1], f"what answers for a folder is {' '.join(names)}")
        return "index.html"
    return "index.html" if "index.html" in plain else plain[0]


def _falls_back(place: Place, path: str, index: str, notebook: Notebook) -> bool:
    """Say whether what is no file is answered by the index."""
    said = place.own("try_files")
    if not said:
        return False
    *tried, last = (place.fill(each) for each in said[-1].args)
    if not _only_files(tried):
        notebook.cannot(said[-1], f"it tries {' '.join(tried)}")
    target = last.partition("?")[0]
    top = f"{path.rstrip('/')}/{index}" if path.startswith("/") else f"/{index}"
    if target in {f"/{index}", top}:
        return True
    if target != "=404":
        notebook.cannot(said[-1], f"what is no file is answered by {last}")
    return False


def _only_files(tried: Sequence[str]) -> bool:
    return bool(tried) and set(tried) <= {"$uri", "$uri/", "$uri/index.html"}


def is_files(place: Place) -> Directive | None:
    """Return what says that files answer."""
    return next(iter(place.own("alias", "root", "try_files")), None)
