"""HF138x: who signs certificates, as it is declared."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1380": Explanation(
            title="Issuer without a way to sign",
            meaning="An issuer is asked in exactly one way: by ACME, by an authority of this host, by a hook, or by what certbot has.",
            cause="None of acme, authority, exec and certbot is written, or several are.",
            next_step="Write one of them; declare a second issuer for a second way.",
        ),
        "HF1381": Explanation(
            title="Issuer asked without encryption",
            meaning="Whoever sits between this host and an issuer could have certificates signed for your hosts.",
            cause="The address of an ACME directory begins with http:// and is not on this very host.",
            next_step="Write its https:// address.",
        ),
        "HF1382": Explanation(
            title="Name of an issuer is taken",
            meaning="Certificates name their issuer, so each name stands for one. `auto` and `selfSigned` have a meaning of their own.",
            cause="Two issuers have one name, or one has a name of Holdfast itself.",
            next_step="Choose another name.",
        ),
        "HF1383": Explanation(
            title="No such hook on this host",
            meaning="An issuer names a program that answers by DNS or signs itself. Which programs may be run, only the host's owner says.",
            cause="The local configuration has no hook of that name.",
            next_step="Add the hook to the local configuration of the host, or mend the name.",
        ),
        "HF1384": Explanation(
            title="No folder of certbot on this host",
            meaning="An issuer takes what certbot has, and this host does not lend the folder where that lies.",
            cause="The local configuration names no folder of certbot.",
            next_step="Name it there (usually /etc/letsencrypt), or remove the issuer.",
        ),
        "HF1385": Explanation(
            title="No such issuer",
            meaning="A Certificate names the issuer that signs it, and nobody declares one of that name.",
            cause="A typing error, or the issuer was removed.",
            next_step="Declare the issuer at the Edge, or write `auto`.",
        ),
        "HF1386": Explanation(
            title="Host that no issuer can sign for",
            meaning="A public issuer signs public names only, and a wildcard only where it is proven by DNS. Asking would fail each time.",
            cause="A wildcard without an issuer that has a dns hook, or an internal name with public issuers alone.",
            next_step="Give an issuer a dns hook, add an authority of this host, or change the host.",
        ),
    }
)
