"""Translate texts, look inside the translation, and score it.

A pretrained encoder–decoder reads a sentence and writes its translation token by token, each
token chosen in view of the whole source (cross-attention). Used in lesson 05.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from workshop_lib import models, runtime
from workshop_lib.errors import BadInputError, OfflineError, SettingError
from workshop_lib.texts import CutTextWarning, batches, checked

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

TOKENS_PER_BATCH = {"cpu": 1024, "cuda": 16_384}
LONGEST = 160  # tokens of one sentence that are read
WORDS = 50  # a longer sentence is translated in parts
SHIPPED_PAIR = ("en", "fr")
ABBREVIATIONS = ("mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "e.g", "i.e", "etc", "jr", "sr", "p", "pp", "fig")


# ── Translating ──────────────────────────────────────────────────────────────────────────


def translate(
    texts: Iterable[str], source: str = "en", target: str = "fr", beams: int = 4, progress: bool = True
) -> list[str]:
    """Return the translation of each text, in the order given.

    Texts are cut into lines and sentences, since the model was trained on sentences, and very
    long sentences into parts; equal sentences are translated once; sentences of like length go
    through the model together.
    Line breaks and empty texts stay as they are.

    Args:
        texts: n texts of any length.
        source: language of the texts; the model of the course reads "en".
        target: language to translate to; the model of the course writes "fr". In the full
            profile any pair for which the hub has a model ``Helsinki-NLP/opus-mt-…`` will do.
        beams: partial translations kept at each step; 1 takes the likeliest token each time.
        progress: show a bar.

    Returns:
        n texts.

    Raises:
        BadInputError: an item is no text, or ``beams`` is below 1.
        SettingError: the mini profile has no model for this pair.
        OfflineError: the model must be downloaded first.

    Source: Vaswani et al. (2017); Tiedemann and Thottingal (2020), OPUS-MT. Used in lesson 05.
    """
    import torch
    from tqdm.auto import tqdm

    texts = checked(texts)
    if beams < 1:
        raise BadInputError(f"beams is {beams}. Choose 1 (the likeliest token each time) or more.")
    model, tokenizer = translator(source, target)
    cut = [[in_parts(line) for line in text.split("\n")] for text in texts]
    known = {sentence: "" for text in cut for line in text for sentence in line}
    wanted = list(known)
    whole = tokenizer(wanted)["input_ids"] if wanted else []
    ids = [row if len(row) <= LONGEST else [*row[: LONGEST - 1], tokenizer.eos_token_id] for row in whole]
    too_long = sum(len(row) > LONGEST for row in whole)
    if too_long:
        warnings.warn(
            f"{too_long} sentences have more than {LONGEST} tokens; only their beginning is "
            "translated. Look for long addresses or text without spaces, and take them out.",
            CutTextWarning,
            stacklevel=2,
        )
    groups = batches([len(row) for row in ids], TOKENS_PER_BATCH[model.device.type])

    def written(rows: list[int]) -> list[str]:
        inputs = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
        longest = min(2 * LONGEST, 20 + 2 * inputs["input_ids"].shape[1])
        with torch.inference_mode():
            out = model.generate(**inputs.to(model.device), num_beams=beams, max_length=longest)
        return tokenizer.batch_decode(out, skip_special_tokens=True)

    with tqdm(total=len(wanted), desc="sentences", disable=not progress or len(groups) < 3, leave=False) as bar:
        for rows, found in zip(groups, on_all_cores(written, groups, model.device), strict=True):
            known.update(zip((wanted[row] for row in rows), found, strict=True))
            bar.update(len(rows))
    return ["\n".join(" ".join(known[sentence] for sentence in line) for line in text) for text in cut]


def on_all_cores(
    work: Callable[[list[int]], list[str]], groups: Sequence[list[int]], device: torch.device
) -> Iterator[list[str]]:
    """Yield work(group) for each group, in order.

    On a CPU, groups side by side with a core each beat one group after another on all cores: a step
    of the decoder is too small to be shared.
    """
    import torch

    threads = torch.get_num_threads()
    workers = min(threads, len(groups)) if device.type == "cpu" else 1
    if workers < 2:
        yield from map(work, groups)
        return

    def alone(group: list[int]) -> list[str]:
        torch.set_num_threads(max(1, threads // workers))  # of this thread, and of all that are new
        return work(group)

    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(alone, groups)
    finally:
        torch.set_num_threads(threads)


def sentences(text: str) -> list[str]:
    """Return the sentences of one line of text.

    A sentence ends at ``.``, ``!`` or ``?`` before a space and a capital letter, digit or
    quotation mark, unless the word before the full stop is a usual abbreviation or an initial.

    >>> sentences("Dr. Ames won. By 3.5 points! Who knew?")
    ['Dr. Ames won.', 'By 3.5 points!', 'Who knew?']
    >>> sentences("   ")
    []
    """
    found, start = [], 0
    for match in re.finditer(r"[.!?…]+[\"'»)\]]*\s+(?=[\"'«(\[]?[A-ZÀ-ÖØ-Þ0-9])", text):
        before = re.search(r"([\w.]+)\.$", text[start : match.start() + 1])
        word = before.group(1).lower() if before else ""
        if match.group().startswith(".") and (word in ABBREVIATIONS or (len(word) == 1 and word.isalpha())):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    found.append(text[start:].strip())
    return [sentence for sentence in found if sentence]


def in_parts(line: str) -> list[str]:
    """Return the sentences of a line; those of more than WORDS words are cut, at commas if they can be."""
    found = []
    for sentence in sentences(line):
        words = sentence.split()
        while len(words) > WORDS:
            stops = [i + 1 for i, word in enumerate(words[:WORDS]) if word.endswith((",", ";", ":"))]
            end = stops[-1] if stops else WORDS
            found.append(" ".join(words[:end]))
            words = words[end:]
        found.append(" ".join(words))
    return found


@lru_cache(maxsize=3)
def _translator(source: str, target: str, profile: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    if (source, target) == SHIPPED_PAIR:
        loaded = models.load("translator", profile)
        return loaded.model, loaded.tokenizer
    if profile == "mini":
        raise SettingError(
            f"The course's own model translates from en to fr, not from {source} to {target}. "
            "Set WORKSHOP_PROFILE=full to take a public model for this pair."
        )
    import transformers

    name = f"Helsinki-NLP/opus-mt-{source}-{target}"
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(name, dtype="float32", use_safetensors=True)
    except (OSError, ValueError) as error:
        raise OfflineError(
            f"No model {name} could be read ({str(error).splitlines()[0]}). Check the codes of the "
            "languages, and connect to the network."
        ) from error
    return model.to(runtime.device()).eval(), tokenizer


def translator(source: str = "en", target: str = "fr") -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model and the tokenizer for a pair of languages."""
    return _translator(source, target, runtime.profile())


