"""Secrets are files of ours; references are names; nothing else is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import Rejected
from holdfast.host.secrets import FileSecrets, installation_key
from holdfast.kit.secret import Redactor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "secrets"
    path.mkdir(mode=0o700)
    return path


def test_a_secret_is_resolved_fingerprinted_and_redacted(folder: Path) -> None:
    (folder / "token").write_text("canary-4711\n")
    redactor = Redactor()
    secrets = FileSecrets(folder, b"k" * 32, redactor)
    assert secrets.resolve("token").reveal() == "canary-4711"
    assert redactor.redact("say canary-4711 now") == "say [redacted] now"
    assert secrets.fingerprints() == {"token": secrets.fingerprint("token")}
    other = FileSecrets(folder, b"q" * 32, Redactor())
    assert other.fingerprint("token") != secrets.fingerprint("token")


@pytest.mark.parametrize("reference", ["missing", "../key", "a/b", "", ".hidden", "link", "folder", "binary"])
def test_what_is_no_secret_of_ours(folder: Path, reference: str) -> None:
    (folder.parent / "key").write_text("outside")
    (folder / "link").symlink_to(folder.parent / "key")
    (folder / "folder").mkdir()
    (folder / "binary").write_bytes(b"\xff\xfe")
    secrets = FileSecrets(folder, b"k" * 32, Redactor())
    assert secrets.fingerprint(reference) is None
    with pytest.raises(Rejected, match="cannot resolve secret") as caught:
        secrets.resolve(reference)
    assert caught.value.code == "HF3110"


def test_the_key_is_made_once_and_is_ours(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "installation.key"
    key = installation_key(path)
    assert len(key) == 32
    assert installation_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
