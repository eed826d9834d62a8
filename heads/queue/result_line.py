"""The line that a command prints about a trained head."""

from medusa.console import say
from medusa.heads.queue.spec import HeadResult
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.workspace import Workspace


def result_line(workspace: Workspace, result: HeadResult) -> str:
    """Return a line with the head's score on dev, and print the notes of its corpus."""
    for note in result.notes:
        say(f"note: {note}")
    run = RunDir(workspace.runs / result.run)
    summary, config = run.read_json(SUMMARY), run.config()
    score = f"{result.run}: dev macro-F1 {summary['dev_macro_f1']:.3f}"
    best = f"best {'after' if summary['steps'] else 'with'} {summary['best_at']}"
    if config["train"]["selection"] == "natural":
        return f"{score} on the whole split ({best})"
    chance = 1 / len(config["classes"])
    return f"{score} on balanced draws ({best}; chance {chance:.3f})"
