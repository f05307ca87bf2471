"""Writes docs/accuracy.md: error rates, planted phrases and speed of `earmark run` beside faster-whisper.

Same recordings, same weights (engine/model, int8), same number of threads, one after the other in this run. The peer
gets every advantage it offers: its own speech detection, each channel by itself, and the Chinese prompt for recordings
that are known to be Chinese; once window by window, once in batches. earmark is told nothing: it finds the language out.

Needs target/release/earmark (`make accuracy` builds it) and makes a virtual environment under target/.
"""

import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests/fixtures"
VENV = ROOT / "target/peers"
PACKAGES = ["faster-whisper==1.2.1", "ctranslate2==4.8.4", "pypinyin==0.55.0"]
THREADS = 2
CHINESE_PROMPT = "以下是普通话的句子。"
EARMARK, PEER, BATCHED = "earmark", "faster-whisper", "faster-whisper, batches of 4"
DIGITS = {"零": 0, "〇": 0, "一": 1, "幺": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = {word: 10 * (i + 2) for i, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())}


def chinese_numbers(text: str) -> str:
    """三万五千 -> 35000, 六八二九 -> 6829, 3万5000 -> 35000: one spelling on both sides."""

    def value(match: re.Match) -> str:
        run = match.group(0)
        if not any(c in UNITS for c in run):
            return "".join(str(DIGITS.get(c, c)) for c in run)
        total = section = number = 0
        for token in re.findall(r"\d+|.", run):
            if token.isdigit():
                number = int(token)
            elif token in DIGITS:
                number = DIGITS[token]
            elif UNITS[token] < 10_000:
                section, number = section + (number or 1) * UNITS[token], 0
            else:
                total, section, number = total + (section + number) * UNITS[token], 0, 0
        return str(total + section + number)

    return re.sub(r"[零〇一幺二两三四五六七八九十百千万亿\d]+", value, text)


def english_numbers(words: list[str]) -> list[str]:
    """Number words as digits, each digit a word: "twenty thousand" and "20,000" are the same then."""
    out, number, group = [], None, 0

    def flush():
        nonlocal number, group
        if number is not None:
            out.extend(str(number + group))
        number, group = None, 0

    previous = None
    for word in words:
        if word in SMALL or word in TENS:
            small = SMALL.index(word) if word in SMALL else TENS[word]
            joins = number is not None and (previous in TENS and small < 10 or previous in ("hundred", "thousand"))
            if not joins:
                flush()
                number = 0
            group += small
        elif word == "hundred" and number is not None:
            group *= 100
        elif word == "thousand" and number is not None:
            number, group = number + group * 1000, 0
        else:
            flush()
            out.extend(word if word.isdigit() else [word])
        previous = word
    flush()
    return out


def tokens(text: str, language: str) -> list[str]:
    """Characters for Chinese, words for English, without punctuation, case and spellings of numbers."""
    text = text.lower().replace("%", " percent " if language == "en" else "百分之")
    if language == "zh":
        return list(re.sub(r"[^\w]|_", "", chinese_numbers(text)))
    text = re.sub(r"(?<=\d),(?=\d)", "", text.replace("’", "'").replace("-", " "))
    return english_numbers(re.findall(r"[a-z']+|\d+", text))


