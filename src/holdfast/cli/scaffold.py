"""What a folder holds that Holdfast can run, and the Application file for it. Looks, and writes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from holdfast.errors import UsageError
from holdfast.model.labels import FORMAT, PREPARE
from holdfast.workload.slug import slug

OWN = re.compile(r"^apiVersion:\s*['\"]?holdfast\.dev/", re.MULTILINE)
LARGEST = 256 * 1024
PREPARES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "package-lock.json": ("npm", "ci"),
        "npm-shrinkwrap.json": ("npm", "ci"),
        "yarn.lock": ("yarn", "install", "--frozen-lockfile"),
        "pnpm-lock.yaml": ("pnpm", "install", "--frozen-lockfile"),
    }
)
"""Lock file and what installs exactly what it says."""
COMPOSE = "compose"
DOCKER = "unix:///var/run/docker.sock"
"""Where containers of this machine run, when nobody says another place."""
GIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A folder as `init` sees it."""

    name: str
    """Of the Application to be."""
    repository: str
    """The working tree's top folder, absolute."""
    path: str
    """The folder beneath it, `.` for itself."""
    branch: str
    files: tuple[str, ...]
    """Workload files, by their names in the folder."""
    format: str | None
    """Which format to choose where there are two."""
    is_compose: bool
    """Whether it is containers that run."""
    prepare: tuple[str, ...]
    procfile: str | None
    """What to write as Procfile where only a package.json says how to start."""
    notes: tuple[str, ...]


def look(folder: str, name: str | None) -> Found:
    """Return what is in a folder of a Git working tree; UsageError (HF8015) where there is nothing to run, or no Git."""
    folder = os.path.realpath(folder)
    if not os.path.isdir(folder):
        raise UsageError("HF8015", f"cannot look at {folder}: it is no folder")
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        hint = f"git init {folder}, then commit what is to run"
        raise UsageError("HF8015", f"cannot write an Application for {folder}: it is in no Git repository", hint=hint)
    there = sorted(os.listdir(folder))
    formats = _formats(there)
    files = tuple([file for file, _ in formats] + [file for file in there if _is_own(folder, file)])
    start = _start(folder) if "package.json" in there and not files else None
    if not files and start is None:
        hint = "write a Procfile with a line such as `web: ./server`, and commit it"
        raise UsageError("HF8015", f"cannot write an Application for {folder}: nothing in it can be run", hint=hint)
    readers = sorted({reader for _, reader in formats}, key=lambda reader: (reader == COMPOSE, reader))  # processes need no Docker
    notes = ["Dockerfile: images are not built yet"] if "Dockerfile" in there else []
    if len(readers) > 1:
        notes.append(f"{' and '.join(file for file, _ in formats)} both say what runs; {FORMAT} chooses {readers[0]}")
    notes += _uncommitted(folder, files)
    return Found(
        name=slug(name or os.path.basename(folder)) or "app",
        repository=top,
        path=os.path.relpath(folder, top),
        branch=_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD") or "HEAD",
        files=files,
        format=readers[0] if len(readers) > 1 else None,
        is_compose=readers[:1] == [COMPOSE],
        prepare=next((tuple(command) for lock, command in PREPARES.items() if lock in there), ()),
        procfile=None if start is None else f"web: {start}\n",
        notes=tuple(notes),
    )


def _formats(there: Sequence[str]) -> list[tuple[str, str]]:
    """Return workload files with the name of what reads them."""
    from holdfast.app.registry import registry

    known = registry()
    return [(file, it.name) for file in there if (it := known.format_of(file)) is not None and it.workload]


def _is_own(folder: str, file: str) -> bool:
    if not file.endswith((".yaml", ".yml")):
        return False
    try:
        with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as text:
            return OWN.search(text.read(LARGEST)) is not None
    except OSError:
        return False


def _start(folder: str) -> str | None:
    """Return what starts a package, None where its package.json does not say."""
    try:
        with open(os.path.join(folder, "package.json"), encoding="utf-8") as text:
            scripts = json.loads(text.read(LARGEST)).get("scripts", {})
    except (OSError, ValueError, AttributeError):
        return None
    return "npm start" if isinstance(scripts, dict) and scripts.get("start") else None


def _uncommitted(folder: str, files: Sequence[str]) -> list[str]:
    committed = set(_git(folder, "ls-tree", "--name-only", "-z", "HEAD").split("\0"))
    return [f"{file} is not committed yet, and only what is committed counts" for file in files if file not in committed]


def _git(folder: str, *arguments: str) -> str:
    """Return what git says of a folder, "" where it says nothing. Nothing of the repository's own is run."""
    command = ("git", "-C", folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *arguments)
    try:
        told = subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", timeout=GIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return told.stdout.strip("\n") if told.returncode == 0 else ""


def application_text(found: Found, repository: str) -> str:
    """Return the Application file; `repository` is as it is to be named in it."""
    annotations = []
    if found.format:
        annotations.append(f"    {FORMAT}: {found.format}")
    if found.prepare:
        annotations.append(f"    {PREPARE}: {scalar(json.dumps(list(found.prepare)))}    # once for each release, before it is sealed")
    lines = [
        "# What to keep equal to Git, in Argo CD's words. Bring it up: holdfast up -f application.yaml",
        "apiVersion: argoproj.io/v1alpha1",
        "kind: Application",
        "metadata:",
        f"  name: {scalar(found.name)}",
        *(["  annotations:", *annotations] if annotations else []),
        "spec:",
        "  source:",
        f"    repoURL: {scalar(repository)}    # a path on this machine, https:// or ssh://",
        f"    targetRevision: {scalar(found.branch)}",
        f"    path: {scalar(found.path)}",
        "  destination:",
        f"    server: {DOCKER}    # containers of this machine; or tcp://host:2376, ssh://user@host"
        if found.is_compose
        else "    server: host://local    # supervised processes of this machine",
        "  syncPolicy:",
        "    automated:",
        "      prune: true       # what Git no longer says is removed",
        "      selfHeal: true    # what drifts is put back",
    ]
    return "\n".join(lines) + "\n"


PLAIN = re.compile(r"(?:[A-Za-z/~]|\.\.?(?=/|$))[A-Za-z0-9_./~@+-]*(?::[A-Za-z0-9_./~@+-]+)*")
"""A dot begins a number (`.5`, `.inf`), unless it begins a path."""
WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "~"})


def scalar(text: str) -> str:
    """Return text as YAML reads it back, quoted only where it must be."""
    if PLAIN.fullmatch(text) and text.lower() not in WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
