"""From a workspace and a configuration to the head that is to be trained."""

from dataclasses import replace

from medusa.errors import DataError
from medusa.heads.examples.shots import draw_shots
from medusa.heads.fitting.check_choices import check_choices
from medusa.heads.fitting.folds import folds_of
from medusa.heads.fitting.head_job import HeadJob
from medusa.heads.fitting.joined import join_workspace
from medusa.heads.fitting.record import record_of
from medusa.heads.networks.fusion import average_frames_of
from medusa.heads.spec import HeadSpec
from medusa.workspace import Workspace


def prepare(workspace: Workspace, spec: HeadSpec) -> HeadJob:
    """Find the features, texts and labels of a workspace and join them.

    Args:
        workspace: with manifest and features.
        spec: the head.

    Raises:
        MedusaError: there is no manifest, no split, or no such features, or the configuration
            names something unknown.
    """
    config = spec.config
    check_choices(config)
    joined = join_workspace(workspace, spec, average_frames_of(config.head))
    examples = joined.examples
    if config.head.normalise_speakers:
        examples = examples.normalise_speakers()
    if config.train.shots is not None:
        shots = draw_shots(examples, config.train.shots, config.seed)
        examples = replace(examples, shots=shots)
    if config.loss.neutral_weight and examples.neutral is None:
        raise DataError("loss.neutral_weight: the label scheme has no class 'neutral'; set it to 0")
    folds = folds_of(joined.tied, examples.ids, config.train.folds)
    return HeadJob(spec, joined.chosen, examples, folds, record_of(joined, config), joined.notes)
