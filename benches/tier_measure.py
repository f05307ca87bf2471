"""What the simulator's log says about a tier. Instants are milliseconds since the epoch."""

import dataclasses
import json
import pathlib

# When a killed process's requests have ended at the simulator, and well before its places come back.
SETTLED_MS, UNTIL_MS = 600, 12_000


@dataclasses.dataclass
class Request:
    """One that was let in, from its last byte until its place was free."""

    started_ms: int
    ended_ms: int
    is_client_gone: bool
    status: int
    audio: str
    job_id: str


@dataclasses.dataclass
class Kill:
    """A process killed."""

    at_ms: float


def requests(log: pathlib.Path) -> list[Request]:
    """Requests that were let in and have ended, in order of their starts."""
    found = []
    for line in log.read_text().splitlines():
        # The last line may be half written.
        if not line.endswith("}"):
            continue
        record = json.loads(line)
        if record["in_flight"] == 0:
            continue
        request_id = record["request_id"] or ""
        job = request_id.rsplit("-", 3)[0]
        times = record["started_ms"], record["ended_ms"]
        found.append(Request(*times, record["is_client_gone"], record["status"], record["audio_sha256"], job))
    return sorted(found, key=lambda request: request.started_ms)


def in_flight(spans: list[tuple[float, float]]) -> list[tuple[float, int]]:
    """How many are in flight from each instant on; at one instant ends come first."""
    changes = sorted([(start, 1) for start, _ in spans] + [(end, -1) for _, end in spans])
    count, steps = 0, []
    for at, change in changes:
        count += change
        steps.append((at, count))
    return steps


def in_flight_of_the_living(log: list[Request]) -> int:
    """The most in flight, requests of killed processes set aside."""
    return max(count for _, count in in_flight(living(log)))


def living(log: list[Request]) -> list[tuple[float, float]]:
    return [(request.started_ms, request.ended_ms) for request in log if not request.is_client_gone]


def back_after(kill: Kill, log: list[Request], limit: int) -> list[int]:
    """For each place that the killed process held, how long until somebody had it, in milliseconds."""
    steps = in_flight(living(log))
    since = lambda from_ms, to_ms: [(at, n) for at, n in steps if kill.at_ms + from_ms <= at < kill.at_ms + to_ms]
    most = max((count for _, count in since(SETTLED_MS, UNTIL_MS)), default=0)
    backs = []
    for count in range(most + 1, limit + 1):
        at = next((at for at, n in since(UNTIL_MS, 60_000) if n >= count), None)
        if at is not None:
            backs.append(round(at - kill.at_ms))
    return backs


def backlog(log: list[Request], limit: int, kills: list[Kill]) -> dict:
    """The share of the permits that was busy while there was a backlog, and the requests a second."""
    begin, end = log[0].started_ms, log[-limit].started_ms
    busy_ms = 0.0
    for request in log:
        until = request.ended_ms
        if request.is_client_gone:
            # From the kill on the dead holder's place counts, and the request that still runs does not.
            until = min([until] + [kill.at_ms for kill in kills if kill.at_ms > request.started_ms - SETTLED_MS])
        busy_ms += max(0.0, min(until, end) - request.started_ms)
    dead_ms = sum(
        min(kill.at_ms + back, end) - kill.at_ms for kill in kills for back in back_after(kill, log, limit) if kill.at_ms < end
    )
    started = sum(begin <= request.started_ms < end for request in log)
    span_ms = max(end - begin, 1)
    return {
        "busy": (busy_ms + dead_ms) / (limit * span_ms),
        "dead_share": dead_ms / (limit * span_ms),
        "requests_per_sec": 1000 * started / span_ms,
        "backlog_secs": span_ms / 1000,
    }


def useful(log: list[Request], limit: int, latency_ms: int) -> float:
    """Requests a second times their latency, over the permits, while there was a backlog."""
    begin, end = log[0].started_ms, log[-limit].started_ms
    started = sum(begin <= request.started_ms < end for request in log)
    return started * latency_ms / (max(end - begin, 1) * limit)
