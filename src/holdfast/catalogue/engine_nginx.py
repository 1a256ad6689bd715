"""HF318x, HF319x: what the nginx engine could not do, and what a visit of a web site met."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3180": Explanation(
            title="No nginx",
            meaning="This host has no nginx that can be run, or the program of that name is something else.",
            cause="It is not installed, or lies outside the configured PATH and the folders of system programs.",
            next_step="Install it (Debian: apt-get install nginx-light). Sites wait until it is there.",
        ),
        "HF3181": Explanation(
            title="nginx refuses a configuration",
            meaning="`nginx -t` did not take what was rendered. Nothing was changed; the configuration before serves on.",
            cause="A value that only nginx itself can judge, or a file that it cannot read. Its own words stand in the message.",
            next_step="Mend what it says in the Site that the message names, and commit.",
        ),
        "HF3182": Explanation(
            title="nginx tests too long",
            meaning="`nginx -t` did not come to an end in time. Nothing was changed.",
            cause="A name in the configuration that no resolver answers, or a host that is very busy.",
            next_step="It is tried again. Write addresses instead of names, or give the Edge resolvers.",
        ),
        "HF3183": Explanation(
            title="The reload was refused",
            meaning="The test passed, and the running master refused the same configuration. The one before serves on.",
            cause="What no test sees: a port that another program holds, or a shared zone that would change its kind.",
            next_step="Free what the message names. `holdfast events` has all that nginx wrote.",
        ),
        "HF3184": Explanation(
            title="New workers did not answer",
            meaning="After a reload no new worker answered in time on the private socket. It went back to the configuration before.",
            cause="A host that is out of memory or processor time, or a configuration that is very large.",
            next_step="Look at the load of the host and at the error log of nginx. It is tried again.",
        ),
        "HF3185": Explanation(
            title="nginx cannot be started",
            meaning="The master ended while it started, or had ended when it was to be told something.",
            cause="A port that another program holds, a file that is gone; its own words stand in the message.",
            next_step="Mend what it says; it is tried again by itself.",
        ),
        "HF3186": Explanation(
            title="A change was not seen from outside",
            meaning="nginx took the configuration, and a visitor saw something else than it says. It went back to the one before.",
            cause="Another program answers on the port, the application behind began to fail, or another certificate is shown.",
            next_step="Visit the address in the message, and look at what the Site passes requests on to.",
        ),
        "HF3187": Explanation(
            title="A certificate is not there",
            meaning="A Site is to show a certificate that lies nowhere. The Site stays at its last good version.",
            cause="The Certificate could not be made, or is declared by nobody.",
            next_step="Look at the Certificate with `holdfast status`.",
        ),
        "HF3188": Explanation(
            title="The system's nginx is not as expected",
            meaning="An nginx of the system was to be used, and it does not run, or does not include the agreed folder.",
            cause="It was stopped, or its main file has no include of that folder within http.",
            next_step="Start it, and write the include that the message names into its main file.",
        ),
        "HF3189": Explanation(
            title="The nginx engine is not running",
            meaning="A change came while the engine was being started or ended. Nothing was changed.",
            cause="The daemon is just starting or stopping.",
            next_step="Nothing: it is tried again.",
        ),
        "HF3190": Explanation(
            title="A web site does not answer",
            meaning="A visit from outside met nobody, or somebody who speaks neither TLS nor HTTP.",
            cause="nginx does not run, the port is closed or another program's, or the host is refused.",
            next_step="Visit the address in the message.",
        ),
        "HF3191": Explanation(
            title="A web site does not answer in time",
            meaning="A visit from outside got no answer within the time limit.",
            cause="The application behind is slow, or the host is busy.",
            next_step="Look at the application behind the address in the message.",
        ),
        "HF3192": Explanation(
            title="A challenge without a plain token",
            meaning="An issuer asked for a challenge to be answered under a name that cannot be the name of a file.",
            cause="The issuer does not keep to RFC 8555.",
            next_step="Ask another issuer.",
        ),
    }
)
