"""MSP-Podcast in every spelling: the same six utterances, checked row by row."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.errors import ManifestError
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.importers.msp_podcast import import_corpus
from medusa.manifests.manifest import Manifest
from medusa.tests.command_line import invoke

N = "MSP-PODCAST_0001_000{}.wav"
UTTERANCES = [  # FileName, EmoClass, EmoAct, EmoVal, EmoDom, SpkrID, Gender, Split_Set
    (N.format(1), "N", "4.2", "3.8", "4.0", "17", "Female", "Train"),
    (N.format(2), "X", "5.0", "2.0", "6.0", "17", "Female", "Train"),
    (N.format(3), "O", "3.0", "4.0", "4.0", "Unknown", "Unknown", "Development"),
    (N.format(4), "A", "6.0", "1.5", "6.5", "21", "Male", "Development"),
    (N.format(5), "H", "5.5", "6.0", "4.5", "33", "Male", "Test1"),
    (N.format(6), "O", "4.0", "4.0", "4.0", "33", "Male", "Train"),
]
VOTES = [  # FileName, worker, first, second, A, V, D
    (N.format(1), "WORKER00001", "Neutral", "Concerned,Confused", "4.0", "4.0", "4.0"),
    (N.format(1), "WORKER00002", "Neutral", "", "4.0", "4.0", "4.0"),
    (N.format(1), "WORKER00003", "Sad", "Neutral,Sad", "4.0", "3.0", "4.0"),
    (N.format(1), "WORKER00004", "Other-thinking, hard", "Neutral", "5.0", "4.0", "4.0"),
    (N.format(2), "WORKER00001", "Angry", "Disgust", "5.0", "2.0", "6.0"),
    (N.format(2), "WORKER00002", "Disgust", "", "5.0", "2.0", "6.0"),
    (N.format(3), "WORKER00003", "Other", "", "3.0", "4.0", "4.0"),
    (N.format(3), "WORKER00004", "Other-bored", "", "3.0", "4.0", "4.0"),
    (N.format(3), "WORKER00001", "Happy", "Excited", "3.0", "4.0", "4.0"),
    (N.format(4), "WORKER00002", "Angry", "Annoyed", "6.0", "1.0", "7.0"),
    (N.format(4), "WORKER00003", "Angry", "", "6.0", "2.0", "6.0"),
    (N.format(5), "WORKER00001", "Happy", "", "5.5", "6.0", "4.5"),
    (N.format(6), "WORKER00001", "Other-hm", "", "4.0", "4.0", "4.0"),
]
CLASSES = ("angry", "sad", "happy", "surprise", "fear", "disgust", "contempt", "neutral")
COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def consensus_csv(path: Path, rows: list[tuple[str, ...]] = UTTERANCES) -> Path:
    lines = [",".join(COLUMNS), *(",".join(row) for row in rows)]
    return write(path, "\n".join(lines) + "\n")


def detail(vote: tuple[str, ...]) -> str:
    _, worker, first, second, arousal, valence, dominance = vote
    middle = f" {second};" if second else ""
    return f"{worker}; {first};{middle} A:{arousal}; V:{valence}; D:{dominance};"


def detailed_csv(path: Path) -> None:
    lines = ["FileName,EmoDetail", *(f'{vote[0]},"{detail(vote)}"' for vote in VOTES)]
    write(path, "\n".join(lines) + "\n")


def votes_csv(path: Path, workers: str) -> None:
    head = f"FileName,{workers},EmoClass_Major,EmoClass_Second,EmoAct,EmoDom,EmoVal"
    lines = [
        f'{name},{who},"{first}","{second}",{act},{dom},{val}'
        for name, who, first, second, act, val, dom in VOTES
    ]
    write(path, "\n".join([head, *lines]) + "\n")


def detailed_json(path: Path) -> None:
    said: dict[str, dict[str, dict[str, str]]] = {}
    for name, who, first, second, act, val, dom in VOTES:
        parts = {"EmoClass_Major": first, "EmoClass_Second": second}
        said.setdefault(name, {})[who] = parts | {"EmoAct": act, "EmoVal": val, "EmoDom": dom}
    write(path, json.dumps(said, indent=1))


def release_2025(root: Path) -> None:
    consensus_csv(root / "Labels" / "labels_consensus.csv")
    detailed_csv(root / "Labels" / "labels_detailed.csv")


def release_1_6(root: Path) -> None:
    consensus_csv(root / "labels" / "labels_concensus.csv")
    votes_csv(root / "labels" / "labels_detailed.csv", "Workers")


def release_2_0(root: Path) -> None:
    shuffled = [7, 0, 5, 3, 1, 2, 4, 6]
    lines = [",".join(row[place] for place in shuffled) for row in [COLUMNS, *UTTERANCES]]
    write(root / "labels_consensus.csv", "\n".join(lines) + "\n")
    votes_csv(root / "labels_detailed.csv", "WorkerID")


def release_json(root: Path) -> None:
    said = {row[0]: dict(zip(COLUMNS[1:], row[1:], strict=True)) for row in UTTERANCES}
    write(root / "Labels" / "labels_consensus.json", json.dumps(said, indent=1))
    detailed_json(root / "Labels" / "labels_detailed.json")


def release_both(root: Path) -> None:
    release_2025(root)
    release_json(root)


SPELLINGS = [release_2025, release_1_6, release_2_0, release_json, release_both]


def column(manifest: Manifest, name: str) -> list[object]:
    return [None if pd.isna(value) else value for value in manifest.frame[name]]


def soft(manifest: Manifest) -> dict[str, dict[str, float]]:
    """Return each utterance's soft label by its last digit, without the classes at 0."""
    return {
        name[-1]: {
            each: round(float(share), 4)
            for each, share in zip(manifest.scheme.classes, row, strict=True)
            if share > 0
        }
        for name, row in zip(manifest.frame["id"], manifest.soft(), strict=True)
    }


