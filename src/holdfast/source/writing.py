"""Writing: a commit made in the mirror, from a stream for git-fast-import(1), and given to one branch of the repository.

Nothing is checked out, no hook of ours or of a local repository runs, and nobody else's work is overwritten: a push says what it expects to
find, and a branch that is made anew each time may hold only what the same author pushed there. Callers: `git`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from holdfast.errors import SourceError
from holdfast.model.source import Author
from holdfast.source.failure import failed
from holdfast.source.history import commit_of
from holdfast.source.mirror import Mirror
from holdfast.source.reference import HEAD, HEADS, choose, is_reference

MADE = "refs/holdfast/made/last"
"""The commit that was made last; what was pushed is fetched again as anything else is."""
_REFUSED = re.compile(r"^!\t[^\t]*\t\[(?P<how>[^\]]*)\](?: \((?P<why>.*)\))?$", re.MULTILINE)
_STALE = (
    "stale info",
    "fetch first",
    "non-fast-forward",
    "incorrect old value",
    "cannot lock ref",
    "failed to update ref",
    "failed to lock",
)


async def branch_of(mirror: Mirror, target_revision: str) -> str:
    """Return the branch, without `refs/heads/`, that a target revision follows. Raises as `GitWriter.branch_of`."""
    references = await mirror.advertised(with_head=target_revision in ("", HEAD))
    target = choose(target_revision, references, mirror.subject)
    name = await mirror.head_branch() if target.name == HEAD else target.name
    if target.kind == "commit" or not name.startswith(HEADS):
        raise SourceError(
            "HF4060",
            f"cannot write to {mirror.subject}: {target_revision or HEAD!r} is no branch",
            hint="follow a branch with targetRevision, or name one in update.branch",
        )
    return name.removeprefix(HEADS)


def commit_stream(*, base: str, files: Mapping[str, bytes], modes: Mapping[str, int], author: Author, message: str, at: float) -> bytes:
    """Return the stream of a commit on top of `base`: same input, same commit."""
    person = f"{_word(author.name)} <{_word(author.email)}> {int(at)} +0000"
    lines = [f"commit {MADE}\nauthor {person}\ncommitter {person}\n".encode(), stated(message.encode()), f"from {base}\n".encode()]
    for path in sorted(files):
        lines += [f"M {modes[path]:06o} inline {quoted(path)}\n".encode(errors="surrogateescape"), stated(files[path])]
    return b"".join((*lines, b"done\n"))


async def pushed(mirror: Mirror, base: str, branch: str, stream: bytes, *, author: Author, follows: bool) -> str | None:
    """Make the commit and push it. Raises as `GitWriter.push`."""
    if not is_reference(branch):
        raise SourceError("HF4060", f"cannot write to {mirror.subject}: {branch!r} is no name of a branch")
    name = f"{HEADS}{branch}"
    at = (await mirror.advertised()).get(name, "")
    if follows and at != base:
        raise _moved(mirror.subject, branch)
    commit = await mirror.made(stream, MADE)
    if at and not follows:
        there = (await mirror.object(f"{await mirror.fetch(name, at)}^{{commit}}", "commit")).data
        if _is_same(there, (await mirror.object(commit, "commit")).data):
            return None
        _check_author(there, author, branch, mirror.subject)
    finished = await mirror.push(commit, name, at)
    refused = _REFUSED.search(finished.out.decode(errors="replace"))
    if refused is not None:
        raise _refusal(mirror.subject, branch, refused["how"], refused["why"] or "")
    if finished.code != 0:
        raise failed(mirror.subject, "push", finished.words, finished.code, "write to")
    return commit


def _is_same(there: bytes, made: bytes) -> bool:
    """Say whether two commits bring the same files on top of the same commits."""
    head = re.compile(rb"(?:tree|parent) [0-9a-f]{40}\n")
    return head.findall(there.partition(b"\n\n")[0] + b"\n") == head.findall(made.partition(b"\n\n")[0] + b"\n")


def _check_author(there: bytes, author: Author, branch: str, subject: str) -> None:
    """Refuse to replace what somebody else committed. The newest commit tells: whoever adds to ours is the author of that one."""
    if commit_of(there).author != f"{_word(author.name)} <{_word(author.email)}>":
        raise SourceError(
            "HF4063",
            f"cannot write to {subject}: branch {branch} holds commits of somebody else",
            hint="merge or remove the branch, or name another one in update.branch",
        )


def _refusal(subject: str, branch: str, how: str, why: str) -> SourceError:
    if any(word in why for word in _STALE) or how == "rejected":
        return _moved(subject, branch)
    said = "".join(letter if letter.isprintable() else " " for letter in why or how)[:300]
    hint = "the account that pushes needs the right to push to this branch; with update.branch it pushes to another one"
    if "branch is currently checked out" in why:
        hint = "it is somebody's working copy: push to a bare repository, or name another branch in update.branch"
    return SourceError("HF4062", f"cannot write to {subject}: it did not take branch {branch}: {said}", hint=hint)


def _moved(subject: str, branch: str) -> SourceError:
    return SourceError("HF4061", f"cannot write to {subject}: branch {branch} moved while the commit was made", hint="it is tried again")


def _word(text: str) -> str:
    """Return a name or an address as a commit may hold it: no line break, no angle bracket."""
    return "".join(letter for letter in text if letter not in "<>" and letter.isprintable()).strip() or "unknown"


def stated(content: bytes) -> bytes:
    """Return bytes as git-fast-import(1) takes them."""
    return b"data %d\n%s\n" % (len(content), content)


def quoted(path: str) -> str:
    """Return a path as git-fast-import(1) takes it."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
