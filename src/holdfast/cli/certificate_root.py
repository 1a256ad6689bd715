"""`holdfast certificate root`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.page import page
from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean


@page(
    "certificate root",
    document="Authorities",
    examples=(
        ("holdfast certificate root", "Where the root lies, and how each kind of host comes to believe it."),
        ("curl --cacert $(holdfast certificate root internal --path) https://db.internal/", "Believe it for one command."),
    ),
    exits={64: "there is no local authority of that name", 75: "no daemon answers"},
    see=("certificate list",),
)
@click.argument("issuer", required=False)
@click.option("--path", "is_path", is_flag=True, help="Print only where the root lies.")
@click.pass_obj
def command(call: Call, issuer: str | None, is_path: bool) -> int:
    """Show how the root of a local authority is installed where its certificates are to be believed.

    The root is public; its key beside it is not. ISSUER is its name at the Edge; without one all are shown. Needs a running daemon.

    Document: Authorities {authorities[] {issuer, root, is_made, install[]}}; `is_made`: it is made with the first certificate.
    """
    document = call.client.get("/v1/certificates")
    found = [each for each in document["data"]["authorities"] if issuer in (None, each["issuer"])]
    if not found:
        raise _none(issuer, [each["issuer"] for each in document["data"]["authorities"]])
    data = {"authorities": found}
    call.terminal.answer("Authorities", data, lambda: _paths(found) if is_path else _lines(found), document["warnings"])
    return 0


def _none(issuer: str | None, known: Sequence[str]) -> UsageError:
    guess = did_you_mean(issuer, known) if issuer is not None else None
    have = f"there are {', '.join(known)}" if known else "declare one at the Edge: issuers: [{name: internal, authority: {}}]"
    which = f" {issuer}" if issuer is not None else ""
    return UsageError("HF8040", f"cannot find local authority{which}: none is declared", hint=f"did you mean {guess}?" if guess else have)


def _paths(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from (each["root"] for each in found)


def _lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in found:
        yield f"issuer {each['issuer']}: {each['root']}" + ("" if each["is_made"] else " (made with its first certificate)")
        yield from (f"  {line}" for line in each["install"])
