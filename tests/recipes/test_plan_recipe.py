"""What a recipe will take, against arithmetic done here."""

import json

import numpy as np
import pandas as pd
import pytest

from medusa.cache import FeatureSpec, StoreWriter
from medusa.console import data_size, duration
from medusa.errors import DataError, MedusaError
from medusa.extract.planning import operations
from medusa.manifests import LabelScheme, Manifest
from medusa.tests.command_line import call, invoke
from medusa.workspace import remove

COUNT, HOURS = 116_221, 324
SIZE = ["--utterances", str(COUNT), "--hours", str(HOURS)]


def planned(tmp_path, monkeypatch, *words: str, size: list[str] = SIZE) -> dict:
    from medusa.extract.planning import room

    monkeypatch.setattr(room, "free_bytes", lambda path: 10**14)
    return json.loads(call(tmp_path, "plan", *words, *size, "--json").stdout)


def test_medusa_14_on_a_3090(tmp_path, monkeypatch):
    found = planned(tmp_path, monkeypatch, "medusa-14", "--profile", "rtx3090")
    seconds = HOURS * 3600
    # one reduced layer: 50 frames a second, two bytes a number
    for name, width in (("wavlm", 1024), ("hubert", 1024), ("whisper", 1280)):
        assert found["features"][name]["bytes"] == pytest.approx(50 * width * 2 * seconds, rel=0.15)
    # extraction at 40 % of 71 TFLOP/s: 315 million weights of WavLM's transformer at every frame,
    # scores and sums over 500 frames, about 5 GFLOP of convolutions a second
    frame = 2 * 302e6 + 24 * 4 * 1024 * 501
    hours = (50 * frame + 5e9) * seconds / (71e12 * 0.4) / 3600
    assert found["features"]["wavlm"]["hours"] == pytest.approx(hours, rel=0.15)
    # Whisper's 637 million weights see 1,500 frames of every clip, most shorter than 30 s
    frame = 2 * 32 * 12 * 1280**2 + 32 * 4 * 1280 * 1500
    hours = COUNT * 1500 * frame / (71e12 * 0.4) / 3600
    assert found["features"]["whisper"]["hours"] == pytest.approx(hours, rel=0.15)


def test_one_extraction_has_the_hours_of_the_recipe_and_workers_divide_them(tmp_path, monkeypatch):
    recipe = planned(tmp_path, monkeypatch, "medusa-14")["features"]
    words = ("--backbone", "wavlm,hubert", "--workers", "4")
    alone = planned(tmp_path, monkeypatch, *words)
    expected = {name: recipe[name]["hours"] for name in ("wavlm", "hubert")}
    assert alone["hours"] == pytest.approx(expected) and alone["workers"] == 4
    shown = call(tmp_path, "plan", *words, *SIZE).output
    seconds = 3600 * sum(expected.values())
    assert f"about {duration(seconds)} of extraction on one rtx3090" in shown
    assert f"; {duration(seconds / 4)} on 4 of them" in shown


def test_a_shorter_window_of_whisper_and_pooled_frames(tmp_path, monkeypatch):
    recipe = tmp_path / "short.yaml"
    recipe.write_text(
        "features: {whisper: {window_s: 15, layers: last}, wavlm: {average_frames: 2}}\n"
        "heads: {a: {features: [whisper, wavlm]}}\n"
    )
    short = planned(tmp_path, monkeypatch, str(recipe))["features"]
    whole = planned(tmp_path, monkeypatch, "medusa-14")["features"]
    # half of the frames, of which each looks at half as many others
    layer = 12 * 1280**2
    gain = 2 * (2 * layer + 4 * 1280 * 1500) / (2 * layer + 4 * 1280 * 750)
    assert whole["whisper"]["hours"] / short["whisper"]["hours"] == pytest.approx(gain, rel=1e-6)
    assert short["whisper"]["bytes"] == whole["whisper"]["bytes"]
    assert short["wavlm"]["hours"] == pytest.approx(whole["wavlm"]["hours"], rel=1e-2)
    assert short["wavlm"]["bytes"] == pytest.approx(whole["wavlm"]["bytes"] / 2, rel=1e-2)


