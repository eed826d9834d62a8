"""The word error rate of transcripts, measured against a corpus's own texts."""

from collections.abc import Mapping
from pathlib import Path

from medusa.manifests import Manifest
from medusa.manifests.texts import read_transcripts


def table_word_errors(corpus: Manifest, table: Path) -> float | None:
    """Return the word error rate of a table against the corpus's own texts.

    It is None if the corpus has no texts, the table does not exist, they share no utterance, or
    jiwer is not installed.
    """
    with_text = corpus.frame.dropna(subset="text")
    truth = dict(zip(with_text["id"], with_text["text"], strict=True))
    if not truth or not table.exists():
        return None
    transcripts = read_transcripts(table).dropna(subset="text")
    return word_errors(dict(zip(transcripts["id"], transcripts["text"], strict=True)), truth)


def word_errors(transcripts: Mapping[str, str], truth: Mapping[str, str]) -> float | None:
    """Return the word error rate over the common ids, without case and punctuation.

    It is None if there is no common id, or jiwer (`medusa-ser[wer]`) is not installed.
    """
    try:
        import jiwer
    except ImportError:
        return None
    from whisper.normalizers import BasicTextNormalizer

    normalise = BasicTextNormalizer()
    pairs = [
        (normalise(truth[one]), normalise(transcripts[one]))
        for one in transcripts
        if truth.get(one)
    ]
    pairs = [(reference, text) for reference, text in pairs if reference.strip()]
    if not pairs:
        return None
    return float(jiwer.wer([reference for reference, _ in pairs], [text for _, text in pairs]))
