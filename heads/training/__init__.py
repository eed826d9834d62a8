"""Training a head by gradient descent: stages of epochs of steps, resumable at any moment.

In: a `Head`, `Examples` with splits `train` and `dev`, a `Config` and a `RunDir`. Out: the weights
of the best dev score in the head, and metrics, steps and checkpoints in the run's folder. The
losses read logits (B, C) and attributes (B, 3) against `Targets` of the same B utterances.

The folder imports config, networks, examples and runs. It never imports closed_form, fitting or
queue.

Door: `loop.Trainer` trains, `predict.predict` returns logits (B, C) and attributes (B, 3), and
`fitter.DevSelector` scores the dev split.
"""
