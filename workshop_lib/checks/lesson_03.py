"""Checks of lesson 03, BERT and fine-tuning."""

from __future__ import annotations

from workshop_lib.checks import Unfinished, exercise, expect, finished

SHARE = 0.15  # of the tokens that 3a hides
ROUNDING = 0.0101  # two rounded rows and their rounded mean may be apart by this


def near(one: float, other: float, tolerance: float = 1e-6) -> bool:
    """Return whether two numbers are equal up to a tolerance."""
    return abs(float(one) - float(other)) <= tolerance


@exercise("3a")
def exercise_3a(choose_places):
    import numpy as np

    expect(callable(choose_places), "choose_places should be a function: keep the line with def.")
    sizes = {40: 6, 20: 3, 13: 2, 3: 1}
    for ordinary, number in sizes.items():
        tokens = ["[CLS]", *[f"word{i}" for i in range(ordinary)], "[SEP]"]
        seen: set[int] = set()
        for seed in range(30):
            places = finished(choose_places(list(tokens), np.random.default_rng(seed)))
            expect(places is not None, "Your function gives nothing back. Does it end with return?")
            expect(
                np.ndim(places) == 1,
                "Give back several places, such as a list of numbers. Yours is a single value: say how "
                "many with size=.",
            )
            expect(
                all(isinstance(place, (int, np.integer)) and not isinstance(place, bool) for place in places),
                "Give back places, whole numbers that say where a token stands, not the tokens.",
            )
            places = [int(place) for place in places]
            expect(
                len(set(places)) == len(places),
                "The same place came twice. Draw without putting back: replace=False.",
            )
            expect(
                not set(places) & {0, len(tokens) - 1},
                "[CLS] or [SEP] was hidden. Only ordinary tokens may be: leave those two out of the list.",
            )
            expect(
                all(0 <= place < len(tokens) for place in places),
                f"There is no place {max(places, key=abs, default=0)} in a list of {len(tokens)} tokens.",
            )
            expect(
                ordinary != 3 or len(places) > 0,
                "With three ordinary tokens nothing was hidden. At least one should be: max(1, …).",
            )
            expect(
                len(places) == number,
                f"Of {ordinary} ordinary tokens {len(places)} were hidden; 15 % are {number}. Round the "
                "product, and count the ordinary tokens only.",
            )
            seen |= set(places)
        expect(
            ordinary == 3 or len(seen) > number,
            "The same places come every time, whatever the generator. Draw them with chance.choice.",
        )
    shuffled = ["[CLS]", "a", "[SEP]", "b", "c", "[SEP]"]
    for seed in range(20):
        places = choose_places(list(shuffled), np.random.default_rng(seed))
        expect(
            2 not in [int(place) for place in places],
            "In a pair of texts a [SEP] stands in the middle, and yours was hidden. Look at each token "
            "instead of leaving out the first and the last.",
        )
    return "15 % of the ordinary tokens, other ones each time."


@exercise("3b")
def exercise_3b(swapped, share_swapped, passages):
    import numpy as np

    from workshop_lib import classify

    finished(swapped)
    finished(share_swapped)
    swapped = np.asarray(swapped, float)
    expect(
        swapped.shape == (len(passages),),
        f"swapped should hold {len(passages)} probabilities, one for each passage. Its shape is {swapped.shape}.",
    )
    wanted = classify.goes_on(passages["second"], passages["first"])
    if not np.allclose(swapped, wanted, atol=1e-3):
        in_order = classify.goes_on(passages["first"], passages["second"])
        expect(
            not np.allclose(swapped, in_order, atol=1e-3),
            "These are the passages in their right order. Give the column 'second' first.",
        )
        expect(False, "These aren't the probabilities of each second sentence followed by its own first one.")
    try:
        share_swapped = float(share_swapped)
    except (TypeError, ValueError):
        expect(False, "share_swapped should be one number.")
    share = float((wanted > 0.5).mean())
    expect(
        near(share, share_swapped) or not near(share_swapped, wanted.mean(), 1e-4),
        "That is the mean probability. Count the pairs with a probability above 0.5, as a share.",
    )
    expect(
        near(share, share_swapped) or share_swapped <= 1,
        "That is a number of pairs. A share lies between 0 and 1: take the mean of True and False.",
    )
    expect(
        near(share, share_swapped) or not near(share_swapped, 1 - share),
        "That is the share of pairs that the model takes for false ones. Turn the comparison around.",
    )
    expect(near(share, share_swapped), "That isn't the share of swapped pairs with a probability above 0.5.")
    return (
        f"{share:.2f} of the swapped pairs are taken for true ones. A model that had learned order would be "
        "near 0; one that has learned topic alone treats them like the pairs in order."
    )


