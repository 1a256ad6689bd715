"""Local configuration: its keys, its layers, and which layer wins. Pure: reading files is `config_file`'s part.

Flags > HOLDFAST_* > project file > user file > system file > default (product.md §5). Law: of the layers that name a key, the first in
that order wins, whatever the others say. The project file may have come with a checkout, so it is Git content: what widens power
(product.md §6) is not taken from it, and a warning says so.

Callers: the command line and `app`. Only the standard library is imported, because `holdfast status` waits for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, NoReturn

from holdfast.errors import UsageError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.duration import format_duration, parse_duration
from holdfast.kit.suggest import did_you_mean

FILE_NAME = "holdfast.yaml"
SYSTEM_FOLDER = "/etc/holdfast"
PREFIX = "HOLDFAST_"
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Source(StrEnum):
    """Where a value comes from, the strongest first."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    PROJECT = "project file"
    USER = "user file"
    SYSTEM = "system file"
    DEFAULT = "default"


STRENGTH = tuple(Source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One thing that may be configured."""

    name: str
    """As in a file, dots for nesting: `allow.javascript`."""
    default: Any
    parse: Callable[[Json], Any]
    """From what a file or the environment holds; ValueError says what is expected."""
    help: str
    show: Callable[[Any], Json] = str
    widens: bool = False
    """Whether it widens what Git may do, and so is never taken from the project file."""

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper().replace(".", "_")


def _path(value: Json) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected a path")
    return value


def _line(value: Json) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("expected one line of text")
    return value.strip()


def _absolute(value: Json) -> str:
    path = _path(value)
    if path.startswith("~/"):
        path = os.path.expanduser(path)
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError("expected an absolute path, or one that begins with ~/, without ..")
    return path


def _switch(value: Json) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.casefold() in words:
        return words[value.casefold()]
    raise ValueError("expected true or false")


def _paths(value: Json) -> tuple[str, ...]:
    items: list[Json] = list(filter(None, value.split(":"))) if isinstance(value, str) else value if isinstance(value, list) else [None]
    return tuple(_absolute(item) for item in items)


def _registries(value: Json) -> tuple[str, ...]:
    items: list[Json] = list(filter(None, value.split(","))) if isinstance(value, str) else value if isinstance(value, list) else [None]
    found = tuple(item.strip() for item in items if isinstance(item, str))
    if len(found) != len(items) or not all(item and "/" not in item and item.isprintable() for item in found):
        raise ValueError("expected registries as host or host:port, such as registry.lan:5000")
    return found


def _search_path(value: Json) -> str:
    return ":".join(_paths(value))


def _uid_range(value: Json) -> tuple[int, int]:
    first, dash, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    if not (dash and first.isascii() and last.isascii() and first.isdigit() and last.isdigit()):
        raise ValueError("expected first-last, such as 61000-61999")
    low, high = int(first), int(last)
    if not 1000 <= low <= high < 1 << 31:
        raise ValueError("expected two uids in order, from 1000 on")
    return low, high


def _duration(value: Json, least: float) -> float:
    seconds = parse_duration(value) if isinstance(value, str) else -1.0
    if seconds < least:
        raise ValueError(f"expected a duration of at least {format_duration(least)}, such as {format_duration(max(least, 30.0))}")
    return seconds


def _share(value: Json) -> float:
    try:
        share = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise ValueError("expected a number from 0 to 1")
    return share


def _count(value: Json) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("expected a whole number from 0")


def _same(value: Any) -> Json:
    result: Json = value
    return result


_ALL = (
    Key(name="state", default="", parse=_path, help="Folder that everything is remembered in. Relative to the file that names it."),
    Key(
        name="allow.javascript",
        default=False,
        parse=_switch,
        show=_same,
        widens=True,
        help="Whether ecosystem.config.js is read, by running node on it.",
    ),
    Key(
        name="allow.http",
        default=False,
        parse=_switch,
        show=_same,
        widens=True,
        help="Whether repositories may be fetched over http://, unencrypted.",
    ),
    Key(
        name="allow.push",
        default=False,
        parse=_switch,
        show=_same,
        widens=True,
        help="Whether an ImagePolicy may commit to the repository and push.",
    ),
    Key(
        name="allow.root",
        default=False,
        parse=_switch,
        show=_same,
        widens=True,
        help="Whether a Process may run as root, and its exec probes too.",
    ),
    Key(
        name="allow.waivers",
        default=False,
        parse=_switch,
        show=_same,
        widens=True,
        help="Whether Git may waive a rule of the review.",
    ),
    Key(name="path", default=USUAL_PATH, parse=_search_path, widens=True, help="PATH of the processes; their commands are found by it."),
    Key(
        name="file_roots",
        default=(),
        parse=_paths,
        show=list,
        widens=True,
        help="Folders beneath which a File may write.",
    ),
    Key(
        name="edge.hooks",
        default="/etc/holdfast/hooks",
        parse=_absolute,
        widens=True,
        help="Folder whose executable files are hooks of certificate issuers, each by its name.",
    ),
    Key(
        name="edge.certbot",
        default="",
        parse=_absolute,
        widens=True,
        help="Folder of certbot, such as /etc/letsencrypt, whose certificates may be read; none without.",
    ),
    Key(
        name="edge.include",
        default="",
        parse=_absolute,
        widens=True,
        help="A file such as /etc/nginx/conf.d/holdfast.conf, in a folder that the system's nginx includes within its http: Sites are then "
        "served by that nginx, which the system starts and stops. None without: Holdfast runs one of its own.",
    ),
    Key(
        name="edge.conf",
        default="",
        parse=_absolute,
        widens=True,
        help="The main file of the system's nginx, for edge.include; where it was built to be without.",
    ),
    Key(
        name="git.credential_helper",
        default="",
        parse=_line,
        widens=True,
        help="Who gives Git the password for https:// repositories: a helper as Git's credential.helper names it, such as "
        "`store --file /etc/holdfast/git-credentials`. Without one only repositories that ask for none are read over https.",
    ),
    Key(
        name="kubernetes.kubeconfig",
        default="",
        parse=_absolute,
        widens=True,
        help="File that says how clusters are reached. Within a cluster its own service account is used; without either no cluster is.",
    ),
    Key(
        name="kubernetes.context",
        default="",
        parse=_path,
        widens=True,
        help="Context of the kubeconfig that is meant by https://kubernetes.default.svc; its current one without.",
    ),
    Key(
        name="kubernetes.customizations",
        default="",
        parse=_absolute,
        widens=True,
        help="File that holds Argo CD's ConfigMap argocd-cm: Lua checks of health and actions by kind. They count before those of a "
        "ConfigMap argocd/argocd-cm that an Application applied.",
    ),
    Key(
        name="kubernetes.rules",
        default="",
        parse=_absolute,
        widens=True,
        help="Folder with rules of health of your own, a file for each API group, which are asked before those that are shipped.",
    ),
    Key(
        name="registries.plain",
        default=(),
        parse=_registries,
        show=list,
        widens=True,
        help="Image registries, as host or host:port, that are asked over http://, unencrypted; those on loopback always are.",
    ),
    Key(
        name="registries.private",
        default=(),
        parse=_registries,
        show=list,
        widens=True,
        help="Image registries, as host or host:port, that an ImagePolicy may ask though their address is not public; those of "
        "registries.plain may be asked too.",
    ),
    Key(
        name="charts.private",
        default=(),
        parse=_registries,
        show=list,
        widens=True,
        help="Hosts that charts are fetched from (Helm repositories, archives that they name, registries), as host or host:port, that may "
        "be asked though their address is not public.",
    ),
    Key(
        name="docker.certificates",
        default="",
        parse=_absolute,
        widens=True,
        help="Folder with ca.pem, cert.pem and key.pem for Docker hosts at tcp://; without it they are spoken with unencrypted.",
    ),
    Key(
        name="docker.keep_images",
        default=5,
        parse=_count,
        help="Images that each container had lately and that stay at its Docker host, of those that Holdfast brought there; 0 keeps all.",
    ),
    Key(
        name="uid_range",
        default=(61000, 61999),
        parse=_uid_range,
        show=lambda value: "{}-{}".format(*value),
        widens=True,
        help="Uids and gids, one pair for each Application, that processes run as where Holdfast is root.",
    ),
    Key(
        name="poll_interval",
        default=30.0,
        parse=partial(_duration, least=1.0),
        show=format_duration,
        help="Time between looks at a remote repository; local ones are watched.",
    ),
    Key(
        name="retention",
        default=90 * 86400.0,
        parse=partial(_duration, least=3600.0),
        show=format_duration,
        help="How long events are kept.",
    ),
    Key(
        name="prune.share",
        default=0.5,
        parse=_share,
        show=_same,
        widens=True,
        help="Share of an Application that one plan may delete before a person must approve it.",
    ),
    Key(
        name="prune.free",
        default=5,
        parse=_count,
        show=_same,
        widens=True,
        help="Number of resources that may be deleted whatever the share.",
    ),
)
KEYS: Mapping[str, Key] = MappingProxyType({key.name: key for key in _ALL})


def key(name: str) -> Key:
    """Return a key by its name; UsageError (HF8006) where there is none."""
    if name not in KEYS:
        unknown(name, ())
    return KEYS[name]


def unknown(name: str, where: Iterable[Where]) -> NoReturn:
    guess = did_you_mean(name, KEYS)
    hint = f"did you mean {guess}?" if guess else "`holdfast config list` shows every key"
    raise UsageError("HF8006", f"cannot configure {name}: there is no such key", where=where, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one source says, by key name, as it was written."""

    source: Source
    name: str
    """For people: the file's path, or `environment`."""
    values: Mapping[str, Json] = field(default_factory=dict)
    places: Mapping[str, Where] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What one layer says of a key, and whether it may be heard."""

    source: Source
    at: str
    """`HOLDFAST_STATE`, or the place in a file."""
    value: Any
    is_heard: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The outcome: for each key all that was said of it, the winner first among those that may be heard."""

    candidates: Mapping[str, tuple[Candidate, ...]]
    warnings: tuple[str, ...] = ()

    def winner(self, name: str) -> Candidate:
        return next(candidate for candidate in self.candidates[key(name).name] if candidate.is_heard)

    def get(self, name: str) -> Any:
        return self.winner(name).value

    @property
    def allowed(self) -> frozenset[str]:
        """What is widened: `javascript`, `http`, `push`, `root`, `waivers`."""
        return frozenset(name.removeprefix("allow.") for name in KEYS if name.startswith("allow.") and self.get(name))

    @property
    def path(self) -> str:
        return str(self.get("path"))

    @property
    def file_roots(self) -> tuple[str, ...]:
        return tuple(self.get("file_roots"))

    @property
    def plain_registries(self) -> tuple[str, ...]:
        return tuple(self.get("registries.plain"))

    @property
    def private_registries(self) -> tuple[str, ...]:
        return tuple(self.get("registries.private"))

    @property
    def private_chart_hosts(self) -> tuple[str, ...]:
        return tuple(self.get("charts.private"))

    @property
    def uid_range(self) -> tuple[int, int]:
        low, high = self.get("uid_range")
        return low, high

    @property
    def poll_interval_s(self) -> float:
        return float(self.get("poll_interval"))

    @property
    def retention_s(self) -> float:
        return float(self.get("retention"))

    @property
    def prune_share(self) -> float:
        return float(self.get("prune.share"))

    @property
    def prune_free(self) -> int:
        return int(self.get("prune.free"))


def resolve(layers: Iterable[Layer]) -> Config:
    """Return what the layers say together, given in any order; UsageError with every wrong value and unknown key of all of them."""
    ordered = sorted(layers, key=lambda layer: STRENGTH.index(layer.source))
    said: dict[str, list[Candidate]] = {name: [] for name in KEYS}
    errors: list[UsageError] = []
    warnings: list[str] = []
    for layer in ordered:
        for name, written in layer.values.items():
            try:
                candidate = _candidate(layer, name, written)
            except UsageError as error:
                errors.append(error)
                continue
            said[name].append(candidate)
            if not candidate.is_heard:
                warnings.append(f"{candidate.at}: {name} is not taken from a project file, since it widens what Git may do")
    if errors:
        raise joined(errors)
    for name, known in KEYS.items():
        said[name].append(Candidate(source=Source.DEFAULT, at="default", value=known.default))
    return Config(candidates={name: tuple(each) for name, each in said.items()}, warnings=tuple(warnings))


def joined(errors: list[UsageError]) -> UsageError:
    """Return one error that carries all of several; a single one as it is."""
    if len(errors) == 1:
        return errors[0]
    where = [place for error in errors for place in error.where]
    return UsageError("HF8005", f"cannot read the configuration: {len(errors)} errors", where=where, errors=errors)


def _candidate(layer: Layer, name: str, written: Json) -> Candidate:
    place = layer.places.get(name)
    where = [place] if place else []
    if name not in KEYS:
        unknown(name, where)
    known = KEYS[name]
    at = known.variable if layer.source is Source.ENVIRONMENT else str(place or layer.name)
    try:
        value = known.parse(written)
    except ValueError as error:
        raise UsageError("HF8007", f"cannot use {written!r} for {name} ({at}): {error}", where=where, hint=known.help) from None
    if name == "state" and layer.source in (Source.PROJECT, Source.USER, Source.SYSTEM):
        value = os.path.join(os.path.dirname(layer.name), value)
    return Candidate(source=layer.source, at=at, value=value, is_heard=not (known.widens and layer.source is Source.PROJECT))


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """Return what HOLDFAST_* says; an empty variable says nothing, other names of that prefix are not ours to judge."""
    values: dict[str, Json] = {known.name: environ[known.variable] for known in _ALL if environ.get(known.variable)}
    return Layer(source=Source.ENVIRONMENT, name="environment", values=values)


def flag_layer(**flags: Json) -> Layer:
    """Return what flags say; None says nothing."""
    values = {name: value for name, value in flags.items() if value is not None}
    return Layer(source=Source.FLAG, name="flag", values=values)


def files(environ: Mapping[str, str], folder: str) -> tuple[tuple[Source, str], ...]:
    """Return where configuration files may stand, the strongest first; `folder` is where the command runs."""
    found = [(Source.PROJECT, os.path.join(folder, FILE_NAME))]
    home = environ.get("HOME", "")
    user = environ.get("XDG_CONFIG_HOME") or (os.path.join(home, ".config") if home else "")
    if user.startswith("/"):  # the XDG specification: a relative path is to be ignored
        found.append((Source.USER, os.path.join(user, "holdfast", FILE_NAME)))
    return (*found, (Source.SYSTEM, os.path.join(SYSTEM_FOLDER, FILE_NAME)))


def state_folder(config: Config, environ: Mapping[str, str], uid: int) -> str:
    """Return the state folder: as configured, else /var/lib/holdfast for root, else `$XDG_STATE_HOME/holdfast`."""
    if configured := str(config.get("state")):
        return os.path.abspath(configured)
    if uid == 0:
        return "/var/lib/holdfast"
    base = environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):
        base = os.path.join(environ.get("HOME") or "/", ".local", "state")
    return os.path.join(base, "holdfast")
