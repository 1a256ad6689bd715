"""HF32xx: what a Docker Engine could not do, or could not be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3200": Explanation(
            title="No address of a Docker host",
            meaning="destination.server names a Docker host in a form that cannot be read. Nothing was asked.",
            cause="A path that is not absolute, a port that is none, or a user before a host of tcp://.",
            next_step="Write unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host.",
        ),
        "HF3201": Explanation(
            title="Docker Engine unreachable",
            meaning="Nobody answered at the address of a Docker host. What runs there is unknown, so nothing there is changed.",
            cause="The engine is stopped or starts anew, the host is down, or ssh could not log in; the message has the reason.",
            next_step="Start the engine (systemctl start docker) or mend the way to it. It is asked again by itself.",
        ),
        "HF3202": Explanation(
            title="Docker Engine too old or too new",
            meaning="The engine and Holdfast have no version of the API in common. Nothing was changed.",
            cause="An engine before 20.10 (API 1.41), or one that no longer speaks what is known here.",
            next_step="Update the engine, or Holdfast; `docker version` says what the engine speaks.",
        ),
        "HF3203": Explanation(
            title="Docker Engine refuses",
            meaning="The engine understood a request and said no. Its own words are in the message; what was there goes on.",
            cause="A value that only the engine can judge, such as a runtime, a driver or an option that it does not have.",
            next_step="Mend the field that the message names, and commit.",
        ),
        "HF3204": Explanation(
            title="Changed meanwhile at the Docker host",
            meaning="What a request was about changed while it was asked.",
            cause="Somebody else worked on the same container, network or volume.",
            next_step="Nothing: it is looked at again, and tried once more.",
        ),
        "HF3205": Explanation(
            title="Not there at the Docker host",
            meaning="The engine has no container, network or volume of that name any more.",
            cause="Somebody removed it, or it is external and was never made.",
            next_step="Make it, where it is external; what is ours is made anew by itself.",
        ),
        "HF3206": Explanation(
            title="Image not found",
            meaning="Neither the Docker host nor the registry has the image. What ran before goes on.",
            cause="A typing error in name, tag or platform, an image that was not pushed, or a registry that this host does not reach.",
            next_step="Correct the name and commit, or push the image.",
        ),
        "HF3207": Explanation(
            title="Registry refuses",
            meaning="The registry did not give the image out: who asked is not known there, or not allowed. What ran before goes on.",
            cause="Wrong or missing credentials, or a private image whose name is mistyped; registries do not tell the two apart.",
            next_step="Check the name, and `docker login` as the user that Holdfast runs as.",
        ),
        "HF3208": Explanation(
            title="Port taken",
            meaning="A port of the host that a container publishes is somebody else's; the message says whose where that can be seen.",
            cause="Another container, or a program of the host, listens there.",
            next_step="Stop the other one, or publish another port.",
        ),
        "HF3209": Explanation(
            title="In use at the Docker host",
            meaning="A network or volume cannot be removed, because containers still use it. It was left as it is.",
            cause="Containers that are not declared here are on it.",
            next_step="Remove or disconnect them; the message names them.",
        ),
        "HF3210": Explanation(
            title="Disk of the Docker host full",
            meaning="The engine has no space left. What runs goes on; nothing new is made.",
            cause="Images, volumes or logs filled the disk.",
            next_step="Free space: `docker system df` says what takes it. It is tried again by itself.",
        ),
        "HF3211": Explanation(
            title="Container name taken",
            meaning="A container of that name is there and is not ours. It was left as it is.",
            cause="Somebody made it by hand, or another project uses the same name.",
            next_step="Remove or rename it, name yours otherwise, or let it be taken over by the annotation holdfast.dev/adopt.",
        ),
        "HF3212": Explanation(
            title="Docker Engine does not answer in time",
            meaning="The answer to a request did not come. Whether it was carried out is looked at before anything is tried again.",
            cause="A host under heavy load, a hanging storage driver, or a slow way to it.",
            next_step="Look at the load of the Docker host. It is tried again by itself.",
        ),
        "HF3214": Explanation(
            title="Docker socket not allowed",
            meaning="The socket of the Docker Engine is there and this user may not use it.",
            cause="Holdfast runs as a user that is neither root nor in the group of the socket.",
            next_step="Run it as root, or add its user to the group; whoever may use the socket is root of that host.",
        ),
        "HF3215": Explanation(
            title="Answer of the Docker Engine unreadable",
            meaning="Something answered at the address of a Docker host, and not as a Docker Engine does.",
            cause="Another program listens there, or a proxy stands between.",
            next_step="Check destination.server.",
        ),
        "HF3216": Explanation(
            title="Certificates of a Docker host unusable",
            meaning="TLS with a Docker host is configured, and the certificates for it cannot be read.",
            cause="The folder lacks ca.pem, or cert.pem and key.pem do not belong together.",
            next_step="Put Docker's ca.pem, cert.pem and key.pem into the folder that the local configuration names.",
        ),
        "HF3217": Explanation(
            title="Mount not possible",
            meaning="A container is to see files that cannot be shown to it. Nothing was started.",
            cause="Files of a release or data folder lie on the host of Holdfast, and the Docker host is another; or a link is there.",
            next_step="Put the files into the image, or run Holdfast on the Docker host.",
        ),
        "HF3218": Explanation(
            title="Name unknown at the Docker host",
            meaning="A container names a Network, Volume or File of which nothing is known. Nothing was started.",
            cause="It is declared in no file of the Application.",
            next_step="Declare it, or correct the name.",
        ),
        "HF3220": Explanation(
            title="Newcomer ended",
            meaning="A new container ended, or failed its health check, before it was ready. What served before goes on.",
            cause="A defect of the new revision; the message has the last line that it wrote, the event the last twenty.",
            next_step="Look at the container, which is kept, stopped, until the next one comes; then mend and commit.",
        ),
        "HF3221": Explanation(
            title="Newcomer not ready in time",
            meaning="A new container runs and did not become healthy by its deadline. What served before goes on.",
            cause="It waits for something, starts slowly, or its health check asks for the wrong thing.",
            next_step="Look at its logs; raise progressDeadline where it needs longer.",
        ),
        "HF3222": Explanation(
            title="No newcomer",
            meaning="A rollout went on with a container that is not there any more.",
            cause="Somebody removed it, or Holdfast was started anew in between.",
            next_step="Nothing: it is looked at and planned again.",
        ),
        "HF3223": Explanation(
            title="Image not built",
            meaning="The build of an image failed. What served before goes on.",
            cause="A step of the Dockerfile ended with an error, or names what is not there; the message has the step and its last lines.",
            next_step="Mend the Dockerfile, or what it copies, and commit.",
        ),
        "HF3224": Explanation(
            title="Files of a build not at hand",
            meaning="An image must be built again, as it was removed from the host, and the commit that has its files is not at hand.",
            cause="Git moved on, and Holdfast was started anew since.",
            next_step="Commit again, or bring the image to the Docker host: `docker load`.",
        ),
    }
)
