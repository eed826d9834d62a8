"""The command line as tests call it."""

from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from medusa.cli import medusa


def invoke(workspace: Path, *words: object, **settings: Any) -> Result:
    """Run `medusa --workspace WORKSPACE WORDS...` in this process, whatever its outcome.

    The settings go to click's runner, for example `input`, `env` or `terminal_width`.
    """
    command = ["--workspace", str(workspace), *map(str, words)]
    return CliRunner().invoke(medusa, command, **settings)


def call(workspace: Path, *words: object, **settings: Any) -> Result:
    """Run a command that must succeed; raise its error otherwise."""
    result = invoke(workspace, *words, **settings)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result
