"""From a workspace and a configuration to a finished run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from medusa.cache import FeatureStore
from medusa.errors import listed
from medusa.heads.closed_form.fit import SHRINKAGES, ClosedForm
from medusa.heads.closed_form.positions import weights_of
from medusa.heads.config import Config
from medusa.heads.examples import join as data
from medusa.heads.examples.join import Rows
from medusa.heads.examples.sampling import NO_CONSENSUS
from medusa.heads.fitting.choices import check_choices
from medusa.heads.fitting.folds import each_fold, folds_of, without
from medusa.heads.networks.discriminant import CLOSED_FORM, stride_of
from medusa.heads.networks.fusion import Head, build
from medusa.heads.networks.standardise import standardise
from medusa.heads.runs.run_dir import PREDICTIONS, SUMMARY, WEIGHTS, RunDir
from medusa.heads.training import loop as train
from medusa.heads.training.checkpoint import save_weights
from medusa.heads.training.loss import auxiliary
from medusa.heads.training.predict import predict
from medusa.manifests import Manifest
from medusa.manifests.texts import MANIFEST, content_of, require_texts, texts_of
from medusa.scoring.predictions import NOT_A_FOLD, Predictions
from medusa.workspace import Workspace


@dataclass(frozen=True)
class Job:
    """One head to train: what `medusa fit-head` was asked, resolved."""

    config: Config
    chosen: list[tuple[FeatureStore, str]]
    examples: data.Examples
    folds: Rows  # (N,) of each utterance, -1 outside
    record: dict[str, Any]  # the run's config.yaml
    notes: list[str]  # what the corpus says about itself; shown with every result


def prepare(
    workspace: Workspace,
    config: Config,
    backbones: Sequence[str] = (),
    text: str | None = None,
    drop_missing: bool = False,
    beside: Sequence[str] = (),
) -> Job:
    """Find features, texts and labels of a workspace and join them.

    Args:
        workspace: with manifest and features.
        config: the head's settings.
        backbones: whose features it reads; all by default.
        text: whose text the text features are of.
        drop_missing: leave out utterances that lack features.
        beside: other backbones whose features they must not lack either: heads that are to be
            combined are about the same utterances.

    Raises:
        MedusaError: no manifest, no split, no such features, a wrong choice in the configuration.
    """
    check_choices(config)
    asked = (tuple(backbones), text, drop_missing, tuple(beside), stride_of(config.head))
    joined = _joined(workspace, *asked, stamp=_stamp(workspace))
    manifest, chosen, examples = joined.manifest, joined.chosen, joined.examples
    if config.loss.neutral_weight and examples.neutral is None:
        raise data.DataError(
            "loss.neutral_weight: the label scheme has no class 'neutral'; set it to 0"
        )
    record = {
        "kind": "head",
        "train_split": "train",
        "manifest": joined.digest,
        "classes": list(manifest.scheme.classes),
        "text": joined.text,
        **_digests(joined, config),
        "features": [
            {"backbone": store.spec.backbone, "spec": store.spec.digest, "array": array}
            for store, array in chosen
        ],
        "utterances": len(examples.ids),
        **config.to_dict(),
    }
    folds = folds_of(manifest, examples.ids, config.train.folds)
    return Job(config, chosen, examples, folds, record, joined.notes)


def _digests(joined: "Joined", config: Config) -> dict[str, str]:
    """Return digests of what the manifest's does not cover: transcripts, and votes if learnt."""
    found = {"texts": joined.texts} if joined.texts else {}
    if config.loss.secondary_weight or config.train.annotator_dropout:
        both = torch.stack([joined.examples.votes, joined.examples.secondary])
        found["votes"] = sha256(both.numpy().tobytes()).hexdigest()[:16]
    return found


@dataclass(frozen=True)
class Joined:
    """A workspace's labels and features, joined: the same for many heads.

    `texts` is a digest of what a table of transcripts says, None without one.
    """

    manifest: Manifest
    digest: str
    chosen: list[tuple[FeatureStore, str]]
    text: str | None
    texts: str | None
    examples: data.Examples
    notes: list[str]


