"""Unhonoured: what is understood and has no effect is told, once, with its line."""

from __future__ import annotations

from holdfast.delivery.application import Context
from holdfast.delivery.reader import read_applications
from holdfast.model.resource import Warning
from holdfast.model.terms import Terms

APPLICATION = """apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop
  uid: 1234
  finalizers: [resources-finalizer.argocd.argoproj.io, foreground]
  annotations:
    argocd.argoproj.io/sync-wave: "1"
    argocd.argoproj.io/refresh: hard
    argocd.argoproj.io/manifest-generate-paths: .
    argocd.argoproj.io/refrsh: hard
    notifications.argoproj.io/subscribe.on-sync-failed.slack: team
    example.org/mine: anything
spec:
  source:
    repoURL: https://git.example/shop
    helm: {valueFiles: [values.yaml]}
    kustomize: {}
    plugin: {name: cmp}
    ref: values
    tagPrefix: shop/
    directory: {disableExtensionFilter: true, jsonnet: {}}
  syncPolicy:
    managedNamespaceMetadata: {labels: {a: b}}
    syncOptions:
    - CreateNamespace=true
    - PruneLast=true
  ignoreDifferences:
  - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}
  revisionHistoryLimit: 3
"""

PROJECT = """apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: web}
spec:
  description: all of it
  sourceRepos: ['*']
  destinations: [{server: '*', namespace: '*'}]
  roles: [{name: ci, policies: ['p, proj:web:ci, applications, sync, web/*, allow']}]
  clusterResourceWhitelist: [{group: '*', kind: '*'}]
  clusterResourceBlacklist: [{group: '', kind: Namespace}]
  namespaceResourceWhitelist: []
  namespaceResourceBlacklist: [{group: '', kind: Secret}]
  orphanedResources: {warn: true, ignore: [{kind: Secret}]}
  sourceNamespaces: [apps]
  permitOnlyProjectScopedClusters: true
  destinationServiceAccounts: [{server: '*', namespace: '*', defaultServiceAccount: robot}]
"""


def told(warnings: tuple[Warning, ...], subject: str = "Application shop") -> list[tuple[str, int, str, str]]:
    """Return reason, line, what is not honoured, and why."""
    found = []
    for warning in warnings:
        what, _, why = warning.message.partition(f" of {subject} is not honoured")
        found.append((warning.reason, warning.origin.line if warning.origin else 0, what, why.lstrip(": ")))
    return found


def test_what_an_application_says_in_vain() -> None:
    (application,), _ = found(APPLICATION)
    field, annotation = "FieldNotHonoured", "AnnotationNotHonoured"
    assert told(application) == [
        (field, 5, "metadata.uid", "a cluster writes it"),
        (annotation, 8, "annotation argocd.argoproj.io/sync-wave", "it counts where another Application declares this one"),
        (annotation, 9, "annotation argocd.argoproj.io/refresh", "a repository is looked at when it moves"),
        (annotation, 11, "annotation argocd.argoproj.io/refrsh", "it is unknown, did you mean argocd.argoproj.io/refresh?"),
        (annotation, 12, "annotation notifications.argoproj.io/subscribe.on-sync-failed.slack", "notifications are not sent yet"),
        (field, 28, "spec.ignoreDifferences", "every field that is declared is compared"),
        (field, 30, "spec.revisionHistoryLimit", "history is kept for a time, not for a count of revisions"),
        (field, 24, "spec.syncPolicy.managedNamespaceMetadata", "a host has no namespaces to create"),
        (field, 22, "spec.source.directory.disableExtensionFilter", "only .yaml, .yml and .json files are read"),
        (field, 19, "spec.source.plugin", "plugins are never run"),
        (field, 20, "spec.source.ref", "there is no other source that could take files of this one"),
        (field, 21, "spec.source.tagPrefix", "a range of versions looks at tags that are plain versions"),
        (field, 17, "spec.source.helm", "a chart gives objects of a cluster, and the destination is none"),
        ("SyncOptionNotHonoured", 27, "sync option PruneLast=true", "yet"),
        (field, 6, "metadata.finalizers[1]", "foreground is not known; resources-finalizer.argocd.argoproj.io is"),
    ]


def test_what_a_project_says_in_vain() -> None:
    _, unused = found(PROJECT)
    assert [(line, what) for _, line, what, _ in told(unused, "AppProject web")] == [
        (16, "spec.destinationServiceAccounts"),
        (15, "spec.permitOnlyProjectScopedClusters"),
        (8, "spec.roles"),
    ]


def test_a_projects_warnings_are_its_applications() -> None:
    text = f"{APPLICATION.replace('spec:', 'spec:' + chr(10) + '  project: web', 1)}---\n{PROJECT}"
    (application,), unused = found(text)
    assert unused == ()
    assert sum("AppProject web" in warning.message for warning in application) == 4


def test_a_warning_names_the_revision_of_what_was_found_in_git() -> None:
    found = read_applications([("a.yaml", APPLICATION.encode())], Context(revision="abc123"))
    assert {warning.origin.revision for each in found for warning in each.warnings if warning.origin} == {"abc123"}


def found(text: str) -> tuple[list[tuple[Warning, ...]], tuple[Warning, ...]]:
    """Return the warnings of each Application, and those of no Application."""
    read = read_applications([("a.yaml", text.encode())], Context())
    return [each.warnings for each in read], read.warnings


def test_an_option_that_only_a_cluster_could_honour_is_told_of_where_one_is_reached() -> None:
    text = """apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  source: {repoURL: https://git.example.com/shop.git, path: .}
  destination: {server: SERVER, namespace: prod}
  syncPolicy: {syncOptions: [ServerSideApply=false, CreateNamespace=true, PruneLast=true]}
  ignoreDifferences: [{kind: ConfigMap, jqPathExpressions: [.data]}]
"""
    server = "https://kubernetes.default.svc"
    (there,) = read_applications(
        [("a.yaml", text.replace("SERVER", server).encode())], Context(revision="abc", clusters={server: "cluster"})
    )
    (here,) = read_applications([("a.yaml", text.replace("SERVER", "host://local").encode())], Context(revision="abc"))
    assert [(it.reason, it.message) for it in there.warnings] == [
        (
            "SyncOptionNotHonoured",
            "sync option ServerSideApply=false of Application shop is not honoured: objects are always applied on the server's side",
        ),
    ]
    assert there.terms.options == {"ServerSideApply": "false", "CreateNamespace": "true", "PruneLast": "true"}
    assert [it.message for it in here.warnings][1:] == ["sync option PruneLast=true of Application shop is not honoured yet"]
    assert here.terms == Terms()