@exercise("3c")
def exercise_3c(label_probabilities):
    import torch

    expect(callable(label_probabilities), "label_probabilities should be a function: keep the line with def.")
    generator = torch.Generator().manual_seed(3)
    vectors, weight, bias = (torch.randn(shape, generator=generator) for shape in ((5, 8), (3, 8), (3,)))
    result = finished(label_probabilities(vectors, weight, bias))
    expect(result is not None, "Your function gives nothing back. Does it end with return?")
    expect(isinstance(result, torch.Tensor), "Give back a tensor.")
    expect(
        tuple(result.shape) != (3, 5),
        "There is a row for each label and a column for each text: it should be the other way round. Put "
        "cls_vectors on the left of @ and weight.T on the right.",
    )
    expect(
        tuple(result.shape) == (5, 3),
        f"5 texts and 3 labels went in, and shape {tuple(result.shape)} came out. A row for each text and a "
        "column for each label is needed.",
    )
    scores = torch.nn.functional.linear(vectors, weight, bias)  # Shape: (5, 3)
    expect(
        not torch.allclose(result, scores, atol=1e-5),
        "These are the scores. A softmax makes probabilities of them.",
    )
    rows, columns = result.sum(dim=1), result.sum(dim=0)
    if not torch.allclose(rows, torch.ones(5), atol=1e-4):
        expect(
            not torch.allclose(columns, torch.ones(3), atol=1e-4),
            "The columns sum to 1, and the rows should: each text shares out its own 1. Take dim=1.",
        )
        expect(
            not torch.allclose(result, torch.sigmoid(scores), atol=1e-5),
            "A sigmoid judges each label by itself, so a row doesn't sum to 1. Take a softmax.",
        )
        expect(False, "The probabilities of a text don't sum to 1. Take a softmax over dim=1.")
    expect(
        not torch.allclose(result, torch.softmax(vectors @ weight.T, dim=1), atol=1e-5),
        "The bias is missing. Add it to the scores: it has one number for each label.",
    )
    expect(
        torch.allclose(result, torch.softmax(scores, dim=1), atol=1e-5),
        "The probabilities aren't those of the scores: each vector times the row of weights of a label, plus "
        "that label's bias.",
    )
    return "This is the whole new layer: the rest of the model makes the vector."


@exercise("3d")
def exercise_3d(label_or_person):
    expect(callable(label_or_person), "label_or_person should be a function: keep the line with def.")
    sure = {"label": "billing", "score": 0.93}
    result = finished(label_or_person(dict(sure), 0.8))
    expect(result is not None, "Your function gives nothing back. Does it end with return?")
    expect(
        not isinstance(result, dict),
        "That is the whole answer. Give back its label alone: answer[\"label\"].",
    )
    expect(
        result != "label" and not isinstance(result, (bool, float)),
        f"It gave back {result!r}. The label itself is wanted: answer[\"label\"].",
    )
    expect(
        result == "billing",
        f"A score of 0.93 is above the threshold of 0.8, so the label should come, and {result!r} came. Is "
        "the comparison the right way round?",
    )
    expect(
        label_or_person({"label": "software", "score": 0.97}, 0.8) == "software",
        "It gives back the same label for another answer. Take it from answer.",
    )
    doubtful = label_or_person({"label": "billing", "score": 0.62}, 0.8)
    expect(
        doubtful == "person",
        f"A score of 0.62 is below 0.8, so \"person\" should come, and {doubtful!r} came.",
    )
    expect(
        label_or_person({"label": "billing", "score": 0.62}, 0.5) == "billing",
        "The threshold doesn't change anything. Compare the score with it, not with a number of your own.",
    )
    expect(
        label_or_person({"label": "billing", "score": 0.8}, 0.8) == "billing",
        "A score that is exactly the threshold should give the label: at least means >=.",
    )
    return "Doubtful texts go to people. How many that are depends on the threshold and the calibration."


