"""Train the translator (role translator): English to French, a small Marian encoder-decoder.

    python -m training.translator --corpus DIR --lr 0.005 [--minutes N] [--work DIR] [--out DIR]

Prepares the pairs once (split, pieces, token ids), trains, and writes
``data/models/translator``. Killed and started again, it goes on from its last checkpoint in
--work. After a change of the data or of the pieces, empty that folder.
"""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from training import loop, shipping
from workshop_lib import data
from workshop_lib.course.evaluation import translator as held_out
from workshop_lib.course.evaluation.translator import key, nearly_same, tidy

NAME = "translator"
WRITTEN = Path(__file__).parent / "written" / "parallel.tsv"
VOCABULARY = 6000
UNKNOWN, END, PAD = 0, 1, 2  # ids of the special tokens; PAD also starts the decoder
LONGEST = 64  # tokens on either side; longer pairs are left out
TOKENS = 4096  # tokens of one step on the longer side
REPEATS = 6  # how often a pass over the data takes each pair that was written for the course
JOINED = 0.04  # share of rows made of two pairs, so that the model sees longer texts
SMOOTHING = 0.1  # share of the probability that the target spreads over all pieces
DROPOUT = 0.0  # the run sees each pair only a few times, and dropout would cost a tenth of it
SEED = 7
LETTERS = "àâäçéèêëîïôöùûüœÀÂÇÉÈÊÎÔÙÛŒ«»€ñáíóú"  # in the vocabulary, however rare


# ── Pairs ────────────────────────────────────────────────────────────────────────────────