def test_hours_of_transcription_by_hand(tmp_path, monkeypatch):
    """Published sizes of large-v3: 637 million weights in the encoder, 906 in the decoder."""
    hours = planned(tmp_path, monkeypatch, "medusa-14")["transcription_hours"]
    scores = 32 * 4 * 1500 * 1280  # products with 1,500 keys and values
    cross = 32 * 2 * 1280**2  # the decoder's keys and values of what was heard
    heard = COUNT * 1500 * (2 * (637e6 + cross) + scores)
    said = HOURS * 3600 * 4 * 2 * (906e6 - cross)
    assert hours == pytest.approx((heard / 0.4 + said / 0.02) / 71e12 / 3600, rel=0.15)
    silent = planned(tmp_path, monkeypatch, "is2025-baseline")
    assert silent["transcription_hours"] == 0  # reads no text


def test_hours_of_a_head_by_hand(tmp_path, monkeypatch):
    found = planned(tmp_path, monkeypatch, "medusa-14")["heads"]["m05"]
    audio, text = 501, 34  # frames and tokens of the mean utterance

    def encoder(tokens: int) -> float:
        layer = 8 * tokens * 1024**2 + 4 * tokens**2 * 1024 + 4 * tokens * 1024 * 2048
        return 4 * tokens * 1024**2 + 2 * layer

    both = audio + text
    flop = 3 * (encoder(audio) + encoder(text) + encoder(both) + encoder(2 * both))
    seen = 4 * 0.75 * COUNT + 46 * 0.10 * COUNT + 50 * 0.08 * COUNT / 3
    assert found["hours"] == pytest.approx(flop * seen / (71e12 * 0.45) / 3600, rel=0.15)
    # four encoders of two layers, a join of three vectors
    weights = 4 * (2 * 1024**2 + 2 * (4 * 1024**2 + 4 * 1024**2)) + 3 * 1024**2
    assert found["parameters"] == pytest.approx(weights, rel=0.01)
    assert found["memory_gb"] > 16 * weights / 1e9


@pytest.mark.parametrize("name", ["medusa-ablations", "ueda-2025", "probe", "dhf"])
def test_other_recipes_are_planned(tmp_path, monkeypatch, name):
    found = planned(tmp_path, monkeypatch, name)
    assert all(0 < one["memory_gb"] < 40 and one["hours"] > 0 for one in found["heads"].values())


def test_a_recipe_for_speech_reads_no_texts(tmp_path):
    """Several tables of transcripts are no obstacle where nothing reads them."""
    frame = pd.DataFrame({"id": ["u0"], "content": ["c0"], "duration_s": [2.0]})
    Manifest(frame, LabelScheme("two", ("calm", "angry"))).write(tmp_path / "manifest.parquet")
    (tmp_path / "transcripts").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"transcripts/{name}.parquet").write_bytes(b"")
    recipe = tmp_path / "own.yaml"
    text = "title: own\nconfig: small\nfeatures: {wavlm: {}}\nheads: {a: {features: [wavlm]}}\n"
    recipe.write_text(text)
    call(tmp_path, "plan", recipe)
    recipe.write_text(text.replace("wavlm", "roberta"))
    result = invoke(tmp_path, "plan", recipe)
    assert isinstance(result.exception, DataError) and "--text NAME" in str(result.exception)


def test_a_huge_corpus_is_planned_from_a_part_of_it(tmp_path, monkeypatch):
    """A thousand times as much takes a thousand times as much, and is planned as soon."""
    monkeypatch.setattr("medusa.extract.planning.estimate.MAX_IMAGINED", 100)
    found = []
    for factor in (1, 1000):
        size = ["--utterances", str(100 * factor), "--hours", str(0.4 * factor)]
        found.append(planned(tmp_path, monkeypatch, "medusa-14", size=size))
    small, large = found
    for name in ("bytes", "hours", "transcription_hours"):
        assert large[name] == pytest.approx(1000 * small[name], rel=0.01)
    for name, head in large["heads"].items():
        assert head["memory_gb"] == pytest.approx(small["heads"][name]["memory_gb"], rel=0.01)