@pytest.mark.parametrize("release", SPELLINGS)
def test_every_spelling_gives_the_same_rows(
    tmp_path: Path, release: Callable[[Path], None]
) -> None:
    release(tmp_path)
    manifest = import_corpus(tmp_path)
    assert manifest.scheme.classes == CLASSES
    assert column(manifest, "id") == [N.format(digit)[:-4] for digit in range(1, 6)]
    assert column(manifest, "label") == ["neutral", None, None, "angry", "happy"]
    assert column(manifest, "speaker") == ["17", "17", None, "21", "33"]
    assert column(manifest, "gender") == ["female", "female", None, "male", "male"]
    assert column(manifest, "split") == ["train", "train", "dev", "dev", "Test1"]
    assert column(manifest, "arousal") == [pytest.approx(4.2), 5, 3, 6, 5.5]
    assert column(manifest, "valence") == [pytest.approx(3.8), 2, 4, 1.5, 6]
    assert column(manifest, "dominance") == [4, 6, 4, 6.5, 4.5]
    assert soft(manifest) == {
        "1": {"neutral": 0.6667, "sad": 0.3333},
        "2": {"angry": 0.5, "disgust": 0.5},
        "3": {"happy": 1.0},
        "4": {"angry": 1.0},
        "5": {"happy": 1.0},
    }
    assert manifest.votes is not None
    kept = [vote for vote in VOTES if not vote[0].endswith("6.wav")]
    assert manifest.votes["rater"].tolist() == [vote[1] for vote in kept]
    assert manifest.votes["primary"].tolist() == [vote[2].lower() for vote in kept]
    assert [list(words) for words in manifest.votes["secondary"]] == [
        vote[3].lower().split(",") if vote[3] else [] for vote in kept
    ]
    assert manifest.votes["valence"].tolist() == [float(vote[5]) for vote in kept]


