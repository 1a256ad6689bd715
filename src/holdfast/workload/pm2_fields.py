"""PM2's fields, each with what becomes of it here. The reference page is made from this table; pm2_app does what it says.

Source: PM2 7 `lib/API/schema.json` and `lib/Common.js`. Law: a field that PM2 knows stands here, so that nothing is passed over in silence;
one that does not is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class How(StrEnum):
    HONOURED = "honoured"
    WARNED = "warned"
    """Understood and not honoured: a condition of the Application names it."""
    MOOT = "moot"
    """About PM2 itself: there is nothing that it could mean here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pm2Field:
    """One field of an app."""

    key: str
    how: How
    says: str
    """What becomes of it, or why nothing does."""
    aliases: tuple[str, ...] = ()


def _honoured(key: str, says: str, *aliases: str) -> Pm2Field:
    return Pm2Field(key=key, how=How.HONOURED, says=says, aliases=aliases)


def _warned(key: str, says: str, *aliases: str) -> Pm2Field:
    return Pm2Field(key=key, how=How.WARNED, says=says, aliases=aliases)


def _moot(key: str, says: str, *aliases: str) -> Pm2Field:
    return Pm2Field(key=key, how=How.MOOT, says=says, aliases=aliases)


_OWN_LOGS = "each process has its own rotated log file, shown by `holdfast logs`"
_NO_IPC = "there is no IPC channel to the process; it may say READY=1 on NOTIFY_SOCKET (sd_notify)"
_GIT = "Git is the only way to change what runs"
_METRICS = "PM2's own monitoring is not part of this"
FIELDS: tuple[Pm2Field, ...] = (
    _honoured("script", "what is run", "exec", "cmd", "command"),
    _honoured("name", "name of the Process; without it the script's name without its ending"),
    _honoured("name_prefix", "stands before the name"),
    _honoured("namespace", "namespace of the Process, but for `default`"),
    _honoured("cwd", "workingDir, relative to the release"),
    _honoured("args", "arguments; a string is split as a shell would, without running one"),
    _honoured("exec_interpreter", "program that runs the script; `none` runs it directly; else by its ending", "interpreter"),
    _honoured("node_args", "arguments of the interpreter", "interpreter_args", "interpreterArgs"),
    _honoured("instances", "replicas; `max`, 0 and negative numbers depend on the machine and are read as 1, with a warning"),
    _honoured("exec_mode", "`fork`; with `cluster` the processes of a Node app share the socket of its PORT, with a warning"),
    _honoured("env", "environment; values become text"),
    _honoured("env_<name>", "joined over env where the annotation `holdfast.dev/pm2-env` says <name>; else a warning"),
    _honoured("max_memory_restart", "limits.memory; a rolling replacement, of all processes of the group"),
    _honoured("restart_delay", "restart.firstDelay, backoff and maxDelay"),
    _honoured("exp_backoff_restart_delay", "restart.firstDelay and backoff, up to 15 s"),
    _honoured("min_uptime", "restart.stableAfter"),
    _honoured("max_restarts", "restart.crashLoopingAfter, with a warning: restarting never stops silently"),
    _honoured("autorestart", "false: restart.policy no"),
    _honoured("autostart", "false: suspended"),
    _honoured("stop_exit_codes", "restart.policy on-failure with these successCodes; 0 always counts as success"),
    _honoured("kill_timeout", "stop.timeout (milliseconds); 10 s without it"),
    _honoured("listen_timeout", "progressDeadline; it fails instead of going on anyway"),
    _honoured("cron_restart", "cronRestart", "cron"),
    _honoured("port", "PORT in the environment and, with one instance, port"),
    _honoured("uid", "user", "user"),
    _honoured("instance_var", "set to 0 with one instance; with several, a warning: replicas share one environment"),
    _warned("increment_var", "replicas share one environment, so nothing is counted up"),
    _warned("gid", "the group is that of the user"),
    _warned("wait_ready", _NO_IPC),
    _warned("shutdown_with_message", f"it is asked to stop by SIGINT; {_NO_IPC}"),
    _warned("watch", _GIT),
    _warned("out_file", _OWN_LOGS, "out", "output", "out_log"),
    _warned("error_file", _OWN_LOGS, "error", "err", "err_file", "err_log"),
    _warned("log_file", _OWN_LOGS, "log"),
    _warned("disable_logs", _OWN_LOGS),
    _warned("log_date_format", _OWN_LOGS),
    _warned("log_type", _OWN_LOGS),
    _warned("time", _OWN_LOGS),
    _warned("pid_file", "the pid is shown by `holdfast status`", "pid"),
    _warned("append_env_to_name", "the name stays as it is written"),
    _warned("post_update", "what a release needs is said by the annotation holdfast.dev/prepare"),
    _warned("io", _METRICS),
    _warned("install_url", "nothing is installed from outside Git"),
    _moot("merge_logs", "replicas have log files of their own, shown together", "combine_logs"),
    _moot("ignore_watch", "nothing is watched", "ignoreWatch"),
    _moot("watch_delay", "nothing is watched"),
    _moot("watch_options", "nothing is watched"),
    _moot("filter_env", "nothing of the daemon's environment is inherited"),
    _moot("treekill", "the whole process group is always ended"),
    _moot("kill_retry_time", "the kernel says when a process has ended"),
    _moot("username", "written by PM2 itself"),
    _moot("vizion", "the revision is always known"),
    _moot("force", "what Git says runs once"),
    _moot("write", "written by PM2 itself"),
    _moot("execute_command", "written by PM2 itself"),
    _moot("windowsHide", "there are no windows"),
    _moot("source_map_support", "Node has --enable-source-maps; write it in node_args"),
    _moot("disable_source_map_support", "as source_map_support"),
    _moot("pmx", _METRICS),
    _moot("automation", _METRICS),
    _moot("trace", _METRICS),
    _moot("disable_trace", _METRICS),
    _moot("v8", _METRICS),
    _moot("event_loop_inspector", _METRICS),
    _moot("deep_monitoring", _METRICS),
)
"""All fields, in the order of the reference page."""

BY_KEY: Mapping[str, Pm2Field] = MappingProxyType({name: each for each in FIELDS for name in (each.key, *each.aliases)})
ENV_PREFIX = "env_"
INTERPRETERS: Mapping[str, str] = MappingProxyType(
    {
        ".sh": "bash",
        ".py": "python3",
        ".rb": "ruby",
        ".php": "php",
        ".pl": "perl",
        ".js": "node",
        ".mjs": "node",
        ".cjs": "node",
        ".coffee": "coffee",
        ".ls": "lsc",
        ".ts": "bun",
        ".tsx": "bun",
    }
)
"""`lib/API/interpreter.json`, with python3 for `python`, which current systems no longer have, and Node's other endings."""
