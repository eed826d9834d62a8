"""The configuration of a stack's run, and the checks of the splits that it learns from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from medusa.ensemble.members import trained_on
from medusa.ensemble.stacker import OUT_OF_FOLD, StackConfig
from medusa.ensemble.stackers import record, stacker_of
from medusa.errors import RunError, listed
from medusa.heads.runs.run_dir import FORMAT, RunDir
from medusa.manifests import Manifest


def checked(config: StackConfig, members: Sequence[RunDir], run: RunDir) -> StackConfig:
    """Return the configuration with `in_sample` set to whether the members learnt from the split.

    Raises:
        RunError: a setting is invalid; the run is its own member; `fit_on` is `test`; or the
            members learnt from the split and `in_sample` is false.
    """
    learns = stacker_of(config).learns
    if run.path.resolve() in [member.path.resolve() for member in members]:
        raise RunError(f"{run.name} cannot be a member of itself; give the stack another --name")
    if learns and config.fit_on == "test":
        raise RunError("--fit-on test: that split only judges; fit on dev or out-of-fold")
    fitted = [m.name for m in members if config.fit_on in trained_on(m.config())]
    in_sample = learns and bool(fitted)
    if in_sample and not config.in_sample:
        raise RunError(
            f"--fit-on {config.fit_on}: {listed(fitted)} learnt from that split, and their "
            "predictions there are better than on new data; leave them out, fit on "
            "another split, or insist with --in-sample"
        )
    return replace(config, in_sample=in_sample)


def record_of(members: Sequence[RunDir], manifest: Manifest, config: StackConfig) -> dict[str, Any]:
    """Return the content of the run's config.yaml."""
    configs = [member.config() for member in members]
    splits = {split for one in configs for split in trained_on(one)}
    if stacker_of(config).learns:
        splits |= {config.fit_on} - {OUT_OF_FOLD}
    return {
        "kind": "stack",
        "format": FORMAT,
        "train_split": configs[0].get("train_split", "train"),
        "trained_on": sorted(splits),
        "manifest": manifest.digest(),
        "classes": list(manifest.scheme.classes),
        "members": [{"name": member.name, "digest": member.digest()} for member in members],
        **record(config),
    }
