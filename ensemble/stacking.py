"""A run of kind `stack`: a stacker is fitted on finished runs, and predicts all utterances."""

from collections.abc import Sequence
from dataclasses import replace

from medusa.console import say
from medusa.ensemble.comparison import summary_of
from medusa.ensemble.members import join
from medusa.ensemble.stack_inputs import inputs_of, train_set_of
from medusa.ensemble.stack_record import checked, record_of
from medusa.ensemble.stacker import Fitted, StackConfig
from medusa.ensemble.stackers import stacker_of
from medusa.ensemble.stored_stack import write_stack
from medusa.heads.runs.run_dir import METRICS, SUMMARY, RunDir
from medusa.manifests import Manifest


def stack(
    run: RunDir,
    members: Sequence[RunDir],
    manifest: Manifest,
    config: StackConfig,
    force: bool = False,
) -> bool:
    """Fit a stacker on finished runs and write its predictions as a run of its own.

    Args:
        run: the run to write; its folder is made.
        members: runs with predictions of the same utterances. A run that is named twice is taken
            once.
        manifest: the manifest on which they were trained.
        config: the stacker and its settings.
        force: replace a run of the same name.

    Returns:
        False if the run exists already, finished and with the same configuration.

    Raises:
        RunError: a setting is invalid; the members or the manifest do not fit together; the folder
            holds another run; or the stacker would learn from predictions that its members made
            for their own training data, and `config.in_sample` is false.
    """
    stacker = stacker_of(config)
    members = list({member.path.resolve(): member for member in members}.values())
    config = checked(config, members, run)
    joined = join(members)
    truth = joined.truth(manifest)
    inputs = inputs_of(joined, config)
    train = train_set_of(joined, truth, config) if stacker.learns else None
    if train is not None:
        config = replace(config, training=config.training.resolved(train.labels.tolist()))
    record = record_of(members, manifest, config)
    with run.locked():
        if not run.start(record, force):
            return False
        (run.path / METRICS).unlink(missing_ok=True)  # an interrupted attempt may have left lines
        if train is not None:
            say(train.described(config.fit_on, joined.classes))
        fitted = Fitted({}) if train is None else stacker.fit(train, config)
        for epoch, loss in enumerate(fitted.losses, start=1):
            run.log(epoch=epoch, stage="stack", train_loss=loss, lr=config.training.lr)
        output = stacker.predict(fitted.weights, inputs)
        write_stack(run, joined, stacker, fitted.weights, output)
        run.write_json(SUMMARY, summary_of(members, joined, truth, output, manifest, config))
        run.finish()
    return True
