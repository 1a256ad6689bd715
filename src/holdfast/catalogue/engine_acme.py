"""HF3140–3179: what the certificate engine could not do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

SERVED_ON = "What was served before is served on."

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3140": Explanation(
            title="Issuer not reached",
            meaning=f"The issuer of a certificate could not be asked, or failed inside. It is asked again. {SERVED_ON}",
            cause="The issuer is down, the network or its name is not reached from here, or its own certificate is not trusted.",
            next_step="Look at the reason; declare a second issuer. A private one needs `ca`: who signed its own certificate.",
        ),
        "HF3141": Explanation(
            title="Issuer too slow",
            meaning=f"The issuer took a request and gave no answer in time. The next try goes on with the same order. {SERVED_ON}",
            cause="The issuer is overloaded, or a firewall swallows the answers.",
            next_step="Nothing, unless it stays so; then look at the issuer's status page.",
        ),
        "HF3142": Explanation(
            title="Issuer answered nonsense",
            meaning=f"What came back is no ACME. It is asked again later. {SERVED_ON}",
            cause="The address is not that of an ACME directory, or a proxy in between answers itself.",
            next_step="Open the directory's address: it must show a JSON object with newOrder in it.",
        ),
        "HF3143": Explanation(
            title="Issuer limits us",
            meaning=f"The issuer has given this account or these names as much as it gives. It is left alone until it said. {SERVED_ON}",
            cause="Many certificates in a short time: the same names again and again, or many failures.",
            next_step="Wait; a second issuer is asked meanwhile. Try new set-ups with a dry run, which touches no limit on certificates.",
        ),
        "HF3144": Explanation(
            title="Issuer refused",
            meaning=f"The issuer understood and said no. {SERVED_ON}",
            cause="Its words are in the message: names that it does not sign, a CAA record of another issuer, a policy.",
            next_step="Do what its words say; `holdfast events` shows them all.",
        ),
        "HF3145": Explanation(
            title="Host not proven",
            meaning=f"The issuer looked for the answer that shows that a host is ours, and did not find it. {SERVED_ON}",
            cause="The host's name does not lead here, port 80 is closed or answered by somebody else, or the TXT record is not there yet.",
            next_step="Look at what the issuer saw; mend the DNS record or the firewall. It is tried again by itself.",
        ),
        "HF3146": Explanation(
            title="Issuer wants another account",
            meaning="The issuer does not take the account that this installation has, or would make.",
            cause="It asks for an external account binding, the binding is wrong, or the contact is none that it accepts.",
            next_step="Write `binding` with the identifier and the key that it gave you, or mend `contact`.",
        ),
        "HF3147": Explanation(
            title="Useless certificate",
            meaning=f"An issuer gave a certificate that cannot be served: other names, another key, a broken or expired chain. {SERVED_ON}",
            cause="A fault of the issuer or of a hook, or the clock of this host is wrong.",
            next_step="Look at the reason; for a hook, run it by hand.",
        ),
        "HF3148": Explanation(
            title="Files that do not fit",
            meaning=f"The pair of secrets that a Certificate names cannot serve its hosts. {SERVED_ON}",
            cause="The key is not that of the certificate, the chain is in the wrong order or expired, or it is for other names.",
            next_step="Store the right pair; the end certificate comes first, each followed by the one that signed it.",
        ),
        "HF3149": Explanation(
            title="Hook failed",
            meaning="A program of the local configuration, which answers by DNS or signs, did not do its work.",
            cause="Its exit code and last line are in the message.",
            next_step="Run it by hand as the daemon does: with an empty environment but PATH, and the arguments that the reference names.",
        ),
        "HF3150": Explanation(
            title="No way to prove a host",
            meaning="The issuer offers ways to prove that a host is ours, and none of them can be answered here.",
            cause="A wildcard needs DNS and the issuer has no dns hook, or nothing serves port 80.",
            next_step="Give the issuer a dns hook, or let the edge serve the host.",
        ),
        "HF3152": Explanation(
            title="Nothing of certbot fits",
            meaning="No lineage of certbot is valid for the hosts of a Certificate, or its folder cannot be read.",
            cause="It was issued for other names, has expired, or the folder is another one.",
            next_step="Look at `certbot certificates`; declare a second issuer that gives what is missing.",
        ),
        "HF3153": Explanation(
            title="Issuer cannot be used",
            meaning="An issuer is not declared (any more), or lacks something that this host must lend it.",
            cause="The Edge has changed, a hook was removed from the local configuration, or the secret `ca` is no certificate.",
            next_step="Mend what the message names.",
        ),
        "HF3154": Explanation(
            title="No such profile",
            meaning="The issuer offers no certificates of the profile that is asked for.",
            cause="A typing error, or the issuer has retired the profile.",
            next_step="Choose one of those in the hint, or leave `profile` out.",
        ),
        "HF3155": Explanation(
            title="Account key unreadable",
            meaning="The key of the account at an issuer is damaged. No new one is made by itself, since the account would be lost.",
            cause="A damaged disk, or somebody edited the file.",
            next_step="Restore it from a backup, or move it away: then a new account is registered.",
        ),
        "HF3156": Explanation(
            title="Root of the local authority unusable",
            meaning="The local authority signs nothing: its root has expired, or its key is missing or another one.",
            cause="Files were moved, or ten years have passed.",
            next_step="Restore the folder, or move it away; a new root must be installed where the old one was.",
        ),
        "HF3157": Explanation(
            title="Nothing to revoke or rehearse",
            meaning="Only an issuer that speaks ACME can be asked to revoke a certificate or to rehearse one.",
            cause="The certificate signed itself, came from files, a hook or the local authority, or is kept no longer.",
            next_step="Ask whoever signed it.",
        ),
        "HF3158": Explanation(
            title="No such Certificate",
            meaning="Something was asked of a Certificate that this installation has not applied.",
            cause="A typing error, or its Application was not synced yet.",
            next_step="`holdfast certificate list` shows what there is.",
        ),
        "HF3159": Explanation(
            title="Something else is there",
            meaning="Where a new certificate is to lie, files lie that Holdfast did not write. They were left as they are.",
            cause="The state folder was restored without its store, or somebody put them there.",
            next_step='Move them away, or let them be taken over with the annotation holdfast.dev/adopt: "true".',
        ),
        "HF3160": Explanation(
            title="No handshake",
            meaning="A look at the certificate that visitors get failed: nobody answers there in TLS.",
            cause="nginx does not run, another program has the port, or it refuses the name.",
            next_step="`holdfast status` shows what nginx says.",
        ),
        "HF3161": Explanation(
            title="Handshake too slow",
            meaning="A look at the certificate that visitors get had no answer in time.",
            cause="The host is overloaded, or a firewall swallows the connection.",
            next_step="Look at the load of the host.",
        ),
        "HF3162": Explanation(
            title="Certificate without an issuer",
            meaning="A Certificate was to be renewed, rehearsed or taken over, and nobody is declared who could give one.",
            cause="It is a pair of files, or the only issuer is the one that it was adopted from.",
            next_step="Declare an issuer at the Edge, or renew its files.",
        ),
        "HF3163": Explanation(
            title="Not now",
            meaning=f"A certificate cannot be had at this moment, because every issuer wants to be left alone for a while. {SERVED_ON}",
            cause="Limits of the issuers, or they did not answer a moment ago.",
            next_step="Wait; it is done by itself as soon as one may be asked.",
        ),
        "HF3164": Explanation(
            title="No such reason",
            meaning="A certificate is revoked for a reason that the standard names, so that browsers know what to make of it.",
            cause="A typing error.",
            next_step="Use one of those in the hint; keyCompromise where others may know the key.",
        ),
        "HF3165": Explanation(
            title="Nothing to take over",
            meaning="Only a certificate that was adopted from certbot can be taken over.",
            cause="It was taken over before, or is ours from the start.",
            next_step="Nothing.",
        ),
    }
)
