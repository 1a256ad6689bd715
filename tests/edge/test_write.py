"""Write: what is not changed stays byte for byte, and no value ends its own word."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.parse import parse
from holdfast.edge.token import LONGEST, quote, unquote
from holdfast.edge.tree import Config, Directive
from holdfast.edge.write import show, write

VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(list("{};#'\"\\$ ()~=")), max_size=24)
NAMES = st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True).filter(lambda name: not name.endswith("_by_lua_block"))
LEAVES = st.builds(Directive, NAMES, st.lists(VALUES, max_size=4).map(tuple))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(Directive, NAMES, st.lists(VALUES, max_size=3).map(tuple), st.lists(inner, max_size=4).map(tuple)),
    max_leaves=12,
)


@given(st.lists(TREES, max_size=4).map(tuple))
def test_a_tree_reads_back_as_itself(tree: tuple[Directive, ...]) -> None:
    assert parse("nginx.conf", show(tree).encode()).directives == tree


def test_structure_and_value_of_a_hundred_thousand_arguments_survive() -> None:
    chooser = random.Random(7)
    alphabet = "{};#'\"\\$ ()~=ab€/nt"
    for _ in range(100):
        values = ["".join(chooser.choices(alphabet, k=chooser.randint(0, 20))) for _ in range(1_000)]
        tree = tuple(Directive("set", (value,), (Directive("inner", (value, "x")),)) for value in values)
        assert parse("nginx.conf", show(tree).encode()).directives == tree


@given(VALUES)
def test_quoting_is_undone_by_reading(value: str) -> None:
    assert unquote(quote(value)) == value


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("443", "443"),
        ("$host", "$host"),
        ("($holdfast_open)", "($holdfast_open)"),
        ("/srv/x.pem", "/srv/x.pem"),
        ("", '""'),
        ("a b", '"a b"'),
        ("$a$b", '"$a$b"'),
        ("a;b", '"a;b"'),
        ('say "hi"', '"say \\"hi\\""'),
        (r"\.php$", r'"\\.php$"'),
        ("é", '"é"'),
    ],
)
def test_plain_words_stand_bare(value: str, word: str) -> None:
    assert quote(value) == word


@pytest.mark.parametrize("value", ["a\nb", "\0", "\x7f", "tab\t", "\r"])
def test_control_characters_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        quote(value)


def test_a_word_that_nginx_could_not_read_is_refused() -> None:
    assert quote("x" * LONGEST)
    with pytest.raises(ValueError, match="nginx reads as one word"):
        quote("é" * LONGEST)


def test_only_what_changed_is_written_anew() -> None:
    text = "server {  # mine\n    listen   80 ;\n    server_name 'a b'\ty;\n}\n"
    config = parse("nginx.conf", text.encode())
    server = config.directives[0]
    assert server.block is not None
    listen, name = server.block
    changed = replace(server, block=(replace(listen, args=("443", "ssl")), replace(name, args=("a b", "z")), Directive("http2", ("on",))))
    assert write(Config((changed,), config.tail)).decode() == (
        "server {  # mine\n    listen   443 ssl ;\n    server_name 'a b'\tz;\n    http2 on;\n}\n"
    )


def test_the_form_of_the_house_drops_comments_and_keeps_line_breaks_in_values() -> None:
    tree = parse("nginx.conf", b"# top\nlog_format x 'a\nb';server{listen 80;location /{}}").directives
    assert show(tree) == "log_format x 'a\nb';\nserver {\n    listen 80;\n    location / { }\n}\n"


def test_a_note_cannot_become_a_directive() -> None:
    text = show([Directive("listen", ("80",), note="from site.yaml:3\nload_module evil;")])
    assert text == "# from site.yaml:3 load_module evil;\nlisten 80;\n"
