"""Tidying: one form, the same meaning, every comment."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.parse import parse
from holdfast.edge.tidy import tidy
from holdfast.errors import DeclarationError

MESSY = """\


# Top
worker_processes   auto ;events{worker_connections 64;} # few

http
{
# first
  server { # ours
listen 80;   # plain


      # names
      server_name a.example
                  b.example;
      log_format main '$remote_addr'   # who
          '$status';
      location / {  }
      location = /x { # only a remark
      }
      return 200 "two  spaces; {kept}"
      ;
      # last
  }
}
# end
"""
TIDY = """\
# Top
worker_processes auto;
events {
    worker_connections 64;
} # few

http {
    # first
    server { # ours
        listen 80; # plain

        # names
        server_name a.example
            b.example;
        log_format main '$remote_addr' # who
            '$status';
        location / { }
        location = /x { # only a remark
        }
        return 200 "two  spaces; {kept}";
        # last
    }
}
# end
"""


def tidied(text: str) -> str:
    return tidy(parse("nginx.conf", text.encode())).decode()


def test_a_messy_file_in_its_one_form() -> None:
    assert tidied(MESSY) == TIDY


def test_a_block_of_lua_stays_as_it_is() -> None:
    text = "location / {\n    content_by_lua_block {\n  ngx.say('}')  -- }\n  }\n}\n"
    assert tidied(text) == text


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# alone", "a # x\n;", "a\n# x\n{\n}", "a b # x\n# y\nc;", "a;#x\r\n\r\n\r\nb;\r\n", "a#x\n;"]
)
def test_odd_files_keep_their_meaning_and_their_comments(text: str) -> None:
    holds(text)


PIECES = st.lists(
    st.sampled_from(["a", " b", " 'c d'", ";", " {", "}", "\n", "\n\n\n", " # note\n", "#x\n", "\t", " ${e}", ' "f;"', "\r\n"]), max_size=40
)


@given(PIECES.map("".join))
def test_whatever_nginx_reads_means_the_same_afterwards(text: str) -> None:
    try:
        parse("nginx.conf", text.encode())
    except DeclarationError:
        return
    holds(text)


def holds(text: str) -> None:
    once = tidied(text)
    assert parse("nginx.conf", once.encode()).directives == parse("nginx.conf", text.encode()).directives
    assert comments(once) == comments(text)
    assert tidied(once) == once


def comments(text: str) -> list[str]:
    """Return what nginx takes for comments: a `#` within a word is a part of it."""
    return [found.rstrip() for found in re.findall(r"(?:(?<=[\s;{}])|^)#[^\n]*", text)]
