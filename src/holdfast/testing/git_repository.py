"""A real Git repository to test against: made with plumbing, so that it can hold what no porcelain would write.

Independent of the machine's Git configuration. For tests and benchmarks; needs the program git.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from holdfast.testing.simulated_git import Content, Files, as_entry


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a tree object, as raw as Git stores it."""

    mode: str
    name: bytes
    id: str


class GitRepository:
    """A repository at `path`, made where it is not there. Its branch is main; a checkout's files and index are left to the test."""

    def __init__(self, path: Path, *, is_bare: bool = False) -> None:
        self.path = path
        if not path.exists():
            path.mkdir(parents=True)
            self.git("init", "--quiet", "--initial-branch=main", *(["--bare"] if is_bare else []))

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run a Git command in the repository and return what it prints; CalledProcessError where it fails."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.org",
        }
        command = ["git", "-c", "safe.directory=*", "-C", str(self.path), *arguments]
        return subprocess.run(command, input=stdin, env=environment, capture_output=True, check=True).stdout.decode().strip()

    def commit(self, files: Files, *, branch: str = "main", subject: str = "work") -> str:
        """Commit exactly these files to a branch and return the commit's id."""
        known = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return self._import(files, branch, subject, [f"from {known}\n".encode()] if known else [], b"deleteall\n")

    def change(self, files: Files, *, branch: str = "main", subject: str = "work") -> str:
        """Commit these files beside those that are there."""
        return self._import(files, branch, subject, [f"from refs/heads/{branch}^0\n".encode()], b"")

    def _import(self, files: Files, branch: str, subject: str, before: list[bytes], first: bytes) -> str:
        message = subject.encode()
        head = f"commit refs/heads/{branch}\ncommitter Ada <ada@example.org> 1790000000 +0000\ndata {len(message)}\n".encode()
        body = b"".join(_modified(path, content) for path, content in files.items())
        self.git("fast-import", "--quiet", "--force", stdin=head + message + b"\n" + b"".join(before) + first + body)
        return self.git("rev-parse", f"refs/heads/{branch}")

    def point(self, branch: str, commit: str) -> None:
        self.git("update-ref", f"refs/heads/{branch}", commit)

    def tag(self, name: str, commit: str, *, message: str | None = None) -> None:
        """Tag a commit; with a message the tag is an object of its own (annotated)."""
        self.git("tag", *(["-a", "-m", message] if message else []), name, commit)

    def blob(self, data: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=data)

    def tree(self, entries: Iterable[Entry]) -> str:
        """Write a tree object exactly so, however hostile, and return its id."""
        raw = b"".join(entry.mode.encode() + b" " + entry.name + b"\0" + bytes.fromhex(entry.id) for entry in entries)
        return self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)

    def commit_tree(self, tree: str, *, branch: str = "main") -> str:
        """Commit a tree object to a branch, without a parent."""
        commit = self.git("commit-tree", tree, "-m", "work")
        self.point(branch, commit)
        return commit


def _modified(path: str, content: Content) -> bytes:
    mode, data = as_entry(content)
    return f"M {mode:o} inline {path}\ndata {len(data)}\n".encode() + data + b"\n"
