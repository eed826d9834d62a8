"""A stack on disk: its weights and predictions are written, read and applied again."""

from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load_file, save

from medusa.ensemble.members import Members, align
from medusa.ensemble.stack_inputs import inputs_of
from medusa.ensemble.stacker import StackConfig, Stacker, StackOutput, Weights
from medusa.ensemble.stackers import stacker_of
from medusa.errors import RunError
from medusa.foreign import foreign
from medusa.heads.runs.run_dir import PREDICTIONS, WEIGHTS, RunDir
from medusa.scoring import Predictions
from medusa.seal import OPEN, read_sealed, write_sealed


def predictions_of(run: RunDir, members: Members, output: StackOutput) -> Predictions:
    """Return the output of a stacker as the predictions of its run."""
    return Predictions.of(
        members.ids,
        members.splits.tolist(),
        output.logits,
        output.attributes,
        members.classes,
        run.digest(),
    )


def write_stack(
    run: RunDir, members: Members, stacker: Stacker, weights: Weights, output: StackOutput
) -> None:
    """Write the predictions for every split and, if the stacker learns, its weights."""
    predictions_of(run, members, output).write(run.path / PREDICTIONS)
    if stacker.learns:
        stored = {
            name: np.ascontiguousarray(values, stacker.stored) for name, values in weights.items()
        }
        about = {"run": run.digest(), "seal": OPEN}
        write_sealed(run.path / WEIGHTS, save(stored, about), durable=False)


def read_weights(run: RunDir, stacker: Stacker) -> Weights:
    """Return the stored weights of a stack.

    Raises:
        RunError: the stacker learns, and the file is missing or damaged.
    """
    if not stacker.learns:
        return {}
    path = run.file(WEIGHTS)
    if not path.exists():
        raise RunError(
            f"{path}: expected the weights of the stacker, found no file; make the run again with "
            "--force"
        )
    with foreign(
        RunError,
        lambda reason: f"{path}: not readable ({reason}); make the run again with --force",
    ):
        read_sealed(path)
        return dict(load_file(path))


@dataclass(frozen=True)
class StoredStack:
    """A finished run of kind `stack`, with the stacker and the weights that predict.

    Attributes:
        run: the run.
        config: its settings, as far as the prediction reads them.
        stacker, weights: the method and its stored arrays.
    """

    run: RunDir
    config: StackConfig
    stacker: Stacker
    weights: Weights

    @classmethod
    def read(cls, run: RunDir) -> "StoredStack":
        """Read the settings and the weights of a run.

        Raises:
            RunError: the weights are missing.
        """
        record = run.config()
        config = StackConfig(
            record["method"],
            inputs=record.get("inputs", "posteriors"),
            with_attributes=record.get("with_attributes", False),
        )
        stacker = stacker_of(config)
        return cls(run, config, stacker, read_weights(run, stacker))

    def predict(self, predictions: dict[str, Predictions]) -> Predictions:
        """Predict the utterances that all members predict.

        Args:
            predictions: the predictions of each member, by name and in its order.
        """
        members = align(predictions, how="inner")
        output = self.stacker.predict(self.weights, inputs_of(members, self.config))
        return predictions_of(self.run, members, output)
