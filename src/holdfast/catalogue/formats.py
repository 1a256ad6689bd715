"""HF11xx: files of other tools and of the operator that cannot be read as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1110": Explanation(
            title="A kind of a cluster",
            meaning="The path holds a Kubernetes manifest, and the Application's destination is this host.",
            cause="A manifest stands in the wrong path, or the destination is not the one that was meant.",
            next_step="Write the workload as a Process, move the file, or choose a path without manifests.",
        ),
        "HF1111": Explanation(
            title="Unknown kind",
            meaning="A document begins with an apiVersion or kind of Holdfast's that does not exist.",
            cause="A typing error, or a kind of another version.",
            next_step="Take the suggestion, or look at the list of kinds.",
        ),
        "HF1120": Explanation(
            title="Procfile line not understood",
            meaning="A line of a Procfile is not `name: command`.",
            cause="A typing error, a continued line, or another file under this name.",
            next_step="Write one process on each line; comments begin with #.",
        ),
        "HF1121": Explanation(
            title="Needs a shell",
            meaning="A command uses what only a shell does: a pipe, a list, a redirection, a substitution, a pattern.",
            cause="Commands are run without a shell, so that nothing is expanded by accident.",
            next_step="Write the shell yourself: sh -c '…'; or put the line in a script.",
        ),
        "HF1122": Explanation(
            title="Process stands twice",
            meaning="A Procfile has two lines with one name.",
            cause="A line was copied, or two names differ only in case.",
            next_step="Rename one of the two.",
        ),
        "HF1123": Explanation(
            title="Quote not closed",
            meaning="A command opens a quote and does not close it on its line.",
            cause="An apostrophe within text, or a line that was meant to go on.",
            next_step="Close the quote, or put an apostrophe in double quotes.",
        ),
        "HF1124": Explanation(
            title="Variable not known",
            meaning="A command uses a variable that neither `.env` nor Holdfast sets when the file is read.",
            cause="The variable exists only when the process runs, or in somebody's shell.",
            next_step="Set it in .env, give it a default, or write sh -c '…' to have it read when it runs.",
        ),
        "HF1125": Explanation(
            title="Line of .env not understood",
            meaning="A line of the .env file is not NAME=value.",
            cause="Blanks around '=', or a name with other characters.",
            next_step="Mend the line; its value is not shown because it may be a secret.",
        ),
        "HF1130": Explanation(
            title="JavaScript not run",
            meaning="The ecosystem file is JavaScript, which is read by running it, and that is not allowed or gave nothing.",
            cause="Power is widened only by the local configuration, never by what Git says.",
            next_step="Allow `javascript` in the local configuration, or convert the file to JSON or YAML.",
        ),
        "HF1131": Explanation(
            title="No apps",
            meaning="An ecosystem file does not say what to run.",
            cause="The key `apps` is missing or empty, or an entry is no mapping.",
            next_step="Write apps: with one entry for each program.",
        ),
        "HF1132": Explanation(
            title="PM2 field not understood",
            meaning="A field of an app has a value that PM2 would not take either, that cannot be honoured safely, or stands twice.",
            cause="A typing error, two names of one field, or a path outside the release.",
            next_step="Mend the field that is shown.",
        ),
        "HF1133": Explanation(
            title="App stands twice",
            meaning="Two apps of an ecosystem file have one name.",
            cause="An entry was copied, or two names differ only in case or blanks.",
            next_step="Rename one of the two.",
        ),
        "HF1134": Explanation(
            title="JavaScript failed",
            meaning="The ecosystem file was run, and instead of exporting its apps it threw an error, ran too long or exported too much.",
            cause="It needs a module, a variable or a file that is not in Git, or it never ends.",
            next_step="Mend the place that is shown, or convert the file to JSON or YAML.",
        ),
        "HF1135": Explanation(
            title="Node is not there",
            meaning="An ecosystem file in JavaScript must be read, and node cannot be started on this host.",
            cause="Node is not installed, or not on the configured PATH.",
            next_step="Install Node, or convert the file to JSON or YAML. The last good revision stays in force.",
        ),
        "HF1140": Explanation(
            title="Content not there",
            meaning="A File takes its content from a file that the Application's path does not hold.",
            cause="A typing error, or the file lies outside the path.",
            next_step="Check contentFrom.file; it is relative to the Application's path.",
        ),
        "HF1141": Explanation(
            title="Content too large",
            meaning="The content of a File is larger than a File may be.",
            cause="A File is for configuration, not for data.",
            next_step="Keep large data in the release, or fetch it by a prepare command.",
        ),
        "HF1142": Explanation(
            title="Not base64",
            meaning="The field `binary` of a File holds something else than base64.",
            cause="A line was cut, or text was written there.",
            next_step="Write text in `content`; for bytes, the output of `base64 -w0 FILE`.",
        ),
        "HF1143": Explanation(
            title="Path not allowed",
            meaning="A File has an absolute path, and the local configuration allows no folder that it lies beneath.",
            cause="Which folders a File may write to is said by the local configuration, never by Git.",
            next_step="Write a path relative to the Application's data folder, or add the folder to file_roots in the local configuration.",
        ),
    }
)
