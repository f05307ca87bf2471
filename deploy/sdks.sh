#!/usr/bin/env bash
# The real SDKs, for the tests of the served API, under sdk/. Only `make test` needs them. Does nothing the second time.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sha256sum deploy/sdk.txt | cut -d' ' -f1)
if [ "$(cat sdk/.complete 2>/dev/null)" = "$wanted" ]; then exit 0; fi
printf '\033[1mfetching the SDKs for the tests (50 MB: half a minute, once)\033[0m\n' >&2
log=$(mktemp); trap 'rm -f "$log"' EXIT
rm -rf sdk
# pip compares what it puts aside with what is installed elsewhere, which does not matter here: only a failure is shown.
if ! python3 -m pip install --disable-pip-version-check --root-user-action=ignore --target sdk -r deploy/sdk.txt >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    printf 'error: the SDKs could not be downloaded\n  hint: check the network and the index that pip uses, then run make test again\n' >&2
    exit 1
fi
# The example for Node is run where there is npm.
if command -v npm >/dev/null; then
    mkdir -p sdk/node
    npm install --prefix sdk/node --no-audit --no-fund --ignore-scripts redis@6.3.1 >"$log" 2>&1 ||
        printf 'warning: the package redis of npm could not be fetched; the example for Node is not run\n' >&2
fi
echo "$wanted" > sdk/.complete
