"""Writes docs/tier.md: that the account's tier is met exactly, over any number of processes, and used fully.

Real `earmark work` processes (and `earmark-asker` where two cores cannot find speech fast enough) send clips to the
simulator of GLM-ASR, which keeps the tier and writes down every request. All figures come from its log. Recordings are
made from tests/fixtures in a temporary folder; Redis is started on a free port.

Needs target/release/{earmark,glm-simulator,earmark-asker} (`make tier` builds them) and redis-server. `--quick` runs a
tenth and prints only; `--only a,b,c` runs a part and prints only.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

from tier_document import document
from tier_measure import Kill, back_after, backlog, in_flight_of_the_living, requests, useful

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = ROOT / "target/release"
SPEECH = ROOT / "tests/fixtures/formats/austen0870.mulaw8k.wav"
RATE = 8000
LATENCY_MS = 200
TIERS = {"V0": 5, "V3": 20}
PROCESSES = 4
# mu-law's zero.
SILENCE = b"\xff"
PHRASE_SECS, PAUSE_SECS = 1.3, 1.2


def speech() -> bytes:
    """The samples of a sentence as mu-law, a byte each."""
    file = SPEECH.read_bytes()
    at = file.index(b"data") + 8
    return file[at : at + struct.unpack("<I", file[at - 4 : at])[0]]


def wave(samples: bytes) -> bytes:
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 38 + len(samples), b"WAVE", b"fmt ", 18, 7, 1, RATE, RATE, 1, 8)
    return head + struct.pack("<H4sI", 0, b"data", len(samples)) + samples


def marked(phrase: bytes, number: int) -> bytes:
    """The phrase with `number` in the lowest bits of some of its loudest samples, where nobody hears it."""
    middle = len(phrase) // 2
    loud = sorted(range(middle - RATE // 4, middle + RATE // 4), key=lambda at: phrase[at] & 0x7F)[:16]
    out = bytearray(phrase)
    for bit, at in enumerate(sorted(loud)):
        out[at] = out[at] & 0xFE | number >> bit & 1
    return bytes(out)


def recording(number: int, phrases: int, secs: float, pause_secs: float) -> bytes:
    """`phrases` pieces of speech of `secs`, none of which is in another recording, with pauses between them."""
    sentence = speech()
    phrase = int(PHRASE_SECS * RATE)
    # Places in the sentence, each used once: with the number they make every phrase one of its own.
    places = iter(random.Random(number).sample(range(len(sentence) - phrase), 1000))
    pause, parts = SILENCE * int(pause_secs * RATE), [SILENCE * (RATE // 2)]
    for _ in range(phrases):
        piece = b""
        while len(piece) < secs * RATE:
            at = next(places)
            piece += marked(sentence[at : at + phrase], number)
        parts += [piece[: int(secs * RATE)], pause]
    return wave(b"".join(parts))


class Ended:
    """What a process took: CPU seconds, its answer and its peak memory in MB."""

    def __init__(self, child: subprocess.Popen):
        self.out = child.stdout.read() if child.stdout else ""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_secs = usage.ru_utime + usage.ru_stime
        self.peak_mb = usage.ru_maxrss / 1024


class Machine:
    """A simulator, permits in SQLite or Redis, and processes of earmark on one database."""

    def __init__(self, folder: pathlib.Path, tier: str, store: str, **settings: str):
        self.folder, self.tier, self.limit, self.store = folder, tier, TIERS[tier], store
        self.log_file = folder / "requests.jsonl"
        self.kills: list[Kill] = []
        self.ended: list[Ended] = []
        self.running: list[subprocess.Popen] = []
        flags = ["--tier", tier, "--latency", str(LATENCY_MS), "--log", str(self.log_file)]
        self.simulator = subprocess.Popen(
            [RELEASE / "glm-simulator", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        address = self.simulator.stdout.readline().split("http://")[1].strip()
        self.redis = None
        permits = "sqlite:"
        if store == "Redis":
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            self.redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            permits = f"redis://127.0.0.1:{port}/"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("EARMARK")} | {
            "EARMARK__DATABASE__URL": f"sqlite:{folder / 'earmark.sqlite'}",
            "EARMARK__STORAGE__OUTPUT": str(folder / "output"),
            "EARMARK__ASR__ENGINE": "glm",
            "EARMARK__ASR__FALLBACK": "off",
            "EARMARK__ASR__BASE_URL": f"http://{address}/api/paas/v4",
            "EARMARK__ASR__API_KEY": "id.secret",
            "EARMARK__ASR__TIER": tier,
            "EARMARK__ASR__PERMITS_URL": permits,
            "EARMARK__WORKER__TEMP_DIR": str(folder / "temp"),
            **settings,
        }
        self.run("migrate")

    def run(self, *args: str) -> str:
        command = [RELEASE / "earmark", *args]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def start(self, program: str, *args: str) -> subprocess.Popen:
        errors = open(self.folder / "stderr", "a")
        command = [RELEASE / program, *args]
        child = subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        errors.close()
        self.running.append(child)
        return child

    def submit(self, files: list[pathlib.Path], tenant: str) -> None:
        manifest = self.folder / f"manifest-{tenant}"
        manifest.write_text("\n".join(str(file) for file in files))
        self.run("submit", "--again", "--manifest", str(manifest), "--tenant", tenant)

    def kill_and_start_again(self, which: int) -> None:
        """SIGKILL, and two seconds later another `earmark work`."""
        child = self.running.pop(which)
        self.kills.append(Kill(time.time() * 1000))
        child.kill()
        self.ended.append(Ended(child))
        time.sleep(2)
        self.start("earmark", "work")

    def rows(self, query: str) -> list[tuple]:
        with contextlib.closing(sqlite3.connect(f"file:{self.folder / 'earmark.sqlite'}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()

    def states(self) -> dict[str, int]:
        return dict(self.rows("SELECT state, COUNT(*) FROM jobs GROUP BY state"))

    def stop(self) -> None:
        """Ends everything, workers in good order."""
        for child in self.running:
            child.send_signal(signal.SIGTERM)
        self.ended += [Ended(child) for child in self.running]
        self.running = []
        self.end_servers()

    def end_servers(self) -> None:
        self.simulator.terminate()
        self.summary = json.loads(self.simulator.stderr.read())
        self.simulator_took = Ended(self.simulator)
        self.redis_took = None
        if self.redis:
            self.redis.terminate()
            self.redis_took = Ended(self.redis)

    def abandon(self) -> None:
        """Leaves nothing behind when a run fails."""
        for child in [*self.running, self.simulator, *([self.redis] if self.redis else [])]:
            if child.returncode is None:
                child.kill()
                child.wait()

    def figures(self) -> dict:
        """All that the document tells of a run; times in milliseconds."""
        log, all_requests = requests(self.log_file), self.summary["requests"]
        peak = self.summary["peak_in_flight"]
        found = {
            "tier": self.tier,
            "limit": self.limit,
            "store": self.store,
            "requests": all_requests,
            "peak_of_the_living": in_flight_of_the_living(log),
            "peak_at_the_simulator": peak["all"],
            "refused_1302": self.summary["by_code"].get("1302", 0),
            "by_code": self.summary["by_code"],
            "clips": self.summary["distinct_audio"],
            "sent_again": self.summary["sent_more_than_once"],
            "cut_off_by_kills": sum(request.is_client_gone for request in log),
            "backs": [back_after(kill, log, self.limit) for kill in self.kills],
            "cpu_per_1000": 1000 * sum(ended.cpu_secs for ended in self.ended) / all_requests,
            "simulator_cpu_per_1000": 1000 * self.simulator_took.cpu_secs / all_requests,
            "redis_cpu_per_1000": self.redis_took and 1000 * self.redis_took.cpu_secs / all_requests,
            "peak_mb": max(ended.peak_mb for ended in self.ended),
        }
        return found | backlog(log, self.limit, self.kills) | {"useful": useful(log, self.limit, LATENCY_MS)}


@contextlib.contextmanager
def machine(tier: str, store: str, **settings: str):
    with tempfile.TemporaryDirectory(prefix="earmark-tier-") as folder:
        started = Machine(pathlib.Path(folder), tier, store, **settings)
        try:
            yield started
        finally:
            started.abandon()


def make(folder: pathlib.Path, count: int, phrases: int, secs: float, pause_secs: float) -> list[pathlib.Path]:
    """`count` recordings as files."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"{number:05}.wav" for number in range(count)]
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        made = pool.map(recording, range(count), *([value] * count for value in (phrases, secs, pause_secs)), chunksize=20)
        for file, content in zip(files, made):
            file.write_bytes(content)
    return files


