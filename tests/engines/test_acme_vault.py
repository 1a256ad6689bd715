"""The vault: what is served is swapped in one step, a crash at any write leaves a pair that fits, and nothing piles up."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from holdfast.engines.acme.pair import Pair, belongs, make_key, self_signed
from holdfast.engines.acme.vault import Vault
from holdfast.errors import EngineError, Unavailable
from holdfast.host.files import Root
from holdfast.kit.secret import Secret
from holdfast.model.ids import HOST, ResourceId

ID = ResourceId(HOST, "Certificate", "shop", "web")
NOW = 1_800_000_000.0


def pair(number: int = 0) -> Pair:
    key = asyncio.run(make_key("ecdsa-p256"))
    return self_signed(key, ("shop.example.com",), now=NOW + number, lifetime_s=86_400.0, common_name=f"number {number}")


def fits(vault: Vault) -> bool:
    files = vault.served(ID)
    return files is not None and files.chain is not None and files.key is not None and belongs(files.chain, files.key)


class Full(Vault):
    """On a disk that takes so many more writes, then none."""

    writes_left = 1_000

    def _root(self, id: ResourceId) -> Root:
        outer = self

        class Counted(Root):
            def write(self, relative: str, data: bytes, *, mode: int = 0o644, uid: int = -1, gid: int = -1, sync: bool = True) -> None:
                if not outer.writes_left:
                    raise Unavailable("HF3104", f"cannot write {relative}: no space left on device")
                outer.writes_left -= 1
                super().write(relative, data, mode=mode, uid=uid, gid=gid, sync=sync)

        return Counted(super()._root(id).path)


@pytest.mark.parametrize("writes", range(4))
def test_a_disk_that_is_full_at_any_write_leaves_what_was_served(tmp_path: Path, writes: int) -> None:
    vault, old, new = Full(tmp_path / "certificates"), pair(1), pair(2)
    vault.serve(ID, vault.keep(ID, old, NOW, "1"), old)
    vault.writes_left = writes
    with pytest.raises(EngineError):
        vault.serve(ID, vault.keep(ID, new, NOW + 1, "2"), new)
    files = vault.served(ID)
    assert files is not None
    assert files.chain == old.chain
    assert fits(vault)
    vault.writes_left = 4
    vault.serve(ID, vault.keep(ID, new, NOW + 1, "2"), new)
    files = vault.served(ID)
    assert files is not None
    assert files.chain == new.chain


def test_nothing_piles_up(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "certificates")
    for number in range(12):
        found = pair(number)
        vault.serve(ID, vault.keep(ID, found, NOW + number, f"{number}"), found)
        assert fits(vault)
    inner = tmp_path / "certificates" / "shop" / ".web"
    assert len(list(inner.glob("served-*"))) == 2
    assert len(vault.versions(ID)) == 2
    assert [version.rpartition("-")[2] for version in vault.versions(ID)] == ["11", "10"]
    assert sorted(path.name for path in (tmp_path / "certificates" / "shop").iterdir()) == [".web", "web"]


def test_what_a_crash_left_is_cleared_with_the_next_swap(tmp_path: Path) -> None:
    vault, found = Vault(tmp_path / "certificates"), pair()
    version = vault.keep(ID, found, NOW, "1")
    inner = tmp_path / "certificates" / "shop" / ".web"
    (inner / "link-0123").symlink_to(".web/served-0123")
    (inner / "served-0123").mkdir()
    for _ in range(2):
        vault.serve(ID, version, found)
    assert not (inner / "link-0123").is_symlink()
    assert not (inner / "served-0123").exists()


def test_a_pair_without_its_key_is_not_kept(tmp_path: Path) -> None:
    vault, found = Vault(tmp_path / "certificates"), pair()
    version = vault.keep(ID, found, NOW, "1")
    assert vault.kept(ID, version) == found
    (tmp_path / "certificates" / "shop" / ".web" / "kept" / version / "key.pem").unlink()
    assert vault.kept(ID, version) is None
    assert vault.kept(ID, "") is None
    assert vault.kept(ID, "unheard-of") is None


def test_names_that_begin_alike_do_not_meet(tmp_path: Path) -> None:
    vault, first, second = Vault(tmp_path / "certificates"), pair(1), pair(2)
    others = (ID._replace(name="link-0123456789ab"), ID._replace(name="web.example"), ID._replace(namespace="web"))
    vault.serve(ID, vault.keep(ID, first, NOW, "1"), first)
    for other in others:
        vault.serve(other, vault.keep(other, second, NOW, "2"), second)
        vault.remove(other)
    assert fits(vault)


def test_a_pending_key_is_private_and_goes(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "certificates")
    assert vault.pending_key(ID) is None
    vault.put_pending_key(ID, Secret("a key"))
    assert vault.pending_key(ID) == Secret("a key")
    path = tmp_path / "certificates" / "shop" / ".web" / "pending.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    vault.drop_pending_key(ID)
    vault.drop_pending_key(ID)
    assert vault.pending_key(ID) is None


def test_what_is_served_is_watched_where_it_really_lies(tmp_path: Path) -> None:
    vault, found = Vault(tmp_path / "certificates"), pair()
    above = tmp_path / "certificates" / "shop"
    assert vault.paths(ID) == (above / "web",)
    vault.serve(ID, vault.keep(ID, found, NOW, "1"), found)
    place = above / os.readlink(above / "web")
    assert vault.paths(ID) == (above / "web", place / "fullchain.pem", place / "key.pem")
