"""Writes docs/boundaries.md: what cutting recordings into clips costs the built-in engine, and how exact the times are.

`boundaries.py [FOLDER…]`: folders with recordings and a manifest.json beside tests/fixtures. Three ways to the same text:

* cut: `earmark run` as it is, clips packed to 16 s and to 28 s
* uncut: the recording parted beforehand where the manifest says that nobody speaks, into files of at most 16 s of
  speech (28 s), so that no sentence is ever cut and no clip has two languages: the best that knowing all turns can give
* without times: the texts of the cut clips as a recogniser without times would give them, spread by `stitch`

Needs target/release/earmark and target/release/examples/stitch (`make boundaries` builds them) and ffmpeg.
"""

import array
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import wave

from accuracy import tokens

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests/fixtures"
EARMARK = pathlib.Path(os.environ.get("EARMARK_BINARY", ROOT / "target/release/earmark"))
STITCH = pathlib.Path(os.environ.get("STITCH_BINARY", ROOT / "target/release/examples/stitch"))
PACKINGS_MS = [16_000, 28_000]
RATE = 16_000
# An error this close to the end of a clip may be the cut's.
NEAR_S = 1.0
# Beside the speech of an uncut part; what the program keeps at most.
PADDING_S = 0.3


# What is said, and when.


class Passage:
    """Turns of one channel and one language that follow each other; all channels, where the recording has no turns."""

    def __init__(self, file, channel, language, turns, start_s, end_s):
        self.file, self.channel, self.language, self.turns = file, channel, language, turns
        self.start_s, self.end_s = start_s, end_s
        # Each token's time is where it would be if all of its sentence were equally long; `opens` are the exact ones.
        self.tokens, self.times, self.opens = [], [], {}
        for turn in turns:
            for part in turn.get("clauses") or [turn]:
                said = tokens(part["text"], language)
                if said and "start_s" in part:
                    self.opens[len(self.tokens)] = part["start_s"]
                start, end = part.get("start_s", 0.0), part.get("end_s", 0.0)
                self.times += [start + (end - start) * (i + 0.5) / len(said) for i in range(len(said))]
                self.tokens += said


def passages(item, path):
    """The passages of a recording, by channel and time."""
    language = (item.get("language") or "").split("-")[0]
    turns = item.get("segments")
    if not turns:
        return [Passage(path, None, language, [{"text": item["transcript"]}], 0.0, 1e9)]
    found = []
    for channel in range(item["channels"]):
        own = sorted((turn for turn in turns if item["channels"] == 1 or turn["channel"] == channel), key=lambda turn: turn["start_s"])
        groups = []
        for turn in own:
            # A recording put together from many changes its language from one to the next.
            same = groups and language.startswith("mixed") and turn["clip"] == groups[-1][-1]["clip"] and turn["start_s"] - groups[-1][-1]["end_s"] < 3
            if groups and (same or not language.startswith("mixed")):
                groups[-1].append(turn)
            else:
                groups.append([turn])
        edges = [0.0] + [(a[-1]["end_s"] + b[0]["start_s"]) / 2 for a, b in zip(groups, groups[1:])] + [1e9]
        for group, start, end in zip(groups, edges, edges[1:]):
            found.append(Passage(path, channel, (group[0].get("language") or language).split("-")[0], group, start, end))
    return found


# What is heard, and when.


