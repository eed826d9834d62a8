"""Corpora whose file names say everything, IEMOCAP's dialogues, and MOSEI-style tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.errors import ManifestError
from medusa.manifests import corpora
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.manifest import Manifest


def wavs(root: Path, *names: str) -> Path:
    for name in names:
        path = root / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = np.random.default_rng(sum(name.encode())).normal(scale=0.1, size=800)
        soundfile.write(path, sound, 16000)
    return root


def imported(name: str, root: Path, **options: object) -> Manifest:
    manifest, dropped = attach_audio(corpora.load(name).import_corpus(root, **options), root)
    assert dropped == {}
    return manifest


def column(manifest: Manifest, name: str) -> list[object]:
    return [None if pd.isna(value) else value for value in manifest.frame[name]]


def hard(manifest: Manifest) -> list[str]:
    """Return the class that has the whole soft label of each row."""
    assert (manifest.soft().max(axis=1) == 1).all()
    return [manifest.scheme.classes[code] for code in manifest.soft().argmax(axis=1)]


def test_ravdess(tmp_path: Path) -> None:
    wavs(tmp_path, "Actor_12/03-01-06-01-02-01-12", "Actor_01/03-01-01-01-01-02-01")
    wavs(tmp_path, "Actor_01/03-02-05-02-01-01-01")
    manifest = imported("ravdess", tmp_path)
    assert column(manifest, "id") == ["03-01-01-01-01-02-01", "03-01-06-01-02-01-12"]
    assert column(manifest, "label") == hard(manifest) == ["neutral", "fearful"]
    assert column(manifest, "speaker") == ["01", "12"]
    assert column(manifest, "gender") == ["male", "female"]
    assert manifest.frame["text"][1] == "Dogs are sitting by the door."
    assert column(imported("ravdess", tmp_path, channel="song"), "label") == ["angry"]
    assert len(imported("ravdess", tmp_path, channel="both")) == 3


def test_savee_in_both_layouts(tmp_path: Path) -> None:
    wavs(tmp_path / "a", "AudioData/DC/sa01", "AudioData/DC/a15", "AudioData/JK/su02")
    wavs(tmp_path / "b", "DC_sa01", "DC_a15", "JK_su02")
    for root in (tmp_path / "a", tmp_path / "b"):
        manifest = imported("savee", root)
        assert column(manifest, "id") == ["DC_a15", "DC_sa01", "JK_su02"]
        assert column(manifest, "label") == hard(manifest) == ["anger", "sadness", "surprise"]
        assert column(manifest, "speaker") == ["DC", "DC", "JK"]
        assert column(manifest, "gender") == ["male"] * 3


def test_tess(tmp_path: Path) -> None:
    wavs(tmp_path, "OAF_angry/OAF_back_angry", "YAF_ps/YAF_home_ps", "OAF_neutral/OA_bite_neutral")
    manifest = imported("tess", tmp_path)
    assert column(manifest, "id") == ["OAF_back_angry", "OA_bite_neutral", "YAF_home_ps"]
    assert column(manifest, "label") == hard(manifest) == ["angry", "neutral", "surprise"]
    assert column(manifest, "speaker") == ["OAF", "OAF", "YAF"]
    assert manifest.frame["text"][2] == "Say the word home."


def test_esd(tmp_path: Path) -> None:
    wavs(tmp_path, "0011/Angry/train/0011_000351", "0011/Sad/evaluation/0011_001051")
    wavs(tmp_path, "0001/Happy/test/0001_000721")
    (tmp_path / "0011" / "0011.txt").write_text(
        "0011_000351\tThe nine the eggs, I keep.\tAngry\n0011_001051\tI did go.\tSad\n"
    )
    (tmp_path / "0001" / "0001.txt").write_bytes("0001_000721\t打远一看\t快乐\n".encode("utf-16"))
    manifest = imported("esd", tmp_path)
    assert column(manifest, "id") == ["0001_000721", "0011_000351", "0011_001051"]
    assert column(manifest, "label") == hard(manifest) == ["happy", "angry", "sad"]
    assert column(manifest, "split") == ["test", "train", "dev"]
    assert column(manifest, "language") == ["zh", "en", "en"]
    assert column(manifest, "gender") == ["female", "male", "male"]
    assert column(manifest, "text") == ["打远一看", "The nine the eggs, I keep.", "I did go."]
    assert manifest.provenance["split"] == {"by": "corpus"}
    assert len(imported("esd", tmp_path, language="en")) == 2
    flat = imported("esd", wavs(tmp_path / "flat", "0012/Angry/0012_000351"))
    assert column(flat, "split") == [None] and "split" not in flat.provenance


@pytest.mark.parametrize("name", ["ravdess", "savee", "tess", "esd"])
def test_strange_files_and_empty_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="no wav file here or below"):
        corpora.load(name).import_corpus(tmp_path)
    wavs(tmp_path, "take2")
    with pytest.raises(ManifestError, match=r"1 files are not named like .*: take2.wav"):
        corpora.load(name).import_corpus(tmp_path)


def test_two_copies_of_a_corpus(tmp_path: Path) -> None:
    wavs(tmp_path, "Actor_12/03-01-06-01-02-01-12", "copy/Actor_12/03-01-06-01-02-01-12")
    with pytest.raises(ManifestError, match="one recording is there twice"):
        corpora.load("ravdess").import_corpus(tmp_path)


# CREMA-D with recordings, and MELD with audio


def test_crema_d_intended(tmp_path: Path) -> None:
    wavs(tmp_path / "AudioWAV", "1001_IEO_NEU_XX", "1002_TSI_ANG_HI")
    actors = "ActorID,Age,Sex\n1001,51,Male\n1002,21,Female\n"
    (tmp_path / "VideoDemographics.csv").write_text(actors)
    manifest = imported("crema-d", tmp_path, labels="intended")
    assert column(manifest, "label") == hard(manifest) == ["neutral", "anger"]
    assert column(manifest, "gender") == ["male", "female"] and manifest.votes is None


def test_meld_with_audio(tmp_path: Path) -> None:
    head = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
    for split in ("train", "dev", "test"):
        path = tmp_path / f"{split}_sent_emo.csv"
        path.write_text(f"{head}1,Hi.,Ross,joy,positive,0,0\n2,No.,Joey,anger,negative,0,1\n")
    assert column(imported("meld", tmp_path), "path") == [None] * 6
    wavs(tmp_path, "train_splits/dia0_utt0", "train_splits/dia0_utt1")
    wavs(tmp_path, "dev_splits_complete/dia0_utt0", "output_repeated_splits_test/dia0_utt0")
    manifest, dropped = attach_audio(
        corpora.load("meld").import_corpus(tmp_path), tmp_path, drop_bad_audio=True
    )
    assert column(manifest, "path") == [
        *("train_splits/dia0_utt0.wav", "train_splits/dia0_utt1.wav"),
        *("dev_splits_complete/dia0_utt0.wav", None),
        *("output_repeated_splits_test/dia0_utt0.wav", None),
    ]
    assert list(dropped) == ["dev_dia0_utt1", "test_dia0_utt1"]


# IEMOCAP

DIALOGUE = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 3.0000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral;\t()
C-E4:\tNeutral; Frustration;\t()
C-F1:\tAnger;\t()
A-E3:\tval 3; act 2; dom  3;\t()
A-E4:\tval 2; act 3; dom  3;\t(mildly aggravated)
A-F1:\tval 3; act 2; dom  1;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\txxx\t[2.5000, 3.0000, 3.5000]
C-E2:\tFrustration;\t()
C-E3:\tNeutral;\t()
C-E4:\tOther;\t(confused)
A-E3:\tval 2; act 3; dom  ;\t()

[14.8872 - 18.0175]\tSes01F_impro01_M001\texc\t[4.0000, 4.0000, 5.0000]
C-E2:\tExcited; Happiness;\t()
C-E3:\tExcited;\t()
"""


