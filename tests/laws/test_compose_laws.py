"""Laws of compose files: no text breaks the reader, what is printed means the same when it is read again, and nothing depends on chance."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.workload.compose_files import declared, read, scope, told

from holdfast.model.declaration import Reading
from holdfast.model.resource import Resource
from holdfast.workload.compose.env_file import read_env_file, read_raw
from holdfast.workload.compose.short import ports, volume, words
from holdfast.workload.compose.template import substitute

SAMPLE = """
name: sample
x-env: &env {A: "1", B: "${B:-two}"}
services:
  web:
    image: nginx:1.27
    command: nginx -g 'daemon off;'
    environment: {<<: *env, C: $$HOME, D: }
    ports: ["8080-8081:80-81", {target: 443, published: "8443", host_ip: 127.0.0.1}]
    volumes: ["./conf:/conf:ro", "data:/data", {type: tmpfs, target: /run, tmpfs: {size: 1m}}]
    depends_on: {db: {condition: service_healthy}}
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 64M}}}
    healthcheck: {test: curl -f x, interval: 1m30s, retries: 2}
    secrets: [s]
    configs: [{source: c, mode: 0440}]
    ulimits: {nofile: 1024}
    extra_hosts: ["a:1.1.1.1", "b=::1"]
  db: {image: db:1, networks: [back], expose: [5432], labels: [a=b]}
