"""`holdfast certificate take-over`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli import operation
from holdfast.cli.call import Call
from holdfast.cli.certificate_text import renewal, served_line
from holdfast.cli.page import certificate, page


@page(
    "certificate take-over",
    document="TakeOver",
    examples=(
        ("holdfast certificate renew shop --dry-run", "First: would the other issuer give it?"),
        ("holdfast certificate take-over shop", "From now on Holdfast renews it; certbot's folder stays as it is."),
    ),
    exits={
        0: "it is ours; the first renewal is done, or waits and says why",
        1: "it was not adopted from certbot, or no other issuer is declared",
        75: "no daemon answers",
    },
    see=("certificate list", "certificate renew", "import nginx"),
)
@certificate
@click.pass_obj
def command(call: Call, certificate: str) -> int:
    """Renew from now on what was adopted from certbot, by another issuer of the Edge, beginning now.

    CERTIFICATE is its id, its name, or one of its hosts. What certbot gave is served until there is a new one. Certbot's folder is never
    written: the answer says how certbot forgets it. Needs a running daemon.

    Document: TakeOver {certificate as in `list`, message (why there is no new one yet), next_step}.
    """
    asked = {"certificate": certificate}
    document = operation.work(call, call.client, "/v1/certificates/take-over", f"taking over {certificate}", **asked)
    data = document["data"]
    call.terminal.answer("TakeOver", data, lambda: _lines(data, call.now()), document["warnings"])
    return 0


def _lines(data: Mapping[str, Any], now: float) -> Iterator[str]:
    it = data["certificate"]
    if it["source"] == "adopted":
        yield f"{it['id']} is taken over, and what certbot gave is served until there is a new one: {data['message'] or renewal(it, now)}"
    else:
        yield served_line(it, now)
    yield f"next: {data['next_step']}"
