"""Reader: every error of all the files in one answer, each with its place and a way on."""

from __future__ import annotations

import re

import pytest

from holdfast.delivery.application import Context
from holdfast.delivery.reader import read_applications
from holdfast.errors import DeclarationError, HoldfastError

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\n"
GIT = "source: {repoURL: https://git.example/shop}"
PROJECT = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: web}\n"


def errors(*texts: str, folder: str | None = "/srv/apps") -> tuple[HoldfastError, ...]:
    files = [(f"{name}.yaml", text.encode()) for name, text in zip("abc", texts, strict=False)]
    with pytest.raises(DeclarationError) as caught:
        read_applications(files, Context(folders={path: folder for path, _ in files}))
    return caught.value.errors or (caught.value,)


def told(*texts: str, folder: str | None = "/srv/apps") -> list[str]:
    """Return code, file and line, the word that stands at the place, message and hint of each error."""
    return [f"{each.code} {at(each)} {each.message} ({each.hint})" for each in errors(*texts, folder=folder)]


def at(error: HoldfastError, place: int = 0) -> str:
    where = error.where[place]
    if where.snippet is None or where.column is None:
        return str(where)
    word = re.match(r"['\"]?[^,{}\[\]'\" ]*|.", where.snippet[where.column - 1 :])
    return f"{where.path}:{where.line} {word[0] if word and word[0] else where.snippet[where.column - 1 :][:1]}"


CLUSTER = "is a Kubernetes cluster, and the local configuration does not reach it"
ON_THE_HOST = "write server: host://local to run its workloads on this host"


@pytest.mark.parametrize(
    ("spec", "code", "word", "reason", "hint"),
    [
        ("{}", "HF1102", "spec:", "spec.source is missing", "add spec.source with repoURL, path and targetRevision"),
        ("{source: {path: a}}", "HF1102", "{", "repoURL is missing", "add repoURL: https://host/path"),
        (
            "{sources: [{repoURL: https://a/b, ref: one}, {repoURL: https://a/c, ref: two}]}",
            "HF1150",
            "one",
            "none of its sources gives resources, they are files for other sources",
            "give one of them a path, or add the source that takes their files",
        ),
        (
            "{sources: [{repoURL: https://a/b, name: web}, {repoURL: https://a/c, name: web}]}",
            "HF1150",
            "web",
            "two of its sources have the name 'web'",
            "give each source a word of its own",
        ),
        (
            "{sources: [{repoURL: https://a/b}, {repoURL: https://a/c, ref: a/b}]}",
            "HF1150",
            "a/b",
            "'a/b' is no reference",
            "write letters, digits, '-' and '_', so that $NAME/path can name it",
        ),
        (
            "{sources: [{repoURL: https://a/b}, {path: a}]}",
            "HF1102",
            "{",
            "repoURL is missing",
            "add repoURL: https://host/path",
        ),
        (
            "{source: {repoURL: https://charts.example, chart: redis}}",
            "HF1102",
            "source:",
            "targetRevision of a chart is missing",
            "add targetRevision: a version of the chart, or a range such as 1.2.x or *",
        ),
        (
            "{source: {repoURL: ./charts, chart: redis, targetRevision: 1.2.3}}",
            "HF1151",
            "./charts",
            "chart redis has no Helm repository: './charts' is no https:// address and no registry",
            "write https://host/path, as `helm repo add` takes it, or registry/path",
        ),
        (
            "{source: {repoURL: https://charts.example, chart: stable/redis, targetRevision: 1.2.3}}",
            "HF1151",
            "stable/redis",
            "'stable/redis' is no name of a chart",
            "write the name that `helm search repo` shows, without the repository's",
        ),
        (
            "{source: {repoURL: shop}}",
            "HF1153",
            "shop",
            "'shop' is no address",
            "write ./shop for a folder beside the file, or https://host/path",
        ),
        (
            "{source: {repoURL: oci://registry.example/shop}}",
            "HF1153",
            "oci://registry.example/shop",
            "oci:// is no Git repository",
            "write https://host/path, ssh://host/path, git@host:path, or a local folder",
        ),
        (
            f"{{{GIT}, destination: {{server: https://kubernetes.default.svc}}}}",
            "HF1100",
            "https://kubernetes.default.svc",
            f"destination https://kubernetes.default.svc {CLUSTER}",
            f"set kubernetes.kubeconfig in the local configuration, or {ON_THE_HOST}",
        ),
        (
            f"{{{GIT}, destination: {{name: in-cluster}}}}",
            "HF1100",
            "in-cluster",
            f"destination 'in-cluster' {CLUSTER}",
            f"set kubernetes.kubeconfig in the local configuration, or {ON_THE_HOST}",
        ),
        (
            f"{{{GIT}, destination: {{server: 'unix:///var/run/docker sock'}}}}",
            "HF1101",
            "'unix:///var/run/docker",
            "'unix:///var/run/docker sock' is no destination",
            "write server: host://local to run the workloads on this host",
        ),
        (
            f"{{{GIT}, destination: {{server: host://locl}}}}",
            "HF1101",
            "host://locl",
            "'host://locl' is no destination",
            "did you mean host://local?",
        ),
        (
            f"{{{GIT}, destination: {{server: host://local, name: here}}}}",
            "HF1101",
            "name:",
            "its destination names a server and a name",
            "write server: host://local alone",
        ),
        (
            f"{{{GIT}, syncPolicy: {{syncOptions: [CreateNamespace=true, Prune=maybe]}}}}",
            "HF1106",
            "Prune=maybe",
            "sync option Prune takes true or false or confirm: write Prune=true",
            None,
        ),
        (f"{{{GIT}, project: wbe}}", "HF1107", "wbe", "there is no AppProject wbe", "did you mean web?"),
    ],
)
def test_what_cannot_be_followed_is_told_with_its_place(spec: str, code: str, word: str, reason: str, hint: str | None) -> None:
    (error,) = errors(f"{HEAD}spec: {spec}", f"{PROJECT}spec: {{}}")
    assert (error.code, at(error), error.message, error.hint) == (
        code,
        f"a.yaml:4 {word}",
        f"cannot follow Application shop: {reason}",
        hint,
    )


