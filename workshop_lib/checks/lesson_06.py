"""Checks of lesson 06, labelling with LLMs."""

from __future__ import annotations

from workshop_lib.checks import exercise, expect, finished


def near(one: float, other: float, tolerance: float = 1e-6) -> bool:
    """Return whether two numbers are equal up to a tolerance."""
    return abs(float(one) - float(other)) <= tolerance


def as_number(value: object, name: str) -> float:
    """Return one number, or a hint that one is wanted."""
    try:
        return float(value)
    except (TypeError, ValueError):
        expect(False, f"{name} should be one number.")


@exercise("6a")
def exercise_6a(labels, ask, exclusions, examples_of_it):
    from workshop_lib.errors import BadInputError
    from workshop_lib.labeling import Choice, Codebook

    expect(
        isinstance(labels, dict),
        "labels should be a dictionary: the name of each label, a colon, and its definition.",
    )
    finished(list(labels.values()))
    expect(len(labels) >= 2, "Give two labels at least. A question with one answer measures nothing.")
    expect(
        all(isinstance(text, str) for pair in labels.items() for text in pair),
        "Names and definitions of labels are texts. Put both in quotes, also numbers.",
    )
    for label, meaning in labels.items():
        expect(
            len(meaning.split()) >= 3,
            f"The label '{label}' has the definition '{meaning}'. Say in three words or more what counts.",
        )
    expect(len(set(labels.values())) == len(labels), "Two labels have the same definition. How should one choose?")
    expect(
        isinstance(ask, str) and ask.strip().endswith("?"),
        "ask should be the question in words, with a question mark at its end.",
    )
    expect(
        isinstance(exclusions, (list, tuple)),
        "exclusions should be a list of sentences, also if there is one only: put it in square brackets.",
    )
    expect(
        len(finished(list(exclusions))) >= 1
        and all(isinstance(one, str) and len(one.split()) >= 4 for one in exclusions),
        "Give one sentence at least that says what doesn't count. Think of a text that two people would code "
        "differently.",
    )
    expect(
        isinstance(examples_of_it, (list, tuple))
        and all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in examples_of_it),
        "examples_of_it should be a list of pairs: [(\"a text\", \"its label\"), …].",
    )
    unknown = [label for _, label in examples_of_it if label not in labels]
    expect(
        not unknown,
        f"An example has the label {unknown[:1]}, which isn't among your labels: {list(labels)}. Text first, "
        "then label.",
    )
    missing = [label for label in labels if label not in [given for _, given in examples_of_it]]
    expect(not missing, f"No example has the label {missing}. Invent a text for each label.")
    try:
        question = Choice(dict(labels), ask, tuple(map(tuple, examples_of_it)), tuple(exclusions))
        book = Codebook("mine", {"concept": question})
        again = Codebook.from_yaml(book.to_yaml())
    except BadInputError as error:
        expect(False, f"No codebook can be made of this: {error}")
    expect(again == book, "The codebook isn't the same after it was written and read. Look for odd characters.")
    return "A codebook can be made of it. Now let a fellow student code ten posts with it: where do you differ?"


@exercise("6b")
def exercise_6b(to_label):
    expect(callable(to_label), "to_label should be a function: keep the line with def.")
    labels = ["political", "not political"]
    expect(
        finished(to_label("political", list(labels))) is not None,
        "The answer 'political' is a label, and None came back. Does your function end with return?",
    )
    expect(
        to_label("political", list(labels)) == "political",
        f"The answer 'political' gave {to_label('political', list(labels))!r}. Give back the label itself.",
    )
    expect(
        to_label("not political", list(labels)) == "not political",
        "'not political' was read as another label: 'political' stands inside it. Compare whole texts, with ==.",
    )
    for text, what in ((" yes\n", "blanks around it"), ("YES", "capital letters"), ("Yes.", "a full stop")):
        expect(
            to_label(text, ["yes", "no"]) == "yes",
            f"The answer {text!r} is 'yes' with {what}, and {to_label(text, ['yes', 'no'])!r} came back.",
        )
    for text in ("It is not political, so no", "yes and no", "no idea", "unknown", "Yes, it is"):
        expect(
            to_label(text, ["yes", "no"]) is None,
            f"From {text!r} your function took {to_label(text, ['yes', 'no'])!r}. A label somewhere in a "
            "sentence is no label: compare the whole text.",
        )
    expect(
        to_label("", ["yes", "no"]) is None and to_label("maybe", ["yes", "no"]) is None,
        "An empty answer or 'maybe' is no label: None should come back, and no label of your choice.",
    )
    expect(
        to_label("left", ["Left", "Right"]) == "Left",
        "With the labels 'Left' and 'Right', the answer 'left' should give 'Left', as the codebook writes it.",
    )
    expect(
        to_label("b", ["a", "b", "c"]) == "b",
        "With the labels a, b and c, the answer 'b' isn't found. Look at all labels before you give up.",
    )
    return "A failure stays a failure. The room does the same, and also reads quotes and JSON."


