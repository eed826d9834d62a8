"""Tables of our results next to the published ones: heads, ensembles, ablations."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from medusa.ensemble import trained_on
from medusa.heads.runs.run_dir import METRICS, SUMMARY, RunDir
from medusa.manifests import Manifest
from medusa.recipes.definition.recipe import Recipe, features_of
from medusa.recipes.find_runs import RecipeRuns
from medusa.recipes.tasks import head_tasks, stack_tasks
from medusa.reports.tables.result_table import ResultTable
from medusa.scoring import (
    RunScores,
    chance_macro_f1,
    holm,
    interval,
    interval_of_mean,
    score_runs,
    two_sided,
)
from medusa.workspace import Workspace


def tables(workspace: Workspace, recipe: Recipe, found: RecipeRuns) -> list[ResultTable]:
    """Return the tables of heads, shots, ensembles, ablations and missing runs; none is empty.

    Args:
        workspace: it holds the runs.
        recipe: the recipe.
        found: the runs that are up to date, and the reasons why the others are missing.

    Raises:
        MedusaError: a run has no readable predictions, or they do not fit the manifest.
    """
    missing = [(task, " ".join(reason.split())) for task, reason in found.missing.items()]
    made = [ResultTable("Missing", ("", "reason"), missing)]
    if found.heads:
        manifest = Manifest.read(workspace.manifest)
        names = dict.fromkeys([*found.heads.values(), *found.stacks.values()])
        runs = {name: RunDir(workspace.runs / name) for name in names}
        scores = score_runs(((name, run.predictions()) for name, run in runs.items()), manifest)
        notes = _notes(scores, manifest, [runs[name] for name in found.heads.values()])
        parts = (_heads, _few_shots, _stacks, _ablations)
        made = [*(part(recipe, found, scores, runs, notes) for part in parts), *made]
    return [_published_only(one) for one in made if one.rows]


def _published_only(table: ResultTable) -> ResultTable:
    """Leave out the column and the note of published numbers if the source has none."""
    if PUBLISHED not in table.header:
        return table
    at = table.header.index(PUBLISHED)
    if any(row[at] for row in table.rows):
        return table
    header = (*table.header[:at], *table.header[at + 1 :])
    rows = [[*row[:at], *row[at + 1 :]] for row in table.rows]
    return ResultTable(table.title, header, rows, [n for n in table.notes if n != COMPARISON])


PUBLISHED = "published macro-F1"
COMPARISON = "The published numbers are of the source's corpus and stand here for comparison alone."
HEADER = ("balanced macro-F1", "95 %", "macro-F1", "accuracy", PUBLISHED, "hours")


def _heads(
    recipe: Recipe, found: RecipeRuns, scores: RunScores, runs: dict[str, RunDir], notes: list[str]
) -> ResultTable:
    rows = []
    for name, head in recipe.heads.items():
        tasks = [one for one in head_tasks(recipe, False) if one.head == name]
        runs_of_task = _finished(found.heads, [one.name for one in tasks], runs)
        if runs_of_task:
            hours = _hours([runs[one] for one in runs_of_task])
            cells = _cells(scores, [[one] for one in runs_of_task], head.published, hours)
            rows.append([name, " + ".join(features_of(recipe, name)), *cells])
    return ResultTable("Heads", ("", "features", *HEADER), rows, notes)


def _few_shots(
    recipe: Recipe, found: RecipeRuns, scores: RunScores, runs: dict[str, RunDir], notes: list[str]
) -> ResultTable:
    """Give the mean over the draws of the training rows, and the interval of this mean."""
    rows = []
    for name in recipe.heads:
        tasks = [one for one in head_tasks(recipe, False) if one.head == name]
        done = _finished(found.heads, [one.name for one in tasks], runs)
        draws, shots = [scores.scores(run) for run in done], tasks[0].config.train.shots
        if shots is not None and len(draws) > 1:
            cells = [name, str(shots), str(len(draws))]
            for score in ("balanced", "macro_f1"):
                values = np.array([one[score] for one in draws])
                low, high = interval_of_mean(values)
                cells += [f"{values.mean():.3f}", f"{low:.3f} – {high:.3f}"]
            rows.append(cells)
    header = ("", "rows a class", "draws", "balanced macro-F1", "95 %", "macro-F1", "95 %")
    more = "Each draw has other training rows; 95 %: of the mean over draws, by Student's t."
    return ResultTable("Few shots", header, rows, [*notes, more])


def _stacks(
    recipe: Recipe, found: RecipeRuns, scores: RunScores, runs: dict[str, RunDir], notes: list[str]
) -> ResultTable:
    rows, fitted, chosen = [], list[str](), list[str]()
    for name, stack in recipe.stacks.items():
        tasks = [one for one in stack_tasks(recipe) if one.stack == name]
        runs_of_task = _finished(found.stacks, [one.name for one in tasks], runs)
        if runs_of_task:
            if any(scores.split in trained_on(runs[one].config()) for one in runs_of_task):
                fitted.append(name)
            elif stack.top and scores.split == "dev":
                chosen.append(name)
            what = stack.method + (f" of the best {stack.top}" if stack.top else "")
            rows.append(
                [
                    name,
                    what,
                    *_cells(scores, [[one] for one in runs_of_task], stack.published, None),
                ]
            )
    notes = [*notes, *_too_good(scores.split, fitted, chosen)]
    return ResultTable("Ensembles", ("", "method", *HEADER), rows, notes)


def _too_good(split: str, fitted: list[str], chosen: list[str]) -> list[str]:
    """Return notes on the stackers fitted and the heads chosen on the judged split."""
    notes = []
    if fitted:
        notes.append(
            f"Judged on {split!r}, where the stacker of {', '.join(fitted)} was fitted, so its "
            "own numbers there are too good; heads and votes are comparable."
        )
    if chosen:
        notes.append(
            f"Judged on {split!r}, where the heads of {', '.join(chosen)} were chosen as the "
            "best, so its numbers there are too good."
        )
    return notes


def _ablations(
    recipe: Recipe, found: RecipeRuns, scores: RunScores, runs: dict[str, RunDir], notes: list[str]
) -> ResultTable:
    """Average every ablation over its heads and repeats; compare with the same heads unchanged."""
    rows: list[list[str]] = []
    p_values: list[float] = []
    for name, ablation in recipe.ablations.items():
        pairs = _pairs(recipe, found, name, runs)
        if not pairs:
            continue
        changes = np.mean([_change(scores, one, two) for one, two, _ in pairs], axis=0)
        low, high = interval(changes)
        whole = [one for one, _, _ in pairs]
        p_values.append(two_sided(changes))
        after = [[two for _, two, at in pairs if at == repeat] for repeat in range(recipe.repeats)]
        cells = _cells(scores, after, ablation.published, None)
        hours = _hours([runs[two] for _, two, _ in pairs])
        means = [np.mean([scores.scores(two)["balanced"] for _, two, _ in pairs])]
        means += [np.mean([scores.scores(one)["balanced"] for one in whole])]
        rows.append(
            [
                ablation.title or name,
                *cells[:-1],
                f"{means[0] - means[1]:+.3f}",
                f"{low:+.3f} – {high:+.3f}",
                "",
                f"{hours:.2f}",
            ]
        )
    for row, p in zip(rows, holm(p_values), strict=True):
        row[-2] = f"{p:.3f}"
    if rows:
        ablated = {one.head for one in head_tasks(recipe) if one.ablation is not None}
        plain = [one for one in head_tasks(recipe, False) if one.head in ablated]
        before = [
            _finished(found.heads, [one.name for one in plain if one.repeat == repeat], runs)
            for repeat in range(recipe.repeats)
        ]
        hours = _hours([runs[name] for group in before for name in group])
        cells = _cells(scores, before, recipe.published, hours)
        rows.insert(0, ["all of it", *cells[:-1], "", "", "", cells[-1]])
    header = ("", *HEADER[:-1], "change", "95 %", "p (Holm)", "hours")
    more = "change: of the balanced macro-F1 against the same heads and seeds with all of it."
    return ResultTable("Ablations", header, rows, [*notes, more])


def _pairs(
    recipe: Recipe, found: RecipeRuns, ablation: str, runs: dict[str, RunDir]
) -> list[tuple[str, str, int]]:
    """Return (run of the whole system, run of the ablation, repeat) of every head and repeat."""
    tasks = list(head_tasks(recipe))
    whole = {(one.head, one.repeat): one.name for one in tasks if one.ablation is None}
    pairs = []
    for one in tasks:
        if one.ablation == ablation:
            names = (whole[one.head, one.repeat], one.name)
            pair = tuple(found.heads.get(name, "") for name in names)
            if all(name in runs for name in pair):
                pairs.append((pair[0], pair[1], one.repeat))
    return pairs


def _change(scores: RunScores, whole: str, ablation: str) -> Any:
    return scores.resampled(ablation, "balanced") - scores.resampled(whole, "balanced")


def _cells(
    scores: RunScores,
    groups: Sequence[Sequence[str]],
    published: dict[str, float],
    hours: float | None,
) -> list[str]:
    """Return the columns of HEADER.

    Args:
        scores: the scores of the runs.
        groups: the runs of each repeat. A cell has their mean, with its deviation over repeats.
        published: the scores of the source.
        hours: the hours of training.
    """
    names = [name for group in groups for name in group]
    repeats = [[scores.scores(name) for name in group] for group in groups if group]

    def mean(name: str) -> str:
        values = [float(np.mean([one[name] for one in group])) for group in repeats]
        spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
        return f"{np.mean(values):.3f}{spread}"

    resampled = np.mean([scores.resampled(name, "balanced") for name in names], axis=0)
    low, high = interval(resampled)
    theirs = published.get("macro_f1")
    return [
        mean("balanced"),
        f"{low:.3f} – {high:.3f}",
        mean("macro_f1"),
        mean("accuracy"),
        "" if theirs is None else f"{theirs:.3f}",
        "" if hours is None else f"{hours:.2f}",
    ]


def _finished(known: dict[str, str], tasks: Sequence[str], runs: dict[str, RunDir]) -> list[str]:
    return [known[task] for task in tasks if known.get(task) in runs]


def _hours(runs: Sequence[RunDir]) -> float:
    """Return the sum of the hours that the runs have logged."""
    logged = [run for run in runs if (run.path / METRICS).exists()]
    return sum(float(line.get("seconds") or 0) for run in logged for line in run.metrics()) / 3600


def _notes(scores: RunScores, manifest: Manifest, heads: Sequence[RunDir]) -> list[str]:
    """Return the notes of every table: those of the corpus, of its splits and of the scores."""
    made_up = [str(note) for note in manifest.provenance.get("notes", [])]
    of_heads = [note for run in heads for note in run.read_json(SUMMARY).get("notes", [])]
    classes = len(manifest.scheme.classes)
    even = np.ones(classes)
    chance = chance_macro_f1(even, np.arange(classes))
    return [
        f"Judged on {scores.utterances} labelled utterances of {scores.split}; balanced: every "
        f"class counts alike, as in the challenge's test (guessing gives {chance:.3f}). Intervals "
        "and p by a paired bootstrap over speakers; ± over repeats from other seeds.",
        COMPARISON,
        *dict.fromkeys([*made_up, *of_heads]),
    ]
