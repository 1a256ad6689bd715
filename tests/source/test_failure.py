"""Git's words are understood: each of these was said by a real Git, ssh or server."""

from __future__ import annotations

import pytest

from holdfast.source.failure import failed

SAID = {
    "fatal: unable to access 'https://h/x/': The requested URL returned error: 301": "HF4014",
    "Host key verification failed.\nfatal: Could not read from remote repository.": "HF4012",
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.": "HF4012",
    "fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate": "HF4012",
    "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none": "HF4012",
    "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.": "HF4011",
    "fatal: could not read Username for 'https://h': terminal prompts disabled": "HF4011",
    "fatal: Authentication failed for 'https://h/x/'": "HF4011",
    "fatal: unable to access 'https://h/x/': The requested URL returned error: 403": "HF4011",
    "remote: error: object 12: hasDotdot: contains '..'\nfatal: fsck error in packed object": "HF4015",
    "error: object 0123: treeNotSorted: not properly sorted\nfatal: fsck error in packed object\nfatal: fetch-pack: invalid": "HF4015",
    "fatal: unable to access 'https://h/': Could not resolve host: h": "HF4013",
    "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.": "HF4013",
    "fatal: unable to access 'https://h/': The requested URL returned error: 503": "HF4013",
    "fatal: the remote end hung up unexpectedly": "HF4013",
    "remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found": "HF4010",
    "fatal: '/srv/x' does not appear to be a git repository": "HF4010",
    "fatal: unable to access 'https://h/x/': The requested URL returned error: 404": "HF4010",
    "error: index-pack died of signal 25\nfatal: fetch-pack: invalid index-pack output": "HF4016",
    "fatal: write error: File too large": "HF4016",
    "fatal: Out of memory, malloc failed (tried to allocate 1048577 bytes)": "HF4016",
    "error: object file ./objects/12/34 is empty\nfatal: loose object 1234 (stored in x) is corrupt": "HF4031",
    "fatal: something that nobody has seen before": "HF4019",
}


@pytest.mark.parametrize("words", SAID)
def test_words_are_read(words: str) -> None:
    error = failed("shop", "fetch", words, 128)
    assert error.code == SAID[words]
    assert error.message.startswith("cannot read shop: ")


def test_the_most_telling_line_is_quoted() -> None:
    error = failed("shop", "fetch", "Warning: added h to known hosts\nfatal: odd end\nand more", 128)
    assert "(fatal: odd end)" in error.message
    assert "exit code 128" in error.message


def test_a_signal_is_named_and_the_file_size_limit_is_known_without_words() -> None:
    assert "signal 9" in failed("shop", "fetch", "", -9).message
    assert failed("shop", "fetch", "", -25).code == "HF4016"