@exercise("6c")
def exercise_6c(dollars):
    expect(callable(dollars), "dollars should be a function: keep the line with def.")
    result = finished(dollars(10_000, 100, 10, 0.75, 4.50))
    expect(result is not None, "Your function gives nothing back. Does it end with return?")
    result = as_number(result, "The result")
    wanted = 1.2
    expect(
        not near(result, wanted * 1_000_000, 1e-3),
        "That is a million times too much: prices are for a million tokens. Divide by 1_000_000.",
    )
    expect(
        not near(result, wanted * 1000),
        "That is a thousand times too much: prices are for a million tokens, not for a thousand.",
    )
    expect(
        not near(result, wanted / 10_000, 1e-9),
        "That is the price of one call. Multiply it with the number of calls.",
    )
    expect(not near(result, 0.75), "The tokens that come back are missing: they have a price of their own.")
    expect(not near(result, 0.45), "The tokens that are sent are missing.")
    expect(
        not near(result, 4.575),
        "The two prices have changed places. Tokens in go with price_in, tokens out with price_out.",
    )
    expect(near(result, wanted), "10,000 calls with 100 tokens in and 10 out, at 0.75 and 4.50, are 1.20 dollars.")
    others = ((1, 1_000_000, 0, 2, 8), (500, 0, 2000, 3, 5), (7, 11, 13, 17, 19))
    for calls, tokens_in, tokens_out, price_in, price_out in others:
        wanted = calls * (tokens_in * price_in + tokens_out * price_out) / 1_000_000
        expect(
            near(dollars(calls, tokens_in, tokens_out, price_in, price_out), wanted, 1e-9),
            "With other numbers it isn't right. Use the five arguments, no numbers of your own.",
        )
    million = dollars(1_000_000, 100, 10, 0.75, 4.50)
    return f"One question about a million posts: {million:.0f} dollars. With four examples in the prompt it is more."


@exercise("6d")
def exercise_6d(kappa_of):
    from sklearn.metrics import cohen_kappa_score

    expect(callable(kappa_of), "kappa_of should be a function: keep the line with def.")
    hand = ["yes"] * 4 + ["no"] * 6
    machine = ["yes"] * 3 + ["no"] + ["yes"] * 2 + ["no"] * 4  # agreement 0.7; shares 0.4 and 0.5; kappa 0.4
    result = finished(kappa_of(list(hand), list(machine)))
    expect(result is not None, "Your function gives nothing back. Does it end with return?")
    result = as_number(result, "The result")
    expect(not near(result, 0.7), "That is the agreement. Kappa takes away what chance would give.")
    expect(not near(result, 0.5), "That is what chance would give. Kappa is the share of the rest that was gained.")
    expect(
        not near(result, 0.2),
        "That is agreement − chance. Divide it by 1 − chance, what could be gained at most.",
    )
    expect(
        not near(result, (0.7 - 0.52) / 0.48),
        "Chance uses the shares of one list twice. Take the share in the one list times the share in the other.",
    )
    expect(
        not near(result, (0.7 - 0.505) / 0.495),
        "That is Scott's pi, which takes the mean of the two lists' shares. Kappa takes their product.",
    )
    expect(not near(result, (0.7 - 0.2) / 0.8), "Chance counts the label 'yes' only. Sum over all labels.")
    expect(near(result, 0.4), "Agreement is 0.7 here, chance 0.5, so kappa is 0.4. Yours is another.")
    hand, machine = list("aabbccaabcabca"), list("abbbccacbacbaa")
    expect(
        near(kappa_of(list(hand), list(machine)), cohen_kappa_score(hand, machine)),
        "With three labels it isn't right. Sum over all labels that occur.",
    )
    threats = ["yes"] * 23 + ["no"] * 277
    found = kappa_of(list(threats), ["yes"] * 2 + ["no"] * 298)
    return (
        f"The same as scikit-learn's. For the threats: accuracy 0.93 and kappa {found:.2f}. Whoever says 'no' "
        "300 times has an accuracy of 0.92."
    )


