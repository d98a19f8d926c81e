"""The course's training loop against the plain Trainer: same model, same texts, same machine.

    python -m benchmarks.training

Both train the base language model's architecture from scratch on texts of uneven length that
come with the repository. Counted are real tokens a second, padding left out. The plain Trainer
has its defaults: float32, AdamW, no compiling, rows padded to the longest of a batch.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path

MINUTES = 1.0
BATCH_TOKENS = 8192
PEER_ROWS = 32
PEER_STEPS = 24
PEER_WARM_UP = 4
WRITTEN = Path(__file__).resolve().parents[1] / "training" / "written"


def documents(seed: int = 7) -> list[str]:
    """Return threads of 1 to 20 posts and answers, as uneven in length as real documents."""
    posts = [line.split("\t")[0] for file in sorted(WRITTEN.glob("posts_*.tsv")) for line in file.open(encoding="utf-8")]
    chats = [json.loads(line) for line in (WRITTEN / "chats.jsonl").open(encoding="utf-8")]
    pool = posts + [f"{row['user']} {row['assistant']}" for row in chats]
    chance = random.Random(seed)
    return ["\n".join(chance.choices(pool, k=chance.randint(1, 20))) for _ in range(3000)]


def ours(texts: list[str], tokenizer) -> float:
    """Return tokens a second of the course's loop."""
    import numpy as np

    from training import causal_lm, loop

    ids = [np.array([*row, tokenizer.eos_token_id], np.uint16) for row in tokenizer(texts)["input_ids"]]
    tokens = np.concatenate(ids)

    def loss_of(runner, step):
        batch = causal_lm.batch(tokens, step, length=256)
        return runner(input_ids=batch, labels=batch, use_cache=False).loss, batch.numel()

    with tempfile.TemporaryDirectory() as folder:
        plan = loop.Plan("ours", MINUTES, learning_rate=0.0025)
        return loop.train(causal_lm.new_model(), loss_of, plan, Path(folder))["tokens_per_second"]


def peer(texts: list[str], tokenizer) -> float:
    """Return tokens a second of transformers' Trainer with its defaults."""
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainerCallback, TrainingArguments

    from training import causal_lm

    rows = tokenizer(texts, truncation=True, max_length=256, return_attention_mask=False)["input_ids"]
    seen = {"tokens": 0, "steps": 0, "start": 0.0, "seconds": 0.0}
    pad_and_copy = DataCollatorForLanguageModeling(tokenizer, mlm=False)

    def collate(examples):
        if seen["steps"] >= PEER_WARM_UP:
            seen["tokens"] += sum(len(example["input_ids"]) for example in examples)
        return pad_and_copy(examples)

    class Clock(TrainerCallback):
        def on_step_end(self, arguments, state, control, **rest):
            seen["steps"] += 1
            if seen["steps"] == PEER_WARM_UP:
                seen["start"] = time.perf_counter()
            seen["seconds"] = time.perf_counter() - seen["start"]

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=PEER_ROWS,
            max_steps=PEER_STEPS,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            logging_steps=1000,
        )
        model = causal_lm.new_model()
        model.set_attn_implementation("sdpa")  # the library's default
        Trainer(
            model=model,
            args=arguments,
            train_dataset=[{"input_ids": row} for row in rows],
            data_collator=collate,
            callbacks=[Clock()],
        ).train()
    return seen["tokens"] / seen["seconds"]


def measure() -> list[dict]:
    """Return one row: real tokens a second of both, and the ratio."""
    from transformers import AutoTokenizer

    from workshop_lib import data

    tokenizer = AutoTokenizer.from_pretrained(data.root() / "models" / "causal_lm")
    tokenizer.add_bos_token = False
    texts = documents()
    theirs, mine = peer(texts, tokenizer), ours(texts, tokenizer)
    return [
        {
            "name": "training the base language model",
            "ours": f"{mine:,.0f} tokens/s",
            "peer": f"{theirs:,.0f} tokens/s (Trainer)",
            "ratio": f"{mine / theirs:.2f}× as fast",
            "target": "≥ 2×",
            "met": mine / theirs >= 2,
            "note": "real tokens, without padding; packed, bfloat16, compiled, Muon",
        }
    ]


if __name__ == "__main__":
    print(measure())
