"""Which checkpoint it is, loading it safely, and saying what is wrong with it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from medusa.errors import CheckpointError
from medusa.extract.backbones import checkpoints, describe, families, family
from medusa.extract.checkpoints.hugging_face import folder_digest


@pytest.fixture
def copied(checkpoint: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a checkpoint that a test may spoil."""

    def copy(name: str) -> Path:
        return shutil.copytree(checkpoint(name), tmp_path / name)

    return copy


def load(folder: Path) -> Any:
    backbone = describe("auto", str(folder))
    return family(backbone.family).load(backbone, (backbone.n_layers,), "cpu")


def as_bin(folder: Path, contents: Any = None) -> None:
    weights = folder / "model.safetensors"
    torch.save(contents or load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()


def test_every_family_has_what_the_command_needs() -> None:
    assert {"logmel", "ssl", "text", "whisper", "auto"} <= set(families())
    for one in map(family, families()):
        assert callable(one.describe) and callable(one.load)
        assert one.INPUT in ("audio", "text", "") and one.ON_HUB in (True, False)
        for name, checkpoint in one.CHECKPOINTS.items():
            if checkpoint.layers:  # a plan on a machine without it needs the published size
                published = one.published(name)
                assert (published.n_layers, published.width) == (
                    checkpoint.layers,
                    checkpoint.width,
                )
                assert (
                    published.input == one.INPUT and published.family == one.__name__.split(".")[-1]
                )
    assert {"wavlm", "hubert", "whisper", "roberta", "modernbert", "logmel"} <= set(checkpoints())
    assert checkpoints()["wavlm"] == "microsoft/wavlm-large"


def test_unknown_and_incomplete_backbones() -> None:
    with pytest.raises(CheckpointError, match=r"did you mean 'wavlm'.*logmel, logmel128"):
        describe("wavlmm")
    with pytest.raises(CheckpointError, match="--checkpoint PATH_OR_ID"):
        describe("auto")


def test_the_digest_is_of_everything_that_matters(copied: Callable[[str], Path]) -> None:
    folder = copied("roberta")
    before = folder_digest(folder)
    (folder / "README.md").write_text("hello")
    assert folder_digest(folder) == before
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(kept + b" ")
        assert folder_digest(folder) != before
        (folder / name).write_bytes(kept)
    assert folder_digest(folder) == before


def test_pickled_weights_are_read_as_weights_only(
    copied: Callable[[str], Path], checkpoint: Callable[[str], Path]
) -> None:
    folder = copied("hubert")
    as_bin(folder)
    found = load(folder).model.state_dict()
    expected = load(checkpoint("hubert")).model.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found)


def test_code_in_pickled_weights_is_not_run(copied: Callable[[str], Path], tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    folder = copied("hubert")
    as_bin(folder, {"encoder.layer_norm.weight": Evil()})
    with pytest.raises(CheckpointError, match="the weights"):
        load(folder)
    assert not (tmp_path / "ran").exists()


def test_code_of_the_checkpoints_author_is_not_run(copied: Callable[[str], Path]) -> None:
    folder = copied("hubert")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "theirs", "auto_map": {"AutoConfig": "theirs.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "theirs.py").write_text("raise SystemExit('ran')")
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        describe("auto", str(folder))


def test_absent_weights_are_an_error_not_random_numbers(copied: Callable[[str], Path]) -> None:
    folder = copied("wavlm")
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layers.3.attention.k_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"1 weights .*layers\.3\.attention\.k_proj\.weight"):
        load(folder)


def test_spoiled_folders_are_named(copied: Callable[[str], Path], tmp_path: Path) -> None:
    folder = copied("wavlm")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:3000])
    with pytest.raises(CheckpointError, match="the weights cannot be read"):
        load(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        load(folder)
    weights.unlink()
    with pytest.raises(CheckpointError, match="no weights here"):
        load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no config\.json here"):
        load(folder)
    with pytest.raises(CheckpointError, match="no such folder"):
        load(tmp_path / "nowhere")


def test_a_checkpoint_that_cannot_be_had_says_how_to_get_it() -> None:
    name = "medusa-tests/no-such-model"
    with pytest.raises(CheckpointError, match=rf"hf download {name} --local-dir.*--checkpoint DIR"):
        describe("wavlm", name)


def test_a_model_of_no_family_is_refused(tmp_path: Path) -> None:
    from transformers import ViTConfig

    ViTConfig().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"never read")
    with pytest.raises(CheckpointError, match="vit is neither"):
        describe("auto", str(tmp_path))