@exercise("6e")
def exercise_6e(shift, mended, tones):
    import pandas as pd

    finished(shift)
    finished(mended)
    right = int((tones["machine"] - tones["hand"]).mode()[0])
    shift = as_number(shift, "shift")
    expect(
        not near(shift, -right),
        "Turn the sign around: shift is what must be taken away from the machine's labels.",
    )
    expect(
        near(shift, right),
        f"After taking away {shift:g}, the two tables still number the tones differently. Look at the largest "
        "cell in each row of the table: how far apart are the numbers of hand and machine?",
    )
    try:
        mended = pd.Series(list(mended), index=tones.index).astype(float)
    except (TypeError, ValueError):
        expect(False, f"mended should be a column with {len(tones)} numbers.")
    expect(
        not (mended == tones["machine"]).all(),
        "mended is the machine's column as it was. Take shift away from it.",
    )
    expect(
        not (mended == tones["hand"]).all(),
        "mended is the column of the hand labels. Mend the machine's labels, and keep its real errors.",
    )
    expect(
        (mended == tones["machine"] - right).all(),
        "mended should be the machine's labels minus shift, row by row.",
    )
    share = (mended == tones["hand"]).mean()
    return (
        f"Now {share:.2f} of the labels agree. One table counted from 1, the other from {1 + right}. With names "
        "instead of numbers it couldn't have happened."
    )


@exercise("6f")
def exercise_6f(answered, failed, share_negative, answers):
    import pandas as pd

    finished(failed)
    finished(share_negative)
    expect(
        isinstance(answered, pd.DataFrame) and "machine" in answered.columns,
        "answered should be a table: the rows of answers whose label isn't 99.",
    )
    expect(
        (answered["machine"] != 99).all(),
        "answered still holds 99. Keep the rows where the label is something else.",
    )
    kept = answers[answers["machine"] != 99]
    expect(
        len(answered) == len(kept) and set(answered.index) == set(kept.index),
        f"answered has {len(answered)} rows; {len(kept)} rows have a label. Keep all tones, 1, 2 and 3.",
    )
    failed = as_number(failed, "failed")
    count = len(answers) - len(kept)
    expect(not near(failed, len(kept)), "That is the number of answers. failed counts the rows without one.")
    expect(
        not near(failed, count / len(answers)),
        "That is a share. failed is a number of rows.",
    )
    expect(near(failed, count), "failed isn't the number of rows with 99.")
    share_negative = as_number(share_negative, "share_negative")
    of_all = (answers["machine"] == 1).mean()
    expect(
        not near(share_negative, of_all),
        "You still divide by all rows, the failed ones included. Count among the answered ones only.",
    )
    expect(
        not near(share_negative, (kept["machine"] == 1).sum()),
        "That is a number of posts. A share is that number divided by the number of answered posts.",
    )
    expect(
        near(share_negative, (kept["machine"] == 1).mean()),
        "That isn't the share of negative posts, those with the label 1, among the answered ones.",
    )
    return (
        f"{of_all:.2f} became {share_negative:.2f}, and {count} posts have no label. Both numbers belong "
        "into the paper."
    )


