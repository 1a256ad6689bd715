"""All patches of a review put into the files."""

from __future__ import annotations

from tests.conformance.given import cases_at

from holdfast.edge.capability import Capability
from holdfast.edge.parse import parse
from holdfast.edge.review import review
from holdfast.edge.review_mend import mended

BOOKWORM = Capability(version=(1, 22, 1), openssl=(3, 0, 19))


def test_every_patch_is_made_though_several_touch_one_place() -> None:
    text = 'server {\n  listen 443 ssl;\n  server_name a.example;\n  add_header X-XSS-Protection "1";\n  set_real_ip_from ::/0;\n}\n'
    files = {"a.conf": parse("a.conf", text.encode())}
    found = mended(files, BOOKWORM)
    left = review({"a.conf": parse("a.conf", found["a.conf"])}, BOOKWORM)
    assert [each.rule for each in left if each.fix is not None] == []
    assert b"X-XSS-Protection" not in found["a.conf"]


def test_an_included_file_is_mended_in_itself() -> None:
    texts = {"nginx.conf": "http { server_tokens off; include a.conf; }\n", "a.conf": "set_real_ip_from 0.0.0.0/0; # all\nroot /x;\n"}
    assert mended({path: parse(path, text.encode()) for path, text in texts.items()}) == {"a.conf": b" # all\nroot /x;\n"}


def test_only_what_is_asked_for_is_mended() -> None:
    files = {"a.conf": parse("a.conf", b"server_tokens on;\nset_real_ip_from ::/0;\n")}
    assert mended(files, rules=frozenset({"version-disclosure"})) == {"a.conf": b"server_tokens off;\nset_real_ip_from ::/0;\n"}


def test_real_files_come_to_an_end_without_a_patch_left() -> None:
    mends = 0
    for path in sorted((cases_at("nginx", "roundtrip") / "files").rglob("*.conf")):
        files = {path.name: parse(path.name, path.read_bytes())}
        found = mended(files, BOOKWORM)
        after = {name: parse(name, found.get(name, path.read_bytes())) for name in files}
        assert [each for each in review(after, BOOKWORM) if each.fix is not None] == [], path.name
        mends += len(found)
    assert mends > 20
