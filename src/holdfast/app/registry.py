"""Which kinds and formats there are. A new room adds its own here."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from holdfast.declare.registry import Registry
from holdfast.edge.certificate import CertificateKind
from holdfast.edge.edge import EdgeKind
from holdfast.edge.issuer import Hook, Means
from holdfast.edge.nginx_file import NginxFileKind
from holdfast.edge.site import SiteKind, SitePartKind
from holdfast.host.config import Config
from holdfast.kubernetes.helm.format import Helm
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.kubernetes.kustomize.format import Kustomize
from holdfast.workload.compose.format import Compose
from holdfast.workload.container import ContainerKind
from holdfast.workload.file import FileKind
from holdfast.workload.ground import Ground
from holdfast.workload.image_policy import ImagePolicyKind
from holdfast.workload.network import NetworkKind
from holdfast.workload.network_namespace import NetworkNamespaceKind
from holdfast.workload.pm2 import Pm2
from holdfast.workload.port_guard import PortGuardKind
from holdfast.workload.process import ProcessKind
from holdfast.workload.procfile import Procfile
from holdfast.workload.volume import VolumeKind


def registry(
    file_roots: tuple[str, ...] | None = None,
    *,
    lent: Means | None = None,
    ground: Ground | None = None,
    clusters: Collection[str] = (),
    is_render: bool = False,
    is_folder: bool = False,
) -> Registry:
    """Return all kinds and formats; with `file_roots` a File that lies beneath none of them is refused at its line. `lent`: to issuers.

    `ground`: what this host can do to keep networks private. `clusters`: destinations that are reached. `is_folder`: a person names
    a folder to be rendered, and a chart there is meant.

    No engine applies containers yet: unless they are only rendered, they are refused.
    """
    roots = file_roots or ()
    containers = (
        ContainerKind(is_reached=is_render, host_roots=roots, ground=ground),
        NetworkKind(is_reached=is_render, ground=ground),
        VolumeKind(is_reached=is_render, host_roots=roots),
    )
    objects = KubernetesKind(None if is_render else frozenset(clusters))
    charts = (Helm(objects),)
    edge = (SiteKind(), SitePartKind(), NginxFileKind(), CertificateKind(), EdgeKind(lent))
    return Registry(
        kinds=(ProcessKind(ground), PortGuardKind(), NetworkNamespaceKind(), FileKind(file_roots), ImagePolicyKind(), *edge, *containers),
        formats=(
            Procfile(),
            Pm2(),
            Compose(is_reached=is_render, host_roots=roots),
            Kustomize(objects, is_reached=is_render),
            *(charts if is_folder else ()),
        ),
        cluster_formats=() if is_folder else charts,
        foreign=objects,
    )


def means(config: Config) -> Means:
    """Return what this host lends to issuers: programs in the hooks folder by their names, and certbot's folder."""
    folder = Path(config.get("edge.hooks"))
    found = sorted(path for path in folder.iterdir() if path.is_file() and path.stat().st_mode & 0o111) if folder.is_dir() else []
    return Means(hooks={path.name: Hook(command=(str(path),)) for path in found}, certbot=config.get("edge.certbot") or None)