@exercise("3e")
def exercise_3e(scores_of):
    expect(callable(scores_of), "scores_of should be a function: keep the line with def.")
    truth = ["yes"] * 4 + ["no"] * 6
    said = ["yes"] * 3 + ["no"] + ["yes"] * 2 + ["no"] * 4
    result = finished(scores_of(list(truth), list(said), "yes"))
    expect(
        isinstance(result, (tuple, list)) and len(result) == 3,
        "Give back three numbers, with commas between them: precision, recall, F1.",
    )
    finished(result)
    precision, recall, f1 = (float(value) for value in result)
    expect(
        not (near(precision, 0.75) and near(recall, 0.6)),
        "Precision and recall have changed places. Precision divides by what the model called so, recall by "
        "what is so.",
    )
    expect(
        not near(precision, 0.3) and not near(recall, 0.3),
        "You divide by the number of all posts. Precision divides by the posts that the model called so, "
        "recall by the posts that are so.",
    )
    expect(not near(precision, 0.7), "That is the accuracy, the share of right labels. Look at one label only.")
    expect(near(precision, 0.6), "Precision: of the posts that the model gave the label, how many have it?")
    expect(near(recall, 0.75), "Recall: of the posts that have the label, how many did the model find?")
    expect(
        not near(f1, 0.675),
        "F1 isn't the plain mean of the two. It is 2 · precision · recall / (precision + recall).",
    )
    expect(near(f1, 2 / 3), "F1 is 2 · precision · recall / (precision + recall).")
    other = scores_of(list(truth), list(said), "no")
    expect(
        near(other[0], 0.8) and near(other[1], 4 / 6),
        "For the label \"no\" it isn't right. Count the label that was asked for, not \"yes\".",
    )
    from sklearn.metrics import precision_recall_fscore_support

    truth, said = list("aabbccaabc"), list("abbbccacba")
    for label in "abc":
        expected = precision_recall_fscore_support(truth, said, labels=[label], zero_division=0)
        given = scores_of(list(truth), list(said), label)
        expect(
            all(near(one, wanted[0]) for one, wanted in zip(given, expected[:3], strict=True)),
            "With three labels it isn't right. Count one label against all others.",
        )
    return "The same numbers as scikit-learn's."


@exercise("3f")
def exercise_3f(means, column, published):
    import pandas as pd

    finished(means)
    finished(column)
    expect(
        isinstance(means, pd.Series),
        "means should hold one number for each of the six columns. Take two rows of the table, then .mean().",
    )
    classes = published.iloc[:2]
    wanted = classes.mean()
    expect(
        set(means.index) != set(classes.index),
        "That is a mean for each row. .mean() without axis=1 goes down the columns.",
    )
    expect(
        set(means.index) == set(published.columns),
        "means should hold one number for each of the six columns.",
    )
    means = means.reindex(wanted.index)
    expect(
        not near((means - published.mean()).abs().max(), 0),
        "That is the mean of all four rows, the averages themselves included. Take the first two rows only.",
    )
    expect(near((means - wanted).abs().max(), 0, 1e-9), "These aren't the means of the first two rows.")
    distance = (wanted - published.iloc[2]).abs()
    expect(
        column in distance.index,
        f"column should be the name of one of the six columns, such as '{distance.index[0]}'.",
    )
    from_weighted = (wanted - published.iloc[3]).abs()
    expect(
        distance[column] > ROUNDING or column != from_weighted.idxmax(),
        "That is where the mean is furthest from the weighted average, which is no plain mean. Compare with "
        "the row 'macro average'.",
    )
    expect(
        distance[column] > ROUNDING,
        f"In '{column}' the printed average is {distance[column]:.3f} from the mean: rounding explains that. "
        "Take the absolute difference and look for the largest.",
    )
    return (
        f"Printed {published.iloc[2][column]:.2f}, and the two rows have the mean {wanted[column]:.2f}. Was it a "
        "slip, or is a row above wrong? Ask the authors. And recompute tables that you rely on."
    )


