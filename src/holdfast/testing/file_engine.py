"""The real file engine on simulated files: every Application's data folder is our own, and no File holds a secret."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from holdfast.engines.file import FileEngine
from holdfast.errors import Rejected
from holdfast.host.users import RunUser
from holdfast.kit.clock import Clock
from holdfast.kit.secret import Secret, fingerprint
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource
from holdfast.testing.life import Life
from holdfast.testing.simulated_files import SimulatedFiles, SimulatedFileWatch

DATA = "/var/lib/holdfast/data"


class Ourselves:
    """Implements the Users and Places of the file engine."""

    def __init__(self, files: SimulatedFiles) -> None:
        self._files = files

    async def user_of(self, application: str, user: str | None) -> RunUser:
        return RunUser(uid=-1, gid=-1, name="ourselves")

    def data_dir(self, application: str, user: RunUser) -> Path:
        self._files.folder(f"{DATA}/{application}")
        return Path(DATA, application)


class NoSecrets:
    """Implements ports.Secrets."""

    def resolve(self, reference: str) -> Secret:
        raise Rejected("HF3110", f"cannot find secret {reference}")

    def fingerprint(self, reference: str) -> str | None:
        return None


def file_engine(files: SimulatedFiles, life: Life, described: Callable[[ResourceId], Iterable[Resource]], clock: Clock) -> FileEngine:
    """Return the engine of one life."""
    ourselves = Ourselves(files)
    return FileEngine(
        roots=(),
        data=Path(DATA),
        users=ourselves,
        places=ourselves,
        secrets=NoSecrets(),
        fingerprint=partial(fingerprint, b"k" * 32),
        described=described,
        clock=clock,
        files=files.mounted(life),
        watch=SimulatedFileWatch(files=files),
    )
