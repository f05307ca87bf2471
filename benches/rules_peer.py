"""ahocorasick_rs over the same words and text as ours; called by benches/rules.py in the peer's environment.

`rules_peer.py WORDS TEXT` prints one line of JSON. It folds nothing: it is asked for what stands there as it is written.
"""

import json
import pathlib
import statistics
import sys
import time

import ahocorasick_rs

ROUNDS = 5


def main():
    words = pathlib.Path(sys.argv[1]).read_text().splitlines()
    lines = pathlib.Path(sys.argv[2]).read_text().splitlines()
    started = time.process_time()
    automaton = ahocorasick_rs.AhoCorasick(words)
    built = time.process_time() - started
    size = sum(len(line.encode()) for line in lines)
    speeds, found = [], 0
    for _ in range(ROUNDS):
        started = time.process_time()
        found = sum(len(automaton.find_matches_as_indexes(line)) for line in lines)
        speeds.append(size / 1e6 / (time.process_time() - started))
    print(json.dumps({"mb_per_s": statistics.median(speeds), "each": speeds, "found": found, "built_ms": built * 1e3}))


if __name__ == "__main__":
    main()
