"""A manifest is written for other tools as a csv, for lhotse, audformat or `datasets`."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from medusa.atomic import atomic
from medusa.errors import ManifestError
from medusa.manifests.audio import facts_of
from medusa.manifests.import_tools.tables import optional
from medusa.manifests.manifest import Manifest

KEPT = ("split", "label", "content", "arousal", "valence", "dominance")


def export(manifest: Manifest, form: str, target: Path, force: bool = False) -> None:
    """Write the whole manifest; after an error the target is unchanged.

    Args:
        manifest: the manifest; its recordings stay in their folders, and the export has their
            paths.
        form: a name in `FORMATS`.
        target: a file for `csv`, and a folder for the other formats.
        force: replace a target that is a file or an earlier export.

    Raises:
        ManifestError: the target exists, or it holds files that are not an earlier export, or the
            rows cannot be written in this format, or the library is not installed.
    """
    _refuse_to_replace(form, target)
    if target.exists() and not force:
        raise ManifestError(f"{target}: already there; replace it with --force")
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic(target) as partial:
        FORMATS[form](manifest, partial, target)
        if target.is_dir():
            shutil.rmtree(target)


def _refuse_to_replace(form: str, target: Path) -> None:
    """Raise if the target holds a file that no export to this format writes."""
    if form == "csv" and target.is_dir():
        raise ManifestError(f"{target}: is a folder, but a csv is a file; name a file")
    if form != "csv" and target.is_file():
        raise ManifestError(f"{target}: is a file, but {form} needs a folder; name a folder")
    if not target.is_dir():
        return
    mark, *others = WRITTEN[form]
    names = [mark, *others] if (target / mark).is_file() else []
    files = (path for path in target.rglob("*") if not path.is_dir())
    strange = next((path for path in files if not any(map(path.match, names))), None)
    if strange is not None:
        raise ManifestError(
            f"{target}: holds {strange.relative_to(target)}, which no export to {form} writes, so "
            "it cannot be replaced; name another folder"
        )


def to_csv(manifest: Manifest, partial: Path, target: Path) -> None:
    """Write a row per utterance, with its votes as JSON; the importer `csv` reads the table."""
    frame = manifest.frame.copy()
    frame["path"] = _paths(manifest, target.parent)
    if manifest.votes is not None:
        votes = manifest.votes.drop(columns="id")
        votes["secondary"] = votes["secondary"].map(
            lambda words: None if words is None else [*words]
        )
        rows = json.loads(votes.to_json(orient="records", double_precision=4))
        by_id: dict[str, list[object]] = {}
        for name, vote in zip(manifest.votes["id"], rows, strict=True):
            by_id.setdefault(name, []).append(vote)
        frame["votes"] = [
            json.dumps(by_id.get(name, []), ensure_ascii=False) for name in frame["id"]
        ]
    frame.to_csv(partial, index=False)


def to_lhotse(manifest: Manifest, partial: Path, target: Path) -> None:
    """Write `cuts.jsonl.gz`: a cut with one supervision per utterance that has audio."""
    lhotse = optional("lhotse")
    frame = _with_audio(manifest)
    paths = _paths(manifest, None)[frame.index]
    recordings = {path: _recording(path) for path in dict.fromkeys(paths)}
    cuts = []
    for path, row in zip(paths, frame.to_dict("records"), strict=True):
        channels = recordings[path].channel_ids
        several = len(channels) > 1
        supervision = lhotse.SupervisionSegment(
            id=row["id"],
            recording_id=recordings[path].id,
            channel=channels if several else 0,
            start=0.0,
            duration=row["duration_s"],
            text=_given(row["text"]),
            language=_given(row["language"]),
            speaker=_given(row["speaker"]),
            gender=_given(row["gender"]),
            custom=_custom(row, manifest),
        )
        cut = (lhotse.MultiCut if several else lhotse.MonoCut)(
            id=row["id"],
            start=row["start_s"],
            duration=row["duration_s"],
            channel=channels if several else 0,
            recording=recordings[path],
            supervisions=[supervision],
        )
        cuts.append(cut)
    partial.mkdir()
    lhotse.CutSet.from_cuts(cuts).to_file(partial / "cuts.jsonl.gz")


def to_audformat(manifest: Manifest, partial: Path, target: Path) -> None:
    """Write `db.yaml` and a table `utterances` with a segment per utterance that has audio."""
    audformat = optional("audformat")
    frame = _with_audio(manifest)
    database = audformat.Database("medusa")
    database.schemes["label"] = audformat.Scheme(labels=list(manifest.scheme.classes))
    start = pd.to_timedelta(frame["start_s"], unit="s")
    end = start + pd.to_timedelta(frame["duration_s"], unit="s")
    paths = _paths(manifest, target)[frame.index]
    index = audformat.segmented_index(list(paths), list(start), list(end))
    table = database["utterances"] = audformat.Table(index)
    texts = ("id", "speaker", "gender", "language", "split", "text", "label")
    for name in (*texts, *manifest.scheme.columns, "arousal", "valence", "dominance"):
        if frame[name].isna().all():
            continue
        kind = "str" if name in texts else "float"
        if name not in database.schemes:
            database.schemes[name] = audformat.Scheme(kind)
        table[name] = audformat.Column(scheme_id=name)
        values = frame[name].astype(object).where(frame[name].notna(), None)
        table[name].set(list(values))
    database.save(str(partial), storage_format="csv")


def to_datasets(manifest: Manifest, partial: Path, target: Path) -> None:
    """Write a dataset per split with `save_to_disk`; the paths are absolute, without the sound."""
    library = optional("datasets")
    frame = manifest.frame.assign(path=_paths(manifest, None))
    names = frame["split"].fillna("all")
    parts = {}
    for name in names.unique():
        rows = frame[names == name].reset_index(drop=True)
        features = {
            column: library.Value("string" if pd.api.types.is_string_dtype(kind) else "float64")
            for column, kind in rows.dtypes.items()
        }
        features["label"] = library.ClassLabel(names=list(manifest.scheme.classes))
        classes = {label: code for code, label in enumerate(manifest.scheme.classes)}
        cells = {
            column: [None if pd.isna(value) else value for value in rows[column]]
            for column in rows.columns
        }
        cells["label"] = [label and classes[label] for label in cells["label"]]
        parts[str(name)] = library.Dataset.from_dict(cells, library.Features(features))
    library.DatasetDict(parts).save_to_disk(str(partial))


def _paths(manifest: Manifest, folder: Path | None) -> "pd.Series[str]":
    """Return the path of each recording: relative to a folder, or absolute."""
    root = manifest.root.resolve()  # A `..` in a path leaves the folder itself, not a link to it.
    near = folder and folder.resolve()

    def placed(path: str) -> str:
        whole = os.path.normpath(root / path)
        return whole if near is None else os.path.relpath(whole, near)

    return manifest.frame["path"].map(placed, na_action="ignore")


def _with_audio(manifest: Manifest) -> pd.DataFrame:
    """Return the rows that have audio."""
    frame = manifest.frame[manifest.frame["content"].notna()]
    if not len(frame):
        raise ManifestError("no utterance has audio, and this format needs audio; export a csv")
    return frame


def _recording(path: str) -> Any:
    """Return lhotse's description of a file, made from its header."""
    audio = optional("lhotse").audio
    facts = facts_of(Path(path))
    source = audio.AudioSource(type="file", channels=list(range(facts.channels)), source=path)
    return audio.Recording(
        id=path,
        sources=[source],
        sampling_rate=facts.rate_hz,
        num_samples=facts.frames,
        duration=facts.duration_s,
        channel_ids=list(range(facts.channels)),
    )


def _custom(row: dict[object, object], manifest: Manifest) -> dict[str, object]:
    """Return the values for which lhotse has no field."""
    names = (*KEPT, *manifest.scheme.columns)
    values = {name: _given(row[name]) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _given(value: object) -> object:
    return None if pd.isna(value) else value  # type: ignore[call-overload]


# --force may replace only these files: the file that marks an export, and the files beside it.
WRITTEN = {
    "lhotse": ("cuts.jsonl.gz",),
    "audformat": ("db.yaml", "db.*.csv"),
    "datasets": ("dataset_dict.json", "dataset_info.json", "state.json", "*.arrow"),
}
FORMATS: dict[str, Callable[[Manifest, Path, Path], None]] = {
    "csv": to_csv,
    "lhotse": to_lhotse,
    "audformat": to_audformat,
    "datasets": to_datasets,
}
