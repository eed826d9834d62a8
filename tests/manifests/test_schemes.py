"""Label schemes: how they are written, what they do to votes, and back again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medusa.errors import ManifestError
from medusa.manifests.label_scheme import LabelScheme
from medusa.manifests.labels.schemes import SCHEMES, Recoding, Rules, label_votes, parse, relabel
from medusa.manifests.labels.votes import one_hot
from medusa.manifests.manifest import VOTE_COLUMNS, Manifest
from medusa.tests.command_line import invoke

RAW = LabelScheme("raw", ("angry", "happy", "sad"))


def votes_of(**said: str) -> pd.DataFrame:
    """Return a vote per word: votes_of(u1="sad angry/sad"), where / parts first from second."""
    rows = [
        (name, f"r{number}", word.split("/")[0], word.split("/")[1:])
        for name, words in said.items()
        for number, word in enumerate(words.split())
    ]
    votes = pd.DataFrame(rows, columns=list(VOTE_COLUMNS[:4]))
    return votes.assign(arousal=np.nan, valence=np.nan, dominance=np.nan)


def voted(**said: str) -> Manifest:
    frame = pd.DataFrame({"id": list(said)})
    blank = Recoding(RAW, {name: name for name in RAW.classes})
    label, soft = label_votes(votes_of(**said), frame["id"], blank, Rules())
    return Manifest(pd.concat([frame.assign(label=label), soft], axis=1), RAW, votes_of(**said))


def labels(manifest: Manifest) -> list[object]:
    return [None if pd.isna(value) else value for value in manifest.frame["label"]]


def test_merges_and_order_as_written() -> None:
    recoding = parse("sad, Happy+Excited=joyful,angry")
    assert recoding.scheme == LabelScheme("custom", ("sad", "joyful", "angry"))
    assert recoding.words["excited"] == recoding.words["happy"] == "joyful"


def test_the_named_schemes_have_their_sizes() -> None:
    sizes = {name: len(parse(name).scheme.classes) for name in SCHEMES}
    assert sizes == {"msp-8": 8, "six": 6, "four": 4, "iemocap-6": 6}
    assert parse("four").words["excited"] == "happy"


@pytest.mark.parametrize("text", ["", "sad,,angry", "sad,sad", "sad+angry=x,angry", "+sad=x"])
def test_schemes_that_make_no_sense(text: str) -> None:
    with pytest.raises(ManifestError, match=r"is not a class|comes twice"):
        parse(text)


def test_votes_are_counted_again_under_the_new_scheme() -> None:
    manifest = voted(u1="happy excited angry", u2="excited excited sad", u3="bored bored")
    assert labels(manifest) == [None, None, None]  # excited and bored are outside, and win or tie
    changed = relabel(manifest, parse("happy+excited=happy,angry,sad"), Rules())
    assert changed.scheme.classes == ("happy", "angry", "sad")
    assert labels(changed) == ["happy", "happy", None]
    np.testing.assert_allclose(changed.soft()[:2], [[2 / 3, 1 / 3, 0], [2 / 3, 0, 1 / 3]], 1e-6)
    assert np.isnan(changed.soft()[2]).all()
    uniform = relabel(manifest, parse("happy,angry,sad"), Rules(all_other="uniform"))
    np.testing.assert_allclose(uniform.soft()[2], [1 / 3] * 3, 1e-6)
    other = relabel(manifest, parse("happy,angry,sad"), Rules(other="ninth-class"))
    assert other.scheme.classes == ("happy", "angry", "sad", "other")
    assert labels(other) == [None, "other", "other"]
    np.testing.assert_allclose(other.soft()[1], [0, 0, 1 / 3, 2 / 3], 1e-6)
    back = relabel(changed, parse("angry,happy,sad"), Rules())
    np.testing.assert_array_equal(back.soft(), manifest.soft())
    assert labels(back) == labels(manifest)


def test_second_choices_count_once_a_rater_even_when_merged() -> None:
    manifest = voted(u1="happy/excited/happy sad/angry")
    rules = Rules(soft="primary+secondary")
    changed = relabel(manifest, parse("happy+excited=happy,angry,sad"), rules)
    np.testing.assert_allclose(changed.soft()[0], [1 / 3, 1 / 3, 1 / 3], 1e-6)


def test_plain_labels_can_be_merged_and_changed_back() -> None:
    label = pd.Series(["angry", "happy", "sad", None], dtype="str")
    frame = pd.DataFrame({"id": ["u1", "u2", "u3", "u4"], "label": label})
    plain = Manifest(pd.concat([frame, one_hot(label, RAW)], axis=1), RAW)
    merged = relabel(plain, parse("angry+sad=bad,happy"), Rules())
    assert labels(merged) == ["bad", "happy", "bad", None]
    back = relabel(merged, parse("angry,happy,sad"), Rules())
    assert labels(back) == labels(plain)
    np.testing.assert_array_equal(back.soft(), plain.soft())


def test_soft_labels_without_votes_are_added_up() -> None:
    soft = pd.DataFrame([[0.2, 0.3, 0.5], [1, 0, 0]], columns=RAW.columns)
    frame = pd.concat([pd.DataFrame({"id": ["u1", "u2"], "label": ["sad", "angry"]}), soft], axis=1)
    changed = relabel(Manifest(frame, RAW), parse("happy+sad=quiet,angry"), Rules())
    np.testing.assert_allclose(changed.soft(), [[0.8, 0.2], [0, 1]], 1e-6)
    less = relabel(Manifest(frame, RAW), parse("happy,sad"), Rules())
    np.testing.assert_allclose(less.soft()[0], [0.375, 0.625], 1e-6)
    assert labels(less) == ["sad", None] and np.isnan(less.soft()[1]).all()


def test_a_word_that_nobody_said_is_refused_with_the_nearest() -> None:
    with pytest.raises(ManifestError, match=r"in raw uses 'excitd' \(did you mean 'excited'\?\)"):
        relabel(voted(u1="excited happy sad angry"), parse("happy+excitd=happy,sad"), Rules())
    relabel(voted(u1="excited happy sad angry"), parse("six"), Rules())  # named ones may be wider


def test_words_are_those_of_the_votes_not_of_the_present_classes() -> None:
    changed = relabel(voted(u1="happy sad angry"), parse("happy=glad,sad+angry=bad"), Rules())
    with pytest.raises(ManifestError, match="no vote in custom uses 'glad'"):
        relabel(changed, parse("glad,sad"), Rules())


def test_the_command(tmp_path: Path) -> None:
    voted(u1="happy excited angry", u2="sad").write(tmp_path / "manifest.parquet")
    words = ["manifest", "relabel", "--classes"]
    result = invoke(tmp_path, *words, "happy+excited=happy,sad,angry")
    assert result.exit_code == 0, result.output
    back = Manifest.read(tmp_path / "manifest.parquet")
    assert back.scheme.classes == ("happy", "sad", "angry") and labels(back) == ["happy", "sad"]
    again = invoke(tmp_path, *words, "happy+excited=happy,sad,angry")
    assert "nothing to do" in again.stderr
    target = tmp_path / "four.parquet"
    invoke(tmp_path, *words, "four", "--output", str(target))
    assert Manifest.read(target).scheme.name == "four"
    assert Manifest.read(tmp_path / "manifest.parquet").digest() == back.digest()
