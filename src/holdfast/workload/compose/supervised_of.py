"""Supervised of: the ecosystem file that a service names in x-holdfast → the programs that are supervised in its container.

The file is read as PM2's is anywhere else here, with its errors and warnings at their lines; paths in it are those of the container, which
has the files of the file's folder in its working directory. Called by derive.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.kit.path import joined, name_of
from holdfast.model.declaration import Ask, Declaration
from holdfast.workload.compose.node import Node
from holdfast.workload.compose.shelf import Shelf, asked_for
from holdfast.workload.compose.told import Told
from holdfast.workload.pm2 import Pm2
from holdfast.workload.process_spec import ProcessSpec
from holdfast.workload.supervised import SupervisedSpec

ROUNDS = 8
"""How often an ecosystem file may ask for more."""


def supervised_of(name: str, service: Node, named: Node, shelf: Shelf, told: Told) -> tuple[SupervisedSpec, ...]:
    """Return the programs of the ecosystem file that `named` says; what is wrong is told. While `shelf` wants more it is incomplete."""
    where = f"services.{name}.x-holdfast.supervise"
    for key in ("command", "entrypoint"):
        if (other := service.get(key)) is not None:
            told.error("HF1413", other, f"services.{name}: {key} and x-holdfast.supervise exclude each other", "keep one of the two", named)
    if (found := service.get("read_only")) is not None and found.value is True:
        told.error("HF1413", found, f"{where}: nothing can be copied into a container that is read_only", "leave read_only out", named)
    path = asked_for(told, named, ".", str(named.value), where)
    if path is None or not shelf.has(path):
        return ()
    data = shelf.content(path)
    if data is None:
        told.error("HF1404", named, f"{where}: there is no file {shelf.shown(path)}", "commit it")
        return ()
    return tuple(_read(path, data, named, shelf, told))


def _read(path: str, data: bytes, named: Node, shelf: Shelf, told: Told) -> list[SupervisedSpec]:
    folder = path.rpartition("/")[0] or "."
    form, scope, answers = Pm2(), shelf.scope_of(folder), dict[Ask, bytes | None]()
    reading = form.read(name_of(path), data, answers, scope)
    for _ in range(ROUNDS):
        outer = {ask: Ask(what=ask.what, path=joined(folder, ask.path)) for ask in reading.asks}
        answers |= {ask: shelf.answer(its) for ask, its in outer.items()}
        if not all(shelf.is_known(its) for its in outer.values()):
            return []
        if not outer:
            break
        reading = form.read(name_of(path), data, answers, scope)
    told.add(*reading.errors)
    for warning in reading.warnings:
        told.warn_at(warning)
    return [_app(each, named, told) for each in reading.declarations]


def _app(declaration: Declaration, named: Node, told: Told) -> SupervisedSpec:
    spec: ProcessSpec = declaration.spec
    if spec.user is not None:
        told.warn("FieldNotHonoured", f"{declaration.name}: uid is not honoured in a container: say user of the service", named)
    env: Mapping[str, str] = {key: str(value) for key, value in spec.env.items()}
    return SupervisedSpec(
        name=declaration.name,
        command=spec.command,
        working_dir=spec.working_dir,
        env=env,
        instances=0 if spec.suspended else spec.replicas,
        port=next((each.port for each in spec.sockets if each.port is not None), None),
        restart=spec.restart,
        stop=spec.stop,
        memory=spec.limits.memory,
        cron_restart=spec.cron_restart,
    )
