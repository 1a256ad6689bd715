"""The local authority: a root of this host that signs for internal names. It is believed where a person has installed it.

FOLDER/<digest of its name>/  root.pem (0644: it is public), key.pem (0600)
"""

from __future__ import annotations

from pathlib import Path

from holdfast.edge.certificate_life import DAY
from holdfast.engines.acme.pair import Pair, belongs, make_key, make_root, read_leaf
from holdfast.errors import Rejected
from holdfast.host.files import Root, told
from holdfast.kit.canonical import digest
from holdfast.kit.clock import Clock
from holdfast.kit.secret import Secret

LIFETIME_S = 3650 * DAY
LARGEST = 64 * 1024
FOLDER_MODE, PUBLIC, PRIVATE = 0o711, 0o644, 0o600


class LocalAuthority:
    """Beneath `folder`, which is made. The key is written before the root, so that a root never stands without its key."""

    def __init__(self, folder: Path, common_name: str, clock: Clock) -> None:
        self._folder = folder / digest(common_name)[:16]
        self._common_name = common_name
        self._clock = clock

    @property
    def path(self) -> Path:
        """Where its root lies, for whoever installs it."""
        return self._folder / "root.pem"

    async def root(self) -> Pair:
        """Return the root and its key, made on the first call; `Rejected` (HF3156) where they do not belong together."""
        with told("use", str(self._folder)):
            self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with Root(self._folder) as folder:
            if folder.stat("root.pem") is not None:
                return self._read(folder)
            root = make_root(await make_key("ecdsa-p256"), self._common_name, now=self._clock.now(), lifetime_s=LIFETIME_S)
            folder.write("key.pem", root.key.reveal().encode(), mode=PRIVATE)
            folder.write("root.pem", root.chain, mode=PUBLIC)
            return root

    def _read(self, folder: Root) -> Pair:
        chain = folder.read("root.pem", limit=LARGEST)
        key = Secret(folder.read("key.pem", limit=LARGEST).decode(errors="replace")) if folder.stat("key.pem") else Secret("")
        leaf = read_leaf(chain)
        if not belongs(chain, key) or leaf is None or leaf.not_after <= self._clock.now():
            hint = f"restore {self._folder}, or move it away for a new root, which must then be installed anew"
            raise Rejected("HF3156", f"cannot sign by {self._common_name}: its root has expired or is not that of its key", hint=hint)
        return Pair(chain, key)


def install_hint(root: Path) -> tuple[str, ...]:
    """Return how a root is installed so that programs of a host believe it: a line for each kind of host."""
    name = root.parent.name
    return (
        f"Debian, Ubuntu: cp {root} /usr/local/share/ca-certificates/holdfast-{name}.crt && update-ca-certificates",
        f"Fedora, RHEL: cp {root} /etc/pki/ca-trust/source/anchors/holdfast-{name}.pem && update-ca-trust",
        f"macOS: security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {root}",
        f"Firefox: Settings, Certificates, Authorities, Import: {root}",
    )
