#!/usr/bin/env python3
"""Stands in for the built-in engine's process: says that its model is loaded and answers batches with a made-up text,
and goes wrong as the file beside it (its own name with .json behind it) tells:

    {"folder": "/tmp/x", "starts": [...], "proof": ..., "clips": [{"ms": [3000, 4000], "does": "crash"}, ...]}

`folder` is where it notes each start and each clip (`started` and `heard`, a line each), so that tests can count them.
`starts` has one entry for each start, the last one for all later ones. What can go wrong, with a start, the proof or a
clip of so many milliseconds: "crash", "exit", "kill", "hang", "leak", "garbage", "other_batch", "too_few", "late" (half
a second), "refuse", and for the proof "nonsense". `rungs` says the same of a way to compute: {"int8 mkl": "crash"}.
"""
import json, os, signal, socket, struct, sys, threading, time

own = json.load(open(sys.argv[0] + ".json")) if os.path.exists(sys.argv[0] + ".json") else {}
channel = socket.socket(fileno=0)
lock = threading.Lock()


def note(name, line):
    if "folder" in own:
        with open(os.path.join(own["folder"], name), "a") as file:
            file.write(line + "\n")
    return sum(1 for _ in open(os.path.join(own["folder"], name))) if "folder" in own else 1


def read(size):
    data = b""
    while len(data) < size:
        more = channel.recv(min(size - len(data), 1 << 20))
        if not more:
            os.kill(os.getpid(), signal.SIGKILL)
        data += more
    return data


def say(value):
    text = json.dumps(value).encode()
    with lock:
        channel.sendall(struct.pack("<I", len(text)) + text)


def go_wrong(how, batch=0):
    """True when there is to be no answer."""
    if how == "crash":
        print("something went wrong in the library", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGFPE)
        threading.Event().wait()  # Another thread may take the signal; nothing is said before it has.
    if how == "exit":
        print("no library", file=sys.stderr, flush=True)
        os._exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
        threading.Event().wait()
    if how == "hang":
        while threading.current_thread() is threading.main_thread():
            read(4096)  # Ends with whoever started it.
        threading.Event().wait()
    if how == "leak":
        held = []
        while True:
            held.append(bytearray(os.urandom(1) * (8 << 20)))
            time.sleep(0.005)
    if how == "garbage":
        with lock:
            channel.sendall(b"\xff\xff\xff\xffnonsense")
        return True
    if how == "other_batch":
        say({"heard": {"batch": batch + 1000, "texts": []}})
        return True
    if how == "too_few":
        say({"heard": {"batch": batch, "texts": []}})
        return True
    if how == "late":
        time.sleep(0.5)
    return False


def text(words, ms):
    segment = {"start_ms": 0, "end_ms": ms, "text": words, "confidence": 0.9}
    return {"language": "en", "segments": [segment], "time_precision": "segment"}


def heard(batch, clips):
    texts = []
    for clip, ms in clips:
        is_proof = ms == 30_000 and clip["has_words"]
        how = own.get("proof") if is_proof else None
        if not is_proof:
            note("heard", str(ms))
            wrong = [rule["does"] for rule in own.get("clips", []) if rule["ms"][0] <= ms <= rule["ms"][1] and rule.get("rung", rung) == rung]
            how = wrong[0] if wrong else None
        if is_proof and rung in own.get("rungs", {}):
            how = own["rungs"][rung]
        if how == "refuse":
            texts.append({"Err": "the library says no"})
            continue
        if how == "nonsense":
            texts.append({"Ok": text("ha ha ha ha ha ha ha", ms)})
            continue
        if how and go_wrong(how, batch):
            return
        words = "He was not an ill-disposed young man." if is_proof else "This is what was said in %d milliseconds." % ms
        texts.append({"Ok": text(words, ms)})
    say({"heard": {"batch": batch, "texts": texts}})


model, threads, beam, arithmetic, memory = sys.argv[1:]
rung = arithmetic + (" mkl" if os.environ.get("CT2_USE_MKL") == "1" else "")
start = note("started", rung)
starts = own.get("starts", [None])
go_wrong(starts[min(start, len(starts)) - 1])
if "not_loaded" in own:
    say({"not_loaded": {"detail": own["not_loaded"]}})
    sys.exit(1)
say({"ready": {"library": own.get("library", "stand-in"), "languages": ["en", "zh"]}})
while True:
    question = json.loads(read(struct.unpack("<I", read(4))[0]))
    clips = []
    for clip in question["clips"]:
        read(4 * clip["samples"])
        clips.append((clip, clip["samples"] // 16))
    threading.Thread(target=heard, args=(question["batch"], clips), daemon=True).start()
