"""Writes docs/throughput.md: jobs that do nothing through the Redis queue, beside BullMQ, on the same Redis in the same run.

Needs target/release/earmark-queue-bench (`make queue` builds it), redis-server and node; BullMQ is installed once into
benches/queue/node_modules as pinned there. `--quick` runs a tenth and prints only.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BENCH = ROOT / "benches/queue"
OURS = ROOT / "target/release/earmark-queue-bench"
SLOTS = 20
ROUNDS = 3


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Redis:
    """A server of the run's own, with nothing on disk."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="queue-bench-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.server = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL)
        while self.cli("PING").strip() != "PONG":
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.folder)

    def cli(self, *words: str) -> str:
        command = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(command, capture_output=True, text=True).stdout

    def used_mb(self) -> float:
        lines = self.cli("INFO", "memory").splitlines()
        return int(next(line for line in lines if line.startswith("used_memory:")).split(":")[1]) / 2**20


def ours(redis: Redis, what: str, jobs: int, program: pathlib.Path = OURS) -> dict:
    command = [str(program), "--redis", redis.url, "--jobs", str(jobs), "--slots", str(SLOTS), what]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def bull(redis: Redis, what: str, jobs: int) -> dict:
    command = ["node", "bull.mjs", redis.url, what, str(jobs), str(SLOTS)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=BENCH).stdout)


def measured(redis: Redis, run, jobs: int, many: int, idle: int) -> dict:
    """The median of each figure over the rounds; worst of the tails."""
    rounds = []
    for _ in range(ROUNDS):
        redis.cli("FLUSHALL")
        one = run(redis, "push-one", jobs // 10)
        redis.cli("FLUSHALL")
        push = run(redis, "push", jobs)
        work = run(redis, "work", jobs)
        redis.cli("FLUSHALL")
        rounds.append((one["per_s"], push["per_s"], work["per_s"], work["peak_mb"], run(redis, "idle", idle)))
    redis.cli("FLUSHALL")
    run(redis, "push", many)
    queued_mb = redis.used_mb()
    drained = run(redis, "work", many)
    left_mb = redis.used_mb()
    redis.cli("FLUSHALL")
    middle = lambda values: statistics.median(values)
    return {
        "push one": middle(r[0] for r in rounds), "push bulk": middle(r[1] for r in rounds),
        "work": middle(r[2] for r in rounds), "work each": [r[2] for r in rounds],
        "p50": middle(r[4]["p50_ms"] for r in rounds), "p99": middle(r[4]["p99_ms"] for r in rounds),
        "p50 each": [r[4]["p50_ms"] for r in rounds], "p99 each": [r[4]["p99_ms"] for r in rounds],
        "max": max(r[4]["max_ms"] for r in rounds),
        "few mb": middle(r[3] for r in rounds), "many": drained["per_s"], "many mb": drained["peak_mb"],
        "queued mb": queued_mb, "left mb": left_mb,
    }


def document(ours: dict, bull: dict, jobs: int, many: int, idle: int, load: str) -> str:
    version = json.loads((BENCH / "package.json").read_text())["dependencies"]["bullmq"]
    redis = subprocess.run(["redis-server", "--version"], capture_output=True, text=True).stdout.split()[2]
    row = lambda name, key, form: f"| {name} | {form.format(ours[key])} | {form.format(bull[key])} |"
    each = lambda values, form: ", ".join(form.format(value) for value in values)
    return "\n".join([
        "# The queue on Redis, measured",
        "",
        f"Written by `make queue` (benches/throughput.py): {os.cpu_count()} cores, {platform.machine()}, Redis {redis.removeprefix('v=')}, "
        f"without a disk, everything on one machine. {load}",
        "",
        f"Jobs that do nothing, {SLOTS} at a time, through the streams, the feeding task and apalis' worker that production uses,",
        "without a journal; BullMQ does the same on the same server, one after the other. Medians of "
        f"{ROUNDS} rounds of {jobs} jobs.",
        "",
        f"| | earmark | BullMQ {version} |",
        "| --- | ---: | ---: |",
        row("jobs worked through a second (at least 30 000)", "work", "{:,.0f}"),
        row(f"the same with {many:,} queued", "many", "{:,.0f}"),
        row("push to start on an idle queue, ms, median (at most 0.5)", "p50", "{:.2f}"),
        row("the same, 99th percentile (at most 2)", "p99", "{:.2f}"),
        row("the same, longest of all rounds", "max", "{:.2f}"),
        row("pushed a second, one by one", "push one", "{:,.0f}"),
        row("pushed a second, 1000 at a time", "push bulk", "{:,.0f}"),
        row(f"worker's most memory with {jobs:,} queued / MB".replace(",", " ").replace(" /", ","), "few mb", "{:.0f}"),
        row(f"worker's most memory with {many:,} queued / MB".replace(",", " ").replace(" /", ","), "many mb", "{:.0f}"),
        row(f"Redis with {many:,} queued / MB".replace(",", " ").replace(" /", ","), "queued mb", "{:.0f}"),
        row("Redis when they are done, MB", "left mb", "{:.0f}"),
        "",
        f"Each round: jobs a second {each(ours['work each'], '{:,.0f}')} (BullMQ {each(bull['work each'], '{:,.0f}')}); "
        f"median ms {each(ours['p50 each'], '{:.2f}')} ({each(bull['p50 each'], '{:.2f}')}); "
        f"99th percentile ms {each(ours['p99 each'], '{:.2f}')} ({each(bull['p99 each'], '{:.2f}')}).",
        "",
        f"Push to start: {idle} jobs a round, 20 ms apart, from just before the push in one task to the first line of the job in",
        "another of the same process. In production a lease in the database stands between delivery and start, which takes what",
        "a commit takes.",
        "",
    ])


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true")
    arguments.add_argument("--load", default="Nothing else ran on it.", help="a sentence on what else ran on the machine")
    arguments.add_argument("--program", type=pathlib.Path, default=OURS, help="another build of ours")
    given = arguments.parse_args()
    if not (BENCH / "node_modules").is_dir():
        subprocess.run(["npm", "install", "--no-save", "--omit=optional", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=BENCH, check=True)
    share = 10 if given.quick else 1
    jobs, many, idle = 100_000 // share, 1_000_000 // share, 500 // share
    with Redis() as redis:
        us = measured(redis, lambda *what: ours(*what, given.program), jobs, many, idle)
        them = measured(redis, bull, jobs, many, idle)
    text = document(us, them, jobs, many, idle, given.load)
    print(text)
    if not given.quick:
        (ROOT / "docs/throughput.md").write_text(text)


if __name__ == "__main__":
    main()
