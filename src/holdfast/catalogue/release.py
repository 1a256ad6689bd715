"""HF405x: what a release could not become. (The block HF40xx of sources is in `source`.)"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF4050": Explanation(
            title="A name makes no folder",
            meaning="Releases and data folders are named by the Application and the release id; one of them is no plain name.",
            cause="The Application's name holds a slash, begins with a dot, or is longer than 200 characters.",
            next_step="Give the Application a name of letters, digits, '-', '_' and '.'.",
        ),
        "HF4051": Explanation(
            title="A release was not exported",
            meaning="A release was to be prepared, but its files are not there.",
            cause="Somebody removed the folder between the export and the preparation.",
            next_step="Nothing needs to be done: it is exported again with the next try.",
        ),
        "HF4052": Explanation(
            title="A prepare command failed",
            meaning="The command that makes a release ready (`npm ci`, say) ended with an error. The half release was removed.",
            cause="The command itself says in its last lines; a missing lock file, an unreachable registry or a wrong path are usual.",
            next_step="Read its last lines, mend the cause and commit. What ran before goes on running meanwhile.",
        ),
        "HF4053": Explanation(
            title="A prepare command took too long",
            meaning="The command that makes a release ready was stopped at its time limit. The half release was removed.",
            cause="It waits for something that does not answer, or it asks a question that nobody can answer.",
            next_step="Read its last lines; let it run without questions, or give it more time in the Process that asks for it.",
        ),
        "HF4054": Explanation(
            title="No folder to prepare in",
            meaning="The working directory of a prepare command is not a folder of the release.",
            cause="It is misspelt, outside the Application's path, or reached through a link.",
            next_step="Name a folder that is in Git beneath the Application's path.",
        ),
    }
)
