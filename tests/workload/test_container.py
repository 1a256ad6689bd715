"""Container, Network and Volume as kinds: what they become, how they are judged, and how a change goes through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.workload.compose_files import resources, scope

from holdfast.declare.decode import decode
from holdfast.declare.document import Document, Failed
from holdfast.declare.registry import Registry
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.labels import PROGRESS_DEADLINE
from holdfast.model.live import Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Derived, Origin, Resource
from holdfast.model.state import Facts, State
from holdfast.workload.container import ContainerKind
from holdfast.workload.network import NetworkKind
from holdfast.workload.volume import VolumeKind

KIND = ContainerKind(is_reached=True)
NETWORK = NetworkKind(is_reached=True)
VOLUME = VolumeKind(is_reached=True)


def declaration(text: str, kind: Any = KIND) -> Declaration:
    """Return a declaration that is written by hand."""
    parsed = read_yaml("c.yaml", f"spec: {text}".encode(), Dialect.CORE)
    document: Document = parsed.documents[0]
    spec = decode(document, kind.spec_type, ("spec",))
    assert not isinstance(spec, Failed), spec.errors
    return Declaration(
        kind=kind.name, name="a", namespace=None, spec=spec, origin=Origin(path="c.yaml", line=1, revision="r1"), place=document.where
    )


def container(text: str, where: Scope | None = None) -> Resource:
    made = KIND.declare(declaration(text), where or scope(), Facts(fingerprints={"token": "f1"}))
    assert isinstance(made, Resource), made
    return made


def refused(text: str, kind: Any = KIND, where: Scope | None = None) -> list[str]:
    made = kind.declare(declaration(text, kind), where or scope(), Facts())
    assert not isinstance(made, Resource)
    return [f"{error.code} {error.where[0].line}:{error.where[0].column}" for error in made]


def test_a_container_by_hand_is_the_same_as_one_from_compose() -> None:
    by_hand = container("{image: 'a:1', command: [x, 'y z'], ports: [{target: 80, published: 8080}], env: {A: 1}, limits: {memory: 64Mi}}")
    text = "services: {a: {image: a:1, command: x 'y z', ports: ['8080:80'], environment: [A=1], mem_limit: 64m, network_mode: none}}"
    from_compose = resources(text)["Container/a"]
    own = {"project", "service", "networkMode"}
    assert by_hand.state.fields == {key: value for key, value in from_compose.state.fields.items() if key not in own}


def test_secrets_stand_in_the_state_by_name_and_fingerprint() -> None:
    fields = container("{image: 'a:1', env: {T: {secret: token}, N: {secret: new}}}").state.fields
    assert fields["env"] == {"T": {"secret": "token", "fingerprint": "f1"}, "N": {"secret": "new", "fingerprint": None}}


def test_replicas_are_derived_with_states_that_are_free_of_their_number() -> None:
    two, three = container("{image: 'a:1', replicas: 2}"), container("{image: 'a:1', replicas: 3}")
    derived = KIND.derive(three, Facts())
    assert [str(each.id) for each in derived] == ["Container/shop/a.0", "Container/shop/a.1", "Container/shop/a.2"]
    assert [each.state.digest for each in KIND.derive(two, Facts())] == [each.state.digest for each in derived[:2]]
    assert all(each.owner == Derived((three.id,)) for each in derived)
    assert KIND.derive(container("{image: 'a:1'}"), Facts()) == ()


HEALTH: dict[str, tuple[dict[str, Any], Status]] = {
    "runs": ({"status": "running", "health": "none"}, Status.HEALTHY),
    "passes": ({"status": "running", "health": "healthy"}, Status.HEALTHY),
    "starts": ({"status": "running", "health": "starting"}, Status.PROGRESSING),
    "fails": ({"status": "running", "health": "unhealthy"}, Status.DEGRADED),
    "is made": ({"status": "created"}, Status.PROGRESSING),
    "loops": ({"status": "restarting", "exit_code": 1}, Status.DEGRADED),
    "is paused": ({"status": "paused"}, Status.DEGRADED),
    "completed": ({"status": "exited", "exit_code": 0}, Status.HEALTHY),
    "failed": ({"status": "exited", "exit_code": 3}, Status.DEGRADED),
    "is dead": ({"status": "dead"}, Status.DEGRADED),
}


@pytest.mark.parametrize("name", HEALTH)
def test_health_is_what_the_engine_saw(name: str) -> None:
    resource = container("{image: 'a:1'}")
    handle, status = HEALTH[name]
    assert KIND.health(resource, Observation(state=resource.state, handle=handle), 0.0).status is status


def test_what_should_run_for_ever_has_not_completed_and_what_is_absent_is_missing() -> None:
    resource = container("{image: 'a:1', restart: {policy: always}}")
    ended = Observation(state=resource.state, handle={"status": "exited", "exit_code": 0})
    assert KIND.health(resource, ended, 0.0).status is Status.DEGRADED
    assert KIND.health(resource, Observation(state=None), 0.0).status is Status.MISSING
    none = container("{image: 'a:1', replicas: 0}")
    assert KIND.health(none, Observation(state=None), 0.0).status is Status.SUSPENDED


STYLES = {
    "{image: 'a:2'}": RolloutStyle.START_FIRST,
    "{image: 'a:1', limits: {memory: 1Gi, cpus: 2.0}, restart: {policy: always}}": RolloutStyle.IN_PLACE,
    "{image: 'a:1', limits: {oomScoreAdj: 5}}": RolloutStyle.START_FIRST,
    "{image: 'a:2', ports: [{target: 80, published: 80}]}": RolloutStyle.STOP_FIRST,
    "{image: 'a:2', ports: [{target: 80}]}": RolloutStyle.START_FIRST,
    "{image: 'a:2', containerName: fixed}": RolloutStyle.STOP_FIRST,
    "{image: 'a:2', mounts: [{type: volume, source: d, target: /d}]}": RolloutStyle.STOP_FIRST,
    "{image: 'a:2', mounts: [{type: volume, source: d, target: /d, readOnly: true}]}": RolloutStyle.START_FIRST,
    "{image: 'a:2', mounts: [{type: volume, source: d, target: /d}], update: {order: start-first}}": RolloutStyle.START_FIRST,
    "{image: 'a:2', networks: [{network: n, ipv4Address: 10.0.0.2}]}": RolloutStyle.STOP_FIRST,
    "{image: 'a:2', replicas: 0}": RolloutStyle.IN_PLACE,
}


@pytest.mark.parametrize("after", STYLES)
def test_a_change_goes_through_in_place_start_first_or_stop_first(after: str) -> None:
    assert KIND.style(container("{image: 'a:1'}").state, container(after).state) is STYLES[after]


def test_the_deadline_is_the_fields_or_the_annotations_or_a_minute() -> None:
    annotated = scope(annotations={PROGRESS_DEADLINE: "90s"})
    assert KIND.progress_deadline_s(container("{image: 'a:1'}").state) == 60.0
    assert KIND.progress_deadline_s(container("{image: 'a:1'}", annotated).state) == 90.0
    assert KIND.progress_deadline_s(container("{image: 'a:1', progressDeadline: 5s}", annotated).state) == 5.0
    assert refused("{image: 'a:1'}", where=scope(annotations={PROGRESS_DEADLINE: "soon"})) == ["HF1431 1:1"]


def test_containers_by_hand_are_refused_as_those_of_compose_and_without_an_engine() -> None:
    text = "{image: 'redis:7', ports: [{target: 6379}], privileged: true, mounts: [{type: bind, source: /etc, target: /x}]}"
    assert refused(text) == ["HF1440 1:34", "HF1441 1:63", "HF1444 1:78"]
    here = scope(destination="host")
    assert refused("{image: 'a:1'}", ContainerKind(is_reached=False), here) == ["HF1430 1:1"]
    assert refused("{}", NetworkKind(is_reached=False), scope(destination="https://cluster")) == ["HF1430 1:1"]
    assert refused("{}", VolumeKind(is_reached=False), here) == ["HF1430 1:1"]
    assert isinstance(ContainerKind(is_reached=False).declare(declaration("{image: 'a:1'}"), scope(), Facts()), Resource)
    roots = ContainerKind(is_reached=True, host_roots=("/srv/shop",))
    inside = declaration("{image: 'a:1', mounts: [{type: bind, source: /srv/shop/x, target: /x}]}")
    assert isinstance(roots.declare(inside, scope(), Facts()), Resource)
    assert refused("{image: 'a:1', mounts: [{type: bind, source: /srv/shop/../x, target: /x}]}", roots) == ["HF1444 1:31"]


def test_a_waiver_by_hand_asks_what_day_it_is() -> None:
    text = "{image: 'a:1', pid: host, waivers: [{rule: HF1443, reason: r, owner: o, expires: '2026-06-30'}]}"
    asked = declaration(text)
    (ask,) = KIND.asks(asked)
    assert KIND.asks(declaration("{image: 'a:1'}")) == ()
    allowed = scope(allowed=frozenset({"waivers"}))
    good, late, unknown = (KIND.answered(asked, {ask: day}) for day in (b"2026-06-30", b"2026-07-01", None))
    assert isinstance(good, Declaration)
    assert isinstance(KIND.declare(good, allowed, Facts()), Resource)
    assert [getattr(each, "code", None) for each in (late, unknown)] == ["HF1446", "HF1446"]


def test_networks_and_volumes_are_there_or_missing_and_change_by_replacement() -> None:
    network = NETWORK.declare(declaration("{internal: true}", NETWORK), scope(), Facts())
    volume = VOLUME.declare(declaration("{external: true, volumeName: x}", VOLUME), scope(), Facts())
    assert isinstance(network, Resource)
    assert isinstance(volume, Resource)
    assert (network.state.fields, network.policy.replace_on >= {"internal", "subnets"}) == ({"internal": True, "networkName": "a"}, True)
    assert (volume.policy.prune, volume.policy.protect, volume.policy.adopt) == (False, False, True)
    for kind, resource in ((NETWORK, network), (VOLUME, volume)):
        assert kind.health(resource, Observation(state=resource.state), 0.0).status is Status.HEALTHY
        assert kind.health(resource, Observation(state=None), 0.0).status is Status.MISSING
        assert kind.style(State.of({}), resource.state) is RolloutStyle.IN_PLACE
        assert kind.progress_deadline_s(resource.state) > 0
        assert kind.derive(resource, Facts()) == ()
    assert refused("{networkName: host, external: true}", NETWORK) == ["HF1443 1:21"]


def test_the_kinds_stand_in_one_registry_and_containers_run_from_the_release() -> None:
    registry = Registry(kinds=(KIND, NETWORK, VOLUME))
    assert set(registry.released) == {"Container"}
    assert set(registry.asking) == {"Container", "Volume"}
    assert KIND.prepare(declaration("{image: 'a:1'}")) is None
    bound = "{image: 'a:1', mounts: [{type: bind, source: x, target: /x, within: release}]}"
    other = replace(scope(), release="release-2")
    assert container(bound).state.digest != container(bound, other).state.digest
    assert container("{image: 'a:1'}").state.digest == container("{image: 'a:1'}", other).state.digest
