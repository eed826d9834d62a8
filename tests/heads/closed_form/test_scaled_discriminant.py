"""A calibrated discriminant keeps its boundary: weights and bias have the same scale."""

import numpy as np
import torch

from medusa.heads.config import load
from medusa.heads.fitting.fit import prepare
from medusa.heads.fitting.fitters import make_fitter
from medusa.heads.runs.run_dir import RunDir
from medusa.heads.spec import HeadSpec
from medusa.workspace import Workspace


def test_the_bias_lies_halfway_between_a_class_and_all(workspace) -> None:
    job = prepare(
        Workspace.open(workspace), HeadSpec("a", load("small", ("head.name=discriminant",)))
    )
    run = RunDir(workspace / "runs" / "lda")
    run.start(job.record)
    fitter = make_fitter(
        job.examples, job.spec.config, run, torch.device("cpu"), lambda amount=1, note="": None
    )
    fitter.fit()
    rows = job.examples.rows("train")
    rows = rows[job.examples.labels[rows] != -1]
    inputs = [part.to("cpu", torch.float32) for part in next(job.examples.read_batches([rows]))]
    with torch.no_grad():
        x = fitter.head.embed(inputs).double().numpy()
    labels = job.examples.labels[rows]
    output = fitter.head.output.classes
    weights, bias = output.weight.double().detach().numpy(), output.bias.detach().numpy()
    means = np.stack([x[labels == number].mean(0) for number in range(3)])
    expected = -(weights * (means + x.mean(0))).sum(1) / 2
    np.testing.assert_allclose(bias, expected, rtol=1e-3, atol=1e-5)
