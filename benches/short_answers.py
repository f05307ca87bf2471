"""Clauses of 0.3 to 1.3 s by themselves: how many are lost, written twice, or end with what the decoder was told.

`short_answers.py PROGRAM [FOLDER…]`: cuts the clauses out of the dialogues of tests/fixtures and of further folders with
a manifest.json (times of every clause), at 16 and 8 kHz (mu-law), tight (30 ms on both sides) and with 0.8 s of digital
silence around, has PROGRAM (`earmark`) transcribe all of them, and prints the counts. Needs ffmpeg.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHORTEST_S, LONGEST_S = 0.25, 1.35
TIGHT_S, SILENCE_S = 0.03, 0.8
# Wideband before telephone, what loses nothing before what does.
PREFERRED = ["flac", "m4a16k", "mp3_16k", "opus16k.ogg", "pcm8k", "mulaw8k", "alaw8k"]
LINE = "以下是普通话的句子"


def recordings(folders):
    """One recording of each dialogue that has its speakers apart."""
    best = {}
    for folder in folders:
        for item in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["items"]:
            if not item["file"].startswith("dialogues/") or item["channels"] != 2 or not item.get("segments"):
                continue
            rank = next((at for at, kind in enumerate(PREFERRED) if kind in item["file"]), None)
            name = Path(item["file"]).name[:9]
            if rank is not None and (name not in best or rank < best[name][0]):
                best[name] = (rank, folder / item["file"], item)
    return [(name, path, item) for name, (_, path, item) in sorted(best.items())]


def samples(path, channel, rate, codec):
    """A channel's bytes, one or two a sample."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-af", f"pan=mono|c0=c{channel}", "-ar", str(rate), "-f", codec, "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def write_wav(path, data, rate, is_mulaw):
    width, tag = (1, 7) if is_mulaw else (2, 1)
    form = struct.pack("<HHIIHH", tag, 1, rate, rate * width, width, width * 8)
    chunks = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)


def cut(folders, into):
    """Writes the clips; for each file name what is said and in which language."""
    said = {}
    for name, path, item in recordings(folders):
        for rate, is_mulaw in ((16_000, False), (8_000, True)):
            if rate > item["sample_rate"]:
                continue
            width, silence = (1, b"\xff") if is_mulaw else (2, b"\0\0")
            channels = {}
            for segment in item["segments"]:
                channel = segment["channel"]
                if channel not in channels:
                    channels[channel] = samples(path, channel, rate, "mulaw" if is_mulaw else "s16le")
                for at, clause in enumerate(segment["clauses"]):
                    if not SHORTEST_S <= clause["end_s"] - clause["start_s"] <= LONGEST_S:
                        continue
                    start = int((clause["start_s"] - TIGHT_S) * rate) * width
                    sound = channels[channel][start : int((clause["end_s"] + TIGHT_S) * rate) * width]
                    for kind, around in (("tight", b""), ("silence", silence * int(SILENCE_S * rate))):
                        file = f"{name}-{segment['turn']:02}-{at}-{rate}-{kind}.wav"
                        write_wav(into / file, around + sound + around, rate, is_mulaw)
                        said[file] = (item["language"][:2], f"{rate // 1000} kHz, {kind}", clause["text"])
    return said


def letters(text):
    return "".join(character.lower() for character in text if character.isalnum())


def distance(one, other):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        new = [i]
        for j, b in enumerate(other, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (a != b)))
        row = new
    return row[-1]


def fault(heard, said):
    """What is wrong with a text, beside its spelling."""
    if not heard:
        return "lost"
    if LINE[:4] in heard or (heard[-1] == LINE[0] and said[-1] != LINE[0]) or (heard.endswith(LINE[:2]) and said[-2:] != LINE[:2]):
        return "told"
    half = len(heard) // 2
    is_twice = heard[:half] == heard[half : 2 * half] or distance(heard, said * 2) < distance(heard, said)
    if len(heard) >= 1.6 * len(said) + 1 and is_twice:
        return "twice"
    return None


def transcribe(program, files, folder):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EARMARK")}
    environment["EARMARK__DATABASE__URL"] = f"sqlite:{folder}/bench.sqlite"
    environment["EARMARK__STORAGE__OUTPUT"] = f"{folder}/output"
    if "ENGINE_PROGRAM" in os.environ:
        environment["EARMARK__ASR__ENGINE_PROGRAM"] = os.environ["ENGINE_PROGRAM"]
    command = [program, "run", "--json", *files]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    for line in done.stdout.decode().splitlines():
        report = json.loads(line)
        yield Path(report["recording"]["uri"]).name, "".join(one["text"] for one in report.get("utterances", []))


def main():
    program, *folders = sys.argv[1:]
    folders = [Path(folder) for folder in folders] or [ROOT / "tests/fixtures"]
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        said = cut(folders, folder)
        for file, text in transcribe(program, [str(folder / name) for name in said], folder):
            language, kind, expected = said[file]
            heard, expected = letters(text), letters(expected)
            row = rows.setdefault((language, kind), {"clips": 0, "lost": 0, "twice": 0, "told": 0, "wrong": 0, "letters": 0})
            row["clips"] += 1
            row["wrong"] += distance(heard, expected)
            row["letters"] += len(expected)
            wrong = fault(heard, expected)
            if wrong:
                row[wrong] += 1
                print(f"{wrong}: {file}: {said[file][2]} -> {text}", file=sys.stderr)
    print("| clips | n | lost | twice | told | letters wrong |\n|---|---|---|---|---|---|")
    for (language, kind), row in sorted(rows.items()):
        rate = row["wrong"] / row["letters"]
        print(f"| {language}, {kind} | {row['clips']} | {row['lost']} | {row['twice']} | {row['told']} | {rate:.3f} |")


if __name__ == "__main__":
    main()
