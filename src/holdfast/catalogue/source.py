"""HF40xx: what Git did not answer, or answered and is refused. (HF405x, what a release could not become, is in `release`; HF407x and
HF408x, what Helm repositories do, in `chart`.)"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF4001": Explanation(
            title="This is no address of a repository",
            meaning="The address is not one that Holdfast gives to Git: https://, ssh://, git@host:path, or an absolute local path.",
            cause="A misspelt address, a relative path, or a form that could run a program (`ext::`, a leading '-').",
            next_step="Write the address in one of the forms that the message names.",
        ),
        "HF4002": Explanation(
            title="The address carries credentials",
            meaning="A password or token stands in the address itself. It would be shown wherever the address is shown.",
            cause="The address was copied with its token, as in https://TOKEN@host/path.",
            next_step=(
                "Write the address without it and treat the token as lost. For https set git.credential_helper in the local configuration; "
                "for ssh use a key."
            ),
        ),
        "HF4003": Explanation(
            title="A local repository that the operator did not name",
            meaning="Local folders are read only where the operator of this host named them. Content from Git may not reach for them.",
            cause="An Application that was found in Git, or that is not in the local configuration, has a local path as its repoURL.",
            next_step="Pass the Application's file with `holdfast up -f`, or use an https:// or ssh:// address.",
        ),
        "HF4004": Explanation(
            title="Unencrypted http is refused",
            meaning="http:// proves neither who answers nor that nobody changed the answer, and production follows that answer.",
            cause="The address begins with http://.",
            next_step="Use https:// or ssh://. For a trusted network the local configuration can allow this address.",
        ),
        "HF4008": Explanation(
            title="Git cannot be run",
            meaning="Holdfast reads repositories with the program git, which could not be started.",
            cause="It is not installed, not on PATH, or the host has no memory or processes left.",
            next_step="Install git 2.36 or later. `holdfast doctor` shows what is found.",
        ),
        "HF4009": Explanation(
            title="Another process holds a mirror",
            meaning="Only one process at a time writes to the mirror of a repository, and another one has been writing for too long.",
            cause="A second Holdfast uses the same state directory and is fetching a very large repository, or hangs.",
            next_step="Wait for it, or end it. The lock goes with the process that holds it.",
        ),
        "HF4010": Explanation(
            title="There is no such repository",
            meaning="Nothing answers as a repository at this address. The last good revision stays in force.",
            cause="A misspelt address, a repository that was moved or removed, or one that these credentials may not see.",
            next_step="Try `git ls-remote ADDRESS` as the user that runs Holdfast.",
        ),
        "HF4011": Explanation(
            title="The server wants credentials",
            meaning="The repository is there, perhaps, but the server did not let Holdfast in. It never asks a person.",
            cause="No key in ssh-agent, a key that the server does not know, no git.credential_helper, or a token that has expired.",
            next_step="Load a key for the user that runs Holdfast, or set git.credential_helper in the local configuration.",
        ),
        "HF4012": Explanation(
            title="The server did not prove who it is",
            meaning="The server's host key or certificate is unknown or another one than before, so nothing was read from it.",
            cause="A first contact by ssh, a server that was set up anew, a private certificate authority, or somebody in between.",
            next_step="Check the key or certificate by another way, then add it to known_hosts or to the system's certificates.",
        ),
        "HF4013": Explanation(
            title="The server did not answer",
            meaning="No connection came about, or it broke. The last good revision stays in force and it is tried again by itself.",
            cause="The network, a name that does not resolve, a server that is down or overloaded.",
            next_step="Look at the network and the server. `holdfast sync` asks again at once.",
        ),
        "HF4014": Explanation(
            title="The server answers with a redirect",
            meaning="Redirects are not followed, since they could send credentials to another host.",
            cause="The repository was renamed or moved, or the address lacks its ending `.git`.",
            next_step="Write the address that the server redirects to.",
        ),
        "HF4015": Explanation(
            title="The repository holds a malformed object",
            meaning="Git checked what it fetched and found an object that is broken, or made to attack programs that read it.",
            cause="An old tool that wrote bad objects, a damaged server, or an attack.",
            next_step="Find the object with `git fsck --strict` in a clone and remove it from the history.",
        ),
        "HF4016": Explanation(
            title="The repository is too large",
            meaning="A fetch would write more than the limit of one file, so it was stopped.",
            cause="Large files in the history.",
            next_step="Remove them from the history, or point the Application at a smaller repository.",
        ),
        "HF4017": Explanation(
            title="Git took too long",
            meaning="A Git command was ended at its time limit. It is tried again by itself.",
            cause="A slow or silent server, a very large repository, or a host without free capacity.",
            next_step="Try `git ls-remote ADDRESS` by hand and see how long it takes.",
        ),
        "HF4018": Explanation(
            title="Git answered too much",
            meaning="The answer of a Git command was larger than its limit, so it was not read to its end.",
            cause="A repository with hundreds of thousands of branches and tags, or a server that misbehaves.",
            next_step="Remove branches and tags that nobody needs.",
        ),
        "HF4019": Explanation(
            title="A Git command failed",
            meaning="Git ended with an error that Holdfast has no better word for; the message quotes Git's own.",
            cause="See Git's own words in the message.",
            next_step="Try the same by hand: `git ls-remote ADDRESS` as the user that runs Holdfast.",
        ),
        "HF4020": Explanation(
            title="No branch, tag or commit has that name",
            meaning="The repository answers, but nothing in it is called as targetRevision says.",
            cause="A misspelt or deleted branch, or a tag that was not pushed.",
            next_step="Push the branch or tag, or correct spec.source.targetRevision.",
        ),
        "HF4021": Explanation(
            title="The repository is empty",
            meaning="There is no commit yet, so there is nothing to sync. Nothing that runs is touched.",
            cause="It was created and nothing was pushed.",
            next_step="Commit and push.",
        ),
        "HF4022": Explanation(
            title="This is no name of a revision",
            meaning="targetRevision is neither a name that Git allows for branches and tags, nor a commit id, nor a version range.",
            cause="A character that no branch may hold, a space, or a range that cannot be read.",
            next_step="Write a branch, a tag, a commit id of at least seven digits, HEAD, or a range such as ^1.2.",
        ),
        "HF4023": Explanation(
            title="An object is not in the mirror",
            meaning="Something that a revision leads to was asked for and is not in the mirror on this host.",
            cause="The mirror was changed by hand or cleaned while it was read.",
            next_step="Ask again. If it stays so, remove the mirror's folder below STATE/mirrors; it is made anew.",
        ),
        "HF4024": Explanation(
            title="No tag fits the range",
            meaning="targetRevision is a version range, and no tag of the repository is a version within it.",
            cause="The release was not tagged or not pushed, the tags are no versions (v1.2.3), or the range is too narrow.",
            next_step="Push a tag that fits, or widen the range. Pre-releases fit only where the range names one.",
        ),
        "HF4025": Explanation(
            title="The path is not there",
            meaning="The revision has no folder at spec.source.path. The last good revision stays in force and nothing is deleted.",
            cause="A misspelt path, or a commit that moved the folder.",
            next_step="Correct the path; the message names what is there.",
        ),
        "HF4026": Explanation(
            title="The path is no folder",
            meaning="Something is at spec.source.path, but it is a file, a link or a submodule.",
            cause="The path names a file instead of the folder that holds it.",
            next_step="Name the folder. To read one file of it, use spec.source.directory.include.",
        ),
        "HF4027": Explanation(
            title="The path is not plain",
            meaning="spec.source.path is absolute or holds '..', a backslash or a NUL byte.",
            cause="Such a path could name something outside the repository, so it is refused before anything is read.",
            next_step="Write it from the root of the repository with plain names, as in deploy/production.",
        ),
        "HF4028": Explanation(
            title="Several commits begin so",
            meaning="A short commit id fits more than one commit.",
            cause="The repository has grown since the id was shortened.",
            next_step="Write more digits, best all forty.",
        ),
        "HF4029": Explanation(
            title="The commit is not reachable",
            meaning="No commit of that id is reachable from any branch or tag of the repository.",
            cause="It was never pushed, or a force-push dropped it.",
            next_step="Push a branch or tag that contains it.",
        ),
        "HF4030": Explanation(
            title="A tree holds something that is no file",
            meaning="An entry of the Application's path has a mode that no file has, or cannot be read at all.",
            cause="A broken tool wrote the tree, or it was made by hand to attack programs that read it.",
            next_step="Find the entry that the message names with `git ls-tree` and commit it anew.",
        ),
        "HF4031": Explanation(
            title="The mirror is damaged",
            meaning="The copy of the repository below STATE/mirrors gives content that its ids do not fit.",
            cause="A disk failure, a crash of the host, or a change by hand.",
            next_step="Remove the mirror's folder; it is made anew. Look at the disk.",
        ),
        "HF4032": Explanation(
            title="Submodules are not followed",
            meaning="The Application's path holds a submodule. A release without its files would not be what Git says, so all is refused.",
            cause="`git submodule add` below the Application's path.",
            next_step="Copy the files into the repository, point the path beside the submodule, or make it an Application of its own.",
        ),
        "HF4033": Explanation(
            title="A file has a dangerous name",
            meaning="A name in the tree could be read as another path: '..', '.git' in any spelling, a control character, a backslash.",
            cause="A mistake, or an attempt to write outside of the release.",
            next_step="Rename the file that the message names.",
        ),
        "HF4034": Explanation(
            title="A file is too large",
            meaning="A file below the Application's path is larger than the limit.",
            cause="A build result, an archive or data in Git.",
            next_step="Keep it outside Git and let `prepare` fetch it.",
        ),
        "HF4035": Explanation(
            title="The tree is too large",
            meaning="Below the Application's path there are too many files, too many bytes, or paths that are too deep.",
            cause="The path is the root of a large repository, or dependencies were committed.",
            next_step="Point spec.source.path at the folder that holds the declarations and what they run.",
        ),
        "HF4036": Explanation(
            title="A link leaves the tree",
            meaning="A symbolic link is absolute, leads outside of the Application's path, or runs in a circle.",
            cause="A link to a file of the host or to another folder of the repository.",
            next_step="Make it a relative link to something below the Application's path, or a file.",
        ),
        "HF4037": Explanation(
            title="The repository names its objects by SHA-256",
            meaning="Holdfast reads repositories whose object ids have forty digits (SHA-1), which is Git's default.",
            cause="The repository was made with `git init --object-format=sha256`.",
            next_step="Push the content to a repository of the default format.",
        ),
        "HF4060": Explanation(
            title="There is no branch to write to",
            meaning="A commit can only be pushed to a branch, and what the Application follows is none, or the name is no branch's.",
            cause="targetRevision is a tag, a commit or a version range.",
            next_step="Follow a branch, or name one in update.branch of the ImagePolicy.",
        ),
        "HF4061": Explanation(
            title="The branch moved meanwhile",
            meaning="Somebody else pushed between the look at the branch and the push. Nothing was overwritten.",
            cause="A busy repository.",
            next_step="Nothing: it is tried again on top of what is there now.",
        ),
        "HF4062": Explanation(
            title="The repository did not take the commit",
            meaning="The server understood the push and refused it; its reason is in the message.",
            cause="A protected branch, a hook, a right that the account lacks, or a working copy that has the branch checked out.",
            next_step="Give the account the right to push, or let update.branch of the ImagePolicy name a branch for a pull request.",
        ),
        "HF4063": Explanation(
            title="The branch holds the commits of somebody else",
            meaning="The branch of update.branch is made anew with each choice. Its newest commit is not Holdfast's, so it was left alone.",
            cause="A person worked on the branch, or its name was taken before.",
            next_step="Merge or remove the branch, or name another one in update.branch.",
        ),
        "HF4064": Explanation(
            title="Holdfast may not push",
            meaning="An ImagePolicy has rules to commit by, and the local configuration lets Holdfast write to no repository.",
            cause="allow.push is not set. Git cannot give itself this right.",
            next_step="Set allow.push in the configuration of this host, or remove update from the ImagePolicy.",
        ),
        "HF4038": Explanation(
            title="Revision of other sources",
            meaning="A revision of several sources was asked for, and the Application has another number of sources now.",
            cause="Sources were added to the Application or taken out since that revision was recorded.",
            next_step="Name a revision of one source as NAME=REVISION, or write the sources as they were.",
        ),
    }
)
