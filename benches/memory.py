"""Writes docs/memory.md: how much memory a worker takes for the largest recordings, from S3, with results to S3.

A real `earmark work` with the engine `glm` at the simulator processes a WAV of 3.9 GB and 36 hours of Opus, one after the
other, each in a process of its own. Its peak is what the kernel wrote down (VmHWM). Both recordings are made from
tests/fixtures in a temporary folder (needs ffmpeg and 20 GB there) and go with it.

Needs earmark, glm-simulator and s3-server in one folder of target/ (`make memory` builds them).
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests/fixtures"
CONVERSATION = FIXTURES / "mixed/zh-en-3min.opus.ogg"
SENTENCE = FIXTURES / "formats/austen0870.pcm16k.wav"
LIMIT_MB = 256
WAV_BYTES = 3_900_000_000
WAV_RATE = 16_000
OPUS_HOURS = 36
# Of each block of the Opus the rest is silence.
PAUSE_SECS = 120
# The WAV's sentences stand this far apart.
SENTENCE_EVERY_SECS = 60


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


def make_wav(file: pathlib.Path) -> None:
    """PCM, 16 kHz, mono: silence (not even written, the file is sparse) with a sentence each minute."""
    samples = SENTENCE.read_bytes()
    sentence = samples[samples.index(b"data") + 8 :]
    size = WAV_BYTES - 44
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, WAV_RATE, 2 * WAV_RATE, 2, 16)
    with file.open("wb") as out:
        out.write(head + struct.pack("<4sI", b"data", size))
        out.truncate(WAV_BYTES)
        for at in range(44, WAV_BYTES - len(sentence), SENTENCE_EVERY_SECS * WAV_RATE * 2):
            out.seek(at)
            out.write(sentence)


def make_opus(file: pathlib.Path, folder: pathlib.Path) -> None:
    """Ogg Opus, mono, 16 kbit/s: three minutes of conversation, two of silence, again and again."""
    block = folder / "block.opus"
    silence = ["-f", "lavfi", "-t", PAUSE_SECS, "-i", "anullsrc=r=48000:cl=mono"]
    both = "[0:a]aresample=48000,aformat=channel_layouts=mono[a];[a][1:a]concat=n=2:v=0:a=1"
    ffmpeg("-i", CONVERSATION, *silence, "-filter_complex", both, "-c:a", "libopus", "-b:a", "16k", block)
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", block]
    secs = float(subprocess.run(probe, check=True, capture_output=True, text=True).stdout)
    blocks = folder / "blocks.txt"
    blocks.write_text(f"file '{block}'\n" * -int(-OPUS_HOURS * 3600 // secs))
    ffmpeg("-f", "concat", "-safe", "0", "-i", blocks, "-c", "copy", file)


def tag(folder: pathlib.Path, name: str) -> None:
    """Gives the object an entity tag as if it had been uploaded: the server would read all of it for one, and be late."""
    encoded = [base64.urlsafe_b64encode(word.encode()).decode().rstrip("=") for word in ("recordings", name)]
    note = folder / "s3" / f".bucket-{encoded[0]}.object-{encoded[1]}.internal.json"
    note.write_text(json.dumps({"e_tag": f"{len(name):032x}"}))


def memory_mb(child: subprocess.Popen, field: str) -> float:
    for line in pathlib.Path(f"/proc/{child.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def process(folder: pathlib.Path, programs: pathlib.Path, name: str) -> dict:
    """Processes s3://recordings/NAME and says what it took."""
    place = folder / f"run-{name}"
    place.mkdir()
    with contextlib.ExitStack() as stack:

        def start(*command: object, **options: object) -> subprocess.Popen:
            child = subprocess.Popen([str(word) for word in command], text=True, **options)
            stack.callback(child.wait)
            stack.callback(child.terminate)
            return child

        store = start(programs / "s3-server", folder / "s3", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        flags = ["--tier", "V3", "--latency", "50", "--log", place / "requests"]
        simulator = start(programs / "glm-simulator", *flags, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        address = simulator.stdout.readline().split("http://")[1].strip()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EARMARK", "AWS_"))}
        environment = kept | {
            "EARMARK__DATABASE__URL": f"sqlite:{place / 'earmark.sqlite'}",
            "EARMARK__STORAGE__OUTPUT": "s3://results/out",
            "EARMARK__STORAGE__S3_ENDPOINT": store.stdout.readline().strip(),
            "AWS_ACCESS_KEY_ID": "earmark-tests",
            "AWS_SECRET_ACCESS_KEY": "earmark-tests-secret",
            "EARMARK__ASR__ENGINE": "glm",
            "EARMARK__ASR__FALLBACK": "off",
            "EARMARK__ASR__BASE_URL": f"http://{address}/api/paas/v4",
            "EARMARK__ASR__API_KEY": "id.secret",
            "EARMARK__ASR__TIER": "V3",
            "EARMARK__WORKER__TEMP_DIR": str(place / "temp"),
        }
        earmark = programs / "earmark"
        submit = [earmark, "submit", f"s3://recordings/{name}"]
        subprocess.run(submit, check=True, env=environment, stdout=subprocess.DEVNULL)
        worker = start(earmark, "work", env=environment, stderr=subprocess.DEVNULL)
        began, resident = time.monotonic(), []
        database = f"file:{place / 'earmark.sqlite'}?mode=ro"
        while True:
            time.sleep(1)
            if worker.poll() is not None:
                raise SystemExit(f"the worker ended with {worker.returncode}")
            peak = memory_mb(worker, "VmHWM")
            resident.append(memory_mb(worker, "VmRSS"))
            with contextlib.closing(sqlite3.connect(database, uri=True)) as db:
                job = db.execute("SELECT state, clips_done, clips_total, error_message FROM jobs").fetchone()
            if job[0] in ("done", "dead"):
                break
            if len(resident) % 15 == 0:
                print(f"  {len(resident)} s: {job[:3]}, {resident[-1]:.0f} MB, peak {peak:.0f}", file=sys.stderr, flush=True)
        if job[0] != "done":
            raise SystemExit(f"{name}: {job}")
        took = time.monotonic() - began
        with contextlib.closing(sqlite3.connect(database, uri=True)) as db:
            report = json.loads(db.execute("SELECT report FROM results").fetchone()[0])
            artifacts = db.execute("SELECT SUM(size_bytes) FROM artifacts").fetchone()[0]
        return {
            "name": name,
            "size_bytes": report["recording"]["size_bytes"],
            "hours": report["recording"]["duration_ms"] / 3_600_000,
            "clips": job[2],
            "utterances": len(report["utterances"]),
            "artifact_bytes": artifacts,
            "took_secs": took,
            "peak_mb": peak,
            "mean_mb": sum(resident) / len(resident),
        }


def document(rows: list[dict], build: str) -> str:
    lines = [
        "# Memory",
        "",
        "How much memory a worker takes for the largest recordings: `make memory`. `earmark work` with the engine `glm` at",
        "the simulator (V3, answers in 50 ms), recordings from S3, results to S3; each in a process of its own. The peak is",
        f"the kernel's (VmHWM); the limit is {LIMIT_MB} MB. Two cores, {build} build.",
        "",
        "| recording | size | hours | clips | utterances | artifacts | time | mean | peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['name']} | {row['size_bytes'] / 1e6:,.0f} MB | {row['hours']:.1f} | {row['clips']:,} "
            f"| {row['utterances']:,} | {row['artifact_bytes'] / 1e6:.1f} MB | {row['took_secs']:.0f} s "
            f"| {row['mean_mb']:.0f} MB | **{row['peak_mb']:.0f} MB** |"
        )
    lines += [
        "",
        "A recording lies on disk while it is worked on (its copy, and its samples at 115 MB an hour and channel); memory holds",
        "buffers, the clips that are in flight, and the transcript, which grows by the number of words.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parse = argparse.ArgumentParser()
    parse.add_argument("--build", default="release", help="folder of target/ with the programs")
    parse.add_argument("--folder", help="where the recordings are made, and left")
    parse.add_argument("--only", default="wav,opus")
    args = parse.parse_args()
    programs = ROOT / "target" / args.build
    for program in ("earmark", "glm-simulator", "s3-server"):
        if not (programs / program).is_file():
            print(f"{programs / program} is missing: make memory", file=sys.stderr)
            return 2
    with contextlib.ExitStack() as stack:
        made = args.folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="earmark-memory-"))
        folder = pathlib.Path(made)
        for bucket in ("recordings", "results"):
            (folder / "s3" / bucket).mkdir(parents=True, exist_ok=True)
        rows = []
        for kind in args.only.split(","):
            name = {"wav": "silence.wav", "opus": "conversation.opus"}[kind]
            file = folder / "s3/recordings" / name
            if not file.exists():
                print(f"making {name} …", file=sys.stderr, flush=True)
                make_wav(file) if kind == "wav" else make_opus(file, folder)
            tag(folder, name)
            print(f"{name} …", file=sys.stderr, flush=True)
            rows.append(process(folder, programs, name))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            if not args.folder:
                file.unlink()
    text = document(rows, {"debug": "development"}.get(args.build, args.build))
    print(text)
    if len(rows) == 2:
        (ROOT / "docs/memory.md").write_text(text)
    return 0 if all(row["peak_mb"] <= LIMIT_MB for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