@exercise("6g")
def exercise_6g(costs):
    expect(callable(costs), "costs should be a function: keep the line with def.")
    result = finished(costs(1000, 0.10, 700, 200, 0.0001))
    expect(
        isinstance(result, (tuple, list)) and len(result) == 3,
        "Give back three numbers, with commas between them: by hand, classical model, language model.",
    )
    finished(result)
    hand, classical, language_model = (as_number(value, "Each cost") for value in result)
    expect(near(hand, 100), "By hand: 1,000 posts at 0.10 dollars are 100 dollars.")
    expect(
        not near(classical, 70),
        "The classical model's validation is missing: without it, nobody knows what its labels are worth.",
    )
    expect(
        not near(classical, 170) and not near(classical, 190),
        "The classical model needs no hand label for each post that it labels: examples and validation only.",
    )
    expect(
        near(classical, 90),
        "Classical model: 700 examples and 200 posts for validation, by hand, are 90 dollars.",
    )
    expect(
        not near(language_model, 0.1),
        "The language model's validation is missing: its hand labels belong to the bill, too.",
    )
    expect(
        not near(language_model, 90.1),
        "A language model that is used zero-shot needs no examples: validation and calls only.",
    )
    expect(
        not near(language_model, 20.02),
        "The language model makes a call for each post, not for the validation posts only.",
    )
    expect(near(language_model, 20.1), "Language model: 200 posts by hand, and 1,000 calls at 0.0001 dollars.")
    other = costs(50, 0.5, 10, 20, 0.01)
    expect(
        near(other[0], 25) and near(other[1], 15) and near(other[2], 10.5),
        "With other numbers it isn't right. Use the five arguments, no numbers of your own.",
    )
    return (
        "For 100 posts hand coding is the cheapest: the others need their validation first. For a million, the price "
        "of a call decides."
    )


@exercise("6h")
def exercise_6h(either, share_of_rule, only_together, pictures):
    import numpy as np

    finished(share_of_rule)
    finished(only_together)
    given = np.asarray(either)
    expect(
        given.shape == (len(pictures),),
        f"either should hold {len(pictures)} words, one for each post. Its shape is {given.shape}.",
    )
    expect(
        set(given.tolist()) <= {"yes", "no"},
        "either should hold the words \"yes\" and \"no\". np.where(condition, \"yes\", \"no\") makes them.",
    )
    text, picture = (pictures[name].to_numpy() == "yes" for name in ("political_text", "political_picture"))
    pair = pictures["political_pair"].to_numpy() == "yes"
    said = given == "yes"
    expect(
        not (said == (text & picture)).all(),
        "This is 'yes' only if both halves are political. *Either* needs | between the brackets.",
    )
    expect(
        not (said == ~(text | picture)).all(),
        "The words have changed places: 'yes' stands where neither half is political.",
    )
    for column, found in (("political_text", text), ("political_picture", picture)):
        expect(not (said == found).all(), f"This is {column} alone. Take the other half, too.")
    expect(not (said == pair).all(), "This is the label of the pair. Use the two halves only.")
    expect((said == (text | picture)).all(), "either isn't 'yes' exactly where the text or the picture is political.")
    share = ((text | picture) == pair).mean()
    share_of_rule = as_number(share_of_rule, "share_of_rule")
    expect(
        not near(share_of_rule, ((text | picture) == pair).sum()),
        "share_of_rule is a number of posts. Take the mean of True and False instead of the sum.",
    )
    expect(
        not near(share_of_rule, said.mean()),
        "That is how often the rule says 'yes'. Compare either with the column political_pair.",
    )
    expect(near(share_of_rule, share), "share_of_rule isn't how often either is the label of the pair.")
    only_together = as_number(only_together, "only_together")
    expect(
        not near(only_together, (~(text | picture) & ~pair).sum()),
        "Those are posts that aren't political at all. The pair should be 'yes'.",
    )
    expect(
        not near(only_together, ((text | picture) & ~pair).sum()),
        "That is the other way round: a half is political and the pair isn't. Count those where only the pair is.",
    )
    expect(
        near(only_together, (~(text | picture) & pair).sum()),
        "only_together isn't the number of posts of which neither half is political and the pair is.",
    )
    return (
        f"The rule is right in {share:.2f}; always saying the commoner label gives "
        f"{max(pair.mean(), 1 - pair.mean()):.2f}. "
        f"{only_together:.0f} posts are political only as a whole: nothing that reads one half can find them."
    )


