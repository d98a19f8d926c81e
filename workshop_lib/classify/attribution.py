"""Which words made the classifier choose its label? Integrated gradients for one text.

Used in lesson 03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workshop_lib.errors import UnknownNameError, closest
from workshop_lib.texts import checked

if TYPE_CHECKING:
    from workshop_lib.classify.fine_tuning import Classifier


def attributions(
    classifier: Classifier, text: str, label: str | None = None, steps: int = 50
) -> pd.DataFrame:
    """Return how much each token of a text speaks for a label.

    The embeddings x of the text are reached in a straight line from those of an empty one, x',
    where every token is a [PAD] (or the zero vector). Along it the gradient of the label's score
    F is averaged: a_i = (x_i − x'_i) · mean over α of ∂F(x' + α(x − x')) / ∂x_i. The values of
    all tokens add up to F(x) − F(x'), which ``attrs["gap"]`` checks: it is the part of that
    difference which the sum misses, and falls as ``steps`` rises.

    Args:
        classifier: what :func:`fine_tune` returned.
        text: one text.
        label: the label to explain; None takes the predicted one.
        steps: points on the line.

    Returns:
        One row a token: "token", "attribution" (above zero: speaks for the label).

    Source: Sundararajan, Taly and Yan (2017), Axiomatic Attribution for Deep Networks, ICML.
    """
    import torch

    (text,) = checked([text])
    label = label or classifier.predict([text])[0]
    if label not in classifier.labels:
        raise UnknownNameError(f"There is no label '{label}'. {closest(label, classifier.labels)}")
    number = classifier.labels.index(label)
    model, tokenizer = classifier.model, classifier.tokenizer
    encoding = tokenizer(text, truncation=True, max_length=classifier.settings.max_tokens, return_tensors="pt")
    ids = encoding["input_ids"].to(model.device)  # Shape: (1, n)
    table = model.get_input_embeddings()
    empty = ids.clone()
    special = torch.tensor(
        [tokenizer.get_special_tokens_mask(ids[0].tolist(), already_has_special_tokens=True)],
        dtype=torch.bool, device=model.device,
    )  # fmt: skip
    empty[~special] = tokenizer.pad_token_id
    with torch.no_grad():
        start, end = table(empty), table(ids)  # Shape: (1, n, d)
    shares = (torch.arange(steps, device=model.device) + 0.5) / steps  # midpoints
    line = (start + shares[:, None, None] * (end - start)).requires_grad_()  # Shape: (steps, n, d)
    scores = model(inputs_embeds=line, attention_mask=torch.ones(line.shape[:2], device=model.device)).logits
    (gradient,) = torch.autograd.grad(scores[:, number].sum(), line)
    values = ((end - start)[0] * gradient.mean(dim=0)).sum(dim=-1)  # Shape: (n,)
    with torch.no_grad():
        ends = model(inputs_embeds=torch.cat([start, end]), attention_mask=torch.ones((2, ids.shape[1]), device=model.device))
    difference = (ends.logits[1, number] - ends.logits[0, number]).item()
    found = pd.DataFrame(
        {"token": tokenizer.convert_ids_to_tokens(ids[0].tolist()), "attribution": values.cpu().numpy().astype(np.float64)}
    )
    found.attrs |= {"label": label, "difference": difference, "gap": difference - found["attribution"].sum()}
    return found
