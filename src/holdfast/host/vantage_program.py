"""The program that looks from elsewhere: as another user, in another network namespace, under another's port rules. Run by `vantage`.

Standard library only; started by its path under `-I -S`, as root where others are to be looked from. One child a vantage: it goes there,
gives up all it has, tries every target at once, and says what it saw. It sends nothing over what it opens.

argv[1] is {timeout_s, vantages [{network, uid, gid, connect_ports, home, targets [{host, port} | {path}]}]}; the answer on stdout is
a list for each vantage of [word, detail] for each target, the words those of `model.vantage.Sight`.
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import sys
import time

if not __package__:
    here = os.path.dirname(os.path.abspath(__file__))
    for name, folder in (("holdfast", os.path.dirname(here)), ("holdfast.host", here)):
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package

from holdfast.host.keeper.kernel import Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REFUSED = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
UNREACHABLE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.ENOENT, errno.ENOTDIR, errno.EAFNOSUPPORT}
)
LONGEST = 1 << 20


def main() -> int:
    asked = json.loads(sys.argv[1])
    kernel = Kernel()
    deadline = time.monotonic() + float(asked["timeout_s"])
    outlets = [(begin(kernel, vantage, deadline), len(vantage["targets"])) for vantage in asked["vantages"]]
    sys.stdout.write(json.dumps([hear(outlet, count) for outlet, count in outlets]))
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return 0


def begin(kernel: Kernel, vantage: dict[str, Any], deadline: float) -> int:
    """Fork a child for a vantage; return where it writes what it saw."""
    outlet, inlet = os.pipe()
    if os.fork():
        os.close(inlet)
        return outlet
    try:
        os.write(inlet, json.dumps(look(kernel, vantage, deadline)).encode())
    finally:
        os._exit(0)


def hear(outlet: int, count: int) -> list[list[str]]:
    """Return what a child saw; where it came to nothing, that nothing was looked at."""
    data = b""
    while piece := os.read(outlet, LONGEST):
        data += piece
    os.close(outlet)
    return json.loads(data) if data else [["unmade", "the look itself failed"]] * count


def look(kernel: Kernel, vantage: dict[str, Any], deadline: float) -> list[list[str]]:
    try:
        stand(kernel, vantage)
    except OSError as error:
        why = f"cannot look from there: {error.strerror or error}"
        return [["unmade", why] for _ in vantage["targets"]]
    tries = [
        begin_try(target) if vantage["home"] is None or is_of(vantage["home"], target) else (None, ["elsewhere", ""])
        for target in vantage["targets"]
    ]
    poll = select.poll()
    waiting = {each.fileno(): at for at, (each, _) in enumerate(tries) if each is not None}
    for fd in waiting:
        poll.register(fd, select.POLLOUT)
    seen = [word for _, word in tries]
    while waiting and (left := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            at = waiting.pop(fd)
            poll.unregister(fd)
            it = tries[at][0]
            assert it is not None
            seen[at] = word_of(it.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    return [word or ["silent", ""] for word in seen]


def stand(kernel: Kernel, vantage: dict[str, Any]) -> None:
    """Go where a vantage is. Raises OSError where that is not to be had."""
    if vantage["network"] is not None:
        fd = os.open(vantage["network"], os.O_RDONLY | os.O_CLOEXEC)
        kernel.enter_network(fd)
        os.close(fd)
    uid, gid = vantage["uid"], vantage["gid"]
    if uid is not None and uid != os.geteuid():
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    if vantage["connect_ports"] is not None:
        kernel.restrict_self(kernel.port_rules(None, vantage["connect_ports"]))


def is_of(home: list[str], target: dict[str, Any]) -> bool:
    """Say whether an address, in the network that we are in, is one that this host leads to: neither its own nor behind somebody else.

    /proc/thread-self/net/route (Linux `net/ipv4/fib_trie.c`): destination, gateway and mask in the byte order of this machine.
    """
    host = target.get("host", ":")
    if ":" in host or is_own(host):
        return False
    wanted, best, gateway = number_of(host), -1, None
    with open("/proc/thread-self/net/route") as file:
        for line in file.read().splitlines()[1:]:
            words = line.split()
            destination, via, mask = (int(words[at], 16) for at in (1, 2, 7))
            if wanted & mask == destination and mask.bit_count() > best:
                best, gateway = mask.bit_count(), via
    return gateway is None or gateway == 0 or gateway in {number_of(each) for each in home if ":" not in each}


def is_own(host: str) -> bool:
    """Say whether an address is one of the network that we are in: only those can be bound."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it:
            it.bind((host, 0))
    except OSError:
        return False
    return True


def number_of(host: str) -> int:
    return int.from_bytes(socket.inet_aton(host), sys.byteorder)


def begin_try(target: dict[str, Any]) -> tuple[socket.socket | None, list[str] | None]:
    """Begin to connect; return the socket, and the word where that is known at once."""
    path, host = target.get("path"), target.get("host", "")
    family = socket.AF_UNIX if path is not None else socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        it = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        return None, word_of(error.errno or 0)
    it.setblocking(False)
    try:
        number = it.connect_ex(path if path is not None else (host, target["port"]))
    except OSError as error:  # what is no address, or too long for a path
        return None, ["unmade", str(error)]
    if number in (errno.EINPROGRESS, errno.EALREADY):
        return it, None
    if number == errno.EAGAIN:  # unix(7): somebody listens, and its queue is full
        return None, ["open", "its queue is full"]
    return None, word_of(number)


def word_of(number: int) -> list[str]:
    if number == 0:
        return ["open", ""]
    name = os.strerror(number)
    for word, numbers in (("refused", REFUSED), ("forbidden", FORBIDDEN), ("unreachable", UNREACHABLE)):
        if number in numbers:
            return [word, name]
    return ["silent", name] if number == errno.ETIMEDOUT else ["unmade", name]


if __name__ == "__main__":
    sys.exit(main())
