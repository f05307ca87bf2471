"""Prints how soon earmark works again after an outage, and what the outage cost: a table, a column for each program.

Each scene has real parts of its own (an S3 server, SQLite on a small disk, PostgreSQL, the recogniser's stand-in) and one
`earmark up`, and is played for all programs at the same time. What is measured:

  store      60 jobs, half of them at work when the store goes away for 60 s, half offered meanwhile: dead letters and
             tries spent, then from its return until another job has ended, and until all have
  disk       SQLite's disk is full for 10 s while jobs are offered: from the moment there is room until an offer is
             accepted, and until a job is leased
  read-only  PostgreSQL takes no writes for 3 s and the sessions are ended: offers refused after it takes them again, and
             from then until one is accepted, the last is refused, and a job is leased
  stopped    PostgreSQL is away for 35 s, and for 45 s: what /readyz and an offer answer meanwhile and after how long;
             from its return until an offer is accepted, and until a job is leased

Needs target/release/earmark, glm-simulator and s3-server (`make outages` builds them), PostgreSQL and psql; root for the
scene `disk`. `--binary PATH` takes another program, `--before PATH` adds one to compare with, `--only a,b` plays some.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
RELEASE = ROOT / "target/release"
SENTENCE = ROOT / "tests/fixtures/formats/austen0870.pcm16k.wav"
SERVICE_USER = "postgres"
STORE_AWAY_SECS, DISK_FULL_SECS, READ_ONLY_SECS, STOPPED_SECS = 60, 10, 3, (35, 45)
STORE_JOBS, BACKLOG = 60, 400
# How long anything may take to go on.
PATIENCE_SECS = 120
DISK = "32m"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def waits(what, seconds=PATIENCE_SECS, every=0.05):
    """Seconds until `what()` is true; None when it does not become so."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if what():
            return time.monotonic() - began
        time.sleep(every)
    return None


