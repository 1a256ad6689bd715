"""Running Git: an argument tuple, our own environment and configuration, a time limit, an output limit, and the death of the whole group.

Nothing of the caller's environment reaches Git but PASSED; no system or user configuration is read, no hook, filter, file system monitor,
pager, editor or prompt runs, and only the one protocol of the repository is allowed. Knows nothing of what the commands mean.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from holdfast.errors import SourceError
from holdfast.host.command import end_group
from holdfast.source.limits import Limits
from holdfast.source.repository import Repository, redact, shown

PASSED = (
    "HOME", "PATH", "SSH_AUTH_SOCK", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "USER",
    "ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "http_proxy", "no_proxy",
)  # fmt: skip
"""What ssh needs to find its keys and agent, and a network to find its proxy and certificates."""
CHUNK = 1 << 16
LAST_WORDS = 8192
GRACE_S = 1.0
"""Between SIGTERM, at which Git removes its lock and temporary files, and SIGKILL."""

# What fsck calls an error since 2005 but old and harmless histories hold; everything else that it knows refuses the fetch. Under
# fetch.fsckObjects a warning counts as an error, so these are named one by one (git-fsck(1), "FSCK MESSAGES").
HARMLESS = (
    "badTimezone", "badDateOverflow", "missingEmail", "missingNameBeforeEmail", "missingSpaceBeforeDate", "missingSpaceBeforeEmail",
    "zeroPaddedDate", "zeroPaddedFilemode", "badTagName", "missingTaggerEntry",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """What the local configuration says about Git. Content from Git has no word in it."""

    program: str = "git"
    ssh: str = "ssh"
    """How ssh is called. Options are added that forbid prompts; the user's ssh configuration and known hosts hold."""
    credential_helper: str = ""
    """Git's `credential.helper`, for https; it runs as a shell line, so it is the operator's alone."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    """Where PASSED is taken from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a command ended: exit code (negative is a signal), what it wrote, and its last words without credentials."""

    code: int
    out: bytes
    words: str


def configuration(repository: Repository, mirror: str, settings: GitSettings) -> str:
    """Return the only configuration file that Git reads beside the mirror's own."""
    sections = {
        "core": {"hooksPath": "/dev/null", "fsmonitor": "false", "askPass": "", "pager": "cat", "editor": "false", "symlinks": "false"},
        "init": {"defaultBranch": "none", "templateDir": ""},
        "safe": {"directory": mirror},
        "gc": {"auto": "0", "autoDetach": "false"},
        "maintenance": {"auto": "false"},
        "transfer": {"fsckObjects": "true", "credentialsInUrl": "die", "bundleURI": "false"},
        "fetch": {"fsckObjects": "true", "recurseSubmodules": "false", "writeCommitGraph": "false"},
        'fetch "fsck"': dict.fromkeys(HARMLESS, "ignore"),
        "submodule": {"recurse": "false"},
        "http": {"followRedirects": "false", "lowSpeedLimit": "100", "lowSpeedTime": "60"},
        "credential": {"helper": ""},
        "protocol": {"allow": "never"},
        f'protocol "{repository.scheme}"': {"allow": "always"},
        'protocol "ext"': {"allow": "never"},
    }
    lines = [
        f"[{section}]\n" + "".join(f"\t{key} = {_quoted(value)}\n" for key, value in keys.items()) for section, keys in sections.items()
    ]
    if settings.credential_helper:  # after the empty one, which clears whatever came before
        lines.append(f"[credential]\n\thelper = {_quoted(settings.credential_helper)}\n")
    if repository.is_local:  # Git judges the folder that holds the objects: the one given, or its .git
        lines += [f"[safe]\n\tdirectory = {_quoted(folder)}\n" for folder in (repository.address, f"{repository.address}/.git")]
    return "".join(lines)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def environment(repository: Repository, mirror: str, configuration_file: str, settings: GitSettings) -> dict[str, str]:
    passed = {name: settings.environment[name] for name in PASSED if name in settings.environment}
    return {
        "PATH": os.defpath,
        **passed,
        "LC_ALL": "C",
        "GIT_DIR": mirror,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": configuration_file,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": repository.scheme,
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_SSH_COMMAND": f"{settings.ssh} -o BatchMode=yes -o ConnectTimeout=20",
    }


class Runner:
    """Runs Git for one repository."""

    def __init__(self, repository: Repository, mirror: str, configuration_file: str, settings: GitSettings, limits: Limits) -> None:
        self.subject = shown(repository.text)
        self._git = (settings.program, "--no-pager", "--no-optional-locks")
        self._environment = environment(repository, mirror, configuration_file, settings)
        self._cwd = os.path.dirname(mirror)
        self._limits = limits

    async def run(
        self,
        *arguments: str,
        timeout_s: float,
        limit: int = CHUNK,
        sink: Callable[[bytes], None] | None = None,
        stdin: int = asyncio.subprocess.DEVNULL,
    ) -> Finished:
        """Run one command and return how it ended; what it writes goes to `sink` piece by piece, or is returned, at most `limit` bytes.

        Raises `SourceError`: HF4017 out of time, HF4018 too much output, HF4008 Git cannot be started. What `sink` raises ends the command.
        """
        pieces: list[bytes] = []
        total = 0
        words = os.memfd_create("git-words", os.MFD_CLOEXEC)
        try:
            async with self._deadline(arguments[0], timeout_s), self.started(*arguments, words=words, stdin=stdin) as process:
                assert process.stdout is not None
                while piece := await process.stdout.read(CHUNK):
                    total += len(piece)
                    if total > limit:
                        raise SourceError("HF4018", f"cannot read {self.subject}: git {arguments[0]} answered more than {limit} bytes")
                    (sink or pieces.append)(piece)
                code = await process.wait()
            return Finished(code=code, out=b"".join(pieces), words=last_words(words))
        finally:
            os.close(words)

    @asynccontextmanager
    async def _deadline(self, command: str, timeout_s: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except TimeoutError as error:
            raise SourceError(
                "HF4017",
                f"cannot read {self.subject}: git {command} did not end within {timeout_s:.0f} s",
                hint="it is tried again by itself; if the repository is very large, raise the limit in the local configuration",
            ) from error

    @asynccontextmanager
    async def started(
        self, *arguments: str, words: int, stdin: int = asyncio.subprocess.DEVNULL
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Lend a running command in a group of its own, which is gone when the block ends."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._git,
                *arguments,
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=words,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,
                limit=1 << 20,
            )
        except OSError as error:
            raise SourceError(
                "HF4008",
                f"cannot run {self._git[0]}: {error.strerror or error}",
                hint="install git 2.36 or later, or name it in the configuration",
            ) from error
        try:
            with suppress(ProcessLookupError, PermissionError):  # gone already
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (self._limits.pack, self._limits.pack))
                resource.prlimit(process.pid, resource.RLIMIT_DATA, (self._limits.memory, self._limits.memory))
            yield process
        finally:
            await end_group(process, GRACE_S)


def last_words(words: int) -> str:
    """Return the end of what a command wrote to its memory file, printable and without credentials."""
    size = os.fstat(words).st_size
    text = os.pread(words, LAST_WORDS, max(0, size - LAST_WORDS)).decode(errors="replace")
    return redact("".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)).strip()