@exercise("6i")
def exercise_6i(ppi_share):
    import numpy as np

    expect(callable(ppi_share), "ppi_share should be a function: keep the line with def.")
    chance = np.random.default_rng(6)
    truth = (chance.random(400) < 0.3).astype(float)
    machine = np.where(chance.random(400) < 0.85, truth, 1 - truth)
    coded = chance.permutation(400)[:60]
    hand = truth[coded]
    result = finished(ppi_share(machine.copy(), coded.copy(), hand.copy()))
    expect(
        isinstance(result, (tuple, list)) and len(result) == 2,
        "Give back two numbers, with a comma between them: the share, then its standard error.",
    )
    finished(result)
    share, error = (as_number(value, "Each result") for value in result)
    errors = hand - machine[coded]
    expect(not near(share, machine.mean()), "That is the naive share. Add the mean error on the coded posts.")
    expect(
        not near(share, hand.mean()),
        "That is the share by the hand labels alone. The machine's part should be its mean over all posts, "
        "not over the "
        "coded ones.",
    )
    expect(
        not near(share, machine.mean() - errors.mean()),
        "The error has the wrong sign: it is hand − machine, and it is added.",
    )
    expect(
        not near(share, machine.mean() + (hand - machine[:60]).mean()),
        "The machine's labels of the first posts were taken. coded says which posts the hand labels belong to: "
        "machine[coded].",
    )
    expect(
        near(share, machine.mean() + errors.mean()),
        "The share isn't the machine's mean plus the mean of the errors.",
    )

    def forms(*parts):
        """The standard error with variances divided by n, and by n − 1."""
        return [np.sqrt(sum(np.var(values, ddof=ddof) / n for values, n in parts)) for ddof in (0, 1)]

    def is_one_of(values):
        return any(near(error, value, 1e-9) for value in values)

    right = forms((machine, 400), (errors, 60))
    expect(
        not any(near(error, value**2, 1e-9) for value in right),
        "That is the square of the standard error. Take the square root: np.sqrt.",
    )
    expect(
        not is_one_of(forms((machine, 400))),
        "The uncertainty of the errors is missing: 60 coded posts are few.",
    )
    expect(not is_one_of(forms((errors, 60))), "The uncertainty of the machine's mean over all posts is missing.")
    expect(
        not is_one_of(forms((machine, 400), (hand, 60))),
        "The second variance should be that of the errors, hand − machine, not that of the hand labels.",
    )
    expect(
        not is_one_of(forms((machine, 1), (errors, 1))),
        "Divide each variance by the number of posts that it comes from, N and n.",
    )
    expect(
        not is_one_of(forms((machine, 400), (errors, 400))),
        "The errors come from the n coded posts, so divide their variance by n.",
    )
    expect(is_one_of(right), "The standard error isn't the root of var(machine) / N + var(errors) / n.")
    again = ppi_share(np.array([1.0, 0, 0, 1]), np.array([3, 0]), np.array([1.0, 0]))
    expect(near(again[0], 0.0), "With other numbers it isn't right. Use the three arguments, no numbers of your own.")
    return (
        f"Naive {machine.mean():.2f}, corrected {share:.2f} ± {1.96 * error:.2f}, truth {truth.mean():.2f}. "
        "The library's "
        "PPI is this, and PPI++ decides by how much to trust the machine."
    )


