"""The figures of deck 03, drawn with the functions of the lesson.

They need two fine-tunings on the CPU, so that drawing them takes some minutes; kept figures are
drawn again only if the library or the data change.
"""

from __future__ import annotations

from pathlib import Path

RUDE = "The minister is a clueless clown, and the new bus lane works well."


def draw(folder: Path) -> list[Path]:
    """Draw every figure of the deck into a folder and return their paths."""
    from workshop_lib import classify, data
    from workshop_lib import plots as shared
    from workshop_lib.plots import classify as plots

    posts = data.load("posts")
    train = posts[posts["split"] == "train"].sample(600, random_state=0)
    test = posts[posts["split"] == "test"]
    figures = {"03_hidden.svg": hidden_words(test)}

    tickets = data.load("tickets")
    figures["03_tickets.png"] = shared.for_slide(ticket_map(tickets), 15)

    incivility = classify.fine_tune(train, label="uncivil", epochs=3, batch_size=8, progress=False)
    macro_f1, tables = compared(incivility, train, test)
    figures["03_incivility.svg"] = shared.bars(macro_f1, "macro F1")
    figures["03_calibration.png"] = shared.for_slide(plots.reliability(tables), 15)
    found = classify.attributions(incivility, RUDE, label="yes", steps=100)
    figures["03_attributions.png"] = shared.for_slide(plots.attributions(found), 13)
    figures["03_sizes.svg"] = plots.model_sizes(model_sizes())

    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        kind = {"metadata": {"Date": None}} if name.endswith("svg") else {"dpi": 160}
        figure.savefig(folder / name, **kind)
    return [folder / name for name in figures]


def hidden_words(test):
    """Return the bars of section 1: tokens guessed from both sides and from one."""
    from workshop_lib import classify, plots

    by_side = classify.guess_by_side(test["text"].head(120))
    shares = {
        f"{name} seen": (by_side["token"] == by_side[column]).mean()
        for name, column in {"left side": "left only", "right side": "right only", "both sides": "both sides"}.items()
    }
    return plots.bars(shares, "share of hidden tokens guessed")


def ticket_map(tickets):
    """Return the map of section 3: [CLS] of new messages before and after fine-tuning."""
    import torch
    from sklearn.decomposition import PCA

    from workshop_lib import classify, models
    from workshop_lib.plots import classify as plots

    old, new = tickets[tickets["split"] == "train"], tickets[tickets["split"] != "train"]
    sorter = classify.fine_tune(old, epochs=4, batch_size=8, progress=False)

    def first_vectors(model, texts):
        encoding = sorter.tokenizer(list(texts), padding=True, return_tensors="pt").to(model.device)
        with torch.inference_mode():
            return model(**encoding).last_hidden_state[:, 0].float().cpu().numpy()  # Shape: (texts, d)

    planes = {}
    for title, body in [("before", models.load("encoder").model), ("after", sorter.model.bert)]:
        plane = PCA(2).fit(first_vectors(body, old["text"]))
        planes[title] = plane.transform(first_vectors(body, new["text"]))
    return plots.class_map(planes, new["label"])


def compared(incivility, train, test):
    """Return macro F1 by recipe (section 5) and the calibration of two of them (section 6)."""
    from workshop_lib import classify

    recipes = {"majority": "majority", "VADER": "vader", "logistic on TF-IDF": "logistic, tf-idf"}
    models = {name: classify.baseline(recipe, train, label="uncivil") for name, recipe in recipes.items()}
    models["fine-tuned"] = incivility
    scores = {name: model.evaluate(test, label="uncivil").loc["macro", "F1"] for name, model in models.items()}
    coders = classify.per_class(test["uncivil_coder_1"], test["uncivil_coder_2"], ["no", "yes"])
    scores["coder 2 against coder 1"] = coders.loc["macro", "F1"]
    tables = {
        name: classify.calibration(
            test["uncivil"], models[name].predict_proba(test["text"]), models[name].labels, bins=5
        )
        for name in ("fine-tuned", "logistic on TF-IDF")
    }
    return scores, tables


def model_sizes():
    """Return the years and parameters of section 10, counted from configurations."""
    import pandas as pd
    import torch
    import transformers

    large = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
    shapes = {
        "BERT-base": (2018, transformers.BertConfig()),
        "BERT-large": (2018, transformers.BertConfig(**large)),
        "GPT-2": (2019, transformers.GPT2Config(n_embd=1600, n_layer=48, n_head=25)),
        "Megatron-LM": (2019, transformers.GPT2Config(n_embd=3072, n_layer=72, n_head=32)),
        "Turing-NLG": (2020, transformers.GPT2Config(n_embd=4256, n_layer=78, n_head=28)),
        "GPT-3": (2020, transformers.GPT2Config(n_embd=12288, n_layer=96, n_head=96, n_positions=2048)),
    }
    rows = {}
    for name, (year, shape) in shapes.items():
        with torch.device("meta"):  # shapes without numbers
            model = transformers.AutoModel.from_config(shape)
        rows[name] = {"year": year, "parameters": sum(one.numel() for one in model.parameters())}
    return pd.DataFrame(rows).T
