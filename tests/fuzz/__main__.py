"""Feeds changed files to the readers: ``python -m tests.fuzz --inputs 2000 --seed 1`` (``scripts/fuzz``).

Input number n of a seed is always the same bytes, so ``--only n`` shows one again. All work is done in a child process
with a limit of memory and of processor time for each input; a child that dies is a finding and gets a successor.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz import run


def main() -> int:
    options = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    options.add_argument("--inputs", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--first", type=int, default=0, help="number of the first input")
    options.add_argument("--minutes", type=float, default=0, help="stop after so long")
    options.add_argument("--out", type=Path, help="folder for the inputs that broke something")
    options.add_argument("--only", type=int, help="show one input")
    given = options.parse_args()
    if given.only is not None:
        return run.show(given.seed, given.only, given.out)
    found = run.campaign(given.seed, given.first, given.inputs, given.minutes * 60, given.out)
    print(found.summary())
    for words, numbers in sorted(found.findings.items()):
        print(f"  {words}: {len(numbers)} ({', '.join(map(str, numbers[:5]))})")
    return 1 if found.findings else 0


if __name__ == "__main__":
    sys.exit(main())