def test_labels_txt(tmp_path: Path) -> None:
    blocks = [
        "\n".join(
            [
                f"{name}; {letter}; A:{act}; V:{val}; D:{dom};",
                *(detail(vote) for vote in VOTES if vote[0] == name),
            ]
        )
        for name, letter, act, val, dom, *_ in UTTERANCES
    ]
    write(tmp_path / "labels.txt", "\n\n".join(blocks) + "\n")
    manifest = import_corpus(tmp_path)
    assert column(manifest, "label") == ["neutral", None, None, "angry", "happy"]
    assert column(manifest, "valence") == [pytest.approx(3.8), 2, 4, 1.5, 6]
    assert column(manifest, "split") == column(manifest, "speaker") == [None] * 5
    assert soft(manifest)["1"] == {"neutral": 0.6667, "sad": 0.3333}
    assert manifest.votes is not None and len(manifest.votes) == 12


def test_secondary_emotions_count_once_per_rater(tmp_path: Path) -> None:
    release_2025(tmp_path)
    manifest = import_corpus(tmp_path, soft="primary+secondary")
    # neutral: raters 1, 2, 3 (second), 4 (second); sad: rater 3, who said it twice
    assert soft(manifest)["1"] == {"neutral": 0.8, "sad": 0.2}
    assert soft(manifest)["2"] == {"angry": pytest.approx(1 / 3, abs=1e-4), "disgust": 0.6667}
    assert column(manifest, "label") == ["neutral", None, None, "angry", "happy"]


def test_other_as_the_ninth_class(tmp_path: Path) -> None:
    release_2025(tmp_path)
    manifest = import_corpus(tmp_path, other="ninth-class")
    assert manifest.scheme.classes == (*CLASSES, "other")
    assert column(manifest, "label") == ["neutral", None, "other", "angry", "happy", "other"]
    assert soft(manifest)["1"] == {"neutral": 0.5, "sad": 0.25, "other": 0.25}
    assert soft(manifest)["3"] == {"happy": 0.3333, "other": 0.6667}
    assert soft(manifest)["6"] == {"other": 1.0}


def test_all_other_can_be_uniform_and_no_consensus_can_go(tmp_path: Path) -> None:
    release_2025(tmp_path)
    manifest = import_corpus(tmp_path, all_other="uniform")
    assert soft(manifest)["6"] == dict.fromkeys(CLASSES, 0.125)
    manifest = import_corpus(tmp_path, no_consensus="drop")
    assert [name[-1] for name in manifest.frame["id"]] == ["1", "4", "5"]
    assert manifest.provenance["import"] == [
        {
            "kind": "utterances",
            "found": 6,
            "kept": 3,
            "dropped": {"have votes outside the classes only": 1, "have no consensus": 2},
            "note": "from labels_consensus.csv; 0 consensus labels are not the plurality of the "
            "votes",
        },
        {
            "kind": "votes",
            "found": 13,
            "kept": 7,
            "dropped": {"of utterances that were dropped": 6},
            "note": "from labels_detailed.csv",
        },
    ]


