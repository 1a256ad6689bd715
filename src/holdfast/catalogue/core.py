"""HF20xx: why a plan leaves something out, and why an operation does not start by itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF2001": Explanation(
            title="Nothing is known of a live resource",
            meaning=(
                "The engine that looks after the resource did not answer, or did not look at it. Unknown is not "
                "absent, so nothing is created, changed or deleted."
            ),
            cause="The engine is not running, is too slow, or may not be reached from here.",
            next_step="Run `holdfast doctor` to see which engine does not answer. The plan is made again by itself when it does.",
        ),
        "HF2002": Explanation(
            title="Something is there already and not ours",
            meaning=(
                "Git declares a resource whose name is taken by something that Holdfast did not make, or what is "
                "there was made anew by somebody else."
            ),
            cause="It was started by hand or by another tool, or two installations manage one host.",
            next_step="Adopt it with the annotation holdfast.dev/adopt, rename yours, or remove the other one.",
        ),
        "HF2003": Explanation(
            title="Two Applications declare one resource",
            meaning="A resource has one owner. The Application that applied it first keeps it, and the newcomer's is left out.",
            cause="The same kind, namespace and name stand in two files; the message names both.",
            next_step="Remove or rename it in one of the two files.",
        ),
        "HF2004": Explanation(
            title="The plan would delete too much",
            meaning=(
                "More than the allowed share of the Application's declared resources, and more than the free number, "
                "are no longer declared. Such a prune waits for a person; everything else goes on."
            ),
            cause="Usually a wrong path, branch or merge. A large clean-up looks the same.",
            next_step=(
                "Look at `holdfast plan APP`. If it is meant, run `holdfast sync APP --approve DIGEST` with the digest that the plan shows."
            ),
        ),
        "HF2005": Explanation(
            title="Nothing is declared any more",
            meaning="The tree declares no resource at all, and what runs would all be deleted.",
            cause="The path is empty at this revision: a wrong path or branch, or a repository that shrank.",
            next_step="If it is meant, set syncPolicy.automated.allowEmpty, approve the plan's digest, or run `holdfast down APP`.",
        ),
        "HF2006": Explanation(
            title="A protected resource would be deleted or replaced",
            meaning="The resource says that a person must confirm before it goes (Prune=confirm or Delete=confirm).",
            cause="Git no longer declares it, or changes a field that cannot change in place.",
            next_step="Look at `holdfast plan APP`, then run `holdfast sync APP --approve DIGEST`, or put the declaration back.",
        ),
        "HF2007": Explanation(
            title="An incomplete render prunes nothing",
            meaning=(
                "A part of the source could not be rendered, so what is missing in the result may well still be "
                "declared. Nothing is deleted."
            ),
            cause="An error in a declaration file, which is reported beside this.",
            next_step="Mend the error that `holdfast status APP` shows and commit.",
        ),
        "HF2008": Explanation(
            title="A rollback would delete more than the failed operation created",
            meaning="Going back may delete what the failed operation created without asking, and nothing else.",
            cause="Something that the last healthy revision does not declare was there before the failed operation.",
            next_step="If it may go, run `holdfast sync APP --approve DIGEST`; else leave it, or declare it again.",
        ),
        "HF2009": Explanation(
            title="A change waits for something else",
            meaning="What the resource needs is blocked or not there, or something that needs it is still there.",
            cause="The message names the other resource; that one has its own reason.",
            next_step="Look at what the other resource says in `holdfast plan APP`.",
        ),
        "HF2010": Explanation(
            title="The Application syncs only by hand",
            meaning="Git asks for something new, and the Application has no automated sync policy.",
            cause="syncPolicy.automated is missing, or its enabled field is false.",
            next_step="Run `holdfast sync APP`, or set syncPolicy.automated.",
        ),
        "HF2011": Explanation(
            title="The Application is suspended",
            meaning="A person stopped automated operations. What runs goes on and is supervised.",
            cause="`holdfast suspend`, or suspend in its file.",
            next_step="Run `holdfast resume APP`.",
        ),
        "HF2012": Explanation(
            title="The Application is pinned",
            meaning="An operation failed and the last healthy revision was brought back. The content that failed is not tried again.",
            cause="A gate failed or a candidate died, or a person ran `holdfast rollback`.",
            next_step=(
                "Commit a change that mends it: sync goes on by itself. Or run `holdfast resume APP` to try the same content again."
            ),
        ),
        "HF2013": Explanation(
            title="A sync window is closed",
            meaning="The project's sync windows do not allow automated operations now.",
            cause="A deny window is open, or no allow window is.",
            next_step="Wait until the time that the message names, or change spec.syncWindows of the project.",
        ),
        "HF2014": Explanation(
            title="A failed operation is tried again later",
            meaning="The operation failed and waits for its next try.",
            cause="The message of the last operation says why it failed.",
            next_step="Nothing: it is tried again by itself. `holdfast sync APP` tries now.",
        ),
        "HF2015": Explanation(
            title="A failed operation is no longer tried",
            meaning="The same content failed more often than syncPolicy.retry.limit allows.",
            cause="The message of the last operation says why it failed.",
            next_step="Commit a change that mends it, or run `holdfast sync APP`.",
        ),
        "HF2016": Explanation(
            title="Git went back",
            meaning=(
                "The revision that Git asks for now does not follow the one that stood healthy last, and no longer declares something "
                "that stands. Nothing is deleted for it without a person; everything else goes on."
            ),
            cause="The branch was force-pushed or reset, the repository was replaced, or `targetRevision` names an older revision.",
            next_step="Where it is meant, approve the plan's digest with `holdfast sync --approve`; else push the newer history again.",
        ),
        "HF2017": Explanation(
            title="What holds data looks renamed",
            meaning=(
                "A StatefulSet or a volume claim would be deleted while another one of its kind is created in its namespace. The new one "
                "would begin without the data. Neither is done without a person; everything else goes on."
            ),
            cause="It was renamed in Git, or one was removed and another added in one commit.",
            next_step="Move the data first and approve the plan's digest with `holdfast sync --approve`, or take the old name back.",
        ),
    }
)
