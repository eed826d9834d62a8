"""Slices: the scores of groups of utterances, such as those of one speaker or one gender.

The rows of a manifest and of a table of transcripts come in. `groups` names the group of every
utterance in several respects. `slice_scores` judges each group against the rest, and `fairness`
measures the largest gaps between groups of speakers.
"""
