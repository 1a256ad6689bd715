"""What Git's words mean: one table from its English messages (LC_ALL=C) to the errors of the house. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.errors import SourceError

ANEW = "remove its folder below STATE/mirrors; it is made anew, without commits that are gone upstream"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    code: str
    words: str
    """A regular expression; case does not matter."""
    reason: str
    hint: str


# The first that is found wins: a refused redirect also says "unable to access", a missing repository "could not read from remote".
_READINGS = (
    _Reading(
        code="HF4014",
        words=r"requested URL returned error: 30\d|redirect",
        reason="the server answered with a redirect, which is not followed (it could send credentials elsewhere)",
        hint="write the address that the server redirects to",
    ),
    _Reading(
        code="HF4012",
        words=r"host key verification failed|remote host identification has changed|SSL certificate|certificate verif",
        reason="the server did not prove who it is",
        hint="add the host's key to known_hosts of the user that runs Holdfast, or the certificate to the system's store",
    ),
    _Reading(
        code="HF4011",
        words=r"authentication failed|permission denied \(|could not read (username|password)|prompts disabled|returned error: 40[13]",
        reason="the server wants credentials that Holdfast does not have",
        hint="load a key into ssh-agent, or set git.credential_helper in the local configuration",
    ),
    _Reading(
        code="HF4015",
        words=r"fsck error|error in (tree|commit|tag|blob)|error in object|in tree .*: (hasDot|fullPathname|nullSha1|contains)",
        reason="it holds an object that is malformed or hostile",
        hint="find it with `git fsck --strict` in a clone and remove it from the history",
    ),
    _Reading(
        code="HF4013",
        words=(
            r"could not resolve host|connection (refused|timed out|reset)|failed to connect|network is unreachable|no route to host"
            r"|couldn't connect|operation timed out|early eof|hung up unexpectedly|returned error: 5\d\d|unexpected disconnect"
        ),
        reason="the server did not answer",
        hint="it is tried again by itself; look at the network and the server",
    ),
    _Reading(
        code="HF4010",
        words=r"repository .*not found|not appear to be a git repository|not a git repository|returned error: 404|does not exist",
        reason="there is no such repository, or these credentials do not see it",
        hint="look at the address; many servers answer the same for a private repository without credentials",
    ),
    _Reading(
        code="HF4016",
        words=r"file size limit|file too large|died of signal 25|out of memory",
        reason="it is larger than the limit for one fetch",
        hint="remove large files from the history, or raise the limit in the local configuration",
    ),
    _Reading(
        code="HF4031",
        words=(
            r"loose object .* is corrupt|bad object|unable to (read|parse) (tree|object|sha1)|object file .* is empty"
            r"|packfile .* (corrupt|cannot)"
        ),
        reason="the mirror on this host is damaged",
        hint=ANEW,
    ),
)


def failed(subject: str, command: str, words: str, code: int, verb: str = "read") -> SourceError:
    """Return the error for a Git command that ended with `code` and these last words; `verb` is what was to be done."""
    if code == -25:  # SIGXFSZ reached the command itself, which then has no words
        words = f"{words}\nfile size limit"
    for reading in _READINGS:
        if re.search(reading.words, words, re.IGNORECASE):
            return SourceError(reading.code, f"cannot {verb} {subject}: {reading.reason}{_quote(words)}", hint=reading.hint)
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return SourceError("HF4019", f"cannot {verb} {subject}: git {command} failed with {how}{_quote(words)}")


def _quote(words: str) -> str:
    """Return Git's own most telling line, in brackets."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(fatal|error|remote: error|ssh):", line)] or lines
    return f" ({telling[0][:300]})" if telling else ""
