"""HF3021 to HF3079: what the process engine could not do, and as whom programs run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3028": Explanation(
            title="No keeper could be had",
            meaning="The process that holds the children and sockets of this host is gone, and no successor came up in time.",
            cause="The keeper was killed and cannot be started again: the run directory is not writable, or the machine is out of memory.",
            next_step="Read `keeper.log` in the run directory. The children go on meanwhile; it is tried again by itself.",
        ),
        "HF3029": Explanation(
            title="The keeper is too old to confine a process",
            meaning="A process is to have port rules or a network of its own, and the keeper that runs knows neither.",
            cause="The keeper was started by an earlier Holdfast and outlived it, as it should.",
            next_step="Take the Applications of this state folder down once (`holdfast down`); the next `up` starts a keeper that knows.",
        ),
        "HF3021": Explanation(
            title="A candidate could not be started",
            meaning="A new instance of a process never ran: its program could not be executed, or what it asks of this host is not there.",
            cause="The program is not installed or not on the configured PATH, the working folder is missing, or a secret is.",
            next_step="Mend what the message names. What served before goes on serving.",
        ),
        "HF3022": Explanation(
            title="A candidate ended before it was ready",
            meaning="A new instance of a process started and ended by itself before it was ready to serve.",
            cause="The program crashed, mostly on its configuration or on something that it needs; its last lines are shown.",
            next_step="Read the lines, mend the program or its configuration, and commit. What served before goes on serving.",
        ),
        "HF3023": Explanation(
            title="A candidate was not ready in time",
            meaning="A new instance of a process runs, but was not ready before its progress deadline.",
            cause="It starts slowly, waits for something, or its readiness probe asks for what it does not answer.",
            next_step="Look at the probe's answer in the message and at the logs; where it only needs longer, raise `progressDeadline`.",
        ),
        "HF3024": Explanation(
            title="There is no candidate",
            meaning="A step of a rollout asked for a new instance that is not there.",
            cause="Another operation, or a person, ended it in between.",
            next_step="Nothing: the resource is looked at and planned again.",
        ),
        "HF3025": Explanation(
            title="A process does not end",
            meaning="A process was sent SIGKILL and is still there.",
            cause="It waits inside the kernel, mostly for a disk or a network file system that does not answer.",
            next_step="Mend the device that it waits for; the process ends then.",
        ),
        "HF3026": Explanation(
            title="A process was deleted while it was to start",
            meaning="A start was under way when the same process was deleted.",
            cause="Two operations met.",
            next_step="Nothing: the resource is looked at and planned again.",
        ),
        "HF3060": Explanation(
            title="There is no such user",
            meaning="A process names a user that this host does not have.",
            cause="The user was not created here, or is spelled otherwise.",
            next_step="Create the user, or leave `user` out: then the Application gets an unprivileged one of its own.",
        ),
        "HF3061": Explanation(
            title="Only root can run programs as somebody else",
            meaning="A process names a user, and Holdfast does not run as root.",
            cause="The kernel lets only root change to another user.",
            next_step="Leave `user` out, or run Holdfast as root.",
        ),
        "HF3062": Explanation(
            title="A process may not run as root",
            meaning="The named user is root, or of root's group, and the local configuration does not allow that.",
            cause="Git may not widen what programs on this host may do; only this host's configuration can.",
            next_step="Name another user or leave `user` out; where it must be root, allow it in the configuration of this host.",
        ),
        "HF3063": Explanation(
            title="No uid is left",
            meaning="Each Application gets a uid of its own from a configured range, and every one is taken.",
            cause="The range is smaller than the number of Applications that ever ran here, or users of this host lie in it.",
            next_step="Widen `uid_range` in the configuration of this host.",
        ),
    }
)