# ── Looking inside ───────────────────────────────────────────────────────────────────────


class Alignment(NamedTuple):
    """Which source tokens each target token looked at."""

    source: list[str]  # s tokens
    target: list[str]  # t tokens
    weights: np.ndarray  # (t, s); each row adds up to 1


def alignment(text: str, translation: str | None = None, layer: int = -1) -> Alignment:
    """Return the cross-attention of a translation, averaged over the heads of one layer.

    Row i is where the decoder looked in the source while it wrote token i.

    Args:
        text: one English sentence.
        translation: its translation; None lets the model translate.
        layer: number of the decoder's layer; -1 is the last.

    Source: Bahdanau, Cho and Bengio (2015), ICLR. Used in lesson 05.
    """
    import torch

    model, tokenizer = translator()
    (text,) = checked([text])
    if translation is None:
        (translation,) = translate([text], progress=False)
    layers = model.config.decoder_layers
    if not -layers <= layer < layers:
        raise BadInputError(f"There is no layer {layer}: this decoder has layers 0 to {layers - 1}.")
    inputs = tokenizer(text, text_target=translation, return_tensors="pt").to(model.device)
    model.set_attn_implementation("eager")  # the fast ways of computing don't keep the weights
    with torch.inference_mode():
        weights = model(**inputs, output_attentions=True).cross_attentions[layer][0].mean(dim=0)  # Shape: (t, s)
    name = tokenizer.convert_ids_to_tokens
    return Alignment(name(inputs["input_ids"][0].tolist()), name(inputs["labels"][0].tolist()), weights.float().cpu().numpy())


