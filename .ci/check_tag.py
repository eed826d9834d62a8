"""`python .ci/check_tag.py v0.1.0` fails unless the tag, the version and the change log agree."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(tag: str) -> None:
    """Compare the tag with pyproject.toml and with a heading of CHANGELOG.md."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    if tag != f"v{version}":
        sys.exit(f"the tag is {tag}, but pyproject.toml has version {version}")
    if f"\n## {version}" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        sys.exit(f"CHANGELOG.md has no heading for {version}")


if __name__ == "__main__":
    main(sys.argv[1])
