"""The contents of a manifest are one table: the classes by split, and the totals below."""

from collections.abc import Sequence

import pandas as pd

from medusa.console import duration
from medusa.manifests.label_scheme import SPLITS
from medusa.manifests.manifest import Manifest

NO_CONSENSUS = "(no consensus)"
NO_SPLIT = "(no split)"
ALL = "all"
# These rows are shown unless they are zero.
OPTIONAL = ("hours", "with soft label", "with attributes", "votes")


def split_names(manifest: Manifest) -> list[str]:
    """Return the splits that have rows, in order: train, dev, test, other splits, no split."""
    present = {str(name) for name in manifest.frame["split"].fillna(NO_SPLIT)}
    own = sorted(present - {*SPLITS, NO_SPLIT})
    return [name for name in (*SPLITS, *own, NO_SPLIT) if name in present]


def classes_by_split(manifest: Manifest) -> pd.DataFrame:
    """Count the rows of each consensus class in each split.

    Returns:
        A row per class, and a row for the utterances without a consensus, if there are any; a
        column per split, and `all`.
    """
    frame = manifest.frame
    label = frame["label"].fillna(NO_CONSENSUS)
    counts = pd.crosstab(label, frame["split"].fillna(NO_SPLIT))
    rows = [*manifest.scheme.classes, *([NO_CONSENSUS] if NO_CONSENSUS in counts.index else [])]
    counts = counts.reindex(index=rows, columns=split_names(manifest), fill_value=0)
    return counts.assign(**{ALL: counts.sum(axis=1)})


def sizes_by_split(manifest: Manifest) -> pd.DataFrame:
    """Count utterances, speakers, hours, and rows with audio, text, attributes, votes, soft labels.

    A row whose label has the whole share of the raters is not counted as soft.

    Returns:
        A row per count; a column per split, and `all`.
    """
    frame = manifest.frame
    shares = frame[manifest.scheme.columns]
    has_soft = shares.notna().all(axis=1) & (shares.max(axis=1) < 1)  # A hard label has share 1.
    votes = pd.Series(0, index=frame.index)
    if manifest.votes is not None:
        votes = frame["id"].map(manifest.votes["id"].value_counts()).fillna(0)
    facts = pd.DataFrame(
        {
            "utterances": 1,
            "hours": frame["duration_s"].where(frame["content"].notna(), 0.0) / 3600,
            "with audio": frame["content"].notna(),
            "with text": frame["text"].notna(),
            "with soft label": has_soft,
            "with attributes": frame["arousal"].notna(),
            "votes": votes,
        },
        index=frame.index,
    ).astype(float)
    split = frame["split"].fillna(NO_SPLIT)
    sums = facts.groupby(split).sum().T.reindex(columns=split_names(manifest))
    speakers = frame["speaker"].groupby(split).nunique().reindex(sums.columns)
    sums.insert(len(sums.columns), ALL, facts.sum())
    counted = pd.DataFrame({**speakers, ALL: frame["speaker"].nunique()}, index=["speakers"])
    return pd.concat([sums.iloc[:1], counted, sums.iloc[1:]])


def table_rows(manifest: Manifest) -> tuple[list[str], list[Sequence[object]]]:
    """Return the header and the rows of the table; it has `all` if there are several splits."""
    counts = classes_by_split(manifest)
    sizes = sizes_by_split(manifest)
    columns = list(counts.columns) if len(counts.columns) > 2 else list(counts.columns[:1])
    rows: list[Sequence[object]] = [
        [name, *(int(counts.loc[name, column]) for column in columns)] for name in counts.index
    ]
    for name in sizes.index:
        if name in OPTIONAL and sizes.loc[name, ALL] == 0:
            continue
        cells = [float(sizes.loc[name, column]) for column in columns]
        if name == "hours":
            rows.append(["speech", *(duration(3600 * hours) for hours in cells)])
        else:
            rows.append([name, *map(int, cells)])
    return ["", *([ALL] if columns == [NO_SPLIT] else columns)], rows


def speakers_rows(manifest: Manifest) -> tuple[list[str], list[Sequence[object]]]:
    """Return the header and the rows of a table of classes by split.

    A cell has the number of rows, and the number of speakers in brackets.
    """
    frame = manifest.frame.assign(
        label=manifest.frame["label"].fillna(NO_CONSENSUS),
        split=manifest.frame["split"].fillna(NO_SPLIT),
    )
    counts = classes_by_split(manifest)
    grouped = frame.groupby(["label", "split"])["speaker"].nunique()
    whole = frame.groupby("label")["speaker"].nunique()
    rows: list[Sequence[object]] = []
    for name in counts.index:
        cells = [int(grouped.get((name, split), 0)) for split in counts.columns[:-1]]
        speakers = [*cells, int(whole.get(name, 0))]
        shown = zip(counts.loc[name], speakers, strict=True)
        rows.append([name, *(f"{rows} ({who})" for rows, who in shown)])
    return ["rows (speakers)", *map(str, counts.columns)], rows


def speakers_by_split(manifest: Manifest) -> dict[str, list[str]]:
    """Return the speakers of each split, sorted."""
    frame = manifest.frame
    groups = frame["speaker"].groupby(frame["split"].fillna(NO_SPLIT))
    speakers = {str(name): sorted(set(group.dropna())) for name, group in groups}
    return {name: speakers[name] for name in split_names(manifest)}


def origin(manifest: Manifest) -> list[str]:
    """Return sentences about the origin of the manifest, its label scheme and its split."""
    known = manifest.provenance
    lines = [f"label scheme: {manifest.scheme.name}"]
    if known.get("corpus"):
        lines.append(f"imported as {known['corpus']} from {known.get('root', 'an unknown place')}")
    options = known.get("options") or {}
    if given := [f"{key}={value}" for key, value in options.items() if value]:
        lines.append(f"with {', '.join(given)}")
    if isinstance(known.get("split"), dict):
        parts = [f"{key} {value}" for key, value in known["split"].items() if value is not None]
        lines.append(f"split: {', '.join(parts)}")
    return lines


def as_json(manifest: Manifest) -> dict[str, object]:
    """Return the label scheme, the table by split, and the provenance as plain JSON values."""
    counts = classes_by_split(manifest).to_dict()
    sizes = sizes_by_split(manifest).to_dict()
    splits = {
        str(name): {
            "classes": {str(row): int(value) for row, value in counts[name].items()},
            **{str(row).replace(" ", "_"): _plain(row, sizes[name][row]) for row in sizes[name]},
        }
        for name in counts
    }
    return {
        "scheme": {"name": manifest.scheme.name, "classes": list(manifest.scheme.classes)},
        "splits": splits,
        "provenance": manifest.provenance,
    }


def _plain(row: object, value: float) -> int | float:
    return round(value, 6) if row == "hours" else int(value)
