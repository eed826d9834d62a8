"""Splits: speakers apart, shares and classes as asked for, the same for the same seed."""

import numpy as np
import pandas as pd
import pytest

from medusa.errors import ManifestError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.votes import one_hot
from medusa.manifests.manifest import Manifest
from medusa.manifests.splits.by_share import _distances
from medusa.manifests.splits.plan import SplitPlan, divided, refuse_to_replace

SCHEME = LabelScheme("three", ("angry", "sad", "happy"))


def corpus(speakers: int = 10, rows: int = 300, seed: int = 0) -> Manifest:
    random = np.random.default_rng(seed)
    names = [f"s{number}" for number in random.integers(0, speakers, rows)]
    label = pd.Series(random.choice(["angry", "sad", "happy"], rows, p=[0.6, 0.3, 0.1]))
    frame = pd.DataFrame({"id": [f"u{row}" for row in range(rows)], "speaker": names})
    frame["gender"] = ["female" if name in ("s0", "s1", "s2", "s3") else "male" for name in names]
    return Manifest(pd.concat([frame.assign(label=label), one_hot(label, SCHEME)], axis=1), SCHEME)


def made(manifest: Manifest, by: str = "speaker", seed: int = 0, **how: object) -> pd.Series:
    shares = {"dev": 0.2, "test": 0.2} | how
    return divided(manifest, SplitPlan(by, seed, **shares)).frame["split"]  # type: ignore[arg-type]


def test_no_speaker_is_in_two_splits_and_shares_are_near() -> None:
    manifest = corpus()
    splits = made(manifest)
    per_speaker = splits.groupby(manifest.frame["speaker"]).nunique()
    assert (per_speaker == 1).all()
    speakers = manifest.frame["speaker"].groupby(splits).nunique()
    assert speakers.to_dict() == {"train": 6, "dev": 2, "test": 2}
    shares = splits.value_counts(normalize=True)
    assert abs(shares["dev"] - 0.2) < 0.05 and abs(shares["test"] - 0.2) < 0.05


def test_it_is_the_best_of_many_by_a_slow_count() -> None:
    """The kept deal is at least as near in classes as nearly all plain random deals."""
    manifest = corpus(speakers=12)
    label, speaker = manifest.frame["label"], manifest.frame["speaker"]

    def distance(splits: pd.Series) -> float:
        total = 0.0
        for name, share in {"train": 0.6, "dev": 0.2, "test": 0.2}.items():
            for each in SCHEME.classes:
                got = ((splits == name) & (label == each)).sum() / (label == each).sum()
                total += (got - share) ** 2 / share
        return total

    random = np.random.default_rng(5)
    others = []
    for _ in range(60):
        order = random.permutation(sorted(speaker.unique()))
        place = {name: ("dev", "dev", "test", "test")[at] for at, name in enumerate(order[:4])}
        others.append(distance(speaker.map(place).fillna("train")))
    assert distance(made(manifest)) < np.quantile(others, 0.2)


def test_genders_are_shared_out() -> None:
    manifest = corpus()
    splits = made(manifest, seed=3)
    assert (manifest.frame["gender"].groupby(splits).nunique() == 2).all()


def test_the_same_seed_gives_the_same_split_and_another_another() -> None:
    manifest = corpus()
    for by in ("speaker", "utterance"):
        assert made(manifest, by).equals(made(manifest, by))
        assert not made(manifest, by).equals(made(manifest, by, seed=1))


def test_the_order_of_the_rows_does_not_matter() -> None:
    manifest = corpus()
    turned = Manifest(manifest.frame.iloc[::-1], SCHEME)
    assert made(turned).iloc[::-1].tolist() == made(manifest).tolist()


def test_a_class_of_one_speaker_goes_to_train() -> None:
    manifest = corpus()
    frame = manifest.frame
    rare = frame["speaker"] == "s7"
    label = pd.Series(np.where(rare, "happy", "sad"), dtype="str")
    frame[["label", *SCHEME.columns]] = pd.concat([label, one_hot(label, SCHEME)], axis=1)
    for seed in range(5):
        assert (made(manifest, seed=seed)[rare] == "train").all()


