"""A head before it is fitted: its network, and its fitter (by steps, closed form, or convex)."""

from collections.abc import Callable

import torch

from medusa.heads.closed_form.fit import ClosedForm
from medusa.heads.config import Config
from medusa.heads.convex.fit import ConvexFitter
from medusa.heads.examples.join import Examples
from medusa.heads.networks.compile import compile_framewise
from medusa.heads.networks.head import HEADS, Head, build, device_of
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.training.fitter import HeadFitter
from medusa.heads.training.loop import Trainer
from medusa.heads.training.loss import auxiliary
from medusa.heads.training.scaling import standardise
from medusa.randomness import seed_for


def _no_progress(amount: int = 1, note: str = "") -> None:
    pass


def make_fitter(
    examples: Examples,
    config: Config,
    run: RunDir,
    device: torch.device,
    advance: Callable[..., None] = _no_progress,
) -> HeadFitter:
    """Build the head from its seed, and return its fitter.

    The arguments are those of `HeadFitter`.
    """
    device = device_of(config.head, device)
    return _kind(config)(build_network(examples, config), examples, config, run, device, advance)


def build_network(examples: Examples, config: Config) -> Head:
    """Build the head from its seed, with the scales of its training rows."""
    torch.manual_seed(seed_for(config.seed, "initial weights"))
    head = _network(examples, config)
    standardise(head.scales, examples)
    if config.train.compile:
        compile_framewise(head)
    return head


def empty_network(examples: Examples, config: Config) -> Head:
    """Return the head with the names and shapes of its weights, without memory for them."""
    with torch.device("meta"):
        return _network(examples, config)


def _network(examples: Examples, config: Config) -> Head:
    outputs = auxiliary(config.loss)
    return build(config.head, examples.widths, len(examples.classes), outputs, examples.layers)


def progress_of(config: Config) -> tuple[int, str]:
    """Return how often a fit of the head and its folds calls `advance`, at most; and the unit."""
    kind = _kind(config)
    return kind.calls_at_most(config) * (1 + config.train.folds), kind.unit


def _kind(config: Config) -> type[HeadFitter]:
    return FITTERS[HEADS[config.head.name].fitted_by]


# These are the fitters by the `fitted_by` of a network.
FITTERS: dict[str, type[HeadFitter]] = {
    "steps": Trainer,
    "moments": ClosedForm,
    "rows": ConvexFitter,
}
