"""The system's nginx: one that somebody else installed, configured and started, which includes a file of ours. Implements the port `Nginx`.

Its main file, its other servers and its life are the system's: it is told to reload, never started, stopped or upgraded. Only one file is
ours, a link within a folder that its `http` includes. A candidate can only be tested in its place, so the link is put there for the test
and taken back; a reload in that moment, by whomever, is refused by nginx where the test is.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from holdfast.edge.capability import Capability
from holdfast.edge.render_http import ANSWERS
from holdfast.edge.world import Places
from holdfast.engines.nginx import ground as grounds
from holdfast.engines.nginx.error_log import AnswersLog, ErrorLog
from holdfast.engines.nginx.gate import Gate, keep
from holdfast.engines.nginx.generations import CONF, FOLDER, LINK, MANIFEST, Generations
from holdfast.engines.nginx.included import Included, files, http_says, included, main_says
from holdfast.engines.nginx.installed import asked, holder, pem_digest, traffic_of
from holdfast.engines.nginx.port import Edit, Generation, Ground, Master, Traffic
from holdfast.engines.nginx.program import Program
from holdfast.engines.nginx.workers import is_master, master_of
from holdfast.errors import Rejected, Unavailable
from holdfast.host import proc
from holdfast.host.file_watch import FileWatch
from holdfast.host.files import told
from holdfast.kit.tasks import Tasks

_BUILT = re.compile(r"--(conf-path|pid-path|error-log-path|user)=(\S+)")


class SystemNginx:
    """`include`: the file of ours, in a folder that the system's `http` includes; `conf`: its main file, None: where it was built to be."""

    def __init__(
        self, *, places: Places, releases: Path, include: Path, search_path: str, conf: Path | None = None, watch: FileWatch | None = None
    ) -> None:
        self.places = places
        self._root = Path(places.root)
        self._releases = releases
        self._include = include
        self._search_path = search_path
        self._conf = conf
        self._generations = Generations(self._root)
        self._gate = Gate()
        self._watch = watch or FileWatch()
        self._program: Program | None = None
        self._capability: Capability | None = None
        self._log: ErrorLog | None = None
        self._answers: AnswersLog | None = None
        self._pid_file: Path | None = None
        self._user = places.user
        """Who its workers run as; None: who we are."""
        self._switched: str | None = None
        self._made: dict[str, Included] = {}
        self._said: frozenset[str] = frozenset()

    async def begin(self) -> None:
        grounds.make_folders(self._root)
        self._switched = self._generations.linked()
        self._answers = AnswersLog(self._root / "logs" / ANSWERS)
        self._watch.add(str(self._include.parent), str(self._include))
        self._look_after(None, self._switched)
        await self._read_system()

    async def _read_system(self) -> None:
        """Find out where the system's nginx has its files, and what its `http` says. Raises Rejected."""
        self._program = program = Program.find(self._search_path)
        built = dict(_BUILT.findall(await program.built()))
        main = self._conf = self._conf or Path(built.get("conf-path", "/etc/nginx/nginx.conf"))
        dump = files(await program.dump(main))
        self._said = http_says(dump, str(main), str(self._include))
        (log, *_) = main_says(dump, str(main), "error_log") or (built.get("error-log-path", "/var/log/nginx/error.log"),)
        self._log = ErrorLog(main.parent / log)
        (pid, *_) = main_says(dump, str(main), "pid") or (built.get("pid-path", "/run/nginx.pid"),)
        self._pid_file = main.parent / pid
        if self.places.user is not None:
            (self._user, *_) = main_says(dump, str(main), "user") or (built.get("user", "nobody"),)

    async def capability(self) -> Capability:
        if self._program is None:
            await self._read_system()
        if self._capability is None:
            self._capability = await self._nginx().capability()
        return self._capability

    def _nginx(self) -> Program:
        if self._program is None:
            raise Unavailable("HF3188", "cannot use the system's nginx: it was not found yet")
        return self._program

    # Files

    async def prepare(self, ground: Ground) -> None:
        self._gate.hold(grounds.paused(ground))
        grounds.prepare(self._root, ground, user=self._user, releases=self._releases)
        self._gate.hold_only(grounds.paused(ground))

    async def mark(self, suffix: str, wanted: frozenset[str]) -> None:
        grounds.mark(self._root, suffix, wanted)

    async def lay(self, generation: Generation) -> None:
        self._made[generation.digest] = made = included(generation.text, self._said)
        self._generations.lay(replace(generation, text=made.text))

    async def test(self, digest: str, text: str | None = None) -> tuple[str, ...]:
        """Test the system's whole configuration with the whole candidate in its place, and take that back."""
        before = self._generations.linked()
        self._generations.switch(digest)
        self._put()
        try:
            lines = await self._nginx().test(self._main, None)
        finally:
            self._generations.switch(before)
            if before is None:
                self._take_away()
        return tuple(self._as_rendered(digest, line) for line in lines)

    @property
    def _main(self) -> Path:
        return self._conf or Path("/etc/nginx/nginx.conf")

    def _as_rendered(self, digest: str, line: str) -> str:
        """Return what nginx says with the line that it had in the whole configuration; of another's file as it is."""
        made = self._made.get(digest)
        path, colon, number = line.rpartition(":")
        if made is None or not colon or not number.isdigit() or not path.endswith(str(self._include)):
            return line
        return f"{path}:{made.lines.get(int(number), 0)}"

    def _put(self) -> None:
        """Have the file that is included lead to what is switched to."""
        target = str(self._generations.read_by_nginx)
        with told("link", str(self._include)):
            with suppress(OSError):
                if os.readlink(self._include) == target:
                    return
            temporary = self._include.with_name(f".{self._include.name}-{secrets.token_hex(8)}")
            os.symlink(target, temporary)
            os.rename(temporary, self._include)

    def _take_away(self) -> None:
        """Remove it: a link to nothing would keep the system's nginx from starting."""
        with told("remove", str(self._include)), suppress(FileNotFoundError):
            os.unlink(self._include)

    async def switch(self, digest: str | None) -> None:
        if digest is None:
            self._take_away()
        self._generations.switch(digest)
        if digest is not None:
            self._put()
        self._look_after(self._switched, digest)
        self._switched = digest

    def _look_after(self, before: str | None, digest: str | None) -> None:
        self._watch.add(str(self._root), str(self._root / LINK))
        for name in (CONF, MANIFEST):
            if before is not None:
                self._watch.drop(str(self._root / FOLDER / before / name))
            if digest is not None:
                self._watch.add(str(self._root), str(self._root / FOLDER / digest / name))

    def linked(self) -> str | None:
        return self._generations.linked()

    def current(self) -> str | None:
        return self._generations.current()

    async def keep(self, most: int) -> None:
        self._generations.keep(most)

    def edits(self) -> tuple[Edit, ...]:
        found = [self._told(edit) for edit in self._generations.edits(self._switched)]
        if self._switched is not None and not self._include.exists():
            found.append(Edit(path=str(self._include), diff="it is gone\n"))
        return tuple(found)

    def _told(self, edit: Edit) -> Edit:
        made = self._made.get(self._switched or "")
        return replace(edit, lines=tuple(made.lines[line] for line in edit.lines if line in made.lines)) if made is not None else edit

    def flags(self) -> frozenset[str]:
        return grounds.flags(self._root)

    def waiting(self, key: str) -> int:
        return self._gate.waiting(key)

    def certificate(self, namespace: str, name: str) -> str | None:
        return pem_digest(self.places.certificate(namespace, name)[0])

    # The process

    async def start(self) -> None:
        raise Unavailable(
            "HF3188",
            "cannot start the system's nginx: that is for the system to do",
            hint="start it (systemctl start nginx), or let Holdfast run one of its own",
        )

    async def reload(self) -> None:
        """Signal the master through a handle on that very process: a pid alone may be another's by now."""
        master = self.master()
        if master is None:
            raise Unavailable("HF3185", "cannot tell nginx anything: it has ended")
        try:
            handle = os.pidfd_open(master.pid)
        except ProcessLookupError as error:
            raise Unavailable("HF3185", "cannot tell nginx anything: it has ended") from error
        try:
            if not proc.is_same(master.pid, master.start_time):
                raise Unavailable("HF3185", "cannot tell nginx anything: it has ended")
            signal.pidfd_send_signal(handle, signal.SIGHUP)
        except PermissionError as error:
            raise Rejected("HF3188", "cannot reload the system's nginx: it is root's", hint="run Holdfast as root") from error
        finally:
            os.close(handle)

    async def stop(self) -> None:
        """Take our file away, and have the system's nginx go on without it."""
        self._take_away()
        if self.master() is not None and self._switched is not None:
            await self.reload()

    def master(self) -> Master | None:
        try:
            pid = int(self._pid_file.read_text()) if self._pid_file is not None else 0
        except (OSError, ValueError):
            return None
        found = proc.stat(pid) if pid and is_master(pid) else None
        return master_of(pid, found.start_time) if found is not None else None

    async def answer(self) -> str | None:
        return await asked(self.places.socket)

    async def traffic(self) -> Traffic | None:
        return traffic_of(await asked(self.places.socket, "/status"))

    def listener(self, address: str, port: int) -> str | None:
        return holder(address, port, self.master())

    def descriptors(self) -> int | None:
        """Unknown: what its workers may have is said by the system's main file."""
        return None

    def said(self) -> tuple[str, ...]:
        return self._log.more() if self._log is not None else ()

    def answered(self) -> tuple[str, ...]:
        return self._answers.more() if self._answers is not None else ()

    async def follow(self, ring: Callable[[], None]) -> None:
        async with Tasks() as tasks:
            tasks.start("gate", keep(self._gate, Path(self.places.gate), self._user))
            changes: AsyncIterator[str] = self._watch.changes()
            async for _ in changes:
                ring()

    async def rotate(self) -> None:
        """Nothing: the system rotates its own logs, and ours are written by its nginx."""

    async def aclose(self) -> None:
        """Nothing is held."""