def test_rows_without_labels_are_split_too() -> None:
    manifest = corpus()
    manifest.frame.loc[::3, ["label", *SCHEME.columns]] = None
    assert made(manifest).notna().all() and made(manifest, "utterance").notna().all()


def test_by_utterance_shares_out_every_class() -> None:
    manifest = corpus()
    counts = pd.crosstab(manifest.frame["label"], made(manifest, "utterance"))
    for _, row in counts.iterrows():
        assert abs(row["dev"] - 0.2 * row.sum()) <= 1 and abs(row["test"] - 0.2 * row.sum()) <= 1


def test_by_utterance_a_single_row_goes_to_train() -> None:
    manifest = corpus()
    manifest.frame.loc[0, "label"] = "happy"
    only = manifest.where(manifest.frame["label"].ne("happy") | manifest.frame["id"].eq("u0"))
    for seed in range(5):
        assert made(only, "utterance", seed, dev=0.4, test=0.4)[0] == "train"


def test_shares_can_be_zero() -> None:
    for by in ("speaker", "utterance"):
        assert set(made(corpus(), by, test=0.0)) == {"train", "dev"}
        assert set(made(corpus(), by, dev=0.0)) == {"train", "test"}


@pytest.mark.parametrize(("dev", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.2, -0.1), (1.0, 0.0)])
def test_impossible_shares(dev: float, test: float) -> None:
    with pytest.raises(ManifestError, match="leave some for train"):
        divided(corpus(), SplitPlan("speaker", 0, dev, test))


def test_rows_without_speakers_name_the_remedy() -> None:
    manifest = corpus()
    manifest.frame.loc[[4, 7], "speaker"] = None
    with pytest.raises(ManifestError, match=r"2 utterances have no speaker \(u4, u7\).*--by utt"):
        made(manifest)


def test_too_few_speakers() -> None:
    with pytest.raises(ManifestError, match="2 speakers cannot fill train, dev, test"):
        made(corpus(speakers=2))
    assert set(made(corpus(speakers=3))) == {"train", "dev", "test"}


def test_no_deal_with_every_class_in_train() -> None:
    """Three speakers with a class of their own each: train can hold one of them."""
    names = ["s0", "s1", "s2"]
    label = pd.Series(["angry", "sad", "happy"])
    frame = pd.DataFrame({"id": names, "speaker": names, "label": label})
    manifest = Manifest(pd.concat([frame, one_hot(label, SCHEME)], axis=1), SCHEME)
    with pytest.raises(ManifestError, match="every class in train: angry comes from 1 of them"):
        made(manifest)


def test_keep_test_leaves_test_alone_and_carves_dev() -> None:
    manifest = corpus()
    first = divided(manifest, SplitPlan("speaker", 0, 0.0, 0.3))
    second = divided(first, SplitPlan("speaker", 1, 0.25, kept="test"))
    before, after = first.frame["split"] == "test", second.frame["split"] == "test"
    assert before.equals(after)
    speakers = second.frame["speaker"].groupby(second.frame["split"]).unique()
    assert not set(speakers["dev"]) & set(speakers["train"])
    assert second.provenance["split"] == {"by": "speaker", "seed": 1, "dev": 0.25, "kept": "test"}


def test_keep_test_needs_a_test_split() -> None:
    with pytest.raises(ManifestError, match="no row is in split test"):
        divided(corpus(), SplitPlan("speaker", 0, 0.2, kept="test"))


def test_a_split_is_not_replaced_unasked() -> None:
    plan, keeping = SplitPlan("speaker", 0, 0.2, 0.2), SplitPlan("speaker", 0, 0.2, kept="test")
    first = divided(corpus(), plan)
    with pytest.raises(ManifestError, match=r"split already: train \d+, .*seed 0.*--force"):
        refuse_to_replace(first, plan)
    with pytest.raises(ManifestError, match="--force"):
        refuse_to_replace(first, keeping)  # it has a dev split
    refuse_to_replace(divided(corpus(), SplitPlan("speaker", 0, 0.0, 0.2)), keeping)
    refuse_to_replace(corpus(), plan)