def test_recordings_transcripts_and_test3(tmp_path: Path) -> None:
    release_2025(tmp_path)
    names = [N.format(digit) for digit in range(1, 7)]
    names += ["MSP-PODCAST_test3_0001.wav", "MSP-PODCAST_test3_0002.wav", "MSP-PODCAST_0009_1.wav"]
    (tmp_path / "Audios").mkdir()
    for number, name in enumerate(names):
        soundfile.write(tmp_path / "Audios" / name, np.full(800, number / 10), 16000)
    write(tmp_path / "Transcripts" / f"{names[0][:-4]}.txt", "Well, I’m fine.\n")
    write(tmp_path / "Transcripts" / "MSP-PODCAST_test3_0002.txt", "Oh.\n")
    manifest, _ = attach_audio(import_corpus(tmp_path), tmp_path)
    frame = manifest.frame.set_index("id")
    assert frame.index[-2:].tolist() == ["MSP-PODCAST_test3_0001", "MSP-PODCAST_test3_0002"]
    assert frame["split"].tolist()[-2:] == ["Test3", "Test3"]
    assert frame["path"].iloc[-1] == "Audios/MSP-PODCAST_test3_0002.wav"
    assert frame["text"].iloc[0] == "Well, I’m fine." and frame["text"].iloc[-1] == "Oh."
    assert frame["text"].isna().sum() == 5 and np.isnan(manifest.soft()[-2:]).all()
    lines = manifest.provenance["import"]
    assert isinstance(lines, list)
    assert (lines[2]["found"], lines[2]["kept"]) == (9, 7)
    assert (lines[3]["kept"], lines[3]["note"]) == (2, "5 utterances have none")
    # Test3 has no consensus to lack: it stays when rows without one go
    kept = import_corpus(tmp_path, no_consensus="drop").frame["split"]
    assert (kept == "Test3").sum() == 2


def test_a_release_without_votes_has_hard_labels(tmp_path: Path) -> None:
    consensus_csv(tmp_path / "labels_consensus.csv")
    manifest = import_corpus(tmp_path)
    assert manifest.votes is None and len(manifest) == 6
    assert soft(manifest)["1"] == {"neutral": 1.0} and np.isnan(manifest.soft()[1]).all()


def test_votes_of_unknown_utterances_are_counted(tmp_path: Path) -> None:
    consensus_csv(tmp_path / "labels_consensus.csv", UTTERANCES[:2])
    detailed_csv(tmp_path / "labels_detailed.csv")
    manifest = import_corpus(tmp_path)
    lines = manifest.provenance["import"]
    assert isinstance(lines, list)
    assert lines[1]["dropped"] == {"of utterances that are not in the consensus file": 7}


def broken(root: Path) -> None:
    """Write a release with one bad row of each kind; line numbers are those of the comments."""
    head = ",".join(COLUMNS)
    lines = [
        head.encode(),
        ",".join(UTTERANCES[0]).encode(),
        f'{N.format(2)},"X,5,2,6,17,Female,Train'.encode(),  # 3: a quote that is never closed
        f"{N.format(3)},N,9.3,4,4,18,Male,Train".encode(),  # 4: an attribute of 9.3
        b"../../etc/passwd.wav,N,4,4,4,18,Male,Train",  # 5: a path
        f"{N.format(4)},N,4,4,4,Jos".encode() + b"\xe9,Male,Train",  # 6: Latin-1
        f"{N.format(5)},Q,4,4,4,18,Male,Train".encode(),  # 7: no such class
        f"{N.format(6)},N,4,4".encode(),  # 8: cells are missing
        ",".join(UTTERANCES[0]).encode(),  # 9: again
        b"MSP-PODCAST_0001_0008.wav,H,4,4,4,18,Male,Train",
    ]
    write(root / "labels_consensus.csv", "").write_bytes(b"\n".join(lines) + b"\n")
    votes = [
        "FileName,EmoDetail",
        f'{VOTES[0][0]},"{detail(VOTES[0])}"',
        f'{N.format(1)},"WORKER00009; Neutral"',  # 3: half a vote
        f'{N.format(1)},"WORKER00009; Sad; A:0.5; V:4; D:4;"',  # 4: an attribute of 0.5
    ]
    write(root / "labels_detailed.csv", "\n".join(votes) + "\n")


def test_a_table_with_semicolons_is_read(tmp_path: Path) -> None:
    path = consensus_csv(tmp_path / "labels_consensus.csv")
    commas = import_corpus(tmp_path).frame
    path.write_text(path.read_text().replace(",", ";"))
    pd.testing.assert_frame_equal(import_corpus(tmp_path).frame, commas)


