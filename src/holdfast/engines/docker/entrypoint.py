"""The entrypoint of a container whose programs Holdfast supervises: what is put into it, and how it is begun.

It is this house's own source, packed: the machine of the supervisor and the little that it needs, no library beside Python's own. The
Python is the container's (decision 0024).
"""

from __future__ import annotations

import importlib.resources
import io
import zipfile
from functools import lru_cache

from holdfast.workload.container_spec import ContainerSpec
from holdfast.workload.supervised import write

PYTHON = "python3"
FOLDER = "/.holdfast"
ARCHIVE, APPS = f"{FOLDER}/entrypoint.pyz", f"{FOLDER}/apps.json"
MODULES = (
    "host/entrypoint host/proc kit/backoff kit/canonical kit/clock kit/cron kit/duration kit/quantity model/event model/scalars "
    "workload/probe workload/process_spec workload/supervised workload/supervisor"
).split()
"""All that it imports; `tests/engines/test_docker_entrypoint.py` runs it with nothing else."""
MAIN = """\
import sys
if sys.version_info < (3, 11):
    sys.exit("holdfast: this entrypoint needs Python 3.11 or later in the image, and this is %d.%d" % sys.version_info[:2])
from holdfast.host.entrypoint import main
sys.exit(main())
"""
_AT = (1980, 1, 1, 0, 0, 0)


def command() -> tuple[str, ...]:
    """Return the Entrypoint of such a container."""
    return PYTHON, ARCHIVE, APPS


def files(spec: ContainerSpec) -> dict[str, bytes]:
    """Return what is copied into a container by its paths; nothing where nothing is supervised in it."""
    return {ARCHIVE: packed(), APPS: write(spec.supervised).encode()} if spec.supervised else {}


@lru_cache(maxsize=1)
def packed() -> bytes:
    """Return the archive (zipapp); the same bytes for the same source."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "__main__.py", MAIN)
        for package in ("", "host/", "kit/", "model/", "workload/"):
            _put(archive, f"holdfast/{package}__init__.py", "")
        root = importlib.resources.files("holdfast")
        for module in MODULES:
            _put(archive, f"holdfast/{module}.py", root.joinpath(f"{module}.py").read_text(encoding="utf-8"))
    return data.getvalue()


def _put(archive: zipfile.ZipFile, path: str, text: str) -> None:
    archive.writestr(zipfile.ZipInfo(path, _AT), text, zipfile.ZIP_DEFLATED)
