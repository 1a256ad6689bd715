"""`holdfast certificate list`."""

from __future__ import annotations

import click

from holdfast.cli.call import Call
from holdfast.cli.certificate_text import list_lines
from holdfast.cli.page import application, page


@page(
    "certificate list",
    document="Certificates",
    examples=(
        ("holdfast certificate list", "Every certificate of this host."),
        ("holdfast certificate list shop --json", "Those of one Application: serial, names, dates, chain, issuer, next renewal."),
    ),
    exits={75: "no daemon answers"},
    see=("certificate renew", "certificate root", "status"),
)
@application(is_required=False)
@click.pass_obj
def command(call: Call, application: str | None) -> int:
    """Show every certificate: its hosts, who gave it, when it expires and when it is renewed, and what is wrong with it.

    What is wrong is told in words: drift (missing, unreadable, replaced, key mismatch, wrong names), what an issuer still owes, and the
    last words of the issuers that failed. Needs a running daemon.

    Document: Certificates {certificates[] {id, application, hosts[], source, issuer, issuers[], serial, names[], not_before, not_after,
    signed_by, key, chain, renew_at, next_at, window, message, failing_since, is_taken_over, drift[], awaited}, authorities[] {issuer, root,
    is_made, install[]}}; instants are seconds since 1970.
    """
    document = call.client.get("/v1/certificates", application=application)
    data, terminal = document["data"], call.terminal
    terminal.answer("Certificates", data, lambda: list_lines(data, call.now(), terminal.ink, terminal.width), document["warnings"])
    return 0
