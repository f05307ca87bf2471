"""Writes docs/formats.md: recordings as programs write them, container by container and codec by codec, each made here from
one source and sent through `earmark run`: is its length the source's, within 50 ms, and are its words the source's?

Needs target/release/earmark with its engine, and ffmpeg, lame, sox and oggenc (Debian: lame sox vorbis-tools); what a
missing program would have written is left out, and said. Then decoding alone, beside ffmpeg's: `--speed` needs
target/release/examples/decode (`cargo build --release -p earmark-audio --example decode`), and `--earlier PROGRAM` puts the
figures of an earlier build of it in the same table. `--only TEXT` makes rows whose name holds TEXT and prints only.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "target/release/earmark"
DECODE = ROOT / "target/release/examples/decode"
SOURCE = ROOT / "tests/fixtures/real/austen0870.flac"
SECOND = ROOT / "tests/fixtures/real/austen0880.flac"
SLACK_MS = 50
ROUNDS = 3

# Container, codec, name, how it is written. {in}: the source, 16 kHz mono; {in8}: at 8 kHz; {stereo}: on both channels, the
# second 0.5 s later; {out}: the file. A pipe writes what its program cannot come back to: no lengths, no table of contents.
ROWS = [
    ("WAV", "pcm_s16le", "s16.wav", "ffmpeg -i {in} {out}"),
    ("WAV", "pcm_u8", "u8.wav", "ffmpeg -i {in} -c:a pcm_u8 {out}"),
    ("WAV", "pcm_s24le", "s24.wav", "ffmpeg -i {in} -c:a pcm_s24le {out}"),
    ("WAV", "pcm_f32le", "f32.wav", "ffmpeg -i {in} -c:a pcm_f32le {out}"),
    ("WAV", "pcm_alaw", "alaw.wav", "ffmpeg -i {in8} -c:a pcm_alaw {out}"),
    ("WAV", "pcm_mulaw", "mulaw.wav", "ffmpeg -i {in8} -c:a pcm_mulaw {out}"),
    ("WAV", "pcm_s16le, 44.1 kHz", "s16-44100.wav", "ffmpeg -i {in} -ar 44100 {out}"),
    ("WAV", "pcm_s16le, stereo", "two.wav", "ffmpeg -i {stereo} {out}"),
    ("WAV", "pcm_s16le, streamed", "piped.wav", "ffmpeg -i {in} -f wav - > {out}"),
    ("WAV", "pcm_s16le, streamed", "piped-sox.wav", "sox {in} -t wav - > {out}"),
    ("WAV", "gsm_ms", "gsm.wav", "ffmpeg -i {in8} -c:a libgsm_ms {out}"),
    ("WAV", "gsm_ms", "gsm-sox.wav", "sox {in8} -e gsm-full-rate {out}"),
    ("WAV", "adpcm_ima_wav", "ima.wav", "ffmpeg -i {in} -c:a adpcm_ima_wav {out}"),
    ("WAV", "adpcm_ms", "ms.wav", "ffmpeg -i {in} -c:a adpcm_ms {out}"),
    ("WAV", "adpcm_g726", "g726.wav", "ffmpeg -i {in8} -c:a g726 -b:a 32k {out}"),
    ("WAV", "mp3", "mp3.wav", "ffmpeg -i {in} -c:a libmp3lame -f wav {out}"),
    ("RF64", "pcm_s16le", "long.rf64", "ffmpeg -i {in} -rf64 always -f wav {out}"),
    ("W64", "pcm_s16le", "sony.w64", "ffmpeg -i {in} {out}"),
    ("W64", "pcm_s16le, streamed", "piped.w64", "ffmpeg -i {in} -f w64 - > {out}"),
    ("AIFF", "pcm_s16be", "apple.aiff", "ffmpeg -i {in} {out}"),
    ("AIFF", "pcm_s16be, streamed", "piped.aiff", "ffmpeg -i {in} -f aiff - > {out}"),
    ("AU", "pcm_mulaw", "sun.au", "ffmpeg -i {in8} -c:a pcm_mulaw {out}"),
    ("CAF", "pcm_s16be", "apple.caf", "ffmpeg -i {in} {out}"),
    ("CAF", "alac", "alac.caf", "ffmpeg -i {in} -c:a alac {out}"),
    ("CAF", "opus", "opus.caf", "ffmpeg -i {in} -c:a libopus {out}"),
    ("MP3", "constant rate", "cbr.mp3", "ffmpeg -i {in} -b:a 32k {out}"),
    ("MP3", "variable rate", "vbr.mp3", "ffmpeg -i {in} -q:a 5 {out}"),
    ("MP3", "variable rate, streamed", "vbr-piped.mp3", "ffmpeg -i {in} -q:a 5 -f mp3 - > {out}"),
    ("MP3", "variable rate, streamed, 44.1 kHz", "vbr-piped-44100.mp3", "ffmpeg -i {in} -ar 44100 -q:a 5 -f mp3 - > {out}"),
    ("MP3", "8 kHz with an info frame", "info-8k.mp3", "ffmpeg -i {in8} -q:a 5 {out}"),
    ("MP3", "8 kHz, streamed", "piped-8k.mp3", "ffmpeg -i {in8} -q:a 5 -f mp3 - > {out}"),
    ("MP3", "stereo", "two.mp3", "ffmpeg -i {stereo} -b:a 64k {out}"),
    ("MP3", "lame, constant rate", "lame-cbr.mp3", "lame --quiet -b 32 {in} {out}"),
    ("MP3", "lame, variable rate, streamed", "lame-piped.mp3", "lame --quiet -V 5 {in} - > {out}"),
    ("MP3", "lame, no info frame", "lame-t.mp3", "lame --quiet -t -V 5 {in} {out}"),
    ("MP3", "lame, 8 kHz, no info frame", "lame-t-8k.mp3", "lame --quiet -t -V 5 {in8} {out}"),
    ("MP3", "sox, variable rate, streamed", "sox-piped.mp3", "sox {in} -t mp3 -C -5.2 - > {out}"),
    ("MP2", "layer II", "layer2.mp2", "ffmpeg -i {in} -c:a mp2 {out}"),
    ("AAC", "ADTS", "raw.aac", "ffmpeg -i {in} {out}"),
    ("MP4", "aac", "sound.m4a", "ffmpeg -i {in} {out}"),
    ("MP4", "aac, index first", "fast.m4a", "ffmpeg -i {in} -movflags +faststart {out}"),
    ("MP4", "aac, fragments", "fragments.mp4", "ffmpeg -i {in} -movflags frag_keyframe+empty_moov {out}"),
    ("MP4", "aac, two tracks", "tracks.mp4", "ffmpeg -i {in} -i {in} -map 0 -map 1 {out}"),
    ("MP4", "alac", "lossless.m4a", "ffmpeg -i {in} -c:a alac {out}"),
    ("MP4", "opus", "opus.mp4", "ffmpeg -i {in} -c:a libopus {out}"),
    ("MOV", "pcm_s16le", "s16.mov", "ffmpeg -i {in} -c:a pcm_s16le {out}"),
    ("MOV", "adpcm_ima_qt", "ima4.mov", "ffmpeg -i {in} -c:a adpcm_ima_qt {out}"),
    ("MOV", "pcm_mulaw", "mulaw.mov", "ffmpeg -i {in8} -c:a pcm_mulaw {out}"),
    ("3GP", "amr_nb", "phone.3gp", "ffmpeg -i {in8} -c:a libopencore_amrnb -b:a 12.2k {out}"),
    ("3GP", "amr_wb", "phone-wb.3gp", "ffmpeg -i {in} -c:a libvo_amrwbenc {out}"),
    ("Matroska", "opus", "opus.mka", "ffmpeg -i {in} -c:a libopus {out}"),
    ("Matroska", "pcm_mulaw", "mulaw.mkv", "ffmpeg -i {in8} -c:a pcm_mulaw {out}"),
    ("Matroska", "amr_nb", "amr.mkv", "ffmpeg -i {in8} -c:a libopencore_amrnb -b:a 12.2k {out}"),
    ("Matroska", "wmav2", "wma.mkv", "ffmpeg -i {in} -c:a wmav2 {out}"),
    ("Matroska", "two tracks", "tracks.mkv", "ffmpeg -i {in} -i {in} -map 0 -map 1 -c:a libopus {out}"),
    ("WebM", "opus", "opus.webm", "ffmpeg -i {in} -c:a libopus {out}"),
    ("WebM", "vorbis", "vorbis.webm", "ffmpeg -i {in} -c:a libvorbis {out}"),
    ("Ogg", "opus", "sound.opus", "ffmpeg -i {in} -c:a libopus {out}"),
    ("Ogg", "opus, two streams side by side", "tracks.ogg", "ffmpeg -i {in} -i {in} -map 0 -map 1 -c:a libopus {out}"),
    ("Ogg", "vorbis", "sound.ogg", "ffmpeg -i {in} -c:a libvorbis {out}"),
    ("Ogg", "vorbis, oggenc", "oggenc.ogg", "oggenc -Q -o {out} {in}"),
    ("Ogg", "flac", "flac.ogg", "ffmpeg -i {in} -c:a flac {out}"),
    ("Ogg", "speex", "speex.ogg", "ffmpeg -i {in} -c:a libspeex {out}"),
    ("FLAC", "flac", "sound.flac", "ffmpeg -i {in} {out}"),
    ("AMR", "amr_nb", "phone.amr", "ffmpeg -i {in8} -c:a libopencore_amrnb -b:a 12.2k {out}"),
    ("AMR", "amr_wb", "phone.awb", "ffmpeg -i {in} -c:a libvo_amrwbenc -f amr {out}"),
    ("ASF", "wmav2", "windows.wma", "ffmpeg -i {in} -c:a wmav2 {out}"),
    ("AVI", "mp3", "old.avi", "ffmpeg -i {in} -c:a libmp3lame {out}"),
    ("FLV", "aac", "flash.flv", "ffmpeg -i {in} -c:a aac {out}"),
    ("MPEG-TS", "aac", "stream.ts", "ffmpeg -i {in} -c:a aac {out}"),
    ("MPEG-PS", "mp2", "program.mpg", "ffmpeg -i {in} -c:a mp2 -f mpeg {out}"),
    ("AC-3", "ac3", "sound.ac3", "ffmpeg -i {in} -ar 48000 -c:a ac3 {out}"),
    ("none", "pcm_alaw", "raw.alaw", "ffmpeg -i {in8} -c:a pcm_alaw -f alaw {out}"),
    ("none", "pcm_mulaw", "raw.ulaw", "ffmpeg -i {in8} -c:a pcm_mulaw -f mulaw {out}"),
    ("none", "pcm_s16le", "raw.sln", "ffmpeg -i {in8} -f s16le {out}"),
    ("none", "pcm_s16le, 16 kHz", "raw.sln16", "ffmpeg -i {in} -f s16le {out}"),
    ("none", "pcm_s16le, 48 kHz", "raw.sln48", "ffmpeg -i {in} -ar 48000 -f s16le {out}"),
    ("none", "gsm", "raw.gsm", "ffmpeg -i {in8} -c:a libgsm -f gsm {out}"),
    ("none", "g722", "raw.g722", "ffmpeg -i {in} -c:a g722 -f g722 {out}"),
    ("none", "g726, RFC 3551's order", "raw.g726-32", "ffmpeg -i {in8} -c:a g726le -b:a 32k -f g726le {out}"),
    ("none", "adpcm_ima_oki", "dialogic.vox", "sox {in8} -t vox -r 8000 {out}"),
    ("none", "sbc", "headset.sbc", "ffmpeg -i {in} -c:a sbc -f sbc {out}"),
    ("none", "msbc", "headset.msbc", "ffmpeg -i {in} -c:a sbc -msbc true -f sbc {out}"),
]

# What is measured for speed: an hour of each.
SPEED = ["mulaw.wav", "s16-44100.wav", "vbr.mp3", "sound.m4a", "sound.opus", "opus.mka", "sound.ogg", "sound.flac", "raw.aac"]


def sources(folder: pathlib.Path) -> dict:
    """The source in the shapes that programs take: speech, a pause of 4 s, speech."""
    speech, stereo, narrow = folder / "in.wav", folder / "stereo.wav", folder / "in8.wav"
    graph = "[0:a]apad=pad_dur=4[a];[a][1:a]concat=n=2:v=0:a=1"
    run(f"ffmpeg -i {SOURCE} -i {SECOND} -filter_complex {graph} -ar 16000 -bitexact {speech}")
    run(f"ffmpeg -i {speech} -ar 8000 -bitexact {narrow}")
    run(f"ffmpeg -i {speech} -filter_complex [0:a]pan=stereo|c0=c0|c1=c0,adelay=0|500 -bitexact {stereo}")
    return {"in": speech, "in8": narrow, "stereo": stereo}


def run(command: str) -> None:
    words = [word if word != "ffmpeg" else "ffmpeg -nostdin -loglevel error -y" for word in [command.split()[0]]]
    rest = command[len(command.split()[0]):]
    quoted = re.sub(r"(\[[^ ]+)", lambda graph: shlex.quote(graph.group(1)), rest)
    subprocess.run(words[0] + quoted, shell=True, check=True)


def reports(files: list, folder: pathlib.Path) -> list:
    settings = {
        "EARMARK__DATABASE__URL": f"sqlite:{folder}/formats.sqlite",
        "EARMARK__STORAGE__OUTPUT": f"{folder}/out",
        "EARMARK__ASR__LANGUAGE": "en",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EARMARK__")}
    command = [str(PROGRAM), "run", "--json", *map(str, files)]
    done = subprocess.run(command, env=kept | settings, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {pathlib.Path(line["recording"]["uri"]).name: line for line in lines}


def words(report: dict, channel: int = 0) -> list:
    text = " ".join(said["text"] for said in report["utterances"] if said["channel"] == channel)
    plain = unicodedata.normalize("NFKC", text).lower()
    return re.findall(r"[a-z0-9']+", plain)


def different(said: list, other: list) -> int:
    """Words to be changed, left out or put in."""
    row = list(range(len(other) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, against in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != against))
    return row[-1]


def measure(command: list) -> tuple:
    """CPU seconds with those of children, and peak MB of the whole process: the least of some rounds."""
    best = None
    for _ in range(ROUNDS):
        script = "import resource,subprocess,sys;subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL,check=True);u=resource.getrusage(resource.RUSAGE_CHILDREN);print(u.ru_utime+u.ru_stime,u.ru_maxrss/1024)"
        out = subprocess.run(["python3", "-c", script, *command], capture_output=True, text=True, check=True).stdout.split()
        figures = (float(out[0]), float(out[1]))
        best = figures if best is None else min(best, figures)
    return best


def speed(folder: pathlib.Path, shapes: dict, earlier: str) -> list:
    hour = folder / "hour.wav"
    subprocess.run(
        f"ffmpeg -nostdin -loglevel error -y -stream_loop -1 -i {shapes['in']} -t 3600 {hour}", shell=True, check=True
    )
    commands = {name: command for _, _, name, command in ROWS}
    lines = ["| an hour of | earmark, CPU s (MB) | " + ("earlier build | " if earlier else "") + "ffmpeg |", "|---|" + "---|" * (3 if earlier else 2)]
    for name in SPEED:
        path = folder / f"hour-{name}"
        run(commands[name].format(**{"in": hour, "in8": hour, "stereo": hour}, out=path))
        shown = [measure([str(DECODE), str(path)])]
        if earlier:
            shown.append(measure([earlier, str(path)]))
        samples = folder / "samples"
        shown.append(measure(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-threads", "1", "-i", str(path), "-ar", "16000", "-f", "s16le", str(samples)]))
        lines.append(f"| {name} | " + " | ".join(f"{cpu:.2f} ({mb:.0f})" for cpu, mb in shown) + " |")
        print(lines[-1], flush=True)
        path.unlink()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--earlier", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="formats-") as made:
        folder = pathlib.Path(made)
        shapes = sources(folder)
        files, missing, rows = [], [], []
        for row in ROWS:
            container, codec, name, command = row
            if arguments.only not in name:
                continue
            program = command.split()[0]
            if shutil.which(program) is None:
                missing.append(f"{container}, {codec} ({program})")
                continue
            try:
                run(command.format(**shapes, out=folder / name))
            except subprocess.CalledProcessError:
                missing.append(f"{container}, {codec} (this {program} does not write it)")
                continue
            files.append(folder / name)
            rows.append(row)
        found = reports([*shapes.values(), *files], folder)
        length_ms = {name: found[path.name]["recording"]["duration_ms"] for name, path in shapes.items()}
        lines = ["| container | codec, and how it was written | length off by | words of the source that differ | warnings |", "|---|---|---|---|---|"]
        bad = 0
        for container, codec, name, command in rows:
            shape = next(shape for shape in ("in8", "stereo", "in") if "{" + shape + "}" in command)
            report = found.get(name)
            if report is None or "error" in report:
                error = "no answer" if report is None else report["error"]["message"]
                lines.append(f"| {container} | {codec} | | **{error}** | |")
                bad += 1
                continue
            off = report["recording"]["duration_ms"] - length_ms[shape]
            said, heard = words(found[shapes[shape].name]), words(report)
            differ = different(said, heard)
            codes = ", ".join(warning["code"] for warning in report["warnings"])
            is_bad = abs(off) > SLACK_MS
            bad += is_bad
            shown = f"**{off} ms**" if is_bad else f"{off} ms"
            lines.append(f"| {container} | {codec}: `{command.split('{')[0].split()[0]}` | {shown} | {differ} of {len(said)} | {codes} |")
        print("\n".join(lines))
        if arguments.only:
            return
        table = speed(folder, shapes, arguments.earlier) if arguments.speed else []
    write(lines, table, missing, bad, len(rows), bool(arguments.earlier))


def write(lines: list, table: list, missing: list, bad: int, rows: int, has_earlier: bool) -> None:
    version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout.split()[2]
    text = [
        "# What is read, and how well",
        "",
        f"Made by `python3 benches/formats.py --speed` on {platform.machine()}, ffmpeg {version}. One source (speech, a pause of 4 s, speech) was",
        f"written in {rows} ways and sent through `earmark run`, the built-in engine listening. Length is compared with the source's,",
        f"{SLACK_MS} ms are allowed; {bad} of {rows} are further off, in bold. Words are compared with what is heard in the source at the same",
        "rate: what a codec takes away changes a word now and then. What is too long is silence that an encoder put in front and",
        "behind (up to 1105 samples and a last frame) where the file does not say so: no sound is missing or filled up.",
        "",
        *lines,
        "",
    ]
    if missing:
        text += [f"Left out, for want of the program: {'; '.join(missing)}.", ""]
    if table:
        text += [
            "## Speed and memory of decoding",
            "",
            f"CPU seconds and peak memory for an hour of each, the best of {ROUNDS}, one after the other in one run.",
            "",
            *table,
            "",
        ]
    (ROOT / "docs/formats.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
