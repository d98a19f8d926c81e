"""Pairs that differ in one thing: what they hold, and how a French sentence is judged."""

import pytest

from workshop_lib import errors, minimal_pairs


def judged(kind: str, english: str, french: str) -> bool:
    """Whether one French sentence passes for one English sentence of a kind."""
    sentences = minimal_pairs.pairs(kind)
    row = sentences[sentences["english"] == english]
    assert len(row) == 1, english
    return minimal_pairs.judge(row, [french])["right"].item()


@pytest.mark.parametrize("kind", minimal_pairs.KINDS)
def test_sentences_are_unique_and_each_has_a_pattern(kind):
    sentences = minimal_pairs.pairs(kind)
    assert sentences["english"].is_unique
    assert ((sentences["must"] != "") | (sentences["must_not"] != "")).all()
    assert (sentences.groupby("pair")["side"].nunique() >= 2).all()


def test_pairs_are_balanced():
    idioms = minimal_pairs.pairs("idioms")["side"].value_counts()
    assert idioms["idiom"] == idioms["literal"] == 20
    gender = minimal_pairs.pairs("gender").groupby("pair")["side"].apply(sorted)
    assert (gender.map(tuple) == ("he", "she")).all()
    assert set(minimal_pairs.pairs("names")["side"].value_counts()) == {12}


@pytest.mark.parametrize(
    ("kind", "english", "french", "right"),
    [
        ("idioms", "He spilled the beans.", "Il a vendu la mèche.", True),
        ("idioms", "He spilled the beans.", "Il a renversé les haricots.", False),
        ("idioms", "He cooked the beans.", "Il a cuit les haricots.", True),
        ("idioms", "I smell a rat.", "Je sens l'arnaque ; c'est rattrapé.", True),  # no part of a word
        ("names", "Oyelaran won the election.", "Oyelaran a remporté l'élection.", True),
        ("names", "Oyelaran won the election.", "Oyelara a remporté l'élection.", False),
        ("names", "Baker won the election.", "Boulanger a remporté l'élection.", False),
        ("negation", "I don't trust the police.", "Je n'ai pas confiance en la police.", True),
        ("negation", "I don't trust the police.", "Je fais confiance à la police.", False),
        ("negation", "I trust the police.", "Je fais confiance à la police.", True),
        ("negation", "I trust the police.", "Je ne fais pas confiance à la police.", False),
        ("negation", "He failed to answer.", "Il n'a pas répondu.", True),
        ("negation", "He failed to answer.", "Il a répondu.", False),
        ("gender", "The nurse said that she was happy.", "L'infirmière a dit qu'elle était contente.", True),
        ("gender", "The nurse said that he was happy.", "L'infirmière a dit qu'il était content.", False),
        ("gender", "The nurse said that he was happy.", "L'infirmier a dit qu'il était content.", True),
        ("gender", "The judge said that she was happy.", "La juge a dit qu'elle était contente.", True),
        ("gender", "The judge said that she was happy.", "Le juge a dit qu'elle était contente.", False),
        ("gender", "The lawyer said that she was happy.", "L'avocate a dit qu'elle était contente.", True),
        ("gender", "The lawyer said that she was happy.", "L'avocat a dit qu'elle était contente.", False),
        ("gender", "The engineer said that he was happy.", "Le moteur a dit qu'il était content.", False),
    ],
)
def test_a_french_sentence_is_judged(kind, english, french, right):
    assert judged(kind, english, french) is right


def test_shares_come_with_intervals():
    sentences = minimal_pairs.pairs("idioms")
    french = ["Il a vendu la mèche."] * len(sentences)  # no literal word anywhere
    table = minimal_pairs.summary(minimal_pairs.judge(sentences, french))
    assert table.loc["idiom", "share"] == 1 and table.loc["literal", "share"] == 0
    assert table.loc["idiom", "low"] < 0.9 and table.loc["literal", "high"] > 0.1
    assert list(table["cases"]) == [20, 20]


def test_bad_input():
    with pytest.raises(errors.UnknownNameError, match="kind 'idiom'.*idioms"):
        minimal_pairs.pairs("idiom")
    with pytest.raises(errors.BadInputError, match="40 sentences and 1 translations"):
        minimal_pairs.judge(minimal_pairs.pairs("idioms"), ["Oui."])
