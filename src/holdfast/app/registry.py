"""Which kinds and formats there are, and what Git is allowed. A new room adds its own here."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.declare.registry import Registry
from holdfast.host.config import Config
from holdfast.source.git import GitPolicy
from holdfast.workload.file import FileKind
from holdfast.workload.pm2 import Pm2
from holdfast.workload.process import ProcessKind
from holdfast.workload.procfile import Procfile


def registry(file_roots: tuple[str, ...] | None = None) -> Registry:
    """Return all kinds and formats; with `file_roots` a File that lies beneath none of them is refused at its line."""
    return Registry(kinds=(ProcessKind(), FileKind(file_roots)), formats=(Procfile(), Pm2()))


def git_policy(config: Config, is_local: Callable[[str], bool]) -> GitPolicy:
    """Return what Git may read: local folders that an operator named (`is_local`), the rest as the local configuration says."""
    return GitPolicy(allow_local=is_local, allow_http=lambda address: "http" in config.allowed, poll_s=config.poll_interval_s)
