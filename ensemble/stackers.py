"""All stackers by name (paper, sections 3.5 and 3.6). Each one imports its libraries when used."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from medusa.ensemble.soup import SOUPS
from medusa.ensemble.stacker import (
    INPUTS,
    Fitted,
    StackConfig,
    Stacker,
    StackInputs,
    StackOutput,
    TrainSet,
    Weights,
)
from medusa.errors import ConfigError, RunError, nearest
from medusa.strict import parse, set_value

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

LEARNING = ("fit_on", "in_sample")
READING = (*LEARNING, "inputs", "with_attributes")


class LinearSoup(Stacker):
    """The paper's meta-classifier: one linear map per seed, and the average of these maps."""

    summary = "a linear meta-classifier, the average of maps from several seeds"
    options = (*READING, "seeds", "soup", "training")
    stored = "float32"

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        from medusa.ensemble.linear import fit_soup

        return fit_soup(train, config)

    def predict(self, weights: Weights, inputs: StackInputs) -> StackOutput:
        from medusa.ensemble.linear import apply_soup

        return apply_soup(weights, inputs)

    def title(self, config: StackConfig) -> tuple[str, str]:
        name = SOUPS[config.soup].title.format(config.seeds)
        return name, "stacker" if config.soup == "none" else "soup"


class AveragedAttributes(Stacker):
    """A stacker that predicts logits; its attributes are the mean of the members' attributes."""

    def predict(self, weights: Weights, inputs: StackInputs) -> StackOutput:
        from medusa.ensemble.voting import mean_attributes

        return StackOutput(self.logits(weights, inputs), mean_attributes(inputs.attributes))

    @abstractmethod
    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        """Return logits (B, C)."""


class MajorityVote(AveragedAttributes):
    """Every member has one vote."""

    summary = "a majority vote, with ties decided by the mean of the posteriors"

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.voting import majority_vote

        return majority_vote(inputs.posteriors)


class SoftVote(AveragedAttributes):
    """The posteriors of all members count equally."""

    summary = "the mean of the posteriors"

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.voting import soft_vote

        return soft_vote(inputs.posteriors)


class ProductVote(AveragedAttributes):
    """The log-posteriors of all members count equally."""

    summary = "the mean of the log-posteriors"

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.voting import product_vote

        return product_vote(inputs.posteriors)


class OpinionPool(AveragedAttributes):
    """The logarithmic opinion pool: one weight per member and one bias per class."""

    summary = "a weighted product of the posteriors, with one weight per member"
    options = LEARNING

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        from medusa.ensemble.opinion_pool import fit_pool

        learnt, members = fit_pool(train.posteriors, train.labels), len(train.posteriors)
        return Fitted({"weights": learnt[:members], "bias": learnt[members:]})

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.opinion_pool import pooled

        return pooled(weights["weights"], weights["bias"], inputs.posteriors)


class ShrunkenMap(AveragedAttributes):
    """A linear map that is shrunk towards the soft vote, as strongly as the rows require."""

    summary = "a linear map that is shrunk towards the soft vote"
    options = (*READING, "prior")

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        from medusa.ensemble.shrunken_map import fit_shrunken

        return Fitted(fit_shrunken(train, config.prior))

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.shrunken_map import apply_shrunken, evidence_of

        return apply_shrunken(weights, evidence_of(inputs.posteriors, inputs.matrix))


class LogisticRegressionStacker(AveragedAttributes):
    """Logistic regression of scikit-learn, kept as a linear map."""

    summary = "a logistic regression"
    options = READING

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        from medusa.ensemble.scikit_learn import fit_logistic

        return Fitted(fit_logistic(train))

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.scikit_learn import apply_map

        return apply_map(weights, inputs.matrix)


class SupportVectorStacker(LogisticRegressionStacker):
    """Linear support vector machines of scikit-learn, kept as a linear map."""

    summary = "linear support vector machines"

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        from medusa.ensemble.scikit_learn import fit_svm

        return Fitted(fit_svm(train))


