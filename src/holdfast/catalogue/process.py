"""HF30xx: the keeper (HF3001 to HF3019), what a Process may not say (HF3080 to HF3088), and looks from outside (HF3090 to HF3092)."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = {
    "HF3001": Explanation(
        title="The keeper does not answer",
        meaning="The process that holds the children and sockets of this host could not be reached on its socket.",
        cause="No keeper runs in this state directory, or its socket belongs to another user.",
        next_step="Start the daemon with `holdfast up`, which starts a keeper; run the command as the same user.",
    ),
    "HF3002": Explanation(
        title="The keeper cannot be started",
        meaning="No keeper was running and a new one did not come up.",
        cause="The run directory is not writable or its path exceeds the 107 bytes of a unix socket, or the Python of Holdfast is damaged.",
        next_step="Read the reason in the message and `keeper.log` in the run directory; if it is the path, choose a shorter one.",
    ),
    "HF3003": Explanation(
        title="The connection to the keeper was lost",
        meaning="The keeper ended or was killed while it was asked. The children go on; nothing is known to be lost yet.",
        cause="The keeper was killed, or the daemon did not read what it was told.",
        next_step="None: the daemon starts a successor, which adopts the children and takes their sockets back where the kernel permits.",
    ),
    "HF3004": Explanation(
        title="The keeper did not answer in time",
        meaning="The keeper is connected but did not answer a request within the limit.",
        cause="The machine is out of memory or its disk hangs, or the keeper was stopped by a signal.",
        next_step="Look at the load of the machine; the request is tried again.",
    ),
    "HF3005": Explanation(
        title="A program cannot be executed",
        meaning="The kernel refused to execute the program of a process; no process was started.",
        cause="The program is not installed, is not on the configured PATH, is not executable, or its interpreter is missing.",
        next_step="Install the program, mend `command` in Git, or widen PATH in the local configuration.",
    ),
    "HF3006": Explanation(
        title="A process cannot get what it asks of the host",
        meaning="Something failed between fork and exec: working directory, user, limit, cgroup, log file or notify socket.",
        cause="A directory is missing, an id or limit is not allowed for the user that runs Holdfast, or a path is not writable.",
        next_step="The message names the stage and the system's reason; mend the declaration or the permissions.",
    ),
    "HF3007": Explanation(
        title="An address is in use",
        meaning="A socket that a process declares cannot be held, because something else listens there.",
        cause="Another program, or another process of Holdfast, has the port or path; the message names it where it can be found out.",
        next_step="Stop the other program or declare another port.",
    ),
    "HF3008": Explanation(
        title="A held socket has another address",
        meaning="A socket is held under this key at an address that differs from the one asked for.",
        cause="The declared address of a slot changed while its old socket is still held.",
        next_step="None: it is observed and planned again, which replaces the socket.",
    ),
    "HF3009": Explanation(
        title="An address cannot be listened on",
        meaning="The kernel refused the address of a socket for a reason other than its being in use.",
        cause="A port below 1024 without the right to it, an address that this host does not have, or a path too long or not writable.",
        next_step="Declare an address that this host has and this user may use.",
    ),
    "HF3010": Explanation(
        title="The keeper does not know this child or socket",
        meaning="A spawn id or socket key was named that the keeper does not hold.",
        cause="The keeper was replaced, or the child was forgotten meanwhile.",
        next_step="None: what runs is observed again before anything is done.",
    ),
    "HF3011": Explanation(
        title="A living child cannot be forgotten",
        meaning="The record of a child may be dropped only after its exit.",
        cause="The child was taken for dead while it lives.",
        next_step="None: what runs is observed again before anything is done.",
    ),
    "HF3012": Explanation(
        title="A process cannot be signalled",
        meaning="The kernel did not allow the keeper to signal the process.",
        cause="The program changed its user (a set-user-id program) and Holdfast does not run as root.",
        next_step="Run such a program under its own service manager, or Holdfast as root.",
    ),
    "HF3013": Explanation(
        title="The running keeper speaks another version",
        meaning="The keeper was started by another version of Holdfast whose protocol this one does not speak.",
        cause="Holdfast was upgraded or downgraded while its children went on.",
        next_step="Take the children down with the version that started them, then go on with this one.",
    ),
    "HF3014": Explanation(
        title="The keeper did not understand",
        meaning="The keeper refused a request as malformed, or failed while answering it. This is a defect of Holdfast.",
        cause="A field of the request was missing or of the wrong type, or the keeper has a bug; `keeper.log` says more.",
        next_step="Report it with the message and `keeper.log` of the run directory. Children and sockets are not affected.",
    ),
    "HF3015": Explanation(
        title="The keeper is ending",
        meaning="The keeper was sent SIGTERM: it takes no new work and ends when its last child has ended.",
        cause="Somebody sent the signal, or the machine is shutting down.",
        next_step="Wait for the children to end, or stop them; the daemon then starts a new keeper.",
    ),
    "HF3016": Explanation(
        title="The keeper serves another user",
        meaning="The keeper answers only the user that it runs as.",
        cause="The command was run as another user than the daemon.",
        next_step="Run it as the user that runs Holdfast.",
    ),
    "HF3080": Explanation(
        title="Progress deadline not understood",
        meaning="The annotation holdfast.dev/progress-deadline of an Application is no duration.",
        cause="A unit is missing, or the value is not in quotes.",
        next_step='Write it as text with a unit: "90s".',
    ),
    "HF3081": Explanation(
        title="Not a stop signal",
        meaning="stop.signal of a Process names a signal that does not exist, or that nobody is asked to end with.",
        cause="A typing error, a number instead of a name, or a name without SIG.",
        next_step="Take the suggestion, or leave it out: SIGTERM is the default.",
    ),
    "HF3082": Explanation(
        title="Count out of range",
        meaning="A Process asks for fewer instances than one, for no room to replace one, or for more than a host can hold.",
        cause="A number was mistyped, or zero was meant as switched off.",
        next_step="Write a number in the range that the message names; to declare without running, write suspended: true.",
    ),
    "HF3083": Explanation(
        title="One port for several replicas",
        meaning="A Process has several replicas and each would bind the same port itself.",
        cause="`port` says that the program binds it; only one program can, unless it sets SO_REUSEPORT.",
        next_step="Declare the port below `sockets`, so that Holdfast holds it and hands it to every replica.",
    ),
    "HF3084": Explanation(
        title="A socket is not well declared",
        meaning="A socket of a Process has a name twice, a port and a path, a path out of its folder, or an impossible backlog.",
        cause="A socket was copied, or two ways of listening were joined in one.",
        next_step="Mend the socket that the message names.",
    ),
    "HF3085": Explanation(
        title="A probe is not well declared",
        meaning="A probe asks in no way or in several, asks what is not declared, or has thresholds or times that cannot be.",
        cause="Two forms were joined, or a socket was renamed.",
        next_step="Write one of http, tcp, exec, notify and log, and name a socket or port that the Process declares.",
    ),
    "HF3086": Explanation(
        title="Root is not allowed",
        meaning="A Process asks to run as root, and the local configuration of this host does not allow that.",
        cause="Power is widened only by the local configuration, never by what Git says.",
        next_step="Leave `user` out for an unprivileged user of the Application, or set allow.root in the local configuration.",
    ),
    "HF3087": Explanation(
        title="A private network cannot be so",
        meaning="What a Process or a Network says of who may come to it does not fit together.",
        cause="A level lacks what it needs (`strict` a Network), a field belongs to another level, or a probe asks where nobody reaches.",
        next_step="See [Keep a database private](../how-to/private-database.md), and mend the field that is named.",
    ),
    "HF3088": Explanation(
        title="This host cannot do that for a private network",
        meaning="A Process asks for a network namespace, and Holdfast may not make one here.",
        cause="Holdfast does not run as root, or as a root without CAP_SYS_ADMIN in a container, or iproute2 is not installed.",
        next_step="Run it as root, or write `level: private`, which needs no root and says what it cannot close.",
    ),
    "HF3090": Explanation(
        title="Nobody answers",
        meaning="A look from outside at a port, socket or address was refused or cut off.",
        cause="Nothing listens there, the program ended, or its queue of connections is full.",
        next_step="Look at the state and the log of the process; the look is repeated by itself.",
    ),
    "HF3091": Explanation(
        title="No answer in time",
        meaning="A look from outside at a port, socket or address was not answered within its time.",
        cause="The program is overloaded or stuck, or something drops the packets.",
        next_step="Look at the load and the log of the process; raise the probe's timeout where it is honestly slow.",
    ),
    "HF3092": Explanation(
        title="Nobody could look from elsewhere",
        meaning="The small program that looks at a port as another user, or from another network, came to nothing.",
        cause="The machine is out of memory or processes, or the Python of Holdfast is damaged.",
        next_step="None: it is tried again. Until then nothing is proven, and nothing is refuted.",
    ),
}
