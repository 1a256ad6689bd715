"""Reader: what an Application and its project say, as values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.core.policy import Settings
from holdfast.core.retry import RetryPolicy
from holdfast.declare.select import Directory
from holdfast.declare.source import Source
from holdfast.delivery.application import Application, Applications, Context
from holdfast.delivery.reader import read_applications
from holdfast.errors import DeclarationError, Where
from holdfast.model.resource import Origin

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
OPERATOR = Context(folders={"apps/shop.yaml": "/etc/holdfast/apps"})


def read(text: str, context: Context = OPERATOR) -> Applications:
    return read_applications([("apps/shop.yaml", text.encode())], context)


def only(text: str, context: Context = OPERATOR) -> Application:
    (application,) = read(text, context)
    return application


def shop(spec: str = "", metadata: str = "") -> str:
    return f"{HEAD}metadata:\n  name: shop\n{metadata}spec:\n  source: {{repoURL: https://git.example/shop}}\n{spec}"


def messages(application: Application) -> list[str]:
    return [f"{warning.origin}: {warning.message}" for warning in application.warnings]


def test_an_application_in_full() -> None:
    application = only(
        """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop
  namespace: argocd
  labels: {team: web}
  annotations:
    holdfast.dev/format: procfile
    holdfast.dev/rollback: "off"
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: default
  destination: {server: host://local, namespace: production}
  source:
    repoURL: git@git.example:team/shop.git
    targetRevision: ^1.2
    path: ./deploy//production/
    directory: {recurse: true, include: '{web,worker}.yaml', exclude: 'old*'}
  syncPolicy:
    automated: {prune: true, selfHeal: true, allowEmpty: true}
    syncOptions: [CreateNamespace=true, ApplyOutOfSyncOnly=true]
    retry: {limit: -1, backoff: {duration: 5, factor: 3, maxDuration: 2m}}
  info: [{name: Chat, value: 'https://chat.example/shop'}]
operation: {sync: {revision: abc}}
status: {sync: {status: Synced}}
"""
    )
    assert application == Application(
        name="shop",
        project="default",
        sources=(
            Source(
                repository="git@git.example:team/shop.git",
                target_revision="^1.2",
                path="deploy/production",
                directory=Directory(recurse=True, include="{web,worker}.yaml", exclude="old*"),
            ),
        ),
        namespace="production",
        destination="host",
        annotations={"holdfast.dev/format": "procfile", "holdfast.dev/rollback": "off"},
        annotation_places={
            "holdfast.dev/format": Where(path="apps/shop.yaml", line=9, column=26, snippet="    holdfast.dev/format: procfile"),
            "holdfast.dev/rollback": Where(path="apps/shop.yaml", line=10, column=28, snippet='    holdfast.dev/rollback: "off"'),
        },
        labels={"team": "web"},
        origin=Origin(path="apps/shop.yaml", line=2, revision=""),
        settings=Settings(automated=True, prune=True, self_heal=True, allow_empty=True),
        retry=RetryPolicy(limit=-1, duration_s=5.0, factor=3.0, max_duration_s=120.0),
        rollback="off",
        cascade=True,
        info=(("Chat", "https://chat.example/shop"),),
    )


def test_what_is_not_written_has_argo_cds_defaults() -> None:
    application = only(shop())
    assert (application.project, application.target_revision, application.path) == ("default", "HEAD", "")
    assert (application.namespace, application.destination) == ("shop", "host")
    assert (application.settings, application.retry) == (Settings(), RetryPolicy())
    assert (application.rollback, application.cascade, application.windows, application.warnings) == (None, False, (), ())
    assert application.window(0.0, False).allowed


def test_an_empty_automated_switches_it_on_and_enabled_false_off() -> None:
    assert only(shop("  syncPolicy: {automated: {}}")).settings == Settings(automated=True)
    off = only(shop("  syncPolicy: {automated: {enabled: false, prune: true, selfHeal: true}}")).settings
    assert off == Settings(automated=False, prune=True, self_heal=False)
    assert only(shop("  syncPolicy: {automated: {enabled: null}}")).settings.automated
    assert not only(shop("  syncPolicy: {automated: }")).settings.automated


def test_a_written_retry_without_a_limit_retries_not_at_all() -> None:
    assert only(shop("  syncPolicy: {retry: {backoff: {duration: 1m}}}")).retry == RetryPolicy(limit=0, duration_s=60.0)


def test_prune_options_reach_the_settings() -> None:
    automated = "  syncPolicy: {automated: {prune: true}, syncOptions: [%s]}"
    assert only(shop(automated % "Prune=false")).settings.prune is False
    asks = only(shop(automated % "Prune=confirm")).settings
    assert (asks.prune, asks.prune_share, asks.prune_free) == (True, 0.0, 0)
    assert only(shop(automated % "Prune=true")).settings == Settings(automated=True, prune=True)


def test_the_prune_limit_is_the_local_configurations() -> None:
    context = replace(OPERATOR, prune_share=0.1, prune_free=2)
    for policy in ("", "  syncPolicy: {automated: {}}"):
        settings = only(shop(policy), context).settings
        assert (settings.prune_share, settings.prune_free) == (0.1, 2)


def test_delete_false_holds_the_cascade_back() -> None:
    finalizer = "  finalizers: [resources-finalizer.argocd.argoproj.io/background]\n"
    assert only(shop(metadata=finalizer)).cascade
    assert not only(shop("  syncPolicy: {syncOptions: [Delete=false]}", finalizer)).cascade


def test_a_local_repository_is_relative_to_the_file_and_named_by_the_operator() -> None:
    for url, folder in {
        ".": "/etc/holdfast/apps",
        "./shop": "/etc/holdfast/apps/shop",
        "../../srv/./shop/": "/etc/srv/shop",
        "/srv/shop": "/srv/shop",
        "file:///srv/a%20b": "/srv/a b",
        "file://localhost/srv/shop": "/srv/shop",
    }.items():
        found = read(f"{HEAD}metadata: {{name: shop}}\nspec: {{source: {{repoURL: '{url}'}}}}")
        assert [(each.repository, each.sources[0].is_local) for each in found] == [(folder, True)]
        assert found.local_repositories == {folder}
    assert read(shop()).local_repositories == frozenset()


def test_one_of_several_sources_is_honoured() -> None:
    application = only(f"{HEAD}metadata: {{name: shop}}\nspec:\n  sources:\n  - {{repoURL: https://git.example/a, path: b, name: web}}")
    assert (application.repository, application.path, application.warnings) == ("https://git.example/a", "b", ())


def test_sources_win_over_source_and_it_is_told() -> None:
    application = only(shop("  sources: [{repoURL: https://git.example/b}]"))
    assert application.repository == "https://git.example/b"
    assert messages(application) == [
        "apps/shop.yaml:6: spec.source of Application shop is not honoured: spec.sources is there too, and wins"
    ]


def test_what_a_hydrator_writes_is_followed() -> None:
    application = only(
        f"""{HEAD}metadata: {{name: shop}}
spec:
  sourceHydrator:
    drySource: {{repoURL: https://git.example/dry, path: dry, targetRevision: HEAD}}
    syncSource: {{targetBranch: env/prod, path: shop}}
    hydrateTo: {{targetBranch: env/prod-next}}
"""
    )
    assert (application.repository, application.target_revision, application.path) == ("https://git.example/dry", "env/prod", "shop")
    assert [text.partition(" of ")[0] for text in messages(application)] == ["apps/shop.yaml:5: spec.sourceHydrator"]


def test_an_application_may_be_json() -> None:
    text = (
        b'{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"shop"},"spec":{"source":{"repoURL":"https://a/b"}}}'
    )
    (application,) = read_applications([("shop.json", text)], Context())
    assert (application.name, application.repository) == ("shop", "https://a/b")


def test_a_file_may_hold_several_and_their_project_in_another() -> None:
    allowed = "{sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]}"
    project = f"apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: web}}\nspec: {allowed}\n".encode()
    text = f"{shop('  project: web')}\n---\n{shop().replace('shop', 'blog')}".encode()
    found = read_applications([("a.yaml", text), ("b.yaml", project)], Context())
    assert [(each.name, each.project, each.origin.line) for each in found] == [("shop", "web", 1), ("blog", "default", 9)]


def test_a_destination_out_of_reach_is_a_stated_result_where_nothing_is_applied() -> None:
    text = shop("  destination: {server: 'https://kubernetes.default.svc', namespace: prod}")
    application = only(text, replace(OPERATOR, is_render=True))
    assert application.destination == "https://kubernetes.default.svc"
    assert messages(application) == [
        (
            "apps/shop.yaml:7: Application shop cannot be applied: destination https://kubernetes.default.svc is a Kubernetes cluster, "
            "and the local configuration does not reach it"
        )
    ]


def test_sync_windows_of_the_project_are_the_applications() -> None:
    found = read(
        shop("  project: web")
        + """
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: web}
spec:
  sourceRepos: ['*']
  destinations: [{server: 'host://*', namespace: '*'}]
  syncWindows:
  - {kind: deny, schedule: '0 22 * * *', duration: 1h, applications: [sh*], timeZone: Europe/Berlin, description: backup}
  - {kind: allow, schedule: '* * ? * *', duration: 1m, namespaces: [other]}
  - {kind: allow, schedule: '0 0 1 1 *', duration: 1m}
"""
    )
    (application,) = found
    assert [str(window) for window in application.windows] == ["'0 22 * * *' for 1h (Europe/Berlin), backup"]
    # 2026-01-01 22:30 in Berlin.
    closed = application.window(1767303000.0, False)
    assert (closed.allowed, closed.until) == (False, 1767304800.0)
    assert closed.reason == "sync window '0 22 * * *' for 1h (Europe/Berlin), backup denies it"
    assert messages(application) == [
        (
            "apps/shop.yaml:18: spec.syncWindows[2] of AppProject web is not honoured: it names no applications, namespaces or clusters, "
            "so it is for none"
        )
    ]


def test_equal_files_give_equal_applications() -> None:
    assert read(shop()) == read(shop())


CHART = """{repoURL: https://charts.example/Stable/, chart: nginx, targetRevision: 1.2.x, helm: {releaseName: web}}"""


def test_a_chart_is_a_repository_of_its_own() -> None:
    application = only(f"{HEAD}metadata: {{name: shop}}\nspec:\n  source: {CHART}\n")
    assert application.repository == "helm+https://charts.example/Stable#nginx"
    [source] = application.sources
    assert (source.target_revision, source.path, source.is_local) == ("1.2.x", "", False)
    assert source.helm == {"releaseName": "web"}


def test_a_chart_and_its_values_are_two_sources() -> None:
    chart = CHART.replace("releaseName: web", "valueFiles: [$values/production.yaml]")
    values = "{repoURL: https://git.example/values, ref: values}"
    application = only(f"{HEAD}metadata: {{name: shop}}\nspec:\n  sources: [{chart}, {values}]\n")
    assert [(each.repository, each.ref, each.has_resources, each.written) for each in application.sources] == [
        ("helm+https://charts.example/Stable#nginx", "", True, "spec.sources[0]"),
        ("https://git.example/values", "values", False, "spec.sources[1]"),
    ]
    whole = only(f"{HEAD}metadata: {{name: shop}}\nspec:\n  sources: [{chart}, {values.replace('ref:', 'path: ., ref:')}]\n")
    assert [(each.path, each.has_resources) for each in whole.sources] == [("", True), ("", True)], "a path gives resources, be it ."


def test_every_source_must_be_of_the_project() -> None:
    project = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: web}\nspec: {sourceRepos: ['https://git.example/*'], "
    project += "destinations: [{server: '*', namespace: '*'}]}\n---\n"
    spec = f"{HEAD}metadata: {{name: shop}}\nspec:\n  project: web\n  sources: [{{repoURL: https://git.example/a}}, {{repoURL: %s}}]\n"
    assert len(only(project + spec % "https://git.example/b").sources) == 2
    with pytest.raises(DeclarationError) as raised:
        read(project + spec % "https://other.example/b")
    assert (raised.value.code, "repository https://other.example/b" in raised.value.message) == ("HF1105", True)


def test_a_project_compares_the_address_of_a_chart_as_it_is_written() -> None:
    destinations = "destinations: [{server: '*', namespace: '*'}]"
    project = (
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: web}\nspec: {sourceRepos: ['%s'], "
        + destinations
        + "}\n---\n"
    )
    spec = f"{HEAD}metadata: {{name: shop}}\nspec:\n  project: web\n  source: {CHART}\n"
    assert only(project % "https://charts.example/*/" + spec).repository == "helm+https://charts.example/Stable#nginx"
    with pytest.raises(DeclarationError) as raised:
        read(project % "https://other.example/*" + spec)
    assert (raised.value.code, "repository https://charts.example/Stable/" in raised.value.message) == ("HF1105", True)


def test_a_path_beside_a_chart_is_told() -> None:
    application = only(f"{HEAD}metadata: {{name: shop}}\nspec:\n  source: {CHART.replace('chart: nginx', 'chart: nginx, path: deploy')}\n")
    assert application.path == ""
    assert any(
        "path of Application shop is not honoured: a chart of a Helm repository is rendered from its top" in it
        for it in messages(application)
    )


def test_credentials_in_the_address_of_a_chart_are_not_shown() -> None:
    with pytest.raises(DeclarationError) as raised:
        read(f"{HEAD}metadata: {{name: shop}}\nspec:\n  source: {CHART.replace('https://', 'https://ada:pass-word@')}\n")
    assert (raised.value.code, "pass-word" in str(raised.value.to_json())) == ("HF1154", False)
