"""Calibration: whether a posterior of 0.7 is right in 70 % of the cases.

Labels (B,) and logits (B, C) come in. The calibration error, proper scores and the points of a
reliability diagram go out. `temperature` fits the one number that corrects the posteriors.
"""