def test_without_a_manifest_both_remedies_are_told(tmp_path):
    result = invoke(tmp_path, "plan", "medusa-14")
    message = str(result.exception)
    assert "medusa manifest import" in message and "--utterances N --hours H" in message


def test_what_does_not_fit_is_refused(tmp_path, monkeypatch):
    from medusa.extract.planning import room

    monkeypatch.setattr(room, "free_bytes", lambda path: 10**9)
    result = invoke(tmp_path, "plan", "dhf", *SIZE)
    assert isinstance(result.exception, MedusaError)
    assert "GB on disk" in result.output and "memory" in result.output
    assert "--profile here measures this machine instead" in result.output
    assert "need 12" in str(result.exception) and "1.00 GB are free" in str(result.exception)
    result = invoke(tmp_path, "plan", "dhf", *SIZE, "--profile", "rtx309")
    assert "did you mean 'rtx3090'" in str(result.exception)
    assert operations.measured().flop_s > 1e8


def test_what_is_there_need_not_be_made(tmp_path, monkeypatch):
    call(tmp_path, "simulate", "--utterances", "200", "--speakers", "12")
    manifest = Manifest.read(tmp_path / "manifest.parquet")
    more = manifest.frame.head(50).assign(
        id=lambda old: "n" + old["id"], content=lambda old: "n" + old["content"]
    )
    manifest.frame = pd.concat([manifest.frame, more], ignore_index=True)
    manifest.write(tmp_path / "manifest.parquet")
    (hubert,) = (tmp_path / "features").glob("hubert*")
    remove(hubert)
    found = planned(tmp_path, monkeypatch, "medusa-14", size=[])
    assert found["missing"] == {
        "wavlm": 0.2, "hubert": 1.0, "whisper": 0.2, "roberta": 0.0, "modernbert": 0.0
    }  # fmt: skip
    monkeypatch.setattr("medusa.extract.planning.room.free_bytes", lambda path: 1000)
    result = invoke(tmp_path, "plan", "medusa-14")
    sizes = {name: one["bytes"] for name, one in found["features"].items()}
    needs = (sizes["hubert"] + 0.2 * (sizes["wavlm"] + sizes["whisper"])) / 1e9
    assert f"of which {data_size(1e9 * needs)} are missing" in result.stdout
    assert f"need {needs:.2f} GB" in str(result.exception)


def test_a_feature_that_only_a_store_knows_is_planned_from_the_store(tmp_path, monkeypatch):
    spec = FeatureSpec("mine", "auto", "local", "1", "text", (6,), "none", "float16", 384, None, {})
    with StoreWriter(tmp_path / "features" / spec.folder, spec) as writer:
        for number, frames in enumerate((5, 7)):
            writer.append(f"content {number}", np.ones((1, frames, 384), np.float32))
    recipe = tmp_path / "own.yaml"
    recipe.write_text(
        "title: own\nconfig: small\nfeatures: {mine: {}}\nheads: {a: {features: [mine]}}\n"
    )
    found = planned(tmp_path, monkeypatch, str(recipe))
    assert found["features"]["mine"]["frames"] == 12


def test_neither_recipe_nor_backbone(tmp_path):
    result = invoke(tmp_path, "plan")
    assert result.exit_code == 2 and "RECIPE" in result.output


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["medusa-14", "--backbone", "wavlm"], "not both"),
        (["--backbone", "wavlm", "--utterances", "-5", "--hours", "3"], "-5 is not in the range"),
        (["--backbone", "wavlm", "--utterances", "5", "--hours", "0"], "0 is not in the range"),
        (["--backbone", "wavlm", "--utterances", "5"], "belong together"),
    ],
)
def test_what_cannot_be_planned_says_why(tmp_path, words, problem):
    result = invoke(tmp_path, "plan", *words)
    assert result.exit_code and problem in f"{result.output} {result.exception}"
