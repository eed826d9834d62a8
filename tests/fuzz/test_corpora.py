"""Damaged recordings and tables: the import refuses them in one sentence, or reads them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.extract.inputs.segments import Segment, read_segment
from medusa.manifests.audio import recording_of
from medusa.manifests.audit.waveforms import loudness_of
from medusa.manifests.import_corpus import import_corpus
from medusa.tests.fuzz.judge import each_seed, judged, judged_inside
from medusa.tests.fuzz.mutate import mutated
from medusa.tests.manifests.test_found_files import TABLES
from medusa.tests.manifests.test_odd_tables import MEDUSA, MELD, MSP
from medusa.workspace import Workspace

RATE = 8000
CONTAINERS = {
    **{"wav": "WAV", "wavex": "WAVEX", "rf64": "RF64", "w64": "W64", "aiff": "AIFF", "au": "AU"},
    **{"sph": "NIST", "caf": "CAF", "flac": "FLAC", "ogg": "OGG", "mp3": "MP3", "voc": "VOC"},
}


def sound(path: Path, form: str) -> bytes:
    noise = np.random.default_rng(0).normal(scale=0.1, size=3000)
    soundfile.write(path, noise, RATE, format=form)
    return path.read_bytes()


@pytest.mark.parametrize("ending", CONTAINERS)
def test_damaged_recordings(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    whole = sound(path, CONTAINERS[ending])

    def act() -> None:
        facts = recording_of(path).facts
        assert facts.frames <= 64 * len(data) + 1152
        read_segment(Segment(path, 0.0, facts.duration_s), 16_000)
        loudness_of(path, 0.0, facts.duration_s)

    for seed in each_seed(60, 1.5, share=len(CONTAINERS)):
        data = mutated(whole, seed)
        path.write_bytes(data)
        judged(act)


WEBVTT = "video_id,clip_id,text,happy,sad,anger,surprise,disgust,fear\nv,1,hi there,1,0,0,0,0,2\n"
CSV = 'id,path,speaker,split,text,label,start_s,arousal\nu1,a.wav,s,train,"hi, you",sad,0,4\n'
CUTS = (
    '{"id": "c1", "start": 0, "duration": 0.3, "channel": 0, "type": "MonoCut", "supervisions": '
    '[{"id": "s1", "recording_id": "r", "start": 0, "duration": 0.3, "channel": 0, "custom": '
    '{"label": "sad"}}], "recording": {"id": "r", "sources": [{"type": "file", "channels": [0], '
    '"source": "a.wav"}], "sampling_rate": 8000, "num_samples": 3000, "duration": 0.375, '
    '"channel_ids": [0]}}\n'
)
DETAILED = (
    '{"MSP-PODCAST_0001_0001.wav": {"EmoClass": "N", "EmoAct": 4, "EmoVal": 4, "EmoDom": 4,'
    ' "SpkrID": "1", "Gender": "Male", "Split_Set": "Train"}}\n'
)
LABELS = "Labels/labels_consensus"
# A case -> the importer, its files, and the file that is damaged.
IMPORTS: dict[str, tuple[str, dict[str, str], str]] = {
    "csv": ("csv", {"t.csv": CSV}, "t.csv"),
    "medusa": ("medusa", {"t.csv": f"{MEDUSA},Split_Set\na.wav,{'1,' * 8}4,4,4,Train\n"}, "t.csv"),
    "cmu-mosei": ("cmu-mosei", {"t.csv": WEBVTT}, "t.csv"),
    "meld": ("meld", {**TABLES["meld"], "test_sent_emo.csv": MELD}, "train_sent_emo.csv"),
    "crema votes": ("crema-d", TABLES["crema-d"], "tabulatedVotes.csv"),
    "crema actors": ("crema-d", TABLES["crema-d"], "VideoDemographics.csv"),
    "iemocap": ("iemocap", TABLES["iemocap"], next(iter(TABLES["iemocap"]))),
    "msp csv": (
        "msp-podcast",
        {f"{LABELS}.csv": MSP + "MSP-PODCAST_0001_0001.wav,N,4,4,4,1,Male,Train\n"},
        f"{LABELS}.csv",
    ),
    "msp json": (
        "msp-podcast",
        {"Labels/labels_consensus.json": DETAILED},
        "Labels/labels_consensus.json",
    ),
    "lhotse": ("lhotse", {"t.jsonl": CUTS}, "t.jsonl"),
}


@pytest.mark.parametrize("case", IMPORTS)
def test_damaged_tables(tmp_path: Path, case: str) -> None:
    name, files, damaged = IMPORTS[case]
    home, corpus = tmp_path / "home", tmp_path / "corpus"
    for folder in (home, corpus):
        folder.mkdir()
    for file, text in files.items():
        (corpus / file).parent.mkdir(parents=True, exist_ok=True)
        (corpus / file).write_text(text)
    if name in ("csv", "lhotse"):
        sound(corpus / "a.wav", "WAV")
    root = next((corpus / one for one in ("t.csv", "t.jsonl") if one in files), corpus)
    options = {"columns": "label=label"} if name in ("csv", "lhotse") else {}
    workspace = Workspace.open(home)
    whole = (corpus / damaged).read_bytes()
    import_corpus(workspace, name, root, force=True, **options)
    share = sum(one == name for one, *_ in IMPORTS.values())
    for seed in each_seed(80, 2.0, share):
        (corpus / damaged).write_bytes(mutated(whole, seed))
        judged_inside(
            tmp_path, home, lambda: import_corpus(workspace, name, root, force=True, **options)
        )


def test_damaged_parquet(tmp_path: Path) -> None:
    table = tmp_path / "t.parquet"
    pd.DataFrame({"id": ["a", "b"], "label": ["sad", "happy"], "arousal": [1.0, 2.0]}).to_parquet(
        table
    )
    whole, workspace = table.read_bytes(), Workspace.open(tmp_path)
    for seed in each_seed(150, 3.0):
        table.write_bytes(mutated(whole, seed))
        judged(lambda: import_corpus(workspace, "csv", table, force=True))
