"""What fits a head to its examples: training by steps, or a solution in closed form."""

from collections.abc import Callable

import torch

from medusa.heads.closed_form.fit import SHRINKAGES, ClosedForm
from medusa.heads.config import Config
from medusa.heads.examples.join import Examples
from medusa.heads.networks.discriminant import CLOSED_FORM
from medusa.heads.networks.fusion import Head, build
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.loop import Trainer, epochs_at_most
from medusa.heads.training.loss import auxiliary
from medusa.heads.training.scaling import standardise

Fitter = Trainer | ClosedForm


def _no_progress(amount: int = 1, note: str = "") -> None:
    pass


def make_fitter(
    examples: Examples,
    config: Config,
    run: RunDir,
    device: torch.device,
    advance: Callable[..., None] = _no_progress,
) -> Fitter:
    """Build the head, and return what fits it: by steps, or in closed form.

    Args:
        examples: features and labels, with splits `train` and `dev`.
        config: the head's settings.
        run: where metrics and checkpoints are written.
        device: where to compute.
        advance: called after every epoch, or every shrinkage that was tried.
    """
    if config.head.name in CLOSED_FORM:
        head = build_network(examples, config)
        return ClosedForm(head, examples, config, run, device, advance)
    return make_trainer(examples, config, run, device, advance)


def make_trainer(
    examples: Examples,
    config: Config,
    run: RunDir,
    device: torch.device,
    advance: Callable[..., None] = _no_progress,
) -> Trainer:
    """Build the head from its seed, and return what trains it by steps; see `make_fitter`."""
    return Trainer(build_network(examples, config), examples, config, run, device, advance)


def build_network(examples: Examples, config: Config) -> Head:
    """Build the head from its seed, with the scales of its training rows."""
    torch.manual_seed(config.seed)
    head = build(config.head, examples.widths, len(examples.classes), auxiliary(config.loss))
    standardise(head.scales, examples)
    return head


def progress_total(config: Config) -> int:
    """Return how often the fit of a head and of its folds calls `advance`, at most."""
    if config.head.name in CLOSED_FORM:
        return len(SHRINKAGES) * (1 + config.train.folds)
    return epochs_at_most(config)
