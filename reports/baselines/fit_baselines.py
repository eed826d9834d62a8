"""Fit the baselines of a workspace, and judge them: the function behind `medusa baseline`."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial

import torch

from medusa.heads.queue import baseline_specs as listing
from medusa.heads.queue.fit_heads import fit_heads
from medusa.heads.queue.results import raise_problems
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadResult, HeadSpec
from medusa.manifests import Manifest
from medusa.reports.baselines.compared_run import features_and_text, finished_named
from medusa.reports.baselines.comparison_table import BaselineTable, compare_baselines
from medusa.workspace import Workspace

LAYERS = ".baseline-layers"  # This folder in `runs/` has the heads that choose the layers.
Fit = Callable[[Workspace, list[HeadSpec]], list[HeadResult]]


def fit_baselines(
    workspace: Workspace,
    run: str | None = None,
    *,
    features: Sequence[str] = (),
    heads: Sequence[str] = listing.HEADS,
    settings: Sequence[str] = (),
    name: str = "baseline",
    text: str | None = None,
    drop_missing: bool = False,
    force: bool = False,
    devices: str | Sequence[torch.device] = "auto",
    jobs: int = 1,
) -> BaselineTable:
    """Fit convex heads on every set of features, write the run of each, and judge them.

    The sets are each store, and all of them joined. A store with several layers gives its best
    layer, and all its layers joined; the best layer is chosen by logistic regression on folds of
    training speakers. Finished baselines are left alone. All baselines are trained and judged on
    the same utterances: those that have all these features and those of the run.

    Args:
        workspace: with manifest and features.
        run: a finished head or stack to compare with the baselines.
        features: the features to read, as `medusa fit-head --backbones` takes them; by default
            every store.
        heads: the heads to fit, such as `logistic`, `svm` and `knn`.
        settings: `key=value`, the same for all heads, such as `head.pooling=functionals`.
        name: the beginning of the names of the runs.
        text: the source of the texts; by default that of the run.
        drop_missing: whether utterances that lack features are left out instead of refused.
        force: whether finished baselines are replaced.
        devices, jobs: as for `fit_heads`.

    Raises:
        RunError: the run is missing, not finished, or does not predict the same utterances.
        MedusaError: no baseline was trained. Problems of some baselines are in the result.
    """
    manifest = Manifest.read(workspace.manifest)
    compared = finished_named(workspace, run) if run else None
    sources = listing.feature_sources(workspace.feature_folders, features)
    required = [one[0] for one in sources.values()]
    if compared:
        also, texts = features_and_text(compared, workspace)
        required, text = [*required, *also], text or texts
    specs_of = partial(
        listing.baseline_specs,
        settings=settings,
        name=name,
        text=text,
        drop_missing=drop_missing,
        also_require=tuple(dict.fromkeys(required)),
        force=force,
    )
    fit = partial(fit_heads, devices=devices, jobs=jobs)
    losses = _losses_of_layers(workspace, sources, specs_of, fit)
    best = {source: min(layers, key=layers.__getitem__) for source, layers in losses.items()}
    results = fit(workspace, specs_of(listing.baseline_sets(sources, best), heads))
    problems = {result.spec.name: result.problem for result in results if result.problem}
    if len(problems) == len(results):
        raise_problems(results)
    runs = [RunDir(workspace.runs / result.run) for result in results if result.run]
    others = [one for one in runs if compared is None or one.name != compared.name]
    return compare_baselines(others, compared, manifest, losses, problems)


def _losses_of_layers(
    workspace: Workspace,
    sources: listing.FeatureSets,
    specs_of: Callable[..., list[HeadSpec]],
    fit: Fit,
) -> dict[str, dict[str, float]]:
    """Return the loss of each layer on left-out training speakers, for sources with several layers.

    Raises:
        MedusaError: a layer could not be judged.
    """
    hidden = dataclasses.replace(workspace, runs=workspace.runs / LAYERS)
    results = fit(hidden, specs_of(listing.layer_sets(sources), ("logistic",)))
    raise_problems(results)
    losses = dict[str, float]()
    for result in results:
        lines = RunDir(hidden.runs / result.run).metrics()
        tried = [line["out_of_fold_loss"] for line in lines if "out_of_fold_loss" in line]
        losses[result.spec.features[0]] = min(tried)
    return {
        source: {feature: losses[feature] for feature in layers}
        for source, layers in sources.items()
        if len(layers) > 1
    }