class Postgres:
    """A server that can be stopped and started again."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.port = folder, free_port()
        self.programs = pathlib.Path(shutil.which("initdb") or "/").resolve().parent
        if not (self.programs / "initdb").exists():
            releases = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
            self.programs = releases[-1].parent if releases else sys.exit("error: no PostgreSQL\n  hint: make setup")
        self.user = {}
        if os.getuid() == 0:
            user = pwd.getpwnam(SERVICE_USER)
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(folder, user.pw_uid, user.pw_gid)
        subprocess.run(
            [self.programs / "initdb", "--no-sync", "--auth=trust", "--username=earmark", "--encoding=UTF8",
             "--locale=C", "-D", folder / "data"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **self.user,
        )
        self.start()
        self.ask("CREATE DATABASE earmark", "postgres")

    def url(self, database: str = "earmark") -> str:
        return f"postgres://earmark@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        self.server = subprocess.Popen(
            [self.programs / "postgres", "-D", self.folder / "data", "-h", "127.0.0.1", "-k", "", "-p", str(self.port),
             "-c", "fsync=off", "-c", "max_connections=200"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder, **self.user,
        )
        if waits(lambda: self.try_ask("SELECT 1", "postgres") == "1") is None:
            sys.exit("error: PostgreSQL did not start")

    def stop(self) -> None:
        self.server.send_signal(signal.SIGQUIT)
        self.server.wait()

    def try_ask(self, statement: str, database: str = "earmark"):
        ran = subprocess.run(["psql", "-Atqc", statement, self.url(database)], capture_output=True, text=True)
        return None if ran.returncode else ran.stdout.strip()

    def ask(self, statement: str, database: str = "earmark") -> str:
        answer = self.try_ask(statement, database)
        assert answer is not None, statement
        return answer


class Sqlite:
    """A file, asked from outside."""

    def __init__(self, file: pathlib.Path):
        self.file = file

    def url(self) -> str:
        return f"sqlite:{self.file}"

    def try_ask(self, statement: str):
        try:
            with contextlib.closing(sqlite3.connect(self.file, timeout=1)) as database:
                return str(database.execute(statement).fetchone()[0])
        except sqlite3.Error:
            return None


class Store:
    """An S3 server with the buckets `calls` and `results`, and recordings in the first."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.listen = folder, f"127.0.0.1:{free_port()}"
        for bucket in ("calls", "results"):
            (folder / bucket).mkdir(parents=True)
        wave = SENTENCE.read_bytes()
        middle = len(wave) // 2
        for number in range(max(STORE_JOBS, BACKLOG) + 200):
            # Another sound than all others: nobody's text is taken for it.
            mark = b"".join(((number >> bit & 1) * 64).to_bytes(2, "little") for bit in range(12))
            (folder / "calls" / f"{number}.wav").write_bytes(wave[:middle] + mark + wave[middle + len(mark):])
        self.start()

    def start(self) -> None:
        self.server = subprocess.Popen(
            [RELEASE / "s3-server", self.folder, "--listen", self.listen],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.server.stdout.readline()

    def stop(self) -> None:
        self.server.kill()
        self.server.wait()


class House:
    """`earmark up` on its parts."""

    def __init__(self, folder: pathlib.Path, binary: pathlib.Path, database, latency_ms: int, slots: int):
        self.binary, self.database, self.offered = binary, database, 0
        self.store = Store(folder / "s3")
        self.simulator = subprocess.Popen(
            [RELEASE / "glm-simulator", "--latency", str(latency_ms), "--max-in-flight", "1000"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        provider = self.simulator.stdout.readline().split("http://")[1].strip()
        self.http = f"127.0.0.1:{free_port()}"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("EARMARK", "AWS_"))
        } | {
            "EARMARK__DATABASE__URL": database.url(),
            "EARMARK__STORAGE__OUTPUT": "s3://results/out",
            "EARMARK__STORAGE__S3_ENDPOINT": f"http://{self.store.listen}",
            "AWS_ACCESS_KEY_ID": "earmark-tests",
            "AWS_SECRET_ACCESS_KEY": "earmark-tests-secret",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "EARMARK__ASR__ENGINE": "glm",
            "EARMARK__ASR__FALLBACK": "off",
            "EARMARK__ASR__BASE_URL": f"http://{provider}/api/paas/v4",
            "EARMARK__ASR__API_KEY": "id.secret",
            "EARMARK__ASR__TIER": "V3",
            "EARMARK__WORKER__SLOTS": str(slots),
            "EARMARK__WORKER__TEMP_DIR": str(folder / "temp"),
            "EARMARK__HTTP__LISTEN": self.http,
            "EARMARK__LOG__LEVEL": "info",
        }
        subprocess.run([binary, "migrate"], check=True, env=self.environment, capture_output=True)
        self.log = open(folder / "earmark.log", "wb")
        self.up = subprocess.Popen([binary, "up"], env=self.environment, stdout=self.log, stderr=self.log)
        if waits(lambda: self.get("/readyz")[0] is not None) is None:
            sys.exit(f"error: {binary} does not listen")

    def close(self) -> None:
        for process in (self.up, self.simulator, self.store.server):
            process.kill()
            process.wait()
        self.log.close()

    def submit(self, count: int) -> None:
        """By the shell, `count` at once."""
        words = [f"s3://calls/{number}.wav" for number in range(self.offered, self.offered + count)]
        self.offered += count
        subprocess.run([self.binary, "submit", *words], check=True, env=self.environment, capture_output=True)

    def get(self, path: str):
        return self.asked(urllib.request.Request(f"http://{self.http}{path}"))

    def offer(self):
        """An offer over HTTP: its status, and how long the answer took."""
        self.offered += 1
        number = self.offered - 1
        body = json.dumps({"uri": f"s3://calls/{number}.wav", "key": f"offer-{number}"}).encode()
        head = {"content-type": "application/json"}
        return self.asked(urllib.request.Request(f"http://{self.http}/v1/jobs", data=body, headers=head))

    def asked(self, request):
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
                status, text = answer.status, ""
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        except OSError:
            status, text = None, ""
        return status, time.monotonic() - began, text

    def count(self, what: str):
        answer = self.database.try_ask(f"SELECT {what} FROM jobs")
        return None if answer is None else int(float(answer))

    def grows(self, what: str):
        """A question whether `what` has grown since it was first answered."""
        first = []

        def has_grown():
            now = self.count(what)
            if now is None:
                return False
            first.append(now)
            return now > first[0]

        return has_grown


LEASES = "COALESCE(SUM(lease_epoch), 0)"
DONE = "COUNT(CASE WHEN state = 'done' THEN 1 END)"
DEAD = "COUNT(CASE WHEN state = 'dead' THEN 1 END)"


def secs(value) -> str:
    return f"over {PATIENCE_SECS} s" if value is None else f"{value:.1f} s"


def at_once(*questions):
    """The answers of questions that wait, asked at the same time."""
    with concurrent.futures.ThreadPoolExecutor() as askers:
        return [answer.result() for answer in [askers.submit(question) for question in questions]]


def store(folder: pathlib.Path, binary: pathlib.Path):
    with contextlib.closing(House(folder, binary, Sqlite(folder / "e.sqlite"), 4000, STORE_JOBS)) as house:
        half = STORE_JOBS // 2
        house.submit(half)
        # Fetched, cut and on their way through the recogniser: they will want to write.
        waits(lambda: house.count("COUNT(clips_total)") >= half)
        house.store.stop()
        house.submit(STORE_JOBS - half)
        time.sleep(STORE_AWAY_SECS)
        dead = house.count(DEAD)
        retries = "SELECT COUNT(*) FROM audit_entries WHERE kind = 'job.retry' AND payload LIKE '%\"costs_attempt\":true%'"
        spent = int(house.database.try_ask(retries) or 0) + dead
        house.store.start()
        done, all_done = at_once(
            lambda: waits(house.grows(f"{DONE} + {DEAD}"), 0 if dead == STORE_JOBS else PATIENCE_SECS),
            lambda: waits(lambda: house.count(f"{DONE} + {DEAD}") == STORE_JOBS),
        )
        return {
            f"store away {STORE_AWAY_SECS} s: dead letters of {STORE_JOBS} jobs": str(dead),
            "tries spent meanwhile": str(spent),
            "store back until a job has ended": "none is left" if dead == STORE_JOBS else secs(done),
            f"until all {STORE_JOBS} have": "none is left" if dead == STORE_JOBS else secs(all_done),
        }


def disk(folder: pathlib.Path, binary: pathlib.Path):
    small = folder / "disk"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", small], check=True)
    try:
        with contextlib.closing(House(folder, binary, Sqlite(small / "e.sqlite"), 500, 4)) as house:
            house.submit(BACKLOG)
            with contextlib.closing(sqlite3.connect(small / "e.sqlite", timeout=5)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with contextlib.suppress(OSError), open(small / "ballast", "wb", buffering=0) as ballast:
                while True:
                    ballast.write(bytes(1 << 16 if ballast.tell() < 24 << 20 else 1 << 12))
            began, refused = time.monotonic(), 0
            while time.monotonic() - began < DISK_FULL_SECS:
                refused += house.offer()[0] not in (200, 201, 202)
                time.sleep(1)
            (small / "ballast").unlink()
            accepted, leased = at_once(lambda: waits(is_accepted(house), every=0.2), lambda: waits(house.grows(LEASES)))
            return {
                f"disk full {DISK_FULL_SECS} s: offers refused meanwhile": str(refused),
                "room until an offer is accepted": secs(accepted),
                "room until a job is leased": secs(leased),
            }
    finally:
        subprocess.run(["umount", "-l", small], check=False)


def is_accepted(house: House):
    return lambda: house.offer()[0] in (200, 201, 202)


def read_only(folder: pathlib.Path, binary: pathlib.Path):
    with on_postgres(folder, binary) as (house, server):
        server.ask("ALTER DATABASE earmark SET default_transaction_read_only = on", "template1")
        server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'earmark'", "template1")
        meanwhile = offers_for(house, READ_ONLY_SECS)
        server.ask("ALTER DATABASE earmark SET default_transaction_read_only = off", "template1")
        leased, offers = at_once(lambda: waits(house.grows(LEASES)), lambda: offers_for(house, 60))
        refused = [at for at, status in offers if status not in (200, 201, 202)]
        accepted = [at for at, status in offers if status in (200, 201, 202)]
        return {
            f"read-only {READ_ONLY_SECS} s: offers refused meanwhile": str(len(meanwhile)),
            "writable again: offers refused in the next 60 s": f"{len(refused)} of {len(offers)}",
            "until an offer is accepted": secs(min(accepted, default=None)),
            "until the last is refused": secs(max(refused)) if refused else "-",
            "until a job is leased": secs(leased),
        }


def offers_for(house: House, seconds: float):
    """Offers, two a second: when each was answered and with which status."""
    began, answers = time.monotonic(), []
    while time.monotonic() - began < seconds:
        status, _, _ = house.offer()
        answers.append((time.monotonic() - began, status))
        time.sleep(0.5)
    return answers


def stopped(folder: pathlib.Path, binary: pathlib.Path):
    with on_postgres(folder, binary) as (house, server):
        figures = {}
        for away in STOPPED_SECS:
            server.stop()
            began = time.monotonic()
            # Whoever asks keeps the connections awake: only once, as it goes away.
            ready, offered = at_once(lambda: house.get("/readyz"), house.offer)
            time.sleep(max(0, away - (time.monotonic() - began)))
            server.start()
            leased, accepted = at_once(lambda: waits(house.grows(LEASES)), lambda: waits(is_accepted(house), every=0.2))
            figures |= {
                f"PostgreSQL stopped for {away} s: /readyz answers": told(ready),
                f"stopped for {away} s: an offer is answered": told(offered),
                f"back after {away} s until an offer is accepted": secs(accepted),
                f"back after {away} s until a job is leased": secs(leased),
            }
        return figures


def told(answer) -> str:
    status, took, _ = answer
    return f"{status or 'nothing'} after {took:.1f} s"


@contextlib.contextmanager
def on_postgres(folder: pathlib.Path, binary: pathlib.Path):
    """A house with many jobs to do, and its PostgreSQL."""
    place = folder / "postgres"
    place.mkdir(mode=0o700)
    server = Postgres(place)
    try:
        with contextlib.closing(House(folder, binary, server, 500, 4)) as house:
            house.submit(BACKLOG)
            waits(house.grows(LEASES))
            yield house, server
    finally:
        server.stop()


SCENES = {"store": store, "disk": disk, "read-only": read_only, "stopped": stopped}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=RELEASE / "earmark")
    parser.add_argument("--before", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(SCENES), help="scenes, with commas between them")
    parser.add_argument("--keep", action="store_true", help="leave the folders, with what earmark said")
    args = parser.parse_args()
    programs = [program.resolve() for program in (args.before, args.binary) if program]
    names = ["before", "now"][-len(programs):]
    print(f"| | {' | '.join(names)} |\n| --- |{' ---: |' * len(programs)}", flush=True)
    for name in args.only.split(","):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="outages-"))
        folder.chmod(0o755)
        figures = [None] * len(programs)

        def play(at):
            place = folder / names[at]
            place.mkdir()
            figures[at] = SCENES[name](place, programs[at])

        players = [threading.Thread(target=play, args=(at,)) for at in range(len(programs))]
        for player in players:
            player.start()
        for player in players:
            player.join()
        if args.keep or None in figures:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        if None in figures:
            sys.exit(f"error: the scene {name} failed")
        for what in figures[0]:
            print(f"| {what} | {' | '.join(each[what] for each in figures)} |", flush=True)


main()
