"""Folds of a cross-validation: every row is test in one fold, and speakers have one role a fold."""

import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from medusa.errors import ManifestError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import one_hot
from medusa.manifests.manifest import Manifest
from medusa.manifests.splits import exchange
from medusa.manifests.splits.absent_classes import absent_classes, class_rows, fewest_rows
from medusa.manifests.splits.cross_validation import FoldPlan, complete, fold_manifests
from medusa.manifests.splits.exchange import Mass, divide_evenly

SCHEME = LabelScheme("three", ("angry", "sad", "happy"))


def corpus(labels_of_speaker: dict[str, str]) -> Manifest:
    """Return a row for each letter (a, s, h) of each speaker."""
    full = {name[0]: name for name in SCHEME.classes}
    rows = [(who, full[one]) for who, letters in labels_of_speaker.items() for one in letters]
    frame = pd.DataFrame(rows, columns=["speaker", "label"])
    frame["id"] = [f"{who}-{row}" for row, who in enumerate(frame["speaker"])]
    frame["content"] = [f"audio{row}" for row in range(len(frame))]
    label = frame["label"].astype("str")
    return Manifest(pd.concat([frame, one_hot(label, SCHEME)], axis=1), SCHEME)


def uneven() -> Manifest:
    """Return 9 speakers, of whom three alone are happy, with very different numbers of rows."""
    letters = {f"s{n}": "as" * (n + 1) for n in range(6)}
    return corpus({**letters, "x": "ash" * 9, "y": "ash", "z": "hh"})


def roles(folds: list[Manifest]) -> list[dict[str, set[str]]]:
    """Return the speakers of each split of each fold."""
    return [
        {str(name): set(part["speaker"]) for name, part in one.frame.groupby("split")}
        for one in folds
    ]


@pytest.mark.parametrize("k", [2, 3, 9])
def test_every_row_is_test_one_time_and_no_speaker_has_two_roles(k: int) -> None:
    manifest = uneven()
    folds = fold_manifests(manifest, FoldPlan(k=k))
    assert len(folds) == k
    tested = Counter(name for one in folds for name in one.split("test").frame["id"])
    assert tested == Counter(manifest.frame["id"])
    for of_fold in roles(folds):
        assert set(of_fold) == {"train", "dev", "test"}
        for one, other in itertools.combinations(of_fold.values(), 2):
            assert not one & other
        assert set.union(*of_fold.values()) == set(manifest.frame["speaker"])


def test_dev_has_its_share_of_the_rows_outside_test_and_folds_have_numbers() -> None:
    manifest = corpus({f"s{n:02}": "ash" for n in range(20)})
    folds = fold_manifests(manifest, FoldPlan(k=2, dev=0.3))
    assert [one.provenance["split"]["fold"] for one in folds] == [1, 2]
    for one in folds:
        rows = one.frame["split"].value_counts()
        assert (rows["test"], rows["dev"], rows["train"]) == (30, 9, 21)


def test_with_unknown_speakers_the_groups_of_the_plan_are_train_or_dev() -> None:
    manifest = corpus({f"s{n}": "ash" * 2 for n in range(8)})
    manifest.frame["gender"] = [f"group {int(name[1]) // 2}" for name in manifest.frame["speaker"]]
    manifest.frame.loc[manifest.frame["speaker"].isin(["s1", "s6"]), "speaker"] = None
    for one in fold_manifests(manifest, FoldPlan(by="gender", k=4)):
        assert (one.frame.groupby("gender")["split"].nunique() == 1).all()
        assert one.frame["split"].notna().all()


def test_the_split_alone_differs_from_the_corpus() -> None:
    manifest = uneven()
    manifest.frame["split"] = "train"
    for one in fold_manifests(manifest, FoldPlan(k=3)):
        pd.testing.assert_frame_equal(
            one.frame.drop(columns="split"), manifest.frame.drop(columns="split")
        )
    assert (manifest.frame["split"] == "train").all()


def test_three_speakers_of_a_class_are_train_dev_and_test_of_every_fold() -> None:
    folds = fold_manifests(uneven(), FoldPlan(k=3))
    assert [absent_classes(one) for one in folds] == [[], [], []]
    for of_fold in roles(folds):
        assert all(len(speakers & {"x", "y", "z"}) == 1 for speakers in of_fold.values())


def test_the_classes_that_a_role_lacks_are_named_with_the_fewest_rows() -> None:
    manifest = corpus({"a": "aas", "b": "aash", "c": "aassh", "d": "ass"})
    folds = fold_manifests(manifest, FoldPlan(k=4))
    lacking = [sentence for one in folds for sentence in absent_classes(one)]
    # Two speakers are happy. If one is test, dev lacks the class; if none is, test lacks it.
    assert sorted(lacking) == ["dev has no happy"] * 2 + ["test has no happy"] * 2
    assert class_rows(folds[0]).loc["test"].sum() == len(folds[0].split("test"))
    assert "0 rows of happy in dev of fold" in fewest_rows(folds)
    assert "1 row of happy in train of fold" in fewest_rows(folds)