networks: {back: {ipam: {config: [{subnet: 10.0.0.0/8}]}}}
volumes: {data: {driver_opts: {a: 1}}}
secrets: {s: {external: true}}
configs: {c: {content: "x $$y"}}
"""
MODEL: Any = yaml.safe_load(SAMPLE.replace("<<: *env", "E: x"))
WORDS = st.sampled_from(
    "services image ports volumes networks build extends include x-a !reset !override &a *a << ~ null true 80:80 ${A} $ '' [] {} - : "
    "0o7 0x1F 1e400 .inf 2026-01-01 service:a host none default /x ./x ../x C:\\x 1g 10s 00 a=b".split()
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8), WORDS)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=3), max_leaves=12
)


def sound(reading: Reading) -> None:
    """Look that an answer is whole: errors with places, or declarations that their kinds take or refuse with places."""
    for error in reading.errors:
        assert error.code.startswith("HF1")
        assert error.where
    if reading.errors:
        assert reading.declarations == ()
    for declaration in reading.declarations:
        made = declared(declaration, scope())
        if not isinstance(made, Resource):
            assert all(error.where[0].line for error in made)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    sound(read(text))


@given(st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=12), st.integers(0, 4))
def test_any_row_of_words_is_read_or_refused(lines: list[str], indent: int) -> None:
    sound(read("\n".join(" " * (indent * (at % 3)) + line for at, line in enumerate(lines))))


@given(TREES)
def test_any_tree_is_read_or_refused(tree: Any) -> None:
    sound(read(yaml.safe_dump(tree)))
    sound(read(yaml.safe_dump({"services": {"a": tree, "b": {"image": "b:1"}}})))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, child in inner for each in places(child, (*path, key)))]


PLACES = places(MODEL)


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: changed(value[path[0]], path[1:], new)}
    return [*value[: path[0]], changed(value[path[0]], path[1:], new), *value[path[0] + 1 :]]


@given(st.sampled_from(PLACES), TREES, st.sampled_from(PLACES), SCALARS)
def test_a_file_with_anything_exchanged_is_read_or_refused(path: tuple[Any, ...], new: Any, other: tuple[Any, ...], word: Any) -> None:
    base = yaml.safe_dump(changed(MODEL, path, new))
    over = yaml.safe_dump(changed(MODEL, other, word))
    sound(read(base))
    sound(read({"compose.yaml": base, "compose.override.yaml": over}))
    sound(read({"compose.yaml": over, ".env": f"A={json.dumps(str(word))}\n", "conf/x": "1"}))


@given(st.binary(max_size=100), st.text(max_size=100))
def test_any_env_file_is_read_or_refused_at_its_line(data: bytes, text: str) -> None:
    for content in (data, text.encode(errors="replace")):
        for found in (read_env_file(".env", content, lambda name: None), read_raw(".env", content)):
            assert all(error.code in {"HF1401", "HF1001", "HF1002"} for error in found.errors)
            assert found.lines.keys() <= found.values.keys()


@given(st.text(max_size=60) | st.lists(WORDS | st.sampled_from(["${", "}", "{", "$$", ":-"]), max_size=8).map("".join))
def test_short_texts_are_read_or_refused(text: str) -> None:
    for parse in (lambda: substitute(text, {"A": "x" * 9}.get), lambda: list(ports(text)), lambda: volume(text), lambda: words(text)):
        with suppress(ValueError):
            assert parse() is not None


@given(st.text(max_size=40))
def test_a_text_without_a_dollar_is_itself_and_two_dollars_are_one(text: str) -> None:
    assert substitute(text.replace("$", "$$"), lambda name: "never") == text


def test_nothing_grows_without_an_end() -> None:
    doubling = "".join(f"V{at}=${{V{at - 1}}}${{V{at - 1}}}\n" for at in range(1, 64))
    found = read_env_file(".env", f"V0=0123456789\n{doubling}".encode(), lambda name: None)
    assert [error.code for error in found.errors] == ["HF1401"]
    nested = "${A:-" * 3_000 + "x" + "}" * 3_000
    assert told(read(f"services: {{a: {{image: '{nested}'}}}}").errors)[0].startswith("HF1402")
    unclosed = "${a:-{}" * 20_000
    assert told(read(f"services: {{a: {{image: '{unclosed}'}}}}").errors) == []
    many = read({"compose.yaml": "services: {a: {image: a:1, command: '%s'}}" % ("$A" * 5_000), ".env": f"A={'x' * 50_000}\n"})
    assert [error.code for error in many.errors] == ["HF1402"]
    assert told(read("services: {a: {image: a:1, ports: ['1-65535:1-65535']}}").errors)[0].startswith("HF1410")
    ranges = ", ".join(f"'{at}-{at + 9_999}:{at}-{at + 9_999}/udp'" for at in range(1, 400))
    assert [each[:6] for each in told(read(f"services: {{a: {{image: a:1, ports: [{ranges}]}}}}").errors)] == ["HF1414"]
    copies = "\n".join(f"  s{at}: {{extends: b}}" for at in range(10_000))
    fat = "\n".join(f"    x-{at}: {at}" for at in range(20_000))
    assert [each[:6] for each in told(read(f"services:\n  b:\n    image: b:1\n{fat}\n{copies}\n").errors)] == ["HF1414"]
    again_and_again = "include:\n" + "- {path: a.yaml, env_file: /dev/null}\n" * 5_000
    included = {"compose.yaml": again_and_again, "a.yaml": f"services: {{a: {{image: a:1, labels: {{x: '{'y' * 9_000}'}}}}}}"}
    assert [each[:6] for each in told(read(included).errors)] == ["HF1414"]
    replicas = "".join(f"  s{at}: {{image: a:1, scale: 1000}}\n" for at in range(50))
    assert [each[:6] for each in told(read(f"services:\n{replicas}").errors)] == ["HF1414"]


def again(reading: Reading) -> Reading:
    (model,) = reading.models
    return read({"compose.yaml": yaml.safe_dump(model.value), "conf/x": "1"})


def digests(reading: Reading) -> dict[str, str]:
    made = {f"{each.kind}/{each.name}": declared(each, scope()) for each in reading.declarations}
    return {name: each.state.digest for name, each in made.items() if isinstance(each, Resource)}


@given(st.sampled_from(PLACES), SCALARS)
def test_what_is_printed_means_the_same_when_it_is_read_again(path: tuple[Any, ...], word: Any) -> None:
    for text in (SAMPLE, yaml.safe_dump(changed(MODEL, path, word))):
        reading = read({"compose.yaml": text, "conf/x": "1"})
        if reading.errors:
            continue
        second = again(reading)
        assert told(second.errors) == []
        assert second.models[0].value == reading.models[0].value
        assert digests(second) == digests(reading)


def test_the_sample_is_sound_and_says_where_everything_came_from() -> None:
    reading = read({"compose.yaml": SAMPLE, "conf/x": "1"})
    assert told(reading.errors) == []
    (model,) = reading.models
    for path in places(model.value):
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        if text:
            located = model.locate(text)
            assert located is not None, text
            assert 1 <= (located.where.line or 0) <= SAMPLE.count("\n"), text
