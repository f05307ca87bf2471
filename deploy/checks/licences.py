"""Refuses dependencies whose licence is not on the list; reads `cargo metadata`, needs no network."""
import json
import re
import subprocess
import sys

# Permissive licences, and MPL-2.0, whose duties end at its own files.
ALLOWED = {
    "MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "CC0-1.0", "Unlicense",
    "Unicode-3.0", "Unicode-DFS-2016", "MPL-2.0", "BSL-1.0", "CDLA-Permissive-2.0", "Apache-2.0 WITH LLVM-exception",
}


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met with allowed licences: OR needs one side, AND both."""
    expression = expression.replace("/", " OR ").strip()
    while True:
        inner = re.search(r"\(([^()]*)\)", expression)
        if not inner:
            break
        word = "MIT" if is_allowed(inner.group(1)) else "REFUSED"
        expression = expression[: inner.start()] + word + expression[inner.end():]
    return any(
        all(part.strip() in ALLOWED for part in choice.split(" AND ")) for choice in expression.split(" OR ")
    )


def main() -> int:
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    used = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in used]
    refused = [package for package in packages if not is_allowed(package.get("license") or "none given")]
    for package in refused:
        print(f"error: {package['name']} {package['version']}: licence {package.get('license')} is not on the list")
    print(f"licences: {len(packages)} packages, {len(refused)} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
