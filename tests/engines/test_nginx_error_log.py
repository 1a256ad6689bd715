"""The error log: each line once, and what its lines mean. The lines are nginx 1.22's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.engines.nginx.error_log import ErrorLog, fatal, is_refusal, place, reason

TEST = 'nginx: [emerg] "limit_rate" directive invalid value in /s/edge/generations/ab/nginx.conf:264'
BIND = "2026/11/25 19:31:17 [emerg] 4711#4711: bind() to 127.0.0.1:8099 failed (98: Address already in use)"
GAVE_UP = "2026/11/25 19:31:19 [emerg] 4711#4711: still could not bind()"
ZONE = '2026/11/25 19:31:17 [emerg] 4711#4711: limit_req "zone" uses the "$server_name" key while previously it used the "$host" key'
REQUEST = "2026/11/25 19:31:17 [error] 4712#4712: *1 connect() failed (111: Connection refused) while connecting to upstream"
NOTICE = "2026/11/25 19:31:17 [notice] 4711#4711: signal process started"
CRASH = "2026/11/25 19:31:17 [alert] 4711#4711: worker process 4712 exited on signal 11"


@pytest.mark.parametrize(
    ("lines", "is_final"),
    [((), False), ((NOTICE, REQUEST, CRASH), False), ((BIND,), False), ((BIND, BIND, GAVE_UP), True), ((ZONE,), True), ((TEST,), True)],
)
def test_a_master_has_given_up_once_it_says_so(lines: tuple[str, ...], is_final: bool) -> None:
    assert is_refusal(lines) is is_final


def test_what_is_wrong_is_said_in_nginx_words_alone() -> None:
    assert reason([NOTICE, TEST, "nginx: configuration file x test failed"]).startswith('"limit_rate" directive invalid value in /s/edge')
    assert reason([BIND, GAVE_UP]) == "bind() to 127.0.0.1:8099 failed (98: Address already in use)"
    assert reason([ZONE]).startswith('limit_req "zone" uses')
    assert reason(["only this"]) == "only this"
    assert reason([]) == "it said nothing"


def test_the_place_is_found_where_one_is_named() -> None:
    assert place([NOTICE, TEST]) == ("/s/edge/generations/ab/nginx.conf", 264)
    assert place([BIND, ZONE, REQUEST]) is None


def test_lines_about_single_requests_are_left_out() -> None:
    assert fatal([NOTICE, REQUEST, BIND, CRASH]) == (BIND, CRASH)


def test_each_line_is_given_once_whatever_happens_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_text("old\n")
    log = ErrorLog(path)
    assert log.more() == ()
    with path.open("a") as file:
        file.write("one\ntw")
        file.flush()
        assert log.more() == ("one",)
        file.write("o\n")
    assert log.more() == ("two",)
    path.write_text("emptied\n")
    assert log.more() == ("emptied",)
    os.replace(path, tmp_path / "error.log.1")
    assert log.more() == ()
    path.write_text("new file\n")
    assert log.more() == ("new file",)
    path.write_text("x" * 300_000 + "\nlast\n")
    assert log.more()[-1] == "last"
