"""HF1100–1109 and HF1150–1179: Applications and AppProjects that cannot be followed as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF1100": Explanation(
            title="No engine for this destination",
            meaning="An Application's destination names a system that Holdfast does not reach yet.",
            cause="The destination is a cluster.",
            next_step="Write host://local to run the workloads on this host, or unix:///var/run/docker.sock for its Docker.",
        ),
        "HF1101": Explanation(
            title="Destination not clear",
            meaning="An Application's destination names both a server and a name, or a name that is not known.",
            cause="Argo CD takes one of the two.",
            next_step="Write destination.server: host://local alone.",
        ),
        "HF1102": Explanation(
            title="No source",
            meaning="An Application does not say which repository it follows.",
            cause="spec.source or its repoURL is missing.",
            next_step="Write spec.source.repoURL, path and targetRevision.",
        ),
        "HF1103": Explanation(
            title="Not an Application",
            meaning="A file that should hold Applications holds something else.",
            cause="The file was meant for another place, or its kind is misspelt.",
            next_step="Give only files with Application and AppProject to `up -f`; other declarations belong in the repository.",
        ),
        "HF1104": Explanation(
            title="Declared twice",
            meaning="Two files, or two documents of one file, declare an Application or AppProject of the same name.",
            cause="A document was copied.",
            next_step="Rename or remove one of the places shown.",
        ),
        "HF1105": Explanation(
            title="The project does not allow it",
            meaning="The AppProject of an Application does not permit its repository or its destination.",
            cause="spec.sourceRepos or spec.destinations of the project leave it out.",
            next_step="Change the project, or the Application.",
        ),
        "HF1106": Explanation(
            title="Unknown sync option",
            meaning="spec.syncPolicy.syncOptions holds an option that Argo CD does not have, or a value that it does not take.",
            cause="A typing error, or an option of a newer version.",
            next_step="Take the suggestion.",
        ),
        "HF1107": Explanation(
            title="Unknown project",
            meaning="An Application belongs to an AppProject that no file declares.",
            cause="A typing error, or the project's file was not given.",
            next_step="Declare the AppProject, or use the project `default`.",
        ),
        "HF1108": Explanation(
            title="The project does not permit the kind",
            meaning="An object is of a kind that the AppProject of its Application does not permit. Nothing of the revision is applied.",
            cause="A whitelist or blacklist of the project. What lies in no namespace is permitted only by clusterResourceWhitelist.",
            next_step="Change the list at the place shown, or take the object out of the Application.",
        ),
        "HF1109": Explanation(
            title="The project does not permit the namespace",
            meaning="The AppProject of an Application does not permit the namespace of an object. Nothing of the revision is applied.",
            cause="The object names a namespace of its own, and spec.destinations of the project leave it out.",
            next_step="Add the namespace to the destinations of the project, or move the object.",
        ),
        "HF1150": Explanation(
            title="Sources that do not go together",
            meaning="The entries of spec.sources do not say what is meant: two have one name, or none of them gives resources.",
            cause="A source with `ref` and without a path only gives files to the others; names and references tell sources apart.",
            next_step="Give each source a name or reference of its own, and one of them a path.",
        ),
        "HF1151": Explanation(
            title="No address of a chart",
            meaning="An Application names a chart, and its repoURL is no Helm repository or registry, or a chart has no such name.",
            cause="repoURL is an address of Git, or of nothing that holds charts.",
            next_step="Write the address that `helm repo add` takes, or a registry; for a chart in Git write path instead of chart.",
        ),
        "HF1152": Explanation(
            title="Local repository named by Git",
            meaning="An Application that was found in Git names a folder of this host as its repository.",
            cause="Power is widened only by who runs Holdfast, never by what Git says.",
            next_step="Write an https or ssh address, or give the file itself to `holdfast up -f`.",
        ),
        "HF1153": Explanation(
            title="No address of a repository",
            meaning="repoURL is neither an https or ssh address nor a folder.",
            cause="A typing error, a registry (oci://), or a folder without ./ before it.",
            next_step="Write https://host/path, ssh://host/path, git@host:path, or ./folder.",
        ),
        "HF1154": Explanation(
            title="Credentials in an address",
            meaning="repoURL carries a password or a token. The line is not shown.",
            cause="A token was written into the address.",
            next_step="Take it out, change the credentials, and set git.credential_helper in the local configuration, or use a key.",
        ),
        "HF1155": Explanation(
            title="Signatures are not checked yet",
            meaning="An AppProject asks that commits are signed, and nobody would check it.",
            cause="spec.signatureKeys or spec.sourceIntegrity is set.",
            next_step="Take the field out if commits may be followed unchecked; protect the branch where it is hosted.",
        ),
        "HF1156": Explanation(
            title="Git may not run something on a host",
            meaning="An Application within another Application has a host as its destination. It is not served.",
            cause="Who may push could otherwise run programs where Holdfast runs. Power is widened only by who runs it.",
            next_step="Give the file to `holdfast up -f`, or choose a cluster as the destination.",
        ),
        "HF1157": Explanation(
            title="An operator declares this project",
            meaning="Git declares an AppProject of the same name as a file of the operator. The operator's counts.",
            cause="The project was moved into Git and its file was not removed, or somebody tries to widen it.",
            next_step="Remove one of the two.",
        ),
        "HF1158": Explanation(
            title="Namespace of an Application not permitted",
            meaning="An Application lies in another namespace than argocd, and its project does not permit it there.",
            cause="spec.sourceNamespaces of the AppProject leaves it out (Argo CD: applications in any namespace).",
            next_step="Declare it in namespace argocd, or add the namespace to the project.",
        ),
        "HF1159": Explanation(
            title="The name is taken",
            meaning="Two Applications within Applications have one name, in two namespaces.",
            cause="Here an Application is called by its name alone.",
            next_step="Rename one of the places shown.",
        ),
    }
)