class NetworkStacker(AveragedAttributes):
    """Networks of scikit-learn with one hidden layer, one for each seed."""

    summary = "networks with one hidden layer"
    options = (*READING, "seeds")

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        from medusa.ensemble.scikit_learn import fit_mlp

        return Fitted(fit_mlp(train, config.seeds))

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.scikit_learn import apply_mlp

        return apply_mlp(weights, inputs.matrix)


class ForestStacker(AveragedAttributes):
    """Random forests of scikit-learn in five folds (Ueda et al. 2025)."""

    summary = "random forests in five folds"
    options = READING

    def fit(self, train: TrainSet, config: StackConfig) -> Fitted:
        from medusa.ensemble.forest import fit_forest

        return Fitted(fit_forest(train))

    def logits(self, weights: Weights, inputs: StackInputs) -> "Array":
        from medusa.ensemble.forest import apply_forest

        return apply_forest(weights, inputs.matrix)


STACKERS: dict[str, Stacker] = {
    "shrunken": ShrunkenMap(),
    "linear": LinearSoup(),
    "opinion-pool": OpinionPool(),
    "majority": MajorityVote(),
    "soft": SoftVote(),
    "product": ProductVote(),
    "logreg": LogisticRegressionStacker(),
    "svm": SupportVectorStacker(),
    "mlp": NetworkStacker(),
    "forest": ForestStacker(),
}


def stacker_of(config: StackConfig) -> Stacker:
    """Return the stacker of a configuration.

    Raises:
        RunError: a setting is a name that does not exist, or a number that is too small.
    """
    for name, known in (("method", STACKERS), ("inputs", INPUTS), ("soup", SOUPS)):
        value = getattr(config, name)
        if value not in known:
            hint = nearest(value, known)
            raise RunError(f"{name} {value!r}: expected one of {', '.join(known)}{hint}")
    training = {f"training.{key}": value for key, value in asdict(config.training).items()}
    for name, number in (("seeds", config.seeds), *training.items()):
        least = 1 if name in ("seeds", "training.epochs", "training.batch") else 0
        if number is not None and not number >= least:
            raise RunError(f"{name} {number}: expected at least {least}")
    if not 0 <= config.prior <= 1:
        raise RunError(f"prior {config.prior}: expected a number from 0 to 1")
    return STACKERS[config.method]


def record(config: StackConfig) -> dict[str, Any]:
    """Return the settings for a run's configuration: the method and the options that it reads.

    A prior of 0 is left out, so that stacks of versions without a prior keep their identity.
    """
    read = {"method", *STACKERS[config.method].options} - (set() if config.prior else {"prior"})
    return {key: value for key, value in asdict(config).items() if key in read}


# The settings that `medusa stack --set` changes; the other ones have options of their own.
SETTINGS = tuple(one.name for one in fields(StackConfig) if one.name not in ("method", *LEARNING))


def with_settings(config: StackConfig, overrides: Sequence[str]) -> StackConfig:
    """Return a configuration with `key=value` overrides, such as `training.epochs=20`.

    Raises:
        ConfigError: a key does not exist, the method does not read it, or its value is of another
            type. All problems are listed.
    """
    values: dict[str, Any] = {}
    problems = [line for one in overrides for line in set_value(values, one)]
    known = {key: value for key, value in values.items() if key in SETTINGS}
    for key in values:
        if key not in SETTINGS:
            hint = nearest(key, SETTINGS)
            problems.append(f"--set {key}: expected one of {', '.join(SETTINGS)}{hint}")
        elif key not in STACKERS[config.method].options:
            problems.append(f"--set {key}: --method {config.method} does not read it")
    parsed = parse(StackConfig, known, "", problems)
    if problems:
        raise ConfigError("\n  ".join(["the settings of the stack:", *problems]))
    return replace(config, **{key: getattr(parsed, key) for key in known})
