"""Charts: what a render asks of helm, put together from the request of the render."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from holdfast.declare.request import RenderRequest
from holdfast.declare.select import root_of
from holdfast.host.config import Config
from holdfast.host.helm import Blobs, Helm, Request, nothing_known
from holdfast.kubernetes.helm.call import Chart


def charted(
    git: Blobs, config: Config, kept: Path | None, served: Callable[[str], Awaitable[tuple[str, tuple[str, ...]]]] = nothing_known
) -> Callable[[RenderRequest], Awaitable[bytes | None]]:
    """Return who answers a render's ask for its chart; `served` as for Helm."""
    helm = Helm(git=git, search_path=config.path, kept=kept, served=served)

    async def answer(request: RenderRequest) -> bytes | None:
        revision = request.tree.revision
        chart = Chart(
            application=request.application,
            namespace=request.namespace,
            root=root_of(request.tree),
            revision=revision.commit,
            repository=revision.repository,
            target_revision=revision.ref,
        )
        whole = request.repository if request.repository is not None else request.tree
        asked = Request(chart=chart, options=request.helm, tree=request.tree, repository=whole, others=request.refs)
        return await helm.template(asked, request.destination)

    return answer
