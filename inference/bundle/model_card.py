"""The model card of a bundle, in the format of the Hugging Face Hub."""

from collections.abc import Sequence
from typing import Any

from medusa.errors import plural
from medusa.reports.tables.result_table import markdown_text
from medusa.scoring.resampling import FEW_BLOCKS
from medusa.scoring.scores import class_interval

INTENDED = """\
The model predicts the emotion that listeners perceive in an utterance of speech, of the kind that
the training data contain. It is meant for research, and for applications whose users know of it
and agree to it. Its output is a distribution over classes: use all of it, and not the label alone.
"""
LIMITS = """\
- The labels are the perception of raters, and not the state of the speaker. Raters often disagree.
- Acted speech is expressed more strongly than everyday speech. Scores on one corpus do not hold for
  other languages, cultures, ages, microphones or rooms. Measure the model on your own data first.
- Errors differ between groups of speakers. The scores above are means over all speakers.
- Do not base decisions about single persons on a prediction: hiring, work, education, credit,
  health, police or borders. The law may forbid it: the European Union's AI Act prohibits emotion
  recognition at work and in education, except for medical or safety reasons.
- Speech is personal data, and a voice can identify a person. Ask the speakers before you record
  or analyse them.
"""
TITLES = {"macro_f1": "macro-F1", "uar": "UAR", "accuracy": "accuracy"}
METRICS = {"macro_f1": "f1", "uar": "recall", "accuracy": "accuracy"}  # the Hub's names


def model_card(facts: dict[str, Any], absent: Sequence[str]) -> str:
    """Return the text of `README.md`: a YAML header for the Hub, and the card.

    Args:
        facts: the result of `facts_of`.
        absent: the backbones with local weights that the bundle does not contain.
    """
    from huggingface_hub import ModelCard

    sections = {
        f"# {markdown_text(facts['name'])}": _summary(facts),
        "## Use": _use(absent),
        "## Intended use": INTENDED,
        "## Data": data_section(facts["data"]),
        "## Scores": scores_section(facts["scores"]),
        "## Backbones and licences": _backbones(facts),
        "## Limits and risks": LIMITS,
    }
    body = "\n".join(f"{title}\n\n{text}" for title, text in sections.items())
    return str(ModelCard(f"---\n{_header(facts).to_yaml()}\n---\n\n{body}").content)


def _header(facts: dict[str, Any]) -> Any:
    """Return the metadata that the Hub reads."""
    from huggingface_hub import EvalResult, ModelCardData

    data, scores = facts["data"] or {}, facts["scores"]
    corpus = data.get("corpus") or "unknown"
    results = [
        EvalResult(
            task_type="audio-classification",
            dataset_type=corpus,
            dataset_name=corpus,
            dataset_split=scores["split"],
            metric_type=METRICS[name],
            metric_name=TITLES[name],
            metric_value=round(scores[name], 4),
        )
        for name in (METRICS if scores else ())
    ]
    public = [one["checkpoint"] for one in facts["backbones"] if "/" in one["checkpoint"]]
    known = [one for one in dict.fromkeys(public) if not one.startswith(("openai-", "eGeMAPS"))]
    return ModelCardData(
        model_name=facts["name"],
        library_name="medusa-ser",
        pipeline_tag="audio-classification",
        base_model=known or None,
        language=[name for name in data.get("languages", []) if len(name) == 2] or None,
        tags=["speech-emotion-recognition", "medusa"],
        eval_results=results or None,
    )


def _summary(facts: dict[str, Any]) -> str:
    members = markdown_text(", ".join(facts["members"]))
    classes = markdown_text(", ".join(facts["classes"]))
    method = facts["method"]
    kind = f"an ensemble of the heads {members} (method: {method})" if method else "one head"
    rated = " It also predicts arousal, valence and dominance." if facts["attributes"] else ""
    return (
        f"This model recognises emotions in speech. It is {kind}, trained on the features of "
        f"frozen backbones. Its classes are {classes}.{rated}\n"
    )


