"""Node socket: how a Node program that PM2 would run in its cluster mode shares one held socket with its replicas.

Node's own cluster module answers `listen(PORT)` in a worker with the primary's socket. The same is done here without a primary: a module
given by `--import` answers it with the first socket that Holdfast hands over (sd_listen_fds(3)). It travels in the argument itself, as a
`data:` URL, so that nothing must lie on disk. `--import` needs Node 18.18 or later.
"""

from __future__ import annotations

from urllib.parse import quote

from holdfast.kit.path import name_of

_MODULE = """\
import net from 'node:net';
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const first = args[0];
  const port = first !== null && typeof first === 'object' ? first.port : first;
  if (String(port) !== process.env.PORT || process.env.LISTEN_PID !== String(process.pid)) return listen.apply(this, args);
  return listen.call(this, { fd: 3 }, ...args.filter((each) => typeof each === 'function'));
};
"""
SHARE = f"data:text/javascript,{quote(_MODULE, safe='')}"


def is_node(command: tuple[str, ...]) -> bool:
    """Say whether a command runs Node directly, and not something that starts it."""
    return name_of(command[0]) in {"node", "nodejs"}


def sharing(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command of Node that takes the held socket."""
    return (command[0], "--import", SHARE, *command[1:])
