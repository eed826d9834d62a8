"""The frozen encoders of a model as workers of a pass; their results stay in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medusa.errors import CheckpointError
from medusa.extract.passes.feature_worker import FeatureWorker, provenance
from medusa.extract.planning import ExtractionJob
from medusa.extract.planning.origin import backbone_of
from medusa.extract.transcription.joint_worker import JointWorker
from medusa.inference.feature_buffer import FeatureBuffer
from medusa.inference.parts import ModelFeature, ModelParts
from medusa.inference.whisper_texts import WhisperTexts


@dataclass(frozen=True)
class BufferedEncoder:
    """A worker of a pass, and the memory into which it writes its features."""

    worker: FeatureWorker
    buffer: FeatureBuffer

    def keep_in(self, folder: Path | None) -> None:
        """Keep the features of the next passes in this folder of stores, or in memory alone."""
        job = self.worker.job
        self.worker.output = (folder or Path()) / job.spec.folder
        made_by = provenance(self.worker.device, job.backbone.source) if folder else {}
        self.buffer.keep_in(folder, made_by)


def buffered_encoders(
    parts: ModelParts, device: str, places: Mapping[str, str], texts: WhisperTexts | None
) -> list[BufferedEncoder]:
    """Return one encoder for each feature of a model.

    Args:
        parts: the model.
        device: the device of the encoders.
        places: the present place of a backbone's weights, by the name of the backbone.
        texts: the transcripts to make, or None. The encoder of the same Whisper model also decodes.

    Raises:
        MedusaError: weights cannot be found, or are not those of the training.
    """
    encoders: list[BufferedEncoder] = []
    for feature in parts.features:
        job, buffer = _job(feature, parts, places), FeatureBuffer(feature)
        if texts is not None and texts.is_joint(job.backbone) and not has_decoder(encoders):
            worker: FeatureWorker = JointWorker(job, device, "refuse", texts.sink, buffer)
        else:
            worker = FeatureWorker(job, device, "refuse", buffer)
        encoders.append(BufferedEncoder(worker, buffer))
    return encoders


def has_decoder(encoders: Sequence[BufferedEncoder]) -> bool:
    """Return whether one of the encoders also transcribes."""
    return any(isinstance(one.worker, JointWorker) for one in encoders)


def _job(feature: ModelFeature, parts: ModelParts, places: Mapping[str, str]) -> ExtractionJob:
    """Return the job of a feature, whose utterances are set before each pass."""
    spec = feature.spec
    present = places.get(spec.backbone)
    revision = None if present else feature.revision
    owner = f"{parts.card['name']}: {spec.backbone}"
    if not present and not feature.source:
        raise CheckpointError(
            f"{owner}: its weights were a local file or folder (digest {spec.revision}), and their "
            f"present place is unknown; name it with --set {spec.backbone}=PATH, or in a program "
            f"with checkpoints={{{spec.backbone!r}: PATH}}"
        )
    backbone = backbone_of(spec, present or feature.source, revision, owner)
    return ExtractionJob(backbone, spec, Path(spec.folder), ())
