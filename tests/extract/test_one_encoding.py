"""How many windows pass through Whisper's encoder: each one time in a joint pass, else two."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from torch.nn.modules.module import register_module_forward_hook

from medusa.manifests import Manifest
from medusa.tests.command_line import call

LENGTHS = (16000, 7001, 90000, 300)
WINDOWS = 6  # of 2 s, or 32000 samples: 1, 1, 3 and 1
MELS = 80


@contextmanager
def counted_windows() -> Iterator[list[int]]:
    """Note how many windows enter the encoder's first convolution, call by call."""
    import whisper.model

    counts: list[int] = []

    def note(module: Any, inputs: Any, output: Any) -> None:
        if isinstance(module, whisper.model.Conv1d) and module.in_channels == MELS:
            counts.append(len(inputs[0]))

    hook = register_module_forward_hook(note)
    try:
        yield counts
    finally:
        hook.remove()


@pytest.mark.parametrize("language", [(), ("--set", "language=en")])
def test_every_window_is_encoded_one_time_for_features_and_transcript(
    language: tuple[str, ...],
    tmp_path: Path,
    workspace: Callable[..., Manifest],
    checkpoint: Callable[[str], Path],
) -> None:
    workspace(LENGTHS)
    model = str(checkpoint("whisper.pt"))
    features = ["extract", "--backbone", "whisper", "--checkpoint", model]
    with counted_windows() as jointly:
        call(tmp_path, *features, "--transcribe", *language)
    assert sum(jointly) == WINDOWS
    assert list((tmp_path / "features").glob("*.zarr"))
    assert (tmp_path / "transcripts" / "whisper.parquet").exists()


def test_features_and_transcripts_by_themselves_encode_every_window_two_times(
    tmp_path: Path, workspace: Callable[..., Manifest], checkpoint: Callable[[str], Path]
) -> None:
    workspace(LENGTHS)
    model = str(checkpoint("whisper.pt"))
    with counted_windows() as apart:
        call(tmp_path, "extract", "--backbone", "whisper", "--checkpoint", model)
        call(tmp_path, "transcribe", "--model", model)
    assert sum(apart) == 2 * WINDOWS
