#!/usr/bin/env bash
# Builds the fuzz targets with coverage counters and runs each for SECONDS_EACH (60). What brings one down is left in
# target/fuzz/artifacts; a text that takes longer than two seconds counts as well.
set -euo pipefail
cd "$(dirname "$0")/../tests/fuzz"
export CARGO_TARGET_DIR=../../target/fuzz
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1"
# With a target named, build scripts and macros are built without the counters.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --target "$host"
for target in rule_files texts; do
    mkdir -p "$CARGO_TARGET_DIR/corpus/$target" "$CARGO_TARGET_DIR/artifacts/$target"
    "$CARGO_TARGET_DIR/$host/release/$target" "$CARGO_TARGET_DIR/corpus/$target" "seeds/$target" -max_total_time="${SECONDS_EACH:-60}" -timeout=2 \
        -max_len=4096 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$CARGO_TARGET_DIR/artifacts/$target/"
done
