"""The modules that the commands of the tests import; nothing is computed here."""

import importlib

import huggingface_hub.constants
import sklearn.linear_model
import torch
import transformers
import whisper

from medusa.cli import COMMANDS

huggingface_hub.constants.HF_HUB_OFFLINE = True
for module, _ in COMMANDS.values():
    importlib.import_module(module)
NAMES = """
    cache.verify ensemble.fit_stack ensemble.stackers extract.backbones.ssl extract.backbones.text
    extract.backbones.whisper extract.features_and_transcripts extract.passes.feature_worker
    extract.transcription.transcript_worker heads.queue.fit_heads heads.queue.train_one
    inference.load inference.pipeline manifests.import_corpus recipes.report recipes.run
    recipes.verification.verify reports.evaluate reports.page
"""
for name in NAMES.split():
    importlib.import_module(f"medusa.{name}")
USED = (sklearn.linear_model.LogisticRegression, torch.nn.Linear, transformers.WavLMModel)
USED += (transformers.RobertaModel, transformers.AutoTokenizer, whisper.DecodingOptions)
