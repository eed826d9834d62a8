from pathlib import Path

import pytest
import torch

from medusa.recipes.synthetic.checkpoints import WIDTH, write_checkpoints

TEXTS = ("Well, the bright train was lovely.", "Look, the usual road was awful and broken.")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_checkpoints(tmp_path_factory.mktemp("checkpoints"), TEXTS, seed=0)


@pytest.mark.parametrize(
    ("backbone", "kind"),
    [
        ("wavlm", "WavLMModel"),
        ("hubert", "HubertModel"),
        ("roberta", "RobertaModel"),
        ("modernbert", "ModernBertModel"),
    ],
)
def test_checkpoints_load_as_the_real_classes(
    paths: dict[str, Path], backbone: str, kind: str
) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(paths[backbone])
    assert type(model).__name__ == kind
    assert model.config.hidden_size == WIDTH


@pytest.mark.parametrize("backbone", ["wavlm", "hubert"])
def test_speech_checkpoints_have_the_layout_of_the_large_ones(
    paths: dict[str, Path], backbone: str
) -> None:
    from transformers import AutoConfig, AutoFeatureExtractor

    config = AutoConfig.from_pretrained(paths[backbone])
    assert config.feat_extract_norm == "layer"
    assert config.do_stable_layer_norm
    assert AutoFeatureExtractor.from_pretrained(paths[backbone]).do_normalize


def test_whisper_is_an_openai_checkpoint_with_finite_weights(paths: dict[str, Path]) -> None:
    import whisper

    model = whisper.load_model(str(paths["whisper"]), device="cpu")
    assert (model.dims.n_mels, model.dims.n_vocab) == (128, 51866)
    assert all(torch.isfinite(weights).all() for weights in model.state_dict().values())


@pytest.mark.parametrize(
    ("backbone", "start", "end"), [("roberta", "<s>", "</s>"), ("modernbert", "[CLS]", "[SEP]")]
)
def test_tokenisers_read_every_byte_and_frame_the_sentence(
    paths: dict[str, Path], backbone: str, start: str, end: str
) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(paths[backbone])
    ids = tokenizer("Ünheard wörds.")["input_ids"]
    assert tokenizer.convert_ids_to_tokens([ids[0], ids[-1]]) == [start, end]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "Ünheard wörds."


def test_a_seed_gives_the_same_weights_and_touches_no_other_chance(tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first = write_checkpoints(tmp_path / "a", TEXTS, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    again = write_checkpoints(tmp_path / "b", TEXTS, seed=1)
    other = write_checkpoints(tmp_path / "c", TEXTS, seed=2)
    weights = [
        (paths["wavlm"] / "model.safetensors").read_bytes() for paths in (first, again, other)
    ]
    assert weights[0] == weights[1] != weights[2]


def test_checkpoints_that_are_there_are_left_alone(tmp_path: Path) -> None:
    paths = write_checkpoints(tmp_path, TEXTS, seed=1)
    before = {name: path.stat().st_mtime_ns for name, path in paths.items()}
    assert write_checkpoints(tmp_path, TEXTS, seed=2) == paths
    assert {name: path.stat().st_mtime_ns for name, path in paths.items()} == before


def test_whisper_has_the_same_bytes_in_every_process(
    paths: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getpid", lambda: 1)  # temporary files are named by the process
    again = write_checkpoints(tmp_path, TEXTS, seed=0)
    assert again["whisper"].read_bytes() == paths["whisper"].read_bytes()