@pytest.mark.parametrize(
    ("spec", "word", "reason"),
    [
        ("destintion: {}", "destintion:", "spec: unknown field 'destintion'"),
        ("source: {targetRevision: 1.2}", "1.2", "spec.source.targetRevision: expected text, got the number 1.2"),
        ("syncPolicy: {automated: true}", "true", "spec.syncPolicy.automated: expected a mapping, got true"),
        (
            "source: {path: /etc}",
            "/etc",
            "spec.source.path: expected a folder from the root of the repository, such as deploy/production, got '/etc' (it is absolute)",
        ),
        (
            "syncPolicy: {retry: {backoff: {duration: soon}}}",
            "soon",
            "spec.syncPolicy.retry.backoff.duration: expected a duration such as 5s, got 'soon'",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(spec: str, word: str, reason: str) -> None:
    (error,) = errors(f"{HEAD}spec: {{{spec}}}")
    assert (at(error), error.message) == (f"a.yaml:4 {word}", f"cannot read {reason}")


def test_every_error_of_all_files_is_in_one_answer() -> None:
    found = told(
        f"{HEAD.replace('shop', 'Shop')}spec:\n  source: {{repoUrl: .}}\n  destination: {{server: 'tcp://docker 2375'}}\n",
        "a: [\n",
        f"{PROJECT}spec:\n  syncWindows:\n  - {{kind: alow, schedule: '61 * * * *', duration: 0s, timeZone: Europe/Berln}}\n",
    )
    assert [" ".join(text.split()[:3]) for text in found] == [
        "HF1021 a.yaml:3 Shop",
        "HF1020 a.yaml:5 repoUrl:",
        "HF1004 b.yaml:2 cannot",
        "HF1023 c.yaml:6 alow",
        "HF1021 c.yaml:6 '61",
        "HF1021 c.yaml:6 0s",
        "HF1021 c.yaml:6 Europe/Berln",
    ]


def test_what_a_broken_envelope_says_is_looked_at_all_the_same() -> None:
    found = told(f"{HEAD.replace('shop', 'Shop')}spec:\n  source: {{repoURL: shop}}\n  destination: {{server: 'tcp://docker 2375'}}\n")
    assert [text.split()[0] for text in found] == ["HF1021", "HF1153", "HF1101"]


def test_annotations_of_ours_are_known_or_refused() -> None:
    text = f"{HEAD}spec: {{{GIT}}}".replace(
        "{name: shop}", "{name: shop, annotations: {holdfast.dev/formt: x, holdfast.dev/rollback: maybe}}"
    )
    assert [(each.code, at(each), each.hint) for each in errors(text)] == [
        ("HF1208", "a.yaml:3 x", "did you mean holdfast.dev/format?"),
        ("HF1207", "a.yaml:3 maybe", 'write "on" or "off" in quotes'),
    ]


@pytest.mark.parametrize("url", [".", "./shop", "/srv/shop", "file:///srv/shop"])
def test_what_was_found_in_git_names_no_local_repository(url: str) -> None:
    (text,) = told(f"{HEAD}spec: {{source: {{repoURL: '{url}'}}}}", folder=None)
    assert text.startswith(f"HF1152 a.yaml:4 '{url} cannot follow Application shop: {url} is a folder of this host")


def test_an_address_with_credentials_is_not_shown() -> None:
    (error,) = errors(f"{HEAD}spec: {{source: {{repoURL: 'https://me:s3cret@git.example/shop'}}}}")
    assert (error.code, error.where[0].line, error.where[0].snippet) == ("HF1154", 4, None)
    assert "s3cret" not in str(error.to_json())


@pytest.mark.parametrize(
    ("text", "code", "place", "reason", "hint"),
    [
        ("", "HF1103", "a.yaml", "it holds nothing", "write an Application into it"),
        (
            "apiVersion: holdfast.dev/v1alpha1\nkind: Process\n",
            "HF1103",
            "a.yaml:2 Process",
            "Process of holdfast.dev is neither an Application nor an AppProject of argoproj.io",
            "give only Applications and AppProjects; other declarations belong into the repository",
        ),
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: Aplication\n",
            "HF1103",
            "a.yaml:2 Aplication",
            "Aplication of argoproj.io is neither an Application nor an AppProject of argoproj.io",
            "did you mean Application?",
        ),
        (
            "apiVersion: argoproj.io/v1\nkind: Application\n",
            "HF1103",
            "a.yaml:1 argoproj.io/v1",
            "there is no apiVersion 'argoproj.io/v1'",
            "write apiVersion: argoproj.io/v1alpha1",
        ),
        (
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\n",
            "HF1103",
            "a.yaml:2 ApplicationSet",
            "an ApplicationSet is not read yet",
            "write the Applications that it would make",
        ),
        (
            "services: {}\n",
            "HF1030",
            "a.yaml:1 services:",
            "it is no resource, apiVersion and kind are missing",
            "this looks like a compose file; name it compose.yaml",
        ),
    ],
)
def test_what_is_no_application_is_told_where_it_belongs(text: str, code: str, place: str, reason: str, hint: str) -> None:
    (error,) = errors(text)
    assert (error.code, at(error), error.message, error.hint) == (code, place, f"cannot read a.yaml: {reason}", hint)


def test_two_of_one_name_are_told_with_both_places() -> None:
    (error,) = errors(f"{HEAD}spec: {{{GIT}}}", f"{HEAD}spec: {{{GIT}}}")
    assert error.code == "HF1104"
    assert [at(error, 0), at(error, 1)] == ["b.yaml:3 shop", "a.yaml:3 shop"]


def test_a_project_forbids_what_it_does_not_allow() -> None:
    project = f"{PROJECT}spec:\n  sourceRepos: [https://git.example/other]\n  destinations: [{{server: '*', namespace: blog}}]\n"
    found = errors(f"{HEAD}spec: {{{GIT}, project: web}}", project)
    assert [(each.code, at(each, 0), at(each, 1)) for each in found] == [
        ("HF1105", "a.yaml:4 {", "b.yaml:6 ["),
        ("HF1105", "a.yaml:4 https://git.example/shop", "b.yaml:5 ["),
    ]
    assert found[0].message == ("cannot follow Application shop: project web does not allow destination host://local, namespace shop")


def test_a_declared_default_project_binds_those_who_name_none() -> None:
    (error,) = errors(
        f"{HEAD}spec: {{{GIT}}}", f"{PROJECT.replace('web', 'default')}spec: {{destinations: [{{server: '*', namespace: '*'}}]}}"
    )
    assert (error.code, error.message) == (
        "HF1105",
        "cannot follow Application shop: project default does not allow repository https://git.example/shop",
    )


def test_a_project_that_asks_for_signatures_is_refused_and_its_applications_are_not_blamed() -> None:
    project = f"{PROJECT}spec:\n  signatureKeys: [{{keyID: '4AEE18F83AFDEB23'}}]\n"
    assert told(f"{HEAD}spec: {{{GIT}, project: web}}", project) == [
        (
            "HF1155 b.yaml:5 signatureKeys: cannot use AppProject web: it asks for signed commits, and signatures are not checked yet "
            "(take spec.signatureKeys out, if commits may be followed unchecked)"
        )
    ]
