"""The program that does users' work: one piece after another, with nothing to reach. Run by `bounded`.

Started by its path under `-I` with the name of a room; needs nothing of the house. The room is the module `{room}_program.py` beside it:
its `run` takes what was asked and returns {value} or {error}, `PROCESS_MEMORY` are the bytes that this process may have. Each line on stdin
is one question, each on stdout its answer. What bounds the work is not asked of it: its processor time by a timer of the kernel that ends
this process, whatever loop it is in; its memory by the limit of this process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import resource
import signal
import sys
from pathlib import Path
from types import ModuleType

CPU_S = 1.0
"""Of one piece of work, as Argo CD allows it to scripts and to jq."""
NOBODY = 65534


def room_of(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_program", Path(__file__).with_name(f"{name}_program.py"))
    assert spec is not None, "a path that ends in .py has a loader"
    assert spec.loader is not None, "a path that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def give_up(memory: int) -> None:
    """Let go of everything that the work could use if it left its sandbox."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for what, most in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 3), (resource.RLIMIT_NPROC, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def main() -> int:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    room = room_of(sys.argv[1])
    give_up(room.PROCESS_MEMORY)
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, CPU_S)
        try:
            answer = json.dumps(room.run(asked))
        except (MemoryError, ValueError, RecursionError) as error:
            answer = json.dumps({"error": f"its answer cannot be read: {type(error).__name__}"})
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
