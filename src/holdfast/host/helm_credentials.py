"""Credentials of Helm repositories: where `helm repo add` keeps them for whoever runs this, repositories.yaml. Git never names any.

Read anew for each question, so that what an operator changes counts at once. Source: Helm `pkg/repo/repo.go`, `pkg/helmpath`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.cyaml import CSafeLoader

from holdfast.errors import SourceError
from holdfast.kit.secret import Secret

LARGEST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmLogin:
    """What one repository is asked with. `everywhere`: the operator lets user and password go to other hosts that its index names."""

    user: str = ""
    password: Secret | None = None
    everywhere: bool = False
    ca_file: str = ""
    """PEM file of who may sign the server's certificate, beside the system's; "" for the system's alone."""
    cert_file: str = ""
    key_file: str = ""


def repositories_path(environ: Mapping[str, str]) -> str | None:
    """Return where Helm keeps its repositories; None where neither its own variable nor a home is set."""
    return environ.get("HELM_REPOSITORY_CONFIG") or _within(environ, "repositories.yaml")


def helm_registry_path(environ: Mapping[str, str]) -> str | None:
    """Return where `helm registry login` keeps credentials, a file as Docker's config.json."""
    return environ.get("HELM_REGISTRY_CONFIG") or _within(environ, "registry/config.json")


def _within(environ: Mapping[str, str], name: str) -> str | None:
    home = environ.get("HOME", "")
    base = environ.get("HELM_CONFIG_HOME") or (os.path.join(config, "helm") if (config := environ.get("XDG_CONFIG_HOME")) else "")
    if not base and home.startswith("/"):
        base = os.path.join(home, ".config", "helm")
    return os.path.join(base, name) if base else None


class HelmRepositories:
    """`path` of a repositories.yaml, which may be missing."""

    def __init__(self, path: str | None) -> None:
        self._path = path

    def of(self, repository: str) -> HelmLogin:
        """Return what a repository is asked with. Raises `SourceError` (HF4081), which tells nothing of the file's content."""
        for entry in self._entries():
            if str(entry.get("url") or "").rstrip("/") == repository.rstrip("/"):
                password = entry.get("password")
                return HelmLogin(
                    user=str(entry.get("username") or ""),
                    password=Secret(str(password)) if password else None,
                    everywhere=entry.get("pass_credentials_all") is True,
                    ca_file=str(entry.get("caFile") or ""),
                    cert_file=str(entry.get("certFile") or ""),
                    key_file=str(entry.get("keyFile") or ""),
                )
        return HelmLogin()

    def _entries(self) -> list[Mapping[str, Any]]:
        if self._path is None:
            return []
        try:
            with open(self._path, "rb") as file:
                data = file.read(LARGEST + 1)
            document = yaml.load(data, Loader=CSafeLoader) if len(data) <= LARGEST else None
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(self._path, (error.strerror or "").lower()) from error
        except (yaml.YAMLError, ValueError, RecursionError):
            document = None
        found = document.get("repositories") if isinstance(document, dict) else None
        if not isinstance(document, dict) or not isinstance(found or [], list):
            raise _unreadable(self._path, "it is no list of repositories") from None
        return [entry for entry in found or [] if isinstance(entry, dict)]


def _unreadable(path: str, reason: str) -> SourceError:
    return SourceError("HF4081", f"cannot read credentials in {path}: {reason}", hint="`helm repo add` writes it anew")
