"""HF3020 and HF31xx: what the host could not do: commands, files, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3020": Explanation(
            title="A command cannot be started",
            meaning="A command that runs once, such as `prepare`, could not even begin.",
            cause="The program is not on the configured PATH, is not executable, or its folder is not there.",
            next_step="Install it, or set `path` in the local configuration: `holdfast config explain path`.",
        ),
        "HF3100": Explanation(
            title="A path is not plain",
            meaning="A path that must stay beneath a folder is absolute, too long, or holds '.', '..', an empty part or a NUL byte.",
            cause="Such a path could name a file outside the folder it belongs to, so it is refused before anything is opened.",
            next_step="Write the path relative to its folder, with plain names.",
        ),
        "HF3101": Explanation(
            title="Something stands in the way of a path",
            meaning="On the way to the file there is a symbolic link, or a file where a folder should be.",
            cause="Nothing beneath a managed folder is followed through links, so that nobody can turn a write to another place.",
            next_step="Remove the link or file that stands in the way, or name the real place.",
        ),
        "HF3102": Explanation(
            title="A file mode asks for too much",
            meaning="The mode holds the set-user-id, set-group-id or sticky bit.",
            cause="Files from Git never get a bit that lends another user's power.",
            next_step="Give a mode between 0000 and 0777.",
        ),
        "HF3103": Explanation(
            title="A file cannot be read as expected",
            meaning="The file is larger than its limit, or it is a folder, a pipe, a socket or a device.",
            cause="The content grew, or something else took the file's name.",
            next_step="Look at the path that the message names and put a plain file of the expected size there.",
        ),
        "HF3104": Explanation(
            title="The file system said no",
            meaning="A file could not be opened, written or removed; the reason is the kernel's own.",
            cause="A full disk, a missing permission, a read-only file system or a folder that is gone.",
            next_step="Mend what the reason says; then it is tried again by itself.",
        ),
        "HF3105": Explanation(
            title="A file in a release belongs to somebody else",
            meaning="While a release was sealed, a file was found that neither Holdfast nor the Application's run user owns.",
            cause="`prepare` made a hard link to a file of another user; sealing it would give that file away.",
            next_step="Let `prepare` copy files, or link only its own.",
        ),
        "HF3106": Explanation(
            title="Files cannot be watched",
            meaning="The kernel refuses another inotify instance or watch.",
            cause="The limits fs.inotify.max_user_instances or fs.inotify.max_user_watches are used up by all programs of this user.",
            next_step="Raise the limit with sysctl. Until then changes are found by polling, a little later.",
        ),
        "HF3110": Explanation(
            title="A secret is not there",
            meaning="A resource names a secret, and the local secrets directory holds no readable file of that name.",
            cause="The file was not created on this host, has another name, or is not readable by Holdfast.",
            next_step="Write the value to the file that the message names, readable by Holdfast alone; then it is tried again by itself.",
        ),
    }
)
