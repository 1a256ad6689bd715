"""The systemd unit of the daemon (architecture.md §4): ending or upgrading the daemon ends no process."""

from __future__ import annotations

from collections.abc import Sequence


def unit_text(command: Sequence[str], folder: str, *, is_system: bool) -> str:
    """Return the unit that runs `command` in `folder`, for the system's manager or a user's."""
    return f"""\
[Unit]
Description=Holdfast, which keeps what runs as Git says
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={" ".join(map(quoted, command))}
WorkingDirectory={escaped(folder)}
Restart=always
RestartSec=1
# A wrong command line or configuration does not become right by trying again.
RestartPreventExitStatus=64
# Only the daemon is stopped. The keeper and the processes go on, and the next daemon takes them over.
KillMode=process
TimeoutStopSec=30
# A cgroup of our own: limits are the kernel's, and a process that passes its own does not take the unit down.
Delegate=yes
OOMPolicy=continue

[Install]
WantedBy={"multi-user.target" if is_system else "default.target"}
"""


def escaped(text: str) -> str:
    """Return text in which systemd finds no specifier (systemd.unit(5))."""
    return text.replace("%", "%%")


def quoted(argument: str) -> str:
    """Return one argument of ExecStart (systemd.service(5), Command lines): no variable, no specifier, one word."""
    text = escaped(argument).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{text}"' if not text or any(each in text for each in " \t'\";\\#") else text
