"""HF80xx: the command line and the local configuration."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF8001": Explanation(
            title="The command line is not understood",
            meaning="An option or an argument is missing, is one too many, or holds what it cannot hold. Nothing was done.",
            cause="A typing error, or an option of another command.",
            next_step="`holdfast COMMAND --help` is the page of the command, with examples.",
        ),
        "HF8002": Explanation(
            title="No such command",
            meaning="The first word is not a command of Holdfast. Nothing was done.",
            cause="A typing error, or a command of another version.",
            next_step="`holdfast --help` lists the commands.",
        ),
        "HF8003": Explanation(
            title="No daemon is running",
            meaning="The command needs a running daemon, and none answers for this state folder. What was applied goes on running.",
            cause="`holdfast up` was never started or has ended, or the daemon uses another state folder.",
            next_step="Start it with `holdfast up -f FILE`, or name its folder with `--state`; `holdfast doctor` shows which is looked at.",
        ),
        "HF8004": Explanation(
            title="The daemon's answer broke off",
            meaning="The daemon was reached, and then it went away, took too long, or said something that is not understood.",
            cause="It was stopped or restarted meanwhile, or it is of another version.",
            next_step="What was begun there goes on: `holdfast status` and `holdfast history NAME` show how it stands. Then try again.",
        ),
        "HF8005": Explanation(
            title="The configuration cannot be read",
            meaning="A configuration file is not readable or not YAML as it should be, or several settings are wrong; each is shown.",
            cause="A typing error in `holdfast.yaml`, or a file of another user.",
            next_step="Mend the places shown. `holdfast config path` says which files are read.",
        ),
        "HF8006": Explanation(
            title="No such setting",
            meaning="A file or a command names a setting that does not exist.",
            cause="A typing error, or a setting of another version.",
            next_step="`holdfast config list` shows every setting.",
        ),
        "HF8007": Explanation(
            title="A setting holds what it cannot hold",
            meaning="The value of a setting is not of its kind: a duration, a share, an absolute path and so on.",
            cause="A typing error in a file, a variable `HOLDFAST_…` or a flag; the message says which.",
            next_step="`holdfast config explain KEY` says what it takes.",
        ),
        "HF8008": Explanation(
            title="Nothing of that name to explain",
            meaning="The word is neither a code of the catalogue nor a kind of resource, or the kind has no such field.",
            cause="A typing error, or a code of another version.",
            next_step="`holdfast explain` lists every code and every kind.",
        ),
        "HF8009": Explanation(
            title="A time is not understood",
            meaning="A moment is written as ISO 8601, local where it names no zone, or as a duration ago; it lies between 1970 and now.",
            cause="Another notation, or a moment that is yet to come.",
            next_step="Write 2026-08-03T14:00, 2026-08-03T14:00:05+02:00, or 10m for ten minutes ago.",
        ),
        "HF8010": Explanation(
            title="The file is there already",
            meaning="`init` never overwrites a file, and this one exists.",
            cause="It was run before, or somebody wrote the file by hand.",
            next_step="Keep the file, remove it, or choose another place with `--output`.",
        ),
        "HF8011": Explanation(
            title="Interrupted",
            meaning="Ctrl-C was pressed while the command waited. What the daemon was asked to do goes on there.",
            cause="A person, or the terminal, sent SIGINT.",
            next_step="`holdfast status` shows how things stand.",
        ),
        "HF8012": Explanation(
            title="Not confirmed",
            meaning="The command would have removed or revoked what it named, asked for a yes and got none. Nothing was done.",
            cause="Anything but y was answered.",
            next_step="Answer y, or give `--yes`.",
        ),
        "HF8013": Explanation(
            title="A file cannot be written",
            meaning="The file that `init` was to write could not be made; the reason is the system's own.",
            cause="A missing folder, a missing permission or a full disk.",
            next_step="Choose another place with `--output`, or mend what the reason says.",
        ),
        "HF8014": Explanation(
            title="The daemon is another user's",
            meaning="The socket of this state folder may be used by the daemon's user and root only.",
            cause="The command was run as another user than the daemon.",
            next_step="Run it as that user, or name your own daemon's folder with `--state`.",
        ),
        "HF8015": Explanation(
            title="Nothing to write an Application for",
            meaning="`init` looked at a folder and found nothing that it could run, or no Git repository around it.",
            cause="There is no Procfile, ecosystem file, start script or resource of Holdfast's kinds, or the folder is not under Git.",
            next_step="Write a Procfile with a line such as `web: ./server`, commit it, and run `holdfast init` again.",
        ),
    }
)
