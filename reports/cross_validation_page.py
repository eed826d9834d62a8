"""One self-contained HTML page about a cross-validation."""

from collections.abc import Mapping
from typing import Any

from medusa.reports import pictures
from medusa.reports.templates import template

TEMPLATE = "cross-validation.html.j2"


def render_folds(result: Mapping[str, Any]) -> str:
    """Return the page as text.

    Args:
        result: the values of `scoring.cross_validated.judge_folds`; `name`; `plan`, the choices of
            the folds; `folds`, for each its number, its rows and its test speakers; and `notes`.
    """
    systems, main = result["systems"], result["main"]
    best_first = sorted(systems, key=lambda name: -systems[name]["macro_f1"])
    rows = [_row(name, systems[name], name == main) for name in best_first]
    return template(TEMPLATE).render(
        result=result,
        main=systems[main],
        order=best_first,
        gains={line["of"]: line for line in result["gains"]},
        dots=pictures.dots(rows, systems[main]["chance"]),
        heatmap=pictures.heatmap(systems[main]["confusion"], systems[main]["classes"]),
    )


def _row(name: str, one: Mapping[str, Any], is_main: bool) -> dict[str, Any]:
    """Return a system as `pictures.dots` reads it."""
    kind = "soup" if is_main else "member"
    interval = one["interval"]["macro_f1"]
    return {"name": name, "kind": kind, "macro_f1": one["macro_f1"], "interval": interval}
