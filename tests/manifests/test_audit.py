"""The audit finds everything that is planted, at once."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from click.testing import Result

from medusa.errors import ManifestError
from medusa.manifests.audit.checks import audit
from medusa.manifests.audit.findings import Finding, Subject
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import one_hot
from medusa.manifests.manifest import Manifest
from medusa.manifests.texts import write_transcripts
from medusa.tests.command_line import invoke

SCHEME = LabelScheme("three", ("angry", "sad", "happy"))
NAMES = [f"u{number}" for number in range(12)]


def healthy(home: Path, **changes: list[object]) -> Manifest:
    """Return twelve rows with nothing wrong: four speakers, every class in every split."""
    for number, name in enumerate(NAMES):
        sound = np.random.default_rng(number).normal(scale=0.1, size=1600)
        soundfile.write(home / f"{name}.wav", sound, 8000)
    label = pd.Series(["angry", "sad", "happy"] * 4)
    frame = pd.DataFrame(
        {
            "id": NAMES,
            "path": [str(home / f"{name}.wav") for name in NAMES],
            "speaker": np.repeat(["s0", "s1", "s2", "s3"], 3),
            "split": np.repeat(["train", "train", "dev", "test"], 3),
            "text": "words",
            "label": label,
            "arousal": 4.0,
        }
    )
    frame = pd.concat([frame, one_hot(label, SCHEME)], axis=1)
    for column, values in changes.items():
        frame[column] = values
    manifest, _ = attach_audio(Manifest(frame, SCHEME), home)
    return manifest


def found_in(home: Path, manifest: Manifest | None = None, digests: bool = False) -> list[Finding]:
    if manifest is not None:
        manifest.write(home / "manifest.parquet")
    return audit(Subject.read(home / "manifest.parquet", home / "transcripts"), digests)


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, [finding.row() for finding in found]
    return found[0]


def run(home: Path, *arguments: str) -> Result:
    return invoke(home, "manifest", "audit", *arguments)


def test_nothing_is_wrong_with_a_healthy_manifest(tmp_path: Path) -> None:
    assert found_in(tmp_path, healthy(tmp_path), digests=True) == []
    result = run(tmp_path)
    assert result.exit_code == 0
    assert "0 errors, 0 warnings, 0 notes" in result.stderr


def test_all_planted_problems_are_found_at_once(tmp_path: Path) -> None:
    manifest = healthy(tmp_path)
    frame = manifest.frame
    (tmp_path / "u0.wav").unlink()
    (tmp_path / "u1.wav").write_bytes((tmp_path / "u1.wav").read_bytes()[:1000])
    (tmp_path / "u2.wav").write_text("not audio")
    frame.loc[3, SCHEME.columns] = [0.9, 0.3, 0.2]  # sums to 1.4
    frame.loc[4, SCHEME.columns] = [-0.5, 1.5, 0.0]
    frame.loc[5, SCHEME.columns] = [np.nan, 0.0, 1.0]
    frame.loc[6, "label"] = "bored"
    frame.loc[7, "arousal"] = 9.0
    frame.loc[8, "split"] = "train"  # s2 is in dev too
    frame.loc[9, "text"] = None
    frame.loc[10, "split"] = None
    frame.loc[11, "path"] = None
    manifest.write(tmp_path / "manifest.parquet")
    table = pq.read_table(tmp_path / "manifest.parquet")
    pq.write_table(pa.concat_tables([table, table.slice(7, 1)]), tmp_path / "manifest.parquet")

    found = found_in(tmp_path)
    errors = {(each.check, each.where) for each in found if each.level == "error"}
    assert {(check, where) for check, where in errors if check != "audio"} == {
        ("ids", ("u7",)),
        ("soft labels", ("u3",)),
        ("soft labels", ("u4",)),
        ("soft labels", ("u5",)),
        ("labels", ("bored",)),
        ("attributes", ("u7", "u7")),
        ("speakers", ("s2",)),
    }
    audio = {each.message: each.where for each in found if each.check == "audio"}
    assert {message: len(where) for message, where in audio.items()} == {
        "1 recording is missing": 1,
        "1 recording is truncated": 1,
        "1 recording is unreadable": 1,
        "1 row has no audio": 1,
    }
    assert "u1.wav: truncated: its header promises 3200" in audio["1 recording is truncated"][0]
    others = {(each.level, each.check, each.where) for each in found if each.level != "error"}
    assert {
        ("note", "audio", ("u11",)),
        ("warning", "splits", ("u10",)),
        ("warning", "transcripts", ("u9",)),
    } <= others
    levels = [each.level for each in found]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)


def test_json_and_exit_code(tmp_path: Path) -> None:
    manifest = healthy(tmp_path)
    manifest.frame.loc[0, "arousal"] = 0.0
    manifest.frame.loc[1, "text"] = None
    manifest.write(tmp_path / "manifest.parquet")
    result = run(tmp_path, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert (said["error"], said["warning"], said["note"]) == (1, 1, 0)
    assert said["findings"][0]["check"] == "attributes"
    assert said["findings"][0]["where"] == ["u0"] and said["findings"][0]["count"] == 1
    table = run(tmp_path)
    assert table.exit_code == 1 and "medusa transcribe" in table.stdout


def test_warnings_and_notes_alone_exit_with_0(tmp_path: Path) -> None:
    healthy(tmp_path, text=[None] * 12).write(tmp_path / "manifest.parquet")
    assert run(tmp_path).exit_code == 0


@pytest.mark.parametrize(
    ("provenance", "level"),
    [
        ({}, "error"),
        ({"split": {"by": "speaker", "seed": 0}}, "error"),
        ({"split": {"by": "corpus"}}, "warning"),
        ({"split": {"by": "utterance"}}, "warning"),
        ({"split": {"by": "speaker", "kept": "test"}}, "warning"),  # s3 is in train and test
        ({"split": {"by": "speaker", "kept": "dev"}}, "error"),
    ],
)
def test_speakers_in_two_splits(tmp_path: Path, provenance: dict[str, object], level: str) -> None:
    manifest = healthy(tmp_path, speaker=list(np.repeat(["s3", "s1", "s2", "s3"], 3)))
    manifest.provenance = provenance
    finding = only(found_in(tmp_path, manifest))
    assert (finding.level, finding.check, finding.where) == (level, "speakers", ("s3",))


def test_a_class_without_rows_and_one_without_training_rows(tmp_path: Path) -> None:
    label = pd.Series(["sad"] * 8 + ["angry", "sad", "sad", "angry"])
    manifest = healthy(tmp_path)
    manifest.frame[["label", *SCHEME.columns]] = pd.concat([label, one_hot(label, SCHEME)], axis=1)
    found = found_in(tmp_path, manifest)
    assert [(each.level, each.message, each.where) for each in found] == [
        ("error", "1 class has no rows in train", ("angry",)),
        ("warning", "1 class has no rows", ("happy",)),
    ]


def test_the_same_recording_in_two_splits(tmp_path: Path) -> None:
    manifest = healthy(tmp_path)
    manifest.frame.loc[9, "content"] = manifest.frame.loc[0, "content"]
    finding = only(found_in(tmp_path, manifest))
    assert (finding.level, finding.where) == ("error", ("u0", "u9"))


def test_labels_that_are_not_the_largest_soft_label(tmp_path: Path) -> None:
    manifest = healthy(tmp_path)
    manifest.frame.loc[0, SCHEME.columns] = [0.2, 0.7, 0.1]
    finding = only([each for each in found_in(tmp_path, manifest) if each.level != "note"])
    assert (finding.level, finding.check, finding.where) == ("warning", "labels", ("u0",))


def test_a_changed_recording_is_seen_only_with_digests(tmp_path: Path) -> None:
    manifest = healthy(tmp_path)
    soundfile.write(tmp_path / "u4.wav", np.zeros(1600), 8000)
    assert found_in(tmp_path, manifest) == []
    finding = only(found_in(tmp_path, manifest, digests=True))
    assert (finding.level, finding.where) == ("error", ("u4",))
    assert run(tmp_path, "--digests").exit_code == 1


def test_a_recording_that_became_shorter_than_its_segment(tmp_path: Path) -> None:
    manifest = healthy(tmp_path)
    soundfile.write(tmp_path / "u4.wav", np.zeros(800), 8000)
    finding = only(found_in(tmp_path, manifest))
    assert "0.2 s from 0 s is not inside its 0.100 s" in finding.where[0]


def test_transcripts_stand_in_for_texts_and_stale_ones_do_not(tmp_path: Path) -> None:
    manifest = healthy(tmp_path, text=[None] * 12)
    table = manifest.frame[["id", "content"]].assign(
        text="heard", language="en", avg_logprob=0.0, no_speech_prob=0.0, compression_ratio=1.0
    )
    table["flags"] = [[] for _ in NAMES]
    write_transcripts(tmp_path / "transcripts" / "tiny.parquet", table)
    assert found_in(tmp_path, manifest) == []
    table.loc[3, "content"] = "before"
    write_transcripts(tmp_path / "transcripts" / "tiny.parquet", table)
    found = found_in(tmp_path)
    assert [(each.level, each.where) for each in found] == [("warning", ("u3",))] * 2
    (tmp_path / "transcripts" / "tiny.parquet").write_text("broken")
    assert {each.level for each in found_in(tmp_path)} == {"error", "note"}


def test_a_manifest_without_split_and_without_speakers(tmp_path: Path) -> None:
    found = found_in(tmp_path, healthy(tmp_path, split=[None] * 12, speaker=[None] * 12))
    assert [(each.level, each.check, each.message) for each in found] == [
        ("warning", "splits", "no row has a split"),
        ("note", "speakers", "12 rows have no speaker"),
    ]


def test_a_file_that_lacks_columns(tmp_path: Path) -> None:
    healthy(tmp_path).write(tmp_path / "manifest.parquet")
    table = pq.read_table(tmp_path / "manifest.parquet").drop_columns(["gender", "p_sad"])
    pq.write_table(table, tmp_path / "manifest.parquet")
    assert ("gender", "p_sad") in {each.where for each in found_in(tmp_path)}


def test_what_is_no_manifest_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="medusa manifest import"):
        found_in(tmp_path)
    pq.write_table(pa.table({"id": ["u1"]}), tmp_path / "manifest.parquet")
    with pytest.raises(ManifestError, match="not a manifest"):
        found_in(tmp_path)
