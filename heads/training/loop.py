"""The training loop: stages of epochs of steps, resumable at any moment."""

import math
import time
from typing import cast

import torch
from torch import Tensor
from torch.profiler import record_function as span

from medusa.cache import Packed
from medusa.console import say
from medusa.errors import MedusaError
from medusa.heads.config import Config, StageConfig
from medusa.heads.examples.join import Rows
from medusa.heads.networks.head import Head
from medusa.heads.networks.layer_sum import layer_weights, parameter_groups
from medusa.heads.networks.memory import halved
from medusa.heads.training.checkpoint import BEST, TrainingState, load_weights, save_weights
from medusa.heads.training.fitter import HeadFitter
from medusa.heads.training.loss import auxiliary
from medusa.heads.training.meter import StepLog
from medusa.heads.training.predict import BATCH, predict
from medusa.heads.training.step import averaged, clip, compute_gradients, rate
from medusa.heads.training.train_rows import TrainRows, TrainStatistics
from medusa.randomness import random_stream, seed_for

SAVE_EVERY_S = 120.0  # A kill loses at most this much training.


class Trainer(HeadFitter):
    """Train one head to the end of its stages."""

    state: TrainingState

    def _set_up(self) -> None:
        self.state = TrainingState()
        self.identity = self.run.digest() if self.run.exists else ""
        self.train_rows = TrainRows.of(self.examples, self.config)
        self.example_rows = self.train_rows.rows
        self.optimiser = self._new_optimiser()
        self.average = averaged(self.head, self.config.train)
        self.step_log = StepLog(self.run.path)
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
        self.state = TrainingState.resume(
            self.run, self.head, self.optimiser, self.average, self.identity
        )
        self.step_log.forget_after(self.state.steps)
        self.meter.go_on(self.state.cost)
        while self.state.stage < len(self.config.stages):
            self._run_stage(self.config.stages[self.state.stage])
            self._next_stage()
        load_weights(self.run.path / BEST, self.head, self.identity)

    def _next_stage(self) -> None:
        """Enter the next stage and save the state: the first epoch may replace the best weights."""
        self.state.stage += 1
        self.state.epoch, self.state.stage_best, self.state.since_best = 0, -1.0, 0
        if self.state.stage < len(self.config.stages):
            stage = self.config.stages[self.state.stage]
            if stage.start == "best":
                load_weights(self.run.path / BEST, self.head, self.identity)
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
        save_weights(self.run.path / name, self.selected_head, self.identity)

    def _run_epoch(self, stage: StageConfig, statistics: TrainStatistics) -> None:
        """Take the epoch's remaining steps. Random numbers depend on the seed and step alone."""
        every = self.draw_batches(stage)
        self.take(stage, statistics, every[self.state.step :], len(every))

    def take(
        self,
        stage: StageConfig,
        statistics: TrainStatistics,
        batches: list[Rows],
        in_epoch: int,
    ) -> None:
        """Take a step on each batch; the epoch has `in_epoch`. A kill costs two minutes of them."""
        self.head.train()
        pin = self.device.type == "cuda"
        feed = self.examples.read_batches([self.example_rows[batch] for batch in batches], pin)
        for batch, inputs in zip(batches, self.meter.timed(feed), strict=True):
            moved = [packed.to(self.device, torch.float32) for packed in inputs]
            lr = rate(stage, (self.state.epoch + self.state.step / in_epoch) / stage.epochs)
            for group in self.optimiser.param_groups:
                group["lr"] = lr * group["rate"]
            parts = self._step_within_memory(stage, moved, batch, statistics)
            for name, value in parts.items():
                # The sum stays on the device: reading it here would make the step wait.
                self.state.sums[name] = self.state.sums.get(name, 0.0) + value
            self.state.step += 1
            self.state.steps += 1
            self.step_log.add(self.state.steps, lr, parts)
            if time.monotonic() - self.saved > SAVE_EVERY_S:
                self._save()

    def _step_within_memory(
        self, stage: StageConfig, inputs: list[Packed], batch: Rows, statistics: TrainStatistics
    ) -> dict[str, Tensor]:
        """Take one step. If memory runs out, repeat it with half as many utterances at a time."""
        while True:
            try:
                return self._update_weights(stage, inputs, batch, statistics)
            except torch.OutOfMemoryError as problem:
                self._halve(inputs, problem)

    def _update_weights(
        self, stage: StageConfig, inputs: list[Packed], batch: Rows, statistics: TrainStatistics
    ) -> dict[str, Tensor]:
        settings, seed, step = self.config.train, self.config.seed, self.state.steps
        torch.manual_seed(seed_for(seed, "dropout", step))
        left_out = random_stream(seed, "annotator dropout", step)
        mixed = random_stream(seed, "mixup", step)
        targets = self.train_rows.targets.select(batch)
        targets = targets.thinned(settings.annotator_dropout, left_out)
        targets = targets.smoothed(settings.label_smoothing).to(self.device)
        self.optimiser.zero_grad(set_to_none=True)
        parts = compute_gradients(
            self.head, inputs, targets, statistics, self.config, self._micro, mixed
        )
        with span("optimiser"):
            norm = clip(self.head, stage.clip)
            self.optimiser.step()
        if self.average is not None and settings.average == "ema":
            self.average.update_parameters(self.head)
        return parts | {"gradient_norm": norm.detach()}

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
        return self.train_rows.statistics(stage, self.device)

    def _end_epoch(self, stage: StageConfig) -> None:
        """Score the dev split, keep the best weights, log the epoch and save a checkpoint."""
        cost = self.meter.epoch(self.state.step * self.config.train.batch)
        losses = self._mean_losses(stage)
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
            save_weights(self.run.path / BEST, self.selected_head, self.identity)
        weights = layer_weights(self.selected_head.scales)
        self.run.log(
            epoch=self.state.epochs_before + self.state.epoch + 1,
            stage=stage.name,
            train_loss=losses["loss"],
            class_loss=losses["class"],
            attribute_loss=losses["attribute"] if self.examples.has_attributes else None,
            **{f"{name}_loss": losses[name] for name in auxiliary(self.config.loss)},
            dev_loss=self.selector.loss(logits),
            dev_macro_f1=score,
            lr=self.optimiser.param_groups[0]["lr"],
            gradient_norm=losses["gradient_norm"],
            steps=self.state.step,
            **({"layer_weights": weights} if weights else {}),
            **cost,
        )
        self.state.lines += 1
        self.state.epoch, self.state.step, self.state.sums = self.state.epoch + 1, 0, {}
        self.meter.begin_epoch()
        self._save()
        epoch = f"stage {stage.name}, epoch {self.state.epoch}"
        self.advance(1, f"{epoch}: dev macro-F1 {score:.3f}, best {self.state.best:.3f}")

    def _mean_losses(self, stage: StageConfig) -> dict[str, float]:
        """Return the means of this epoch's losses over its steps.

        Raises:
            MedusaError: the loss is infinite or not a number.
        """
        means = {name: float(value) / self.state.step for name, value in self.state.sums.items()}
        if not math.isfinite(means["loss"]):
            raise MedusaError(
                f"{self.run.path}: the loss of stage {stage.name}, epoch {self.state.epoch + 1} is "
                f"{means['loss']}; train again with --force and a lower rate (--set "
                f"stages.{self.state.stage}.lr={stage.lr / 10:g}), or, where `medusa cache verify` "
                "finds damage, extract again"
            )
        return means

    def draw_batches(self, stage: StageConfig) -> list[Rows]:
        """Return this epoch's batches, each an array of training row numbers."""
        rng = random_stream(self.config.seed, "batches", self.state.stage, self.state.epoch)
        return self.train_rows.batches(stage, self.config.train.batch, rng)

    def _new_optimiser(self) -> torch.optim.Optimizer:
        settings = self.config.train
        groups = parameter_groups(self.head, settings.weight_decay, settings.layer_rate)
        return torch.optim.AdamW(groups, fused=True)

    def _save(self) -> None:
        self.state.cost = self.meter.counted()
        self.step_log.write()
        self.state.save(self.run, self.head, self.optimiser, self.average, self.identity)
        self.saved = time.monotonic()
