"""Sentences with emotion words of the polarities that the made-up world draws."""

import numpy as np

from medusa.recipes.synthetic.world import POLARITIES

WORDS = {
    "negative": ("awful", "terrible", "broken", "ruined", "bitter", "cruel", "ugly", "dreadful"),
    "plain": ("usual", "local", "weekly", "wooden", "public", "narrow", "regular", "modern"),
    "positive": ("lovely", "perfect", "bright", "sweet", "lucky", "brilliant", "charming", "fine"),
}
NOUNS = ("train", "letter", "meeting", "garden", "kitchen", "picture", "story", "road", "paper")
OPENINGS = ("well", "so", "you know", "listen", "look", "I think")
# The sentence frame carries no information about the class: it depends on the number of slots only.
FRAMES = {
    2: (
        "{opening}, the {} {noun} was {}",
        "{opening}, this {} {noun} is my {} one",
        "{opening}, I saw the {} {noun} near some {} house",
    ),
    3: (
        "{opening}, the {} {noun} was {} and {}",
        "{opening}, this is the {}, {} {noun} with some {} end",
        "{opening}, my {} {noun} came with some {} and {} note",
    ),
}


def sentence(counts: dict[str, int], rng: np.random.Generator) -> str:
    """Return a sentence with these numbers of words of each polarity, in random order.

    Args:
        counts: polarity -> number of words; their sum is 2 or 3.
        rng: the only source of randomness.

    Returns:
        A sentence with a capital letter and a full stop.
    """
    polarities = [name for name in POLARITIES for _ in range(counts[name])]
    order = rng.permutation(len(polarities))
    chosen = [str(rng.choice(WORDS[polarities[index]])) for index in order]
    frame = str(rng.choice(FRAMES[len(chosen)]))
    opening, noun = str(rng.choice(OPENINGS)), str(rng.choice(NOUNS))
    text = frame.format(*chosen, opening=opening, noun=noun)
    return f"{text[0].upper()}{text[1:]}."
