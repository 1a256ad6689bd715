"""HF14xx: compose files, and containers that Git may not run as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1450": Explanation(
            title="An ImagePolicy cannot be followed",
            meaning="A field of an ImagePolicy says something that no tag can be chosen or committed by; the message names it.",
            cause="A typing error in the image, the range, the pattern or the message, or two ways to choose at once.",
            next_step="Mend the field; `holdfast explain ImagePolicy` shows what may stand there.",
        ),
        "HF1401": Explanation(
            title="Line of an env file not understood",
            meaning="A line of .env or of an env_file is not NAME=value.",
            cause="A name with other characters, a quote that is never closed, or a dollar that begins no variable.",
            next_step="Mend the line; its value is not shown because it may be a secret. A dollar that is meant is written $$.",
        ),
        "HF1402": Explanation(
            title="Variable not readable",
            meaning="A value of a compose file has a ${…} that is none, or that makes the value too long.",
            cause="A typing error, a brace that is never closed, or a dollar that was meant as such.",
            next_step="Mend it, or write $$ for a dollar.",
        ),
        "HF1403": Explanation(
            title="Required variable not set",
            meaning="A value asks for a variable that must be set, and .env does not set it.",
            cause="The file was written for a shell that sets it. The environment of the daemon is never read.",
            next_step="Set it in .env beside the compose file, or give a default as ${NAME:-value}.",
        ),
        "HF1404": Explanation(
            title="File not there",
            meaning="A compose file names another file that the Application's path does not hold.",
            cause="A typing error, a file that is not committed, or one outside the Application's path or on another machine.",
            next_step="Commit the file below the Application's path, or choose a path that holds both.",
        ),
        "HF1405": Explanation(
            title="Files include each other",
            meaning="Files that include or extend each other form a ring, or too long a row.",
            cause="An include that leads back.",
            next_step="Remove one of the includes.",
        ),
        "HF1406": Explanation(
            title="Declared here and in an included file",
            meaning="A file declares something under a name that a file it includes declares otherwise.",
            cause="Two projects use one name.",
            next_step="Rename one of the two, or put the change into an override file.",
        ),
        "HF1407": Explanation(
            title="Services extend each other",
            meaning="A service extends itself, through others.",
            cause="An extends that leads back.",
            next_step="Remove one of the extends.",
        ),
        "HF1408": Explanation(
            title="Extended service not there",
            meaning="A service extends one that the named file does not declare.",
            cause="A typing error, or the wrong file.",
            next_step="Check service and file of extends.",
        ),
        "HF1409": Explanation(
            title="Nothing to run",
            meaning="A compose file declares nothing, or a project has no name.",
            cause="The file is empty, or was not finished.",
            next_step="Write services: with what is to run.",
        ),
        "HF1410": Explanation(
            title="Value not understood",
            meaning="A field of a compose file has a value that compose would not take either.",
            cause="A typing error, or a value of another kind.",
            next_step="Write what is expected at the place that is shown.",
        ),
        "HF1411": Explanation(
            title="Unknown field of compose",
            meaning="A compose file has a field that the specification does not know.",
            cause="A typing error, a wrong indentation, or another tool's own field.",
            next_step="Take the suggestion; or begin its name with x-, which keeps it and means nothing.",
        ),
        "HF1412": Explanation(
            title="Field of compose missing",
            meaning="A mapping of a compose file lacks a field that it cannot do without.",
            cause="It was not finished.",
            next_step="Add the field that is named.",
        ),
        "HF1413": Explanation(
            title="Fields that exclude each other",
            meaning="A compose file says one thing in two ways, or two things of which only one can be.",
            cause="An old and a new name of one field, or a change that was added and not exchanged.",
            next_step="Keep one of the two.",
        ),
        "HF1414": Explanation(
            title="Too much of too little",
            meaning="A compose file says little and means far more than a host could run.",
            cause="Services that extend large ones many times, wide ranges of ports, or huge env files for many services.",
            next_step="Split the project, or write less.",
        ),
        "HF1420": Explanation(
            title="Nothing to run in a service",
            meaning="A service names neither an image nor a build.",
            cause="It was not finished, or an override file is read alone.",
            next_step="Write image: with what is to run.",
        ),
        "HF1421": Explanation(
            title="Unknown name in a service",
            meaning="A service uses a network, volume, secret, config or service that is not declared or that no profile runs.",
            cause="A typing error, or a declaration that is missing.",
            next_step="Take the suggestion, declare it, or activate its profile.",
        ),
        "HF1422": Explanation(
            title="Ring of services",
            meaning="Services need each other, so that none can start first.",
            cause="depends_on, links or a shared namespace leads back.",
            next_step="Remove one of these needs.",
        ),
        "HF1423": Explanation(
            title="Two want the same",
            meaning="Two services publish one port of the host or have one container name, or two mounts one target.",
            cause="An entry was copied.",
            next_step="Change one of the two.",
        ),
        "HF1430": Explanation(
            title="No Docker host",
            meaning="Containers are declared for a destination that is no Docker host.",
            cause="The Application's destination is this host without Docker (host://local), which is the default.",
            next_step="Write destination.server: unix:///var/run/docker.sock; or run programs as Process, Procfile or PM2.",
        ),
        "HF1431": Explanation(
            title="Deadline not readable",
            meaning="The annotation holdfast.dev/progress-deadline of the Application is no duration.",
            cause="A unit is missing.",
            next_step='Write a duration: "90s".',
        ),
        "HF1432": Explanation(
            title="Two names become one",
            meaning="Two services, networks or volumes have names that differ only in what a name here cannot hold.",
            cause="Names here are lower case, with '-' for anything else.",
            next_step="Rename one of the two.",
        ),
        "HF1433": Explanation(
            title="Field cannot be honoured",
            meaning="A field of a compose file changes what runs, and nothing here can do it.",
            cause="It needs a swarm, a model runner or another program.",
            next_step="Remove it, and declare what it would have provided.",
        ),
        "HF1434": Explanation(
            title="Process at a Docker host",
            meaning="A Process is declared for a destination that runs containers only.",
            cause="A Procfile, an ecosystem file or a Process stands in an Application whose destination is a Docker host.",
            next_step="Move it to an Application whose destination is host://local, or make it a container.",
        ),
        "HF1435": Explanation(
            title="Nothing to build from",
            meaning="An image is to be built from files that are not in the repository, or not below the Application's path.",
            cause="The context or the Dockerfile is not committed, is called otherwise, or lies elsewhere; or the context is too large.",
            next_step="Commit it, correct build.context or build.dockerfile, or leave out in .dockerignore what no build needs.",
        ),
        "HF1440": Explanation(
            title="Database on a public address",
            meaning="A container publishes a database, or a Process has one listen, on an address that others reach.",
            cause="`ports` publishes on every address of the host, past its firewall (moby#22054), or a command names such an address.",
            next_step="Remove the port, or name 127.0.0.1: containers reach it over their network, people by a tunnel.",
        ),
        "HF1441": Explanation(
            title="Privileged container",
            meaning="A container asks for everything that root of the host may do.",
            cause="privileged: true.",
            next_step="Name the capabilities and devices that it needs.",
        ),
        "HF1442": Explanation(
            title="Socket of the container engine",
            meaning="A container sees the socket of Docker or another engine, which makes it root on the host.",
            cause="A mount of docker.sock or of a folder that holds it, or use_api_socket.",
            next_step="Leave it out, or put a proxy between that lets only reading through.",
        ),
        "HF1443": Explanation(
            title="Namespace of the host",
            meaning="A container shares the network, processes, IPC, host name, users or cgroups of the host.",
            cause="network_mode, pid, ipc, uts, userns_mode or cgroup is `host`, or a network stands for the host's own.",
            next_step="Publish the ports that it needs, and leave the rest out.",
        ),
        "HF1444": Explanation(
            title="Path of the host",
            meaning="A container sees a file or folder of the host that the local configuration does not allow.",
            cause="A bind of an absolute path, or a volume whose driver options make one.",
            next_step="Use a named volume or a path in the repository, or add the folder to file_roots in the local configuration.",
        ),
        "HF1445": Explanation(
            title="Power over the host",
            meaning="A container has a capability, a device or a switched-off protection that is as good as root on the host.",
            cause="cap_add, security_opt, devices or device_cgroup_rules.",
            next_step="Name something smaller, or leave it out.",
        ),
        "HF1446": Explanation(
            title="Waiver ended",
            meaning="An exception to an exposure rule counted until a day that has passed.",
            cause="Nobody reviewed it again.",
            next_step="Mend what is waived, or review it and write a new day.",
        ),
        "HF1447": Explanation(
            title="Unknown rule",
            meaning="A waiver names an exposure rule that does not exist.",
            cause="A typing error.",
            next_step="Write the code that the refusal shows, such as HF1440.",
        ),
    }
)
