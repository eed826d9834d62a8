"""Find spaces at line ends, missing last newlines, conflict marks and large files."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 1_000_000
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".cff", ".j2", ".html", ".json", ""}


def problems(path: Path) -> list[str]:
    """Return what is wrong with one file."""
    data = path.read_bytes()
    found = ["larger than 1 MB"] if len(data) > MOST_BYTES else []
    if path.suffix not in TEXT or not data or b"\0" in data:
        return found
    if not data.endswith(b"\n"):
        found.append("no newline at the end")
    for number, line in enumerate(data.split(b"\n"), 1):
        if line != line.rstrip() and path.suffix != ".md":
            found.append(f"line {number} ends with a space")
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            found.append(f"line {number} has a conflict mark")
    return found


def main() -> None:
    """Check every file that git knows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    files = [path for path in paths if path.is_file() and not path.is_symlink()]
    lines = [f"{path.relative_to(ROOT)}: {one}" for path in files for one in problems(path)]
    print("\n".join(lines))
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
