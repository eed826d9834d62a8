"""How counts are said."""

import pytest

from medusa.errors import listed, plural


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("utterance", "2 utterances"),
        ("row has", "2 rows have"),
        ("class has", "2 classes have"),
        ("row of soft labels does", "2 rows of soft labels do"),
        ("id comes", "2 ids come"),
    ],
)
def test_a_count_agrees_with_its_noun_and_verb(one: str, many: str) -> None:
    assert plural(1, one) == f"1 {one}"
    assert plural(2, one) == many and plural(0, one) == many.replace("2", "0")


def test_a_long_name_in_a_list_is_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    message = listed(["x" * 10_000] * 7)
    assert len(message) < 2100 and message.endswith("xxx... and 2 more")
