"""HF1340 to HF1344: files of nginx that are served as they are."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1340": Explanation(
            title="The file of an NginxFile is not there",
            meaning="The file that is named is not below the Application's path at this revision, or it is too large.",
            cause="A typing error, or the file is not committed.",
            next_step="Name the file as it is seen from the Application's path, and commit it.",
        ),
        "HF1341": Explanation(
            title="A file of nginx says what no file may",
            meaning="Only directives are allowed that reach nothing beyond the file's own hosts: no code, no files of the host, no logs.",
            cause="The file was written for an nginx of its own, where it may do anything.",
            next_step="Leave the directive out, or declare a Site, whose fields do most of it safely.",
        ),
        "HF1342": Explanation(
            title="A file of nginx cannot be served beside others",
            meaning="Its servers need names, listen where the Edge listens, and are encrypted all or none; nginx must take the rest.",
            cause="The file sets up ports, default servers or contexts that are the Edge's.",
            next_step="Mend the place shown; `listen 80` and `listen 443 ssl` stand for the Edge's two ports.",
        ),
        "HF1343": Explanation(
            title="A host is a file's and somebody else's",
            meaning="A file of nginx has its hosts whole. Who had the host first keeps it; the other stays at its last good version.",
            cause="A host was moved from a file to a Site, or to another file, and not taken out of the first.",
            next_step="Take the host out of one of the two.",
        ),
        "HF1344": Explanation(
            title="A name in a file of nginx is taken",
            meaning="Upstreams, variables of maps and zones are known to the whole nginx, and another file has one of that name.",
            cause="Two files were copied from one, or chose the same word.",
            next_step="Call it otherwise in one of the two files.",
        ),
    }
)
