"""faster-whisper on the same recordings, model and threads as earmark's built-in engine.

Prints one JSON line per recording (per channel with --channels):
file, channel, language, text, segments (start_ms, end_ms, text), audio_secs, wall_secs, cpu_secs.

Needs a virtual environment: python3 -m venv VENV && VENV/bin/pip install faster-whisper==1.2.1 ctranslate2==4.8.4
"""

import argparse
import json
import os
import resource
import sys
import time

# This file has the library's name: do not look for the library here.
sys.path.pop(0)

SAMPLE_RATE_HZ = 16_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="recordings in any format that PyAV decodes")
    parser.add_argument("--model", default="engine/model", help="CTranslate2 Whisper folder (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="compute threads (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=0, help="clips in a batch; 0: one window after another (default)")
    parser.add_argument("--beam", type=int, default=1, help="hypotheses (default: %(default)s; the library's own is 5)")
    parser.add_argument("--language", help="ISO 639-1; detected for each recording when not given")
    parser.add_argument("--prompt", help="initial prompt, such as 以下是普通话的句子。 for simplified characters")
    parser.add_argument("--no-vad", action="store_true", help="do not look for speech first")
    parser.add_argument("--words", action="store_true", help="word times")
    parser.add_argument("--channels", action="store_true", help="each channel of a two-channel recording by itself")
    return parser.parse_args()


def cpu_secs():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def decode(path, by_channel):
    from faster_whisper.audio import decode_audio

    if by_channel:
        left, right = decode_audio(path, sampling_rate=SAMPLE_RATE_HZ, split_stereo=True)
        return [(0, left), (1, right)]
    return [(None, decode_audio(path, sampling_rate=SAMPLE_RATE_HZ))]


def load(options):
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model = WhisperModel(options.model, device="cpu", compute_type="int8", cpu_threads=options.threads)
    return BatchedInferencePipeline(model) if options.batch else model


def transcribe(model, audio, options):
    settings = {
        "language": options.language,
        "beam_size": options.beam,
        "initial_prompt": options.prompt,
        "vad_filter": not options.no_vad,
        "word_timestamps": options.words,
    }
    if options.batch:
        settings |= {"batch_size": options.batch, "without_timestamps": False}
    segments, info = model.transcribe(audio, **settings)
    return list(segments), info.language


def main():
    options = arguments()
    # The libraries below size their thread pools when they are loaded.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    model = load(options)
    for path in options.files:
        # Decoding is no part of these figures.
        try:
            channels = decode(path, options.channels)
        except Exception as error:
            print(json.dumps({"file": path, "error": str(error)}), flush=True)
            continue
        for channel, audio in channels:
            wall, cpu = time.perf_counter(), cpu_secs()
            segments, language = transcribe(model, audio, options)
            wall, cpu = time.perf_counter() - wall, cpu_secs() - cpu
            line = {
                "file": path,
                "channel": channel,
                "language": language,
                "text": "".join(segment.text for segment in segments).strip(),
                "segments": [
                    {
                        "start_ms": round(segment.start * 1000),
                        "end_ms": round(segment.end * 1000),
                        "text": segment.text.strip(),
                    }
                    for segment in segments
                ],
                "audio_secs": round(len(audio) / SAMPLE_RATE_HZ, 3),
                "wall_secs": round(wall, 3),
                "cpu_secs": round(cpu, 3),
            }
            print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())
