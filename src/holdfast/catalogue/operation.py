"""HF60xx: what an operation, a heal or a person's request could not do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF6001": Explanation(
            title="A change was left out",
            meaning=(
                "The change was planned, but something that it waits for failed, another replica of the same resource "
                "failed, or a newer desired state took over before its turn."
            ),
            cause="Another change of the same operation failed or was interrupted; its own event says why.",
            next_step="Look at `holdfast events` for the change that failed first. What was left out is planned again by itself.",
        ),
        "HF6002": Explanation(
            title="A change did not settle in time",
            meaning=(
                "The engine did what it was asked, but looking again did not show the desired state, or not a healthy one, "
                "before the progress deadline."
            ),
            cause="The program does not become ready, its probe asks the wrong thing, or the deadline is too short.",
            next_step=(
                "Read the last lines of its log with `holdfast logs`, and its probe with `holdfast explain`; "
                "`progressDeadline` sets the time."
            ),
        ),
        "HF6003": Explanation(
            title="Another request is under way",
            meaning="One Application does one thing at a time that a person asked for.",
            cause="Somebody else, or an earlier command, asked for something that has not ended yet.",
            next_step="Wait for it; `holdfast status` shows the operation that runs.",
        ),
        "HF6004": Explanation(
            title="A sync window forbids it",
            meaning="A sync window of the project is closed and does not allow manual operations.",
            cause="The AppProject has a deny window now, or an allow window that is not open, with `manualSync: false`.",
            next_step="Wait until the window changes, or change the window in Git.",
        ),
        "HF6005": Explanation(
            title="No revision to act on",
            meaning="Nothing could be rendered yet for this Application, so there is nothing to sync or to go back from.",
            cause="Its repository cannot be read, or what it says has errors.",
            next_step="`holdfast status` names the error of the source or of the render; mend it first.",
        ),
        "HF6006": Explanation(
            title="The plan is another than the approved one",
            meaning="An approval holds for one plan, by its digest. What would be done now is not what was approved.",
            cause="Git or the live state changed between looking and approving.",
            next_step="Run `holdfast plan` again, read it, and approve its new digest.",
        ),
        "HF6007": Explanation(
            title="Policy said no",
            meaning="What was asked for is refused by a rule, and nothing else was left to do.",
            cause="A prune limit, a protection or an ownership rule applies; the message names the resource.",
            next_step="Read `holdfast plan`; approve its digest where you mean it, or change what Git says.",
        ),
        "HF6008": Explanation(
            title="Nothing to go back to",
            meaning="No revision before the present one was ever healthy here, so a rollback has no aim.",
            cause="This is the first deployment, or earlier revisions asked for the very same.",
            next_step="Name a revision with `--to`, or mend the present one and commit.",
        ),
        "HF6009": Explanation(
            title="A heal failed",
            meaning="A resource left its last applied state, and bringing it back did not work; it is tried again with backoff.",
            cause="The engine refuses or cannot do it, or the resource does not become healthy again.",
            next_step="`holdfast events` has the failed change with its reason and the last log lines.",
        ),
        "HF6010": Explanation(
            title="No such resource in the Application",
            meaning="A `--resource` of a selective sync or plan cannot be read, or nothing that is declared or owned matches it.",
            cause="It is mistyped, of another Application, or not in the revision that Git asks for. One that excludes must match as well.",
            next_step="`holdfast tree APP` lists what there is; write an id from there, or GROUP:KIND:NAMESPACE/NAME.",
        ),
        "HF6011": Explanation(
            title="What an object asks for cannot be done",
            meaning="The operation field of an Application object asks for something that is not done here. Nothing was changed.",
            cause="It asks for no sync, brings manifests of its own, or the object's Application is not followed.",
            next_step="Read operationState.message and conditions of the object; put manifests into Git.",
        ),
        "HF6020": Explanation(
            title="A hook did not end well",
            meaning="A hook of a sync, or of taking an Application down, failed or did not end in time. What comes after it was not begun.",
            cause="The program of its Job failed, or its pod cannot start; the message has the last condition of the object.",
            next_step="Read its log with kubectl logs; mend the hook and commit, or `holdfast sync`, which runs all hooks anew.",
        ),
        "HF6021": Explanation(
            title="How a hook ended cannot be told",
            meaning="The object of the hook is gone, and nobody saw it end. It may have done its work.",
            cause="Its ttlSecondsAfterFinished is very short, or somebody deleted it.",
            next_step="Look at what it should have done; `holdfast sync` runs all hooks anew. Set hook-delete-policy, no short TTL.",
        ),
    }
)