def test_the_same_seed_gives_the_same_folds() -> None:
    plan = FoldPlan(k=3, seed=4)
    one, two = (roles(fold_manifests(uneven(), plan)) for _ in range(2))
    assert one == two


def test_the_search_ends_when_no_exchange_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MOST_STEPS", 10**9)
    mass = Mass.of(uneven(), pd.factorize(uneven().frame["speaker"])[0])
    assert sorted(set(divide_evenly(mass, np.full(3, 1 / 3), 0))) == [0, 1, 2]


def test_an_absent_gender_is_no_absent_class() -> None:
    manifest = uneven()
    manifest.frame["gender"] = ["female"] + ["male"] * (len(manifest.frame) - 1)
    mass = Mass.of(manifest, pd.factorize(manifest.frame["speaker"])[0])
    assert mass.is_class.tolist() == [False, True, True, True, False, False]
    assert mass.weights.tolist() == [1, 1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2]


def test_the_default_is_ten_folds_or_one_for_each_speaker() -> None:
    assert complete(uneven(), FoldPlan()).k == 9
    assert complete(corpus({f"s{n}": "ash" for n in range(12)}), FoldPlan()).k == 10


def test_sessions_and_columns_are_left_out_whole() -> None:
    manifest = corpus({f"Ses0{n}{sex}": "ash" * 2 for n in range(1, 5) for sex in "FM"})
    for of_fold in roles(fold_manifests(manifest, FoldPlan("session", 4))):
        assert len({who[:5] for who in of_fold["test"]}) == 1 and len(of_fold["test"]) == 2
    manifest.frame["language"] = manifest.frame["speaker"].str[:5]
    for of_fold in roles(fold_manifests(manifest, FoldPlan("language", 4))):
        assert len({who[:5] for who in of_fold["test"]}) == 1 and len(of_fold["test"]) == 2


@pytest.mark.usefixtures("shown")
def test_rows_of_a_test_speaker_in_another_group_have_no_split(
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = corpus({f"s{n}": "aasshh" for n in range(5)})
    manifest.frame["language"] = ["de"] * 16 + ["en"] * 14  # s2 speaks both.
    folds = fold_manifests(manifest, FoldPlan("language", 2))
    for of_fold in roles(folds):
        assert not of_fold["test"] & (of_fold["train"] | of_fold["dev"])
    assert sorted(int(one.frame["split"].isna().sum()) for one in folds) == [2, 4]
    assert "2 rows of a speaker or recording in test cannot be train" in capsys.readouterr().err


def test_speakers_of_one_recording_are_in_one_role() -> None:
    manifest = corpus({f"s{n}": "ash" for n in range(8)})
    manifest.frame.loc[3, "content"] = "audio0"  # s0 and s1 share a recording.
    for of_fold in roles(fold_manifests(manifest, FoldPlan(k=4))):
        assert sum({"s0", "s1"} <= speakers for speakers in of_fold.values()) == 1
    assert complete(manifest, FoldPlan()).k == 7


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (FoldPlan(k=10), "10 folds by speaker: expected from 2 folds to one for each speaker"),
        (FoldPlan(k=1), "1 folds by speaker"),
        (FoldPlan(dev=0), "--dev 0: expected a share above 0 and below 1"),
        (FoldPlan("gender"), "have no gender"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused(plan: FoldPlan, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        fold_manifests(uneven(), plan)


def test_two_speakers_are_too_few_for_train_dev_and_test() -> None:
    with pytest.raises(ManifestError, match="at least 2 speakers outside test"):
        fold_manifests(corpus({"a": "ash", "b": "ash"}), FoldPlan(k=2))


def test_the_search_is_as_good_as_all_divisions_of_few_speakers() -> None:
    """The reference counts rows and classes of every division of seven speakers by a slow loop."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        letters = {f"s{n}": "".join(rng.choice(list("ash"), rng.integers(2, 9))) for n in range(7)}
        manifest = corpus(letters)
        codes = pd.factorize(manifest.frame["speaker"], sort=True)[0]

        def cost(division: tuple[int, ...], letters: dict[str, str] = letters) -> float:
            total, share = 0.0, (0.7, 0.3)
            everything = "".join(letters.values())
            for role in (0, 1):
                own = "".join(
                    text for text, at in zip(letters.values(), division, strict=True) if at == role
                )
                total += (len(own) / len(everything) - share[role]) ** 2 / share[role]
                for one in "ash":
                    part = own.count(one) / everything.count(one)
                    total += (part - share[role]) ** 2 / share[role] / 3
                    total += 1e6 * (part == 0) * (3 if role == 0 else 1)
            return total

        best = min(cost(one) for one in itertools.product((0, 1), repeat=7) if 0 < sum(one) < 7)
        found = divide_evenly(Mass.of(manifest, codes), np.array([0.7, 0.3]), 0)
        assert cost(tuple(found.tolist())) == pytest.approx(best, abs=1e-9)