def pairs(corpus: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the training pairs of Tatoeba and those that were written for the course.

    A Tatoeba pair is left out if its French belongs to a held-out sentence with nearly the
    same English. A pair is left out if its English is a held-out sentence, one of the course's
    30 check sentences, or in the data set "parallel".
    """
    sides: dict[str, list[tuple[str, str]]] = {"train": [], "valid": [], "test": []}
    for english, french, side in held_out.tatoeba(corpus):
        sides[side].append((english, french))
    hidden: dict[str, list[str]] = {}  # French key: English sentences held out with it
    for english, french in [*sides["test"], *sides["valid"]]:
        hidden.setdefault(key(french), []).append(english)
    checks = held_out.check_sentences()
    for check in checks:
        for french in check.references:
            hidden.setdefault(key(french), []).append(check.english)

    kept = [
        (english, french)
        for english, french in sides["train"]
        if not any(nearly_same(english, other) for other in hidden.get(key(french), []))
    ]
    closed = {key(english) for side in ("test", "valid") for english, _ in sides[side]}
    closed |= {key(check.english) for check in checks}
    closed |= {key(english) for english in data.load("parallel")["english"]}  # for lesson 05
    written = [
        (english, french)
        for english, french in written_pairs()
        if key(english) not in closed
        and not any(nearly_same(english, other) for other in hidden.get(key(french), []))
    ]
    kept = [(english, french) for english, french in kept if key(english) not in closed]
    print(
        f"{NAME}: Tatoeba {len(kept):,} training pairs "
        f"({len(sides['train']) - len(kept):,} near copies of held-out ones left out), "
        f"{len(sides['valid']):,} valid, {len(sides['test']):,} test; written {len(written):,}",
        flush=True,
    )
    return kept, written


def written_pairs() -> list[tuple[str, str]]:
    """Return the pairs of ``training/written/parallel.tsv``."""
    found = []
    for line in WRITTEN.read_text(encoding="utf-8").splitlines():
        english, tab, french = line.partition("\t")
        if tab and not line.startswith("#"):
            found.append((tidy(english), tidy(french)))
    return found


def joined(found: list[tuple[str, str]], share: float) -> list[tuple[str, str]]:
    """Return rows of two random pairs each, as many as a share of all pairs."""
    random = np.random.default_rng(SEED)
    chosen = random.integers(0, len(found), size=(int(share * len(found)), 2))
    return [(found[a][0] + " " + found[b][0], found[a][1] + " " + found[b][1]) for a, b in chosen]


# ── Pieces ───────────────────────────────────────────────────────────────────────────────


def prepare(corpus: Path, work: Path) -> None:
    """Write the tokenizer and the token ids of all training pairs, unless they are there."""
    if (work / "pairs.npz").exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    tatoeba, written = pairs(corpus)
    write_tokenizer([*tatoeba, *written], work / "tokenizer")
    rows = [*tatoeba, *written * REPEATS, *joined([*tatoeba, *written], JOINED)]
    tokenizer = load_tokenizer(work / "tokenizer")
    arrays = token_ids(tokenizer, rows)
    draft = work / "pairs.draft.npz"
    np.savez(draft, **arrays)
    draft.rename(work / "pairs.npz")
    print(
        f"{NAME}: {len(arrays['source_lengths']):,} rows, "
        f"{len(arrays['source']):,} source and {len(arrays['target']):,} target tokens a pass",
        flush=True,
    )


def write_tokenizer(found: list[tuple[str, str]], folder: Path) -> None:
    """Learn one set of pieces for both languages and write the files of a MarianTokenizer."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    english = dict.fromkeys(pair[0] for pair in found)
    french = dict.fromkeys(pair[1] for pair in found)
    (folder.parent / "characters.tsv").write_text(character_rules(), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*english, *french]),
        model_prefix=str(folder.parent / "pieces"),
        vocab_size=VOCABULARY,
        model_type="unigram",
        character_coverage=0.99999,
        required_chars="".join(map(chr, range(33, 127))) + LETTERS,
        normalization_rule_tsv=str(folder.parent / "characters.tsv"),
        split_digits=True,
        unk_id=0,
        bos_id=-1,
        eos_id=1,
        pad_id=2,
        unk_piece="<unk>",
        eos_piece="</s>",
        pad_piece="<pad>",
        num_threads=1,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(str(folder.parent / "pieces.model"))
    ids = {pieces.id_to_piece(i): i for i in range(pieces.get_piece_size())}
    for name in ("source.spm", "target.spm"):
        shutil.copyfile(folder.parent / "pieces.model", folder / name)
    write_json(folder / "vocab.json", ids)
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "MarianTokenizer",
            "source_lang": "en",
            "target_lang": "fr",
            "unk_token": "<unk>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "model_max_length": 512,
            "separate_vocabs": False,
        },
    )


def character_rules() -> str:
    """Return the characters that are replaced before a text is cut into pieces, one a line.

    Curly quotes become straight, narrow and unbreakable spaces plain.
    """
    rules = {
        "’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "…": "...", "–": "-", "—": "-",
        "‐": "-", "‑": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ", "\n": " ",
    }  # fmt: skip
    return "".join(f"{code_points(old)}\t{code_points(new)}\n" for old, new in rules.items())


def code_points(text: str) -> str:
    """Return the characters of a text as hexadecimal numbers.

    >>> code_points("...")
    '2E 2E 2E'
    """
    return " ".join(f"{ord(letter):X}" for letter in text)


def write_json(file: Path, content: dict) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def load_tokenizer(folder: Path):
    """Return the MarianTokenizer of a folder, without its advice to install sacremoses."""
    import warnings

    from transformers import MarianTokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MarianTokenizer.from_pretrained(folder)


