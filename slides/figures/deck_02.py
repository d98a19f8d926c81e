"""The figures of deck 02, drawn with the functions of the lesson."""

from __future__ import annotations

from pathlib import Path

JOHN = "John wants his bank to cash the"


def draw(folder: Path) -> list[Path]:
    """Draw every figure of the deck into a folder and return their paths."""
    import torch

    from workshop_lib import attention, data, models, sequence_models
    from workshop_lib import plots as shared
    from workshop_lib.plots import attention as plots

    figures = {}
    tokenizer = models.load("encoder").tokenizer
    sentences = {
        "English": "Everyone has the right to education and work.",
        "Swahili": "Kila mtu ana haki ya elimu na kazi.",
        "German": "Jeder hat das Recht auf Bildung und Arbeit.",
        "Hungarian": "Mindenkinek joga van az oktatáshoz és a munkához.",
    }
    counts = {name: len(tokenizer.tokenize(text)) for name, text in sentences.items()}
    figures["02_tokens.svg"] = shared.bars(counts, "tokens for a sentence of eight words")
    figures["02_positions.png"] = plots.positions(attention.positional_encoding(60, 64))

    cat_tables = {}
    for title, with_places in [("without places", False), ("with places", True)]:
        tokens, states = attention.hidden_states("your cat is a lovely cat", with_places)
        inputs = torch.tensor(states[0][1:-1])  # Shape: (6, d)
        cat_tables[title] = attention.attend(inputs, inputs, inputs)[1]
    cat = plots.weights_side_by_side(tokens[1:-1], cat_tables, digits=2)
    figures["02_cat.png"] = shared.for_slide(cat, 16)

    tokens, maps = attention.maps(JOHN)
    two = {f"layer 1, head {head}": maps[1, head] for head in (7, 8)}
    figures["02_heads.png"] = shared.for_slide(plots.weights_side_by_side(tokens, two, digits=1), 15)
    figures["02_head_view.svg"] = plots.head_lines(tokens, maps[0, 0], "Layer 0, head 0")
    figures["02_model_view.png"] = shared.for_slide(plots.all_heads(maps), 15)
    tokens, queries, keys = attention.queries_and_keys(JOHN)
    neuron = plots.neuron(tokens, tokens.index("bank"), queries[0, 0], keys[0, 0])
    figures["02_neuron_view.png"] = shared.for_slide(neuron, 15)

    measured = attention.measure_pronouns(data.load("pronouns"))
    # 144 numbers can't be read from the back of a room: colours and a scale say enough.
    pronouns = plots.heads_on_pronouns(attention.by_head(measured), digits=-1)
    figures["02_pronouns.png"] = shared.for_slide(pronouns, 15)

    tokens, scores, printed = attention.lecture_moon()
    mask = attention.causal_mask(len(tokens))
    weights = attention.softmax_rows(scores, mask)
    wrong = ((weights - printed).abs() > 0.0051) & mask
    figures["02_moon.png"] = shared.for_slide(plots.weights(tokens, weights, wrong=wrong.numpy()), 15)

    to_end = {}
    for filler in ("check", "bond", "money order"):
        states = attention.last_token(f"{JOHN} {filler}")  # Shape: (layers + 1, d)
        to_end[filler] = attention.cosine_by_layer(states, states[-1:])
    figures["02_layers.svg"] = plots.towards_the_end(to_end)

    chance = 1 / sequence_models.WORDS
    figures["02_three_votes.svg"] = plots.accuracy_by_distance(sequence_models.compare(), chance)
    one_vote = sequence_models.compare(("RNN", "LSTM"), sequences=16_000, votes=1)
    figures["02_one_vote.svg"] = plots.accuracy_by_distance(one_vote, chance)

    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        kind = {"metadata": {"Date": None}} if name.endswith("svg") else {"dpi": 160}
        figure.savefig(folder / name, **kind)
    return [folder / name for name in figures]
