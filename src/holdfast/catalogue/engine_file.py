"""HF312x: what the file engine could not do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3120": Explanation(
            title="Path outside the allowed folders",
            meaning="A File has an absolute path that lies beneath none of the folders which this host allows. Nothing was touched.",
            cause="The local configuration was narrowed after the File was applied, or never allowed its folder.",
            next_step="Add the folder to file_roots in the local configuration, or write a path relative to the Application's data folder.",
        ),
        "HF3121": Explanation(
            title="Place of a File unknown",
            meaning="A File was to be looked at or removed, and neither Git nor the inventory says where it lies.",
            cause="It was asked for by an id that this installation does not know.",
            next_step="Ask for a resource that `holdfast status` lists.",
        ),
        "HF3122": Explanation(
            title="Owner cannot be given",
            meaning="A File asks for an owner other than the user that Holdfast runs as, and only root may give files away.",
            cause="Holdfast runs without root.",
            next_step="Leave `owner` out, or run Holdfast as root.",
        ),
        "HF3123": Explanation(
            title="No such owner",
            meaning="A File asks for a user or group that this host does not have.",
            cause="A typing error, or the user is created later by another tool.",
            next_step="Create the user, or name another.",
        ),
        "HF3124": Explanation(
            title="Something else is there",
            meaning="Where a File was to be new, something appeared that Holdfast did not write. It was left as it is.",
            cause="Another program, or a person, wrote the file between the look and the write.",
            next_step='Move it away, or let it be taken over with the annotation holdfast.dev/adopt: "true".',
        ),
        "HF3125": Explanation(
            title="A folder is there",
            meaning="The path of a File is a folder. A folder is never removed to make place for a File, nor instead of one.",
            cause="The path was mistyped, or something made a folder of that name.",
            next_step="Move the folder away, or choose another path.",
        ),
    }
)
