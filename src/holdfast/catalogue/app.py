"""HF802x: what stands in the way of bringing Applications up, of answering without a daemon, and of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF8020": Explanation(
            title="The state folder is in use",
            meaning="One state folder belongs to one Holdfast at a time; the kernel's lock on it says that another one has it.",
            cause="`holdfast up` was started twice, or a service runs it already, or `holdfast down` is at work there.",
            next_step="Ask the running one (`holdfast status`), stop it, or give this one its own folder with `--state`.",
        ),
        "HF8021": Explanation(
            title="The state folder cannot be used",
            meaning="Everything that Holdfast remembers, and its sockets, lie in one folder, and that one will not do.",
            cause="It is another user's, its file system is read-only, full, or its path is too long for a socket.",
            next_step="Choose another with `--state` or in the configuration; `holdfast config explain state` says who chose this one.",
        ),
        "HF8022": Explanation(
            title="No Application",
            meaning="`up`, `plan` and `render` need to know which Applications are meant, and no file says it.",
            cause="No `-f FILE` was given, and there is no folder `applications` beside a configuration file.",
            next_step="`holdfast init` writes an application.yaml for a repository; then `holdfast up -f application.yaml`.",
        ),
        "HF8023": Explanation(
            title="Nothing of that name writes logs",
            meaning="Logs are shown by the name of an Application, of a Process, or by a resource's whole id.",
            cause="A typing error, or a Process that was removed.",
            next_step="`holdfast status` shows the names of all that runs.",
        ),
        "HF8024": Explanation(
            title="An Application file cannot be read",
            meaning="A file that was named on the command line could not be opened.",
            cause="It is not there, or this user may not read it.",
            next_step="Check the path; it is relative to the folder that the command runs in.",
        ),
        "HF8025": Explanation(
            title="Nothing to look at",
            meaning="No daemon answers, and the state folder holds no store, so there is nothing that could be shown.",
            cause="Nothing was brought up there yet, or another state folder is meant.",
            next_step="`holdfast up -f application.yaml`, or name the folder with `--state`.",
        ),
        "HF8026": Explanation(
            title="The demo could not use Git",
            meaning="The demo makes a repository of its own, and Git refused a step of that.",
            cause="Git is missing or very old, or the temporary folder cannot be written.",
            next_step="`holdfast doctor` looks at Git; TMPDIR names another temporary folder.",
        ),
        "HF8027": Explanation(
            title="The demo waited in vain",
            meaning="A step of the demo's story did not happen in the time that it has.",
            cause="The machine is very busy, or something that the story needs is not allowed here; the last lines of its daemon say more.",
            next_step="`holdfast doctor`, then try again; if it happens twice, please report it with those lines.",
        ),
        "HF8070": Explanation(
            title="Kubeconfig not usable",
            meaning="The local configuration names a kubeconfig that cannot be read, or lacks the context that is asked for.",
            cause="The file moved, its rights changed, or the context was renamed.",
            next_step="`holdfast config explain kubernetes.kubeconfig` shows where it is set; `kubectl config get-contexts` what it has.",
        ),
        "HF8074": Explanation(
            title="Lines without times",
            meaning="Lines since a moment were asked for, of something whose lines have no times.",
            cause="A supervised program writes its log file itself; containers and pods have the time of each line.",
            next_step="Leave out --since, and use --lines; or name a Container or a workload of a cluster.",
        ),
        "HF8073": Explanation(
            title="No such object",
            meaning="A name means no object of a cluster that an Application here has, or more than one.",
            cause="A word is misspelt, or objects of several kinds or namespaces have that name.",
            next_step="Write its id, as `holdfast status` shows it: apps/Deployment/shop/web.",
        ),
        "HF8072": Explanation(
            title="Health rules not usable",
            meaning="The folder of rules that the local configuration names cannot be read, or a rule in it is wrong.",
            cause="The folder moved, its rights changed, or a rule has an unknown field or an expression that is not closed.",
            next_step="Mend the line shown; docs/reference/health.md lists what a rule may say.",
        ),
        "HF8071": Explanation(
            title="Customisations not usable",
            meaning="The local configuration names a file of customisations that cannot be read, or holds no ConfigMap argocd-cm.",
            cause="The file moved, its rights changed, or YAML in it is broken.",
            next_step="`holdfast config explain kubernetes.customizations` shows where it is set; mend the file.",
        ),
    }
)
