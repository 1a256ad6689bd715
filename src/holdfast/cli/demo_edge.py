"""The demo's edge: the shop behind TLS through nginx, where nginx is installed. Part of the demo's story."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from holdfast.cli.demo_load import ask

HOST = "shop.example.test"
"""Nobody's: RFC 6761 keeps `.test` for such."""
BESIDE = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where Debian keeps nginx, which is not on an ordinary user's PATH."""
FILE = "site.yaml"
TEXT = """\
apiVersion: holdfast.dev/v1alpha1
kind: Edge
metadata: {{ name: edge }}
spec: {{ http: {http}, https: {https}, bind: [127.0.0.1], shutdownTimeout: 5s }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Site
metadata: {{ name: shop }}
spec: {{ hosts: [{host}], service: web }}
"""


def is_installed() -> bool:
    """Say whether this host has an nginx."""
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", os.defpath), *BESIDE))) is not None


class DemoEdge:
    """Two ports, and what is measured."""

    def __init__(self, http: int, https: int, state: Path) -> None:
        self.https = https
        self.requests = 0
        self.failed = 0
        self.change_to_serving_ms = 0.0
        self.manual_edit_healed_ms = 0.0
        self._http = http
        self._conf = state / "edge" / "current" / "nginx.conf"

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.https}"

    def declare(self, repository: Path) -> None:
        """Write what a person would: an Edge and a Site."""
        (repository / FILE).write_text(TEXT.format(http=self._http, https=self.https, host=HOST))

    def visit(self) -> dict[str, object]:
        return ask(self.https, HOST)

    def edit(self) -> str:
        """Change what nginx serves from by hand, and return what was there."""
        text = self._conf.read_text()
        self._conf.write_text(f"{text}# changed by hand\n")
        return text

    def is_mended(self, text: str) -> bool:
        try:
            return self._conf.read_text() == text
        except OSError:
            return False

    def report(self) -> dict[str, object]:
        return {
            "tls": True,
            "requests": self.requests,
            "failed": self.failed,
            "change_to_serving_ms": round(self.change_to_serving_ms, 3),
            "manual_edit_healed_ms": round(self.manual_edit_healed_ms, 3),
        }


def since_ms(began: float) -> float:
    return (time.monotonic() - began) * 1000
