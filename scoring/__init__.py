"""Evaluation: the scores of predictions, and the comparison of two predictions.

Predictions (a table of logits per utterance id) come in, and a manifest gives the truth. Plain
numbers go out: scores of confusion matrices (C, C), bootstrap intervals, chance levels and p
values. `predictions` stores predictions, `truth` looks up their labels, `metrics` has the formulas
and the list of scores, `resampling` has the bootstrap, `significance` the paired comparisons.
`calibration/` judges the posteriors, and `distributions/` compares them with the raters.

This room imports manifests and the root modules, never heads, ensembles, reports or recipes.
The door: `Predictions`, `truth_of`, `judge` (all scores of one run's predictions), `judge_folds`
(of a cross-validation), `score_runs` (many runs on the same resamples) and `gains` (one prediction
compared with several others).
"""

from medusa.scoring.calibration.reliability import CALIBRATION
from medusa.scoring.calibration.temperature import temperature_effect
from medusa.scoring.cross_validated import judge_folds
from medusa.scoring.distributions.human_agreement import (
    agreement_sentence,
    human_agreement,
    vote_counts,
)
from medusa.scoring.distributions.measures import MEASURES
from medusa.scoring.metrics import (
    SCORES,
    balanced_draws,
    balanced_macro_f1_of,
    chance_macro_f1,
    confusion,
    macro_f1,
    majority_macro_f1,
    mean_macro_f1_over_draws,
)
from medusa.scoring.predictions import (
    NOT_A_FOLD,
    Predictions,
)
from medusa.scoring.resampling import (
    FEW_BLOCKS,
    interval,
    interval_of_mean,
    resampled_confusions,
)
from medusa.scoring.run_scores import (
    RunScores,
    score_runs,
)
from medusa.scoring.scores import (
    class_interval,
    judge,
    mean_scores,
)
from medusa.scoring.significance import (
    gains,
    holm,
    paired,
    two_sided,
)
from medusa.scoring.truth import (
    NO_CONSENSUS,
    Truth,
    judging_split,
    training_prior,
    truth_of,
    unpredicted,
)

__all__ = [
    "CALIBRATION",
    "FEW_BLOCKS",
    "MEASURES",
    "NOT_A_FOLD",
    "NO_CONSENSUS",
    "SCORES",
    "Predictions",
    "RunScores",
    "Truth",
    "agreement_sentence",
    "balanced_draws",
    "balanced_macro_f1_of",
    "chance_macro_f1",
    "class_interval",
    "confusion",
    "gains",
    "holm",
    "human_agreement",
    "interval",
    "interval_of_mean",
    "judge",
    "judge_folds",
    "judging_split",
    "macro_f1",
    "majority_macro_f1",
    "mean_macro_f1_over_draws",
    "mean_scores",
    "paired",
    "resampled_confusions",
    "score_runs",
    "temperature_effect",
    "training_prior",
    "truth_of",
    "two_sided",
    "unpredicted",
    "vote_counts",
]
