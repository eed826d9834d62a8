"""Damaged databases that optional libraries read: rows, or one sentence."""

from pathlib import Path

import pytest

from medusa.manifests.import_corpus import import_corpus
from medusa.tests.fuzz.judge import each_seed, judged_inside
from medusa.tests.fuzz.mutate import one_damaged
from medusa.tests.manifests.test_found_files import recording
from medusa.workspace import Workspace


def audformat_database(root: Path) -> None:
    import audformat

    database = audformat.Database("tiny")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "joy"])
    index = audformat.segmented_index(["a.wav", "a.wav"], ["0s", "0.02s"], ["0.02s", None])
    database["emotion"] = audformat.Table(index)
    database["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(["joy", "anger"])
    database.save(str(root))


def datasets_folder(root: Path) -> None:
    import datasets

    features = {"id": datasets.Value("string"), "path": datasets.Value("string")}
    features |= {"emotion": datasets.ClassLabel(names=["sad", "happy"])}
    rows = {"id": ["u1", "u2"], "path": ["a.wav", None], "emotion": [1, 0]}
    made = datasets.Dataset.from_dict(rows, features=datasets.Features(features))
    made.save_to_disk(str(root))


MADE = {"audformat": audformat_database, "datasets": datasets_folder}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # audformat 1.4 on pandas 3.1
def test_damaged_databases(tmp_path: Path, name: str) -> None:
    home, root = tmp_path / "home", tmp_path / "corpus"
    home.mkdir()
    root.mkdir()
    recording(root / "a.wav")
    MADE[name](root)
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".wav")
    workspace, options = Workspace.open(home), {"columns": "label=emotion"}
    import_corpus(workspace, name, root, force=True, **options)
    for _ in one_damaged(files, each_seed(60, 2.5)):
        judged_inside(
            tmp_path, home, lambda: import_corpus(workspace, name, root, force=True, **options)
        )
