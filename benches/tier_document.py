"""docs/tier.md from the figures of a run."""

HEAD = """# The account's tier, met exactly and used fully

Written by `make tier` (benches/tier.py). {machine}

The simulator of GLM-ASR (tests/simulator) keeps the tier as the service does, refuses with 1302 what is over it, answers
{latency} ms after a request's last byte, and lets a request whose client has died run to its end. It writes down every
request; all figures below come from that log.

* **In flight**: from a request's last byte at the simulator until its place there is free.
* **Busy**: the integral of what is in flight over permits × time, from the first request until fewer clips are left to
  send than there are permits. The places of a killed process count as busy until somebody else has them; its requests,
  which run on at the simulator, do not count from the kill on.
* **Useful**: requests a second × {latency} ms / permits, over the same time. What is missing to 1 is the time between two
  requests on one place: the answer read, the place given back and granted to whoever is next, the clip uploaded.
* **Back**: from the kill of a process until a process that lives has a request in flight on its place.
"""

KILLED = """
## 10 000 clips, tier V0, two of four processes killed

{jobs} recordings of ten short clips each, all different (speech of 1.3 s and pauses, mu-law), on four `earmark work`
processes with one SQLite journal. At a fifth and at half of the run a process is killed (SIGKILL) and another started
two seconds later.
"""

ASKED = """
## 10 000 clips of 28 s, tier V3

All different, 0.9 MB each. At 100 requests a second the account hears 2800 s of audio a second; the two cores of this
machine cannot decode that much and find its speech (below). So the load is made by four `earmark-asker` processes
(benches/asker): they open the same database with the same settings and ask the same account the same way (`Account::ask`:
the account open, the booking, the permit, the upload, the settlement), with clips that cost a millisecond. The simulator
reads and hashes every upload on the same two cores.
"""

IDLE = """
Between two requests on one place {sqlite:.1f} ms pass with permits in SQLite and {redis:.1f} ms with permits in Redis; 0.97
leaves 6.2 ms. The processes, the simulator and the servers share two cores.
"""

WHOLE = """
The whole pipeline at V3, for comparison: {clips} clips of up to 28 s of {audio} s of speech from recordings, four
`earmark work` processes. It is as fast as this machine finds speech, and the tier waits: {rate:.1f} requests a second,
{heard:.0f} times real time, {busy:.0%} of the permits busy, {cpu:.1f} CPU seconds per 1000 requests.
"""

ONE = """
## One job of tenant B while tenant A has 10 000 queued

Tier V0, four `earmark work` processes, jobs of one clip. From the moment the journal accepted B's job, five times; one
clip's time is {latency} ms.
"""


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(names: list[str], rows: list[tuple]) -> str:
    return "\n".join([row("", *names), row("---", *("---:" for _ in names)), *(row(*cells) for cells in rows)]) + "\n"


def secs(times_ms: list[float]) -> str:
    return ", ".join(f"{ms / 1000:.2f}" for ms in times_ms) or "it held none"


def optional(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def shared_rows(runs: list[dict]) -> list[tuple]:
    each = lambda of: tuple(of(run) for run in runs)
    limit = runs[0]["limit"]
    return [
        (f"most in flight, killed processes set aside (at most {limit})", *each(lambda run: run["peak_of_the_living"])),
        (f"most in flight, all (at most {limit})", *each(lambda run: run["peak_at_the_simulator"])),
        ("refused with 1302 (none)", *each(lambda run: run["refused_1302"])),
    ]


def cost_rows(runs: list[dict]) -> list[tuple]:
    each = lambda of: tuple(of(run) for run in runs)
    return [
        ("CPU seconds of the processes per 1000 requests", *each(lambda run: f"{run['cpu_per_1000']:.2f}")),
        ("CPU seconds of Redis", *each(lambda run: optional(run["redis_cpu_per_1000"]))),
        ("CPU seconds of the simulator", *each(lambda run: f"{run['simulator_cpu_per_1000']:.2f}")),
        ("peak memory of a process, MB", *each(lambda run: f"{run['peak_mb']:.0f}")),
    ]


def document(figures: dict[str, dict], machine: str, latency_ms: int) -> str:
    """The whole page. `figures` by part and store, as in `a SQLite`."""
    of = lambda part: [figures[f"{part} {store}"] for store in ("SQLite", "Redis")]
    killed, asked, one, whole = of("a"), of("b"), of("c"), figures["p SQLite"]
    stores = ["permits in SQLite", "permits in Redis"]
    each = lambda runs, value: tuple(value(run) for run in runs)
    kills = max(len(run["backs"]) for run in killed)
    return "".join(
        [
            HEAD.format(machine=machine, latency=latency_ms),
            KILLED.format(jobs=killed[0]["jobs"]),
            "\n",
            table(
                stores,
                [
                    *shared_rows(killed),
                    *(
                        (
                            f"kill {number + 1}: each place back after, s (at most 15)",
                            *each(killed, lambda run: secs(run["backs"][number])),
                        )
                        for number in range(kills)
                    ),
                    ("busy while there is a backlog (at least 97 %)", *each(killed, lambda run: f"{run['busy']:.1%}")),
                    ("of it places of the dead", *each(killed, lambda run: f"{run['dead_share']:.1%}")),
                    ("requests a second", *each(killed, lambda run: f"{run['requests_per_sec']:.2f}")),
                    ("clips", *each(killed, lambda run: run["clips"])),
                    ("clips sent twice", *each(killed, lambda run: run["sent_again"])),
                    ("requests cut off by the kills", *each(killed, lambda run: run["cut_off_by_kills"])),
                    ("jobs done, and how often", *each(killed, lambda run: f"{run['jobs_done']}, {run['done_entries']}")),
                    *cost_rows(killed),
                ],
            ),
            ASKED,
            "\n",
            table(
                stores,
                [
                    *shared_rows(asked),
                    ("useful (at least 0.97)", *each(asked, lambda run: f"{run['useful']:.3f}")),
                    ("busy", *each(asked, lambda run: f"{run['busy']:.1%}")),
                    ("requests a second", *each(asked, lambda run: f"{run['requests_per_sec']:.1f}")),
                    ("a request seen by its process, upload included, ms", *each(asked, lambda run: f"{run['client_latency_ms']:.0f}")),
                    *cost_rows(asked),
                ],
            ),
            IDLE.format(**{run["store"].lower(): 1000 * run["limit"] / run["requests_per_sec"] - latency_ms for run in asked}),
            WHOLE.format(
                clips=whole["requests"],
                audio=round(whole["audio_secs"]),
                rate=whole["requests_per_sec"],
                heard=whole["audio_secs"] / whole["requests"] * whole["requests_per_sec"],
                busy=whole["busy"],
                cpu=whole["cpu_per_1000"],
            ),
            ONE.format(latency=latency_ms),
            "\n",
            table(
                stores,
                [
                    ("jobs of tenant A waiting", *each(one, lambda run: run["queued"])),
                    ("until a worker has it, ms", *each(one, lambda run: ", ".join(map(str, run["leased_after_ms"])))),
                    ("until its request is in flight, ms", *each(one, lambda run: ", ".join(map(str, run["sent_after_ms"])))),
                ],
            ),
        ]
    )
