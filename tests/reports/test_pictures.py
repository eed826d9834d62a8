"""Where things are in the pictures, by hand."""

import pytest

from medusa.reports.pictures import curves, dots, heatmap, ticks


def test_ticks_are_round_and_cover() -> None:
    assert ticks(0, 0.47, 5) == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert ticks(1.3, 3.9, 3) == [1, 2, 3, 4]
    assert ticks(-0.3, 0.2, 3) == [-0.4, -0.2, 0, 0.2]
    assert len(ticks(2, 2)) >= 1


def test_dots_are_placed_in_percent() -> None:
    line = {"name": "a", "kind": "member", "macro_f1": 0.3, "interval": [0.2, 0.5]}
    placed = dots([line], chance=0.1)
    (row,) = placed["rows"]
    assert (row["at"], row["left"], row["width"]) == pytest.approx((60, 40, 60))
    assert placed["chance"] == pytest.approx(20)
    assert placed["ticks"][-1] == {"label": "0.5", "at": 100}


def test_heatmap_shades_rows() -> None:
    cells = heatmap([[3, 1], [0, 0]], ["a", "b"])["cells"]
    assert [cell["share"] for cell in cells] == [0.75, 0.25, 0, 0]
    assert cells[1]["x"] > cells[0]["x"] and cells[2]["y"] > cells[0]["y"]


def test_curves_tolerate_absent_keys() -> None:
    assert curves("a", []) is None
    assert curves("a", [{"step": 3}, {"epoch": 1, "train_loss": None}]) is None
    lines = [
        {"epoch": 1, "stage": "full", "train_loss": 2.0},
        {"epoch": 2, "stage": "full", "train_loss": float("nan"), "dev_macro_f1": 0.3},
        {"epoch": 3, "stage": "balanced", "train_loss": 1.0, "dev_macro_f1": 0.2},
    ]
    placed = curves("a", lines, 0.5)
    assert placed is not None
    assert placed["best"] == (2, 0.3)
    loss, score = placed["panels"]
    assert loss["series"] == {"train": [(34, loss["top"]), (292, loss["bottom"])]}
    assert len(score["series"]["score"]) == 2
    assert [stage["name"] for stage in placed["stages"]] == ["full", "balanced"]
    assert placed["axis"] == [{"label": 1, "x": 34}, {"label": 2, "x": 163}, {"label": 3, "x": 292}]


def test_long_logs_are_thinned() -> None:
    placed = curves("a", [{"epoch": n, "train_loss": 1 / n} for n in range(1, 1001)])
    assert placed is not None and placed["epochs"] == 1000
    assert len(placed["panels"][0]["series"]["train"]) <= 150
    assert [mark["label"] for mark in placed["axis"]] == [1, 200, 400, 600, 800, 1000]


def test_the_classes_loss_is_drawn_where_it_is_logged_apart() -> None:
    lines = [{"epoch": n, "train_loss": 9.0, "class_loss": 3.0 - n} for n in (1, 2)]
    placed = curves("a", [*lines, {"epoch": 3, "dev_loss": 1.0}])
    assert placed is not None
    (panel,) = placed["panels"]
    assert [tick["label"] for tick in panel["ticks"]] == ["1", "1.5", "2"]
    assert len(panel["series"]["train"]) == 2


def test_one_epoch_has_one_mark() -> None:
    placed = curves("a", [{"epoch": 1, "train_loss": 1.0}])
    assert placed is not None and [mark["label"] for mark in placed["axis"]] == [1]