def iemocap(root: Path, dialogue: str = DIALOGUE) -> Path:
    session = root / "Session1" / "dialog"
    for folder in ("EmoEvaluation", "transcriptions"):
        (session / folder).mkdir(parents=True)
    (session / "EmoEvaluation" / "Ses01F_impro01.txt").write_text(dialogue)
    (session / "transcriptions" / "Ses01F_impro01.txt").write_text(
        "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n"
        "Ses01F_impro01_M000 [010.0100-011.3925]: Yeah.\n"
    )
    return root


def test_iemocap(tmp_path: Path) -> None:
    iemocap(tmp_path)
    sounds = tmp_path / "Session1" / "sentences" / "wav" / "Ses01F_impro01"
    wavs(sounds, *(f"Ses01F_impro01_{turn}" for turn in ("F000", "M000", "M001")))
    manifest = imported("iemocap", tmp_path, classes="all", outside="keep")
    assert [name[-4:] for name in manifest.frame["id"]] == ["F000", "M000", "M001"]
    assert column(manifest, "label") == ["neutral", None, "excited"]
    assert column(manifest, "speaker") == ["Ses01F", "Ses01M", "Ses01M"]
    assert column(manifest, "gender") == ["female", "male", "male"]
    assert column(manifest, "text") == ["Excuse me.", "Yeah.", None]
    assert column(manifest, "valence") == [3.25, 3.25, 5.5]  # 1 + (v - 1) * 1.5
    assert column(manifest, "arousal") == [3.25, 4.0, 5.5]
    assert column(manifest, "dominance") == [4.0, 4.75, 7.0]
    soft = [dict(zip(manifest.scheme.classes, row, strict=True)) for row in manifest.soft()]
    assert soft[0]["neutral"] == 0.75 and soft[0]["frustrated"] == 0.25
    assert soft[1]["neutral"] == soft[1]["frustrated"] == 0.5  # "other" does not count
    assert soft[2]["excited"] == pytest.approx(2 / 3)
    votes = manifest.votes
    assert votes is not None and votes["rater"].tolist() == [*["E2", "E3", "E4"] * 2, "E2", "E3"]
    assert votes["primary"].tolist()[:4] == ["neutral"] * 3 + ["frustrated"]
    assert votes["secondary"][2] == ["frustrated"]
    assert np.isnan(votes["valence"][0]) and votes["valence"][1] == 4.0
    assert np.isnan(votes["dominance"][4])


