"""The input scaling is that of all frames of all training utterances, whatever their number."""

import numpy as np

from medusa.heads.config import load
from medusa.heads.fitting.fit import prepare
from medusa.heads.networks.standardise import Standardise
from medusa.heads.spec import HeadSpec
from medusa.heads.training.scaling import standardise
from medusa.tests.heads.conftest import make_workspace
from medusa.workspace import Workspace


def test_mean_and_deviation_are_over_all_frames(tmp_path) -> None:
    workspace = Workspace.open(make_workspace(tmp_path, count=210))
    examples = prepare(workspace, HeadSpec("a", load("small"))).examples
    rows = examples.rows("train")
    assert len(rows) > 2 * 64  # more than two batches
    scales = [Standardise(width) for width in examples.widths]
    standardise(scales, examples)
    for number, scale in enumerate(scales):
        frames = next(examples.read_batches([rows]))[number].values.double().numpy()
        np.testing.assert_allclose(scale.mean.numpy(), frames.mean(0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(scale.std.numpy(), frames.std(0), rtol=1e-5)
