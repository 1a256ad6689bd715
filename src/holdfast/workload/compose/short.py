"""Short: ports, volumes, devices, hosts and commands that are written in one text → their long form as plain values.

Pure text, no places: forms puts them there. Sources: compose-spec `05-services.md`, docker `go-connections/nat` for ports, mattn
`go-shellwords` for commands. Each raises ValueError with the reason.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.kit.canonical import Json
from holdfast.workload.compose.template import closing

MOST_PORTS = 20_000
"""Of one entry: a range of more is refused, since each becomes a port of its own."""
_PORT = re.compile(r"[0-9]{1,6}")
_PROTOCOLS = frozenset({"tcp", "udp", "sctp"})
_PROPAGATION = frozenset({"rprivate", "private", "rshared", "shared", "rslave", "slave"})
_SELINUX = frozenset({"z", "Z"})
_BREAKS = frozenset(";&|<>")


def ports(text: str) -> Iterator[dict[str, Json]]:
    """Yield each port of `[address:][host:]container[/protocol]`, where host and container may be ranges of equal length.

    A range of host ports for one container port stays a range: the engine takes a free one of it.
    """
    written, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash and protocol else "tcp"
    address, published, target = _parts(written)
    if not target:
        raise ValueError("no container port is named")
    first, last = _range(target, "container port")
    host = _range(published, "host port") if published else None
    if protocol not in _PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}")
    if host is not None and last - first != host[1] - host[0] and first != last:
        raise ValueError(f"host ports {published} and container ports {target} are ranges of different length")
    if last - first >= MOST_PORTS:
        raise ValueError(f"a range of {last - first + 1:,} ports, at most {MOST_PORTS:,}")
    for index in range(last - first + 1):
        port: dict[str, Json] = {"mode": "ingress"}
        if address:
            port["host_ip"] = address
        port["target"] = first + index
        if host is not None:
            port["published"] = f"{host[0]}-{host[1]}" if first == last and host[0] != host[1] else str(host[0] + index)
        port["protocol"] = protocol
        yield port


def _parts(written: str) -> tuple[str, str, str]:
    """Return address, host port and container port as written; the address may be in brackets or a bare IPv6 one."""
    front, _, target = written.rpartition(":")
    address, _, published = front.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    if address:
        try:
            ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            raise ValueError(f"{address!r} is no IP address") from None
    return address, published, target


def _range(text: str, what: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    numbers = [int(part) for part in ((first, last) if dash else (first, first)) if _PORT.fullmatch(part)]
    if len(numbers) != 2 or max(numbers) > 65535:
        raise ValueError(f"{text!r} is no {what}")
    if numbers[1] < numbers[0]:
        raise ValueError(f"the {what} range {text} runs backwards")
    return numbers[0], numbers[1]


def published_range(text: str) -> tuple[int, int]:
    """Return first and last of a published port: `8080` or `8080-8090`."""
    return _range(text, "host port")


def volume(text: str) -> dict[str, Json]:
    """Return the long form of `[source:]target[:options]`. A source that is a path makes a bind, any other a named volume.

    Letters of Windows drives are no separators, nor is what stands within `${…}`.
    """
    if not text:
        raise ValueError("it is empty")
    if len(text) <= 2:
        return {"type": "volume", "target": text}
    parts = _sections(text)
    if "" in parts:
        raise ValueError("a part between colons is empty")
    if len(parts) > 3:
        raise ValueError("it has too many colons")
    source, target, options = ("", parts[0], "") if len(parts) == 1 else (*parts, "") if len(parts) == 2 else parts
    return _mount(source, target, options.split(","))


def _mount(source: str, target: str, options: list[str]) -> dict[str, Json]:
    is_bind = is_file_path(source)
    found: dict[str, Json] = {"type": "bind" if is_bind else "volume"}
    if source:
        found["source"] = source
    found["target"] = target
    if "ro" in options and "rw" not in options[options.index("ro") :]:
        found["read_only"] = True
    bind: dict[str, Json] = {}
    for option in options:
        if option in _PROPAGATION:
            bind["propagation"] = option
        elif option in _SELINUX:
            bind["selinux"] = option
    if is_bind or bind:
        found["bind"] = bind
    if not is_bind:
        found["volume"] = {"nocopy": True} if "nocopy" in options else {}
    return found


def _sections(text: str) -> list[str]:
    sections: list[str] = []
    start = at = 0
    while at < len(text):
        if text.startswith("${", at) and (end := closing(text, at + 1)) is not None:
            at = end
        elif text[at] == ":" and not (at - start == 1 and text[start].isalpha()):
            sections.append(text[start:at])
            start = at + 1
        at += 1
    if start < len(text) or text.endswith(":"):
        sections.append(text[start:])
    return sections


def is_file_path(source: str) -> bool:
    """Say whether the source of a mount is a path of the host and no name of a volume."""
    return source.startswith((".", "/", "~", "\\\\")) or is_windows_path(source)


def is_windows_path(text: str) -> bool:
    return len(text) > 1 and text[0].isalpha() and text[1] == ":"


def device(text: str) -> dict[str, Json]:
    """Return the long form of `source[:target[:permissions]]`."""
    parts = text.split(":")
    if len(parts) > 3 or not parts[0]:
        raise ValueError("expected source:target:permissions")
    source, target, permissions = (*parts, *("", "")[: 3 - len(parts)])
    return {"source": source, "target": target or source, "permissions": permissions or "rwm"}


def host(text: str) -> list[str]:
    """Return `name=address` for each address of `name=address,address`, or of `name:address`, where an IPv6 one may be in brackets."""
    name, equals, addresses = text.partition("=")
    if not equals:
        name, colon, addresses = text.partition(":")
        if not colon:
            raise ValueError("expected name=address")
    return [f"{name}={_bare(each)}" for each in addresses.split(",")]


def _bare(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


@dataclass(frozen=True, slots=True)
class Words:
    """A command as its words. `rest`: what a shell operator cuts off, which compose drops without a word."""

    words: tuple[str, ...]
    rest: str = ""


def words(text: str) -> Words:
    """Return what a command in one text runs: no shell, quotes and backslashes only."""
    found: list[str] = []
    word = quote = ""
    is_word = escaped = False
    for at, char in enumerate(text):
        if escaped:
            word += {"t": "\t", "n": "\n"}.get(char, char)
            escaped, is_word = False, True
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            if char == quote:
                quote = ""
            else:
                word += char
        elif char in "\"'":
            quote, is_word = char, True
        elif char.isspace():
            found += [word] if is_word else []
            word, is_word = "", False
        elif char in _BREAKS:
            return Words((*found, word) if is_word else tuple(found), text[at:])
        else:
            word, is_word = word + char, True
    if quote or escaped:
        raise ValueError("a quote is opened and not closed" if quote else "it ends with a backslash")
    return Words((*found, word) if is_word else tuple(found))