def by_word(pieces: Alignment) -> Alignment:
    """Return an alignment whose rows and columns are words instead of pieces of words.

    The weights on the pieces of a source word are added up; the rows of the pieces of a target
    word are averaged. So each row still adds up to 1. Punctuation marks count as words.

    Source: Clark et al. (2019), What Does BERT Look At?, BlackboxNLP. Used in lesson 05.

    >>> pieces = Alignment(["▁cat", "s"], ["▁ch", "ats"], np.array([[0.5, 0.5], [0.25, 0.75]]))
    >>> by_word(pieces)
    Alignment(source=['cats'], target=['chats'], weights=array([[1.]]))
    """
    source, source_of = _words(pieces.source)
    target, target_of = _words(pieces.target)
    added = pieces.weights @ np.eye(len(source))[source_of]  # (t, source words)
    shares = np.eye(len(target))[target_of].T  # (target words, t)
    return Alignment(source, target, shares @ added / shares.sum(axis=1, keepdims=True))


def _words(pieces: list[str]) -> tuple[list[str], list[int]]:
    """Return the words that pieces make, and for each piece the number of its word."""
    words: list[str] = []
    numbers = []
    for piece in pieces:
        mark = re.fullmatch(r"[^\w▁'’-]+", piece) or piece == "</s>"
        begins = piece.startswith("▁") or mark or not words or not re.search(r"[\w'’-]$", words[-1])
        if begins and not (words and words[-1] == ""):
            words.append("")
        words[-1] += piece.replace("▁", "")
        numbers.append(len(words) - 1)
    return words, numbers


def beam_search(text: str, beams: int = 3, steps: int = 60) -> list[pd.DataFrame]:
    """Return beam search step by step: the partial translations that are kept after each token.

    Each kept translation is continued by every token, and of all continuations the ``beams``
    best stay: those with the highest log P / tokens, where log P = Σ log P(token | tokens
    before, source). Without the division, short translations would always win.

    Args:
        text: one English sentence.
        beams: how many are kept; 1 is greedy search.
        steps: tokens at most.

    Returns:
        A table for each step, best first: "translation", the "token" added last, "before" (the row
        of the table before that it continues), "log P", "log P / tokens", "finished".

    Source: Graves (2012), Sequence Transduction with Recurrent Neural Networks. Used in lesson 05.
    """
    import torch

    model, tokenizer = translator()
    inputs = tokenizer(*checked([text]), return_tensors="pt").to(model.device)
    end, start, pad = tokenizer.eos_token_id, model.config.decoder_start_token_id, tokenizer.pad_token_id
    kept = [([start], 0.0, 0)]  # token ids, log P, row of the table before
    tables = []
    with torch.inference_mode():
        states = model.get_encoder()(**inputs)
        for _ in range(steps):
            candidates = []
            for place, (ids, total, _) in enumerate(kept):
                if ids[-1] == end and len(ids) > 1:
                    candidates.append((ids, total, place))
                    continue
                scores = model(
                    encoder_outputs=states, attention_mask=inputs["attention_mask"],
                    decoder_input_ids=torch.tensor([ids], device=model.device),
                ).logits[0, -1]  # Shape: (vocabulary,)
                scores[pad] = -torch.inf  # never a part of a sentence
                logs = torch.log_softmax(scores.float(), dim=-1)
                best = logs.topk(beams)
                candidates += [
                    ([*ids, token], total + value, place)
                    for value, token in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                ]
            kept = sorted(candidates, key=rank, reverse=True)[:beams]
            tables.append(
                pd.DataFrame(
                    {
                        "translation": [tokenizer.decode(ids, skip_special_tokens=True) for ids, _, _ in kept],
                        "token": tokenizer.convert_ids_to_tokens([ids[-1] for ids, _, _ in kept]),
                        "before": [place for _, _, place in kept],
                        "log P": [total for _, total, _ in kept],
                        "log P / tokens": [rank(row) for row in kept],
                        "finished": [ids[-1] == end for ids, _, _ in kept],
                    }
                )
            )
            if tables[-1]["finished"].all():
                break
    return tables


def rank(row: tuple[list[int], float, int]) -> float:
    """Return log P per token of a partial translation; its first id is the start mark."""
    ids, total, _ = row
    return total / (len(ids) - 1)


def round_trip(texts: Sequence[str], there: str = "fr") -> pd.DataFrame:
    """Return each text, its translation, and the translation back.

    It needs a model for the way back, which only the full profile has.
    """
    forth = translate(texts, "en", there)
    back = translate(forth, there, "en")
    return pd.DataFrame({"text": list(texts), "there": forth, "back": back})


# ── Scoring ──────────────────────────────────────────────────────────────────────────────


