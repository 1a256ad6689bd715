"""HF8028 to HF8034: the commands for the edge and for nginx files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF8028": Explanation(
            title="An nginx file cannot be opened",
            meaning="A file that was named, or that a file includes, is not there, is no file, or may not be read.",
            cause="A typing error, or files of root that another user asks for.",
            next_step="Name the file as it is seen from the folder the command runs in, or run it as a user that may read it.",
        ),
        "HF8029": Explanation(
            title="There are no nginx files, or too many",
            meaning="A folder holds neither an nginx.conf nor a file that ends with .conf, or there are more files than are read at once.",
            cause="Another folder was meant.",
            next_step="Name the folder that holds nginx.conf, or the files themselves.",
        ),
        "HF8030": Explanation(
            title="The nginx program does not say what it can do",
            meaning="The program could not be run with -V, or it is no nginx. What it can do decides which findings hold.",
            cause="Another program was named, or it may not be run.",
            next_step="Name the nginx itself with `--capability-of`, or its version with `--nginx`.",
        ),
        "HF8031": Explanation(
            title="An imported file is there already",
            meaning="An import never overwrites a file, and one of those that it would write exists. Nothing was written.",
            cause="It was run before, or somebody wrote the file by hand.",
            next_step="Remove the file, or choose another folder with `--output`.",
        ),
        "HF8032": Explanation(
            title="An nginx file cannot be written",
            meaning="A file could not be replaced; the reason is the system's own. Files that could not be written are as they were.",
            cause="A missing permission or a full disk.",
            next_step="Run the command as a user that may write the file, or copy the files and work on the copy.",
        ),
        "HF8033": Explanation(
            title="That is no address of a web site",
            meaning="A request is asked for by an address: http or https, a host, and a path.",
            cause="A typing error.",
            next_step="Write it as a browser shows it, such as https://app.example.com/path.",
        ),
        "HF8034": Explanation(
            title="No Site is declared there",
            meaning="The edge is made of Sites, and what was named declares none.",
            cause="Another folder was meant, or the Site is not committed yet: only what is committed counts.",
            next_step="Write a resource of kind Site and commit it; `holdfast explain Site` shows its fields.",
        ),
    }
)
