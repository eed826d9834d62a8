"""Importers find recordings in links and with any endings, and count the files they leave out."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result

from medusa.errors import ManifestError, MedusaError
from medusa.manifests import corpora
from medusa.manifests.import_tools.files import folders_below
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.manifest import Manifest
from medusa.tests.command_line import invoke

CREMA = {
    "tabulatedVotes.csv": "n,A,D,F,H,N,S,fileName\n100001,0,0,0,0,3,0,1001_IEO_NEU_XX\n"
    "100002,2,0,0,0,0,0,1002_TSI_ANG_HI\n",
    "VideoDemographics.csv": "ActorID,Sex\n1001,Male\n1002,Female\n",
}
HEAD = "Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\n"
EVALUATION = "[6.2 - 8.2]\tSes0{0}F_impro01_F000\tneu\t[2.5, 2.5, 3.0]\nC-E2:\tNeutral;\t()\n"
TABLES = {
    "crema-d": CREMA,
    "meld": {
        "train_sent_emo.csv": f"{HEAD}Hi.,Ross,joy,0,0\n",
        "dev_sent_emo.csv": f"{HEAD}No.,Joey,anger,0,0\n",
        "test_sent_emo.csv": HEAD,
    },
    "iemocap": {
        f"Session{n}/dialog/EmoEvaluation/Ses0{n}F_impro01.txt": EVALUATION.format(n)
        for n in (1, 2)
    },
    "msp-podcast": {
        "Labels/labels_consensus.csv": "FileName,EmoClass,EmoAct,EmoVal,EmoDom\n"
        "MSP-PODCAST_0001_0001.wav,N,4,4,4\nMSP-PODCAST_0001_0002.wav,A,4,4,4\n"
    },
}
RECORDINGS = {
    "emodb": ["a/03a01Fa", "b/08a01Wa"],
    "ravdess": ["Actor_01/03-01-01-01-01-02-01", "Actor_12/03-01-06-01-02-01-12"],
    "savee": ["AudioData/DC/a01", "AudioData/JK/su02"],
    "tess": ["OAF_angry/OAF_back_angry", "YAF_ps/YAF_home_ps"],
    "esd": ["0011/Angry/train/0011_000351", "0012/Sad/train/0012_001051"],
    "crema-d": ["AudioWAV/1001_IEO_NEU_XX", "AudioWAV/more/1002_TSI_ANG_HI"],
    "iemocap": [f"Session{n}/sentences/wav/Ses0{n}F_impro01/Ses0{n}F_impro01_F000" for n in (1, 2)],
    "meld": ["train_splits/dia0_utt0", "dev_splits_complete/dia0_utt0"],
    "msp-podcast": ["Audios/MSP-PODCAST_0001_0001", "Audio2/MSP-PODCAST_0001_0002"],
}


def recording(path: Path) -> Path:
    """Write a short recording; its sound depends on its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = np.random.default_rng(sum(str(path).encode())).normal(scale=0.1, size=400)
    soundfile.write(path, sound, 8000, format="WAV")
    return path


def corpus(root: Path, name: str, endings: tuple[str, str] = (".wav", ".wav")) -> Path:
    """Write a corpus of two recordings."""
    for stem, ending in zip(RECORDINGS[name], endings, strict=True):
        recording(root / f"{stem}{ending}")
    for file, text in TABLES.get(name, {}).items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    return root


def found(name: str, root: Path) -> Manifest:
    """Import a corpus and assert that both of its recordings are found."""
    manifest, dropped = attach_audio(corpora.load(name).import_corpus(root), root.parent)
    assert len(manifest) == 2 and manifest.frame["content"].nunique() == 2 and dropped == {}
    return manifest


