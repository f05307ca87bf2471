"""Writes docs/rules-speed.md: the word index over text like calls, beside ahocorasick_rs on the same words and text.

Needs target/release/examples/words (`make rules` builds it) and makes a virtual environment under target/. Times are of
one thread on its core (CPU time), so that what else runs does not count; `--print` writes nothing.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

from rules_material import CHARACTERS_PER_KEYWORD, Material

ROOT = pathlib.Path(__file__).resolve().parents[1]
OURS = ROOT / "target/release/examples/words"
VENV = ROOT / "target/peers/rules"
PEER = "ahocorasick_rs==1.0.3"
FOLDER = ROOT / "target/rules-bench"
WORDS, MANY, TEXT_BYTES = 100_000, 1_000_000, 20_000_000


def run(*command) -> dict:
    return json.loads(subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout)


def written(name: str, lines: list[str]) -> pathlib.Path:
    path = FOLDER / name
    path.write_text("\n".join(lines) + "\n")
    return path


def document(figures: dict, load: str) -> str:
    exact, sound, peer, segment = figures["exact"], figures["sound"], figures["peer"], figures["segment"]
    few, many, inline, lint = figures["few"], figures["many"], figures["inline"], figures["lint"]
    each = lambda speeds: ", ".join(f"{speed:.0f}" for speed in speeds)
    row = lambda what, goal, figure: f"| {what} | {goal} | {figure} |"
    return "\n".join([
        "# The word index, measured",
        "",
        f"Written by `make rules` (benches/rules.py): {os.cpu_count()} cores, {platform.machine()}, release build, one thread, CPU time; "
        f"the machine's load was {load}.",
        "",
        f"{WORDS:,} keywords, half of them Chinese (two to six characters), half English (one to three words), and {exact['bytes'] / 1e6:.0f} MB of "
        f"UTF-8 like calls, cut into calls of 2,000 characters; a keyword planted every {CHARACTERS_PER_KEYWORD} characters or so, one finding in "
        f"{exact['chars'] / exact['found']:.0f} characters. Ours goes through `RuleSet::find_in_text`: folding, whole words, exact spans, the "
        "finding with its reason. The peer gives places of what stands there as it is written, one call of its Python API for each call.",
        "",
        "| | goal | measured |",
        "| --- | --- | ---: |",
        row("exact, MB/s", "at least 150", f"{exact['mb_per_s']:.0f}"),
        row("ahocorasick_rs, MB/s", "", f"{peer['mb_per_s']:.0f}"),
        row("times as fast", "at least 4", f"{exact['mb_per_s'] / peer['mb_per_s']:.1f}"),
        row("with homophones (words of four characters and more), MB/s", "", f"{sound['mb_per_s']:.0f}"),
        row("share of the exact speed", "at least 0.6", f"{sound['mb_per_s'] / exact['mb_per_s']:.2f}"),
        row("a segment of 54 characters without a hit, µs, median, `find` / `find_in_text`", "at most 2", f"{segment['none_find']:.2f} / {segment['none_find_in_text']:.2f}"),
        row("the same with one hit", "at most 2", f"{segment['one_find']:.2f} / {segment['one_find_in_text']:.2f}"),
        row(f"{few['words']:,} words loaded from a list file, ms", "at most 50", f"{few['ms']:.0f}"),
        row("the same, peak memory, MB", "at most 20", f"{few['peak_mb']:.0f}"),
        row(f"{many['words']:,} words loaded, ms", "at most 500", f"{many['ms']:.0f}"),
        row("the same, peak memory, MB", "at most 150", f"{many['peak_mb']:.0f}"),
        row(f"{inline['words']:,} words loaded from the YAML itself, ms / MB", "", f"{inline['ms']:.0f} / {inline['peak_mb']:.0f}"),
        row(f"`rules check` of {WORDS:,} words, without loading, ms", "", f"{lint['ms']:.0f}"),
        row("ahocorasick_rs builds its automaton, ms", "", f"{peer['built_ms']:.0f}"),
        "",
        f"Rounds, MB/s: exact {each(exact['each'])}; with homophones {each(sound['each'])}; peer {each(peer['each'])}. "
        f"Findings: {exact['found']:,} exact and folded, {sound['found']:,} with homophones; the peer {peer['found']:,}, which "
        "include words that stand inside others and leave out other spellings.",
        "Loading is from the text in memory to the set, homophones on, in a fresh process; peak memory is what that adds. "
        "Segments are timed by the wall clock.",
        "",
    ])


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--print", action="store_true", help="write no document")
    given = arguments.parse_args()
    if not (VENV / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    subprocess.run([str(VENV / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", PEER], check=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    material = Material()
    keywords = material.keywords(WORDS)
    words, text = written("words.txt", keywords), written("text.txt", material.calls(keywords, TEXT_BYTES))
    many = written("many.txt", Material().keywords(MANY))
    load = [f"{os.getloadavg()[0]:.1f}"]
    figures = {
        "exact": run(OURS, "scan", words, text),
        "peer": run(VENV / "bin/python", ROOT / "benches/rules_peer.py", words, text),
        "sound": run(OURS, "scan", words, text, "true"),
        "segment": run(OURS, "segment", words, text),
        "few": run(OURS, "load", words),
        "many": run(OURS, "load", many),
        "inline": run(OURS, "inline", words),
        "lint": run(OURS, "lint", words),
    }
    load.append(f"{os.getloadavg()[0]:.1f}")
    shown = document(figures, " to ".join(load))
    print(shown)
    if not given.print:
        (ROOT / "docs/rules-speed.md").write_text(shown)


if __name__ == "__main__":
    main()
