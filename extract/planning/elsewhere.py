"""Utterances whose features are in a further folder of the workspace are not extracted again."""

from collections.abc import Sequence

from medusa.cache import FeatureSpec, open_places
from medusa.cache.layout import SPEC
from medusa.console import say
from medusa.errors import listed
from medusa.extract.inputs import Utterance
from medusa.workspace import Workspace


def absent_elsewhere(
    utterances: Sequence[Utterance], spec: FeatureSpec, workspace: Workspace
) -> Sequence[Utterance]:
    """Return the utterances that the further folders of the workspace lack."""
    stores = [folder / spec.folder for folder in workspace.also_features]
    stores = [store for store in stores if (store / SPEC).exists()]
    if not stores:
        return utterances
    held = open_places(stores)
    absent = [one for one in utterances if one.content not in held]
    if len(absent) == len(utterances):
        return utterances
    if absent and spec.dtype == "int8":
        say(
            f"{spec.backbone}: {listed(stores)} has not all utterances, and the scales of int8 "
            "stores differ; all utterances are extracted here"
        )
        return utterances
    say(
        f"{spec.backbone}: {len(utterances) - len(absent)} of {len(utterances)} utterances are in "
        f"{listed(stores)} and are read there"
    )
    return absent
