"""HF13xx: the edge: reading nginx files, Sites, certificates and the configuration that joins them."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = {
    "HF1300": Explanation(
        title="An nginx file cannot be read",
        meaning="The file breaks the syntax of nginx at the place shown; nginx would not start with it.",
        cause="A semicolon, brace or quote is missing, or stands where none belongs.",
        next_step="Mend the file at the place shown.",
    ),
    "HF1301": Explanation(
        title="An nginx file is too large",
        meaning="The file has more bytes, or blocks nested deeper, than is read.",
        cause="It was generated without end, or it is no configuration.",
        next_step="Split it into files that include each other, or name the right file.",
    ),
    "HF1310": Explanation(
        title="It is not clear what answers",
        meaning="Exactly one of service, targets, static, redirect and respond says what answers a path; here none does, or several do.",
        cause="A field is missing, or two were written where one was meant.",
        next_step="Write one of the five, or take one away.",
    ),
    "HF1311": Explanation(
        title="A path of a Site cannot be",
        meaning="A path is malformed, stands twice, is answered by the edge itself, or has no prefix that could be stripped.",
        cause="nginx compares decoded, tidied paths: //, .., a query or %20 never match. /.holdfast and the ACME challenge are reserved.",
        next_step="Write the path as it looks decoded, or use match: regex.",
    ),
    "HF1312": Explanation(
        title="The hosts of a Site do not fit together",
        meaning="There is no host, one stands twice, or the canonical host is none of them.",
        cause="A typing error, or a host that was renamed in one place only.",
        next_step="Write the hosts it answers to, and one of them as canonicalHost.",
    ),
    "HF1313": Explanation(
        title="A guard that guards nothing",
        meaning="A limit or an access rule stands where nginx never looks at it, or lets everybody through.",
        cause="nginx answers a redirect, or by itself, before it looks at limits and access rules; 0.0.0.0/0 is everybody.",
        next_step="Guard the place the redirect leads to, or name the networks that are meant.",
    ),
    "HF1314": Explanation(
        title="Two fields of a Site do not go together",
        meaning="A field has no meaning beside another one, such as a cache for gRPC or a mirror without an application.",
        cause="Fields were combined that nginx, or the protocol, cannot combine.",
        next_step="Take one of the two away; the message names both.",
    ),
    "HF1315": Explanation(
        title="A directive is not allowed in raw",
        meaning="raw takes only directives that reach nothing beyond the site, with the arguments that nginx takes.",
        cause="The directive reads files, runs code, names other hosts, or is written by a field of the Site itself.",
        next_step="Use the field that the hint names, or leave the directive out.",
    ),
    "HF1316": Explanation(
        title="A SitePart is not written by hand",
        meaning="SitePart is what a Site becomes; only a Site may be declared.",
        cause="The kind was copied from what a plan shows.",
        next_step="Write kind: Site.",
    ),
    "HF1317": Explanation(
        title="A Certificate cannot be",
        meaning="It is for no host, names one twice, has files and an issuer, or a lifetime that no browser takes.",
        cause="A field is missing, or two were written where one was meant.",
        next_step="Mend the field at the place shown.",
    ),
    "HF1318": Explanation(
        title="An Edge cannot be",
        meaning="Its ports clash, it trusts everybody to name the client, or a duration is nothing.",
        cause="A proxy in front was described by a network that holds the whole Internet, or a port stands twice.",
        next_step="Name the proxies in front alone, and give http and https two ports.",
    ),
    "HF1319": Explanation(
        title="Clients cannot be asked for certificates",
        meaning="auth.mtls needs TLS and one authority for the whole host.",
        cause="The Site is plain HTTP, nobody says who signs, or two paths name different authorities.",
        next_step="Write auth.mtls.ca, the same for all paths of the host, or clientCa of the Edge.",
    ),
    "HF1320": Explanation(
        title="A path of a host is taken",
        meaning="Two Sites want the same path of the same host. Who holds it keeps it; the other stays at its last good version.",
        cause="A host was moved to another Application and not taken away from the first, or two teams chose one path.",
        next_step="Take the path, or the host, out of one of the two Sites.",
    ),
    "HF1321": Explanation(
        title="Two Sites of one host disagree",
        meaning="Sites may share a host with different paths, but encryption, certificate and canonical host are the whole host's.",
        cause="The second Site says otherwise than the one that holds the host.",
        next_step="Say the same in both, or give the second a host of its own.",
    ),
    "HF1322": Explanation(
        title="A certificate is not for this host",
        meaning="The Certificate that a Site names does not cover one of its hosts; browsers would refuse it.",
        cause="A host was added to the Site and not to the Certificate.",
        next_step="Add the host to the Certificate, or write certificate: auto.",
    ),
    "HF1323": Explanation(
        title="This nginx cannot do that",
        meaning="A field needs a version, a module or an OpenSSL that the nginx of this host does not have.",
        cause="The package is older or smaller than the field needs; the message names it.",
        next_step="Install a newer nginx, or leave the field out.",
    ),
    "HF1324": Explanation(
        title="A value cannot be written",
        meaning="A value holds a control character, or is longer than nginx reads as one word.",
        cause="Text was pasted with its line breaks, or a page stands where a line belongs.",
        next_step="Shorten the value; pages belong in page, which is written to a file.",
    ),
    "HF1325": Explanation(
        title="A target is the edge itself",
        meaning="A Site passes requests on to a port that the edge listens on: each would come back to it, without end.",
        cause="The port of the edge was written where the application's was meant, or both were given the same port.",
        next_step="Write the address that the application listens on, or give the Edge other ports.",
    ),
}