def wait_for_jobs(it: Machine, jobs: int) -> None:
    while it.states().get("done", 0) < jobs:
        failed = {state: count for state, count in it.states().items() if state in ("dead", "cancelled")}
        if failed or any(child.poll() is not None for child in it.running):
            raise SystemExit(f"the run failed: {failed} {(it.folder / 'stderr').read_text()[-2000:]}")
        time.sleep(0.5)


def killed_workers(store: str, jobs: int, tier: str = "V0") -> dict:
    """(a) Short clips, four workers, two of them killed and started again."""
    with machine(tier, store, EARMARK__AUDIO__PACK_TO_MS="1000") as it:
        it.submit(make(it.folder / "recordings", jobs, 10, PHRASE_SECS, PAUSE_SECS), "default")
        for _ in range(PROCESSES):
            it.start("earmark", "work")
        expected_secs = jobs * 10 * LATENCY_MS / 1000 / it.limit
        while not requests(it.log_file):
            time.sleep(0.1)
        time.sleep(expected_secs * 0.2)
        it.kill_and_start_again(0)
        time.sleep(max(18, expected_secs * 0.3))
        it.kill_and_start_again(1)
        wait_for_jobs(it, jobs)
        again = it.rows("SELECT COUNT(*) FROM audit_entries WHERE kind = 'job.done'")[0][0]
        it.stop()
        return it.figures() | {"jobs": jobs, "jobs_done": it.states().get("done", 0), "done_entries": again}


