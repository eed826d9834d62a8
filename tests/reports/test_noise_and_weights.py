"""The signal-to-noise ratio of constructed mixtures, and the weights of a linear stack."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.ensemble.scikit_learn import apply_map
from medusa.ensemble.stackers import STACKERS
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests import Manifest
from medusa.reports.stack_weights import LINEAR, own_class_weights, stack_weights
from medusa.reports.utterances.noise import snr_db, snr_of_rows
from medusa.tests.command_line import call, invoke

RATE = 16_000


def mixture(snr: float, seconds: float = 3.0) -> np.ndarray:
    """Tones of 0.2 s with pauses of 0.2 s between, and white noise at this distance below them."""
    rng = np.random.default_rng(int(snr))
    times = np.arange(int(seconds * RATE)) / RATE
    tone = np.sqrt(2) * 0.1 * np.sin(2 * np.pi * 220 * times) * (times % 0.4 < 0.2)
    noise = 0.1 * 10 ** (-snr / 20) * rng.standard_normal(len(times))
    return (tone + noise).astype(np.float32)


@pytest.mark.parametrize("snr", [5, 10, 20, 40])
def test_the_ratio_of_a_mixture_is_found(snr: float) -> None:
    expected = 10 * np.log10(1 + 10 ** (snr / 10))  # The loud frames have the noise, too.
    assert snr_db(mixture(snr), RATE) == pytest.approx(expected, abs=1.5)


def test_silence_and_short_recordings_are_named() -> None:
    assert snr_db(np.zeros(RATE, np.float32), RATE) == 0
    assert snr_db(mixture(10)[: RATE // 10], RATE) is None
    steady = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    ratio = snr_db(steady, RATE)
    assert ratio is not None and ratio < 2  # Noise without a pause is noise.


def test_the_slices_have_the_ratio_only_when_it_is_asked_for(tmp_path: Path) -> None:
    from medusa.tests.reports.test_utterances import CLASSES, workspace_of

    for number in range(36):
        soundfile.write(tmp_path / f"{number}.wav", mixture(3 + number, 1.0), RATE)
    rows = pd.DataFrame(
        {
            "id": [f"u{number}" for number in range(36)],
            "speaker": [f"s{number % 5}" for number in range(36)],
            "path": [f"{number}.wav" for number in range(36)],
            "start_s": 0.0,
            "duration_s": 1.0,
            "split": "test",
            "label": [CLASSES[number % 2] for number in range(36)],
        }
    )
    workspace_of(tmp_path, rows, np.random.default_rng(0).normal(size=(36, 2)))
    frame = Manifest.read(tmp_path / "manifest.parquet").split("test").frame
    found = snr_of_rows(frame, tmp_path)
    assert found == sorted(found, key=lambda one: one or 0)  # The noise was falling.
    from medusa.scoring import truth_of
    from medusa.scoring.slices.groups import groups_of

    truth = truth_of(
        Manifest.read(tmp_path / "manifest.parquet"), rows["id"].tolist(), ["test"] * 36, CLASSES
    )
    names = groups_of(frame, truth, None, [*found[:-1], None])["signal-to-noise ratio"]
    assert names[-1] is None and len(set(names[:-1])) == 3
    assert min(names.count(name) for name in dict.fromkeys(names[:-1])) >= 11
    for words, there in (((), False), (("--snr",), True)):
        page = tmp_path / "r.html"
        call(tmp_path, "report", "r", "-o", str(page), *words)
        assert ("signal-to-noise ratio:" in page.read_text()) == there
    refused = invoke(tmp_path, "evaluate", "r", "--snr", "--on", str(tmp_path))
    assert "only without --on" in str(refused.exception)


def test_own_class_weights_are_slopes_of_the_logits() -> None:
    """A member moves its posterior towards a class; the logit of the class rises so much."""
    rng = np.random.default_rng(1)
    members, classes = 3, 4
    weights = {"weight": rng.normal(size=(4, 12)), "bias": rng.normal(size=4)}
    scores = rng.dirichlet(np.ones(classes), members)
    found = own_class_weights(weights["weight"], members, classes)

    def logits(changed: np.ndarray) -> np.ndarray:
        out = apply_map(weights, changed.reshape(1, -1))[0]
        centred: np.ndarray = out - out.mean()
        return centred

    for member in range(members):
        for number in range(classes):
            step = np.full(classes, -1 / classes)
            step[number] += 1
            moved = scores.copy()
            moved[member] += 0.01 * step
            slope = (logits(moved)[number] - logits(scores)[number]) / 0.01
            assert found[member, number] == pytest.approx(slope)


@pytest.mark.parametrize("method", sorted(STACKERS))
def test_every_stack_has_its_weights_in_the_report(
    made_up: Path, tmp_path: Path, method: str
) -> None:
    import shutil

    root = tmp_path / "w"
    shutil.copytree(made_up, root)
    quick = ("--set", "seeds=1", "--set", "training.epochs=2") if method == "linear" else ()
    call(root, "stack", "a", "b", "--name", "t", "--method", method, *quick)
    run = RunDir(root / "runs" / "t")
    found = stack_weights(run, run.config())
    assert found["summary"] == STACKERS[method].summary
    assert [row["name"] for row in found["rows"]] == (["a", "b"] if method in LINEAR else [])
    call(root, "report", "t", "-o", str(tmp_path / "t.html"))
    page = (tmp_path / "t.html").read_text()
    assert ("What the ensemble makes of its members" in page) == (method in LINEAR)
    assert json.dumps(found)
    if method in ("linear", "svm", "logreg"):
        assert all(len(row["classes"]) == 4 and row["all"] is None for row in found["rows"])
    if method == "opinion-pool":
        assert all(row["classes"] is None and row["all"] > 0 for row in found["rows"])


def test_a_number_that_rounds_to_zero_has_no_sign() -> None:
    from medusa.reports.templates import number

    assert (number(-0.0004), number(-0.0006), number(0.5, 1)) == ("0.000", "−0.001", "0.5")
