"""What a File may say, and what of it stands in the state."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.kit.canonical import Json
from holdfast.model.live import Observation, Status
from holdfast.model.resource import Resource
from holdfast.model.state import Facts, State
from holdfast.testing.rendering import Reads, Repository
from holdfast.workload.file import LARGEST, FileKind, decoded, encoded, root_of

Files = Mapping[str, str | bytes]
NONE: Files = {}
HEAD = "apiVersion: holdfast.dev/v1alpha1\nkind: File\nmetadata: {name: motd}\nspec:\n"


def render(spec: str, files: Files = NONE, *, roots: tuple[str, ...] | None = None, facts: Facts | None = None) -> Resource:
    renderer = Renderer(Registry(kinds=(FileKind(roots),)))
    (resource,) = Repository({"file.yaml": HEAD + spec, **files}).render(renderer, facts=facts or Facts())
    return resource


def errors(spec: str, files: Files = NONE, *, roots: tuple[str, ...] | None = None) -> list[str]:
    renderer = Renderer(Registry(kinds=(FileKind(roots),)))
    return Repository({"file.yaml": HEAD + spec, **files}).errors(renderer)


STATES: list[tuple[str, dict[str, Json]]] = [
    ("  path: motd\n  content: hello\n", {"path": "motd", "mode": "0644", "content": "hello"}),
    ("  path: ./conf//a.conf\n  content: ''\n", {"path": "conf/a.conf", "mode": "0644", "content": ""}),
    (
        "  {path: /etc/a, content: x, mode: '640', owner: 'root:adm'}\n",
        {"path": "/etc/a", "mode": "0640", "content": "x", "owner": "root:adm"},
    ),
    ("  {path: a, binary: /wA=}\n", {"path": "a", "mode": "0644", "content": {"base64": "/wA="}}),
    ("  {path: a, binary: aGk=}\n", {"path": "a", "mode": "0644", "content": "hi"}),
    ("  {path: a, contentFrom: {file: ./conf/a}}\n", {"path": "a", "mode": "0644", "content": "from Git"}),
    ("  {path: a, contentFrom: {file: bytes}}\n", {"path": "a", "mode": "0644", "content": {"base64": "/w=="}}),
    ("  {path: a, content: {secret: key}}\n", {"path": "a", "mode": "0640", "content": {"secret": "key", "fingerprint": "f00"}}),
    (
        "  {path: a, content: {secret: new}, mode: '0600'}\n",
        {"path": "a", "mode": "0600", "content": {"secret": "new", "fingerprint": None}},
    ),
]


@pytest.mark.parametrize(("spec", "fields"), STATES)
def test_a_file_says_what_may_differ(spec: str, fields: dict[str, Json]) -> None:
    resource = render(spec, {"conf/a": "from Git", "bytes": b"\xff"}, facts=Facts(fingerprints={"key": "f00"}))
    assert dict(resource.state.fields) == fields
    assert str(resource.id) == "File/shop/motd"


ERRORS = {
    "  path: a\n": ("HF1024 file.yaml:5:3:", "expected one of content, contentFrom and binary, got none"),
    "  {path: a, content: x, binary: aGk=}\n": ("HF1024 file.yaml:5:3:", "got content and binary"),
    "  {path: a, content: x, mode: '4755'}\n": ("HF1021 file.yaml:5:31:", "without setuid, setgid and sticky bits, got '4755'"),
    "  {path: ../a, content: x}\n": ("HF1021 file.yaml:5:10:", "expected a path of a file, absolute or below the data folder, got '../a'"),
    "  {path: a/, content: x}\n": ("HF1021 file.yaml:5:10:", "(it names no file)"),
    "  {path: a, contentFrom: {file: none}}\n": ("HF1140 file.yaml:5:33:", "there is no file 'none' below the Application's path"),
    "  {path: a, contentFrom: {file: big}}\n": ("HF1141 file.yaml:5:33:", "1,048,577 bytes, more than the 1,048,576"),
    "  {path: a, binary: 'n o'}\n": ("HF1142 file.yaml:5:21:", "binary is no base64"),
    "  {path: a, content: {secret: ../x}}\n": ("HF1021 file.yaml:5:22:", "a secret's name has no slash and no leading dot"),
    "  {path: a, content: x, ownr: root}\n": ("HF1020 file.yaml:5:25:", "unknown field 'ownr' | did you mean owner?"),
}


@pytest.mark.parametrize("spec", ERRORS)
def test_what_a_file_may_not_say(spec: str) -> None:
    (error,) = errors(spec, {"big": b"x" * (LARGEST + 1)})
    place, words = ERRORS[spec]
    assert error.startswith(place)
    assert words in error


def test_content_from_git_is_read_only_when_asked_for() -> None:
    renderer = Renderer(Registry(kinds=(FileKind(),)))
    repository = Repository({"file.yaml": HEAD + "  {path: a, contentFrom: {file: conf/a}}\n", "conf/a": "x", "conf/b": "y"})
    reads = Reads()
    repository.render(renderer, reads)
    assert (reads.blobs, [ask.path for ask in reads.asks]) == (["file.yaml"], ["conf/a"])


@pytest.mark.parametrize(
    ("path", "roots", "allowed"),
    [
        ("a", (), True),
        ("/etc/app/a", None, True),
        ("/etc/app/a", ("/etc/app",), True),
        ("/etc/app/./a", ("/srv", "/etc/app/"), True),
        ("/etc/a", ("/",), True),
        ("/etc/app", ("/etc/app",), False),
        ("/etc/apple", ("/etc/app",), False),
        ("/etc/a", (), False),
    ],
)
def test_an_absolute_path_lies_where_the_local_configuration_allows(path: str, roots: tuple[str, ...] | None, allowed: bool) -> None:
    spec = f"  {{path: {path}, content: x}}\n"
    found = [] if allowed else [error.split(" ")[:2] for error in errors(spec, roots=roots)]
    assert found == ([] if allowed else [["HF1143", "file.yaml:5:10:"]])
    assert not allowed or render(spec, roots=roots).state.fields["content"] == "x"


def test_the_nearest_root_is_taken() -> None:
    assert root_of("/etc/app/x/y", ("/etc", "/etc/app", "/etc/app/x/y")) == "/etc/app"


def test_a_secret_that_others_could_read_is_a_warning() -> None:
    renderer = Renderer(Registry(kinds=(FileKind(),)))
    desired = Repository({"file.yaml": HEAD + "  {path: a, content: {secret: key}, mode: '0644'}\n"}).render(renderer)
    assert [(warning.reason, str(warning.origin)) for warning in desired.warnings] == [("SecretMode", "file.yaml:1")]


def test_two_files_of_one_path_are_told_apart() -> None:
    again = HEAD.replace("motd", "other") + "  {path: /etc/./motd, content: y}\n"
    found = errors("  {path: /etc/motd, content: x}\n", {"other.yaml": again})
    assert [error.split(":")[0] for error in found] == ["HF1205 file.yaml"]


def test_health_is_whether_it_is_there() -> None:
    resource = render("  {path: a, content: x}\n")
    healths = [FileKind().health(resource, Observation(state=state), 0.0).status for state in (None, State.of({}))]
    assert healths == [Status.MISSING, Status.HEALTHY]


@given(st.binary(max_size=40))
def test_decoding_undoes_encoding(content: bytes) -> None:
    assert decoded(encoded(content)) == content


@pytest.mark.parametrize("content", [None, 7, ["x"], {"secret": "x"}, {"base64": 7}])
def test_what_holds_no_bytes_is_told(content: Json) -> None:
    with pytest.raises(ValueError, match="not held here"):
        decoded(content)


def test_binary_is_read_whatever_its_bytes() -> None:
    content = bytes(range(256))
    resource = render(f"  {{path: a, binary: {base64.b64encode(content).decode()}}}\n")
    assert decoded(resource.state.fields["content"]) == content
