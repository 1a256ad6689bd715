"""Broken nginx configuration: any bytes give a tree that writes the same bytes, or an error with a place, within bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.laws.fuzz import bounded, corpus, edited, words

from holdfast.edge.parse import parse
from holdfast.edge.tree import Config
from holdfast.edge.write import write
from holdfast.errors import DeclarationError

pytestmark = pytest.mark.fuzz

WORDS = words(
    r"{¦}¦;¦'¦\"¦\\¦#¦$¦${¦${a}¦\n¦\r¦\t¦\0¦\xff¦server {¦location ~ ^/(a|b)$ {¦_by_lua_block {¦--[[¦]]¦--[==[¦include x;"
    r"¦if ($a = \"b\") {¦proxy_pass http://a;"
    r"¦listen 80;¦map $a $b {¦default 1;"
)


@given(edited(corpus("nginx"), WORDS))
def test_any_configuration_is_kept_byte_for_byte_or_refused_with_a_place(data: bytes) -> None:
    with bounded():
        found = read(data)
    if isinstance(found, Config):
        assert write(found) == data
    else:
        assert found.code in ("HF1300", "HF1301")
        assert found.where[0].path == "nginx.conf"
        assert found.message.isprintable()


def read(data: bytes) -> Config | DeclarationError:
    try:
        return parse("nginx.conf", data)
    except DeclarationError as error:
        return error
