"""The entry point. What is asked most often is answered before click is imported: product.md §5 gives `--version` 80 ms."""

from __future__ import annotations

import sys

from holdfast import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run one command line, this process's own by default, and return its exit code (architecture.md §5)."""
    words = sys.argv[1:] if arguments is None else arguments
    if words in (["--version"], ["-V"]):
        print(f"holdfast {__version__}")
        return 0
    try:
        from holdfast.cli.program import run

        return run(words)
    except KeyboardInterrupt:  # before there was anything to tell it with
        return 130