@exercise("3g")
def exercise_3g(summary, by_fold):
    import numpy as np
    import pandas as pd

    columns = ("mean", "SD", "SE")
    expect(
        isinstance(summary, (dict, pd.DataFrame)) and set(columns) <= set(summary.keys()),
        "summary should have the entries mean, SD and SE.",
    )
    if any(summary[name] is ... for name in columns):
        raise Unfinished
    grouped = by_fold.groupby("model")["recall"]
    for name in columns:
        expect(
            isinstance(summary[name], pd.Series) and set(summary[name].index) == set(grouped.groups),
            f"{name} should hold one number for each recipe. Work it out from recalls, which is grouped by model.",
        )
    given = {name: summary[name].reindex(grouped.mean().index).astype(float) for name in columns}

    def same(name, wanted) -> bool:
        return bool(np.allclose(given[name], wanted, atol=1e-9))

    folds = by_fold["fold"].nunique()
    spread = grouped.std()
    for score in ("precision", "F1", "accuracy"):
        expect(
            same("mean", grouped.mean()) or not same("mean", by_fold.groupby("model")[score].mean()),
            f"That is the mean of the column {score}. Recall is asked for.",
        )
    expect(same("mean", grouped.mean()), "The means aren't those of the recalls: recalls.mean().")
    expect(
        not same("SD", grouped.var()),
        "That is the variance. The SD is its square root: recalls.std().",
    )
    expect(
        same("SD", spread) or not same("SD", grouped.std(ddof=0)),
        f"You divide by the number of folds, {folds}, and the table by one less: recalls.std() does that.",
    )
    expect(
        not same("SD", spread / np.sqrt(folds)),
        "SD and SE have changed places: the SD is the larger one.",
    )
    expect(same("SD", spread), "The SDs aren't those of the recalls over folds: recalls.std().")
    expect(not same("SE", spread), "SE and SD are the same. The SE is the SD divided by a root.")
    expect(
        not same("SE", spread / folds),
        f"You divide by {folds}. Divide by the square root of the number of folds.",
    )
    expect(
        not same("SE", spread / np.sqrt(len(by_fold))),
        "You divide by the root of the number of rows of the table. Each recipe has only as many as there are "
        f"folds: {folds}.",
    )
    expect(
        same("SE", spread / np.sqrt(folds)),
        f"The SE is the SD divided by the square root of the number of folds, and there are {folds}.",
    )
    return (
        "The SE is smaller, and looks better. It also claims more than folds can give: they share training "
        "posts, so they aren't independent. Say which of the two you report."
    )


@exercise("3h")
def exercise_3h(advantage, by_size):
    import numpy as np
    import pandas as pd

    names = ("frozen", "TF-IDF", "from scratch")
    expect(
        isinstance(advantage, (dict, pd.DataFrame)) and set(names) <= set(advantage.keys()),
        "advantage should have an entry for frozen, TF-IDF and from scratch. Keep the names of others.",
    )
    if any(advantage[name] is ... for name in names):
        raise Unfinished
    for name in names:
        expect(
            isinstance(advantage[name], pd.Series) and len(advantage[name]) == len(by_size),
            f"'{name}' should have one number for each of the {len(by_size)} sizes. by_size[\"fine-tuned\"] is a "
            "column with all of them.",
        )

    def same(lead) -> bool:
        return all(np.allclose(advantage[name].reindex(by_size.index), lead(name), atol=1e-9) for name in names)

    ours = by_size["fine-tuned"]
    expect(
        same(lambda name: ours - by_size[name]) or not same(lambda name: by_size[name] - ours),
        "The sign is the other way round: fine-tuned minus the other recipe, so that a lead is above 0.",
    )
    expect(
        not same(lambda name: by_size[name]),
        "These are the other recipes' scores. Subtract them from fine-tuned.",
    )
    expect(
        not same(lambda name: ours / by_size[name]) and not same(lambda name: ours / by_size[name] - 1),
        "That is a ratio. The lead is a difference.",
    )
    expect(same(lambda name: ours - by_size[name]), "Each entry should be fine-tuned minus that recipe.")
    leads = pd.DataFrame({name: advantage[name].reindex(by_size.index) for name in names}).round(2)
    lines = []
    for size, row in leads.iterrows():
        written = ", ".join(f"{name} {value:+.2f}" for name, value in row.items())
        lines.append(f"{size} posts: {written}")
    return "; ".join(lines) + "."


