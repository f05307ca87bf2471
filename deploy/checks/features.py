"""Refuses features that only part of the builds turn on for a crate: between `make check`, `make demo` and `make test`
cargo would compile it, and all that uses it, again. Such features belong into `[workspace.dependencies]`."""
import re
import subprocess
import sys

PROGRAM = ("--edges", "no-dev,no-build,no-proc-macro")
EVERYTHING = ("--workspace", "--edges", "no-dev,no-build,no-proc-macro")
TESTS = ("--workspace", "--edges", "no-build,no-proc-macro")


def resolved(options: tuple[str, ...]) -> dict[str, set[str]]:
    """What is compiled with `options`: name and version of each crate -> the lists of features it is compiled with."""
    command = ["cargo", "tree", "--locked", "--prefix", "none", "--format", "{p} [{f}]", *options]
    crates: dict[str, set[str]] = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if found := re.match(r"(\S+ v\S+).* \[(.*)\]", line):
            crates.setdefault(found[1], set()).add(found[2])
    return crates


def main() -> int:
    tests = resolved(TESTS)
    more: dict[str, set[str]] = {}
    for crates in (resolved(PROGRAM), resolved(EVERYTHING)):
        for crate, lists in crates.items():
            if lists - tests[crate]:
                before, after = (set(",".join(each).split(",")) for each in (lists, tests[crate]))
                more.setdefault(crate, set()).update(after - before)
    for crate, features in sorted(more.items()):
        print(f"error: {crate}: only the tests turn on {', '.join(sorted(features))}")
    print(f"features: {len(tests)} crates, {len(more)} compiled twice")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
