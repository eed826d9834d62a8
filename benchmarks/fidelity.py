"""The difference between our features and those of a direct call of the model, for each layer.

    python benchmarks/fidelity.py --write docs/fidelity.md [--long] [--minilm PATH]

The direct call encodes one utterance without padding in float32, through `transformers` (through
openai-whisper for Whisper), with all hidden states. Ours encodes it alone, and in one batch with
all others, in float32 and in bf16.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import checkpoints
import numpy as np
import torch

from medusa.extract.backbones import describe, family
from medusa.extract.checkpoints.hugging_face import quiet
from medusa.extract.encoders.runner import autocast
from medusa.heads.runs.environment import environment

SECONDS = (0.05, 0.31, 1.0, 3.7, 12.0)
TEXTS = (*checkpoints.TEXTS, "word " * 40)
LONG_S = 600.0
LONG_CLIPS = """All layers in float32, in a batch with a second of speech.
Whisper encodes 30 s at a time. WavLM's relative positions take a table of frames
by frames for every head, even in the fused attention; longer recordings need
`--set piece_s=S`."""
# Relative positions need a table of frames by frames for every head: 14 GB at ten minutes.
LONGEST = {"wavlm": 120.0}
LIMITS = {"fp32": 1e-4, "bf16": 0.3}  # as shares of a layer's standard deviation


def direct(name: str, path: Path, source: Any) -> list[torch.Tensor]:
    """Return the L + 1 states (T, D) that the library computes for one source."""
    if name == "whisper":
        return _direct_whisper(path, source)
    from transformers import AutoFeatureExtractor, AutoModel, AutoTokenizer

    eager = {"attn_implementation": "eager"} if name == "wavlm" else {}
    with quiet():
        model = AutoModel.from_pretrained(path, dtype=torch.float32, **eager).eval()
    if isinstance(source, str):
        inputs = AutoTokenizer.from_pretrained(path)(source, return_tensors="pt")
        inputs.pop("token_type_ids", None)
        kept = slice(1, -1)
    else:
        inputs = AutoFeatureExtractor.from_pretrained(path)(
            source, sampling_rate=16000, return_tensors="pt"
        )
        kept = slice(None)
    with torch.inference_mode():
        output = model(**inputs, output_hidden_states=True)
    # In some models the last entry of hidden_states is not normalised.
    computed = [*output.hidden_states[:-1], output.last_hidden_state]
    return [state[0, kept] for state in computed]


def _direct_whisper(path: Path, source: np.ndarray) -> list[torch.Tensor]:
    """Return the states that hooks in openai-whisper's own encoder collect, without padding."""
    import whisper

    model = whisper.load_model(str(path), device="cpu").float().eval()
    states: list[torch.Tensor] = []
    encoder = model.encoder
    encoder.blocks[0].register_forward_pre_hook(lambda _m, args: states.append(args[0]))
    for block in encoder.blocks[:-1]:
        block.register_forward_hook(lambda _m, _a, out: states.append(out))
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(source), model.dims.n_mels)
    with torch.inference_mode():
        states.append(encoder(mel[None]))
    return [state[0, : -(-len(source) // 320)] for state in states]


def gaps(name: str, path: Path) -> dict[str, list[float]]:
    """Return way -> the largest difference of each layer, in standard deviations."""
    backbone = describe("whisper" if name == "whisper" else "auto", str(path))
    layers = tuple(range(backbone.n_layers + 1))
    encoder = family(backbone.family).load(backbone, layers, "cpu")
    sources: list[Any] = list(TEXTS)
    if backbone.input == "audio":
        noise = np.random.default_rng(0)
        sources = [(noise.standard_normal(round(s * 16000)) * 0.1).astype("f") for s in SECONDS]
    expected = [direct(name, path, source) for source in sources]
    spread = [torch.cat([output[layer] for output in expected]).std() for layer in layers]
    items = [encoder.prepare(source) for source in sources]
    computed = {}
    for precision in LIMITS:
        with autocast(precision, "cpu"):
            batched = encoder.encode(items)
            alone = [encoder.encode([item])[0] for item in items]
        for way, outputs in (("alone", alone), ("batched", batched)):
            computed[f"{precision} {way}"] = [
                max(
                    float((output.values[layer].float() - truth[layer]).abs().max() / spread[layer])
                    for output, truth in zip(outputs, expected, strict=True)
                )
                for layer in layers
            ]
    return computed


def long_gap(name: str, path: Path) -> tuple[float, float]:
    """Return the seconds of a long clip and its largest difference, in a batch with a short one."""
    seconds = LONGEST.get(name, LONG_S)
    backbone = describe("auto", str(path))
    encoder = family(backbone.family).load(backbone, tuple(range(backbone.n_layers + 1)), "cpu")
    noise = np.random.default_rng(0)
    clips = [(noise.standard_normal(round(s * 16000)) * 0.1).astype("f") for s in (seconds, 1.0)]
    truth = direct(name, path, clips[0])
    computed = encoder.encode([encoder.prepare(clip) for clip in clips])[0].values
    pairs = zip(computed, truth, strict=True)
    return seconds, max(
        float((output - other).abs().max() / other.std()) for output, other in pairs
    )


def table(results: dict[str, dict[str, list[float]]], long: dict[str, tuple[float, float]]) -> str:
    """Return the page with the results."""
    lines = [
        "# Fidelity",
        "",
        "The largest difference of any value between our features and a direct call of the model",
        "(one utterance, unpadded, float32), in standard deviations of the layer's values. The",
        "checkpoints are small and random, of the real classes; MiniLM alone is pretrained. Speech",
        "is noise of " + ", ".join(f"{s:g}" for s in SECONDS) + " s; text is",
        f"{len(TEXTS)} texts of up to 40 words. The bf16 features are computed by autocast and",
        "compared with float32. The tests hold these limits: "
        + ", ".join(f"{key} {value:g}" for key, value in LIMITS.items())
        + ".",
        "",
        "Made by `python benchmarks/fidelity.py --write docs/fidelity.md --long`.",
    ]
    for name, rows in results.items():
        lines += ["", f"## {name}", "", "| layer | " + " | ".join(rows) + " |"]
        lines += ["|---" * (len(rows) + 1) + "|"]
        for layer, cells in enumerate(zip(*rows.values(), strict=True)):
            shown = " | ".join(f"{value:.1e}" for value in cells)
            lines.append(f"| {layer} | {shown} |")
    if long:
        lines += ["", "## Long clips", "", LONG_CLIPS]
        lines += ["", "| | seconds | largest difference |", "|---|---|---|"]
        for name, (seconds, gap) in long.items():
            lines.append(f"| {name} | {seconds:g} | {gap:.1e} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the page to write")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--minilm", type=Path, help="a Hugging Face folder with a BERT-like encoder"
    )
    parser.add_argument("--long", action="store_true", help="also measure clips of ten minutes")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in (*checkpoints.SPEECH, "whisper", *checkpoints.TEXT):
            results[name] = gaps(name, checkpoints.write(name, Path(folder), "tiny"))
            print(name, {key: f"{max(values):.1e}" for key, values in results[name].items()})
        long = {}
        for name in checkpoints.SPEECH if options.long else ():
            long[name] = long_gap(name, Path(folder) / name)
            print(name, *long[name])
        if options.minilm:
            results["minilm (pretrained)"] = gaps("bert", options.minilm)
    if options.write:
        options.write.write_text(table(results, long), encoding="utf-8")
    if options.json:
        facts = {"largest": results, "long": long, "environment": environment()}
        options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
