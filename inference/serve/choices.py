"""The choices in a form, checked before its clip is decoded."""

import re

from starlette.exceptions import HTTPException

from medusa.errors import ConfigError
from medusa.inference.cutting.options import CutOptions
from medusa.inference.result_table import chosen_classes
from medusa.inference.serve.schemas import ClipForm
from medusa.strict import parts_of


def checked(form: ClipForm, known: tuple[str, ...]) -> tuple[list[str] | None, CutOptions]:
    """Return the chosen classes and the cutting.

    Raises:
        HTTPException: 400, a choice is impossible.
    """
    wanted = parts_of(form.classes) if form.classes else None
    try:
        chosen_classes(wanted, known)
        return wanted, CutOptions(vad=form.vad, window_s=form.window_s, hop_s=form.hop_s)
    except ConfigError as problem:  # Its message names options of the command line.
        words = re.sub(r"--([a-z-]+)", lambda found: found[1].replace("-", "_"), str(problem))
        raise HTTPException(400, words) from problem
