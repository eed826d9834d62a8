"""`medusa stack` from runs to a run."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import f1_score

from medusa.ensemble.comparison import dev_summary
from medusa.ensemble.members import chosen_on_dev, join
from medusa.ensemble.stack_inputs import inputs_of
from medusa.ensemble.stacker import StackConfig, StackOutput, Training
from medusa.ensemble.stackers import stacker_of
from medusa.ensemble.stacking import stack
from medusa.errors import RunError
from medusa.heads.runs.run_dir import RunDir
from medusa.manifests.manifest import Manifest
from medusa.scoring.truth import truth_of
from medusa.tests.command_line import call, invoke

AddRun = Callable[..., RunDir]
Combine = Callable[..., StackOutput]
LINEAR = ("--method", "linear", "--set", "seeds=2", "--set", "training.epochs=5")
QUICK = StackConfig("linear", seeds=2, training=Training(epochs=30))


@pytest.fixture
def members(add_run: AddRun) -> list[RunDir]:
    return [add_run("a", seed=1), add_run("b", seed=2, strength=2), add_run("c", seed=3)]


def test_a_stack_is_a_run(members: list[RunDir], manifest: Manifest, tmp_path: Path) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    assert stack(run, members, manifest, QUICK)
    config = run.config()
    assert config["kind"] == "stack" and config["trained_on"] == ["dev", "train"]
    assert config["members"] == [{"name": m.name, "digest": m.digest()} for m in members]
    said = run.predictions()
    assert said.ids == sorted(manifest.frame["id"])
    assert said.attributes() is not None
    assert [line["epoch"] for line in run.metrics()] == list(range(1, 31))
    weights = load_file(run.path / "weights.safetensors")
    mean = (weights["seed_0.weight"] + weights["seed_1.weight"]) / 2
    assert weights["soup.weight"] == pytest.approx(mean, abs=1e-6)
    assert mean.shape == (6, 9)


def test_summary_judges_everyone_on_test(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, manifest, QUICK)
    summary = run.read_json("summary.json")
    assert summary["split"] == "test" and summary["utterances"] == 29
    assert summary["notes"] == ["made up"]
    kinds = [line["kind"] for line in summary["comparison"]]
    assert kinds == ["member"] * 3 + ["vote"] * 3 + ["single", "soup"]
    frame = manifest.frame.set_index("id")["label"].dropna()
    ids = [name for name in frame.index if name.startswith("test")]
    runs = {member.name: member for member in members} | {"linear, soup of 2": run}
    for line in summary["comparison"]:
        assert line["interval"][0] <= line["macro_f1"] <= line["interval"][1]
        if line["name"] in runs:
            said = runs.pop(line["name"]).predictions().select(ids)
            guess = np.array(said.classes)[said.logits().argmax(1)]
            expected = f1_score(frame[ids], guess, average="macro")
            assert line["macro_f1"] == pytest.approx(expected)
    assert not runs


def test_summary_says_how_far_ahead_the_stack_is(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, manifest, QUICK)
    summary = run.read_json("summary.json")
    scores = {line["name"]: line["macro_f1"] for line in summary["comparison"]}
    assert [line["of"] for line in summary["gains"]] == [
        "a",
        "b",
        "c",
        "majority vote",
        "soft vote",
        "product vote",
    ]
    for line in summary["gains"]:
        gain = scores["linear, soup of 2"] - scores[line["of"]]
        assert line["difference"] == pytest.approx(gain)
        assert line["interval"][0] <= line["difference"] <= line["interval"][1]
        assert 0 < line["p"] <= 1
    words = ("--name", "t", *LINEAR)
    assert "gain of t" not in call(tmp_path, "stack", *words).stdout
    shown = call(tmp_path, "evaluate", "t").stdout
    assert "gain of t" in shown and "p (Holm)" in shown
    call(tmp_path, "stack", "a", "b", "--name", "v", "--method", "soft")
    assert "gain of" not in call(tmp_path, "evaluate", "v").stdout


@pytest.mark.parametrize(
    ("config", "own"),
    [
        (QUICK, []),
        (replace(QUICK, fit_on="train", in_sample=True, soup="greedy"), []),
        (replace(QUICK, fit_on="train", in_sample=True), ["linear, soup of 2"]),
        (StackConfig("soft"), []),
    ],
)
def test_a_choice_is_shown_dev_and_only_those_that_have_not_learnt_from_it(
    config: StackConfig, own: list[str], members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, manifest, config)
    found = dev_summary(run, members, manifest, config)
    assert found is not None and found["split"] == "dev"
    names = [line["name"] for line in found["comparison"]]
    assert sorted(names[:3]) == ["a", "b", "c"] and names[6:] == own
    assert found["chosen_here"] == (config.fit_on == "dev" and config.method == "linear") or (
        config.soup == "greedy"
    )
    frame = manifest.frame.set_index("id")["label"].dropna()
    ids = [name for name in frame.index if name.startswith("dev")]
    runs = {member.name: member for member in members} | dict.fromkeys(own, run)
    for line in found["comparison"]:
        if line["name"] in runs:
            part = runs[line["name"]].predictions().select(ids)
            guess = np.array(part.classes)[part.logits().argmax(1)]
            assert line["macro_f1"] == pytest.approx(f1_score(frame[ids], guess, average="macro"))
    manifest.frame.loc[manifest.frame["split"] == "dev", "label"] = None
    assert dev_summary(run, members, manifest, config) is None


@pytest.mark.parametrize(
    ("soup", "said", "kind"),
    [("greedy", "greedy soup of 2", "soup"), ("none", "the first of 2", "stacker")],
)
def test_summary_says_which_soup(
    soup: str, said: str, kind: str, members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, manifest, replace(QUICK, soup=soup))
    last = run.read_json("summary.json")["comparison"][-1]
    assert (last["name"], last["kind"]) == (f"linear, {said}", kind)


def test_where_it_learnt_a_stack_is_never_tested(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    frame = manifest.frame
    frame.loc[frame["split"] == "test", "label"] = None
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, Manifest(frame, manifest.scheme), QUICK)
    summary = run.read_json("summary.json")
    assert summary["split"] == "dev" and summary["gains"] == []


def test_shuffled_members_give_the_same_stack(
    add_run: AddRun, manifest: Manifest, tmp_path: Path
) -> None:
    answers = []
    for name, shuffle in (("x", False), ("y", True)):
        run = RunDir(tmp_path / "runs" / name)
        stack(
            run, [add_run(f"{name}1", 1, shuffle=shuffle), add_run(f"{name}2", 2)], manifest, QUICK
        )
        answers.append(run.predictions().logits())
    assert (answers[0] == answers[1]).all()


def test_labels_of_test_change_nothing(
    members: list[RunDir], manifest: Manifest, combine: Combine
) -> None:
    joined = join(members)
    truth = truth_of(manifest, joined.ids, joined.splits.tolist(), joined.classes)
    before = combine(joined, truth, QUICK)
    elsewhere = joined.splits != "dev"
    truth.labels[elsewhere] = 0
    truth.soft[elsewhere] = np.nan
    truth.attributes[elsewhere] = np.nan
    after = combine(joined, truth, QUICK)
    assert (before.logits == after.logits).all()


def test_inputs_side_by_side(members: list[RunDir]) -> None:
    joined = join(members)
    posteriors = inputs_of(joined, QUICK).matrix
    assert posteriors.shape == (135, 9)
    assert posteriors[:, 3:6] == pytest.approx(joined.posteriors[1])
    both = inputs_of(joined, StackConfig(inputs="logits", with_attributes=True)).matrix
    assert both[:, :3] == pytest.approx(joined.logits[0])
    assert both[:, 9:12] == pytest.approx((joined.attributes[0] - 4) / 3)


def test_in_sample_is_refused_unless_asked(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    with pytest.raises(RunError, match=r"a, b, c learnt from that split.*--in-sample"):
        stack(run, members, manifest, StackConfig(fit_on="train"))
    assert not run.path.exists()
    words = ("--fit-on", "train", "--in-sample", *LINEAR, "--name", "s")
    result = call(tmp_path, "stack", *words)
    assert "note: In-sample: the stacker was fitted on 'train'" in result.stderr
    assert any("In-sample" in note for note in run.read_json("summary.json")["notes"])
    # a stack fitted on dev has learnt from dev
    nested = RunDir(tmp_path / "runs" / "n")
    stack(nested, members, manifest, QUICK)
    with pytest.raises(RunError, match="n learnt from that split"):
        stack(RunDir(tmp_path / "runs" / "m"), [nested, members[0]], manifest, QUICK)


def test_members_that_dev_has_calibrated_are_named(
    members: list[RunDir], add_run: AddRun, manifest: Manifest, tmp_path: Path
) -> None:
    closed = add_run("closed", head={"name": "discriminant"})
    convex = add_run("convex", head={"name": "svm"})
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, [*members, closed, convex], manifest, QUICK)
    (note,) = [one for one in run.read_json("summary.json")["notes"] if "shrinkage" in one]
    assert note.startswith("closed: shrinkage, scale and floor were chosen on 'dev'")
    vote = RunDir(tmp_path / "runs" / "v")
    stack(vote, [closed, convex], manifest, StackConfig(method="soft"))
    assert vote.read_json("summary.json")["notes"] == ["made up"]
    assert chosen_on_dev(vote) == "the weights of its members"
    assert [chosen_on_dev(one) for one in (closed, convex)] == ["shrinkage, scale and floor", ""]
    only = RunDir(tmp_path / "runs" / "o")
    stack(only, [convex], manifest, StackConfig(method="soft"))
    assert chosen_on_dev(only) == chosen_on_dev(add_run("i", imported={})) == ""


def test_without_test_labels_dev_judges_and_says_so(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    manifest.frame.loc[manifest.frame["split"] == "test", "label"] = None
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, manifest, QUICK)
    summary = run.read_json("summary.json")
    assert summary["split"] == "dev"
    assert "where the stacker was fitted" in summary["notes"][-1]
    vote = RunDir(tmp_path / "runs" / "v")
    stack(vote, members, manifest, StackConfig(method="soft"))
    assert "chose every member's weights" in vote.read_json("summary.json")["notes"][-1]


def test_the_test_split_only_judges(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="--fit-on test: that split only judges"):
        stack(RunDir(tmp_path / "runs" / "s"), members, manifest, StackConfig(fit_on="test"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("soft", "--fit-on", "dev"), "--fit-on: --method soft does not read it"),
        (("soft", "--set", "seeds=2"), "--set seeds: --method soft does not read it"),
        (("opinion-pool", "--set", "inputs=logits"), "--set inputs: --method opinion-pool"),
        (
            ("opinion-pool", "--set", "training.epochs=3", "--set", "with_attributes=true"),
            "--set training: --method opinion-pool does not read it\n"
            "  --set with_attributes: --method",
        ),
        (("logreg", "--set", "soup=greedy"), "--set soup: --method logreg"),
        (("linear", "--set", "seed=2"), "--set seed: expected one of inputs, with_attributes, "),
        (("linear", "--set", "seeds=many"), "seeds: expected int, got 'many'"),
        (("linear", "--set", "training.epoch=3"), "training.epoch: unknown (did you mean"),
        (("linear", "--set", "seeds"), "--set seeds: expected key=value"),
        (("linear", "--set", "soup=mean"), "soup 'mean': expected one of uniform, greedy, none"),
        (("linear", "--set", "training.epochs=0"), "training.epochs 0: expected at least 1"),
        (("linear", "--set", "training.batch=0"), "training.batch 0: expected at least 1"),
        (("linear", "--set", "training.lr=-1"), "training.lr -1.0: expected at least 0"),
        (("linear", "--set", "training=3"), "training: expected `key: value` lines, got 3"),
        (("linear", "--set", "seeds=[2"), "--set seeds=[2: the value is not readable as YAML"),
        (("liner",), "method 'liner': expected one of"),
    ],
)
def test_options_that_a_method_does_not_read_are_refused(
    words: tuple[str, ...], named: str, members: list[RunDir], tmp_path: Path
) -> None:
    result = invoke(tmp_path, "stack", "--method", *words)
    assert result.exit_code != 0 and named in result.output + str(result.exception)
    assert not (tmp_path / "runs" / "stack").exists()


def test_changed_members_need_force(
    members: list[RunDir], manifest: Manifest, add_run: AddRun, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    assert stack(run, members, manifest, QUICK)
    assert not stack(run, members, manifest, QUICK)
    members[0].start({"kind": "head", "seed": 9}, force=True)
    add_run("other", seed=9)
    for name in ("predictions.parquet", "summary.json"):
        (members[0].path / name).write_bytes((tmp_path / "runs" / "other" / name).read_bytes())
    members[0].finish()
    with pytest.raises(RunError, match=r"another configuration \(members.0.digest"):
        stack(run, members, manifest, QUICK)
    assert stack(run, members, manifest, QUICK, force=True)


def test_votes_record_no_training(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    stack(run, members, manifest, StackConfig(method="soft"))
    config = run.config()
    assert "fit_on" not in config and config["trained_on"] == ["train"]
    expected = join(members).posteriors.mean(0)
    assert run.predictions().posteriors() == pytest.approx(expected, abs=1e-6)
    assert not (run.path / "weights.safetensors").exists()


def test_wrong_choices() -> None:
    with pytest.raises(RunError, match=r"'liner': expected .*did you mean 'linear'"):
        stacker_of(StackConfig(method="liner"))
    with pytest.raises(RunError, match="seeds 0: expected at least 1"):
        stacker_of(StackConfig("linear", seeds=0))


def test_a_split_without_predictions_or_labels(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    run = RunDir(tmp_path / "runs" / "s")
    with pytest.raises(RunError, match="no split 'development'; there is dev, test, train"):
        stack(run, members, manifest, StackConfig(fit_on="development"))
    manifest.frame.loc[manifest.frame["split"] == "dev", "label"] = None
    with pytest.raises(RunError, match="no row of split 'dev' has a label"):
        stack(run, members, manifest, QUICK)
    assert not run.path.exists()


def test_the_command_names_members_in_words(members: list[RunDir], tmp_path: Path) -> None:
    words = ["stack", "--method", "soft"]
    call(tmp_path, *words, "a", "b")
    other = invoke(tmp_path, *words, "c", "a")
    assert "(members: the run has a, b; this command has c, a)" in str(other.exception)
    twice = invoke(tmp_path, *words, "a", tmp_path / "runs" / "a", "--name", "t")
    assert str(twice.exception) == "a is named twice; name each run once" and twice.exit_code == 1


def test_the_command_takes_all_finished_heads(members: list[RunDir], tmp_path: Path) -> None:
    (members[2].path / "finished").unlink()
    words = ["stack", *LINEAR]
    first = call(tmp_path, *words)
    assert "left out, not finished: c" in first.stderr
    assert "soft vote" in first.stdout and "linear, soup of 2" not in first.stdout
    assert "guessing by the training prior" in first.stdout
    run = RunDir(tmp_path / "runs" / "stack")
    assert [member["name"] for member in run.config()["members"]] == ["a", "b"]
    stamp = (run.path / "predictions.parquet").stat().st_mtime_ns
    again = call(tmp_path, *words)
    assert "nothing to do" in again.stderr and again.stdout == first.stdout
    assert (run.path / "predictions.parquet").stat().st_mtime_ns == stamp
    assert json.loads((run.path / "environment.json").read_text())["versions"]


def test_gains_are_left_out_where_dev_chose_the_soup(
    members: list[RunDir], manifest: Manifest, tmp_path: Path
) -> None:
    greedy = replace(QUICK, fit_on="train", in_sample=True, soup="greedy")
    on_test, on_dev = RunDir(tmp_path / "runs" / "s"), RunDir(tmp_path / "runs" / "t")
    stack(on_test, members, manifest, greedy)
    assert len(on_test.read_json("summary.json")["gains"]) == 6  # test is new to the soup
    manifest.frame.loc[manifest.frame["split"] == "test", "label"] = None
    stack(on_dev, members, manifest, greedy)
    assert on_dev.read_json("summary.json")["gains"] == []
    for number, config in enumerate((replace(greedy, soup="uniform"), StackConfig("logreg"))):
        run = RunDir(tmp_path / "runs" / f"u{number}")
        stack(run, members, manifest, replace(config, fit_on="train", in_sample=True))
        assert len(run.read_json("summary.json")["gains"]) == 6  # dev chose nothing here