def token_ids(tokenizer, rows: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Return the ids of all rows, each side in one long array, and the lengths of the rows."""
    sources = tokenizer([source for source, _ in rows])["input_ids"]
    targets = tokenizer(text_target=[target for _, target in rows])["input_ids"]
    fits = [max(len(s), len(t)) <= LONGEST for s, t in zip(sources, targets, strict=True)]
    sources = [ids for ids, fit in zip(sources, fits, strict=True) if fit]
    targets = [ids for ids, fit in zip(targets, fits, strict=True) if fit]
    return {
        "source": np.concatenate([np.array(ids, np.uint16) for ids in sources]),
        "target": np.concatenate([np.array(ids, np.uint16) for ids in targets]),
        "source_lengths": np.array([len(ids) for ids in sources], np.int32),
        "target_lengths": np.array([len(ids) for ids in targets], np.int32),
    }


# ── Batches ──────────────────────────────────────────────────────────────────────────────


class Batches:
    """Batches of pairs of nearly equal length, a function of the step's number alone.

    Each pass over the data takes every row once. Rows are sorted by length, equal lengths in
    a new random order for each pass, and cut where the step is full; the cuts are the same
    in each pass. So a batch holds almost no padding.
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.source, self.source_lengths = arrays["source"], arrays["source_lengths"]
        self.target, self.target_lengths = arrays["target"], arrays["target_lengths"]
        self.source_starts = np.cumsum(self.source_lengths) - self.source_lengths
        self.target_starts = np.cumsum(self.target_lengths) - self.target_lengths
        self.cuts = self._cuts(self.order(0))
        self.order = lru_cache(maxsize=2)(self.order)

    def order(self, lap: int) -> np.ndarray:
        """Return the rows of one pass, short to long."""
        random = np.random.default_rng([SEED, lap]).random(len(self.source_lengths))
        return np.lexsort((random, self.source_lengths, self.target_lengths))

    def _cuts(self, order: np.ndarray) -> list[int]:
        cuts, widest = [0], 0
        for place, row in enumerate(order):
            widest = max(widest, self.source_lengths[row], self.target_lengths[row])
            if (place + 1 - cuts[-1]) * widest > TOKENS:
                cuts.append(place)
                widest = max(self.source_lengths[row], self.target_lengths[row])
        return [*cuts, len(order)]

    def __len__(self) -> int:
        return len(self.cuts) - 1

    def __getitem__(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the padded source and target ids of one step, shapes (rows, source or target)."""
        lap, place = divmod(step, len(self))
        cut = np.random.default_rng([SEED, lap, 1]).permutation(len(self))[place]
        rows = self.order(lap)[self.cuts[cut] : self.cuts[cut + 1]]
        return (
            padded(self.source, self.source_starts[rows], self.source_lengths[rows]),
            padded(self.target, self.target_starts[rows], self.target_lengths[rows]),
        )


def padded(ids: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> torch.Tensor:
    """Return the rows that begin at ``starts`` as one matrix, filled up with PAD."""
    columns = np.arange(lengths.max())  # Shape: (longest,)
    places = np.minimum(starts[:, None] + columns, len(ids) - 1)  # Shape: (rows, longest)
    matrix = np.where(columns < lengths[:, None], ids[places].astype(np.int64), PAD)
    return torch.from_numpy(matrix)


# ── Model ────────────────────────────────────────────────────────────────────────────────


def new_model() -> torch.nn.Module:
    """Return the untrained model: 4 encoder and 2 decoder layers, 5.2 M parameters.

    The encoder is deeper than the decoder: it runs once a sentence, the decoder once a token
    (Kasai et al. 2021). One table of embeddings serves source, target and output.
    """
    from transformers import MarianConfig, MarianMTModel

    torch.manual_seed(SEED)
    config = MarianConfig(
        vocab_size=VOCABULARY,
        decoder_vocab_size=VOCABULARY,
        d_model=256,
        encoder_layers=4,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=512,
        decoder_ffn_dim=512,
        max_position_embeddings=512,
        activation_function="relu",
        dropout=DROPOUT,
        attention_dropout=0.0,
        activation_dropout=0.0,
        init_std=256**-0.5,
        scale_embedding=True,
        share_encoder_decoder_embeddings=True,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        eos_token_id=END,
        forced_eos_token_id=None,
        decoder_start_token_id=PAD,
        attn_implementation="eager",
    )
    return MarianMTModel(config)


class WithLoss(torch.nn.Module):
    """A Marian model that returns its label-smoothed loss, so that the loss is compiled too.

    The embedding table is named first: the optimisers know tables by the name "embed".
    """

    def __init__(self, marian: torch.nn.Module) -> None:
        super().__init__()
        self.embed = marian.model.shared
        self.marian = marian

    def forward(self, source: torch.Tensor, target: torch.Tensor, smoothing: float) -> torch.Tensor:
        """Return the mean loss of a target token.

        Args:
            source: (b, s) ids, padded.
            target: (b, t) ids, padded.
            smoothing: share of the probability that is spread over all pieces.
        """
        start = torch.full_like(target[:, :1], PAD)  # Shape: (b, 1)
        states = self.marian.model(
            input_ids=source,
            attention_mask=(source != PAD).long(),
            decoder_input_ids=torch.cat([start, target[:, :-1]], dim=1),
            use_cache=False,
        ).last_hidden_state  # Shape: (b, t, 256)
        return smoothed_loss(states.flatten(0, 1), self.embed.weight, target.flatten(), smoothing)


@torch.compile(dynamic=True)  # the one part where compiling pays: it halves the time of the loss
def smoothed_loss(
    states: torch.Tensor, table: torch.Tensor, target: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Return the label-smoothed cross-entropy of a target token, padding left out.

    Args:
        states: (n, d) outputs of the decoder.
        table: (pieces, d) embeddings, which serve as output layer too.
        target: (n,) ids.
        smoothing: share of the probability that is spread over all pieces.
    """
    logits = functional.linear(states, table).float()  # Shape: (n, pieces)
    return functional.cross_entropy(logits, target, ignore_index=PAD, label_smoothing=smoothing)


# ── Run ──────────────────────────────────────────────────────────────────────────────────


def valid_batches(corpus: Path, tokenizer) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the pairs held out for watching the training, in padded batches."""
    rows = [(e, f) for e, f, side in held_out.tatoeba(corpus) if side == "valid"]
    batches = Batches(token_ids(tokenizer, rows))
    return [batches[step] for step in range(len(batches))]


def ship(model: torch.nn.Module, work: Path, out: Path, took: dict) -> None:
    """Write the model folder: weights in float16, config, tokenizer, and what the training took."""
    out.mkdir(parents=True, exist_ok=True)
    model.generation_config.update(
        num_beams=4, max_length=200, bad_words_ids=[[PAD]], decoder_start_token_id=PAD
    )
    model.to(torch.float16).save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    for file in (work / "tokenizer").iterdir():
        shutil.copyfile(file, out / file.name)
    write_json(out / "training.json", took)


def main(arguments: list[str] | None = None) -> int:
    """Prepare, train, ship."""
    options = shipping.options(__doc__, arguments, minutes=55, name=NAME)
    prepare(options.corpus, options.work)
    with np.load(options.work / "pairs.npz") as arrays:
        batches = Batches(dict(arrays))
    valid = valid_batches(options.corpus, load_tokenizer(options.work / "tokenizer"))
    marian = new_model()
    model = WithLoss(marian)
    print(f"{NAME}: {len(batches):,} steps a pass", flush=True)

    def loss_of(runner: torch.nn.Module, step: int) -> tuple[torch.Tensor, int]:
        source, target = batches[step]
        seen = int((source != PAD).sum() + (target != PAD).sum())
        return runner(source, target, SMOOTHING), seen

    def after(step: int, progress: float) -> None:
        counts = [int((target != PAD).sum()) for _, target in valid]
        losses = [float(model(source, target, 0.0)) for source, target in valid]
        mean = sum(n * loss for n, loss in zip(counts, losses, strict=True)) / sum(counts)
        passes = step / len(batches)
        print(f"{NAME}: {progress:.0%} valid loss {mean:.4f}, {passes:.2f} passes", flush=True)

    plan = loop.Plan(NAME, options.minutes, options.lr, compile=False, seed=SEED)
    took = loop.train(model, loss_of, plan, options.work, after)
    print(took)
    ship(marian, options.work, options.out, took)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
