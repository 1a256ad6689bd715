"""What `holdfast doctor` looks at: that this host has what Holdfast needs, and what it would have more of with a little help."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from holdfast.core.view import View
from holdfast.errors import HoldfastError
from holdfast.host.command import run
from holdfast.host.inotify import Inotify
from holdfast.host.keeper_client import peek
from holdfast.host.options import RUN_FOLDER

OK, WARN, FAIL = "ok", "warn", "fail"
OLDEST_GIT = (2, 36)
LITTLE_SPACE = 256 * 1024 * 1024


def check(name: str, result: str, message: str, next_step: str | None = None) -> dict[str, Any]:
    return {"name": name, "result": result, "message": message, "next_step": next_step}


async def checks(state: Path, view: View | None) -> list[dict[str, Any]]:
    """Return {name, result ok|warn|fail, message, next_step} each; `view` is what the running daemon shows, None without one."""
    found = [await _git(), *_state(state), _keeper(state), _inotify(), _cgroup(), *_optional()]
    return found + (list(_running(view)) if view is not None else [])


async def _git() -> dict[str, Any]:
    try:
        ended = await run(("git", "--version"), folder="/", environment={"PATH": os.environ.get("PATH", os.defpath)}, timeout_s=10.0)
    except HoldfastError as error:
        return check("git", FAIL, error.message, "install git 2.36 or later")
    words = " ".join(ended.lines)
    numbers = tuple(int(part) for part in words.removeprefix("git version ").split(".")[:2] if part.isdigit())
    if numbers < OLDEST_GIT:
        return check("git", FAIL, f"{words or 'git does not answer'}; 2.36 is the oldest that works", "install a newer git")
    return check("git", OK, words)


def _state(state: Path) -> Iterator[dict[str, Any]]:
    if not state.exists():
        yield check("state", OK, f"{state} is not there yet; `holdfast up` makes it")
        return
    if not os.access(state, os.W_OK | os.X_OK):
        yield check("state", FAIL, f"{state} cannot be written by this user", "run as its owner, or choose another with --state")
        return
    yield check("state", OK, str(state))
    free = shutil.disk_usage(state).free
    result = WARN if free < LITTLE_SPACE else OK
    yield check("disk", result, f"{free // 1024**2} MiB are free at {state}", "make room" if result == WARN else None)
    store = state / "store.sqlite"
    if store.exists():
        yield _store(store)


def _store(path: Path) -> dict[str, Any]:
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error as error:
        return check("store", FAIL, f"{path}: {error}", "see `holdfast explain HF5002`")
    return check("store", OK if answer == "ok" else FAIL, f"{path}: {answer}", None if answer == "ok" else "see `holdfast explain HF5002`")


def _keeper(state: Path) -> dict[str, Any]:
    try:
        found = peek(state / RUN_FOLDER)
    except HoldfastError as error:
        return check("keeper", FAIL, error.message, error.hint)
    if found is None:
        return check("keeper", OK, "none runs; `holdfast up` starts one")
    info, kept = found
    return check("keeper", OK, f"pid {info.pid} keeps {sum(child.alive for child in kept.children)} processes")


def _inotify() -> dict[str, Any]:
    try:
        with Inotify():
            return check("inotify", OK, "commits and files are seen at once")
    except HoldfastError as error:
        return check("inotify", WARN, error.message, error.hint)


def _cgroup() -> dict[str, Any]:
    if os.access("/sys/fs/cgroup", os.W_OK):
        return check("cgroup", OK, "memory limits can be the kernel's")
    return check("cgroup", WARN, "cgroups cannot be written; memory limits are sampled", "a systemd unit with Delegate=yes gives one")


def _optional() -> Iterator[dict[str, Any]]:
    node = shutil.which("node")
    yield check("node", OK if node else WARN, node or "not installed: ecosystem.config.js cannot be read (json and yaml can)")
    yield check("python", OK, platform.python_version())


def _running(view: View) -> Iterator[dict[str, Any]]:
    if view.store_error is not None:
        yield check("store.writes", FAIL, view.store_error, "see `holdfast explain HF5001`")
    for name, it in sorted(view.applications.items()):
        if it.source_error is not None:
            yield check(f"source of {name}", WARN, it.source_error, f"holdfast status {name}")