@lru_cache(maxsize=4)  # a queue of a thousand heads asks for the same few
def _joined(
    workspace: Workspace,
    backbones: tuple[str, ...],
    text: str | None,
    drop_missing: bool,
    beside: tuple[str, ...],
    stride: int,
    stamp: object,
) -> Joined:
    manifest = Manifest.read(workspace.manifest)
    manifest.split("train", "dev")  # raises where there is no split
    chosen = data.choose(workspace.features, backbones)
    others = data.choose(workspace.features, beside) if beside else []
    source, contents = None, None
    if _read_text([*chosen, *others]):
        source, texts = texts_of(manifest, workspace.transcripts, text)
        if not drop_missing:
            require_texts(texts, source)
        contents = texts.dropna().map(content_of)
    read = source if _read_text(chosen) else None  # what it does not read is no part of a head
    digest = None if contents is None or read in (None, MANIFEST) else _texts_digest(contents)
    examples = data.gather(manifest, contents, chosen, stride, drop_missing, others)
    check_labels(examples)
    notes = [str(note) for note in manifest.provenance.get("notes", [])]
    notes += doubts(examples, manifest)
    return Joined(manifest, manifest.digest(), chosen, read, digest, examples, notes)


def _read_text(chosen: Sequence[tuple[FeatureStore, str]]) -> bool:
    return any(store.spec.input == "text" for store, _ in chosen)


def said_now(manifest: Manifest, transcripts: Path, source: str) -> str:
    """Return what a head's record would have as `texts` of a table of transcripts today.

    Raises:
        TextError: there is no such table.
    """
    _, texts = texts_of(manifest, transcripts, source)
    return _texts_digest(texts.dropna().map(content_of))


def _texts_digest(contents: "pd.Series[str]") -> str:
    """Return a digest of texts by id, whatever their order."""
    said = "\n".join(f"{name}\t{content}" for name, content in sorted(contents.items()))
    return sha256(said.encode()).hexdigest()[:16]


def _stamp(workspace: Workspace) -> tuple[tuple[str, int, int], ...]:
    """Return names, sizes and times of what a join depends on, without reading it."""
    files = [workspace.manifest, *workspace.transcripts.glob("*.parquet")]
    files += workspace.features.glob("*/index/*.parquet")
    found = ((str(path), path.stat()) for path in sorted(files) if path.exists())
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


def fit(
    job: Job, run: RunDir, device: torch.device, advance: Callable[..., None]
) -> dict[str, Any]:
    """Train one head through its stages and write its predictions; continues where it stopped.

    With `train.folds`, heads of the folds come first, and the training split's predictions are
    theirs: `fold` tells which.

    Returns:
        The run's summary: score on the dev split and where it was reached.
    """

    def train_one(held: Rows, part: RunDir) -> None:
        trainer = _learner(without(job.examples, held), job.config, part, device, advance)
        trainer.fit()
        _finish(trainer, part, _predictions(trainer, held, part), [])

    parts = each_fold(job.folds, run, job.config, train_one)
    trainer = _learner(job.examples, job.config, run, device, advance)
    trainer.fit()
    predictions = _predictions(trainer, np.flatnonzero(job.folds == NOT_A_FOLD), run)
    for number, part in enumerate(parts):
        frame = part.predictions().frame.assign(fold=number, split="train")
        predictions.frame = pd.concat([predictions.frame, frame], ignore_index=True)
    return _finish(trainer, run, predictions, parts, job.notes)


def make(
    examples: data.Examples,
    config: Config,
    run: RunDir,
    device: torch.device,
    advance: Callable[..., None] = lambda amount=1, note="": None,
) -> train.Trainer:
    """Make the head from its seed, and what trains it."""
    return train.Trainer(_network(examples, config), examples, config, run, device, advance)


def tries(config: Config) -> int:
    """Return how often `fit` calls `advance`, at most."""
    if config.head.name in CLOSED_FORM:
        return len(SHRINKAGES) * (1 + config.train.folds)
    return train.epochs_at_most(config)


