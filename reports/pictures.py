"""The positions of all elements in the report's pictures. `pictures.html.j2` draws them."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any

CELL_HEIGHT, LETTER = 46, 8.2
PANEL = {"left": 34, "right": 292, "width": 300}
LOSS_PANEL, SCORE_PANEL = (22, 100), (132, 196)  # top and bottom
MOST_POINTS = 150


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round numbers that cover [low, high] in roughly `about` steps of 1, 2 or 5."""
    span = max(high - low, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= about)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def dots(comparison: Sequence[dict[str, Any]], chance: float) -> dict[str, Any]:
    """Place the score and the interval of every run on one axis from 0, in percent of its length.

    Args:
        comparison: rows with name, kind, macro_f1 and interval.
        chance: the chance level, which is drawn as a line.

    Returns:
        `ticks` (label and at), `chance`, and `rows`: the given rows with at, left and width.
    """
    marks = ticks(0, max(chance, *(line["interval"][1] for line in comparison)), 5)
    top = marks[-1]
    rows = []
    for line in comparison:
        low, high = (100 * value / top for value in line["interval"])
        at = 100 * line["macro_f1"] / top
        rows.append(line | {"at": at, "left": low, "width": high - low})
    labels = [{"label": f"{mark:g}", "at": 100 * mark / top} for mark in marks]
    return {"ticks": labels, "chance": 100 * chance / top, "rows": rows}


def heatmap(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> dict[str, Any]:
    """Place a confusion matrix with the truth in rows. The share of a cell is that of its row.

    Args:
        confusion: (C, C) counts.
        classes: the names of the C classes.

    Returns:
        Width, height, row and column labels, and cells with x, y, count, share and names.
    """
    longest = max(len(name) for name in classes)
    wide = max(CELL_HEIGHT + 8, LETTER * longest + 6)
    left, top = LETTER * longest + 34, 44
    cells = []
    for row, (truth, counts) in enumerate(zip(classes, confusion, strict=True)):
        for column, (guess, count) in enumerate(zip(classes, counts, strict=True)):
            share = count / max(sum(counts), 1)
            corner = {"x": left + column * wide, "y": top + row * CELL_HEIGHT}
            labels = {"truth": truth, "guess": guess, "count": count, "of": sum(counts)}
            cells.append(corner | labels | {"share": share})
    return {
        "width": left + wide * len(classes) + 2,
        "height": top + CELL_HEIGHT * len(classes) + 2,
        "left": left,
        "top": top,
        "cell": (wide, CELL_HEIGHT),
        "rows": [(n, top + (i + 0.5) * CELL_HEIGHT) for i, n in enumerate(classes)],
        "columns": [(n, left + (i + 0.5) * wide) for i, n in enumerate(classes)],
        "cells": cells,
    }


def curves(
    name: str, lines: Sequence[dict[str, Any]], best_of_all: float = 0.0
) -> dict[str, Any] | None:
    """Place a run's losses and dev macro-F1 over epochs, stage by stage.

    Args:
        name: the name of the run.
        lines: the lines of its metrics.jsonl. Any key may be absent.
        best_of_all: the highest dev macro-F1 of all runs in the report, so that their axes agree.

    Returns:
        `panels` (ticks, and series with points), `stages` (label and x) and `axis` (epoch and x);
        or None if nothing was logged.
    """
    lines = [line for line in lines if isinstance(line.get("epoch"), int)]
    # the loss of dev has no part of the attributes, so that of train is drawn without it, too
    ours = "class_loss" if any("class_loss" in line for line in lines) else "train_loss"
    losses = {"train": _series(lines, ours), "dev": _series(lines, "dev_loss")}
    score = _series(lines, "dev_macro_f1")
    placed = (
        _panel(losses, LOSS_PANEL, "loss", lines, ()),
        _panel({"score": score}, SCORE_PANEL, "dev macro-F1", lines, (0, best_of_all)),
    )
    panels = [panel for panel in placed if panel is not None]
    if not panels:
        return None
    best = max(score, key=lambda point: point[1]) if score else None
    return {
        "name": name,
        "epochs": lines[-1]["epoch"],
        "best": best,
        "panels": panels,
        "stages": _stages(lines),
        "axis": _epochs(lines),
        "foot": max(panel["bottom"] for panel in panels),
        **PANEL,
    }


def _series(lines: Sequence[dict[str, Any]], key: str) -> list[tuple[int, float]]:
    """Return the finite values as (epoch, value), at most as many as a small picture can show."""
    values = [(line["epoch"], line.get(key)) for line in lines]
    points = [(n, float(v)) for n, v in values if isinstance(v, int | float) and math.isfinite(v)]
    every = math.ceil(len(points) / MOST_POINTS) or 1
    return points[::every]


def _panel(
    series: dict[str, list[tuple[int, float]]],
    heights: tuple[int, int],
    title: str,
    lines: Sequence[dict[str, Any]],
    include: Sequence[float],
) -> dict[str, Any] | None:
    """Place series of points on an axis that also includes the values `include`.

    Returns None if there are no points.
    """
    values = [value for points in series.values() for _, value in points]
    if not values:
        return None
    top, bottom = heights
    marks = ticks(min([*values, *include]), max([*values, *include]), 4)

    def height(value: float) -> float:
        return bottom - (bottom - top) * (value - marks[0]) / max(marks[-1] - marks[0], 1e-9)

    drawn = {
        label: [(_across(epoch, lines), height(value)) for epoch, value in points]
        for label, points in series.items()
        if points
    }
    labels = [{"label": f"{mark:g}", "y": height(mark)} for mark in marks]
    return {"title": title, "top": top, "bottom": bottom, "ticks": labels, "series": drawn}


def _across(epoch: float, lines: Sequence[dict[str, Any]]) -> float:
    first, last = lines[0]["epoch"], lines[-1]["epoch"]
    share = (epoch - first) / (last - first) if last > first else 0.5
    return PANEL["left"] + share * (PANEL["right"] - PANEL["left"])


def _epochs(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return round epochs, the first and the last epoch, each with its position."""
    first, last = lines[0]["epoch"], lines[-1]["epoch"]
    gap = (last - first) / 8  # at a smaller distance, two numbers would touch
    round_ones = [int(mark) for mark in ticks(first, last, 5) if mark.is_integer()]
    between = [epoch for epoch in round_ones if first + gap < epoch < last - gap]
    return [{"label": n, "x": _across(n, lines)} for n in sorted({first, *between, last})]


def _stages(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the name of each stage, its start and its middle."""
    runs = [(name, list(part)) for name, part in groupby(lines, key=lambda line: line.get("stage"))]
    starts = [
        _across(part[0]["epoch"] - 0.5 * (number > 0), lines)
        for number, (_, part) in enumerate(runs)
    ]
    ends = [*starts[1:], PANEL["right"]]
    return [
        {"name": name or "", "x": start, "middle": (start + end) / 2}
        for (name, _), start, end in zip(runs, starts, ends, strict=True)
    ]
