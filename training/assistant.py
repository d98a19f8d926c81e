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
STEP_TOKENS = 4096  # of packed conversations
LEARNT = 0.25  # largest share of them that the assistant says; about half of that is usual
MARKERS = ["<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|endoftext|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TABLE = "transformer.wte.weight"


def new_model(base: Path) -> torch.nn.Module:
    """Return the base model with adapters on every matrix of its layers.

    Trained with them: the biases and norms, and the three markers' rows of the token table.
    """
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype="float32", attn_implementation="eager")
    matrices = [name for name, p in model.named_parameters() if ".h." in name and p.ndim == 2]
    adapters.attach(model, matrices, RANK)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1 or name == TABLE:
            parameter.requires_grad = True
    return model


def only_rows(model: torch.nn.Module, rows: list[int]) -> None:
    """Let training change just these rows of the token table."""
    table = model.transformer.wte.weight
    mask = torch.zeros(len(table), 1)
    mask[rows] = 1
    table.register_hook(lambda gradient: gradient * mask)


def encode(tokenizer, messages: list[dict[str, str]]) -> tuple[list[int], list[bool]]:
    """Return the ids of one conversation, and which of them the model must learn to say."""
    ids: list[int] = []
    said: list[bool] = []
    for message in messages:
        marker = tokenizer.convert_tokens_to_ids(f"<|{message['role']}|>")
        words = tokenizer.encode(message["content"], add_special_tokens=False, split_special_tokens=True)
        learnt = message["role"] == "assistant"
        end = [tokenizer.eos_token_id] if learnt else []
        ids += [marker, *words, *end]
        said += [False, *[learnt] * (len(words) + len(end))]
    return ids, said


def batch(material, tokenizer, step: int) -> dict[str, torch.Tensor]:
    """Return packed conversations: each row full, no conversation sees another.

    Three steps in four have rows of 256 tokens, the fourth has rows of 512.

    Returns:
        input_ids and position_ids of shape (rows, length); attention_mask of shape
        (rows, 1, length, length); places, labels and weights of shape (LEARNT · STEP_TOKENS,):
        which tokens of the flattened rows come before a learnt one, that one (−100: none), and
        how much it counts.
    """
    chance = random.Random(f"{SEED} {step}")
    length = CONTEXT if step % 4 == 3 else CONTEXT // 2
    rows = STEP_TOKENS // length
    ids = torch.full((rows, length), tokenizer.eos_token_id)  # Shape: (rows, length)
    following = torch.full((rows, length), -100)
    counts = torch.zeros((rows, length))
    positions = torch.zeros((rows, length), dtype=torch.long)
    members = torch.zeros((rows, length), dtype=torch.long)
    for row in range(rows):
        place, number = 0, 1
        while place < length - 24:
            tokens, said = encode(tokenizer, assistant_tasks.draw(material, chance))
            size = len(tokens)
            if size > length - place:
                if place < length // 2:
                    continue  # draw a shorter one
                break
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
    places = (flat != -100).nonzero()[:, 0][: int(LEARNT * STEP_TOKENS)]
    labels = flat[places]
    free = int(LEARNT * STEP_TOKENS) - len(places)
    return {
        "input_ids": ids,
        "position_ids": positions,
        "attention_mask": mask,
        "places": torch.nn.functional.pad(places, (0, free)),
        "labels": torch.nn.functional.pad(labels, (0, free), value=-100),
        "weights": torch.nn.functional.pad(counts.flatten()[places], (0, free)),
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


def main(arguments: list[str] | None = None) -> int:
    """Prepare, train, ship."""
    from transformers import AutoTokenizer

    options = shipping.options(__doc__, arguments, minutes=30, name=NAME, base=shipping.SHIPPED / "causal_lm")
    tokenizer = AutoTokenizer.from_pretrained(options.base)
    material = assistant_tasks.read_material(options.corpus)
    model = new_model(options.base)
    only_rows(model, tokenizer.convert_tokens_to_ids(MARKERS))

    def loss_of(runner: torch.nn.Module, step: int) -> tuple[torch.Tensor, int]:
        return runner(**batch(material, tokenizer, step)), STEP_TOKENS

    plan = loop.Plan(NAME, options.minutes, options.lr, matrices="adamw", weight_decay=0.0, compile=False, seed=SEED)
    took = loop.train(AnswerLoss(model), loss_of, plan, options.work)
    ship(model, tokenizer, options.out, {**took, "rank": RANK, "seed": SEED})
    return 0


def ship(model: torch.nn.Module, tokenizer, out: Path, record: dict) -> None:
    """Write the adapter and the chat template; the rest is the base model's."""
    out.mkdir(parents=True, exist_ok=True)
    rows = tokenizer.convert_tokens_to_ids(MARKERS)
    tensors = {}
    for name, tensor in adapters.changes(model).items():
        if name == TABLE:
            tensors[f"{name}.rows"] = tensor[rows]
            tensors[f"{name}.row_ids"] = torch.tensor(rows)
        else:
            tensors[name] = tensor
    kept = {n: t.contiguous() if n.endswith(".row_ids") else t.to(torch.float16).contiguous() for n, t in tensors.items()}
    save_file(kept, out / "adapter.safetensors", metadata={"format": "pt"})
    (out / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    (out / "training.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    print(f"{NAME}: written to {out}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