def test_iemocap_views(tmp_path: Path) -> None:
    iemocap(tmp_path)
    six = imported("iemocap", tmp_path)
    assert six.scheme.classes == ("angry", "excited", "frustrated", "happy", "neutral", "sad")
    assert column(six, "label") == ["neutral", "excited"]
    four = imported("iemocap", tmp_path, classes="four")
    assert four.scheme.classes == ("angry", "happy", "neutral", "sad")
    assert column(four, "label") == ["neutral", "happy"] and hard(four) == ["neutral", "happy"]
    lines = four.provenance["import"]
    assert isinstance(lines, list) and (lines[0]["found"], lines[0]["kept"]) == (3, 2)


def test_iemocap_lines_that_cannot_be_read(tmp_path: Path) -> None:
    wrong = DIALOGUE.replace("\tneu\t", "\tqqq\t").replace("A-E3:\tval 2; act 3", "A-E3:\tval two")
    with pytest.raises(ManifestError, match=r"2 rows cannot be read") as caught:
        corpora.load("iemocap").import_corpus(iemocap(tmp_path, wrong))
    assert "Ses01F_impro01.txt:3: 'qqq' is not an emotion" in str(caught.value)
    assert "Ses01F_impro01.txt:16: not a vote: " in str(caught.value)


# CMU-MOSEI


def test_cmu_mosei(tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    wavs(tmp_path / "sound", "v1", "v2")
    table = tmp_path / "labels.csv"
    table.write_text(
        "video_id,clip_id,start,end,text,label,happy,sad,anger,surprise,disgust,fear,mode\n"
        'v1,0,0,0.02,"well, yes",1.0,2,0,0,0.6666667,0,0,train\n'
        "v1,1,0.02,0.05,no,-3,0,1,1,0,0,0,valid\n"
        "v2,0,0,0.05,hm,0,0,0,0,0,0,0,test\n"
    )
    manifest, _ = attach_audio(
        corpora.load("cmu-mosei").import_corpus(table, audio=tmp_path / "sound"), tmp_path
    )
    assert column(manifest, "id") == ["v1_0", "v1_1", "v2_0"]
    assert column(manifest, "label") == ["happy", None, None]
    assert column(manifest, "split") == ["train", "dev", "test"]
    assert column(manifest, "valence") == [5, 1, 4]
    assert column(manifest, "speaker") == ["v1", "v1", "v2"]
    assert column(manifest, "path") == ["sound/v1.wav", "sound/v1.wav", "sound/v2.wav"]
    np.testing.assert_allclose(manifest.soft()[0], [0.75, 0, 0, 0.25, 0, 0], atol=1e-6)
    np.testing.assert_allclose(manifest.soft()[1], [0, 0.5, 0.5, 0, 0, 0])
    assert np.isnan(manifest.soft()[2]).all()
    neutral = corpora.load("cmu-mosei").import_corpus(table, none="neutral")
    assert neutral.frame["label"][2] == "neutral"
    table.write_text(table.read_text().replace("v1,1,0.02,0.05,no,-3,0", "v1,1,0.02,0.05,no,-3,9"))
    with pytest.raises(ManifestError, match="happy should be from 0 to 3, but has 9 in line 3"):
        corpora.load("cmu-mosei").import_corpus(table)