def _learner(
    examples: data.Examples,
    config: Config,
    run: RunDir,
    device: torch.device,
    advance: Callable[..., None],
) -> train.Trainer | ClosedForm:
    """Make what fits the head: by steps, or in closed form."""
    if config.head.name in CLOSED_FORM:
        return ClosedForm(_network(examples, config), examples, config, run, device, advance)
    return make(examples, config, run, device, advance)


def _network(examples: data.Examples, config: Config) -> Head:
    torch.manual_seed(config.seed)
    head = build(config.head, examples.widths, len(examples.classes), auxiliary(config.loss))
    standardise(head.scales, examples)
    return head


def _predictions(trainer: train.Trainer | ClosedForm, rows: Rows, run: RunDir) -> Predictions:
    """Predict these rows with the best weights."""
    examples = trainer.examples
    logits, attributes = predict(trainer.head, examples, rows, trainer.device, trainer.at_once)
    return Predictions.of(
        [examples.ids[row] for row in rows],
        examples.splits[rows].tolist(),
        logits,
        attributes if examples.has_attributes else None,
        examples.classes,
        run.digest(),
    )


def _finish(
    trainer: train.Trainer | ClosedForm,
    run: RunDir,
    predictions: Predictions,
    parts: Sequence[RunDir],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Write everything that a finished run has, the mark of being finished last."""
    predictions.write(run.path / PREDICTIONS)
    of_parts = sum(float(part.read_json(SUMMARY).get("seconds", 0)) for part in parts)
    summary = {
        "dev_macro_f1": trainer.at.best,
        "best_at": trainer.at.best_at,
        "steps": trainer.at.steps,
        "parameters": sum(parameter.numel() for parameter in trainer.head.parameters()),
        "device": str(trainer.device),
        "notes": list(notes),
        "positions": weights_of(trainer.head),
        "seconds": trainer.meter.counted()["all"] + of_parts,
    }
    run.write_json(SUMMARY, summary)
    save_weights(run.path / WEIGHTS, trainer.head)
    run.finish()  # a kill before this resumes from what is removed after it
    for name in (train.BEST, train.CHECKPOINT):
        (run.path / name).unlink(missing_ok=True)
    return summary


def check_labels(examples: data.Examples) -> None:
    """Refuse a corpus on which training or selection could not mean anything.

    Raises:
        DataError: a class has no example in train, or dev has fewer than two classes.
    """
    for split in ("train", "dev"):
        if not (examples.labels[examples.rows(split)] != NO_CONSENSUS).any():
            raise data.DataError(
                f"no utterance of split {split!r} has a consensus label; "
                "see `medusa manifest audit`"
            )
    if never := [name for name in examples.classes if name not in classes_of(examples, "train")]:
        raise data.DataError(
            f"no utterance of split 'train' is {listed(never)}, so no head can learn it; divide "
            "again (`medusa manifest split --force`) or leave the class out (`medusa manifest "
            "relabel`)"
        )
    if len(there := classes_of(examples, "dev")) < 2:
        raise data.DataError(
            f"all labelled utterances of split 'dev' are {there[0]!r}, so it cannot select "
            "anything; divide again (`medusa manifest split --force`)"
        )


def classes_of(examples: data.Examples, split: str) -> list[str]:
    """Return the classes of a split: of its consensus and, in train, of its soft labels, too."""
    rows = examples.rows(split)
    there = set(examples.labels[rows].tolist())
    if split == "train":
        there |= set(examples.soft[rows].nansum(0).nonzero().flatten().tolist())
    return [name for number, name in enumerate(examples.classes) if number in there]


def doubts(examples: data.Examples, manifest: Manifest) -> list[str]:
    """Return what makes the scores of this division doubtful, a sentence each."""
    there, notes = classes_of(examples, "dev"), []
    if absent := [name for name in examples.classes if name not in there]:
        notes.append(f"Split dev has no {listed(absent)}: heads were selected without.")
    rows = manifest.frame[["speaker", "split"]].dropna()
    train = set(rows["speaker"][rows["split"] == "train"])
    for split in ("dev", "test"):
        if shared := train & set(rows["speaker"][rows["split"] == split]):
            notes.append(
                f"{len(shared)} of the speakers of {split} also in train: expect better scores "
                "than on new speakers."
            )
    return notes
