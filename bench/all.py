"""Run every benchmark beside this file, one after the other, and print one JSON document of their answers.

Each `bench_<subject>.py` is a script that prints one JSON document: n, median, p95/p99, the peer's figure of the same run, the ratio.
A script that fails is named with its exit code, the others still run, and this one ends with 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def measure(script: Path) -> dict[str, Any]:
    """Return the script's answer, or its exit code and what it printed instead of an answer."""
    print(f"bench: {script.stem}", file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, str(script)], cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        return {"exit_code": done.returncode, "stdout": done.stdout}
    try:
        return {"exit_code": 0, "result": json.loads(done.stdout)}
    except json.JSONDecodeError:
        return {"exit_code": 1, "stdout": done.stdout}


def main() -> int:
    answers = {script.stem.removeprefix("bench_"): measure(script) for script in sorted(HERE.glob("bench_*.py"))}
    print(json.dumps(answers, indent=2))
    return int(any(answer["exit_code"] != 0 for answer in answers.values()))


if __name__ == "__main__":
    sys.exit(main())
