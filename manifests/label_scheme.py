"""The classes of a corpus, and the fixed names of the attributes and the splits."""

from dataclasses import dataclass

ATTRIBUTES = ("arousal", "valence", "dominance")
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class LabelScheme:
    """The classes of a corpus, in the order of every logit, column and confusion matrix."""

    name: str
    classes: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The soft-label columns `p_<class>`, in class order."""
        return [f"p_{name}" for name in self.classes]
