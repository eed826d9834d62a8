"""Continuous integration fails on a skipped test, except for the two kinds that may skip."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"
ONE = "import pytest\n\n@pytest.mark.skip(reason={!r})\ndef test_one(): ...\n"
MODULE = "import pytest\n\npytest.skip({!r}, allow_module_level=True)\n"


@pytest.mark.parametrize(
    ("module", "reason", "variable", "workers", "code"),
    [
        (ONE, "needs MEDUSA_REAL_DATA", "MEDUSA_FEW_SKIPS", (), 0),
        (MODULE, "MEDUSA_LONG_TESTS is not set", "MEDUSA_FEW_SKIPS", ("-n", "1"), 0),
        (ONE, "a library is missing", "MEDUSA_FEW_SKIPS", (), 1),
        (MODULE, "a library is missing", "MEDUSA_FEW_SKIPS", ("-n", "1"), 1),
        (ONE, "a library is missing", "OTHER", (), 0),
    ],
)
def test_other_skips_fail_the_session(
    tmp_path: Path,
    module: str,
    reason: str,
    variable: str,
    workers: tuple[str, ...],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_first.py").write_text(module.format(reason))
    (tmp_path / "test_second.py").write_text("def test_two(): ...\n")
    monkeypatch.delenv("MEDUSA_FEW_SKIPS", raising=False)
    monkeypatch.setenv(variable, "1")
    words = [sys.executable, "-m", "pytest", "-q", *workers, "-p", "no:cacheprovider", "."]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout
    assert ("This skip is not allowed" in done.stdout) == bool(code)


def test_no_test_is_skipped_for_a_missing_library() -> None:
    word = "import" + "orskip"
    files = (CONFTEST.parent).rglob("*.py")
    assert [str(path) for path in files if word in path.read_text(encoding="utf-8")] == []
