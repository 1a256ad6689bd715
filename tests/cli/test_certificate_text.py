"""`holdfast certificate`: what is asked of the daemon, and what a person reads of the answer."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cli.daemon import DEADLINE_S, Daemon, Runner, declared
from tests.cli.test_program import PROGRAM

from holdfast.cli.certificate_text import renewal, rough, state
from holdfast.errors import Rejected, Unavailable

DAY = 86_400.0


@pytest.mark.parametrize(
    ("seconds", "text"), [(54.4 * DAY, "54d"), (2 * DAY, "2d"), (DAY, "1d"), (119 * 60, "1h59m"), (61.4, "1m1s"), (0.2, "0s"), (-3, "0s")]
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert rough(seconds) == text


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"renew_at": 100 + 3 * DAY}, "in 3d"),
        ({"renew_at": 100.0, "next_at": 100.0}, "now"),
        ({"renew_at": 100.0, "next_at": 100 + 3_600 * 5}, "due, asked in 5h"),
        ({"renew_at": None}, "never"),
        ({"renew_at": None, "source": "files"}, "by whoever writes its files"),
        ({"renew_at": None, "source": "adopted"}, "by certbot"),
        ({"renew_at": 100.0, "next_at": None, "source": "adopted", "is_taken_over": True}, "now"),
    ],
)
def test_when_it_is_renewed_is_told(row: dict[str, Any], text: str) -> None:
    assert renewal({"source": "issued", "is_taken_over": False, "next_at": None} | row, 100.0) == text


def test_what_is_wrong_is_told_in_one_line() -> None:
    sound: dict[str, Any] = {"drift": [], "awaited": None, "not_after": 200.0, "message": ""}
    assert state(sound, 100.0) == "ok"
    assert state(sound | {"not_after": 50.0}, 100.0) == "expired"
    wrong = {"drift": ["replaced"], "awaited": "not for a.example yet", "message": "first: it is down"}
    assert state(sound | wrong, 100.0) == "replaced; not for a.example yet; first: it is down"


def test_the_list_is_a_table(daemon: Daemon, holdfast: Runner) -> None:
    told = daemon.service.certificates
    assert holdfast("certificate", "list").out == "there is no certificate; a Site asks for one, or declare a Certificate\n"
    told.put("shop", hosts=["shop.example.com", "www.shop.example.com"])
    told.put("blog", "blog", issuer=None, source="bootstrap", renew_at=1.0, next_at=1.0, awaited="self-signed until an issuer answers")
    told.authorities.append({"issuer": "internal", "root": "/s/root.pem", "is_made": True, "install": ["Debian: cp /s/root.pem …"]})
    ran = holdfast("certificate", "list")
    assert ran.code == 0
    heading, shop, blog, _, authority = ran.out.splitlines()
    assert heading.split() == ["CERTIFICATE", "HOSTS", "ISSUER", "EXPIRES", "RENEWED", "STATE"]
    assert shop.startswith("Certificate/shop/shop  shop.example.com, www.shop.example.com  letsencrypt  in ")
    assert shop.endswith("ok")
    assert blog.split()[2] == "bootstrap"
    assert blog.endswith("now      self-signed until an issuer answers".replace("     ", " ").split(" ", 1)[1])
    assert "holdfast certificate root" in authority
    ran = holdfast("certificate", "list", "blog", "--json")
    assert ran.document["kind"] == "Certificates"
    assert [each["id"] for each in ran.data["certificates"]] == ["Certificate/blog/blog"]


@pytest.mark.parametrize("words", [("list",), ("renew", "shop"), ("revoke", "shop"), ("take-over", "shop"), ("root",)])
def test_without_a_daemon_nothing_can_be_asked(holdfast: Runner, words: tuple[str, ...]) -> None:
    ran = holdfast("certificate", *words, "--json")
    assert (ran.code, ran.data["code"]) == (75, "HF8003")


@pytest.mark.parametrize("name", ["shop", "shop/shop", "Certificate/shop/shop", "shop.example.com"])
def test_a_certificate_is_asked_for_by_any_of_its_names(daemon: Daemon, holdfast: Runner, name: str) -> None:
    daemon.put(declared("shop"))
    daemon.service.certificates.put("shop")
    daemon.service.certificates.put("other", "blog")
    ran = holdfast("certificate", "renew", name, "--force")
    assert (ran.code, ran.out.startswith("Certificate/shop/shop is served: serial 0a1b by letsencrypt")) == (0, True)
    what, id, person, is_forced = daemon.service.asked[-1]
    assert (what, id, is_forced) == ("renew", "Certificate/shop/shop", True)
    assert person


def test_a_name_that_means_none_or_several_is_refused(daemon: Daemon, holdfast: Runner) -> None:
    ran = holdfast("certificate", "renew", "shop")
    assert (ran.code, "HF7009" in ran.err) == (64, True)
    assert "there is none; a Site asks for one" in ran.err
    daemon.service.certificates.put("shop", "one")
    daemon.service.certificates.put("shop", "two")
    ran = holdfast("certificate", "revoke", "shop", "--json")
    assert (ran.code, ran.data["code"]) == (64, "HF7009")
    assert ran.data["hint"] == "write one of Certificate/one/shop, Certificate/two/shop"
    ran = holdfast("certificate", "take-over", "shpo", "--json")
    assert (ran.code, ran.data["hint"]) == (64, "did you mean shop?")
    assert daemon.service.asked == []


def test_what_came_of_a_renewal_is_told(daemon: Daemon, holdfast: Runner) -> None:
    certificates = daemon.service.certificates
    certificates.put("shop")
    certificates.outcome = "not_due"
    ran = holdfast("certificate", "renew", "shop")
    assert daemon.service.asked[-1][-1] is False
    assert ran.out.splitlines()[0].startswith("Certificate/shop/shop is not due: it is renewed in ")
    assert ran.out.splitlines()[1] == "`holdfast certificate renew Certificate/shop/shop --force` renews it all the same"
    certificates.outcome = "kept"
    assert "issuer letsencrypt has no newer one" in holdfast("certificate", "renew", "shop").out
    ran = holdfast("certificate", "renew", "shop", "--dry-run")
    assert daemon.service.asked[-1] == ("rehearse", "Certificate/shop/shop")
    assert "proven at its directory for tests, https://staging.example/dir" in ran.out
    assert holdfast("certificate", "renew", "shop", "--dry-run", "--json").data["outcome"] == "rehearsed"
    assert holdfast("certificate", "renew", "shop", "--dry-run", "--force").code == 64


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unavailable("HF3163", "cannot renew it now", hint="wait"), 75), (Rejected("HF3145", "cannot prove a.example", hint="mend it"), 1)],
)
def test_why_there_is_none_is_told(daemon: Daemon, holdfast: Runner, error: Exception, code: int) -> None:
    daemon.service.certificates.put("shop")
    daemon.service.fail["renew"] = error
    ran = holdfast("certificate", "renew", "shop", "--force")
    assert (ran.code, ran.out) == (code, "")
    assert str(error) in ran.err


def test_revoking_is_told_and_done_without_a_question_where_nobody_can_answer(daemon: Daemon, holdfast: Runner) -> None:
    daemon.service.certificates.put("shop")
    ran = holdfast("certificate", "revoke", "shop", "--reason", "keycompromise")
    assert ran.code == 0
    assert daemon.service.asked[-1][::3] == ("revoke", "keyCompromise")
    assert ran.out.splitlines()[0] == "revoked serial 0a1b of shop.example.com at letsencrypt (keyCompromise)"
    assert holdfast("certificate", "revoke", "shop", "--json").data["reason"] == "superseded"
    ran = holdfast("certificate", "revoke", "shop", "--reason", "boredom")
    assert (ran.code, "cessationofoperation" in ran.err.casefold()) == (64, True)


def at_a_terminal(state: Path, answer: bytes, *words: str) -> tuple[int, str]:
    """Run a command as a person at a terminal does, who types `answer`; return its exit code and what the screen shows."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "HOLDFAST_STATE": str(state)}
    process = subprocess.Popen([*PROGRAM, *words], stdin=follower, stdout=subprocess.PIPE, stderr=follower, env=environment)
    os.close(follower)
    os.write(leader, answer)
    process.communicate(timeout=DEADLINE_S)
    shown = os.read(leader, 65536).decode()
    os.close(leader)
    return process.returncode, shown


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 5), (b"\x04", 5), (b"y\n", 0)], ids=["no", "nothing", "yes"])
def test_a_person_at_a_terminal_is_asked_before_something_is_revoked(daemon: Daemon, state: Path, answer: bytes, code: int) -> None:
    daemon.service.certificates.put("shop")
    ended, shown = at_a_terminal(state, answer, "certificate", "revoke", "shop")
    assert (ended, "this cannot be undone" in shown) == (code, True)
    assert bool(daemon.service.asked) == (code == 0)
    assert ("HF8012" in shown) == (code == 5)


