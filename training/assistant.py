"""Fine-tune the base language model into an assistant (role assistant).

    python -m training.assistant --corpus DIR [--minutes N] [--base DIR] [--work DIR]

Trains low-rank adapters on conversations of ``assistant_tasks`` and writes them to
``data/models/assistant``. Only the assistant's words count for the loss. A label is one word
and a rewritten message is thirty, so each word counts 1/√(words of its conversation): labels
would be drowned otherwise. Killed and started again, it goes on from its last checkpoint in
--work.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import torch
from safetensors.torch import save_file

from training import assistant_tasks, loop, shipping
from training.causal_lm import CONTEXT, SEED
from workshop_lib import adapters

NAME = "assistant"
RANK = 40
# Steps: code posts; then ask for labels; name the variable too; all tasks; copy; all tasks with copying.
STAGES = (300, 832, 1600, 3400, 3750)
TRIES = 6  # conversations drawn for the rest of a row before it is left empty
STEP_TOKENS = 4096  # of packed conversations
WATCHED = 150  # posts on which the training is watched
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|endoftext|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TABLE = "transformer.wte.weight"


def new_model(base: Path) -> torch.nn.Module:
    """Return the base model with adapters on the token table and on every matrix of its layers.

    The biases and norms are trained with them. Without the table it learns to label much more
    slowly: which words are political is then nowhere to be written down.
    """
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype="float32", attn_implementation="eager")
    inside = [name for name, p in model.named_parameters() if ".h." in name and p.ndim == 2]
    adapters.attach(model, [TABLE, *inside], RANK)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.requires_grad = True
    return model


def encode(tokenizer, messages: list[dict[str, str]]) -> tuple[list[int], list[bool]]:
    """Return the ids of one conversation, and which of them the model must learn to say."""
    ids: list[int] = []
    said: list[bool] = []
    for message in messages:
        marker = tokenizer.convert_tokens_to_ids(f"<|{message['role']}|>")
        words = word_ids(tokenizer, message["content"])
        learnt = message["role"] == "assistant"
        end = [tokenizer.eos_token_id] if learnt else []
        ids += [marker, *words, *end]
        said += [False, *[learnt] * (len(words) + len(end))]
    return ids, said


def word_ids(tokenizer, text: str) -> list[int]:
    """Return the ids of a text; a marker in it is read as plain letters."""
    fast = tokenizer.backend_tokenizer  # without the wrapper's checks: ten times as fast
    fast.encode_special_tokens = True
    return fast.encode(text, add_special_tokens=False).ids


def batch(material, tokenizer, step: int) -> dict[str, torch.Tensor]:
    """Return packed conversations: each row full, no conversation sees another.

    Three steps in four have rows of 256 tokens, the fourth has rows of 512.

    Returns:
        input_ids and position_ids of shape (rows, length); attention_mask of shape
        (rows, 1, length, length); places, labels and weights of shape (places,): which tokens of
        the flattened rows come before a learnt one, that one, and how much it counts.
    """
    chance = random.Random(f"{SEED} {step}")
    stage = sum(step >= end for end in STAGES)
    length = CONTEXT if step % 4 == 3 else CONTEXT // 2
    rows = STEP_TOKENS // length
    ids = torch.full((rows, length), tokenizer.eos_token_id)  # Shape: (rows, length)
    following = torch.full((rows, length), -100)
    counts = torch.zeros((rows, length))
    positions = torch.zeros((rows, length), dtype=torch.long)
    members = torch.zeros((rows, length), dtype=torch.long)
    for row in range(rows):
        place, number = 0, 1
        misses = 0
        while place < length - 24 and misses < TRIES:
            tokens, said = encode(tokenizer, assistant_tasks.draw(material, chance, stage))
            size = len(tokens)
            if size > length - place:
                misses += place >= length // 2  # a first conversation must fit in any case
                continue
            where = slice(place, place + size)
            ids[row, where] = torch.tensor(tokens)
            learnt = torch.where(torch.tensor(said), torch.tensor(tokens), -100)
            following[row, place : place + size - 1] = learnt[1:]
            counts[row, where] = sum(said) ** -0.5
            positions[row, where] = torch.arange(size)
            members[row, where] = number
            place, number = place + size, number + 1
    same = members[:, :, None] == members[:, None, :]  # Shape: (rows, length, length)
    seen = torch.tril(same)[:, None]  # Shape: (rows, 1, length, length)
    mask = torch.zeros(seen.shape, dtype=torch.bfloat16).masked_fill(~seen, -1e4)
    flat = following.flatten()
    places = (flat != -100).nonzero()[:, 0]  # Shape: (places,)
    return {
        "input_ids": ids,
        "position_ids": positions,
        "attention_mask": mask,
        "places": places,
        "labels": flat[places],
        "weights": counts.flatten()[places],
    }


class AnswerLoss(torch.nn.Module):
    """The weighted mean loss over the assistant's words; other words are not even scored."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids, position_ids, attention_mask, places, labels, weights) -> torch.Tensor:
        states = self.model.transformer(
            input_ids=input_ids, position_ids=position_ids, attention_mask=attention_mask, use_cache=False
        ).last_hidden_state  # Shape: (rows, length, d)
        scores = self.model.lm_head(states.flatten(0, 1)[places])  # Shape: (places, vocabulary)
        losses = torch.nn.functional.cross_entropy(scores.float(), labels, reduction="none")  # Shape: (places,)
        return (losses * weights).sum() / weights.sum()


