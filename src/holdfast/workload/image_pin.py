"""Pinning: the images that a file names, each with the digest that its tag is now, so that nobody can put another one under the tag.

Reads compose files, Containers and whatever of Kubernetes holds containers. Laws: what is written differs from what was read in the images
alone, the tag stays before the digest, and pinning what is pinned changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.declare.document import Path
from holdfast.declare.yaml_scalar import Scalar, replaced, scalars
from holdfast.kit.image_reference import LATEST, ImageReference

CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
"""Lists of a Kubernetes pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One image that a file names: where, and as what. `reason` says why it cannot be pinned, where it cannot."""

    scalar: Scalar
    image: ImageReference | None = None
    reason: str = ""

    @property
    def is_pinned(self) -> bool:
        return self.image is not None and self.image.digest is not None

    @property
    def tagged(self) -> ImageReference | None:
        """What its registry is asked for: the tag, whatever digest stands behind it."""
        return None if self.image is None else self.image.with_digest(None)


def images_of(text: str) -> tuple[Named, ...]:
    """Return the images that a YAML text names, in order. Raises ValueError as `scalars` does where it is none."""
    found = scalars(text)
    kinds = {each.document: each.value for each in found if each.path == ("kind",)}
    built = {(each.document, each.path[1]) for each in found if each.path[:1] == ("services",) and each.path[2:3] == ("build",)}
    return tuple(
        _named(each) for each in found if _is_image(each, kinds.get(each.document)) and (each.document, _second(each)) not in built
    )


def pinned(text: str, digests: Mapping[ImageReference, str], *, is_update: bool = False) -> str:
    """Return a text whose images have the digests of `digests`, by image without a digest; those that are not in it stay.

    What is pinned stays too, unless `is_update`.
    """
    values: dict[Scalar, str] = {}
    for named in images_of(text):
        digest = digests.get(named.tagged) if named.tagged is not None else None
        if digest is not None and (is_update or not named.is_pinned):
            values[named.scalar] = spelled(named.scalar.value, digest)
    return replaced(text, values)


def spelled(written: str, digest: str) -> str:
    """Return an image as it was written, with a digest; `latest` is written out, so that the name still says what was meant."""
    name = written.partition("@")[0]
    has_tag = ":" in name.rpartition("/")[2]
    return f"{name}@{digest}" if has_tag else f"{name}:{LATEST}@{digest}"


def _is_image(scalar: Scalar, kind: str | None) -> bool:
    path = scalar.path
    if not path or path[-1] != "image":
        return False
    if kind is None:
        return len(path) == 3 and path[0] == "services"
    if kind == "Container":
        return path == ("spec", "image")
    return len(path) >= 3 and path[-3] in CONTAINERS and isinstance(path[-2], int)


def _second(scalar: Scalar) -> str | int | None:
    path: Path = scalar.path
    return path[1] if len(path) > 1 else None


def _named(scalar: Scalar) -> Named:
    if "$" in scalar.value:
        return Named(scalar=scalar, reason="it holds a variable: pin what the variable stands for")
    try:
        return Named(scalar=scalar, image=ImageReference.parse(scalar.value))
    except ValueError as error:
        return Named(scalar=scalar, reason=str(error).partition(": ")[2])
