"""Speech emotion recognition in two phases: extract frozen features once, train heads fast.

Every command of `medusa` is a function of this module, too. A function takes a `Workspace` and
returns its result. It prints nothing, except inside `with show_progress():`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medusa.cache.store import FeatureStore
    from medusa.cache.view import load_features
    from medusa.console import show_progress
    from medusa.ensemble.fit_stack import fit_stack
    from medusa.ensemble.stacker import StackConfig
    from medusa.extract.extract_features import extract_features
    from medusa.extract.extraction_options import ExtractionOptions
    from medusa.extract.transcription.transcribe import transcribe
    from medusa.extract.transcription.transcription_options import TranscriptionOptions
    from medusa.heads.imported.import_checkpoint import import_checkpoint
    from medusa.heads.queue.fit_heads import fit_heads
    from medusa.heads.queue.head_specs import head_specs
    from medusa.heads.spec import HeadResult, HeadSpec
    from medusa.inference.bundle.hub import pull_bundle, push_bundle
    from medusa.inference.bundle.write import BundleResult, write_bundle
    from medusa.inference.card.write_card import write_card
    from medusa.inference.cutting.options import CutOptions
    from medusa.inference.load import load
    from medusa.inference.model import Model
    from medusa.inference.onnx.export import OnnxExport, export_onnx
    from medusa.inference.serve.server import serve
    from medusa.inference.serve.server_options import ServerOptions
    from medusa.inference.stress.stress_run import StressTable, stress
    from medusa.manifests.audit.audit_corpus import audit_corpus
    from medusa.manifests.import_corpus import import_corpus
    from medusa.manifests.splits.cross_validation import FoldPlan
    from medusa.manifests.splits.plan import SplitPlan, split_corpus
    from medusa.recipes.corpus_matrix.matrix import CorpusMatrix, corpus_matrix
    from medusa.recipes.cross_validation.cross_validate import cross_validate
    from medusa.recipes.cross_validation.fold_result import CrossValidation
    from medusa.recipes.cross_validation.recipe_of_heads import recipe_of_heads
    from medusa.recipes.doctor.condition import Condition
    from medusa.recipes.doctor.diagnose import diagnose
    from medusa.recipes.layer_probe.probe_layers import LayerProbe, probe_layers
    from medusa.recipes.options import RecipeOptions, RecipeResult
    from medusa.recipes.run import run_recipe
    from medusa.recipes.slurm.script import slurm_script
    from medusa.recipes.verification.verified import Verified
    from medusa.recipes.verification.verify import verify
    from medusa.reports.baselines.comparison_table import BaselineTable
    from medusa.reports.baselines.fit_baselines import fit_baselines
    from medusa.reports.comparison.compare_runs import RunComparison, compare_runs
    from medusa.reports.evaluate import Evaluation, evaluate
    from medusa.reports.page import report
    from medusa.reports.runs_table.rows import RunRow, list_runs
    from medusa.workspace import Workspace

# name -> its module, which is imported when the name is first used
_MODULES = {
    "BaselineTable": "reports.baselines.comparison_table",
    "BundleResult": "inference.bundle.write",
    "Condition": "recipes.doctor.condition",
    "CorpusMatrix": "recipes.corpus_matrix.matrix",
    "CrossValidation": "recipes.cross_validation.fold_result",
    "CutOptions": "inference.cutting.options",
    "Evaluation": "reports.evaluate",
    "ExtractionOptions": "extract.extraction_options",
    "FeatureStore": "cache.store",
    "FoldPlan": "manifests.splits.cross_validation",
    "HeadResult": "heads.spec",
    "HeadSpec": "heads.spec",
    "LayerProbe": "recipes.layer_probe.probe_layers",
    "Model": "inference.model",
    "OnnxExport": "inference.onnx.export",
    "RecipeOptions": "recipes.options",
    "RecipeResult": "recipes.options",
    "RunComparison": "reports.comparison.compare_runs",
    "RunRow": "reports.runs_table.rows",
    "ServerOptions": "inference.serve.server_options",
    "SplitPlan": "manifests.splits.plan",
    "StackConfig": "ensemble.stacker",
    "StressTable": "inference.stress.stress_run",
    "TranscriptionOptions": "extract.transcription.transcription_options",
    "Verified": "recipes.verification.verified",
    "Workspace": "workspace",
    "audit_corpus": "manifests.audit.audit_corpus",
    "compare_runs": "reports.comparison.compare_runs",
    "corpus_matrix": "recipes.corpus_matrix.matrix",
    "cross_validate": "recipes.cross_validation.cross_validate",
    "diagnose": "recipes.doctor.diagnose",
    "evaluate": "reports.evaluate",
    "export_onnx": "inference.onnx.export",
    "extract_features": "extract.extract_features",
    "fit_baselines": "reports.baselines.fit_baselines",
    "fit_heads": "heads.queue.fit_heads",
    "fit_stack": "ensemble.fit_stack",
    "head_specs": "heads.queue.head_specs",
    "import_checkpoint": "heads.imported.import_checkpoint",
    "import_corpus": "manifests.import_corpus",
    "list_runs": "reports.runs_table.rows",
    "load": "inference.load",
    "load_features": "cache.view",
    "probe_layers": "recipes.layer_probe.probe_layers",
    "pull_bundle": "inference.bundle.hub",
    "push_bundle": "inference.bundle.hub",
    "recipe_of_heads": "recipes.cross_validation.recipe_of_heads",
    "report": "reports.page",
    "run_recipe": "recipes.run",
    "serve": "inference.serve.server",
    "show_progress": "console",
    "slurm_script": "recipes.slurm.script",
    "split_corpus": "manifests.splits.plan",
    "stress": "inference.stress.stress_run",
    "transcribe": "extract.transcription.transcribe",
    "verify": "recipes.verification.verify",
    "write_bundle": "inference.bundle.write",
    "write_card": "inference.card.write_card",
}
__all__ = [
    "BaselineTable",
    "BundleResult",
    "Condition",
    "CorpusMatrix",
    "CrossValidation",
    "CutOptions",
    "Evaluation",
    "ExtractionOptions",
    "FeatureStore",
    "FoldPlan",
    "HeadResult",
    "HeadSpec",
    "LayerProbe",
    "Model",
    "OnnxExport",
    "RecipeOptions",
    "RecipeResult",
    "RunComparison",
    "RunRow",
    "ServerOptions",
    "SplitPlan",
    "StackConfig",
    "StressTable",
    "TranscriptionOptions",
    "Verified",
    "Workspace",
    "audit_corpus",
    "compare_runs",
    "corpus_matrix",
    "cross_validate",
    "diagnose",
    "evaluate",
    "export_onnx",
    "extract_features",
    "fit_baselines",
    "fit_heads",
    "fit_stack",
    "head_specs",
    "import_checkpoint",
    "import_corpus",
    "list_runs",
    "load",
    "load_features",
    "probe_layers",
    "pull_bundle",
    "push_bundle",
    "recipe_of_heads",
    "report",
    "run_recipe",
    "serve",
    "show_progress",
    "slurm_script",
    "split_corpus",
    "stress",
    "transcribe",
    "verify",
    "write_bundle",
    "write_card",
]


def __getattr__(name: str) -> object:
    """Import the module of a public name, and the libraries that it needs, at its first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("medusa-ser")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"medusa.{_MODULES[name]}"), name)