def watch(model: torch.nn.Module, tokenizer, material) -> str:
    """Return how often the first token of a label is right, on posts kept apart from training."""
    import numpy as np

    shown = []
    for ask in (ask_politics, ask_codes, ask_tone):
        chance = random.Random(SEED)
        right = []
        for post in material.watched[:WATCHED]:
            ids, said = encode(tokenizer, ask(post, chance))
            first = said.index(True)
            with torch.no_grad():
                scores = model(torch.tensor([ids[:first]])).logits[0, -1]  # Shape: (vocabulary,)
            right.append(scores.argmax().item() == ids[first])
        shown.append(f"{ask.__name__.removeprefix('ask_')} {np.mean(right):.2f}")
    return f"{', '.join(shown)} on {min(WATCHED, len(material.watched))} posts kept apart"


def ask_politics(post: dict[str, str], chance: random.Random) -> list[dict[str, str]]:
    return assistant_tasks.yes_no_about(chance, "political", post["text"], post["political"] == "yes")[-2:]


def ask_codes(post: dict[str, str], chance: random.Random) -> list[dict[str, str]]:
    yes, no = chance.sample(assistant_tasks.WORDINGS["words"], 2)
    question = f"{post['text']}\n\nAnswer {yes} if this is political and {no} if not."
    return assistant_tasks.turn(question, yes if post["political"] == "yes" else no)


def ask_tone(post: dict[str, str], chance: random.Random) -> list[dict[str, str]]:
    return assistant_tasks.choice_about(chance, "sentiment", post["text"], post["sentiment"], list(assistant_tasks.TONES))[-2:]


def main(arguments: list[str] | None = None) -> int:
    """Prepare, train, ship."""
    from transformers import AutoTokenizer

    options = shipping.options(__doc__, arguments, minutes=30, name=NAME, base=shipping.SHIPPED / "causal_lm")
    tokenizer = AutoTokenizer.from_pretrained(options.base)
    material = assistant_tasks.read_material(options.corpus)
    model = new_model(options.base)

    def loss_of(runner: torch.nn.Module, step: int) -> tuple[torch.Tensor, int]:
        return runner(**batch(material, tokenizer, step)), STEP_TOKENS

    def after(step: int, progress: float) -> None:
        print(f"  step {step:,}  {watch(model, tokenizer, material)}", flush=True)

    plan = loop.Plan(NAME, options.minutes, options.lr, matrices="adamw", weight_decay=0.0, compile=False, seed=SEED)
    took = loop.train(AnswerLoss(model), loss_of, plan, options.work, after)
    ship(model, options.out, {**took, "rank": RANK, "seed": SEED})
    return 0


def ship(model: torch.nn.Module, out: Path, record: dict) -> None:
    """Write the adapter and the chat template; the rest is the base model's."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {name: tensor.to(torch.float16).contiguous() for name, tensor in adapters.changes(model).items()}
    save_file(kept, out / "adapter.safetensors", metadata={"format": "pt"})
    (out / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    (out / "training.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(f"{NAME}: written to {out}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
