"""Write docs/reference/compose.md from the tables of workload/compose: `.venv/bin/python tools/reference_compose.py`.

Running it again changes nothing; tests/docs/test_compose_reference.py fails when the page is not what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from holdfast.catalogue.compose import ENTRIES
from holdfast.workload.compose.forms import External, Ulimit
from holdfast.workload.compose.service_fields import TOP
from holdfast.workload.compose.shape import Field, How, ListOf, MapOf, Record, Shape
from holdfast.workload.exposure import RULES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "compose.md"

INTRODUCTION = """# Compose files

`tools/reference_compose.py` writes this page; do not edit it by hand.

Read is `compose.yaml`, `compose.yml`, `docker-compose.yaml` or `docker-compose.yml` at the Application's path, as the
[compose specification](https://github.com/compose-spec/compose-spec) has it: joined by `compose.override.yaml` (or the files that
COMPOSE_FILE in `.env` names), with `extends`, `include`, profiles, anchors, merge keys, `!reset` and `!override`. `holdfast render` prints
the model as `docker compose config` does, and the resources that it becomes. A field that the specification does not know is an error that
names the nearest known one; what begins with `x-` is kept and means nothing, but for `x-holdfast`.

## Where values come from

- Variables are those of `.env` beside the compose file, and for an included file its own `.env` or `env_file`. The environment of the daemon
  is never read. A variable that is not set reads as nothing, with a warning; `${NAME:?reason}` makes it an error.
- COMPOSE_PROFILES, or the annotation [`holdfast.dev/compose-profiles`](annotations.md), says which profiles run.
- The project's name is `name`, else COMPOSE_PROJECT_NAME, else the Application's name.
- Relative paths stay below the Application's path. A bind of what is in Git shows the release, which can only be read; a bind of what is
  not in Git is a folder in the Application's data.
- `x-holdfast.supervise` of a service names a PM2 ecosystem file, whose apps are [supervised in its container](../how-to/pm2.md#in-a-container).
- A secret that is `external` is the local secret of that name; one with `environment` as well, unless `.env` sets the variable.

## What it becomes

| of compose | becomes |
|---|---|
| a service | a [Container](container.md#container); several with `deploy.replicas` |
| a network or volume that a service uses | a [Network](container.md#network) or [Volume](container.md#volume) |
| a secret or config that a service uses | a [File](kinds.md#file) in the Application's data, mounted |
| `depends_on`, `links`, `network_mode: service:…` | needs, which order the plan; each is waited for as ready |

## Per destination

| destination | what |
|---|---|
| `unix:///var/run/docker.sock`, `ssh://…`, `tcp://…` | What the tables below say: [how](../how-to/docker.md). |
| `https://…`, a cluster | Nothing is applied to a cluster yet. |
| `host://local` | Refused (HF1430): a host without Docker runs no containers. |
"""

EXPOSURE = """## What is refused, with exit code 5

`holdfast render` and `holdfast plan` refuse these alike, with file and line, in whatever syntax they are written: ports and volumes short,
long, as ranges, in driver options.
"""

WAIVER = """A reviewed exception stands in Git and counts only where the local configuration says [`allow.waivers`](configuration.md), until the day
it names:

```yaml
services:
  metrics:
    image: telegraf:1.33
    pid: host
    x-holdfast:
      waivers:
        - {rule: HF1443, reason: it counts the processes of the host, owner: ops@example.org, expires: "2026-12-31"}
```
"""

DIFFERENCES: Mapping[str, str] = {
    "A `~` in a path is nobody's home here; such a bind is a path of the host, and refused.": "A daemon has no home of a person.",
    "A shell operator in a one-text `command` ends it, with a warning.": "As in compose-go, which says nothing.",
    "Networks and volumes that no service uses are not made.": "As `docker compose up`.",
    "`service_started` waits until the other one is ready.": "A need is a need: ready is more than started.",
    "A bind of what is in Git can only be read.": "A release is sealed: what runs is what Git says.",
    "Remote files of `include` and `extends` (`https://`, `oci://`, Git) are errors.": "What runs is in this repository, at this revision.",
    "Fields of a list of devices and of block device limits are matched in lower case only.": (
        "compose-go reads its own output with capitals (case `TestBlkioConfig#3`) where validation is off; nobody writes it so."
    ),
    "A file that is extended and is not there is an error.": "Case `TestExtendsWithInterpolation#1` extends a file that is not part of the case.",
}
"""Where the given cases of compose-go, or habits of docker compose, are met otherwise; with the reason."""

LATER = """The plans of `docker compose` (stop, disconnect, rename, recreate) are no part of reading: here [the planner](../explanation/index.md)
plans, and the engine rolls.
"""

TITLES: Mapping[How, str] = {
    How.HONOURED: "honoured",
    How.WARNED: "warned: a condition of the Application names file and line",
    How.REFUSED: "refused",
}


def page() -> str:
    """Return the page."""
    return "\n".join([INTRODUCTION, *fields(), *exposure(), *differences()]).rstrip() + "\n"


def fields() -> Iterator[str]:
    yield from ("## Fields", "", "| field | on a Docker host | what |", "|---|---|---|")
    for path, field in walk("", TOP):
        yield f"| `{path}` | {field.how.value} | {field.says} |"
    yield ""


def walk(path: str, shape: Shape) -> Iterator[tuple[str, Field]]:
    """Yield every field below a shape with its path; what stands in a field that is not honoured is left out."""
    inner = shape
    while isinstance(inner, MapOf | ListOf) and not isinstance(inner, Record):
        path, inner = f"{path}.*" if isinstance(inner, MapOf) else f"{path}[]", inner.item
    if isinstance(inner, Ulimit):
        inner = inner.both
    if not isinstance(inner, Record) or isinstance(inner, External):
        return
    for key, field in inner.fields.items():
        at = f"{path}.{key}".lstrip(".")
        yield at, field
        if field.how is How.HONOURED:
            yield from walk(at, field.shape)


def exposure() -> Iterator[str]:
    yield EXPOSURE
    yield from ("| rule | what |", "|---|---|")
    yield from (f"| {rule.code} | {ENTRIES[rule.code].meaning} |" for rule in RULES)
    yield ""
    yield WAIVER


def differences() -> Iterator[str]:
    yield from ("## Where it differs from docker compose", "", "| what | why |", "|---|---|")
    yield from (f"| {what} | {why} |" for what, why in DIFFERENCES.items())
    yield from ("", LATER)


def main() -> None:
    if not PAGE.exists() or PAGE.read_text() != page():
        PAGE.write_text(page())
        sys.stdout.write(f"wrote {PAGE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
