"""The fast way to `status` understands words as its page does, and leaves everything else to it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.cli.daemon import Daemon, Runner, declared, observed, proven, rendered

from holdfast.cli.quick import StatusRequest, read_status

PLAIN = (
    ("status",),
    ("status", "shop"),
    ("status", "--json"),
    ("status", "shop", "--json", "--exit-code"),
    ("status", "--exit-code", "shop"),
    ("status", "--resources"),
    ("status", "--at", "10m"),
    ("status", "--at", "1970-01-01T00:00:02+00:00", "--json", "shop"),
    ("status", "--no-color", "-q"),
)


@pytest.mark.parametrize("words", PLAIN, ids=" ".join)
def test_both_ways_give_the_same_answer(daemon: Daemon, holdfast: Runner, words: tuple[str, ...]) -> None:
    daemon.put(declared("shop"), rendered("shop"), observed("shop"), proven("shop"), declared("blog"))
    assert read_status(words) is not None
    by_page = ("--quiet", *words)  # an option before the command is the page's to read
    assert read_status(by_page) is None
    quick, slow = holdfast(*words), holdfast(*by_page)
    assert (quick.code, quick.out) == (slow.code, slow.out)
    assert quick.out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("plan",),
        ("status", "--help"),
        ("status", "a", "b"),
        ("status", "--at"),
        ("status", "--at=10m"),
        ("status", "--state", "--json"),
        ("status", "-x"),
        ("status", "--", "shop"),
    ],
    ids=" ".join,
)
def test_what_is_not_plain_is_left_to_the_page(words: tuple[str, ...]) -> None:
    assert read_status(words) is None


def test_options_are_read_with_their_values() -> None:
    assert read_status(["status", "--state", "/s", "shop", "--at", "1h"]) == StatusRequest(application="shop", at="1h", state="/s")


def test_what_must_be_fast_imports_nothing_slow(daemon: Daemon) -> None:
    """click, rich, aiohttp, YAML and asyncio each take longer than the whole answer."""
    heavy = ("click", "rich", "aiohttp", "yaml", "asyncio", "pydantic", "orjson")
    script = (
        "import sys\nfrom holdfast.cli.main import main\ncode = main(sys.argv[1:])\n"
        f"print(code, sorted(set(sys.modules) & set({heavy!r})), file=sys.stderr)"
    )
    for words in (("--version",), ("status", "--state", str(daemon.state)), ("status", "--json", "--state", str(daemon.state))):
        ran = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
        assert ran.stderr.strip() == "0 []", words
