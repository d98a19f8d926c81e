"""What BERT learnt before anybody fine-tuned it: hidden words and next sentences.

BERT was trained on two tasks that need no coder (Devlin et al. 2019): guess a hidden token from
the tokens on both sides, and say whether one sentence goes on from another. Used in lesson 03.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from workshop_lib import models
from workshop_lib.errors import BadInputError
from workshop_lib.texts import checked

LONGEST = 126  # tokens of a text that are read, beside [CLS] and [SEP]


def guess_hidden(texts: Iterable[str], share: float = 0.15, seed: int = 0) -> pd.DataFrame:
    """Hide a share of each text's tokens behind [MASK] and let the model guess them.

    Args:
        texts: n texts; one without tokens is left out.
        share: of the tokens of a text, rounded, at least one token.
        seed: of the choice.

    Returns:
        One row a hidden token: "text" (its number), "token" (what stood there), "guess" (the
        model's likeliest token), "probability" (that the model gave the true token).

    Source: Devlin et al. (2019), BERT, NAACL.
    """
    loaded = models.load("masked_lm")
    chance = np.random.default_rng(seed)
    rows = []
    for number, text in enumerate(checked(texts)):
        ids = _ids(text)
        if not len(ids):
            continue
        hidden = max(1, round(share * len(ids)))
        places = np.sort(chance.permutation(len(ids))[:hidden])
        covered = ids.copy()
        covered[places] = loaded.tokenizer.mask_token_id
        found = _probabilities(covered, places)  # Shape: (hidden, vocabulary)
        tokens = loaded.tokenizer.convert_ids_to_tokens(ids[places].tolist())
        guessed = loaded.tokenizer.convert_ids_to_tokens(found.argmax(axis=1).tolist())
        for place, token, guess, row in zip(places, tokens, guessed, found, strict=True):
            rows.append({"text": number, "token": token, "guess": guess, "probability": float(row[ids[place]])})
    return pd.DataFrame(rows, columns=["text", "token", "guess", "probability"])


def guess_by_side(texts: Iterable[str], margin: int = 5, seed: int = 0) -> pd.DataFrame:
    """Hide one token of each text and let the model guess it from both sides, or from one.

    Args:
        texts: n texts; one with fewer than 2 · margin + 1 tokens is left out.
        margin: tokens that stand at least on either side of the hidden one.
        seed: of the choice.

    Returns:
        One row a text: "token" (what stood there), and the guesses "both sides", "left only"
        (the text ends at the mask) and "right only" (the text begins with the mask).
    """
    loaded = models.load("masked_lm")
    mask = loaded.tokenizer.mask_token_id
    chance = np.random.default_rng(seed)
    rows = []
    for text in checked(texts):
        ids = _ids(text)
        if len(ids) < 2 * margin + 1:
            continue
        place = int(chance.integers(margin, len(ids) - margin))
        before, after = ids[:place], ids[place + 1 :]
        seen = {"both sides": (before, after), "left only": (before, []), "right only": ([], after)}
        row = {"token": loaded.tokenizer.convert_ids_to_tokens(int(ids[place]))}
        for name, (left, right) in seen.items():
            covered = np.array([*left, mask, *right])
            found = _probabilities(covered, np.array([len(left)]))[0]  # Shape: (vocabulary,)
            row[name] = loaded.tokenizer.convert_ids_to_tokens(int(found.argmax()))
        rows.append(row)
    return pd.DataFrame(rows, columns=["token", "both sides", "left only", "right only"])


def likeliest(text: str, top: int = 5) -> pd.DataFrame:
    """Return the likeliest tokens at the one [MASK] of a text, the likeliest first.

    Raises:
        BadInputError: the text has no [MASK], or several.
    """
    tokenizer = models.load("masked_lm").tokenizer
    found = _at_mask(text)  # Shape: (vocabulary,)
    best = np.argsort(-found)[:top]
    return pd.DataFrame({"token": tokenizer.convert_ids_to_tokens(best.tolist()), "probability": found[best]})


def cloze(texts: Iterable[str], words: Iterable[str]) -> np.ndarray:
    """Return the probability of each word at the one [MASK] of each text, shape (n, words).

    Raises:
        BadInputError: a text has no [MASK], or several; a word isn't one token.

    Source: Petroni et al. (2019), Language Models as Knowledge Bases?, EMNLP.
    """
    tokenizer = models.load("masked_lm").tokenizer
    places = []
    for word in checked(words, "words"):
        pieces = tokenizer.tokenize(word)
        if len(pieces) != 1:
            raise BadInputError(f"'{word}' has {len(pieces)} tokens: {pieces}. Choose a word of exactly one.")
        places.append(tokenizer.convert_tokens_to_ids(pieces[0]))
    rows = [_at_mask(text)[places] for text in checked(texts)]
    return np.array(rows, np.float32).reshape(len(rows), len(places))


def goes_on(firsts: Iterable[str], seconds: Iterable[str]) -> np.ndarray:
    """Return the probability that each second text goes on from the first one, shape (n,).

    The model reads [CLS] first [SEP] second [SEP] and judges from the state of [CLS] alone.

    Raises:
        BadInputError: there are not as many second texts as first ones.

    Source: Devlin et al. (2019), BERT, NAACL.
    """
    import torch

    firsts, seconds = checked(firsts, "first texts"), checked(seconds, "second texts")
    if len(firsts) != len(seconds):
        raise BadInputError(f"There are {len(firsts)} first and {len(seconds)} second texts. Give a pair for each.")
    model, tokenizer, _ = models.load("masked_lm")
    found = np.zeros(len(firsts))
    for number, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
        one = [tokenizer.cls_token_id, *_ids(first), tokenizer.sep_token_id]
        two = [*_ids(second), tokenizer.sep_token_id]
        ids = torch.tensor([one + two], device=model.device)  # Shape: (1, n)
        types = torch.tensor([[0] * len(one) + [1] * len(two)], device=model.device)
        with torch.inference_mode():
            pooled = model.bert(input_ids=ids, token_type_ids=types).pooler_output  # Shape: (1, d)
            scores = model.cls.seq_relationship(pooled)[0]  # 0: goes on, 1: doesn't
        found[number] = scores.softmax(dim=0)[0].item()
    return found


# ── Parts ────────────────────────────────────────────────────────────────────────────────


def _ids(text: str) -> np.ndarray:
    """Return the ids of a text's tokens, without [CLS] and [SEP]."""
    tokenizer = models.load("masked_lm").tokenizer
    found = tokenizer(text, add_special_tokens=False, truncation=True, max_length=LONGEST)
    return np.array(found["input_ids"], np.int64)


def _at_mask(text: str) -> np.ndarray:
    """Return the probability of every token at the one [MASK] of a text, shape (vocabulary,)."""
    mask = models.load("masked_lm").tokenizer.mask_token_id
    (text,) = checked([text])
    ids = _ids(text)
    places = np.flatnonzero(ids == mask)
    if len(places) != 1:
        raise BadInputError(
            f"The text '{text[:60]}' has {len(places)} [MASK] among its first {LONGEST} tokens. "
            "Write exactly one, in capitals and square brackets."
        )
    return _probabilities(ids, places)[0]


def _probabilities(ids: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the probability of every token at some places, shape (places, vocabulary)."""
    import torch

    model, tokenizer, _ = models.load("masked_lm")
    row = [tokenizer.cls_token_id, *ids.tolist(), tokenizer.sep_token_id]
    chosen = torch.tensor(places + 1, device=model.device)  # [CLS] stands before the first token
    with torch.inference_mode():
        states = model.bert(input_ids=torch.tensor([row], device=model.device)).last_hidden_state
        logits = model.cls.predictions(states[0, chosen])  # Shape: (places, vocabulary)
    return logits.softmax(dim=-1).float().cpu().numpy()
