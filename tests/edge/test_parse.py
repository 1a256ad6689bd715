"""Parse: nginx's own syntax, its errors with their places, and no input that breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.parse import DEEPEST, LARGEST, parse
from holdfast.edge.tree import Directive, walk
from holdfast.edge.write import write
from holdfast.errors import DeclarationError


def read(text: str) -> tuple[Directive, ...]:
    return parse("nginx.conf", text.encode()).directives


def refused(data: bytes) -> str:
    """Return `code place: message` of the error that `data` is answered with."""
    with pytest.raises(DeclarationError) as caught:
        parse("nginx.conf", data)
    places = ", ".join(str(where) for where in caught.value.where)
    return f"{caught.value.code} {places}: {caught.value.message.removeprefix('cannot read nginx.conf: ')}"


def test_a_block_holds_its_directives() -> None:
    assert read("server { listen 80; location / { return 404; } }") == (
        Directive("server", (), (Directive("listen", ("80",)), Directive("location", ("/",), (Directive("return", ("404",)),)))),
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("plain", "plain"),
        ('"in quotes"', "in quotes"),
        ("'it is \"so\"'", 'it is "so"'),
        (r'"a \"b\" \\ \t"', 'a "b" \\ \t'),
        (r"\.php$", r"\.php$"),
        (r"a\ b", r"a\ b"),
        (r"a\;b", r"a\;b"),
        ("${host}x", "${host}x"),
        ("a$b{c", None),
        ("x#y", "x#y"),
        ("x}y", "x}y"),
        ('x"y', 'x"y'),
        ("$", "$"),
        ('""', ""),
    ],
)
def test_words_read_as_nginx_reads_them(written: str, value: str | None) -> None:
    if value is None:
        assert refused(f"set {written};".encode()) != ""
    else:
        assert read(f"set {written};") == (Directive("set", (value,)),)


def test_a_bracket_may_follow_a_quote() -> None:
    assert read('if ($a = "b c") { break; }')[0].args == ("($a", "=", "b c", ")")


def test_comments_are_no_words() -> None:
    text = "# top\nlisten # of the server\n  80; # { not a block\n#last"
    config = parse("nginx.conf", text.encode())
    assert config.directives == (Directive("listen", ("80",)),)
    assert (config.tail, write(config)) == (" # { not a block\n#last", text.encode())


def test_lua_is_kept_as_it_is() -> None:
    body = " local x = { '}' } -- }\n ngx.say([[ } ]]) --[=[ } ]=] "
    assert read(f"location / {{ content_by_lua_block {{{body}}} }}")[0].block == (Directive("content_by_lua_block", raw=body),)


def test_every_directive_knows_its_place() -> None:
    found = {each.name: str(each.where) for each, _ in walk(read("http {\n  server {\n\n    listen 80;\n  }\n}\n"))}
    assert found == {"http": "nginx.conf:1:1", "server": "nginx.conf:2:3", "listen": "nginx.conf:4:5"}


def test_walking_shows_what_a_directive_stands_in() -> None:
    tree = read("http { server { listen 80; } map a b { c d; } } events { }")
    assert [("/".join(one.name for one in above), each.name) for each, above in walk(tree)] == [
        ("", "http"),
        ("http", "server"),
        ("http/server", "listen"),
        ("http", "map"),
        ("http/map", "c"),
        ("", "events"),
    ]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("server {\n listen 80\n}", "HF1300 nginx.conf:3:1: unexpected '}'"),
        ("server {\n listen 80;\n", "HF1300 nginx.conf:1:1: a block is not closed"),
        ("listen 80;\n}", "HF1300 nginx.conf:2:1: unexpected '}'"),
        ("listen 80;\n  ;", "HF1300 nginx.conf:2:3: unexpected ';'"),
        ("{ }", "HF1300 nginx.conf:1:1: unexpected '{'"),
        ("listen", "HF1300 nginx.conf:1:1: 'listen' is not ended"),
        ('a\n  "b;', "HF1300 nginx.conf:2:3: a quote is not closed"),
        ('a "b"c;', "HF1300 nginx.conf:1:6: unexpected 'c'"),
        ('a "b"', "HF1300 nginx.conf:1:1: 'a' is not ended"),
        ("a b\\", "HF1300 nginx.conf:1:4: it ends within a word"),
        ("a_by_lua_block { '}' ", "HF1300 nginx.conf:1:16: a block of Lua is not closed"),
    ],
)
def test_what_nginx_refuses_is_refused_at_its_place(text: str, answer: str) -> None:
    assert refused(text.encode()) == answer


def test_what_goes_on_without_end_is_refused() -> None:
    assert refused(b"a { " * (DEEPEST + 2)).startswith("HF1301 nginx.conf:1:")
    assert refused(b" " * (LARGEST + 1)).startswith("HF1301")


def test_bytes_of_another_encoding_survive() -> None:
    data = b'add_header X "\xe9\xff";\n'
    config = parse("nginx.conf", data)
    assert write(config) == data
    assert refused(b'add_header X "\xe9').endswith("a quote is not closed")


@given(st.binary(max_size=200) | st.text(alphabet="a1 ;{}\"'\\$#\n()", max_size=60).map(str.encode))
def test_any_bytes_give_a_tree_or_an_error(data: bytes) -> None:
    try:
        written = write(parse("nginx.conf", data))
    except DeclarationError:
        return  # the only way to refuse
    assert written == data
