"""Files put together as nginx reads them."""

from __future__ import annotations

import pytest

from holdfast.edge.include import candidates, normal, roots
from holdfast.edge.parse import parse
from holdfast.edge.tree import Config
from holdfast.edge.write import show


def files(**texts: str) -> dict[str, Config]:
    named = {name.replace("__", "/").replace("_conf", ".conf"): text for name, text in texts.items()}
    return {path: parse(path, text.encode()) for path, text in named.items()}


def told(known: dict[str, Config]) -> dict[str, str]:
    return {whole.path: " ".join(show(whole.directives).split()) for whole in roots(known)}


@pytest.mark.parametrize(
    ("path", "plain"), [("a/./b//c", "a/b/c"), ("a/../b", "b"), ("../b", "../b"), ("/../b", "/b"), ("a/../../b", "../b"), ("/a/", "/a")]
)
def test_paths_are_tidied(path: str, plain: str) -> None:
    assert normal(path) == plain


def test_a_relative_path_may_lie_beneath_any_folder_above() -> None:
    assert list(candidates("x.conf", "/etc/nginx/sites")) == ["/etc/nginx/sites/x.conf", "/etc/nginx/x.conf", "/etc/x.conf", "/x.conf"]
    assert list(candidates("../x.conf", "nginx")) == ["x.conf", "../x.conf"]
    assert list(candidates("/x.conf", "nginx")) == ["/x.conf"]


def test_a_copy_of_a_hosts_folder_finds_its_own_files() -> None:
    assert list(candidates("/etc/nginx/conf.d/*.conf", "/srv/copy")) == [
        "/etc/nginx/conf.d/*.conf",
        "/srv/copy/conf.d/*.conf",
        "/srv/conf.d/*.conf",
        "/conf.d/*.conf",
    ]
    known = files(
        copy__nginx_conf="include /etc/nginx/sites-enabled/*;", **{"copy__sites-enabled__a": "include /etc/nginx/x;", "copy__x": "x;"}
    )
    assert told(known) == {"copy/nginx.conf": "x;"}


def test_what_is_included_stands_in_its_place_and_is_no_root() -> None:
    known = files(nginx_conf="a; http { include conf.d/*.conf; b; }", conf_d="", **{"conf.d__2_conf": "two;", "conf.d__1_conf": "one { }"})
    assert told(known) == {"nginx.conf": "a; http { one { } two; b; }", "conf_d": ""}


def test_relative_paths_lie_beneath_the_folder_of_the_main_file() -> None:
    known = files(nginx__nginx_conf="include sites/a.conf;", nginx__sites__a_conf="include more.conf;", nginx__more_conf="x;")
    assert told(known) == {"nginx/nginx.conf": "x;"}


def test_a_fragment_finds_what_lies_above_it() -> None:
    assert told(files(sites__a_conf="include snippets/x.conf;", snippets__x_conf="x;")) == {"sites/a.conf": "x;"}


def test_what_is_not_known_stays_and_is_named() -> None:
    (whole,) = roots(files(a_conf="include none.conf; include none/*; x;"))
    assert [each.args for each in whole.missing] == [("none.conf",)]
    assert "include none.conf;" in show(whole.directives)


def test_files_that_include_each_other_end() -> None:
    assert told(files(a_conf="include a.conf; x;")) == {"a.conf": "include a.conf; x;"}
    assert told(files(a_conf="include b.conf; x;", b_conf="include a.conf; y;")) == {"a.conf": "include a.conf; y; x;"}
