"""Prints how long `earmark rules replay` takes over 100 000 stored calls of five minutes.

The calls are made from the true transcripts of the recorded dialogues (tests/fixtures/manifest.json): two channels, about
eighty utterances in five minutes, Chinese and English, their turns in an order of each call's own, so that no two calls
are alike. The same number of calls is always the same calls. They are put into a SQLite database as a worker leaves
them, and the starter set is compared with a changed one: a rule removed, one added, two graver. Nothing is applied.

Nothing comparable is known to compare with. The goal: 100 000 calls in at most 60 s on two cores.

Needs target/release/earmark (`make replay` builds it) and 3 GB in the temporary folder. `--calls N` takes another number
of calls, `--binary PATH` another program, `--keep FOLDER` keeps the database there and uses it again.
"""

import argparse
import json
import os
import pathlib
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
GOAL_CALLS, GOAL_SECS = 100_000, 60
CALL_MS = 300_000
# Of one utterance, its pause included.
TURN_MS = CALL_MS // 80
START_MS = 1_760_000_000_000


def turns():
    """Turns by language and speaker, from the true transcripts."""
    manifest = json.loads((ROOT / "tests/fixtures/manifest.json").read_text(encoding="utf-8"))
    found, seen = {}, set()
    for item in manifest["items"]:
        name = item.get("dialogue")
        if name is None or name in seen:
            continue
        seen.add(name)
        language = item["language"].split("-")[0]
        for turn in item["segments"]:
            found.setdefault((language, turn["speaker"]), []).append(turn["text"])
    return found


def call(number, texts):
    """Report and job id of call `number`."""
    chance = random.Random(number)
    language = ("zh", "en")[number % 2]
    job_id = f"0199c82c-c000-7000-8000-{number:012x}"
    utterances = []
    for turn in range(80):
        speaker = ("agent", "customer")[turn % 2]
        start = turn * TURN_MS + chance.randrange(300)
        utterances.append({
            "id": turn, "channel": turn % 2, "speaker": speaker, "start_ms": start, "end_ms": start + 3000,
            "time_precision": "segment", "language": language, "text": chance.choice(texts[language, speaker]),
        })
    done = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((START_MS + number) / 1000))
    report = {
        "job_id": job_id, "tenant": "default", "lane": "call", "key": None, "metadata": {"agent": number % 50},
        "accepted_at": done, "finished_at": done, "language": language,
        "recording": {
            "uri": f"s3://calls/{number}.wav", "sha256": f"{number:064x}", "size_bytes": 4_800_044, "duration_ms": CALL_MS,
            "channels": 2, "codec": "pcm_s16le", "sample_rate_hz": 8000,
        },
        "engine": {"name": "local", "model": "base", "version": "1"},
        "rule_set": {"name": "starter", "sha256": "0" * 64},
        "utterances": utterances, "findings": [], "cost": {"requests": 0, "billed_ms": 0, "price_cny": 0.0}, "warnings": [],
    }
    return job_id, json.dumps(report, ensure_ascii=False, separators=(",", ":"))


def fill(database, calls):
    """Puts `calls` done jobs and their reports into `database`; gives the size of all reports in bytes."""
    texts, size = turns(), 0
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    for number in range(calls):
        job_id, report = call(number, texts)
        size += len(report.encode())
        uri = f"s3://calls/{number}.wav"
        connection.execute(
            "INSERT INTO jobs (id, tenant, lane, uri, location, metadata, options, state, run_at_ms, accepted_at_ms, finished_at_ms)"
            " VALUES (?, 'default', 'call', ?, ?, '{}', '{}', 'done', ?, ?, ?)",
            (job_id, uri, uri, START_MS, START_MS, START_MS + number),
        )
        connection.execute(
            "INSERT INTO results (job_id, tenant, finished_at_ms, report) VALUES (?, 'default', ?, ?)",
            (job_id, START_MS + number, report),
        )
    connection.commit()
    connection.close()
    return size


def changed_starter(folder):
    """The starter set with a rule removed, one added, and two graver."""
    for name in ("en.yaml", "zh.yaml"):
        text = (ROOT / "workers/rules/starter" / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("severity: high", "severity: critical", 1), encoding="utf-8")
    (folder / "added.yaml").write_text(
        "rules:\n  - id: interest\n    category: interest\n    severity: low\n    words: [利息, balance]\n"
        "    message: speaks of what is owed\n",
        encoding="utf-8",
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=GOAL_CALLS)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/earmark")
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        sys.exit(f"error: {arguments.binary} is missing\n  hint: make replay")
    with tempfile.TemporaryDirectory(prefix="earmark-replay-") as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / "earmark.sqlite"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EARMARK")}
        environment["EARMARK__DATABASE__URL"] = f"sqlite:{database}"
        if not database.exists():
            subprocess.run([arguments.binary, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
            size = fill(database, arguments.calls)
            print(f"{arguments.calls} calls, {size / arguments.calls / 1000:.1f} kB of report each", flush=True)
        rules = folder / "changed"
        rules.mkdir(exist_ok=True)
        changed_starter(rules)
        command = [arguments.binary, "rules", "replay", "--from", "starter", "--to", rules, "--json"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        with open(folder / "difference.jsonl", "wb") as output:
            subprocess.run(command, check=True, env=environment, stdout=output, stderr=subprocess.DEVNULL)
        took = time.monotonic() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(folder / "difference.jsonl", encoding="utf-8") as output:
            for last in output:
                pass
        summary = json.loads(last)["summary"]
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{summary['jobs']} calls judged by both sets in {took:.1f} s: {summary['jobs'] / took:.0f} calls/s on"
            f" {os.cpu_count()} cores, {cpu / summary['jobs'] * 1000:.2f} ms of CPU each, {after.ru_maxrss / 1000:.0f} MB at most"
        )
        print(
            f"{summary['changed_jobs']} different: {summary['added']} findings added, {summary['removed']} removed,"
            f" {summary['changed']} changed"
        )
        print(f"at this speed {GOAL_CALLS} calls take {took / summary['jobs'] * GOAL_CALLS:.0f} s; the goal is {GOAL_SECS} s on two cores")


if __name__ == "__main__":
    main()