def edits(said: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(diagonal + (a != b), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def sound(text: str) -> str:
    from pypinyin import lazy_pinyin

    return " ".join(lazy_pinyin(re.sub(r"[^\w]", "", chinese_numbers(text))))


def phrase_found(phrase: str, heard: str, language: str) -> str:
    said, text = tokens(phrase, language), tokens(heard, language)
    if any(text[i : i + len(said)] == said for i in range(len(text) - len(said) + 1)):
        return "exact"
    if language == "zh" and f" {sound(phrase)} " in f" {sound(heard)} ":
        return "sound"
    return "missed"


def expected(item: dict) -> list[tuple[int | None, str, str]]:
    """(channel or None, language, text) for everything that is known to be said."""
    language = (item.get("language") or "").split("-")[0]
    if item.get("transcript_by_channel"):
        return [(int(channel), language, text) for channel, text in item["transcript_by_channel"].items()]
    if item.get("transcript_by_speaker") and item["channels"] == 2:
        roles = {segment["speaker"]: segment["channel"] for segment in item["segments"]}
        return [(roles[speaker], language, text) for speaker, text in item["transcript_by_speaker"].items()]
    if language == "mixed zh" or item["kind"] in ("mixed", "long"):
        return []
    return [(None, language, item["transcript"])] if item.get("transcript") else []


def measured(command: list[str], environment: dict[str, str]) -> tuple[list[dict], float, float]:
    """JSON lines of a command, wall and CPU seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    ran = subprocess.run(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")], wall, cpu


def run_earmark(files: list[str]) -> tuple[dict, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "EARMARK__DATABASE__URL": f"sqlite:{folder}/earmark.sqlite",
            "EARMARK__STORAGE__OUTPUT": f"{folder}/output",
            "EARMARK__ASR__THREADS": str(THREADS),
        }
        lines, wall, cpu = measured([str(ROOT / "target/release/earmark"), "run", "--json", *files], environment)
    heard: dict = {}
    for report in lines:
        for utterance in report.get("utterances", []):
            heard.setdefault(report["recording"]["uri"], []).append((utterance["channel"], utterance["text"]))
    return heard, wall, cpu


def run_peer(items: list[dict], batch: int) -> tuple[dict, float, float]:
    heard: dict = {}
    wall = cpu = 0.0
    groups: dict = {}
    for item in items:
        groups.setdefault((item["channels"] == 2, (item["language"] or "")[:2] == "zh"), []).append(str(FIXTURES / item["file"]))
    for (by_channel, is_chinese), files in groups.items():
        command = [str(VENV / "bin/python"), str(ROOT / "benches/peers/faster_whisper.py"), *files]
        command += ["--model", str(ROOT / "engine/model"), "--threads", str(THREADS), "--batch", str(batch), "--words"]
        command += ["--channels"] if by_channel else []
        command += ["--language", "zh", "--prompt", CHINESE_PROMPT] if is_chinese else []
        lines, took, used = measured(command, {})
        wall, cpu = wall + took, cpu + used
        for line in lines:
            if "error" in line:
                heard[line["file"]] = None
            else:
                heard.setdefault(line["file"], []).append((line["channel"] or 0, line["text"]))
    return heard, wall, cpu


def text_of(heard: dict, file: str, channel: int | None, language: str) -> str:
    joint = "" if language == "zh" else " "
    return joint.join(text for at, text in heard.get(file, []) if channel is None or at == channel)


def main() -> int:
    if not (VENV / "bin/python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    subprocess.run([str(VENV / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True)
    if pathlib.Path(sys.prefix) != VENV:
        os.execv(str(VENV / "bin/python"), [str(VENV / "bin/python"), __file__])

    items = [item for item in json.loads((FIXTURES / "manifest.json").read_text())["items"] if item["expect"] == "ok" and expected(item)]
    # Containers that the peer's decoder cannot tell from noise (no header), and copies of one recording in many codecs.
    items = [item for item in items if not item["file"].endswith((".gsm", ".g722")) and not item["file"].startswith("broken/")]
    files = [str(FIXTURES / item["file"]) for item in items]
    runs = {EARMARK: run_earmark(files), PEER: run_peer(items, 0), BATCHED: run_peer(items, 4)}
    audio = sum(item["duration_s"] * item["channels"] for item in items)

    rows, totals, phrases = [], {}, {}
    for item in items:
        file = str(FIXTURES / item["file"])
        for channel, language, said in expected(item):
            said_tokens = tokens(said, language)
            row = [item["file"] + ("" if channel is None else f" [{channel}]"), language, str(len(said_tokens))]
            is_comparable = all(heard.get(file, []) is not None for heard, _, _ in runs.values())
            for name, (heard, _, _) in runs.items():
                if heard.get(file, []) is None:
                    row.append("cannot decode")
                    continue
                wrong = edits(said_tokens, tokens(text_of(heard, file, channel, language), language))
                if is_comparable:
                    group = totals.setdefault((item["file"].split("/")[0], language), {}).setdefault(name, [0, 0])
                    group[0] += wrong
                    group[1] += len(said_tokens)
                row.append(f"{wrong / len(said_tokens):.3f}")
            rows.append(row)
        for phrase in item.get("phrases") or []:
            if phrase["kind"] not in ("planted", "required") or any(heard.get(file, []) is None for heard, _, _ in runs.values()):
                continue
            language = item["language"][:2]
            channel = phrase["channel"] if item["channels"] == 2 else None
            for name, (heard, _, _) in runs.items():
                found = phrase_found(phrase["phrase"], text_of(heard, file, channel, language), language)
                phrases.setdefault((language, name), []).append((found, phrase["phrase"], item["file"]))

    write(rows, totals, phrases, audio, {name: (wall, cpu) for name, (_, wall, cpu) in runs.items()})
    return 0


def write(rows, totals, phrases, audio, took) -> None:
    lines = [
        "# Accuracy and speed of the built-in engine",
        "",
        "Written by `make accuracy` (benches/accuracy.py); the bad figures too. Whisper base, int8, on both sides:",
        "`earmark run` beside faster-whisper 1.2.1 (its own speech detection, beam 1, word times, each channel by itself,",
        "language and prompt given for Chinese recordings). Word error rate for English, character error rate for Chinese;",
        "punctuation, case and the spelling of numbers do not count. What the peer cannot decode is left out of the sums.",
        "Units are words or characters: 0.12 means that 12 of 100 are wrong. Compare speeds by their ratios and by CPU time:",
        "the machine may have been busy, for both sides alike.",
        "",
        "## Speed, all recordings in one run",
        "",
        f"{audio:.0f} s of audio (channels counted one by one), {THREADS} threads, loading included.",
        "",
        "| | wall s | CPU s | × real time, wall | × real time a core |",
        "|---|---|---|---|---|",
    ]
    for name, (wall, cpu) in took.items():
        lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} | {audio / wall:.1f} | {audio / cpu:.1f} |")
    lines += ["", "## Error rates by group", "", f"| group | language | units | {EARMARK} | {PEER} | {BATCHED} |", "|---|---|---|---|---|---|"]
    for (group, language), by_name in sorted(totals.items()):
        rates = " | ".join(f"{wrong / units:.3f}" for wrong, units in by_name.values())
        lines.append(f"| {group} | {language} | {by_name[EARMARK][1]} | {rates} |")
    lines += ["", "## Phrases planted in calls", "", "| language | of | who | exact | by sound | missed |", "|---|---|---|---|---|---|"]
    for (language, name), found in sorted(phrases.items()):
        count = {kind: sum(1 for one in found if one[0] == kind) for kind in ("exact", "sound", "missed")}
        lines.append(f"| {language} | {len(found)} | {name} | {count['exact']} | {count['sound']} | {count['missed']} |")
    missed = sorted({f"`{phrase}` ({file})" for (_, name), found in phrases.items() if name == EARMARK for kind, phrase, file in found if kind == "missed"})
    lines += ["", "Missed by earmark: " + ("; ".join(missed) if missed else "none") + "."]
    lines += ["", "## Recording by recording", "", "A number in brackets is a channel.", "", f"| recording | language | units | {EARMARK} | {PEER} | {BATCHED} |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    (ROOT / "docs/accuracy.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[: lines.index("## Recording by recording")]))


if __name__ == "__main__":
    sys.exit(main())