@exercise("6j")
def exercise_6j(safe, left, interviews):
    import re

    from workshop_lib.labeling.privacy import find_personal

    texts = getattr(safe, "texts", safe)
    expect(
        isinstance(texts, (list, tuple)) and len(texts) == len(interviews),
        f"safe should be what labeling.redact gives for the list interviews: {len(interviews)} texts.",
    )
    finished(texts)
    expect(
        list(texts) != list(interviews),
        "safe holds the texts as they were. Let labeling.redact put placeholders in.",
    )
    rest = [found for text in texts for found in find_personal(text)]
    expect(
        not rest,
        f"There is still a {rest[0].kind if rest else ''} in safe. Redact all kinds: leave out kinds=….",
    )
    expect(
        sum(text.count("[") for text in texts) >= sum(len(find_personal(text)) for text in interviews),
        "Some placeholders are missing. Don't delete texts: redact them.",
    )
    expect(
        isinstance(left, (list, tuple)),
        "left should be a list of pieces of the texts: [\"…\", \"…\"].",
    )
    finished(left)
    expect(
        len(left) == len({str(piece).strip().lower() for piece in left}) >= 3,
        "Give three different pieces at least.",
    )
    whole = "\n".join(texts)
    for piece in left:
        expect(
            isinstance(piece, str) and len(piece.strip()) >= 3,
            f"{piece!r} is no piece of a text. Copy some words.",
        )
        expect(
            not re.fullmatch(r"\[?[A-Z_]+_\d+\]?", piece.strip()),
            f"{piece} is a placeholder: that piece is gone already. Look for what the rules left.",
        )
        expect(
            piece in whole,
            f"'{piece}' doesn't stand in safe.texts like this. Copy it exactly as it is there, after the redaction.",
        )
        expect(len(piece) < 80 and piece not in texts, "Give the piece that identifies somebody, not a whole text.")
    names = [piece for piece in left if re.search(r"\b[A-Z][a-z]+ [A-Z][a-z]+", piece)]
    expect(names, "No name is among them. Two people are called by their full names: copy one of them.")
    return (
        "Rules find what has a form. Names, places of work and stories need a reader. Is the only dentist on "
        "the island "
        "still anonymous?"
    )


@exercise("6k")
def exercise_6k(training_line):
    import json

    from workshop_lib.labeling.examples import check_lines

    expect(callable(training_line), "training_line should be a function: keep the line with def.")
    ask, text, label = "Which sphere? Answer public or private.", 'The "old" mill:\nit\'s for sale.', "private"
    line = finished(training_line(ask, text, label))
    expect(line is not None, "Your function gives nothing back. Does it end with return?")
    expect(isinstance(line, str), "Give back a text: json.dumps(...) turns dictionaries and lists into one.")
    expect(
        "\n" not in line.strip("\n"),
        "There is a line break inside. In JSONL each example is one line: leave out indent=….",
    )
    try:
        found = json.loads(line)
    except ValueError:
        expect(False, "This isn't JSON. str() writes single quotes; json.dumps(...) writes JSON.")
    expect(
        isinstance(found, dict) and "messages" in found,
        'The line should be a dictionary with the name "messages": {"messages": [...]}.',
    )
    expect(
        set(found) == {"messages"},
        f"The line has other names than \"messages\": {sorted(set(found) - {'messages'})}.",
    )
    messages = found["messages"]
    expect(
        isinstance(messages, list) and len(messages) == 2 and all(isinstance(one, dict) for one in messages),
        "A conversation of two messages is wanted: a list of two dictionaries, the user's and the assistant's.",
    )
    expect(
        all(set(one) == {"role", "content"} for one in messages),
        'Each message has two entries: "role" and "content".',
    )
    roles = [one["role"] for one in messages]
    expect(roles != ["assistant", "user"], "The order is wrong: the user asks first, then the assistant answers.")
    expect(roles == ["user", "assistant"], f"The roles are {roles}. They should be user and assistant.")
    asked, answered = (one["content"] for one in messages)
    expect(
        label not in str(asked).removeprefix(ask).replace(text, ""),
        "The label stands in the user's message. Then there is nothing left to learn.",
    )
    expect(answered == label, f"The assistant's content should be the label alone, and is {answered!r}.")
    expect(text in str(asked), "The text of the post is missing in the user's message, or was changed.")
    expect(ask in str(asked), "The question is missing in the user's message.")
    expect(
        asked == f"{ask}\n{text}",
        "The user's content should be the question, one line break and the text. The model has to be trained on the "
        "very form in which it will be asked.",
    )
    problems = check_lines([line], "train.jsonl", {}).problems
    expect(not problems, f"A provider would refuse this line: {' '.join(problems)}")
    other = json.loads(training_line("Rude?", "You owl.", "yes"))["messages"]
    expect(
        [one["content"] for one in other] == ["Rude?\nYou owl.", "yes"],
        "With another post it isn't right. Use the three arguments, no texts of your own.",
    )
    return "A provider would take this line, and so does tune_assistant."
