"""The command line as tests call it."""

from pathlib import Path

from click.testing import CliRunner, Result

from medusa.cli import medusa


def invoke(workspace: Path, *words: object) -> Result:
    """Run `medusa --workspace WORKSPACE WORDS...` in this process, whatever its outcome."""
    return CliRunner().invoke(medusa, ["--workspace", str(workspace), *map(str, words)])


def call(workspace: Path, *words: object) -> Result:
    """Run a command that must succeed; raise its error otherwise."""
    result = invoke(workspace, *words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result
