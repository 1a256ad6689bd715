"""Guards of nginx files as fields of a Site: who may ask, and how often."""

from __future__ import annotations

import ipaddress
from typing import Any

from holdfast.edge.import_place import Ground, Notebook, Place
from holdfast.edge.import_value import accepted, key_of
from holdfast.edge.route_spec import AuthSpec, BasicAuth, ConcurrencySpec, MtlsAuth, RateLimitSpec, SecretRef
from holdfast.edge.scalar import ClientKey, Line, Rate
from holdfast.edge.tree import Directive

REFUSED = 403


def access(place: Place, notebook: Notebook) -> dict[str, Any] | None:
    """Return `allow` and `deny`; None where nobody gets in at all."""
    said = place.said("allow", "deny")
    rules = [(each.name, each.args[0] if each.args else "", each) for each in said]
    end = next((at for at, (_, whom, _) in enumerate(rules) if whom == "all"), len(rules))
    is_closed = end < len(rules) and rules[end][0] == "deny"
    listed = [(name, _network(whom), each) for name, whom, each in rules[:end]]
    for _, network, each in listed:
        if network is None:
            notebook.cannot(each, f"{' '.join(each.args)} is no network")
    denied = [network for name, network, _ in listed if name == "deny" and network]
    allowed = [network for name, network, _ in listed if name == "allow" and network]
    if [name for name, _, _ in listed] != ["deny"] * len(denied) + ["allow"] * len(allowed):
        notebook.cannot(said[0], "exceptions of exceptions: allow and deny take turns")
    if is_closed and not allowed:
        return None
    if allowed and not is_closed and end == len(rules):
        notebook.change("allow-without-deny", "nobody else gets in", said[0])
        is_closed = True
    return {**({"deny": tuple(denied)} if denied else {}), **({"allow": tuple(allowed)} if allowed and is_closed else {})}


def _network(text: str) -> str | None:
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return None


def auth(place: Place, notebook: Notebook) -> AuthSpec | None:
    """Return what clients must show."""
    basic, mtls = None, None
    said = place.said("auth_basic")
    if said and said[-1].args[:1] != ("off",):
        users, realm = place.word("auth_basic_user_file"), place.word("auth_basic") or "restricted"
        if users is None or "$" in users or accepted(Line, realm) is None or "$" in realm:
            notebook.cannot(said[-1], "whose passwords count is not said by a file")
        else:
            basic = BasicAuth(users=SecretRef(secret=notebook.secret(users)), realm=realm)
    verify = place.said("ssl_verify_client")
    if verify and verify[-1].args[:1] == ("on",):
        ca, depth = place.word("ssl_client_certificate"), place.word("ssl_verify_depth") or "1"
        if ca is None or not depth.isdigit():
            notebook.cannot(verify[-1], "who signs the clients' certificates is not said by a file")
        else:
            notebook.change("mtls-status", "who shows no certificate gets 403, not 400", verify[-1])
            mtls = MtlsAuth(ca=SecretRef(secret=notebook.secret(ca)), depth=int(depth))
    elif verify and verify[-1].args[:1] != ("off",):
        notebook.cannot(verify[-1], f"certificates of clients are asked for: {' '.join(verify[-1].args)}")
    return AuthSpec(basic=basic, mtls=mtls) if basic or mtls else None


def limits(place: Place, ground: Ground, notebook: Notebook) -> dict[str, Any]:
    """Return `rate_limit` and `concurrency`."""
    found: dict[str, Any] = {}
    rates = tuple(rate for each in place.said("limit_req") if (rate := _rate(each, place, ground, notebook)) is not None)
    if rates:
        found["rate_limit"] = rates
        _same_status(place, "limit_req_status", notebook)
    counts = place.said("limit_conn")
    if len(counts) > 1:
        notebook.cannot(counts[1], "connections are counted in two ways")
    elif counts and (spec := _concurrency(counts[0], ground, notebook)) is not None:
        found["concurrency"] = spec
        _same_status(place, "limit_conn_status", notebook)
    return found


def _same_status(place: Place, name: str, notebook: Notebook) -> None:
    if place.word(name) != "429":
        notebook.change("limit-status", "who asks too often gets 429, not 503", place.block)


def _rate(it: Directive, place: Place, ground: Ground, notebook: Notebook) -> RateLimitSpec | None:
    words = {word.partition("=")[0]: word.partition("=")[2] for word in it.args}
    zone = ground.zones.get(f"limit_req_zone {words.get('zone', '')}")
    key = _key(zone)
    rate = next((word.removeprefix("rate=") for word in (zone.args if zone is not None else ()) if word.startswith("rate=")), "")
    burst = words.get("burst") or "0"
    if key is None or accepted(Rate, rate) is None or not burst.isdigit():
        notebook.cannot(it, f"requests are counted by {' '.join(zone.args[:1]) if zone is not None else 'a zone that nobody says'}")
        return None
    if "delay" in words:
        notebook.cannot(it, "delay= lets some wait and others not")
    is_dry = place.word("limit_req_dry_run") == "on"
    return RateLimitSpec(rate=rate, key=key, burst=int(burst), delay=bool(int(burst)) and "nodelay" not in words, dry_run=is_dry)


def _concurrency(it: Directive, ground: Ground, notebook: Notebook) -> ConcurrencySpec | None:
    name, number = (*it.args, "", "")[:2]
    key = _key(ground.zones.get(f"limit_conn_zone {name}"))
    if key is None or not number.isdigit() or int(number) < 1:
        notebook.cannot(it, "connections are counted by what no field says")
        return None
    return ConcurrencySpec(limit=int(number), key=key)


def _key(zone: Directive | None) -> str | None:
    key = key_of(zone.args[0]) if zone is not None and zone.args else None
    return None if key is None or accepted(ClientKey, key) is None else key
