"""The fit of a convex head: settings by folds of training speakers, then all training rows."""

import numpy as np
import torch

from medusa.console import say
from medusa.errors import MedusaError, plural
from medusa.heads.closed_form.reader import RowReader, check_classes, check_numbers
from medusa.heads.config import Config
from medusa.heads.convex.choice import Candidate, judged, out_of_fold, scaling, set_scores
from medusa.heads.convex.classifiers import CLASSIFIERS, Array, Settings
from medusa.heads.convex.ridge import ridge
from medusa.heads.convex.speaker_folds import FOLDS, check_folds, speaker_folds
from medusa.heads.examples.join import Rows
from medusa.heads.runs.run_dir import METRICS
from medusa.heads.training.fitter import FitState, HeadFitter
from medusa.scoring import NO_CONSENSUS

MOST_NUMBERS = 1_000_000_000  # So many numbers take 8 GB.
MOST_ROWS = 12_000  # So many rows have kernels of 1.2 GB.


class ConvexFitter(HeadFitter):
    """Fit a head of scikit-learn's kind. Stages, losses, MixUp and the seed have no effect."""

    unit = "fit"

    def _set_up(self) -> None:
        self.head.eval()
        self.state, self.example_rows = FitState(), self.examples.rows("train")
        self.classifier = CLASSIFIERS[self.config.head.name]
        self.reader = RowReader(self.head, self.examples, self.device, self.at_once)
        check_classes(self.examples, self.example_rows, f"the head {self.config.head.name}")
        _check_size(len(self.example_rows), self.head.fusion.out_width, self.classifier.keeps_rows)

    @staticmethod
    def calls_at_most(config: Config) -> int:
        return FOLDS + 1

    def fit(self) -> None:
        """Choose the settings, fit them on all training rows, and score dev, which chose nothing.

        Raises:
            MedusaError: features are not numbers, or the speakers cannot be divided into folds.
        """
        (self.run.path / METRICS).unlink(missing_ok=True)  # An interrupted run may have left it.
        x, labels, folds = self._pooled(), self.examples.labels[self.example_rows], self._folds()
        known = labels != NO_CONSENSUS
        check_folds(labels[known], folds[known], self.examples.classes)
        best = self._choose(x[known], labels[known], folds[known])
        mean, deviation = scaling(x[known])
        x = (x - mean) / deviation
        classes = len(self.examples.classes)
        fit = next(self.classifier.fit(x[known], labels[known], classes, [best.settings]))
        set_scores(self.head.output, fit.arrays)
        values = {"mean": mean, "std": deviation, "scale": best.scale, "floor": best.floor}
        for name, value in values.items():
            self.head.output.get_buffer(name).copy_(torch.as_tensor(value))
        ratings = self.examples.ratings[self.example_rows].double().numpy()
        self._set_attributes(*ridge(x, ratings, folds))
        self._score_dev(best, fit.converged)

    def _pooled(self) -> Array:
        """Return x (N, D) of the training rows."""
        parts = [x.double().cpu().numpy() for x, _ in self.reader.averages(self.example_rows)]
        x: Array = np.concatenate(parts)
        check_numbers(bool(np.isfinite(x).all()), self.examples)
        return x

    def _folds(self) -> Rows:
        speakers = self.examples.speakers[self.example_rows]
        if unknown := int((speakers == "").sum()):
            say(
                f"{self.run.name}: {plural(unknown, 'training utterance')} without a speaker; each "
                "counts as a speaker of its own in the folds that choose the settings"
            )
        return speaker_folds(speakers)

    def _choose(self, x: Array, labels: Rows, folds: Rows) -> Candidate:
        """Return the settings with the smallest out-of-fold loss, the simplest of equal ones."""
        output, grid = self.head.output, self.classifier.grid(x.shape[1])
        scores, converged = out_of_fold(output, self.classifier, x, labels, folds, self.advance)
        tried = [
            judged(self.classifier, settings, scores[number], labels, converged[number])
            for number, settings in enumerate(grid)
        ]
        for one in tried:
            self.run.log(
                **one.settings,
                out_of_fold_loss=one.loss,
                out_of_fold_macro_f1=one.macro_f1,
                converged=one.converged,
            )
        if unsolved := [_words(one.settings) for one in tried if not one.converged]:
            say(
                f"{self.run.name}: the solver did not converge with {'; '.join(unsolved)}, so "
                "these settings may be judged too low; use fewer features, or head.name=svm"
            )
        return min(tried, key=lambda one: one.loss)

    @torch.no_grad()
    def _set_attributes(self, weights: Array, bias: Array) -> None:
        self.head.output.attributes.weight.copy_(torch.from_numpy(weights))
        self.head.output.attributes.bias.copy_(torch.from_numpy(bias))

    @torch.no_grad()
    def _score_dev(self, best: Candidate, converged: bool) -> None:
        averages = self.reader.averages(self.selector.rows)
        parts = [self.head.output(x)["classes"].float().cpu() for x, _ in averages]
        logits = torch.cat(parts).numpy()
        score, loss = self.selector.score(logits), self.selector.loss(logits)
        at = _words(best.settings)
        self.state.best, self.state.best_at = score, at
        self.run.log(**best.settings, dev_loss=loss, dev_macro_f1=score, converged=converged)
        if not converged:
            say(
                f"{self.run.name}: the solver did not converge with {at}, so the scores may be "
                "too low; use fewer features, or head.name=svm"
            )
        self.advance(1, f"{at}: dev macro-F1 {score:.3f}")


def _words(settings: Settings) -> str:
    """Return settings as `C 0.1, gamma 0.02`."""
    return ", ".join(f"{name} {value:g}" for name, value in settings.items())


def _check_size(rows: int, width: int, keeps_rows: bool) -> None:
    """Refuse more training rows or channels than memory and time allow."""
    if rows * width > MOST_NUMBERS:
        raise MedusaError(
            f"head.name: {rows} training utterances of {width} channels take "
            f"{8e-9 * rows * width:.0f} GB; expected at most 8; name fewer features or layers, or "
            "set head.pooling to mean"
        )
    if keeps_rows and rows > MOST_ROWS:
        raise MedusaError(
            f"head.name: it compares every pair of the {rows} training utterances; expected at "
            f"most {MOST_ROWS}; use head.name=logistic or discriminant"
        )
