"""HF330x: what the Kubernetes engine could not do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3300": Explanation(
            title="Cluster not reached",
            meaning="No connection to the API server, or it broke. What stands there is unknown, so nothing is planned or deleted.",
            cause="The server restarts, the address of the context is wrong, or its certificate is not trusted.",
            next_step="Nothing, if it comes back: it is tried again. Else ask the same server: kubectl --context NAME get --raw /livez.",
        ),
        "HF3301": Explanation(
            title="No answer from the cluster",
            meaning="The API server took the request and did not answer in time.",
            cause="It is overloaded, its store is slow, or an admission webhook does not answer.",
            next_step="Look at the webhooks and the load of the server; it is tried again.",
        ),
        "HF3302": Explanation(
            title="Credentials not accepted",
            meaning="The API server does not know who asks.",
            cause="A token or certificate expired, or belongs to another cluster.",
            next_step="Renew the credentials of the context; files are read again, the daemon need not be restarted.",
        ),
        "HF3303": Explanation(
            title="Forbidden in the cluster",
            meaning="The API server knows who asks, and does not allow it. The other resources go on.",
            cause="A rule of RBAC is missing.",
            next_step="Grant the rule that the hint shows, in a Role or a ClusterRole of the user.",
        ),
        "HF3304": Explanation(
            title="Kind not served",
            meaning="The cluster does not serve this kind, in this version.",
            cause="The CustomResourceDefinition is not there yet, or the version was removed.",
            next_step="Apply the definition with it, or before it; it is waited for. Look what is served: kubectl api-resources.",
        ),
        "HF3305": Explanation(
            title="Changed meanwhile",
            meaning="The object changed between looking and writing, or another manager owns a field and force is off.",
            cause="Somebody else writes it.",
            next_step="Nothing at first: it is looked at again. If it comes back, the hint names who owns the field.",
        ),
        "HF3306": Explanation(
            title="Manifest not accepted",
            meaning="The API server or an admission webhook understood the manifest and said no. Nothing was changed.",
            cause="An unknown field, or a value that is not allowed.",
            next_step="Mend the manifest at the place shown; what needs a namespace or cannot be changed in place has entries of its own.",
        ),
        "HF3307": Explanation(
            title="Cluster busy",
            meaning="The API server refuses more requests for now.",
            cause="Its limits for this user are reached.",
            next_step="Nothing: fewer requests are sent at once, and it is tried again.",
        ),
        "HF3308": Explanation(
            title="Cluster failed",
            meaning="The API server answered with an error of its own.",
            cause="Its store is away, or a webhook or an aggregated API fails.",
            next_step="Read the server's words in the message; it is tried again.",
        ),
        "HF3309": Explanation(
            title="Kubeconfig not usable",
            meaning="A file that the kubeconfig names cannot be read, or holds no certificate or key.",
            cause="It moved, or its rights changed.",
            next_step="Try the same context with kubectl; mend the path.",
        ),
        "HF3310": Explanation(
            title="No credentials from the plug-in",
            meaning="The program that the kubeconfig names for credentials failed, or printed something else.",
            cause="It is not installed on this host, its own login expired, or it wants to ask a person.",
            next_step="Run the program by hand as the user of the daemon.",
        ),
        "HF3311": Explanation(
            title="Cluster too old",
            meaning="The API server does not offer what Holdfast needs of it.",
            cause="It is older than Kubernetes 1.30.",
            next_step="Upgrade the cluster.",
        ),
        "HF3312": Explanation(
            title="Deletion does not end",
            meaning="The object was asked to go and is still there: it is marked as deleted, and something holds it.",
            cause="A finalizer whose controller does not run, or what depends on it does not go.",
            next_step="Look after the controller that the message names; only take the finalizer away by hand when nothing is left to do.",
        ),
        "HF3313": Explanation(
            title="Cluster not known",
            meaning="A resource belongs to a cluster that the local configuration does not name any more. It is neither seen nor changed.",
            cause="The context was renamed, or the kubeconfig is another one now.",
            next_step="Set kubernetes.kubeconfig and kubernetes.context to what they were, or take the Application down first.",
        ),
        "HF3314": Explanation(
            title="In the wrong namespace",
            meaning="An object is to lie in a namespace and its kind has none, or the other way round. It is not applied.",
            cause="A kind of a CustomResourceDefinition that the cluster had not told of yet.",
            next_step="Nothing, where its definition is applied with it: the next look knows better.",
        ),
        "HF3320": Explanation(
            title="Field cannot be changed",
            meaning="A field of the object is immutable: the API server changes it only by deleting the object and creating it anew. "
            "Nothing was changed.",
            cause="The selector of a workload, the pod template of a Job, the class of a claim, a role that is bound, immutable data.",
            next_step="Give the object another name, take the change back, or annotate it with the sync option Force=true: then it is "
            "deleted with all that it owns, and created anew.",
        ),
        "HF3321": Explanation(
            title="Namespace not there",
            meaning="The object belongs into a namespace that the cluster does not have.",
            cause="Nobody declared the Namespace, or it was deleted.",
            next_step="Declare the Namespace in the same Application, or add CreateNamespace=true to spec.syncPolicy.syncOptions.",
        ),
        "HF3322": Explanation(
            title="Rule of ignoreDifferences not followed",
            meaning="What an Application says to ignore cannot be told for this object, so that it is unknown whether it drifted. "
            "Nothing of it is changed.",
            cause="A JSON pointer that does not begin with a slash; a jq expression that is none, that makes values and names no fields, "
            "that used more than 1 s of processor time or 512 MiB of memory, or the optional extra `jq` is not installed.",
            next_step="Mend the rule in spec.ignoreDifferences; the message names it. Where jq is not installed: "
            "pip install 'holdfast[jq]', and start the daemon again.",
        ),
        "HF3340": Explanation(
            title="Lua not installed",
            meaning="A kind has a Lua script of the user's, and this installation cannot run Lua. The health of its objects is Unknown.",
            cause="The optional extra `lua` is not installed.",
            next_step="Install it: pip install 'holdfast[lua]', and start the daemon again.",
        ),
        "HF3341": Explanation(
            title="Script failed",
            meaning="A Lua script of the user's came to no answer. A health check that fails makes its object Unknown.",
            cause="An error in the script, or it used more than 1 s of processor time or 64 MiB of memory.",
            next_step="Mend the script in argocd-cm; the message names the line.",
        ),
        "HF3342": Explanation(
            title="Object not there",
            meaning="Something was asked of an object that the cluster does not have.",
            cause="It was not applied yet, or somebody deleted it.",
            next_step="`holdfast status` shows what is there; `holdfast sync` applies what is missing.",
        ),
        "HF3343": Explanation(
            title="Action not done",
            meaning="An object has no such action, or not now, or not with these parameters. Nothing was changed.",
            cause="The name is wrong, it is disabled as the object is, a parameter is missing, or the user's script answered nonsense.",
            next_step="`holdfast action list OBJECT` shows which there are, with their parameters.",
        ),
        "HF3344": Explanation(
            title="Command not run in a pod",
            meaning="The cluster took the question, and the command did not run to its end.",
            cause="The container does not run, the image has no such program, or the connection to the node broke.",
            next_step="`holdfast tree APPLICATION` shows the pods and what they say of themselves.",
        ),
    }
)
