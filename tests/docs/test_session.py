"""Reading a page does what a reader would do, and finds where the page is not true."""

from __future__ import annotations

import pytest
from tests.docs.session import Block, Session, blocks, commands, session

pytestmark = pytest.mark.real
PAGE = """\
The file `a/b.txt`:

```yaml
one: 1
```

```console
cd a
cat b.txt
```

```text
one: …
```
"""


def read(page: str) -> Session:
    with session() as reader:
        reader.read(page)
    return reader


def test_files_are_written_and_commands_go_on_where_the_last_left_off() -> None:
    assert read(PAGE).output == "one: 1\n"
    assert [block.file for block in blocks(PAGE)] == ["a/b.txt", None, None]
    assert list(blocks("```json\n{}\n```\n")) == [Block(language="json", text="{}\n", file=None)]


def test_what_is_exported_stays() -> None:
    assert read("```console\nexport A=b\necho $A\n```\n```text\nb\n```\n").output == "b\n"


def test_a_command_of_several_lines_is_one() -> None:
    text = "cat <<'END' > x\na\nEND\necho \\\n  b\n\n# only words\n"
    assert list(commands(text)) == ["cat <<'END' > x\na\nEND", "echo \\\n  b", "# only words"]


def test_a_page_that_is_not_true_is_found() -> None:
    with pytest.raises(AssertionError, match="does not show"):
        read("```console\necho one\n```\n```text\ntwo\n```\n")
    with pytest.raises(AssertionError, match="exit code 1"):
        read("```console\nfalse\n```\n")
    with pytest.raises(AssertionError, match="exit code 0"):
        read("```console\ntrue    # exit code 2\n```\n")


def test_a_port_is_one_that_nobody_else_has() -> None:
    with session() as reader:
        moved = reader.moved("on 5000, and 5000 again; 1234 stays")
    port = reader.ports["5000"]
    assert moved == f"on {port}, and {port} again; 1234 stays"
