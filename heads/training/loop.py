"""The training loop: stages of epochs of steps, resumable at any moment."""

import dataclasses
import math
import time
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
from medusa.heads.examples.join import Rows
from medusa.heads.examples.sampling import SAMPLERS, Draw
from medusa.heads.networks.compile import compile_framewise
from medusa.heads.networks.fusion import Head
from medusa.heads.networks.memory import embed, halved
from medusa.heads.runs.run_dir import METRICS
from medusa.heads.training import checkpoint, mixup
from medusa.heads.training.fitter import FitState, HeadFitter
from medusa.heads.training.loss import TrainStatistics, auxiliary, class_weights, total
from medusa.heads.training.meter import StepLog
from medusa.heads.training.predict import BATCH, predict
from medusa.heads.training.schedule import clip, rate
from medusa.heads.training.targets import check_votes, training_rows
from medusa.heads.training.weight_average import averaged

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"
SAVE_EVERY_S = 120.0  # A kill loses at most this much training.


@dataclass
class TrainingState(FitState):
    """The position of a training. With the weights, it suffices to resume the training."""

    stage: int = 0
    epoch: int = 0  # The epoch's number in this stage.
    step: int = 0  # The step's number in this epoch.
    stage_best: float = -1.0
    since_best: int = 0  # The epochs since the best score.
    lines: int = 0  # The number of lines in metrics.jsonl.
    micro: int = 0  # The utterances on the device at a time after memory ran out, else 0.
    cost: dict[str, float] = field(default_factory=dict)  # The seconds that the meter counted.
    sums: dict[str, Any] = field(default_factory=dict)  # The losses of this epoch so far.


