"""Workers of a Ray cluster predict recordings; each has the encoders and the heads in memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from medusa.console import progress
from medusa.distributed.batch_tasks import WHY, BatchTasks
from medusa.extract.encoders import pick_device
from medusa.inference.audio_input import AudioInput
from medusa.inference.parts import ModelParts
from medusa.inference.pipeline import Pipeline
from medusa.inference.prediction import Predicted

Numbered = tuple[int, AudioInput]


class RayPredictor:
    """An actor with a model in memory.

    Args:
        parts, places: the arguments of `Pipeline`.
        workspace: a folder that keeps the features and transcripts; None keeps nothing.
        threads: the number of CPUs of the actor.
    """

    def __init__(
        self,
        parts: ModelParts,
        places: Mapping[str, str],
        workspace: str | Path | None,
        threads: int,
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        self.pipeline, self.workspace = Pipeline(parts, pick_device("auto"), places), workspace

    def ready(self) -> None:
        """Return when the actor has started."""

    def run(self, batches: list[list[Numbered]]) -> tuple[dict[int, Predicted], list[str]]:
        """Predict some recordings; return the predictions by their numbers, and the problems."""
        numbered = [one for batch in batches for one in batch]
        found, problems = self.pipeline.predict([one for _, one in numbered], self.workspace)
        return {numbered[position][0]: one for position, one in found.items()}, problems


class RayPipeline(Pipeline):
    """The networks of a model on the workers of a cluster.

    Args:
        parts, places: the arguments of `Pipeline`.
        address, count: the cluster, and the number of workers; see `on_workers`.
    """

    def __init__(
        self, parts: ModelParts, places: Mapping[str, str], address: str, count: int
    ) -> None:
        super().__init__(parts, "cpu", places)
        self.address, self.count = address, count

    def predict(
        self, recordings: Sequence[AudioInput], workspace: str | Path | None
    ) -> tuple[dict[int, Predicted], list[str]]:
        """Predict recordings; see `Pipeline.predict`. The workers have equal shares of seconds."""
        batches = [[numbered] for numbered in enumerate(recordings)]
        costs = [one.end_s - one.start_s for one in recordings]
        tasks = BatchTasks[Numbered](lambda task: task, lambda numbered: str(numbered[0]))
        arguments = (self.parts, self.places, workspace)
        count = min(self.count, len(recordings))
        found, problems = dict[int, Predicted](), list[str]()
        given = (batches, costs, self.address, count, RayPredictor, arguments)
        with progress("predict", len(recordings)) as advance:
            for predicted, failed in tasks.run(*given):
                found |= predicted
                problems += failed
                advance(len(predicted))
        return found, [*problems, *(f"{one.path}: {WHY}" for _, one in tasks.aside)]
