"""Feeds the host's side of the line with what a hostile board might say.

Every input goes to the parser and to each decoder as it is; one in four is the script of a hostile
board (``hwprof.testing.hostile``), whose stream goes there too, and one in twenty a whole session
of loading, running and reading on such a board. Inputs are mutations at random, or follow coverage
with --atheris (``pip install 'hwprof[fuzz]'``).

    python scripts/fuzz_host.py --inputs 1000000
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import time
from collections import Counter
from pathlib import Path

LONGEST_BYTES = 300
STREAMS = 4  # one input in so many
SESSIONS = 20
HANG_S = 5.0


class Target:
    """Tries inputs and counts them; keeps the one that broke a rule.

    Attributes:
        done: what became of them.
    """

    def __init__(self, findings: Path) -> None:
        hostile = importlib.import_module("hwprof.testing.hostile")
        self._parse, self._stream = hostile.parse_everything, hostile.stream_of
        self._ask = hostile.ask_everything
        self._findings = findings
        self._tried = 0
        self.done: Counter[str] = Counter()

    def try_script(self, script: bytes) -> None:
        """One input; what is raised is a finding."""
        self._tried += 1
        start_s = time.monotonic()
        try:
            self._parse(script)
            self.done["inputs to the parser"] += 1
            if self._tried % STREAMS == 0:
                self._parse(self._stream(script))
                self.done["streams of a hostile board"] += 1
            if self._tried % SESSIONS == 0:
                self.done[f"sessions that end in {self._ask(script)}"] += 1
            if time.monotonic() - start_s > HANG_S:
                raise TimeoutError(f"{time.monotonic() - start_s:.0f} s for one input")
        except BaseException:
            self._findings.mkdir(parents=True, exist_ok=True)
            (self._findings / f"host-{self._tried}").write_bytes(script)
            raise


def mutate(target: Target, inputs: int, seed: int) -> None:
    """Random scripts, half of them little changes of one that was tried before."""
    chance = random.Random(seed)
    known = [b""]
    for _ in range(inputs):
        script = bytearray(chance.choice(known))
        if chance.random() < 1 / 2 or not script:
            script = bytearray(chance.randbytes(chance.randrange(LONGEST_BYTES)))
        for _ in range(chance.randrange(4) if script else 0):
            script[chance.randrange(len(script))] = chance.choice(
                (0, 1, 255, chance.getrandbits(8))
            )
        target.try_script(bytes(script))
        if chance.random() < 1 / 20:
            known[chance.randrange(len(known)) if len(known) > 999 else len(known) :] = [
                bytes(script)
            ]


def follow_coverage(target: Target, inputs: int, seed: int) -> None:
    """Atheris chooses; it ends the process when it is done."""
    atheris = importlib.import_module("atheris")
    options = [sys.argv[0], f"-runs={inputs}", f"-seed={seed + 1}", f"-max_len={LONGEST_BYTES}"]
    atheris.Setup(options, target.try_script)
    atheris.Fuzz()


def main() -> None:
    """Fuzz and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path("build/findings"))
    parser.add_argument("--atheris", action="store_true", help="follow coverage")
    options = parser.parse_args()
    start_s = time.monotonic()
    if options.atheris:
        atheris = importlib.import_module("atheris")
        with atheris.instrument_imports(include=["hwprof.profiler"]):
            target = Target(options.findings)
        follow_coverage(target, options.inputs, options.seed)
        return
    target = Target(options.findings)
    mutate(target, options.inputs, options.seed)
    for what, count in sorted(target.done.items()):
        print(f"{count:9,} {what}")
    print(f"{options.inputs:,} inputs in {time.monotonic() - start_s:.0f} s, no finding")


if __name__ == "__main__":
    main()
