"""Each importer on a tiny corpus in its real form, checked row by row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.errors import AudioError, ManifestError
from medusa.manifests import corpora
from medusa.manifests.audio import content_of, digest_of
from medusa.manifests.import_tools.ingest import attach_audio, same_rows
from medusa.manifests.manifest import Manifest


def wav(path: Path, frames: int = 1600, rate: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.name.encode())
    soundfile.write(path, np.random.default_rng(seed).normal(scale=0.1, size=frames), rate)
    return path


def imported(name: str, root: Path, **options: object) -> Manifest:
    return corpora.load(name).import_corpus(root, **options)


def column(manifest: Manifest, name: str) -> list[object]:
    return [None if pd.isna(value) else value for value in manifest.frame[name]]


def test_importers_are_found_by_file_name_and_have_a_summary() -> None:
    assert {"crema-d", "csv", "emodb", "medusa", "meld", "msp-podcast"} <= {*corpora.names()}
    for name in corpora.names():
        assert 20 < len(corpora.summary(name)) < 100
        assert isinstance(corpora.load(name).OPTIONS, list)
    with pytest.raises(ManifestError, match=r"'crema' \(did you mean 'crema-d'\?\)"):
        corpora.load("crema")


# EmoDB


def test_emodb(tmp_path: Path) -> None:
    for name in ("16b10Wb", "03a01Fa", "08a05Lc"):
        wav(tmp_path / "wav" / f"{name}.wav")
    manifest = imported("emodb", tmp_path)
    assert manifest.scheme.classes == (
        *("anger", "boredom", "disgust", "fear", "happiness", "sadness", "neutral"),
    )
    assert column(manifest, "id") == ["03a01Fa", "08a05Lc", "16b10Wb"]
    assert column(manifest, "speaker") == ["03", "08", "16"]
    assert column(manifest, "gender") == ["male", "female", "female"]
    assert column(manifest, "label") == ["happiness", "boredom", "anger"]
    assert column(manifest, "language") == ["de", "de", "de"]
    assert column(manifest, "split") == [None, None, None]
    assert manifest.frame["text"][0] == "Der Lappen liegt auf dem Eisschrank."
    assert manifest.frame["text"][2] == "Die wird auf dem Platz sein, wo wir sie immer hinlegen."
    assert manifest.soft().tolist() == [
        [0, 0, 0, 0, 1, 0, 0],
        [0, 1, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0],
    ]


def test_emodb_refuses_strange_files_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="expected names like 03a01Fa"):
        imported("emodb", tmp_path)
    for name in ("03a01Fa", "03a01Xa", "take2"):
        wav(tmp_path / f"{name}.wav")
    with pytest.raises(ManifestError, match=r"03a01Xa.wav, take2.wav"):
        imported("emodb", tmp_path)


# MELD


HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,StartTime,EndTime\n"


def meld(root: Path, **tables: str) -> Path:
    for split in ("train", "dev", "test"):
        rows = tables.get(split, "1,Hi.,Ross,joy,positive,0,0,0,0\n")
        (root / f"{split}_sent_emo.csv").write_text(HEAD + rows, encoding="utf-8")
    return root


def test_meld(tmp_path: Path) -> None:
    train = (
        '1,"Oh my God, he’s lost it.",Phoebe,sadness,negative,0,0,0,0\n'
        "2,None,Monica,neutral,neutral,0,1,0,0\n"
        "3,“NA”,Joey,surprise,positive,12,0,0,0\n"
    )
    manifest = imported("meld", meld(tmp_path, train=train))
    assert column(manifest, "id") == [
        *("train_dia0_utt0", "train_dia0_utt1", "train_dia12_utt0"),
        *("dev_dia0_utt0", "test_dia0_utt0"),
    ]
    assert column(manifest, "split") == ["train", "train", "train", "dev", "test"]
    assert column(manifest, "speaker") == ["Phoebe", "Monica", "Joey", "Ross", "Ross"]
    assert column(manifest, "text") == ["Oh my God, he’s lost it.", "None", "“NA”", "Hi.", "Hi."]
    assert column(manifest, "label") == ["sadness", "neutral", "surprise", "joy", "joy"]
    assert column(manifest, "path") == [None] * 5
    assert manifest.soft().argmax(axis=1).tolist() == [5, 4, 6, 3, 3]
    assert manifest.provenance["split"] == {"by": "corpus"}


def test_meld_errors(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"'angry' \(did you mean 'anger'\?\)"):
        imported("meld", meld(tmp_path, dev="1,Hi.,Ross,angry,negative,0,0,0,0\n"))
    (tmp_path / "dev_sent_emo.csv").write_text("Utterance,Emotion\nHi.,joy\n")
    with pytest.raises(ManifestError, match="no column 'Speaker', 'Dialogue_ID', 'Utterance_ID'"):
        imported("meld", tmp_path)
    (tmp_path / "train_sent_emo.csv").write_bytes(HEAD.encode() + b"1,\x92,R,joy,p,0,0,0,0\n")
    with pytest.raises(
        ManifestError, match=r"train_sent_emo.csv:2: a byte that is not UTF-8 \(0x92\)"
    ):
        imported("meld", tmp_path)
    (tmp_path / "train_sent_emo.csv").unlink()
    with pytest.raises(ManifestError, match=r"train_sent_emo.csv: no such file"):
        imported("meld", tmp_path)


# CREMA-D


def crema_d(root: Path) -> Path:
    votes = [
        ("100001", 0, 0, 0, 1, 3, 0, "1001_IEO_NEU_XX"),
        ("100002", 2, 0, 2, 0, 0, 0, "1002_TSI_ANG_HI"),
        ("100003", 0, 0, 0, 0, 0, 5, "1001_DFA_SAD_XX"),
        ("200001", 0, 4, 0, 0, 0, 0, "1001_IEO_NEU_XX"),
        ("200002", 0, 0, 0, 0, 0, 1, "1002_TSI_ANG_HI"),
        ("200003", 0, 0, 0, 0, 0, 0, "1001_DFA_SAD_XX"),
    ]
    head = '"","A","D","F","H","N","S","fileName","numResponses"\n'
    lines = [",".join(f'"{cell}"' for cell in (*row, 0)) for row in votes]
    (root / "tabulatedVotes.csv").write_text(head + "\n".join(lines))
    actors = '"ActorID","Age","Sex"\n1001,51,"Male"\n1002,21,"Female"\n'
    (root / "VideoDemographics.csv").write_text(actors)
    return root


def test_crema_d_voice(tmp_path: Path) -> None:
    manifest = imported("crema-d", crema_d(tmp_path))
    assert manifest.scheme.classes == ("anger", "disgust", "fear", "happy", "neutral", "sad")
    assert column(manifest, "id") == ["1001_IEO_NEU_XX", "1002_TSI_ANG_HI", "1001_DFA_SAD_XX"]
    assert column(manifest, "speaker") == ["1001", "1002", "1001"]
    assert column(manifest, "gender") == ["male", "female", "male"]
    assert column(manifest, "label") == ["neutral", None, "sad"]
    assert column(manifest, "path") == [None] * 3
    assert column(manifest, "text") == [
        *("It's eleven o'clock.", "The surface is slick.", "Don't forget a jacket."),
    ]
    assert manifest.soft().tolist() == [
        [0, 0, 0, 0.25, 0.75, 0],
        [0.5, 0, 0.5, 0, 0, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert manifest.votes is not None
    pairs = [tuple(row) for row in manifest.votes[["id", "primary"]].to_numpy()]
    assert sorted(pairs) == sorted(
        [("1001_IEO_NEU_XX", "happy")]
        + [("1001_IEO_NEU_XX", "neutral")] * 3
        + [("1002_TSI_ANG_HI", "anger")] * 2
        + [("1002_TSI_ANG_HI", "fear")] * 2
        + [("1001_DFA_SAD_XX", "sad")] * 5
    )
    assert manifest.votes["rater"].isna().all()


def test_crema_d_other_channel_and_a_clip_without_votes(tmp_path: Path) -> None:
    manifest = imported("crema-d", crema_d(tmp_path), channel="face")
    assert column(manifest, "label") == ["disgust", "sad", None]
    assert np.isnan(manifest.soft()[2]).all()
    manifest.write(tmp_path / "m.parquet")
    assert same_rows(Manifest.read(tmp_path / "m.parquet"), manifest)


def test_crema_d_with_recordings(tmp_path: Path) -> None:
    crema_d(tmp_path)
    for name in ("1001_IEO_NEU_XX", "1002_TSI_ANG_HI"):
        wav(tmp_path / "AudioWAV" / f"{name}.wav")
    manifest = imported("crema-d", tmp_path)
    with pytest.raises(AudioError, match=r"1001_DFA_SAD_XX: .*: no such file"):
        attach_audio(manifest, tmp_path)
    kept, dropped = attach_audio(manifest, tmp_path, drop_bad_audio=True)
    assert column(kept, "path") == [
        *("AudioWAV/1001_IEO_NEU_XX.wav", "AudioWAV/1002_TSI_ANG_HI.wav", None),
    ]
    assert list(dropped) == ["1001_DFA_SAD_XX"]


def test_crema_d_errors(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"tabulatedVotes.csv: no such file"):
        imported("crema-d", tmp_path)
    path = crema_d(tmp_path) / "tabulatedVotes.csv"
    path.write_text(path.read_text().replace('"100002","2"', '"100002","two"'))
    with pytest.raises(
        ManifestError, match="column 'A' should hold numbers, but has 'two' in line 3"
    ):
        imported("crema-d", tmp_path)
    path.write_text(path.read_text().replace("two", "-2"))
    with pytest.raises(ManifestError, match=r"Votes.csv:3: A is '-2', not a finite number from 0"):
        imported("crema-d", tmp_path)
    path.write_text(path.read_text().replace("-2", "2").replace("1002_TSI", "1002_XYZ"))
    with pytest.raises(
        ManifestError, match="clips not named like 1001_DFA_ANG_XX: 1002_XYZ_ANG_HI"
    ):
        imported("crema-d", tmp_path)


# The published code's csv


def published(path: Path, *rows: str) -> Path:
    head = "FileName,Neutral,Angry,Sad,Happy,Surprise,Fear,Disgust,Contempt,EmoAct,EmoVal,EmoDom"
    path.write_text("\n".join([head + ",Split_Set", *rows]) + "\n")
    return path


ROWS = (
    "MSP-PODCAST_0001_0008.wav,0.5,0.25,0.25,0,0,0,0,0,4.2,3.8,4.0,Train",
    "MSP-PODCAST_0002_0001.wav,0,2,0,0,0,0,0,2,5,2,6,Development",
    "MSP-PODCAST_0003_0001.wav,0,0,0,0,0,0,0,0,4,4,4,Train",
    "MSP-PODCAST_test3_0001.wav,,,,,,,,,,,,Test3",
    "MSP-PODCAST_0004_0001.wav,0,0,0,0,0,0,3,1,4,4,4,Test",
)


def test_medusa(tmp_path: Path) -> None:
    manifest = imported("medusa", published(tmp_path / "all.csv", *ROWS))
    assert manifest.scheme.classes == (
        *("angry", "sad", "happy", "surprise", "fear", "disgust", "contempt", "neutral"),
    )
    assert column(manifest, "id")[:2] == ["MSP-PODCAST_0001_0008", "MSP-PODCAST_0002_0001"]
    assert column(manifest, "split") == ["train", "dev", "train", "Test3", "test"]
    assert column(manifest, "label") == ["neutral", None, None, None, "disgust"]
    soft = manifest.soft()
    assert soft[0].tolist() == [0.25, 0.25, 0, 0, 0, 0, 0, 0.5]  # by name, not by position
    assert soft[1].tolist() == [0.5, 0, 0, 0, 0, 0, 0.5, 0]
    assert soft[4].tolist() == [0, 0, 0, 0, 0, 0.75, 0.25, 0]
    assert np.isnan(soft[2:4]).all()
    assert column(manifest, "valence") == [pytest.approx(3.8), 2, 4, None, 4]
    assert column(manifest, "arousal")[1] == 5 and column(manifest, "dominance")[1] == 6
    assert column(manifest, "path") == [None] * 5 and column(manifest, "text") == [None] * 5


def test_medusa_with_recordings_and_transcripts(tmp_path: Path) -> None:
    table = published(tmp_path / "all.csv", *ROWS[:2])
    for name in ("MSP-PODCAST_0001_0008", "MSP-PODCAST_0002_0001"):
        wav(tmp_path / "Audios" / f"{name}.wav")
    (tmp_path / "Transcripts").mkdir()
    (tmp_path / "Transcripts" / "MSP-PODCAST_0001_0008.txt").write_text("Well, I’m fine.\n")
    places = {"audio": tmp_path / "Audios", "transcripts": tmp_path / "Transcripts"}
    manifest, _ = attach_audio(imported("medusa", table, **places), tmp_path)
    assert column(manifest, "path")[0] == "Audios/MSP-PODCAST_0001_0008.wav"
    assert column(manifest, "text") == ["Well, I’m fine.", None]


def test_medusa_errors(tmp_path: Path) -> None:
    row = ROWS[0]
    with pytest.raises(
        ManifestError, match="'Angry' should hold numbers, but has 'much' in line 2"
    ):
        imported("medusa", published(tmp_path / "a.csv", row.replace("0.25", "much", 1)))
    with pytest.raises(ManifestError, match=r"a.csv:2: Angry is '-1', not a finite number from 0"):
        imported("medusa", published(tmp_path / "a.csv", row.replace("0.25", "-1", 1)))


# What happens to every importer's rows


def test_paths_are_relative_to_the_manifest_and_contents_are_segments(tmp_path: Path) -> None:
    path = wav(tmp_path / "corpus" / "03a01Fa.wav", frames=4000, rate=8000)
    home = tmp_path / "work" / "here"
    manifest, dropped = attach_audio(imported("emodb", tmp_path / "corpus"), home)
    assert dropped == {} and manifest.root == home
    assert column(manifest, "path") == ["../../corpus/03a01Fa.wav"]
    assert manifest.audio_path("../../corpus/03a01Fa.wav").resolve() == path.resolve()
    assert column(manifest, "start_s") == [0.0] and column(manifest, "duration_s") == [0.5]
    assert column(manifest, "content") == [content_of(digest_of(path), 0.0, 0.5)]


def test_all_unusable_recordings_are_listed(tmp_path: Path) -> None:
    for name in ("03a01Fa", "08a05Lc", "16b10Wb"):
        wav(tmp_path / f"{name}.wav")
    (tmp_path / "08a05Lc.wav").write_bytes((tmp_path / "08a05Lc.wav").read_bytes()[:500])
    (tmp_path / "16b10Wb.wav").write_text("")
    manifest = imported("emodb", tmp_path)
    with pytest.raises(AudioError) as caught:
        attach_audio(manifest, tmp_path)
    message = str(caught.value)
    assert "2 utterances have audio that cannot be used" in message
    assert "08a05Lc.wav: truncated" in message and "16b10Wb.wav: not readable" in message
    assert "--drop-bad-audio" in message
    kept, dropped = attach_audio(manifest, tmp_path, drop_bad_audio=True)
    assert list(dropped) == ["08a05Lc", "16b10Wb"]
    assert column(kept, "path") == ["03a01Fa.wav", None, None]
    assert column(kept, "content")[1:] == [None, None]


def test_same_rows_looks_at_everything_but_the_split(tmp_path: Path) -> None:
    one = imported("crema-d", crema_d(tmp_path))
    other = imported("crema-d", tmp_path)
    other.frame["split"] = "train"
    assert same_rows(one, other)
    other.frame.loc[0, "text"] = "else"
    assert not same_rows(one, other)
    revoted = imported("crema-d", tmp_path)
    assert revoted.votes is not None
    revoted.votes.loc[0, "primary"] = "sad"
    assert not same_rows(one, revoted)
