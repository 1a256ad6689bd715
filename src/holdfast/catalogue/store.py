"""HF50xx: what Holdfast could not remember, or not read back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF5001": Explanation(
            title="The disk is full",
            meaning=(
                "What happened could not be written down. No new operation starts; what runs is supervised and probed as before, "
                "and events wait in memory until there is room."
            ),
            cause="The file system of the state directory has no room left, or a quota is used up.",
            next_step="Free some room. Nothing needs to be restarted: the store is tried again by itself.",
        ),
        "HF5002": Explanation(
            title="The store cannot be read or written",
            meaning="The operating system refused a read or a write of the store's file.",
            cause="The file system is read-only or failing, or the file's permissions changed.",
            next_step="Look at the kernel's log and at the permissions of the file that the message names; it is tried again by itself.",
        ),
        "HF5003": Explanation(
            title="The store is corrupt",
            meaning="The store's file is not what Holdfast wrote. It is never replaced silently: what is ours stands in it.",
            cause="A failing disk, a file copied while it was written, or a part of it that was removed.",
            next_step=(
                "Run `holdfast doctor`. Put back a copy of the whole store directory, or move the directory away: then what runs is "
                "seen as not ours, and is adopted only where its policy allows."
            ),
        ),
        "HF5004": Explanation(
            title="The store is newer than this Holdfast",
            meaning="A newer version has upgraded the store; this one does not know what it means.",
            cause="Holdfast was downgraded, or two versions share a state directory.",
            next_step="Install the newer version again, or put back the copy that the upgrade left beside the store.",
        ),
        "HF5005": Explanation(
            title="The store is held by another process",
            meaning="Another process kept the store's file locked for longer than Holdfast waits.",
            cause="A second daemon, or a person's `sqlite3` with an open transaction.",
            next_step="End the other process, or its transaction; it is tried again by itself.",
        ),
        "HF5006": Explanation(
            title="The store is closed",
            meaning="Something was to be written or read after the store was closed.",
            cause="Holdfast is going down.",
            next_step="Nothing; after the next start everything is observed again.",
        ),
        "HF5007": Explanation(
            title="That moment is no longer remembered",
            meaning="Events are kept for a time (90 days by default); before that nothing can be said.",
            cause="The instant that was asked for lies before the oldest snapshot.",
            next_step="Ask for a later moment; `holdfast events` shows the oldest one that is kept.",
        ),
        "HF5008": Explanation(
            title="The store is older than this Holdfast",
            meaning="It was written by an older version, and who only reads it does not upgrade it.",
            cause="Holdfast was upgraded, and its daemon has not run since.",
            next_step="Start the daemon once (`holdfast up`): it upgrades the store and keeps a copy of it as it was.",
        ),
        "HF5009": Explanation(
            title="There is no store yet",
            meaning="Nothing was ever remembered in this state directory.",
            cause="No daemon ever ran with it, or `--state` names another directory than the daemon's.",
            next_step="Run `holdfast up -f application.yaml`, or name the daemon's state directory with `--state`.",
        ),
    }
)
