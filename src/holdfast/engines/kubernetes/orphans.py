"""Looking for orphans: lists of names of every kind of a namespace, one after the other, each asked for once."""

from __future__ import annotations

from collections.abc import Callable, Collection

from holdfast.engines.kubernetes.answer import Gone
from holdfast.engines.kubernetes.client import Client, Object
from holdfast.errors import EngineError
from holdfast.kubernetes.discovery import ApiResource
from holdfast.kubernetes.orphan import kinds, orphans
from holdfast.model.ids import ResourceId
from holdfast.model.terms import Orphans, OrphanTerms

MOST = 5_000
"""Objects of one kind; beyond them it is not known."""
EVERY_KIND = "*"


async def look_for_orphans(
    client: Client,
    destination: str,
    namespace: str,
    *,
    terms: OrphanTerms,
    permits: Callable[[str, str], bool],
    known: Callable[[], Collection[ResourceId]],
) -> Orphans:
    """Return what nobody has in a namespace. `known` is asked last: what was applied meanwhile is known by then."""
    try:
        listed = kinds(await client.discover(anew=True), permits)
    except EngineError as error:
        return Orphans(unknown={EVERY_KIND: error.message})
    found: dict[str, list[Object]] = {}
    unknown: dict[str, str] = {}
    for resource in listed:
        try:
            found[resource.name], is_whole = await _list(client, resource, namespace)
        except EngineError as error:
            unknown[resource.name] = error.message
        except Gone:
            unknown[resource.name] = "its list was too slow for the server"
        else:
            if not is_whole:
                unknown[resource.name] = f"there are more than {MOST:,}"
    return Orphans(found=orphans(destination, found, known(), terms.ignored), unknown=unknown)


async def _list(client: Client, resource: ApiResource, namespace: str) -> tuple[list[Object], bool]:
    """Return names and owners of the objects of a kind, and whether these are all."""
    items: list[Object] = []
    after = ""
    while True:
        page = await client.page(resource, namespace=namespace, after=after, metadata_only=True)
        items += page.items
        after = page.next
        if not after or len(items) >= MOST:
            return items, not after