EXPECTED = {
    "labels_consensus.csv:3: a broken quote",
    f"labels_consensus.csv:4: {N.format(3)}: EmoAct is '9.3', not 1 to 7",
    "labels_consensus.csv:5: ../../etc/passwd.wav: the name is not NAME.wav",
    "labels_consensus.csv:6: a byte that is not UTF-8 (0xe9)",
    f"labels_consensus.csv:7: {N.format(5)}: 'Q' is not a class",
    "labels_consensus.csv:8: 4 cells, but the header has 8",
    f"labels_consensus.csv:9: {N.format(1)}: the name comes twice",
    f"labels_detailed.csv:3: {N.format(1)}: not a vote: 'WORKER00009; Neutral'",
    f"labels_detailed.csv:4: {N.format(1)}: arousal is '0.5', not 1 to 7",
}


def test_bad_rows_are_all_listed_with_file_and_line(tmp_path: Path) -> None:
    broken(tmp_path)
    with pytest.raises(ManifestError) as caught:
        import_corpus(tmp_path)
    message = str(caught.value)
    assert message.startswith("9 rows cannot be read:") and "--bad-rows drop" in message
    for expected in EXPECTED:
        assert expected in message


def test_bad_rows_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    broken(tmp_path)
    manifest = import_corpus(tmp_path, bad_rows="drop")
    assert [name[-1] for name in manifest.frame["id"]] == ["1", "8"]
    assert manifest.votes is not None and len(manifest.votes) == 1
    lines = manifest.provenance["import"]
    assert isinstance(lines, list)
    assert (lines[0]["found"], lines[0]["dropped"]) == (9, {"could not be read": 7})
    assert (lines[1]["found"], lines[1]["dropped"]) == (3, {"could not be read": 2})
    assert len(manifest.provenance["bad_rows"]) == 9  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels_consensus.csv", "FileName,EmoAct,EmoVal,EmoDom\n", ":1: no column 'EmoClass'"),
        ("labels_consensus.json", '{\n"a.wav": {"EmoClass": "N",}', "json:2: not JSON"),
        ("notes.csv", "a,b\n1,2\n", "no consensus labels here or below"),
    ],
)
def test_files_that_cannot_be_read_at_all(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    write(tmp_path / name, content)
    with pytest.raises(ManifestError, match=message):
        import_corpus(tmp_path)


def test_two_different_files_of_one_kind_are_refused_and_copies_are_not(tmp_path: Path) -> None:
    consensus_csv(tmp_path / "a" / "labels_consensus.csv")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert len(import_corpus(tmp_path)) == 6
    consensus_csv(tmp_path / "b" / "labels_concensus.csv", UTTERANCES[:2])
    with pytest.raises(ManifestError, match="different files of one kind"):
        import_corpus(tmp_path)


def test_json_entries_without_what_is_needed_are_named_with_their_line(tmp_path: Path) -> None:
    release_json(tmp_path)
    path = tmp_path / "Labels" / "labels_consensus.json"
    said = json.loads(path.read_text())
    del said[N.format(2)]["EmoClass"]
    path.write_text(json.dumps(said, indent=1))
    with pytest.raises(
        ManifestError, match=rf"labels_consensus.json:11: {N.format(2)}: expected an object"
    ):
        import_corpus(tmp_path)


def test_the_command_prints_what_was_found_and_dropped(tmp_path: Path) -> None:
    release_2025(tmp_path / "release")
    words = ["manifest", "import", "msp-podcast"]
    result = invoke(tmp_path, *words, str(tmp_path / "release"), "--no-consensus=drop")
    assert result.exit_code == 0, result.output
    assert "2 have no consensus" in result.stdout and "13" in result.stdout
    back = Manifest.read(tmp_path / "manifest.parquet")
    assert back.provenance["labels"] == {
        "words": back.provenance["labels"]["words"],  # type: ignore[index]
        **{"soft": "primary", "other": "drop", "all_other": "drop"},
    }
