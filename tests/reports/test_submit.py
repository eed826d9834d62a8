"""The challenge's own files: written from predictions, checked line by line."""

import json
from pathlib import Path

import numpy as np
import pytest

from medusa.errors import RunError
from medusa.reports.submit import check, expected_names, submission
from medusa.scoring.predictions import Predictions
from medusa.tests.command_line import call, invoke

CLASSES = ("sad", "angry", "neutral")
NAMES = expected_names()[:3]


def predictions(ids: list[str] | None = None, attributes: bool = True) -> Predictions:
    ids = ids or [NAMES[place][:-4] for place in (2, 0, 1)]
    logits = np.eye(3, dtype=np.float32)[[row % 3 for row in range(len(ids))]]
    ratings = np.linspace(0.5, 7.5, 3 * len(ids)).reshape(len(ids), 3) if attributes else None
    return Predictions.of(ids, ["Test3"] * len(ids), logits, ratings, CLASSES, "r")


def test_names() -> None:
    names = expected_names()
    assert len(names) == len(set(names)) == 3200
    assert names[0] == "MSP-PODCAST_test3_0001.wav" and names[-1].endswith("_3200.wav")


def test_rows_are_joined_by_name_and_ratings_stay_on_the_scale() -> None:
    assert submission(predictions(), 1, NAMES).splitlines() == [
        "FileName,EmoClass",
        "MSP-PODCAST_test3_0001.wav,A",
        "MSP-PODCAST_test3_0002.wav,N",
        "MSP-PODCAST_test3_0003.wav,S",
    ]
    assert submission(predictions(), 2, NAMES).splitlines() == [
        "FileName,EmoAct,EmoVal,EmoDom",
        "MSP-PODCAST_test3_0001.wav,3.1250,4.0000,4.8750",
        "MSP-PODCAST_test3_0002.wav,5.7500,6.6250,7.0000",
        "MSP-PODCAST_test3_0003.wav,1.0000,1.3750,2.2500",
    ]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([NAMES[0]], r"2 missing: MSP-PODCAST_test3_0002.wav"),
        ([*NAMES, NAMES[1]], r"1 more than once: MSP-PODCAST_test3_0002.wav"),
        ([*NAMES, "MSP-PODCAST_0001_0001"], r"1 not expected: MSP-PODCAST_0001_0001.wav"),
    ],
)
def test_gaps_duplicates_and_strangers_are_refused(ids: list[str], message: str) -> None:
    with pytest.raises(RunError, match=message):
        submission(predictions(ids), 1, NAMES)


def test_what_cannot_be_submitted() -> None:
    with pytest.raises(RunError, match="needs predictions of arousal"):
        submission(predictions(attributes=False), 2, NAMES)
    made = predictions()
    made.frame.loc[1, "logit_sad"] = np.nan
    with pytest.raises(RunError, match=r"1 prediction is not finite: .*0001"):
        submission(made, 1, NAMES)
    made = Predictions.of(NAMES, ["Test3"] * 3, np.eye(3), None, ("sad", "other", "fear"), "r")
    with pytest.raises(RunError, match="no letter for other"):
        submission(made, 1, NAMES)


def test_an_existing_file_is_checked_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(submission(predictions(), 2, NAMES))
    assert check(path, NAMES) == 2
    path.write_text(
        "FileName,EmoClass\n" + "".join(f"{name},Z\n" for name in (*NAMES[:2], NAMES[0]))
    )
    with pytest.raises(RunError) as caught:
        check(path, NAMES)
    for part in ("line 2: 'Z', expected one of A, S", "1 missing", "1 more than once"):
        assert part in str(caught.value)
    path.write_text(f"FileName,EmoAct,EmoVal,EmoDom\n{NAMES[0]},9.3,nan,4\n{NAMES[1]},4,4\n")
    with pytest.raises(RunError, match=r"line 2: 9.3, nan, expected numbers from 1 to 7"):
        check(path, NAMES)
    path.write_text("Name,Class\n")
    with pytest.raises(RunError, match=r"a.csv:1: the header is 'Name,Class'"):
        check(path, NAMES)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medusa.reports.submit.TEST3", 3)
    folder = tmp_path / "runs" / "best"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(json.dumps({"kind": "head"}))
    (folder / "finished").write_text("")
    predictions().write(folder / "predictions.parquet")
    words = ["submit", "best", "--output", tmp_path]
    call(tmp_path, *words)
    for task in (1, 2):
        checked = call(tmp_path, "submit", "--check", tmp_path / f"task{task}.csv")
        assert f"a submission to Task {task}" in checked.stderr
    assert "nothing to do" in call(tmp_path, *words).stderr
    with monkeypatch.context() as patch:
        patch.setattr("medusa.reports.submit.TEST3", 3200)
        assert "3197 missing" in str(invoke(tmp_path, *words).exception)
    (tmp_path / "task1.csv").write_text("mine")
    assert "--force" in str(invoke(tmp_path, *words).exception)
    call(tmp_path, *words, "--force")