def _use(absent: Sequence[str]) -> str:
    given = ", ".join(f'"{name}": PATH' for name in absent)
    places = f", checkpoints={{{given}}}" if absent else ""
    note = (
        "\nThe weights of these backbones were local files, and are not in this folder: "
        f"{', '.join(absent)}. Their digests are in `bundle.json`; other weights are refused.\n"
        if absent
        else ""
    )
    return (
        "```python\nimport medusa  # the package medusa-ser\n\n"
        f'model = medusa.load("THIS_FOLDER"{places})\nframe = model.predict(["a.wav"])\n```\n{note}'
    )


def data_section(data: dict[str, Any] | None) -> str:
    if data is None:
        return "The training data are not described: the manifest was missing or had changed.\n"
    languages = markdown_text(", ".join(data["languages"]) or "not recorded")
    rows = [
        [name, part["utterances"], part["speakers"] or "unknown", part["hours"]]
        for name, part in data["splits"].items()
    ]
    name = {"": "not recorded", "csv": "a table of its maker (csv), without a name"}
    corpus = markdown_text(name.get(data["corpus"], data["corpus"]))
    table = markdown_table(["split", "utterances", "speakers", "hours"], rows)
    notes = [*map(markdown_text, data["notes"]), *_shared(data)]
    return "\n".join(
        [f"Corpus: {corpus}. Languages: {languages}.\n", table, *notes, *([""] * bool(notes))]
    )


def _shared(data: dict[str, Any]) -> list[str]:
    """Return a warning for the speakers and for the recordings that are in several splits."""
    return [
        f"{plural(number, f'{name} is')} in several splits: scores are better than on new data."
        for name in ("speaker", "recording")
        if (number := data[f"shared_{name}s"])
    ]


def scores_section(scores: dict[str, Any] | None) -> str:
    if scores is None:
        return "The model has not been measured on labelled test data.\n"
    blocks = scores["blocks"]
    drawn = f"the {blocks} speakers" if blocks else "the utterances"
    rows = [
        [
            title,
            f"{scores[name]:.3f}",
            _interval(scores["interval"][name]),
            f"{scores['baselines'][name]['chance']:.3f}",
            f"{scores['baselines'][name]['majority']:.3f}",
        ]
        for name, title in TITLES.items()
    ]
    classes = [
        [name, one["support"], f"{one['f1']:.3f}", class_interval(one)]
        for name, one in scores["per_class"].items()
    ]
    rated = [
        [name, one["n"], f"{one['ccc']:.3f}", _interval(one["interval"]["ccc"])]
        for name, one in scores["attributes"].items()
    ]
    majority = markdown_text(scores["majority_class"])
    attributes = markdown_table(["attribute", "utterances", "CCC", "95 % interval"], rated)
    return "\n".join(
        [
            f"On {scores['n']} labelled utterances of `{scores['split']}`. The intervals contain "
            f"95 % of the scores when {drawn} are drawn again. *Chance* guesses with the class "
            f"shares of the training; *majority* always predicts {majority}."
            f"{_cautions(scores)}\n",
            markdown_table(["score", "value", "95 % interval", "chance", "majority"], rows),
            markdown_table(["class", "utterances", "F1", "95 % interval"], classes),
            *([attributes] * bool(rated)),
        ]
    )


def _cautions(scores: dict[str, Any]) -> str:
    """Return sentences that a reader must know before believing the scores."""
    few, absent = (scores["blocks"] or FEW_BLOCKS) < FEW_BLOCKS, scores["unpredicted"]
    rough = " With so few speakers, the intervals are rough." if few else ""
    left_out = (
        f" {plural(absent, 'utterance has')} no prediction and no influence." if absent else ""
    )
    return rough + left_out


def _backbones(facts: dict[str, Any]) -> str:
    header = ["backbone", "checkpoint", "revision", "layers", "licence"]
    rows = [
        [one["name"], one["checkpoint"], one["revision"][:16], _layers(one), one["licence"]]
        for one in facts["backbones"]
    ]
    name, revision = facts["transcriber"] or ("", "")
    made = f"\nThe Whisper model `{name}` ({revision}) made the transcripts.\n" if name else ""
    return markdown_table(header, rows) + made


def _layers(backbone: dict[str, Any]) -> str:
    return ", ".join(map(str, backbone["layers"]))


def _interval(pair: Sequence[float]) -> str:
    return f"{pair[0]:.3f} – {pair[1]:.3f}"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    cells = [[markdown_text(str(one)) for one in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
