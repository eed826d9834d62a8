"""`medusa stress`: how much a run loses if its recordings become worse.

A finished run and the recordings of a split come in. `degradations` changes the samples, the run
predicts each changed recording from its sound, and `stress_run` compares every condition with the
unchanged recordings in pairs. The condition, its score and its loss go out.
"""
