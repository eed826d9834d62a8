"""A stack of one member, what the record of a stack leaves out, and what a soup is chosen on."""

import numpy as np

from medusa.ensemble.choose_members import best
from medusa.ensemble.members import align, join
from medusa.ensemble.stack_inputs import train_set_of
from medusa.ensemble.stacker import StackConfig
from medusa.ensemble.stackers import record
from medusa.ensemble.stacking import stack
from medusa.heads.runs.run_dir import SUMMARY, RunDir
from medusa.scoring import truth_of


def test_a_vote_of_one_is_that_one(tmp_path, manifest, add_run) -> None:
    member = add_run("a", train_split="dev")
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, [member], manifest, StackConfig("soft"))
    assert run.config()["train_split"] == "dev"
    voted, own = run.predictions(), member.predictions().select(run.predictions().ids)
    np.testing.assert_allclose(voted.posteriors(), own.posteriors(), atol=1e-6)


def test_one_member_is_aligned_with_itself(add_run) -> None:
    predictions = add_run("a", shuffle=True).predictions()
    members = align({"a": predictions}, how="inner")
    assert members.ids == sorted(predictions.ids)
    assert members.logits.shape == (1, len(predictions.ids), 3)
    assert members.splits.tolist() == [name.partition("-")[0] for name in members.ids]


def test_the_record_has_only_what_the_method_reads() -> None:
    everything = {"method", "fit_on", "in_sample", "inputs", "with_attributes", "seeds", "soup"}
    assert set(record(StackConfig("linear"))) == everything | {"training"}
    assert set(record(StackConfig("mlp"))) == everything - {"soup"}
    assert set(record(StackConfig("forest"))) == everything - {"soup", "seeds"}
    unread = {"soup", "seeds", "inputs", "with_attributes"}
    assert set(record(StackConfig("opinion-pool"))) == everything - unread
    assert set(record(StackConfig("soft"))) == {"method"}


def test_a_greedy_soup_is_chosen_on_the_labelled_rows_of_dev(manifest, add_run) -> None:
    members = join([add_run("a")])
    truth = truth_of(manifest, members.ids, members.splits.tolist(), members.classes)
    train_set = train_set_of(members, truth, StackConfig(fit_on="train"))
    rows = [members.ids.index(name) for name in sorted(f"dev-{row}" for row in range(1, 45))]
    assert train_set.dev is not None and len(train_set.labels) == 59
    np.testing.assert_array_equal(train_set.dev.posteriors, members.posteriors[:, rows])
    np.testing.assert_array_equal(train_set.dev.labels, truth.labels[rows])  # dev-0 has no label


def test_the_best_one_may_be_chosen(add_run) -> None:
    runs = [add_run("a"), add_run("b")]
    for run, score in zip(runs, (0.4, 0.6), strict=True):
        run.write_json(SUMMARY, {"dev_macro_f1": score})
    assert [run.name for run in best(runs, 1)] == ["b"]
    assert [run.name for run in best(runs, 2)] == ["b", "a"]