def run(files, pack_to_ms, folder):
    """By file: (clips, utterances, codes of warnings); a clip is (channel, regions in samples, text)."""
    database = pathlib.Path(folder) / f"{pack_to_ms}-{len(files)}.sqlite"
    settings = {
        "EARMARK__DATABASE__URL": f"sqlite:{database}",
        "EARMARK__STORAGE__OUTPUT": f"{folder}/output",
        "EARMARK__AUDIO__PACK_TO_MS": str(pack_to_ms),
    }
    ran = subprocess.run([str(EARMARK), "run", "--json", *files], env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return heard(database, [json.loads(line) for line in ran.stdout.splitlines()])


def heard(database, reports):
    found = {}
    with sqlite3.connect(database) as rows:
        for report in reports:
            if "error" in report:
                sys.exit(f"{report['recording']['uri']}: {report['error']['message']}")
            clips = rows.execute("SELECT channel, regions, text FROM clips WHERE job_id = ? ORDER BY channel, clip_index", (report["job_id"],))
            clips = [(channel, json.loads(regions), json.loads(text)) for channel, regions, text in clips]
            found[report["recording"]["uri"]] = (clips, report["utterances"], {warning["code"] for warning in report["warnings"]})
    return found


def timed(words, language):
    """(token, start in s) of utterances' words; where a number's spelling moves words, the nearest word's time."""
    one_by_one = [(token, word["start_ms"] / 1000) for word in words for token in tokens(word["text"], language)]
    joint = "" if language == "zh" else " "
    together = tokens(joint.join(word["text"] for word in words), language)
    if len(together) == len(one_by_one):
        return [(token, time) for token, (_, time) in zip(together, one_by_one)]
    out = []
    for i, j in aligned(together, [token for token, _ in one_by_one]):
        if i is not None:
            at = j if j is not None else min(i, len(one_by_one) - 1)
            out.append((together[i], one_by_one[at][1]))
    return out


def aligned(said, heard):
    """Pairs (place in said or None, place in heard or None) of an alignment with the fewest edits."""
    rows = [list(range(len(heard) + 1))]
    for i, a in enumerate(said, 1):
        before, row = rows[-1], [i]
        for j, b in enumerate(heard, 1):
            row.append(min(before[j - 1] + (a != b), before[j] + 1, row[j - 1] + 1))
        rows.append(row)
    pairs, i, j = [], len(said), len(heard)
    while i or j:
        if i and j and rows[i][j] == rows[i - 1][j - 1] + (said[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


# Uncut.


def parts(passage, limit_s):
    """(start, end) in s of stretches that begin and end where nobody speaks, each with at most `limit_s` of speech."""
    groups = []
    for turn in sorted(passage.turns, key=lambda turn: turn["start_s"]):
        start, end = turn["start_s"], turn["end_s"]
        length = end - start + 2 * PADDING_S
        if groups and (start < groups[-1][1] + 0.02 or groups[-1][2] + length <= limit_s):
            groups[-1][1], groups[-1][2] = max(end, groups[-1][1]), groups[-1][2] + length
        else:
            groups.append([start, end, length])
    edges = [max(passage.start_s, groups[0][0] - 2)]
    edges += [(a[1] + b[0]) / 2 for a, b in zip(groups, groups[1:])]
    edges += [min(passage.end_s, groups[-1][1] + 2)]
    return list(zip(edges, edges[1:]))


def write_parts(by_file, limit_s, folder):
    """Files of the parts: path -> (passage, start in s)."""
    written = {}
    for file, found in by_file.items():
        for channel in sorted({passage.channel for passage in found}):
            mix = ["-af", f"pan=mono|c0=c{channel}"] if len({p.channel for p in found}) > 1 else ["-ac", "1"]
            raw = subprocess.run(["ffmpeg", "-v", "error", "-i", file, *mix, "-ar", str(RATE), "-f", "s16le", "-"], stdout=subprocess.PIPE, check=True).stdout
            samples = array.array("h", raw)
            for passage in found:
                if passage.channel != channel:
                    continue
                for start, end in parts(passage, limit_s):
                    path = f"{folder}/{int(limit_s)}-{len(written):05}.wav"
                    with wave.open(path, "wb") as out:
                        out.setparams((1, 2, RATE, 0, "NONE", "none"))
                        out.writeframes(samples[int(start * RATE) : int(end * RATE)].tobytes())
                    written[path] = (passage, start)
    return written


# Figures.


class Score:
    """Edits near cuts and elsewhere, and how far the starts of sentences are off."""

    def __init__(self):
        self.said = {"near": 0, "elsewhere": 0}
        self.edits = {place: {"insertion": 0, "deletion": 0, "substitution": 0} for place in self.said}
        self.cuts = 0
        self.starts = []

    def rate(self):
        return sum(sum(edits.values()) for edits in self.edits.values()) / max(1, sum(self.said.values()))

    def add(self, passage, heard, cuts):
        """`heard` are (token, start in s)."""
        near = lambda time: "near" if any(abs(time - cut) <= NEAR_S for cut in cuts) else "elsewhere"
        for time in passage.times:
            self.said[near(time)] += 1
        for i, j in aligned(passage.tokens, [token for token, _ in heard]):
            if j is None:
                self.edits[near(passage.times[i])]["deletion"] += 1
            elif i is None:
                self.edits[near(heard[j][1])]["insertion"] += 1
            else:
                if passage.tokens[i] != heard[j][0]:
                    self.edits[near(heard[j][1])]["substitution"] += 1
                elif i in passage.opens:
                    self.starts.append((passage.opens[i], heard[j][1] - passage.opens[i], passage.file))


def words_of(utterances, passage):
    """The words said in a passage, by the middle of each."""
    is_meant = lambda utterance: passage.channel in (None, utterance["channel"])
    words = [word for utterance in utterances if is_meant(utterance) for word in utterance["words"]]
    middle = lambda word: (word["start_ms"] + word["end_ms"]) / 2000
    return [word for word in words if passage.start_s <= middle(word) < passage.end_s]


def cuts_of(clips, channel):
    """Where the clips of a channel end and the next begin, in s."""
    own = [regions for at, regions, _ in clips if channel in (None, at)]
    return [time / RATE for a, b in zip(own, own[1:]) for time in (a[-1]["end"], b[0]["start"])], max(0, len(own) - 1)


def score_cut(found, outcome):
    scores = {}
    for file, own in found.items():
        clips, utterances, _ = outcome[file]
        for passage in own:
            cuts, _ = cuts_of(clips, passage.channel)
            passage.group = group(file) + (", two languages in a clip" if shares_a_clip(passage, own, clips) else "")
            key = (passage.group, passage.language)
            scores.setdefault(key, Score()).add(passage, timed(words_of(utterances, passage), passage.language), cuts)
        for channel in {passage.channel for passage in own}:
            scores[own[0].group, own[0].language].cuts += cuts_of(clips, channel)[1]
    return scores


def score_uncut(found, written, outcome):
    """As `score_cut`; `written` says which passage a part's file belongs to and when it starts."""
    words, scores, more = {}, {}, 0
    for path, (passage, start) in written.items():
        clips, utterances, _ = outcome[path]
        more += max(0, len(clips) - 1)
        for word in (word for utterance in utterances for word in utterance["words"]):
            shifted = {**word, "start_ms": word["start_ms"] + start * 1000, "end_ms": word["end_ms"] + start * 1000}
            words.setdefault(id(passage), []).append(shifted)
    for file, own in found.items():
        for passage in own:
            key = (passage.group, passage.language)
            scores.setdefault(key, Score()).add(passage, timed(words.get(id(passage), []), passage.language), [])
    return scores, more


def shares_a_clip(passage, passages, clips):
    """Whether a clip with speech of the passage also has speech of another language."""
    overlaps = lambda other, regions: any(r["start"] < other.end_s * RATE and r["end"] > other.start_s * RATE for r in regions)
    others = [other for other in passages if other.language != passage.language]
    return any(overlaps(passage, regions) and any(overlaps(other, regions) for other in others) for _, regions, _ in clips)


def group(file):
    return pathlib.Path(file).parent.name


def recording_s(regions, clip_ms):
    """A time of a clip in the recording, in s."""
    at = clip_ms * RATE // 1000
    for region in regions:
        length = region["end"] - region["start"]
        if at < length:
            return (region["start"] + at) / RATE
        at -= length
    return regions[-1]["end"] / RATE


def letters(text):
    return "".join(text.split())


def score_estimates(found, outcome):
    """(file, time in s, error in s) of each estimated utterance's start by its first word's own time; and of all
    (words that are in another turn's utterance, words)."""
    lines, clips_of = [], []
    for file in found:
        for channel in {clip[0] for clip in outcome[file][0]}:
            clips = [clip for clip in outcome[file][0] if clip[0] == channel]
            clips_of.append((file, clips))
            lines.append(json.dumps([[{"key": {"channel": 0, "index": i}, "regions": regions}, text] for i, (_, regions, text) in enumerate(clips)]))
    ran = subprocess.run([str(STITCH), "estimated"], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, check=True)
    errors, elsewhere, count = [], 0, 0
    for (file, clips), line in zip(clips_of, ran.stdout.splitlines()):
        times = []
        for _, regions, text in clips:
            for segment in text["segments"]:
                for word in segment["words"]:
                    times += [(c, recording_s(regions, word["start_ms"]), k == 0) for k, c in enumerate(letters(word["text"]))]
        utterances, at = json.loads(line), 0
        assert [c for c, _, _ in times] == [c for u in utterances for c in letters(u["text"])], f"{file}: stitching lost something"
        for utterance in utterances:
            own = times[at : at + len(letters(utterance["text"]))]
            at += len(own)
            errors.append((file, own[0][1], utterance["start_ms"] / 1000 - own[0][1]))
            count += sum(opens for _, _, opens in own)
            elsewhere += sum(opens and not utterance["start_ms"] - 300 <= time * 1000 <= utterance["end_ms"] + 300 for _, time, opens in own)
    return errors, elsewhere, count


# The page.


def milliseconds(errors):
    """Median of the sizes, median with its sign, 90th percentile of the sizes; of errors in s."""
    if not errors:
        return "– | – | –"
    sizes = sorted(abs(error) * 1000 for error in errors)
    return f"{statistics.median(sizes):.0f} | {statistics.median(errors) * 1000:+.0f} | {sizes[len(sizes) * 9 // 10]:.0f}"


def per_hundred(count, said):
    return f"{100 * count / said:.2f}" if said else "–"


def summed(scores):
    total = Score()
    for score in scores:
        total.cuts += score.cuts
        total.starts += score.starts
        for place in total.said:
            total.said[place] += score.said[place]
            for kind in total.edits[place]:
                total.edits[place][kind] += score.edits[place][kind]
    return total


def page(cut, uncut, estimates):
    lines = [
        "# What cutting costs",
        "",
        "Written by `make boundaries` (benches/boundaries.py) with the built-in engine; the bad figures too. Errors are",
        "counted as in docs/accuracy.md: words of English, characters of Chinese. That cutting by itself loses and doubles",
        "no word is shown exactly, with a recogniser that knows every word's time, by `workers/pipeline/tests/boundaries.rs`.",
        "",
        "## Near cuts and elsewhere",
        "",
        f"Errors for each 100 words or characters said within {NEAR_S:.0f} s of the end or beginning of a clip that another",
        "clip of its channel follows or precedes, beside those elsewhere.",
        "",
        "| clips up to | recordings | language | cuts | said near | insertions | deletions | substitutions | said elsewhere | insertions | deletions | substitutions |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for packing, scores in cut.items():
        for (name, language), score in sorted(scores.items()) + [(("all", ""), summed(scores.values()))]:
            cells = []
            for place in ("near", "elsewhere"):
                said, edits = score.said[place], score.edits[place]
                cells += [str(said)] + [per_hundred(edits[kind], said) for kind in ("insertion", "deletion", "substitution")]
            lines.append(f"| {packing // 1000} s | {name} | {language} | {score.cuts} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Cut and uncut",
        "",
        "Uncut: the recording parted beforehand where the manifest says that nobody speaks, so that no sentence is cut and no",
        "clip has two languages. Error rates in percent, and by how many points cutting is worse (+) or better (-).",
        "Only recordings whose turns are known and whose channels do not leak; of the others each is one clip anyhow.",
        "`long` and `mixed` are put together from English and Chinese calls: a clip that spans a change of language is heard in",
        "one of the two, which no other place of the cuts would help.",
        "",
        "| clips up to | recordings | language | said | cut | uncut | points |",
        "|---|---|---|---|---|---|---|",
    ]
    for packing, (same, scores, more) in uncut.items():
        both = [(key, same[key], score) for key, score in sorted(scores.items())]
        both.append((("all", ""), summed(a for _, a, _ in both), summed(b for _, _, b in both)))
        for (name, language), a, b in both:
            rates = [100 * a.rate(), 100 * b.rate()]
            lines.append(f"| {packing // 1000} s | {name} | {language} | {sum(b.said.values())} | {rates[0]:.2f} | {rates[1]:.2f} | {rates[0] - rates[1]:+.2f} |")
        lines += ["", f"{more} of the uncut parts at {packing // 1000} s became more than one clip all the same.", ""]
    lines += [
        "## Start times",
        "",
        "How far the start of a sentence's first word lies from the start of the sentence in the manifest, in ms; only words",
        "that were heard right can be found. Median of the sizes, median with its sign (+ is late), 90th percentile.",
        "",
        "| clips up to | recordings | sentences | median | signed | 90 % |",
        "|---|---|---|---|---|---|",
    ]
    for packing, scores in cut.items():
        starts = [start for score in scores.values() for start in score.starts]
        for name in sorted({group(file) for _, _, file in starts}) + ["all"]:
            errors = [error for _, error, file in starts if name in ("all", group(file))]
            lines.append(f"| {packing // 1000} s | {name} | {len(errors)} | {milliseconds(errors)} |")
        for quarter in range(4):
            errors = [error for time, error, file in starts if group(file) == "long" and time // 900 == quarter]
            lines.append(f"| {packing // 1000} s | long, quarter {quarter + 1} | {len(errors)} | {milliseconds(errors)} |")
    lines += [
        "",
        "## Start times where the recogniser gives none",
        "",
        "The same texts without their times, spread over the speech as for GLM-ASR: how far an utterance's start lies from its",
        "first word's own time, in ms, and of 100 words how many went to an utterance more than 300 ms away from them.",
        "",
        "| clips up to | recordings | utterances | median | signed | 90 % | words misplaced |",
        "|---|---|---|---|---|---|---|",
    ]
    for packing, (errors, elsewhere, count) in estimates.items():
        for name in sorted({group(file) for file, _, _ in errors}) + ["all"]:
            own = [error for file, _, error in errors if name in ("all", group(file))]
            lines.append(f"| {packing // 1000} s | {name} | {len(own)} | {milliseconds(own)} | {per_hundred(elsewhere, count) if name == 'all' else ''} |")
        for quarter in range(4):
            own = [error for file, time, error in errors if group(file) == "long" and time // 900 == quarter]
            lines.append(f"| {packing // 1000} s | long, quarter {quarter + 1} | {len(own)} | {milliseconds(own)} | |")
    return "\n".join(lines) + "\n"


def material(folders):
    """By file: its passages; each recording once, those that end well and in which something known is said."""
    found, seen = {}, set()
    for folder in folders:
        for item in json.loads((folder / "manifest.json").read_text())["items"]:
            is_new = item["file"] not in seen and item["expect"] == "ok" and (item.get("transcript") or item.get("segments"))
            # Copies of one recording in many containers say nothing new.
            if not is_new or item["file"].startswith(("broken/", "formats/")):
                continue
            seen.add(item["file"])
            found[str(folder / item["file"])] = passages(item, str(folder / item["file"]))
    return found


def main():
    found = material([FIXTURES] + [pathlib.Path(folder).resolve() for folder in sys.argv[1:]])
    # ffmpeg leaves out the silence of AMR, and with it the times.
    with_turns = {file: own for file, own in found.items() if own[0].opens and not file.endswith(".amr")}
    cut, uncut, estimates = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for packing in PACKINGS_MS:
            outcome = run(list(found), packing, folder)
            cut[packing] = score_cut(found, outcome)
            estimates[packing] = score_estimates(found, outcome)
            # A channel by itself cannot be told from what leaks into it.
            parted = {file: own for file, own in with_turns.items() if "channel_leakage" not in outcome[file][2]}
            written = write_parts(parted, packing / 1000, folder)
            uncut[packing] = (score_cut(parted, outcome), *score_uncut(parted, written, run(list(written), packing, folder)))
    text = page(cut, uncut, estimates)
    (ROOT / "docs/boundaries.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
