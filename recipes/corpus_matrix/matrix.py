"""Train on each of several corpora, and test on each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medusa.console import say
from medusa.errors import ConfigError, MedusaError
from medusa.heads.queue.fit_heads import fit_heads
from medusa.heads.queue.head_specs import head_specs
from medusa.heads.runs.run_dir import find_run
from medusa.manifests import Manifest
from medusa.recipes.corpus_matrix.class_names import pair_map, read_names, shared_names
from medusa.reports.evaluate import evaluate
from medusa.workspace import Workspace

SCORES = ("macro_f1", "uar", "accuracy")


@dataclass(frozen=True)
class MatrixCell:
    """One corpus on which a run was trained, and one corpus on which it was tested.

    Attributes:
        trained, tested: the names of the corpora.
        value, interval, chance: the score, its 95 % interval, and the score of guessing with the
            class shares of the training. All are None without a score.
        n: the number of judged utterances.
        map: the class of the tested corpus that each class of the run means, or None.
        reason: the reason why there is no score; empty with a score.
        notes: sentences that a reader must know before believing the score.
    """

    trained: str
    tested: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    chance: float | None = None
    n: int = 0
    map: dict[str, str | None] | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorpusMatrix:
    """The scores of all pairs of corpora, in the order of the corpora, row by row."""

    corpora: list[str]
    score: str
    split: str
    classes: list[str]
    cells: list[MatrixCell]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def corpus_matrix(
    workspaces: Sequence[Workspace],
    *,
    run: str | None = None,
    features: Sequence[str] = (),
    config: str = "small",
    settings: Sequence[str] = (),
    class_names: str = "",
    classes: Sequence[str] = (),
    score: str = "macro_f1",
    split: str = "test",
    device: str = "auto",
) -> CorpusMatrix:
    """Train a head on each of several corpora, and judge it on the test split of each.

    All cells judge the same classes: those that every corpus has. The posteriors of the other
    classes of a head are left out.

    Args:
        workspaces: two or more, each with a manifest that is split, and with the same features.
        run: a finished run that every workspace has. Then nothing is trained.
        features: the features of the head, as `medusa fit-head --backbones` takes them.
        config, settings: its configuration, and changes of it.
        class_names: common names of classes, `CLASS=NAME,...`, that change `COMMON_NAMES`.
        classes: the common names to judge; by default those that every corpus has.
        score: `macro_f1`, `uar` or `accuracy`.
        split: the split of the tested corpora.
        device: the device that trains and predicts.

    Raises:
        ConfigError: there are fewer than two workspaces, or the score or a setting is unknown.
        ManifestError: a workspace has no manifest, or the corpora have fewer than two classes in
            common.
    """
    if len(workspaces) < 2 or score not in SCORES:
        raise ConfigError(
            f"expected at least two workspaces and a score of {', '.join(SCORES)}, found "
            f"{len(workspaces)} and {score!r}; name more workspaces, or another --score"
        )
    by_name = dict(zip(_names(workspaces), workspaces, strict=True))
    known = {name: Manifest.read(one.manifest).scheme.classes for name, one in by_name.items()}
    names = read_names(class_names)
    judged = shared_names(known, names, classes)
    cells = []
    for trained, source in by_name.items():
        try:
            own = run or _train(source, trained, features, config, settings, device)
            head = tuple(find_run(source.runs, own).config()["classes"])
        except MedusaError as problem:
            cells += [MatrixCell(trained, tested, reason=_short(problem)) for tested in by_name]
            continue
        for tested, target in by_name.items():
            cell = MatrixCell(trained, tested)
            try:
                pairs = pair_map(head, known[tested], names, judged)
                cells.append(_judge(cell, source, own, target, pairs, score, split, device))
            except MedusaError as problem:
                cells.append(MatrixCell(trained, tested, reason=_short(problem)))
            say(f"{trained} on {tested}: {cells[-1].reason or f'{score} {cells[-1].value:.3f}'}")
    return CorpusMatrix(list(by_name), score, split, list(judged), cells)


def _names(workspaces: Sequence[Workspace]) -> list[str]:
    """Return the names of the folders; if two are alike, their paths."""
    names = [one.root.resolve().name for one in workspaces]
    return names if len(set(names)) == len(names) else [str(one.root) for one in workspaces]


def _train(
    workspace: Workspace,
    name: str,
    features: Sequence[str],
    config: str,
    settings: Sequence[str],
    device: str,
) -> str:
    """Train the head of one workspace, or find it if it is finished; return the name of its run.

    Raises:
        MedusaError: the head could not be trained.
    """
    specs = head_specs(workspace, config, settings, features=features)
    say(f"{name}: training {specs[0].name}")
    result = fit_heads(workspace, specs, devices=device)[0]
    if result.problem:
        raise ConfigError(result.problem)
    return result.run


def _judge(
    cell: MatrixCell,
    source: Workspace,
    run: str,
    target: Workspace,
    pairs: Mapping[str, str | None],
    score: str,
    split: str,
    device: str,
) -> MatrixCell:
    """Return a cell with the score of a run on another corpus, or on its own one."""
    found: Any = evaluate(source, run, split=split, on=target, class_map=pairs, device=device)
    low, high = found["interval"][score]
    return MatrixCell(
        cell.trained,
        cell.tested,
        float(found[score]),
        (low, high),
        float(found["baselines"][score]["chance"]),
        found["n"],
        found["map"],
        notes=tuple(found["notes"]),
    )


def _short(problem: MedusaError) -> str:
    """Return an error as one line."""
    return " ".join(str(problem).split())
