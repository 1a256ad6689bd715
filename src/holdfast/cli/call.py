"""Call: one run of the command line, and what it was told of state and configuration. Every command gets it from click's context."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from holdfast.cli.client import Client
from holdfast.cli.terminal import Terminal
from holdfast.host.config import Config, environment_layer, files, flag_layer, resolve, state_folder
from holdfast.host.options import ProgressLine


class Call:
    """Where a command answers, and where it looks. `state`: what `--state` says; `folder`: where the command runs."""

    def __init__(self, terminal: Terminal, environ: Mapping[str, str], folder: str) -> None:
        self.terminal = terminal
        self.environ = environ
        self.folder = folder
        self.state: str | None = None
        self._config: Config | None = None

    @property
    def config(self) -> Config:
        """The configuration; UsageError with every fault of it. Its warnings go into every answer."""
        if self._config is None:
            self._config = self._load()
            self.terminal.warnings.extend(self._config.warnings)
        return self._config

    def _load(self) -> Config:
        if any(os.path.lexists(path) for _, path in files(self.environ, self.folder)):
            from holdfast.host.config_file import load  # PyYAML, only where there is something to read

            return load(self.environ, self.folder, {"state": self.state})
        return self._without_files()

    def _without_files(self) -> Config:
        return resolve([flag_layer(state=self.state), environment_layer(self.environ)])

    @property
    def state_dir(self) -> str:
        """The state folder. Where a flag or the environment names it, files are not read: they could not win."""
        is_named = self.state is not None or self.environ.get("HOLDFAST_STATE")
        config = self.config if self._config is not None or not is_named else self._without_files()
        return os.path.join(self.folder, state_folder(config, self.environ, os.geteuid()))

    @property
    def client(self) -> Client:
        return Client(self.state_dir)

    def daemon(self) -> Client | None:
        """Return a client of the daemon, None where none is running."""
        client = self.client
        return client if client.is_there() else None

    def progress(self, line: ProgressLine) -> None:
        """Tell a step of work that this process does itself."""
        self.terminal.tell(f"{line.application}: {line.text}" if line.application else line.text, line.severity)

    def now(self) -> float:
        return time.time()