def run(home: Path, *words: object) -> Result:
    done = invoke(home, "manifest", "import", *map(str, words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("endings", [(".wav", ".WAV"), (".Wav", ".WAV")])
def test_endings_in_any_case(tmp_path: Path, name: str, endings: tuple[str, str]) -> None:
    found(name, corpus(tmp_path / "corpus", name, endings))


@pytest.mark.parametrize("name", RECORDINGS)
def test_folders_that_are_links(tmp_path: Path, name: str) -> None:
    root = corpus(tmp_path / "corpus", name)
    for number, stem in enumerate(RECORDINGS[name]):
        folder = (root / stem).parent
        if not folder.is_symlink() and not (name == "savee" or folder.name == "AudioWAV"):
            folder.rename(tmp_path / f"elsewhere{number}")
            folder.symlink_to(f"{'../' * (len(folder.relative_to(root).parts))}elsewhere{number}")
    if name == "savee":
        (root / "AudioData").rename(tmp_path / "AudioData")
        (root / "AudioData").symlink_to("../AudioData")
    found(name, root)


@pytest.mark.parametrize("name", RECORDINGS)
def test_files_that_are_left_out_are_counted(tmp_path: Path, name: str) -> None:
    root = corpus(tmp_path / "corpus", name)
    first = root / f"{RECORDINGS[name][0]}.wav"
    first.with_name("._hidden.wav").write_bytes(b"\0\5\x16\7")
    first.with_name("x.mp4").write_bytes(b"video")
    (tmp_path / "work").mkdir()
    said = run(tmp_path / "work", name, root).stderr
    manifest = Manifest.read(tmp_path / "work" / "manifest.parquet")
    line = next(line for line in manifest.provenance["import"] if line["kind"] == "recordings")
    assert (line["found"], line["kept"]) == (4, 2)
    assert line["dropped"] == {"hidden (._*)": 1, "with the ending .mp4": 1}
    assert "2 of 4 recordings (left out: 1 hidden (._*), 1 with the ending .mp4)" in said


def test_every_importer_counts_and_tells(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,label\nu1,sad\nu2,happy\n")
    assert "took 2 of 2 utterances\n" in run(tmp_path, "csv", tmp_path / "t.csv").stderr
    manifest = Manifest.read(tmp_path / "manifest.parquet")
    assert manifest.provenance["import"][0]["found"] == 2


def test_recordings_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    recording(tmp_path / "u1.wav")
    (tmp_path / "t.csv").write_text("id,path,label\nu1,u1.wav,sad\nu2,u2.wav,sad\nu3,,sad\n")
    said = run(tmp_path, "--drop-bad-audio", "csv", tmp_path / "t.csv").stderr
    assert "1 of 2 utterances with audio (left out: 1 whose recording cannot be used)" in said


def test_clips_outside_an_option_are_counted(tmp_path: Path) -> None:
    root = corpus(tmp_path / "corpus", "ravdess")
    recording(root / "Actor_01" / "03-02-05-02-01-01-01.wav")
    said = run(tmp_path, "ravdess", root).stderr
    assert "took 2 of 3 recordings (left out: 1 not of --channel speech)" in said


def test_recordings_of_no_utterance_are_counted(tmp_path: Path) -> None:
    root = corpus(tmp_path / "corpus", "crema-d")
    recording(root / "AudioWAV" / "1001_IEO_NEU_YY.wav")
    said = run(tmp_path, "crema-d", root).stderr
    assert "2 of 3 recordings (left out: 1 of no utterance in the manifest)" in said


def test_a_folder_with_another_kind_of_sound_is_refused_with_its_count(tmp_path: Path) -> None:
    for name in ("03a01Fa.mp3", "08a01Wa.mp3"):
        (tmp_path / name).write_bytes(b"sound")
    with pytest.raises(ManifestError, match=r"no wav file .* \(but 2 with the ending \.mp3\)"):
        corpora.load("emodb").import_corpus(tmp_path)


def test_circles_and_copies_of_links_are_entered_one_time(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    (root / "a").mkdir(parents=True)
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (root / "a" / "up").symlink_to("../..")
    (root / "again").symlink_to("a")
    (root / "one").symlink_to("../out")
    (root / "two").symlink_to("../out")
    (tmp_path / "out" / "back").symlink_to("../corpus")
    for place in ("corpus/a", "out", "out/deep"):
        (tmp_path / place / "x").touch()
    files = [place / name for place, names in folders_below(root) for name in names]
    assert [str(file.relative_to(root)) for file in files] == ["a/x", "one/x", "one/deep/x"]


ESD = (  # Speaker, encoding, the sign between cells.
    ("0001", "gb18030", "\t"), ("0002", "utf-16", "\t"), ("0003", "utf-16-be", "\t"),
    ("0004", "gb18030", " "), ("0005", "utf-8", " "), ("0013", "utf-8", " "),
    ("0014", "utf-8-sig", "\t"), ("0016", "cp1252", "\t"), ("0017", "gb18030", "\t"),
    ("0018", "utf-16-le", "\t"),
)  # fmt: skip


@pytest.mark.parametrize(("speaker", "encoding", "gap"), ESD)
@pytest.mark.parametrize("more", ["", "\n"])  # The number of bytes must not matter.
def test_esd_texts_in_every_encoding(
    tmp_path: Path, speaker: str, encoding: str, gap: str, more: str
) -> None:
    names = [f"{speaker}_00000{number}" for number in (1, 2)]
    texts = ["不知道", "打远一看"] if speaker < "0011" else ["I don’t know.", "I did go – twice"]
    emotions = ["快乐", "Sad"] if speaker < "0011" else ["Happy", "Sad"]
    rows = [gap.join(row) for row in zip(names, texts, emotions, strict=True)]
    for name, emotion in zip(names, ("Happy", "Sad"), strict=True):
        recording(tmp_path / speaker / emotion / f"{name}.wav")
    data = ("\r\n".join(rows) + more).encode(encoding)
    (tmp_path / speaker / f"{speaker}.txt").write_bytes(data)
    manifest = corpora.load("esd").import_corpus(tmp_path)
    assert manifest.frame["text"].tolist() == texts


def test_esd_tables_without_a_text_are_told(tmp_path: Path) -> None:
    root = corpus(tmp_path / "corpus", "esd")
    (root / "0011" / "0011.txt").write_text("0011_000351\tI keep, happy\tAngry\n")
    (root / "0012" / "0012.txt").write_text("001051;I did go;Sad\n")
    said = run(tmp_path, "esd", root).stderr
    assert "1 of 2 tables of texts (left out: 1 without a row like 0011_000351 TEXT" in said
    assert "(0012.txt))" in said
    manifest = Manifest.read(tmp_path / "manifest.parquet")
    assert manifest.frame["text"].tolist()[0] == "I keep, happy"
    assert manifest.provenance["import"][1]["note"] == "1 utterance has no text"


def test_an_esd_table_in_no_known_encoding_is_named(tmp_path: Path) -> None:
    root = corpus(tmp_path / "corpus", "esd")
    (root / "0011" / "0011.txt").write_bytes(b"0011_000351\t\x81 \xff\n")
    with pytest.raises(ManifestError, match=r"0011.txt: the text is not in utf-8-sig or gb18030"):
        corpora.load("esd").import_corpus(root)


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("inside", [True, False])
def test_names_that_are_not_utf_8_are_refused_in_one_sentence(
    tmp_path: Path, name: str, inside: bool
) -> None:
    odd = os.fsdecode(b"J\xf6rg")
    root = corpus(tmp_path / "corpus", name)
    root = root if inside else root.rename(tmp_path / odd)
    if inside:
        first = root / f"{RECORDINGS[name][0]}.wav"
        (first.parent / odd).mkdir()
        first.rename(first.parent / odd / first.name)
    done = invoke(tmp_path, "manifest", "import", name, str(root))
    assert isinstance(done.exception, MedusaError), done.exception
    assert "J\\xf6rg" in str(done.exception) and "rename" in str(done.exception)
    assert not (tmp_path / "manifest.parquet").exists()
