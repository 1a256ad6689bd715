"""The commands by name: each is `command` in the module of its name, which is imported only when it is called.

A name of two words is a command of a group: `edge review` is in `edge_review`. Summaries are here, so that help and completion need no
module of a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SECTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Begin": {
            "demo": "See the whole story once: synced, killed, healed, deployed, rolled back",
            "init": "Look at a folder and write its Application file, or the unit of a service",
            "up": "Bring Applications up and keep them as Git says",
            "import nginx": "Turn nginx files into Sites that mend their weaknesses",
            "import docker": "Turn running containers into a compose file",
            "import argocd": "Take over the Applications and projects that Argo CD manages",
            "pin": "Write the digests of images into the files that name them",
        },
        "Ask first": {
            "render": "Show what Git says, as resources",
            "plan": "Show what would change, and why",
            "diff": "Show what would change, field by field",
        },
        "Look": {
            "status": "Show what is synced, healthy and proven, now or at a moment of the past",
            "tree": "Show which resource came of which",
            "history": "Show the operations of an Application",
            "events": "Show what happened, and follow what happens",
            "logs": "Show what processes, containers and pods write",
            "top": "Show what containers use: processor, memory, network, disk",
            "explain": "Explain an error code, a kind or a field",
        },
        "Act": {
            "exec": "Run a command in a container",
            "action list": "Show what may be done to an object of a cluster",
            "action run": "Do an action of an object of a cluster: restart, scale, a user's own",
            "sync": "Bring an Application to what Git says, now",
            "rollback": "Bring an Application back to an earlier revision, and pin it there",
            "suspend": "Leave an Application alone until it is resumed",
            "resume": "Let a suspended or pinned Application follow Git again",
            "down": "Remove all that an Application has",
        },
        "The edge": {
            "edge status": "Show each Site: what serves, its certificate, who is behind it, and drift",
            "edge test": "Test what Git says with the nginx of this host, and visit what is served",
            "edge maintenance": "Put a page in the place of a Site, or take it away, without a reload",
            "edge pause": "Let the requests of a Site wait, or go on, without a reload",
            "edge review": "Look for weaknesses in nginx files, and mend them",
            "edge explain": "Show what a request would meet: server, location, upstream, headers, guards",
            "edge diff": "Show what requests would meet differently in two configurations",
            "edge render": "Show the nginx configuration that Sites make",
            "edge fmt": "Put nginx files into one form",
            "certificate list": "Show certificates: until when, by whom, and when each is renewed",
            "certificate renew": "Renew a certificate now, or only rehearse it",
            "certificate revoke": "Replace a certificate and have the old one revoked",
            "certificate take-over": "Renew what certbot has renewed until now",
            "certificate root": "Show how the root of a local authority is installed",
        },
        "This installation": {
            "doctor": "Look for what is missing or wrong on this host",
            "config": "Show settings, and which place set them",
            "completion": "Print the completion script of a shell",
            "version": "Show the version, and the daemon's",
        },
    }
)
COMMANDS: Mapping[str, str] = MappingProxyType({name: summary for section in SECTIONS.values() for name, summary in section.items()})
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "action": "Act on objects of a cluster",
        "edge": "Work with the edge: the nginx of this host, and nginx files",
        "certificate": "Look at certificates, renew and revoke them",
        "import": "Turn the files of other tools into Holdfast's kinds",
    }
)
"""First words of commands of two words."""


def module_of(name: str) -> str:
    """Return the module that holds a command."""
    return f"holdfast.cli.{name.replace(' ', '_').replace('-', '_')}"
