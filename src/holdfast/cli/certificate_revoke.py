"""`holdfast certificate revoke`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli import operation
from holdfast.cli.call import Call
from holdfast.cli.certificate_text import served_line
from holdfast.cli.page import certificate, page
from holdfast.edge.revocation import COMPROMISED, REASONS, USUAL
from holdfast.errors import Refused


@page(
    "certificate revoke",
    document="Revocation",
    examples=(
        ("holdfast certificate revoke shop", "Replace it, then revoke the old one; a person at a terminal is asked first."),
        ("holdfast certificate revoke shop --reason keyCompromise --yes", "The key leaked: revoke it even if there is no new one yet."),
    ),
    exits={
        0: "the old one is revoked, and a new one is served",
        1: "refused by the issuer, or it is none that an ACME issuer gave",
        5: "not confirmed",
        75: "no daemon answers, or no issuer may be asked now",
    },
    see=("certificate list", "certificate renew", "events"),
)
@certificate
@click.option(
    "--reason",
    type=click.Choice(tuple(REASONS), case_sensitive=False),
    default=USUAL,
    show_default=True,
    help=f"Why, as RFC 5280 names it. With {COMPROMISED} nothing waits for a new one.",
)
@click.option("--yes", "-y", "is_sure", is_flag=True, help="Do not ask; without a terminal nobody is asked anyway.")
@click.pass_obj
def command(call: Call, certificate: str, reason: str, is_sure: bool) -> int:
    """Have the issuer declare a certificate invalid. A new one with a new key is served first, so that nothing revoked is ever served.

    CERTIFICATE is its id, its name, or one of its hosts. Only ACME issuers revoke. Where no new one can be had nothing is revoked, unless
    others may know the key. Needs a running daemon.

    Document: Revocation {revoked {issuer, serial, names[]}, reason, certificate as in `list`: the new one}.
    """
    if not is_sure and call.terminal.can_ask:
        call.terminal.note(f"revoking the certificate of {certificate} ({reason}); this cannot be undone")
        if not call.terminal.ask("Revoke it?"):
            raise Refused("HF8012", f"cannot revoke the certificate of {certificate}: it was not confirmed", hint="answer y, or give --yes")
    asked = {"certificate": certificate, "reason": reason}
    document = operation.work(call, call.client, "/v1/certificates/revoke", f"revoking {certificate}", **asked)
    data = document["data"]
    call.terminal.answer("Revocation", data, lambda: _lines(data, call.now()), document["warnings"])
    return 0


def _lines(data: Mapping[str, Any], now: float) -> Iterator[str]:
    gone = data["revoked"]
    yield f"revoked serial {gone['serial']} of {', '.join(gone['names'])} at {gone['issuer']} ({data['reason']})"
    yield served_line(data["certificate"], now)
