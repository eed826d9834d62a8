"""The training loop: stages of epochs of steps, resumable at any moment."""

import dataclasses
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.profiler import record_function as span

from medusa.atomic import write_text
from medusa.cache import Packed
from medusa.console import say
from medusa.errors import MedusaError
from medusa.heads.config import Config, StageConfig
from medusa.heads.examples.join import Examples, Rows
from medusa.heads.examples.sampling import SAMPLERS, Draw
from medusa.heads.networks.compile import compile_framewise
from medusa.heads.networks.fusion import Head
from medusa.heads.networks.memory import embed, halved
from medusa.heads.runs.run_dir import METRICS, RunDir
from medusa.heads.training import checkpoint, mixup
from medusa.heads.training.loss import Corpus, auxiliary, class_weights, total
from medusa.heads.training.meter import Meter, StepLog
from medusa.heads.training.predict import BATCH, predict
from medusa.heads.training.schedule import clip, rate
from medusa.heads.training.selection import Judge
from medusa.heads.training.targets import check_votes, training_rows
from medusa.heads.training.weight_average import averaged

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
SAVE_EVERY_S = 120.0  # what a kill may cost


class TrainingError(MedusaError):
    """A training that cannot go on."""


@dataclass
class Position:
    """Where training is; together with the weights, all there is to resume from."""

    stage: int = 0
    epoch: int = 0  # of this stage
    step: int = 0  # of this epoch
    steps: int = 0  # in all
    best: float = -1.0  # score
    best_at: str = ""
    stage_best: float = -1.0
    since_best: int = 0  # epochs
    lines: int = 0  # of metrics.jsonl
    micro: int = 0  # utterances on the device at once, where memory has run out; 0: as configured
    cost: dict[str, float] = field(default_factory=dict)  # seconds, as the meter counts them
    sums: dict[str, Any] = field(default_factory=dict)  # losses of this epoch so far


