"""`holdfast certificate renew`."""

from __future__ import annotations

import click

from holdfast.cli import operation
from holdfast.cli.call import Call
from holdfast.cli.certificate_text import renewed_lines
from holdfast.cli.page import certificate, page
from holdfast.errors import UsageError


@page(
    "certificate renew",
    document="Renewal",
    examples=(
        ("holdfast certificate renew shop", "Renew it if it is due; what failed before does not wait for its next try."),
        ("holdfast certificate renew shop.example.com --force", "Renew it whatever its age; a host says which one."),
        ("holdfast certificate renew shop --dry-run", "Prove every host to its issuer, and have nothing signed."),
    ),
    exits={
        0: "a new one is served, none is due yet, or the rehearsal went well",
        1: "an issuer refused: its words are in the message",
        75: "no daemon answers, or no issuer may be asked now",
    },
    see=("certificate list", "certificate revoke", "events"),
)
@certificate
@click.option("--force", "is_forced", is_flag=True, help="Whatever the age of the old one. Issuers limit how often.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Try everything but the signing, at the issuer's directory for tests if any.")
@click.pass_obj
def command(call: Call, certificate: str, is_forced: bool, is_dry_run: bool) -> int:
    """Renew a certificate that is due, now. Certificates are renewed by themselves: this is for whoever cannot wait.

    CERTIFICATE is its id, its name, or one of its hosts. What is served stays until there is a better one, whatever fails; it is swapped
    without a lost connection. An issuer that said when to come back is not asked before. Needs a running daemon.

    Document: Renewal {outcome renewed|kept|not_due|rehearsed, certificate as in `list`, rehearsal {issuer, directory, is_staging}|null}.
    """
    if is_forced and is_dry_run:
        raise UsageError("HF8001", "cannot read the command line: --force and --dry-run exclude each other", hint="give one of them")
    doing = f"{'rehearsing' if is_dry_run else 'renewing'} {certificate}"
    asked = {"certificate": certificate, "force": is_forced, "dry_run": is_dry_run}
    document = operation.work(call, call.client, "/v1/certificates/renew", doing, **asked)
    data = document["data"]
    call.terminal.answer("Renewal", data, lambda: renewed_lines(data, call.now()), document["warnings"])
    return 0