def askers(store: str, clips: int) -> dict:
    """(b) Clips of 28 s, made up, four processes."""
    with machine("V3", store) as it:
        flags = ["--clips", str(clips // PROCESSES), "--clip-ms", "28000"]
        for seed in range(PROCESSES):
            it.start("earmark-asker", *flags, "--seed", str(seed))
        it.ended = [Ended(child) for child in it.running]
        it.running = []
        it.end_servers()
        asked = [json.loads(ended.out) for ended in it.ended]
        if any(one["failed"] for one in asked):
            raise SystemExit(f"the run failed: {asked}")
        return it.figures() | {"client_latency_ms": sum(one["mean_latency_ms"] for one in asked) / PROCESSES}


def whole_pipeline(store: str, recordings: int) -> dict:
    """(b) Clips of 28 s, real recordings, four workers: as fast as this machine finds speech."""
    with machine("V3", store) as it:
        it.submit(make(it.folder / "recordings", recordings, 10, 27.0, PAUSE_SECS), "default")
        for _ in range(PROCESSES):
            it.start("earmark", "work")
        wait_for_jobs(it, recordings)
        audio_ms = it.rows("SELECT SUM(audio_ms) FROM usage")[0][0]
        it.stop()
        return it.figures() | {"audio_secs": audio_ms / 1000}


def one_among_many(store: str, jobs: int, samples: int) -> dict:
    """(c) A job of tenant B while tenant A has `jobs` queued: from its acceptance to its first request."""
    with machine("V0", store, EARMARK__AUDIO__PACK_TO_MS="1000") as it:
        file = make(it.folder / "recordings", 1, 1, PHRASE_SECS, PAUSE_SECS)
        it.submit(file * jobs, "tenant-a")
        for _ in range(PROCESSES):
            it.start("earmark", "work")
        while not requests(it.log_file):
            time.sleep(0.1)
        time.sleep(5)
        queued = it.states()["ready"]
        leased, newest = [], "SELECT id, state, lease_until_ms FROM jobs WHERE tenant = 'tenant-b' ORDER BY id DESC LIMIT 1"
        for _ in range(samples):
            it.submit(file, "tenant-b")
            # The job is under way for a request at least, and its lease of 30 s is renewed after 10.
            while (row := it.rows(newest)[0])[1] == "ready":
                time.sleep(0.01)
            leased.append(row[2] and row[2] - 30_000)
            while it.rows(newest)[0][1] != "done":
                time.sleep(0.05)
            time.sleep(1)
        accepted = it.rows("SELECT id, accepted_at_ms FROM jobs WHERE tenant = 'tenant-b' ORDER BY id")
        it.stop()
        sent = {request.job_id: request.started_ms for request in reversed(requests(it.log_file))}
        return {
            "store": store,
            "queued": queued,
            "peak_at_the_simulator": it.summary["peak_in_flight"]["all"],
            "refused_1302": it.summary["by_code"].get("1302", 0),
            "leased_after_ms": [at_ms and at_ms - since_ms for (_, since_ms), at_ms in zip(accepted, leased)],
            "sent_after_ms": [sent[job] - since_ms for job, since_ms in accepted],
        }


def main() -> int:
    parse = argparse.ArgumentParser()
    parse.add_argument("--quick", action="store_true", help="a tenth of each run, printed only")
    parse.add_argument("--only", default="a,b,p,c", help="some of a, b, p (the whole pipeline), c; printed only")
    parse.add_argument("--stores", default="SQLite,Redis")
    parse.add_argument("--date", default="", help="to be named in the document")
    parse.add_argument("--json", type=pathlib.Path, help="where to keep the figures; what is there is not run again")
    args = parse.parse_args()
    for program in ("earmark", "glm-simulator", "earmark-asker"):
        if not (RELEASE / program).is_file():
            print(f"target/release/{program} is missing: make tier", file=sys.stderr)
            return 2
    if not shutil.which("redis-server"):
        print("redis-server is missing: make setup", file=sys.stderr)
        return 2
    scale = 10 if args.quick else 1
    parts = {
        "a": lambda store: killed_workers(store, 1000 // scale),
        "b": lambda store: askers(store, 10_000 // scale),
        "p": lambda store: whole_pipeline(store, 60 // scale),
        "c": lambda store: one_among_many(store, 10_000 // scale, 5),
    }
    figures = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    for part in args.only.split(","):
        for store in args.stores.split(","):
            if f"{part} {store}" in figures or (part == "p" and store == "Redis"):
                continue
            print(f"{part} {store} …", file=sys.stderr, flush=True)
            figures[f"{part} {store}"] = parts[part](store)
            print(json.dumps(figures[f"{part} {store}"], indent=1), file=sys.stderr, flush=True)
            if args.json:
                args.json.write_text(json.dumps(figures, indent=1))
    if args.quick or len(figures) < 7:
        return 0
    cores = os.cpu_count()
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    machine = f"One machine of {cores} cores and {memory_gb} GB of memory does it all{args.date and ', on ' + args.date}."
    text = document(figures, machine, LATENCY_MS)
    (ROOT / "docs/tier.md").write_text(text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
