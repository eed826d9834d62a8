"""The templates of the pages, and the filters and texts that they share."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.filters import do_mark_safe

from medusa.console import visible
from medusa.scoring import CALIBRATION, MEASURES, SCORES, agreement_sentence, class_interval


def template(name: str) -> jinja2.Template:
    """Return a template of this folder, in which the filter `number` formats numbers."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.globals |= {
        "scores": SCORES,
        "measures": MEASURES,
        "calibration": CALIBRATION,
        "agreement_sentence": agreement_sentence,
        "class_interval": class_interval,
    }
    return environment.get_template(name)


def _shown(value: Any) -> Any:
    """Return a text of a corpus with its control characters written out."""
    is_markup = hasattr(value, "__html__")
    return visible(value) if isinstance(value, str) and not is_markup else value


def inside_script(values: Mapping[str, Any]) -> str:
    """Return values as JSON that cannot end the script element which contains it."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return do_mark_safe(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))


def number(value: float, digits: int = 3) -> str:
    """Return a number with a fixed number of digits and a true minus sign; zero has no sign."""
    return f"{value:z.{digits}f}".replace("-", "−")