class Trainer(HeadFitter):
    """Train one head to the end of its stages."""

    state: TrainingState

    def _set_up(self) -> None:
        if self.config.train.compile:
            compile_framewise(self.head)
        self.state = TrainingState()
        self.rows, self.targets = training_rows(self.examples, self.config)
        dropout, secondary = self.config.train.annotator_dropout, self.config.loss.secondary_weight
        check_votes(self.targets, dropout, bool(secondary))
        self.optimiser = self._new_optimiser()
        self.average = averaged(self.head, self.config.train)
        self.steps = StepLog(self.run.path)
        self.saved = time.monotonic()

    @staticmethod
    def calls_at_most(config: Config) -> int:
        return sum(stage.epochs for stage in config.stages)

    @property
    def selected_head(self) -> Head:
        """Return the head that is scored and kept: the running average if there is one."""
        return self.head if self.average is None else cast(Head, self.average.module)

    def fit(self) -> None:
        """Train from the start, or continue from the run's checkpoint."""
        path = self.run.path / CHECKPOINT
        if path.exists():
            self.state = TrainingState(**checkpoint.load_facts(path))
            checkpoint.load_training(path, self.head, self.optimiser, self.average)
        self._forget_later_lines()
        self.meter.go_on(self.state.cost)
        while self.state.stage < len(self.config.stages):
            self._run_stage(self.config.stages[self.state.stage])
            self._next_stage()
        checkpoint.load_weights(self.run.path / BEST, self.head)

    def _next_stage(self) -> None:
        """Enter the next stage and save the state: the first epoch may replace the best weights."""
        self.state.stage += 1
        self.state.epoch, self.state.stage_best, self.state.since_best = 0, -1.0, 0
        if self.state.stage < len(self.config.stages):
            stage = self.config.stages[self.state.stage]
            if stage.start == "best":
                checkpoint.load_weights(self.run.path / BEST, self.head)
            if stage.optimiser == "reset":
                self.optimiser = self._new_optimiser()
            self.average = averaged(self.head, self.config.train)
        self.meter.begin_epoch()
        self._save()

    def _run_stage(self, stage: StageConfig) -> None:
        statistics = self.statistics(stage)
        patience = self.config.train.patience
        while self.state.epoch < stage.epochs and self.state.since_best < patience:
            self._run_epoch(stage, statistics)
            self._end_epoch(stage)
        name = f"stage-{self.state.stage + 1}-{stage.name}.safetensors"
        checkpoint.save_weights(self.run.path / name, self.selected_head)

    def _run_epoch(self, stage: StageConfig, statistics: TrainStatistics) -> None:
        """Take the epoch's remaining steps. Random numbers depend on the seed and step alone."""
        every = self.batches(stage)
        self.take(stage, statistics, every[self.state.step :], len(every))

    def take(
        self, stage: StageConfig, statistics: TrainStatistics, batches: list[Rows], of: int
    ) -> None:
        """Take a step on each batch, of the epoch's `of`; a kill costs two minutes of them."""
        self.head.train()
        pin = self.device.type == "cuda"
        feed = self.examples.batches([self.rows[batch] for batch in batches], pin)
        for batch, inputs in zip(batches, self.meter.timed(feed), strict=True):
            moved = [packed.to(self.device, torch.float32) for packed in inputs]
            lr = rate(stage, (self.state.epoch + self.state.step / of) / stage.epochs)
            for group in self.optimiser.param_groups:
                group["lr"] = lr
            parts = self._step(stage, moved, batch, statistics)
            for name, value in parts.items():
                # The sum stays on the device: reading it here would make the step wait.
                self.state.sums[name] = self.state.sums.get(name, 0.0) + value
            self.state.step += 1
            self.state.steps += 1
            self.steps.add(self.state.steps, lr, parts)
            if time.monotonic() - self.saved > SAVE_EVERY_S:
                self._save()

    def _step(
        self, stage: StageConfig, inputs: list[Packed], batch: Rows, statistics: TrainStatistics
    ) -> dict[str, Tensor]:
        """Take one step. If memory runs out, repeat it with half as many utterances at a time."""
        while True:
            try:
                return self._try_step(stage, inputs, batch, statistics)
            except torch.OutOfMemoryError as problem:
                self._halve(inputs, problem)

    def _try_step(
        self, stage: StageConfig, inputs: list[Packed], batch: Rows, statistics: TrainStatistics
    ) -> dict[str, Tensor]:
        config = self.config
        rng = np.random.default_rng([config.seed, self.state.steps])
        torch.manual_seed(int(rng.integers(2**62)))  # dropout
        targets = self.targets.rows(batch).thinned(config.train.annotator_dropout, rng)
        targets = targets.smoothed(config.train.label_smoothing).to(self.device)
        self.optimiser.zero_grad(set_to_none=True)
        with self._autocast(), span("forward"):
            x = embed(self.head, inputs, self._micro)
            drawn = mixup.draw(config.mixup, len(batch), rng)
            if drawn is not None:
                partners, shares = (values.to(self.device, non_blocking=True) for values in drawn)
                x, targets = mixup.mix(x, partners, shares), targets.mixed(partners, shares)
            outputs = self.head.output(x)
        with span("loss"):
            loss, parts = total(config.loss, outputs, targets, statistics)
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
        return self.state.micro or self.config.train.micro or self.config.train.batch

    @property
    def at_once(self) -> int:
        """Return how many utterances are predicted at a time: no more than fitted in training."""
        return min(BATCH, self.state.micro or self.config.train.micro or BATCH)

    def _halve(self, inputs: list[Packed], problem: Exception) -> None:
        """Halve the number of utterances that are on the device at a time.

        Raises:
            DeviceError: the number is one already.
        """
        self.optimiser.zero_grad(set_to_none=True)
        self.state.micro = halved(self._micro, inputs, problem)
        say(
            f"{self.run.name}: out of memory; goes on with {self.state.micro} utterances on "
            f"{self.device} at once: the same but for dropout's draws and the time"
        )

    def statistics(self, stage: StageConfig) -> TrainStatistics:
        """Return the statistics of the training rows that a stage's losses need."""
        soft = self.targets.soft
        return TrainStatistics(
            weights=class_weights(soft, stage.class_weights).to(self.device),
            prior=(soft.sum(0) / soft.sum()).to(self.device),
            neutral=self.examples.neutral,
        )

    def _end_epoch(self, stage: StageConfig) -> None:
        """Score the dev split, keep the best weights, log the epoch and save a checkpoint."""
        cost = self.meter.epoch(self.state.step * self.config.train.batch)
        losses = {name: float(value) / self.state.step for name, value in self.state.sums.items()}
        if not math.isfinite(losses["loss"]):
            raise MedusaError(
                f"{self.run.path}: the loss of stage {stage.name}, epoch {self.state.epoch + 1} is "
                f"{losses['loss']}; train again with --force and a lower rate (--set "
                f"stages.{self.state.stage}.lr={stage.lr / 10:g}), or, where `medusa cache verify` "
                "finds damage, extract again"
            )
        if self.average is not None and self.config.train.average == "swa":
            self.average.update_parameters(self.head)
        dev = self.selector.rows
        logits, _ = predict(self.selected_head, self.examples, dev, self.device, self.at_once)
        score = self.selector.score(logits)
        self.state.since_best = 0 if score > self.state.stage_best else self.state.since_best + 1
        self.state.stage_best = max(score, self.state.stage_best)
        at = f"{stage.name} {self.state.epoch + 1}"
        if score > self.state.best:
            self.state.best, self.state.best_at = score, at
            checkpoint.save_weights(self.run.path / BEST, self.selected_head)
        others = {f"{name}_loss": losses[name] for name in auxiliary(self.config.loss)}
        self.run.log(
            epoch=self._epochs_before() + self.state.epoch + 1,
            stage=stage.name,
            train_loss=losses["loss"],
            class_loss=losses["class"],
            attribute_loss=losses["attribute"] if self.examples.has_attributes else None,
            **others,
            dev_loss=self.selector.loss(logits),
            dev_macro_f1=score,
            lr=self.optimiser.param_groups[0]["lr"],
            gradient_norm=losses["gradient_norm"],
            steps=self.state.step,
            **cost,
        )
        self.state.lines += 1
        self.state.epoch, self.state.step, self.state.sums = self.state.epoch + 1, 0, {}
        self.meter.begin_epoch()
        self._save()
        self.advance(1, f"{at}: dev macro-F1 {score:.3f}, best {self.state.best:.3f}")

    def batches(self, stage: StageConfig) -> list[Rows]:
        """Return this epoch's batches, each an array of training row numbers."""
        rng = np.random.default_rng([self.config.seed, self.state.stage, self.state.epoch])
        labels = self.examples.labels[self.rows]
        draw = Draw(stage.no_consensus, self.examples.neutral)
        order = SAMPLERS[stage.sampler](labels, rng, draw)
        size = self.config.train.batch
        return [order[start : start + size] for start in range(0, len(order), size)]

    def _new_optimiser(self) -> torch.optim.Optimizer:
        decay = self.config.train.weight_decay
        return torch.optim.AdamW(self.head.parameters(), weight_decay=decay, fused=True)

    def _autocast(self) -> AbstractContextManager[Any]:
        """Return a context that computes in bf16 if the GPU supports it, else in fp32."""
        if self.device.type == "cuda" and torch.cuda.is_bf16_supported():
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()

    def _epochs_before(self) -> int:
        """Return the number of epochs that earlier stages logged."""
        return self.state.lines - self.state.epoch

    def _save(self) -> None:
        self.state.cost = self.meter.counted()
        self.state.sums = {name: float(value) for name, value in self.state.sums.items()}
        self.steps.write()
        facts = dataclasses.asdict(self.state)
        path = self.run.path / CHECKPOINT
        checkpoint.save_training(path, self.head, self.optimiser, facts, self.average)
        self.saved = time.monotonic()

    def _forget_later_lines(self) -> None:
        """Drop the lines logged after the checkpoint, because those epochs are run again."""
        self.steps.forget_after(self.state.steps)
        path = self.run.path / METRICS
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            write_text(path, "".join(lines[: self.state.lines]))