@exercise("3i")
def exercise_3i(tone_side, share_right, alpha, clear):
    import numpy as np
    import pandas as pd

    from workshop_lib.agreement import krippendorff_alpha

    for answer in (tone_side, share_right, alpha):
        finished(answer)
    expect(
        isinstance(tone_side, (pd.Series, list, tuple, np.ndarray)) and len(tone_side) == len(clear),
        f"tone_side should hold a code for each of the {len(clear)} posts in clear.",
    )
    codes = pd.Series(list(tone_side), index=clear.index)
    expect(
        not codes.isna().any(),
        "Some posts have no code: a tone isn't in your dictionary. The posts in clear are positive or negative.",
    )
    expect(
        set(codes) == {"favour", "against"},
        f"tone_side should say favour or against. Yours says: {', '.join(sorted(map(str, set(codes))))}. "
        "Translate the column with .map(as_side).",
    )
    glad = clear["sentiment"] == "positive"
    expect(
        not (codes[glad] == "against").all(),
        "Positive posts became 'against'. The colleague takes a glad post for one in favour.",
    )
    expect(
        not (codes == clear["stance"]).all(),
        "That is the coded stance itself. The colleague saw the tone only: start from the column sentiment.",
    )
    expect(
        (codes[glad] == "favour").all() and (codes[~glad] == "against").all(),
        "The codes don't follow the tone: positive is favour, negative is against.",
    )
    right = float((codes == clear["stance"]).mean())
    try:
        share_right, alpha = float(share_right), float(alpha)
    except (TypeError, ValueError):
        expect(False, "share_right and alpha should be one number each.")
    expect(
        share_right <= 1,
        "A share lies between 0 and 1: take the mean of True and False, not their sum or a percentage.",
    )
    expect(
        near(share_right, right),
        "share_right isn't how often tone_side is the same as the column stance. Compare them with ==, then take "
        "the mean.",
    )
    wanted = krippendorff_alpha([list(codes), list(clear["stance"])])
    raw = krippendorff_alpha([list(clear["sentiment"]), list(clear["stance"])])
    expect(
        not near(alpha, raw),
        "That is alpha of the tone's own words, positive and negative, which are never the same as favour and "
        "against. Compare tone_side with the stance.",
    )
    expect(
        near(alpha, wanted) or not near(alpha, right),
        "That is the share again. alpha also takes off what chance would give: krippendorff_alpha([one, other]).",
    )
    expect(
        near(alpha, wanted),
        "That isn't Krippendorff's alpha of tone_side and the coded stance. Give a list with two lists of codes.",
    )
    return (
        f"Right in {right:.2f} of the posts, alpha {wanted:.2f}: as good as a coder who tosses a coin. An "
        "agreement of half of the posts sounds like something; alpha says what it is worth."
    )


@exercise("3j")
def exercise_3j(count_parameters):
    import torch
    import transformers

    expect(callable(count_parameters), "count_parameters should be a function: keep the line with def.")
    sizes = [(12, 768, 30522, 512), (24, 1024, 30522, 512), (6, 384, 30522, 512), (4, 256, 8000, 128)]
    for layers, width, vocabulary, positions in sizes:
        given = finished(count_parameters(layers, width, vocabulary, positions))
        expect(
            isinstance(given, (int, float)) and not isinstance(given, bool),
            "Give back one number. Does your function end with return?",
        )
        shape = transformers.BertConfig(
            hidden_size=width, num_hidden_layers=layers, num_attention_heads=width // 64,
            intermediate_size=4 * width, vocab_size=vocabulary, max_position_embeddings=positions,
        )  # fmt: skip
        with torch.device("meta"):  # shapes without numbers
            model = transformers.BertModel(shape, add_pooling_layer=False)
        real = sum(one.numel() for one in model.parameters())
        tables, layer = (vocabulary + positions) * width, width**2
        stack = layers * 12 * layer
        typical = {
            "The two tables are missing: a vector for each entry and for each position.": stack,
            "The layers are missing: count their matrices.": tables,
            "One layer is counted. There are several: multiply by their number.": tables + 12 * layer,
            "The feed-forward step is missing: two matrices of width × 4 · width.": tables + stack / 3,
            "Attention is missing: four matrices of width × width.": tables + stack * 2 / 3,
            "A matrix of the feed-forward step is four widths long: width × 4 · width.": tables + stack / 2,
            "A matrix of width × width has width**2 numbers.": tables + stack / width,
            "Each entry of a table has a vector: as many numbers as the width.": tables / width + stack,
            "The table of positions is missing.": vocabulary * width + stack,
        }
        for hint, value in typical.items():
            expect(abs(given - value) > 1e-9 * value, hint)
        expect(
            not 0.97 < given * 1e6 / real < 1.03 and not 0.97 < given * 1e9 / real < 1.03,
            "Give back the number itself, not in millions or billions.",
        )
        expect(
            0.97 < given / real < 1.03,
            f"A real model with {layers} layers of width {width} has {real:,} parameters, and your rule gives "
            f"{given:,.0f}. It should come within 3 %.",
        )
    largest = count_parameters(96, 12288, 50257, 2048) / 1e9
    return f"Within 3 % of real models. GPT-3 by your rule: {largest:.0f} billion."
