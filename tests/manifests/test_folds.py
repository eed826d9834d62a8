"""Leave one out, folds, the in-house split, the corpus's own partition, and merged corpora."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from medusa.errors import ManifestError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import one_hot
from medusa.manifests.manifest import Manifest
from medusa.manifests.merge import merge
from medusa.manifests.splits.folds import fold_names, groups_of, leave_out
from medusa.manifests.splits.plan import SplitPlan, divided, own
from medusa.tests.command_line import invoke

SCHEME = LabelScheme("two", ("sad", "happy"))


def corpus(rows: int = 120) -> Manifest:
    """Return rows of five sessions with two speakers each, named as in IEMOCAP."""
    random = np.random.default_rng(0)
    speakers = [f"Ses0{1 + row % 5}{'FM'[row // 5 % 2]}" for row in range(rows)]
    label = pd.Series(random.choice(SCHEME.classes, rows))
    frame = pd.DataFrame({"id": [f"{who}_{row:03d}" for row, who in enumerate(speakers)]})
    frame = frame.assign(speaker=speakers, label=label)
    return Manifest(pd.concat([frame, one_hot(label, SCHEME)], axis=1), SCHEME)


def run(home: Path, *words: str) -> Result:
    return invoke(home, "manifest", *words)


def test_a_session_is_left_out_whole_and_dev_shares_no_speaker() -> None:
    manifest = corpus()
    splits = leave_out(manifest, ["Ses05"], "session", 0.25, 0)
    speakers = manifest.frame["speaker"].groupby(splits).unique()
    assert set(speakers["test"]) == {"Ses05F", "Ses05M"}
    assert len(speakers["dev"]) == 2 and len(speakers["train"]) == 6
    assert not set(speakers["dev"]) & set(speakers["train"])


def test_groups_by_a_regular_expression_and_by_speaker() -> None:
    manifest = corpus()
    assert sorted(groups_of(manifest, r"^Ses..([FM])").unique()) == ["F", "M"]
    assert groups_of(manifest, "speaker").nunique() == 10
    with pytest.raises(ManifestError, match="with a group in brackets"):
        groups_of(manifest, "^Ses")
    with pytest.raises(ManifestError, match="120 utterances have no corpus"):
        groups_of(manifest, "corpus")


def test_an_unknown_group_gets_the_nearest_name() -> None:
    with pytest.raises(ManifestError, match=r"no session 'Ses6' \(did you mean 'Ses0\d'\?\)"):
        leave_out(corpus(), ["Ses6"], "session", 0.2, 0)


@pytest.mark.parametrize("folds", [2, 3, 10])
def test_every_speaker_is_in_exactly_one_fold(folds: int) -> None:
    manifest = corpus()
    members = [fold_names(manifest, fold, folds, "speaker", 3) for fold in range(1, folds + 1)]
    assert sorted(name for fold in members for name in fold) == sorted(
        manifest.frame["speaker"].unique()
    )
    sizes = [manifest.frame["speaker"].isin(names).sum() for names in members]
    assert max(sizes) - min(sizes) <= 12  # a speaker's rows
    again = [fold_names(manifest, fold, folds, "speaker", 3) for fold in range(1, folds + 1)]
    assert again == members


def test_folds_that_do_not_exist() -> None:
    with pytest.raises(ManifestError, match="expected a fold from 1 to 3"):
        fold_names(corpus(), 4, 3, "speaker", 0)
    with pytest.raises(ManifestError, match="5 sessions cannot fill 6 folds"):
        fold_names(corpus(), 1, 6, "session", 0)


def test_in_house_is_90_10_of_train_and_dev_and_keeps_the_rest() -> None:
    manifest = corpus(400)
    frame = manifest.frame
    frame["speaker"] = [f"s{row % 40}" if row % 8 else None for row in range(400)]
    frame["split"] = np.repeat(["train", "dev", "Test1", "Test3"], [250, 50, 60, 40])
    made = divided(manifest, SplitPlan("in-house", 0, 0.1)).frame
    assert made["split"].value_counts()["Test1"] == 60
    assert (made["split"][300:] == frame["split"][300:]).all()
    inside = made[:300]
    assert (inside["split"][inside["speaker"].isna()] == "train").all()
    known = inside.dropna(subset="speaker")
    assert 0.07 < (known["split"] == "dev").mean() < 0.13
    assert (known.groupby("speaker")["split"].nunique() == 1).all()


def test_the_corpus_s_own_partition_under_other_names() -> None:
    manifest = corpus(8)
    manifest.frame["split"] = ["train", "dev", "Test1", "Test2"] * 2
    with pytest.raises(ManifestError, match="not in the manifest"):
        own(manifest, {})
    manifest.provenance = {"split": {"by": "corpus"}}
    named = own(manifest, {"Test1": "test", "Test2": ""}).frame["split"]
    assert named.fillna("-").tolist() == ["train", "dev", "test", "-"] * 2
    with pytest.raises(ManifestError, match="no part Test9"):
        own(manifest, {"Test9": "test"})


def test_merged_corpora_and_one_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        part = corpus(40)
        part.frame["path"] = "wav/" + part.frame["id"] + ".wav"
        votes = pd.DataFrame(
            {"id": part.frame["id"], "rater": name, "primary": part.frame["label"]}
        )
        part.votes = votes.assign(secondary=None, arousal=1.0, valence=1.0, dominance=1.0)
        part.write(tmp_path / name / "manifest.parquet")
    home = tmp_path / "both"
    home.mkdir()
    result = run(home, "merge", *(f"{name}={tmp_path}/{name}/manifest.parquet" for name in "ab"))
    assert result.exit_code == 0, result.output
    for wrong, problem in (
        ("a", "expected NAME=MANIFEST ... with each name once, and got 'a'"),
        ("a=b", "b: no such"),
    ):
        assert problem in str(run(home, "merge", wrong).exception)
    merged = Manifest.read(home / "manifest.parquet")
    assert len(merged) == 80 and merged.frame["id"][40] == "b/Ses01F_000"
    assert merged.frame["path"][40] == "../b/wav/Ses01F_000.wav"
    assert merged.frame["speaker"].nunique() == 20
    assert merged.votes is not None and merged.votes["rater"].tolist() == ["a"] * 40 + ["b"] * 40
    assert run(home, "split", "leave-out", "b", "--of", "corpus").exit_code == 0
    splits = Manifest.read(home / "manifest.parquet").frame["split"]
    assert (splits[40:] == "test").all() and set(splits[:40]) == {"train", "dev"}
    other = Manifest(corpus(4).frame[["id"]], LabelScheme("x", ("happy", "sad")))
    with pytest.raises(ManifestError, match=r"the classes of x are not sad, happy; .*relabel"):
        merge({"a": corpus(4), "x": other}, tmp_path)


def test_the_command_makes_folds_and_shows_them(tmp_path: Path) -> None:
    corpus().write(tmp_path / "manifest.parquet")
    seen: list[str] = []
    for fold in "12345":
        words = ["split", "fold", f"{fold}/5", "--of", "session", "--force"]
        assert run(tmp_path, *words).exit_code == 0
        manifest = Manifest.read(tmp_path / "manifest.parquet")
        seen += manifest.split("test").frame["id"].tolist()
        assert manifest.provenance["split"] == {
            **{"by": "folds", "of": "session", "fold": int(fold), "folds": 5},
            **{"dev": 0.2, "seed": 0},
        }
    assert sorted(seen) == sorted(corpus().frame["id"])
    again = run(tmp_path, "split", "fold", "5/5", "--of", "session")
    assert "nothing to do" in again.stderr
    shown = run(tmp_path, "split", "show")
    assert "rows (speakers)" in shown.stdout and "(2)" in shown.stdout
    assert "speakers in test: Ses0" in shown.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("fold 0/5", "fold 0 of 5: expected a fold from 1 to 5"),
        ("fold 6/5", "fold 6 of 5: expected a fold from 1 to 5"),
        ("fold 1/0", "0 folds: expected 2 folds or more"),
        ("fold 5", "fold 5: expected k/K, such as 1/5"),
        ("fold one/5", "fold one/5: expected k/K, such as 1/5"),
        ("leave-out Ses05F --dev 1", "--dev 1: expected a share from 0 that leaves some"),
        ("leave-out Ses05F --dev -0.5", "--dev -0.5: expected a share from 0"),
        ("in-house --dev 1", "--dev 1 and --test 0: expected shares from 0"),
    ],
)
def test_impossible_choices_change_nothing(tmp_path: Path, words: str, problem: str) -> None:
    path = tmp_path / "manifest.parquet"
    corpus().write(path)
    before = path.read_bytes()
    result = run(tmp_path, "split", *words.split(), "--force")
    assert isinstance(result.exception, ManifestError) and problem in str(result.exception)
    assert path.read_bytes() == before


def test_a_dev_share_of_zero_leaves_dev_empty() -> None:
    splits = leave_out(corpus(), ["Ses05"], "session", 0, 0)
    assert splits.value_counts().to_dict() == {"train": 96, "test": 24}


def test_the_first_fold_begins_with_the_largest_group() -> None:
    speakers = ["small"] * 2 + ["large"] * 9 + ["middle"] * 5
    frame = pd.DataFrame({"id": [f"u{row}" for row in range(16)], "speaker": speakers})
    label = pd.Series(["sad"] * 16)
    frame = pd.concat([frame.assign(label=label), one_hot(label, SCHEME)], axis=1)
    folds = [fold_names(Manifest(frame, SCHEME), fold, 3, "speaker", 0) for fold in (1, 2, 3)]
    assert folds == [["large"], ["middle"], ["small"]]


BEFORE = {  # Digests of the splits that the options of version 0.1.0 gave for the same choices.
    "random": "ba2bda2c745a",
    "random --seed 1 --dev 0.1 --test 0.3": "474af9e19518",
    "random --by utterance --seed 2": "2f7a21ece9d3",
    "leave-out Ses03F --seed 4": "29cc47f3db5c",
    "leave-out Ses05 Ses02 --of session --dev 0.25": "9daf4fa6676f",
    "fold 2/5 --of session --seed 3": "885ce8d5038e",
    "fold 1/3": "853c4e7f0c7d",
    "random --dev 0 --test 0.3; random --keep-test --seed 5 --dev 0.25": "14eb81a8b037",
    "in-house --seed 6": "0c296e045fc7",
    "corpus --rename Test1=test": "695e51e303d6",
}


@pytest.mark.parametrize(("commands", "digest"), BEFORE.items())
def test_the_same_seed_gives_the_split_that_it_gave_before(
    tmp_path: Path, commands: str, digest: str
) -> None:
    manifest = corpus()
    if commands.startswith(("in-house", "corpus")):
        manifest.frame["split"] = (["train"] * 7 + ["dev"] * 2 + ["Test1"] * 3) * 10
        manifest.provenance = {"split": {"by": "corpus"}}
    manifest.write(tmp_path / "manifest.parquet")
    for words in commands.split("; "):
        assert run(tmp_path, "split", *words.split()).exit_code == 0
    made = Manifest.read(tmp_path / "manifest.parquet").frame["split"].fillna("-")
    assert hashlib.sha256(" ".join(made).encode()).hexdigest().startswith(digest)
