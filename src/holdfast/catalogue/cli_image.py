"""HF805x: the commands for images and containers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF8050": Explanation(
            title="A file that names images cannot be read",
            meaning="A file that was named is not there, may not be read, is too large, or is no YAML; or there are too many of them.",
            cause="A typing error, or a template that becomes YAML only when it is filled in.",
            next_step="Name the file as it is seen from the folder the command runs in. Templates in a folder are passed over.",
        ),
        "HF8051": Explanation(
            title="A file that names images cannot be written",
            meaning="A file could not be replaced; the reason is the system's own. Files that could not be written are as they were.",
            cause="A missing permission or a full disk.",
            next_step="Run the command as a user that may write the file.",
        ),
        "HF8052": Explanation(
            title="Images cannot be pinned",
            meaning="Several images have no digest that could be written, each for the reason that is listed. Nothing was written.",
            cause="A registry that does not answer, images that are not there, or credentials that are missing.",
            next_step="Mend what is listed and run the command again.",
        ),
        "HF8053": Explanation(
            title="No such container or project",
            meaning="The Docker host was asked, and has nothing of the name that was given. Nothing was written.",
            cause="A typing error, a container that was removed, or one that is stopped.",
            next_step="Look at `docker ps --all`; --all takes containers that are stopped, --host asks another engine.",
        ),
        "HF8055": Explanation(
            title="Logs of containers need the daemon",
            meaning="What processes write is in files; what containers write is asked of their Docker host, which the daemon does.",
            cause="No daemon runs on this state folder.",
            next_step="Start it with `holdfast up`, or ask Docker itself with `docker logs`.",
        ),
        "HF8056": Explanation(
            title="Nothing of that name runs",
            meaning="What was named is no Application, Process or Container that is known here, or nothing of it runs now.",
            cause="A typing error, a container or process that ended, or another state folder; `exec` works in containers alone.",
            next_step="Look at `holdfast status`; it shows the ids and what they do.",
        ),
        "HF8057": Explanation(
            title="Nobody saw how a command ended",
            meaning="The connection to the Docker host was lost while a command ran in a container. It may still run, or have ended.",
            cause="The engine was restarted, or the network broke.",
            next_step="Look into the container: `holdfast exec NAME ps`.",
        ),
        "HF8054": Explanation(
            title="A compose file is there already",
            meaning="An import never overwrites a file, and one of those that it would write exists. Nothing was written.",
            cause="It was run before, or somebody wrote the file by hand.",
            next_step="Remove the file, or choose another folder with --output.",
        ),
    }
)