def score(hypotheses: Sequence[str], references: Sequence[str] | Sequence[Sequence[str]]) -> dict[str, float | str]:
    """Return corpus BLEU and chrF, 0 to 100, and the signature that says how they were computed.

    BLEU = BP · exp(¼ Σ log p_n): p_n is the share of the hypotheses' n-grams that a reference
    has, n = 1 to 4, and BP punishes short output. chrF is the F-score of character 6-grams.

    Args:
        hypotheses: n translations.
        references: n references, or n lists of references.

    Returns:
        {"bleu", "chrf", "signature"}.

    Raises:
        BadInputError: the two differ in length, or there are none.

    Source: Papineni et al. (2002); Popović (2015); Post (2018), sacrebleu.

    >>> round(score(["Le chat dort bien ici."], ["Le chat dort bien ici."])["bleu"])
    100
    """
    from sacrebleu.metrics import BLEU, CHRF

    hypotheses = checked(hypotheses, "hypotheses")
    lists = [[one] if isinstance(one, str) else list(one) for one in references]
    if len(lists) != len(hypotheses) or not lists:
        raise BadInputError(
            f"There are {len(hypotheses)} translations and {len(lists)} references. "
            "Give one reference, or a list of them, for each translation."
        )
    most = max(map(len, lists))
    # sacrebleu wants one stream a reference; None marks a text that has fewer.
    streams = [[own[i] if i < len(own) else None for own in lists] for i in range(most)]
    bleu, chrf = BLEU(), CHRF()
    return {
        "bleu": bleu.corpus_score(hypotheses, streams).score,
        "chrf": chrf.corpus_score(hypotheses, streams).score,
        "signature": f"BLEU {bleu.get_signature()}; chrF {chrf.get_signature()}",
    }


# ── Analysing what was translated ────────────────────────────────────────────────────────


class Loss(NamedTuple):
    """Macro F1 before and after, the difference, and its 95 % interval."""

    before: float
    after: float
    loss: float
    low: float
    high: float


def loss(
    truth: Sequence[str], before: Sequence[str], after: Sequence[str], draws: int = 2000, seed: int = 0
) -> Loss:
    """Return how much macro F1 falls when the same texts are classified after translation.

    The interval is a paired bootstrap: texts are drawn with replacement, and both predictions
    of a text are drawn together, so that texts which are hard in any language don't widen it.

    Args:
        truth: n true labels.
        before: n labels predicted from the originals.
        after: n labels predicted from the translations.
        draws: number of samples.
        seed: of the draws.

    Returns:
        (before, after, before − after, low, high).

    Raises:
        BadInputError: the three differ in length, or there are none.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap; Koehn (2004), EMNLP,
    for scores of translations. Used in lesson 05.

    >>> loss(["yes", "no"] * 9, ["yes", "no"] * 9, ["yes", "no"] * 9)
    Loss(before=1.0, after=1.0, loss=0.0, low=0.0, high=0.0)
    """
    lists = [list(truth), list(before), list(after)]
    if len(set(map(len, lists))) != 1 or not lists[0]:
        raise BadInputError(
            f"There are {len(lists[0])} true labels, {len(lists[1])} predictions before translation and "
            f"{len(lists[2])} after it. Give one of each for every text."
        )
    labels = sorted(set(lists[0]) | set(lists[1]) | set(lists[2]))
    codes = np.array([[labels.index(label) for label in one] for one in lists])  # Shape: (3, n)
    rows = np.random.default_rng(seed).integers(0, codes.shape[1], size=(draws, codes.shape[1]))
    drawn = _macro_f1(codes[0, rows], codes[1, rows], len(labels)) - _macro_f1(
        codes[0, rows], codes[2, rows], len(labels)
    )  # Shape: (draws,)
    first, second = (float(_macro_f1(codes[:1], codes[row : row + 1], len(labels))[0]) for row in (1, 2))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Loss(first, second, first - second, float(low), float(high))


def _macro_f1(truth: np.ndarray, predicted: np.ndarray, labels: int) -> np.ndarray:
    """Return the macro F1 of each row of label numbers, both of shape (draws, n).

    F1 = 2 · right / (true + predicted); a label that a draw doesn't hold at all is left out.
    """
    scores = []
    for label in range(labels):
        right = ((truth == label) & (predicted == label)).sum(axis=1)
        both = (truth == label).sum(axis=1) + (predicted == label).sum(axis=1)
        scores.append(np.where(both > 0, 2 * right / np.maximum(both, 1), np.nan))
    return np.nanmean(scores, axis=0)