def test_who_is_sure_is_not_asked(daemon: Daemon, state: Path) -> None:
    daemon.service.certificates.put("shop")
    ended, shown = at_a_terminal(state, b"n\n", "certificate", "revoke", "shop", "--yes")
    assert (ended, "Revoke it?" in shown) == (0, False)


def test_a_take_over_says_what_is_left_to_do(daemon: Daemon, holdfast: Runner) -> None:
    certificates = daemon.service.certificates
    certificates.put("shop")
    assert holdfast("certificate", "take-over", "shop").out.splitlines()[1] == "next: let certbot forget it"
    certificates.put("shop", source="adopted", issuer="certbot", is_taken_over=True)
    certificates.message = "not proven"
    assert holdfast("certificate", "take-over", "shop").out.splitlines()[0].endswith("until there is a new one: not proven")


def test_how_a_root_is_installed_is_shown(daemon: Daemon, holdfast: Runner) -> None:
    ran = holdfast("certificate", "root")
    assert (ran.code, "HF8040" in ran.err, "issuers: [{name: internal, authority: {}}]" in ran.err) == (64, True, True)
    daemon.service.certificates.authorities += [
        {"issuer": "internal", "root": "/s/root.pem", "is_made": True, "install": ["Debian: cp /s/root.pem …"]},
        {"issuer": "office", "root": "/o/root.pem", "is_made": False, "install": ["Debian: cp /o/root.pem …"]},
    ]
    assert holdfast("certificate", "root").out.splitlines() == [
        "issuer internal: /s/root.pem",
        "  Debian: cp /s/root.pem …",
        "issuer office: /o/root.pem (made with its first certificate)",
        "  Debian: cp /o/root.pem …",
    ]
    assert holdfast("certificate", "root", "internal", "--path").out == "/s/root.pem\n"
    assert "did you mean office?" in holdfast("certificate", "root", "ofice").err
    assert [each["issuer"] for each in holdfast("certificate", "root", "office", "--json").data["authorities"]] == ["office"]
