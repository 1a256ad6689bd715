"""A server of TLS that accepts, reads, and never says farewell."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

from holdfast.engines.acme.pair import make_key, self_signed

WAIT_S = 20.0


class Silent:
    """A server of TLS that reads what comes and answers nothing, not even a farewell; at most it begins an answer with `said`."""

    def __init__(self, folder: Path, said: bytes = b"") -> None:
        made = self_signed(
            asyncio.run(make_key("ecdsa-p256")), ("127.0.0.1",), now=time.time(), lifetime_s=3600.0, common_name="Nobody's CA"
        )
        (folder / "chain.pem").write_bytes(made.chain)
        (folder / "key.pem").write_text(made.key.reveal())
        self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._trust.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        self._said = said
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.was_asked = threading.Event()
        self.is_over = threading.Event()
        self.port: int = self._listening.getsockname()[1]
        self.authority = made.chain
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            plain, _ = self._listening.accept()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            spoken = self._trust.wrap_bio(incoming, outgoing, server_side=True)
            with plain:
                has_shaken_hands = False
                while data := plain.recv(65536):
                    incoming.write(data)
                    with suppress(ssl.SSLWantReadError):
                        if not has_shaken_hands:
                            spoken.do_handshake()
                            has_shaken_hands = True
                        if spoken.read():
                            spoken.write(self._said) if self._said else None
                            self.was_asked.set()
                    plain.sendall(outgoing.read())
        self.is_over.set()

    def close(self) -> None:
        self._listening.close()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
