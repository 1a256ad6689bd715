"""What a person may write about how an image is built. Field docstrings are the help text and the reference page.

The words are compose's, as far as Docker's own builder knows them; `build.py` says what of the repository a build sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.model.scalars import NonEmptyStr, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSpec:
    """How the image is built from the files of the repository, by the engine of the Docker host."""

    context: NonEmptyStr = "."
    """Folder that the build sees, relative to the Application's path."""
    dockerfile: NonEmptyStr = "Dockerfile"
    """Dockerfile, relative to the context; `../` leads out of it, not out of the Application's path."""
    inline: NonEmptyStr | None = None
    """Text of the Dockerfile, instead of a file."""
    target: NonEmptyStr | None = None
    """Stage at which the build ends."""
    args: Mapping[NonEmptyStr, str] = field(default_factory=dict)
    """Build arguments. The image tells them to whoever has it: no secrets."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the image."""
    platform: NonEmptyStr | None = None
    """Platform that it is built for, such as linux/arm64."""
    network: NonEmptyStr | None = None
    """Network of its RUN steps: `none`, `host` or one of the host's."""
    extra_hosts: tuple[NonEmptyStr, ...] = ()
    """Lines of /etc/hosts during the build, as name=address."""
    shm_size: Size | None = None
    """Size of /dev/shm during the build."""
    cache_from: tuple[NonEmptyStr, ...] = ()
    """Images whose layers may be used again."""
    pull: bool = False
    """Whether its base images are asked for anew."""
    no_cache: bool = False
    """Whether no layer of an earlier build is used."""
    tags: tuple[NonEmptyStr, ...] = ()
    """Further names of the image."""
    ignore: tuple[str, ...] = ()
    """Lines of the .dockerignore; read from the context."""
    files: NonEmptyStr | None = None
    """Digest of what the build sees; made from the repository: other files are another image."""
