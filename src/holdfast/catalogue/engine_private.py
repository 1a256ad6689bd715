"""HF3130 to HF3139: rules and networks of this host that keep ports private."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3130": Explanation(
            title="nft cannot be run",
            meaning="The program that reads and writes the rules of nftables could not be started.",
            cause="The package nftables was removed, or PATH in the local configuration does not lead to it.",
            next_step="Install nftables. Rules that stand go on standing; whether they do is unknown until then.",
        ),
        "HF3131": Explanation(
            title="nftables refuses a change",
            meaning="The rules that close a port to users could not be written; none of them was.",
            cause="The kernel lacks a part of nf_tables, or Holdfast lost the right to change it.",
            next_step="Read what nft says. What needs the rules does not start before they stand.",
        ),
        "HF3132": Explanation(
            title="nftables does not answer",
            meaning="The rules of this host could not be listed, so nothing is known of them.",
            cause="nft hangs, may not list, or says what this Holdfast does not understand.",
            next_step="Try `nft list ruleset` as root. It is asked again by itself.",
        ),
        "HF3133": Explanation(
            title="A guard names no ports",
            meaning="A PortGuard came without the ports and users that it is made of.",
            cause="A defect: guards are derived, never written.",
            next_step="Report it with the output of `holdfast render`.",
        ),
        "HF3134": Explanation(
            title="A network namespace could not be changed",
            meaning="ip refused to make, name or remove a network namespace, or to raise its loopback.",
            cause="Something else holds its name beneath /run/netns, or the right to do so is missing.",
            next_step="Read what ip says, and look with `ip netns list`.",
        ),
    }
)
