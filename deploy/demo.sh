#!/usr/bin/env bash
# The main job on sample recordings: a fresh database and output folder, then `earmark run`.
set -euo pipefail
cd "$(dirname "$0")/.."
out=demo-out
rm -rf "$out"
mkdir -p "$out"
export EARMARK__DATABASE__URL="sqlite:$out/earmark.sqlite"
export EARMARK__STORAGE__OUTPUT="$out/results"
echo "transcribing $# recordings with the built-in engine …" >&2
began=$(date +%s)
# It takes under a minute; what hangs is not waited for.
longest=20m
timeout --foreground --kill-after=30s "$longest" target/release/earmark run "$@" || {
    code=$?
    if [ "$code" -eq 124 ]; then
        echo "error: the recordings were not done after $longest" >&2
        echo "  hint: EARMARK__LOG__LEVEL=debug make demo says where it hangs" >&2
    fi
    exit "$code"
}
echo
target/release/earmark audit verify
echo
echo "took $(($(date +%s) - began)) s. To read one: EARMARK__DATABASE__URL=$EARMARK__DATABASE__URL target/release/earmark results show JOB"
