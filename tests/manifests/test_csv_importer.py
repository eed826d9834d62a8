"""The csv importer: columns by option or by the manifest's own names."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from medusa.errors import AudioError, ManifestError
from medusa.manifests.import_tools.ingest import attach_audio
from medusa.manifests.importers.csv import import_corpus
from medusa.manifests.manifest import Manifest


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def column(manifest: Manifest, name: str) -> list[object]:
    return [None if pd.isna(value) else value for value in manifest.frame[name]]


def test_columns_with_the_manifests_own_names(tmp_path: Path) -> None:
    path = table(
        tmp_path / "mine.csv",
        "id,path,speaker,split,text,label,arousal,notes",
        "u1,wav/1.wav,s1,Training,hello,Sad,4.5,x",
        "u2,,s2,Validation,,happy,,x",
        "u3,/data/3.wav,,odd,NA,,3,x",
    )
    manifest = import_corpus(path)
    assert manifest.scheme.name == "mine" and manifest.scheme.classes == ("happy", "sad")
    assert column(manifest, "id") == ["u1", "u2", "u3"]
    assert column(manifest, "path") == [str(tmp_path / "wav/1.wav"), None, "/data/3.wav"]
    assert column(manifest, "speaker") == ["s1", "s2", None]
    assert column(manifest, "split") == ["train", "dev", "odd"]
    assert column(manifest, "text") == ["hello", None, "NA"]
    assert column(manifest, "label") == ["sad", "happy", None]
    assert column(manifest, "arousal") == [4.5, None, 3]
    np.testing.assert_array_equal(manifest.soft(), [[0, 1], [1, 0], [np.nan] * 2])
    assert manifest.provenance["split"] == {"by": "corpus"}


def test_columns_by_option(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "Name,File,Who,V", "u1,1.wav,anna,2", "u2,2.wav,bert,6")
    manifest = import_corpus(
        table(path, "Name,File,Who,V,E", "u1,1.wav,anna,2,O", "u2,2.wav,bert,6,JOY"),
        columns="id=Name, path=File, speaker=Who, valence=V, label=E",
        classes="joy,anger",
        no_consensus="x,o",
        audio=tmp_path / "sound",
        name="tiny",
    )
    assert manifest.scheme.name == "tiny" and manifest.scheme.classes == ("joy", "anger")
    assert column(manifest, "path")[0] == str(tmp_path / "sound" / "1.wav")
    assert column(manifest, "speaker") == ["anna", "bert"]
    assert column(manifest, "valence") == [2, 6]
    assert column(manifest, "label") == [None, "joy"]
    assert "split" not in manifest.provenance


def test_soft_labels_make_the_consensus(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,A,B", "u1,0.7,0.3", "u2,0.5,0.5", "u3,,")
    manifest = import_corpus(path, soft="Sad=B, angry=A")
    assert manifest.scheme.classes == ("sad", "angry")
    np.testing.assert_allclose(manifest.soft(), [[0.3, 0.7], [0.5, 0.5], [np.nan] * 2])
    assert column(manifest, "label") == ["angry", None, None]


def test_counts_are_divided_by_their_sum_only_when_asked(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,p_sad,p_angry", "u1,3,1", "u2,0,0")
    with pytest.raises(ManifestError, match=r"(?s)a.csv:2: p_sad, p_angry add up to 4.*--counts"):
        import_corpus(path)
    manifest = import_corpus(path, counts=True)
    assert manifest.soft()[0].tolist() == [0.75, 0.25] and np.isnan(manifest.soft()[1]).all()


def test_segments_share_a_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(0).normal(size=8000) / 9, 4000)
    path = table(
        tmp_path / "a.csv", "id,path,start_s,length,label", "u1,long.wav,0,0.5,sad",
        "u2,long.wav,0.5,,sad", "u3,long.wav,0,0.5,sad",
    )  # fmt: skip
    manifest, _ = attach_audio(import_corpus(path, columns="duration_s=length"), tmp_path)
    assert column(manifest, "start_s") == [0.0, 0.5, 0.0]
    assert column(manifest, "duration_s") == [0.5, 1.5, 0.5]
    contents = column(manifest, "content")
    assert contents[0] == contents[2] != contents[1]


@pytest.mark.parametrize("name", ["channel", "Channel", "channel_id"])
@pytest.mark.parametrize("cells", [("0", "1"), ("left", "Right"), ("A", "A")])
def test_rows_of_one_channel_of_several_are_refused(
    tmp_path: Path, name: str, cells: tuple[str, str]
) -> None:
    soundfile.write(tmp_path / "two.wav", np.full((800, 2), 0.1), 8000)
    lines = (f"u{row},two.wav,sad,{cell}" for row, cell in enumerate(cells))
    path = table(tmp_path / "a.csv", f"id,path,label,{name}", *lines)
    message = rf"a.csv:3: channel {cells[1]} of the 2 of .*two\.wav\n.* each channel to a file"
    with pytest.raises(ManifestError, match=message):
        import_corpus(path)


def test_a_column_channel_of_another_meaning_is_kept_out_of_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.full(800, 0.1), 8000)
    soundfile.write(tmp_path / "two.wav", np.full((800, 2), 0.1), 8000)
    lines = ["u1,one.wav,sad,0", "u2,two.wav,sad,News at 8", "u3,two.wav,sad,", "u4,no.wav,sad,1"]
    path = table(tmp_path / "a.csv", "id,path,label,channel", *lines)
    assert column(import_corpus(path), "id") == ["u1", "u2", "u3", "u4"]


def test_names_of_files_serve_as_ids_and_paths_where_a_name_repeats(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "file,label", "a/1.wav,sad", "b/2.flac,sad")
    assert column(import_corpus(path, columns="path=file"), "id") == ["1", "2"]
    path = table(tmp_path / "b.csv", "file,label", "a/1.wav,sad", "b/1.wav,sad")
    assert column(import_corpus(path, columns="path=file"), "id") == ["a/1.wav", "b/1.wav"]


def test_a_corpus_without_labels(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,x", "u1,1", "u2,2")
    manifest = import_corpus(path)
    assert manifest.scheme.classes == () and column(manifest, "label") == [None, None]
    manifest.write(tmp_path / "m.parquet")
    assert Manifest.read(tmp_path / "m.parquet").scheme == manifest.scheme
    named = import_corpus(path, classes="sad,angry")
    assert named.scheme.classes == ("sad", "angry") and np.isnan(named.soft()).all()


@pytest.mark.parametrize(
    ("header", "unused", "suspects"),
    [
        ("id,label,spk,take", ["spk", "take"], ["spk"]),
        ("id,label,who,take", ["who", "take"], ["who"]),
        ("id,label,speaker,spk", ["spk"], []),
        ("id,label,text,take", ["take"], []),
        ("id,label,take,who", ["take", "who"], ["who"]),
        ("id,label,text,age", ["age"], []),
    ],
)
def test_unused_columns_and_those_that_may_name_the_speakers(
    tmp_path: Path, header: str, unused: list[str], suspects: list[str]
) -> None:
    rows = ["u1,sad,ann,1", "u2,sad,ann,2", "u3,sad,bob,3", "u4,sad,bob,4"]
    if header.endswith("who"):  # codes of speakers
        rows = ["u1,sad,1,03", "u2,sad,2,03", "u3,sad,3,11", "u4,sad,4,11"]
    if header.endswith("age"):
        rows = ["u1,sad,a,20.5", "u2,sad,b,20.5", "u3,sad,c,31.0", "u4,sad,d,31.0"]
    provenance = import_corpus(table(tmp_path / "a.csv", header, *rows)).provenance
    assert provenance.get("unused_columns", []) == unused
    assert provenance.get("may_be_speakers", []) == suspects


def test_rows_without_any_label_are_imported_for_the_classes_of_a_model(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,label,text", "u1,,hello", "u2,,well")
    manifest = import_corpus(path, classes="sad,angry")
    assert column(manifest, "label") == [None, None] and np.isnan(manifest.soft()).all()
    assert manifest.scheme.classes == ("sad", "angry")


def test_labels_given_in_both_forms_are_kept_as_they_are(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,label,p_sad,p_angry", "u1,sad,0.4,0.6")
    manifest = import_corpus(path)
    assert column(manifest, "label") == ["sad"]
    np.testing.assert_allclose(manifest.soft(), [[0.4, 0.6]], rtol=1e-6)


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_other_programs_separate_cells_by_other_signs(tmp_path: Path, sign: str) -> None:
    cells = ["id,label,text", 'u1,sad,"well, no"', 'u2,angry,"a ""word"", then', 'more"']
    commas = import_corpus(table(tmp_path / "a.csv", *cells)).frame
    others = ["id,label,text".replace(",", sign), f"u1{sign}sad{sign}well, no"]
    others += [f'u2{sign}angry{sign}"a ""word"", then', 'more"']
    pd.testing.assert_frame_equal(import_corpus(table(tmp_path / "b.csv", *others)).frame, commas)
    assert list(commas["text"]) == ["well, no", 'a "word", then\nmore']


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (["id,label"], {"columns": "label=lable"}, r"no column 'lable' \(did you mean 'label'\?\)"),
        (["a,label", "u1,sad"], {}, "no column for the utterance; name it with --columns id=COL"),
        (["id,label", "u1,sad", ",sad"], {}, "no id in line 3"),
        (["id,label", "u1,sad", "u1,sad"], {}, r"these come again: u1 \(line 3\)"),
        (["id,label"], {}, "no rows; expected a header and a row per utterance"),
        (["id;p_a;p_b", "u1;0,7;0,3"], {}, "should hold numbers, but has '0,7'.* follow a point"),
        (["id,label", "u1,", "u2, "], {}, "no row has a label; if .* with --classes CLASS"),
        (["id,label", "u1,x", "u2,O"], {"no_consensus": "x,o"}, "no row has a label"),
        (["id,p_a,p_b", "u1,.5,.5", "u2,80,20"], {}, r"csv:3: p_a, p_b add up to 100, not to 1"),
        (["id,p_a,p_b", "u1,1e30,0"], {}, r"csv:2: p_a, p_b add up to 1e\+30, not to 1"),
        (["id,p_a,p_b", "u1,1.5,-0.5"], {}, "csv:2: p_b is '-0.5', not a finite number from 0"),
        (["id,p_a,p_b", "u1,3,-1"], {"counts": True}, "csv:2: p_b is '-1', not a finite number"),
        (["id,p_a,p_b", "u1,inf,0"], {"counts": True}, "csv:2: p_a is 'inf', not a finite"),
        (["id,p_a,p_b", "u1,1,"], {}, r"add up to nan, not to 1\nfill empty cells with 0"),
        (["id,A", "u1,1", "u2,lots"], {"soft": "a=A"}, "'A' should hold numbers, but has 'lots'"),
        (["id,A", "u1,1"], {"soft": "a"}, "expected --soft CLASS=COLUMN,CLASS=COLUMN .*got 'a'"),
        (["id,A", "u1,1"], {"soft": "a=B"}, "no column 'B'"),
        (["id,A", "u1,1"], {"soft": "a=A", "classes": "a,b"}, "for b of --classes"),
        (["id,label,arousal", "u1,sad,high"], {}, "'high' in line 2"),
        (
            ["id,label,V", "", "u1,a,7", "u2,b,9.3"],
            {"columns": "valence=V"},
            "csv:4: V is '9.3', not",
        ),
        (["id,label,arousal", "u1,a,0", "u2,b,inf"], {}, r"(?s)2 rows .*is 'inf', .* scale 1 to 7"),
        (["id,label", "u1,sad,extra,cells"], {}, "a.csv:2: 4 cells, but the header has 2"),
        (["id,label,id", "u1,sad,u2"], {}, "these come twice: id"),
        (["id,label", 'u1,"sad', "u2,sad"], {}, "a.csv:2: a broken quote"),
    ],
)
def test_errors_name_the_place(
    tmp_path: Path, lines: list[str], options: dict[str, str], message: str
) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        import_corpus(table(tmp_path / "a.csv", *lines), **options)
    assert "a.csv" in str(caught.value) or "--soft" in str(caught.value)


def test_what_is_no_file_of_its_name(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=f"{tmp_path.name}: is a folder; name the csv"):
        import_corpus(tmp_path)
    path = table(tmp_path / "a.parquet", "id,label", "u1,sad")
    with pytest.raises(
        ManifestError, match=r"not a readable Parquet.*if it is a csv, name it \.csv"
    ):
        import_corpus(path)


def test_a_label_outside_the_classes(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "id,label", "u1,sad", "u2,X")
    with pytest.raises(ManifestError, match=r"a.csv: not a class: 'x'; .*--no-consensus"):
        import_corpus(path, classes="sad,angry")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            "labl=E",
            r"no column 'labl' \(did you mean 'label'\?\); its columns are id, path",
        ),
        ("id=A,start=B,x=C", r"no column 'start' \(did you mean 'start_s'\?\), 'x'; its columns"),
        ("id", "expected --columns NAME=COLUMN,NAME=COLUMN with each name once, and got 'id'"),
        ("id=", "expected --columns NAME=COLUMN,NAME=COLUMN .*, and got 'id='"),
        ("=A", "expected --columns NAME=COLUMN,NAME=COLUMN .*, and got '=A'"),
        ("id=A,id=B", "with each name once, and got 'id=A,id=B'"),
    ],
)
def test_columns_that_cannot_be_read(tmp_path: Path, columns: str, message: str) -> None:
    path = table(tmp_path / "a.csv", "A,B,E", "u1,1,sad")
    with pytest.raises(ManifestError, match=message):
        import_corpus(path, columns=columns)


def test_recordings_in_another_folder_lead_to_the_option_that_names_it(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "file,label", "1.wav,joy", "2.wav,anger")
    (tmp_path / "sound").mkdir()
    soundfile.write(tmp_path / "sound" / "1.wav", np.zeros(1600), 16_000)
    with pytest.raises(AudioError, match="--audio names another") as caught:
        attach_audio(import_corpus(path, columns="path=file"), tmp_path)
    assert "paths are relative to the folder of the table" in str(caught.value)
    found = import_corpus(path, columns="path=file", audio=tmp_path / "sound")
    with pytest.raises(AudioError) as caught:
        attach_audio(found, tmp_path)
    assert "1 utterance has audio" in str(caught.value)