def test_only_an_in_house_plan_replaces_the_corpus_s_own_partition() -> None:
    inside, speaker = SplitPlan("in-house", 0, 0.2), SplitPlan("speaker", 0, 0.2, 0.2)
    made = divided(corpus(), speaker)
    with pytest.raises(ManifestError, match="split already"):
        refuse_to_replace(made, inside)
    made.provenance["split"] = {"by": "corpus"}
    with pytest.raises(ManifestError, match="split already"):
        refuse_to_replace(made, speaker)
    refuse_to_replace(made, inside)


def test_podcast_sized_in_a_moment() -> None:
    manifest = corpus(speakers=2000, rows=80_000)
    splits = made(manifest)
    assert abs((splits == "dev").mean() - 0.2) < 0.01


@pytest.mark.usefixtures("shown")
def test_speakers_are_exchanged_until_every_split_has_the_rare_class(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of 40 speakers, 3 are happy and 3 angry; 1 of 4,000 deals gives every split one of each."""
    rare = dict.fromkeys((3, 4, 5), "happy") | dict.fromkeys((6, 7, 8), "angry")
    rows = [(f"s{who:02}", rare.get(who, "sad")) for who in range(40)]
    frame = pd.DataFrame(rows * 4, columns=["speaker", "label"]).assign(gender="female")
    frame["id"] = [f"u{row}" for row in range(len(frame))]
    label = frame["label"].astype("str")
    manifest = Manifest(pd.concat([frame, one_hot(label, SCHEME)], axis=1), SCHEME)
    for seed in range(3):
        splits = made(manifest, seed=seed, dev=0.05, test=0.05)
        for name in ("happy", "angry"):
            assert set(splits[label == name]) == {"train", "dev", "test"}
    assert "has no" not in capsys.readouterr().err
    frame.loc[frame["speaker"].isin(["s04", "s05"]), "label"] = "sad"  # One speaker is left.
    label = frame["label"].astype("str")
    alone = Manifest(pd.concat([frame, one_hot(label, SCHEME)], axis=1), SCHEME)
    assert set(made(alone, dev=0.05, test=0.05)[label == "happy"]) == {"train"}
    told = capsys.readouterr().err
    assert "dev has no happy." in told and "test has no happy." in told


def test_the_distance_of_a_deal_by_hand() -> None:
    rows = np.array([[2.0], [1.0], [1.0]])
    classes = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    genders = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    deals = np.array([[0, 0, 1], [0, 1, 1]])
    near, without_a_class = _distances(deals, [rows, classes, genders], np.array([0.75, 0.25]))
    # The first deal: rows fit (3/4, 1/4); classes are 2/3 and 1 of train; genders are 1 and 1/2.
    train = (1 / 108 + 1 / 12) / 2 + 1 / 12
    dev = (1 / 36 + 1 / 4) / 2 + 1 / 4
    np.testing.assert_allclose(near, train + dev, rtol=1e-12)  # 14/27
    assert np.isinf(without_a_class)


def test_rows_without_a_label_count_for_the_shares() -> None:
    rows = [("big", "angry"), *[("big", None)] * 99] + [
        (f"s{number}", "angry") for number in range(9)
    ]
    frame = pd.DataFrame(rows, columns=["speaker", "label"])
    frame["id"] = [f"u{row}" for row in range(len(frame))]
    frame["gender"] = None  # known genders would count the rows, too
    soft = one_hot(frame["label"], SCHEME)
    manifest = Manifest(pd.concat([frame, soft], axis=1), SCHEME)
    for seed in range(12):  # most rows are of one speaker, and most rows are for train
        splits = made(manifest, seed=seed, dev=0.1, test=0.1)
        assert set(splits[frame["speaker"] == "big"]) == {"train"}
