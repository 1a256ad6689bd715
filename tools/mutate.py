"""Mutation testing: change core/ and kit/ in thousands of small ways, and see that the tests notice.

    tools/mutate.py [MUTANT…]     names with wildcards, as "holdfast.kit.*"; without one all

Works on a copy of the checkout in build/mutate, never in it: mutants lie on disk. Prints JSON: how many mutants, what became of them and
the score, in all and by module. Ends with 1 where the score is below what tests/mutation/README.md promises, or where a mutant survived
that tests/mutation/survivors.txt does not name. An hour or two on two cores; a later run tries only what is new. `--anew` forgets all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "build" / "mutate" / "tree"
PROGRAM = ROOT / "build" / "mutate" / "venv" / "bin" / "mutmut"
KNOWN = ROOT / "tests" / "mutation" / "survivors.txt"
COPIED = ("src", "tests", "examples", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
LOWEST = 0.85
SURVIVED, KILLED, TIMED_OUT, UNTESTED, LEFT = "survived", "killed", "timed out", "untested", "left"
BECAME = {
    None: LEFT,
    0: SURVIVED,
    1: KILLED,
    3: KILLED,
    5: UNTESTED,
    33: UNTESTED,
    24: TIMED_OUT,
    -24: TIMED_OUT,
    36: TIMED_OUT,
    152: TIMED_OUT,
}


def copy() -> None:
    """Bring the copy up to date. What mutmut made there stays: it knows by each function's digest what it tried."""
    TREE.mkdir(parents=True, exist_ok=True)
    for name in ("src", "tests", "examples"):
        shutil.rmtree(TREE / name, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *COPIED], cwd=ROOT, capture_output=True, check=True
    )
    for path in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / path).is_file():
            (TREE / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, TREE / path)


def verdicts() -> Iterator[tuple[str, Path, str, int | None]]:
    """Yield module, its path, the mutant's name, and what its run ended with; of those that there are, for mutmut remembers others too."""
    for file in sorted((TREE / "mutants" / "src" / "holdfast").rglob("*.meta")):
        path = file.relative_to(TREE / "mutants").with_suffix("")
        module = ".".join(path.with_suffix("").parts[2:])
        there = set(re.findall(r"def (\w+__mutmut_\d+)", file.with_suffix("").read_text()))
        for mutant, code in json.loads(file.read_text())["exit_code_by_key"].items():
            if mutant.rpartition(".")[2] in there:
                yield module, path, mutant, code


def forget_survivors() -> None:
    """Have those tried again that lived: a test may know them now. Which tests reach what is looked at anew, or a function that moved has none."""
    (TREE / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    for file in (TREE / "mutants" / "src" / "holdfast").rglob("*.meta"):
        data = json.loads(file.read_text())
        codes = data["exit_code_by_key"]
        data["exit_code_by_key"] = {mutant: None if BECAME.get(code) in (SURVIVED, UNTESTED) else code for mutant, code in codes.items()}
        file.write_text(json.dumps(data))


def shown(path: Path, mutant: str) -> str:
    """Return `function: what stood there → what the mutant has`: what stays the same while mutants around it come and go."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # type: ignore[import-not-found]

    lines = [line for line in get_diff_for_mutant(mutant, path=path).splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    name = mutant.rpartition("__mutmut_")[0].removeprefix("holdfast.")
    function = re.sub(r"\.x[_ǁ]", ".", name).replace("ǁ", ".")  # mutmut's mark before a function or a class
    return f"{function}: {before} → {after}"


def known() -> set[str]:
    """Return the survivors that are explained: every line but headings (#) and empty ones."""
    return {line for line in KNOWN.read_text().splitlines() if line and not line.startswith("#")} if KNOWN.exists() else set()


def told() -> dict[str, Any]:
    modules: dict[str, Counter[str]] = {}
    survivors = []
    for module, path, mutant, code in verdicts():
        became = BECAME.get(code, f"ended with {code}")
        modules.setdefault(module, Counter())[became] += 1
        if became in (SURVIVED, UNTESTED):
            survivors.append(shown(path, mutant))
    whole = sum(modules.values(), Counter[str]())
    return {
        "score": score(whole),
        "mutants": dict(whole),
        "modules": {module: {"score": score(counts), **counts} for module, counts in sorted(modules.items())},
        "unexplained": sorted(set(survivors) - known()),
        "survivors": sorted(survivors),
    }


def score(counts: Counter[str]) -> float:
    """Return the share that did not live, of those that were tried."""
    tried = sum(counts.values()) - counts[LEFT]
    return round(1 - (counts[SURVIVED] + counts[UNTESTED]) / tried, 4) if tried else 0.0


def main() -> int:
    mutants = [word for word in sys.argv[1:] if word != "--anew"]
    if "--anew" in sys.argv:
        shutil.rmtree(TREE, ignore_errors=True)
    copy()
    forget_survivors()
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(["nice", "-n", "15", PROGRAM, "run", *mutants], cwd=TREE, env=environment, stdout=sys.stderr, check=True)
    os.chdir(TREE)
    answer = told()
    survivors = answer.pop("survivors")
    (ROOT / "build" / "mutate" / "survivors.txt").write_text("".join(f"{line}\n" for line in survivors))
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return int(answer["score"] < LOWEST or bool(answer["unexplained"]))


if __name__ == "__main__":
    sys.exit(main())