class Trainer:
    """Train one head to the end of its stages.

    Args:
        head: the network, freshly made from the seed.
        examples: features and labels, with splits `train` and `dev`.
        config: stages, losses, seed.
        run: where metrics, checkpoints and the best weights go.
        device: where to compute.
        advance: called after every epoch with a note, for the progress line.
    """

    def __init__(
        self,
        head: Head,
        examples: Examples,
        config: Config,
        run: RunDir,
        device: torch.device,
        advance: Callable[..., None] = lambda amount=1, note="": None,
    ) -> None:
        self.head, self.examples, self.config, self.run = head.to(device), examples, config, run
        if config.train.compile:
            compile_framewise(self.head)
        self.device, self.advance = device, advance
        self.at = Position()
        self.rows, self.targets = training_rows(examples, config)
        check_votes(
            self.targets, config.train.annotator_dropout, bool(config.loss.secondary_weight)
        )
        self.judge = Judge(examples, config.train)
        self.optimiser = self._new_optimiser()
        self.average = averaged(self.head, config.train)
        self.meter = Meter(self.head, examples, self.rows, device)
        self.steps = StepLog(run.path)
        self.saved = time.monotonic()

    @property
    def judged(self) -> Head:
        """The weights that are scored and kept: the running average where there is one."""
        return self.head if self.average is None else cast(Head, self.average.module)

    def fit(self) -> None:
        """Train from the start, or from where the run's checkpoint is."""
        path = self.run.path / CHECKPOINT
        if path.exists():
            self.at = Position(**checkpoint.load_facts(path))
            checkpoint.load_training(path, self.head, self.optimiser, self.average)
        self._forget_later_lines()
        self.meter.go_on(self.at.cost)
        while self.at.stage < len(self.config.stages):
            self._run_stage(self.config.stages[self.at.stage])
            self._next_stage()
        checkpoint.load_weights(self.run.path / BEST, self.head)

    def _next_stage(self) -> None:
        """Enter the next stage and save that: its first epoch may replace the best weights."""
        self.at.stage += 1
        self.at.epoch, self.at.stage_best, self.at.since_best = 0, -1.0, 0
        if self.at.stage < len(self.config.stages):
            stage = self.config.stages[self.at.stage]
            if stage.start == "best":
                checkpoint.load_weights(self.run.path / BEST, self.head)
            if stage.optimiser == "reset":
                self.optimiser = self._new_optimiser()
            self.average = averaged(self.head, self.config.train)
        self.meter.begin_epoch()
        self._save()

    def _run_stage(self, stage: StageConfig) -> None:
        corpus = self.corpus(stage)
        while self.at.epoch < stage.epochs and self.at.since_best < self.config.train.patience:
            self._run_epoch(stage, corpus)
            self._end_epoch(stage)
        name = f"stage-{self.at.stage + 1}-{stage.name}.safetensors"
        checkpoint.save_weights(self.run.path / name, self.judged)

    def _run_epoch(self, stage: StageConfig, corpus: Corpus) -> None:
        """Take the epoch's steps that are left; order and noise depend on seed and step alone."""
        every = self.batches(stage)
        self.take(stage, corpus, every[self.at.step :], len(every))

    def take(self, stage: StageConfig, corpus: Corpus, batches: list[Rows], of: int) -> None:
        """Take a step on each batch, of the epoch's `of`; a kill costs two minutes of them."""
        self.head.train()
        pin = self.device.type == "cuda"
        feed = self.examples.batches([self.rows[batch] for batch in batches], pin)
        for batch, inputs in zip(batches, self.meter.timed(feed), strict=True):
            moved = [packed.to(self.device, torch.float32) for packed in inputs]
            lr = rate(stage, (self.at.epoch + self.at.step / of) / stage.epochs)
            for group in self.optimiser.param_groups:
                group["lr"] = lr
            parts = self._step(stage, moved, batch, corpus)
            for name, value in parts.items():
                # summed on the device: reading it here would make the step wait
                self.at.sums[name] = self.at.sums.get(name, 0.0) + value
            self.at.step += 1
            self.at.steps += 1
            self.steps.add(self.at.steps, lr, parts)
            if time.monotonic() - self.saved > SAVE_EVERY_S:
                self._save()

    def _step(
        self, stage: StageConfig, inputs: list[Packed], batch: Rows, corpus: Corpus
    ) -> dict[str, Tensor]:
        """Take one step; where memory runs out, again with half as many utterances at once."""
        while True:
            try:
                return self._try_step(stage, inputs, batch, corpus)
            except torch.OutOfMemoryError as problem:
                self._halve(inputs, problem)

    def _try_step(
        self, stage: StageConfig, inputs: list[Packed], batch: Rows, corpus: Corpus
    ) -> dict[str, Tensor]:
        config = self.config
        noise = np.random.default_rng([config.seed, self.at.steps])
        torch.manual_seed(int(noise.integers(2**62)))  # dropout
        targets = self.targets.rows(batch).thinned(config.train.annotator_dropout, noise)
        targets = targets.smoothed(config.train.label_smoothing).to(self.device)
        self.optimiser.zero_grad(set_to_none=True)
        with self._autocast(), span("forward"):
            x = embed(self.head, inputs, self._micro)
            drawn = mixup.draw(config.mixup, len(batch), noise)
            if drawn is not None:
                partners, shares = (values.to(self.device, non_blocking=True) for values in drawn)
                x, targets = mixup.mix(x, partners, shares), targets.mixed(partners, shares)
            outputs = self.head.output(x)
        with span("loss"):
            loss, parts = total(config.loss, outputs, targets, corpus)
        with span("backward"):
            loss.backward()  # type: ignore[no-untyped-call]
        with span("optimiser"):
            norm = clip(self.head, stage.clip)
            self.optimiser.step()
        if self.average is not None and config.train.average == "ema":
            self.average.update_parameters(self.head)
        return parts | {"loss": loss.detach(), "gradient_norm": norm.detach()}

    @property
    def _micro(self) -> int:
        return self.at.micro or self.config.train.micro or self.config.train.batch

    @property
    def at_once(self) -> int:
        """How many utterances to predict at once: no more than training found room for."""
        return min(BATCH, self.at.micro or self.config.train.micro or BATCH)

    def _halve(self, inputs: list[Packed], problem: Exception) -> None:
        """Halve what is on the device at once.

        Raises:
            TooLarge: it is one utterance already.
        """
        self.optimiser.zero_grad(set_to_none=True)
        self.at.micro = halved(self._micro, inputs, problem)
        say(
            f"{self.run.name}: out of memory; goes on with {self.at.micro} utterances on "
            f"{self.device} at once: the same but for dropout's draws and the time"
        )

    def corpus(self, stage: StageConfig) -> Corpus:
        """Return what the losses of a stage know about the training rows."""
        soft = self.targets.soft
        return Corpus(
            weights=class_weights(soft, stage.class_weights).to(self.device),
            prior=(soft.sum(0) / soft.sum()).to(self.device),
            neutral=self.examples.neutral,
        )

    def _end_epoch(self, stage: StageConfig) -> None:
        """Score the dev split, keep the best weights, log, and make it resumable."""
        cost = self.meter.epoch(self.at.step * self.config.train.batch)
        losses = {name: float(value) / self.at.step for name, value in self.at.sums.items()}
        if not math.isfinite(losses["loss"]):
            raise TrainingError(
                f"{self.run.path}: the loss of stage {stage.name}, epoch {self.at.epoch + 1} is "
                f"{losses['loss']}; train again with --force and a lower rate (--set "
                f"stages.{self.at.stage}.lr={stage.lr / 10:g}), or, where `medusa cache verify` "
                "finds damage, extract again"
            )
        if self.average is not None and self.config.train.average == "swa":
            self.average.update_parameters(self.head)
        dev = self.judge.rows
        logits, _ = predict(self.judged, self.examples, dev, self.device, self.at_once)
        score = self.judge.score(logits)
        self.at.since_best = 0 if score > self.at.stage_best else self.at.since_best + 1
        self.at.stage_best = max(score, self.at.stage_best)
        at = f"{stage.name} {self.at.epoch + 1}"
        if score > self.at.best:
            self.at.best, self.at.best_at = score, at
            checkpoint.save_weights(self.run.path / BEST, self.judged)
        others = {f"{name}_loss": losses[name] for name in auxiliary(self.config.loss)}
        self.run.log(
            epoch=self._epochs_before() + self.at.epoch + 1,
            stage=stage.name,
            train_loss=losses["loss"],
            class_loss=losses["class"],
            attribute_loss=losses["attribute"] if self.examples.has_attributes else None,
            **others,
            dev_loss=self.judge.loss(logits),
            dev_macro_f1=score,
            lr=self.optimiser.param_groups[0]["lr"],
            gradient_norm=losses["gradient_norm"],
            steps=self.at.step,
            **cost,
        )
        self.at.lines += 1
        self.at.epoch, self.at.step, self.at.sums = self.at.epoch + 1, 0, {}
        self.meter.begin_epoch()
        self._save()
        self.advance(1, f"{at}: dev macro-F1 {score:.3f}, best {self.at.best:.3f}")

    def batches(self, stage: StageConfig) -> list[Rows]:
        """Return this epoch's batches as numbers of training rows."""
        rng = np.random.default_rng([self.config.seed, self.at.stage, self.at.epoch])
        labels = self.examples.labels[self.rows]
        draw = Draw(stage.no_consensus, self.examples.neutral)
        order = SAMPLERS[stage.sampler](labels, rng, draw)
        size = self.config.train.batch
        return [order[start : start + size] for start in range(0, len(order), size)]

    def _new_optimiser(self) -> torch.optim.Optimizer:
        decay = self.config.train.weight_decay
        return torch.optim.AdamW(self.head.parameters(), weight_decay=decay, fused=True)

    def _autocast(self) -> AbstractContextManager[Any]:
        """bf16 where the GPU has it; fp32 elsewhere."""
        if self.device.type == "cuda" and torch.cuda.is_bf16_supported():
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()

    def _epochs_before(self) -> int:
        """Epochs of the earlier stages, as logged."""
        return self.at.lines - self.at.epoch

    def _save(self) -> None:
        self.at.cost = self.meter.counted()
        self.at.sums = {name: float(value) for name, value in self.at.sums.items()}
        self.steps.write()
        facts = dataclasses.asdict(self.at)
        path = self.run.path / CHECKPOINT
        checkpoint.save_training(path, self.head, self.optimiser, facts, self.average)
        self.saved = time.monotonic()

    def _forget_later_lines(self) -> None:
        """Drop what was logged after the checkpoint: those epochs are run again."""
        self.steps.forget_after(self.at.steps)
        path = self.run.path / METRICS
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            write_text(path, "".join(lines[: self.at.lines]))


def epochs_at_most(config: Config) -> int:
    """Return the epochs of all stages and folds if none ends early."""
    return sum(stage.epochs for stage in config.stages) * (1 + config.train.folds)
