"""Refuses dependencies that a package lists and no source file of it names."""
import pathlib
import re
import sys
import tomllib

# Turned on for a feature's sake, or named only inside a macro's expansion.
NAMED_NOWHERE: dict[str, set[str]] = {"earmark": {"hashbrown", "num-integer", "regex-automata", "simdutf8", "subtle"}}


def sources(package: pathlib.Path, folders: tuple[str, ...]) -> str:
    files = [path for folder in folders for path in (package / folder).rglob("*.rs")]
    return "\n".join(path.read_text() for path in files)


def main() -> int:
    root = pathlib.Path(__file__).resolve().parents[2]
    failed = 0
    for manifest in [root / "Cargo.toml", *sorted(root.glob("workers/*/Cargo.toml"))]:
        package, content = manifest.parent, tomllib.loads(manifest.read_text())
        inside = sources(package, ("src",))
        everywhere = inside + sources(package, ("tests", "benches", "examples"))
        for section, text in (("dependencies", inside), ("dev-dependencies", everywhere)):
            for name in content.get(section, {}):
                if name in NAMED_NOWHERE.get(content["package"]["name"], set()):
                    continue
                if not re.search(rf"\b{name.replace('-', '_')}\b", text):
                    print(f"error: {manifest.relative_to(root)}: {section}.{name} is used nowhere")
                    failed += 1
    print(f"unused dependencies: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
