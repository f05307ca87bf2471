"""Prints how many jobs a second `earmark submit --manifest` puts on record: the table in docs/postgres.md.

PostgreSQL is started for it from Debian's programs, with all its safety (fsync, synchronous_commit and full_page_writes
on), on a free port and in a temporary folder; SQLite lies in the same folder. A job counts when its transaction is on
disk: its row, its tenant's turn and its audit entry. The time is that of the whole command, reading the manifest
included.

Needs target/release/earmark (`make intake` builds it), PostgreSQL and psql. `--jobs N` takes another number of jobs,
`--binary PATH` another program, `--runs N` the best of another number of runs.
"""

import argparse
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SERVICE_USER = "postgres"
PRODUCERS = 4


def programs():
    """The folder of `initdb` and `postgres`."""
    on_path = shutil.which("initdb")
    if on_path:
        return pathlib.Path(on_path).resolve().parent
    releases = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not releases:
        sys.exit("error: PostgreSQL is not installed\n  hint: make setup")
    return releases[-1].parent


def as_service_user():
    """A server refuses to run as root."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam(SERVICE_USER)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres(folder):
    """A server with all its safety; gives its URL."""
    data = folder / "data"
    place, user = programs(), as_service_user()
    if user:
        os.chown(folder, user["user"], user["group"])
    subprocess.run(
        [place / "initdb", "--auth=trust", "--username=earmark", "--encoding=UTF8", "--locale=C", "-D", data],
        check=True, stdout=subprocess.DEVNULL, cwd=folder, **user,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ["fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_connections=200"]
    options = [part for setting in settings for part in ("-c", setting)]
    log = open(folder / "log", "wb")
    server = subprocess.Popen(
        [place / "postgres", "-D", data, "-h", "127.0.0.1", "-k", "", "-p", str(port), *options],
        stdout=log, stderr=log, cwd=folder, **user,
    )
    url = f"postgres://earmark@127.0.0.1:{port}"
    try:
        while subprocess.run(["psql", "-qc", "SELECT 1", f"{url}/postgres"], capture_output=True).returncode:
            if server.poll() is not None:
                sys.exit(f"error: the server did not start: see {folder / 'log'}")
            time.sleep(0.05)
        yield url
    finally:
        server.send_signal(signal.SIGQUIT)
        server.wait()
        log.close()


def psql(url, statement):
    return subprocess.run(
        ["psql", "-Atqc", statement, url], check=True, capture_output=True, text=True
    ).stdout.strip()


def manifest(path, jobs, tenants):
    """Calls as a switchboard would offer them: a key each, some words about them."""
    with open(path, "w") as lines:
        for number in range(jobs):
            line = {
                "uri": f"s3://recordings/2026/11/{number % 30:02}/call-{number:07}.wav",
                "tenant": f"tenant-{number % tenants}",
                "key": f"call-{number:07}",
                "metadata": {"agent": f"A{number % 500:04}", "queue": "sales", "direction": "inbound"},
            }
            lines.write(json.dumps(line) + "\n")


def submit(binary, database, manifests):
    """Seconds until all of `manifests` are accepted, each by a process of its own."""
    environment = os.environ | {"EARMARK__DATABASE__URL": database}
    subprocess.run([binary, "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    running = [
        subprocess.Popen([binary, "submit", "--manifest", path, "--json"], env=environment, stdout=subprocess.DEVNULL)
        for path in manifests
    ]
    if any(process.wait() for process in running):
        sys.exit("error: a producer failed")
    return time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=30_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/earmark")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="intake-")))
        folder.chmod(0o755)
        few, many = folder / "few.jsonl", folder / "many.jsonl"
        manifest(few, args.jobs, 1)
        manifest(many, args.jobs, 40)
        lines = many.read_text().splitlines(keepends=True)
        shares = [folder / f"share-{number}.jsonl" for number in range(PRODUCERS)]
        for number, share in enumerate(shares):
            share.write_text("".join(lines[number::PRODUCERS]))
        server_folder = folder / "server"
        server_folder.mkdir(mode=0o700)
        server = stack.enter_context(postgres(server_folder))
        made = 0

        def fresh():
            nonlocal made
            made += 1
            psql(f"{server}/postgres", f"CREATE DATABASE intake{made}")
            return f"{server}/intake{made}"

        def best(what, fresh_database, manifests, is_again=False):
            rates = []
            for _ in range(args.runs):
                database = fresh_database()
                if is_again:
                    submit(args.binary, database, manifests)
                rates.append(args.jobs / submit(args.binary, database, manifests))
                if database.startswith("postgres"):
                    counted = psql(database, "SELECT COUNT(*) FROM jobs"), psql(database, "SELECT COUNT(*) FROM audit_entries")
                    assert counted == (str(args.jobs),) * 2, counted
            figures = (f"{rate:,.0f}".replace(",", " ") for rate in (max(rates), min(rates)))
            print(f"| {what} | {' | '.join(figures)} |", flush=True)

        def file():
            nonlocal made
            made += 1
            return f"sqlite:{folder / f'intake{made}.sqlite'}"

        print(f"{args.jobs} jobs, jobs a second\n\n| | best of {args.runs} | worst |\n| --- | ---: | ---: |")
        best("PostgreSQL, one producer, one tenant", fresh, [few])
        best("PostgreSQL, one producer, 40 tenants", fresh, [many])
        best(f"PostgreSQL, {PRODUCERS} producers at once, 40 tenants", fresh, shares)
        best("PostgreSQL, the same offered again", fresh, [many], is_again=True)
        best("SQLite, one producer, 40 tenants", file, [many])


main()
