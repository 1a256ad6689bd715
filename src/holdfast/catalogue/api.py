"""HF70xx: what the daemon's API refuses or cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF7001": Explanation(
            title="No such route",
            meaning="The API serves a fixed table of routes and refuses everything else.",
            cause="A typing error in a script, or a command line of another version than the daemon.",
            next_step="Compare `holdfast version --json` with the daemon's; restart the daemon after an upgrade.",
        ),
        "HF7002": Explanation(
            title="The daemon serves another user",
            meaning="The socket answers only the user that the daemon runs as, and root; the kernel says who asks.",
            cause="The command was run as another user.",
            next_step="Run it as the daemon's user.",
        ),
        "HF7003": Explanation(
            title="Another daemon answers there",
            meaning="One state folder has one daemon; another one is running on this one.",
            cause="`holdfast up` was started twice, or a service runs it already.",
            next_step="Use the running daemon, stop it, or give this one its own folder with `--state`.",
        ),
        "HF7004": Explanation(
            title="No such Application",
            meaning="The name is not that of an Application that this state folder knows.",
            cause="A typing error, another state folder, or an Application that was never brought up here.",
            next_step="`holdfast status` shows all that are known; `holdfast up -f FILE` brings one up.",
        ),
        "HF7005": Explanation(
            title="Malformed request",
            meaning="The daemon did not understand a field of the request, or knows no such field.",
            cause="A script that speaks to the API itself, or a command line of another version.",
            next_step="The message names the field; `holdfast version --json` tells versions.",
        ),
        "HF7006": Explanation(
            title="Request too large",
            meaning="Requests to the API are small; one of this size is refused unread.",
            cause="A defective or hostile client.",
            next_step="Send less.",
        ),
        "HF7007": Explanation(
            title="Cannot listen",
            meaning="The daemon's socket could not be made in the run folder.",
            cause="The disk is full, the folder is not writable, or the file system knows no sockets.",
            next_step="`holdfast doctor` looks at the folder; `--state` chooses another.",
        ),
        "HF7008": Explanation(
            title="The run folder is somebody else's",
            meaning="The daemon's socket is made only in a folder of its own user, so that nobody can put another in its place.",
            cause="The folder was made by another user, or a link or file stands there.",
            next_step="Remove it, run as its user, or choose another folder with `--state`.",
        ),
        "HF7009": Explanation(
            title="No such Certificate",
            meaning="A Certificate is asked for by its id, by its name, or by one of its hosts; this is none, or it means several.",
            cause="A typing error, its Application was not synced yet, or two Applications have a Certificate of one name.",
            next_step="`holdfast certificate list` shows what there is; write the whole id.",
        ),
        "HF7010": Explanation(
            title="No such Site",
            meaning="A Site is asked for by its id, by its name, or by one of its hosts; this is none that is served, or it means several.",
            cause="A typing error, its Application was not synced yet, or two Applications have a Site of one name.",
            next_step="`holdfast edge status` shows what is served; write the whole id.",
        ),
        "HF7011": Explanation(
            title="A Site is not closed by a person",
            meaning="Maintenance, or a pause, is ended by a command only where a command began it. What Git says, a commit ends.",
            cause="The Site is open, is closed in the other way, or Git has `enabled: true`.",
            next_step="`holdfast edge status` shows how each Site stands and who closed it.",
        ),
    }
)
