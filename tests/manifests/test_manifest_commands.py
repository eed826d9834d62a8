"""`medusa manifest` as a user meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result

from medusa.errors import MedusaError
from medusa.manifests.manifest import Manifest
from medusa.tests.command_line import invoke

SPEAKERS = ("03", "08", "09", "10", "11", "12")


@pytest.fixture
def emodb(tmp_path: Path) -> Path:
    """Return a small EmoDB: six speakers, seven emotions, one version."""
    root = tmp_path / "emodb"
    root.mkdir()
    for seed, speaker in enumerate(SPEAKERS):
        for emotion in "WLEAFTN":
            sound = np.random.default_rng([seed, ord(emotion)]).normal(scale=0.1, size=400)
            soundfile.write(root / f"{speaker}a01{emotion}a.wav", sound, 8000)
    return root


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def run(home: Path, *arguments: object) -> Result:
    return invoke(home, "manifest", *arguments)


def refusal(result: Result) -> str:
    """Return the message of a refused command."""
    assert isinstance(result.exception, MedusaError), result.output
    return str(result.exception)


def test_the_session(home: Path, emodb: Path) -> None:
    result = run(home, "import", "emodb", emodb)
    assert result.exit_code == 0
    assert "happiness" in result.stdout and "42" in result.stdout
    assert "next: medusa manifest split" in result.stderr
    result = run(home, "split", "random", "--seed", "0")
    assert result.exit_code == 0 and "speakers" in result.stdout
    manifest = Manifest.read(home / "manifest.parquet")
    assert len(manifest.split("train", "dev", "test")) == 42
    assert manifest.provenance["corpus"] == "emodb"
    assert manifest.provenance["split"] == {"by": "speaker", "seed": 0, "dev": 0.2, "test": 0.2}
    assert run(home, "audit", "--digests").exit_code == 0
    assert not [path for path in home.iterdir() if "partial" in path.name]


def test_the_same_command_again_does_nothing(home: Path, emodb: Path) -> None:
    run(home, "import", "emodb", emodb)
    run(home, "split", "random")
    before = (home / "manifest.parquet").read_bytes()
    assert "nothing to do" in run(home, "import", "emodb", emodb).stderr
    assert "already like this; nothing to do" in run(home, "split", "random").stderr
    assert (home / "manifest.parquet").read_bytes() == before


def test_other_rows_and_other_splits_need_force(home: Path, emodb: Path) -> None:
    run(home, "import", "emodb", emodb)
    run(home, "split", "random")
    before = (home / "manifest.parquet").read_bytes()
    (emodb / "03a01Wa.wav").unlink()
    assert "--force" in refusal(run(home, "import", "emodb", emodb))
    assert "--force" in refusal(run(home, "split", "random", "--seed", "1"))
    assert (home / "manifest.parquet").read_bytes() == before
    assert run(home, "split", "random", "--seed", "1", "--force").exit_code == 0
    assert run(home, "import", "emodb", emodb, "--force").exit_code == 0
    assert len(Manifest.read(home / "manifest.parquet")) == 41


def test_a_truncated_recording_leaves_nothing_behind(home: Path, emodb: Path) -> None:
    path = emodb / "03a01Wa.wav"
    path.write_bytes(path.read_bytes()[:300])
    assert "03a01Wa.wav: truncated" in refusal(run(home, "import", "emodb", emodb))
    assert [path.name for path in home.iterdir()] == [".manifest.parquet.lock"]
    result = run(home, "import", "--drop-bad-audio", "emodb", emodb)
    assert result.exit_code == 0 and "1 utterance kept without audio" in result.stderr
    assert "1 utterance has no audio" in result.stderr


def test_show_as_json(home: Path, emodb: Path) -> None:
    run(home, "import", "emodb", emodb)
    run(home, "split", "random")
    said = json.loads(run(home, "show", "--json").stdout)
    assert said["scheme"]["classes"][0] == "anger"
    assert list(said["splits"]) == ["train", "dev", "test", "all"]
    assert said["splits"]["all"]["utterances"] == 42 and said["splits"]["all"]["speakers"] == 6
    assert said["splits"]["all"]["classes"]["anger"] == 6
    parts = [said["splits"][name]["utterances"] for name in ("train", "dev", "test")]
    assert sum(parts) == 42
    assert said["splits"]["all"]["hours"] == pytest.approx(42 * 0.05 / 3600, abs=1e-6)


def test_show_names_the_speakers(home: Path, emodb: Path) -> None:
    run(home, "import", "emodb", emodb)
    result = run(home, "show")
    assert "speakers in (no split): 03, 08, 09, 10, 11, 12" in result.stderr


def test_help_lists_the_corpora_and_their_options(home: Path) -> None:
    assert "crema-d" in run(home, "import", "--help").stdout
    text = run(home, "import", "crema-d", "--help").stdout
    assert "--channel [voice|face|both]" in text and "ODbL" in text and "--force" in text


def test_unknown_corpus(home: Path) -> None:
    assert "did you mean 'emodb'?" in refusal(run(home, "import", "emo-db", home))


def test_a_csv_option_reaches_the_importer(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,mood\nu1,sad\nu2,glad\n")
    words = ["--columns", "id=name,label=mood"]
    result = run(home, "import", "csv", tmp_path / "a.csv", *words)
    assert result.exit_code == 0
    manifest = Manifest.read(home / "manifest.parquet")
    assert manifest.frame["label"].tolist() == ["sad", "glad"]
    assert manifest.provenance["options"] == {"columns": "id=name,label=mood", "counts": False}


def test_the_next_command_is_one_that_works(home: Path, tmp_path: Path) -> None:
    for speaker, by in (("", " --by utterance"), ("s2", "")):
        (tmp_path / "a.csv").write_text(f"id,label,speaker\nu1,sad,s1\nu2,glad,{speaker}\n")
        said = run(home, "import", "csv", tmp_path / "a.csv", "--force").stderr
        assert f"next: medusa manifest split random{by}\n" in said
    (tmp_path / "a.csv").write_text("id,label\n" + "".join(f"u{i},sad\n" for i in range(9)))
    run(home, "import", "csv", tmp_path / "a.csv", "--force")
    assert run(home, "split", "random", "--by", "utterance").exit_code == 0


def test_a_column_that_may_name_the_speakers_forbids_the_advice_to_split_by_utterance(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("id,label,spk\nu1,sad,s1\nu2,glad,s1\nu3,sad,s2\nu4,sad,s2\n")
    said = run(home, "import", "csv", tmp_path / "a.csv").stderr
    assert "columns not used: spk\n" in said and "--columns speaker=spk --force" in said
    assert "--by utterance" not in said
    audited = run(home, "audit").stdout
    assert "speaker=spk" in audited and "by utterance" not in audited


def test_a_corpus_without_labels_is_imported_shown_and_audited(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\nu1,well\nu2,no\n")
    assert "has no labels" in run(home, "import", "csv", tmp_path / "a.csv").stderr
    assert run(home, "audit").exit_code == 0
    shown = run(home, "show")
    assert "(no consensus)" in shown.stdout and "imported as csv from" in shown.stderr


def test_ids_that_come_twice_are_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,label\nu1,sad\nu1,glad\n")
    assert "come again: u1 (line 3)" in refusal(run(home, "import", "csv", tmp_path / "a.csv"))


def test_split_without_a_manifest_says_what_to_do(home: Path) -> None:
    assert "medusa manifest import" in refusal(run(home, "split", "random"))


def test_the_command_itself_exits_with_1_and_one_message(home: Path) -> None:
    command = [sys.executable, "-c", "from medusa.cli import main; main()", "manifest", "show"]
    environment = os.environ | {"MEDUSA_WORKSPACE": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("medusa: ") and "Traceback" not in done.stderr


def test_commands_import_nothing_heavy() -> None:
    code = (
        "import sys, medusa.manifests.commands; "
        "print([name for name in ('pandas', 'numpy', 'soundfile', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
