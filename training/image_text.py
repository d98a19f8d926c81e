"""Train the image-text model (role image_text): a small CLIP on drawings of emoji.

    python -m training.image_text --corpus DIR [--minutes N] [--work DIR]

Reads three styles of drawing, holds the fourth out, learns a tokenizer from the captions,
trains by contrast, and writes ``data/models/image_text``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from training import loop, shipping
from workshop_lib.course.evaluation import image_text as measures
from workshop_lib.course.evaluation.image_text import Drawing

NAME = "image_text"
VOCABULARY = 2048
LONGEST = 20  # tokens of a caption
POSITIONS = 32
BATCH = 256  # pictures in one step, each of another emoji
GROUP_WEIGHT = 0.5  # of the loss over the group names
PATCHES = (12, 18, 24, 36)  # how many of 36 patches a step's pictures keep
SEED = 7
START, END = "<|startoftext|>", "<|endoftext|>"


# ── Captions ─────────────────────────────────────────────────────────────────────────────

NAME_FORMS = (
    "{}",
    "a drawing of {}",
    "a drawing of a {}",
    "a picture of {}",
    "a picture of a {}",
    "an emoji of {}",
    "{} emoji",
)
GROUP_FORMS = (
    "{}",
    "an emoji of the group {}",
    "a drawing from the group {}",
    "something of the kind {}",
)


def caption(drawing: Drawing, chance: random.Random) -> str:
    """Return one wording of what a picture shows: its name or some of its keywords."""
    words = drawing.keywords
    if words and chance.random() < 0.35:
        chosen = chance.sample(words, min(len(words), chance.randint(1, 4)))
        listed = ", ".join(chosen)
        if chance.random() < 0.5:
            return listed
        return chance.choice(NAME_FORMS).format(listed)
    return chance.choice(NAME_FORMS).format(drawing.name)


def all_captions(rows: list[Drawing]) -> Iterator[str]:
    """Yield what the tokenizer is learnt from: every name, keyword and wording."""
    for drawing in rows:
        yield drawing.name
        yield ", ".join(drawing.keywords)
    for form in (*NAME_FORMS, *GROUP_FORMS):
        for group in sorted({drawing.group for drawing in rows}):
            yield form.format(group)


def new_tokenizer(rows: list[Drawing]):
    """Return CLIP's kind of tokenizer with a small vocabulary learnt from the captions."""
    from tokenizers import Tokenizer, models, trainers
    from transformers import CLIPTokenizer

    pattern = CLIPTokenizer().backend_tokenizer
    learner = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix="</w>"))
    learner.normalizer, learner.pre_tokenizer = pattern.normalizer, pattern.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[START, END],
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(all_captions(rows), trainer)
    learnt = json.loads(learner.to_str())["model"]
    merges = [tuple(merge) for merge in learnt["merges"]]
    return CLIPTokenizer(vocab=learnt["vocab"], merges=merges, model_max_length=POSITIONS)


# ── Pictures ─────────────────────────────────────────────────────────────────────────────

# A mirrored arrow, letter, clock or flag is another one.
UNFLIPPED_GROUPS = ("symbols", "flags")
UNFLIPPED_WORDS = {"left", "right", "clock", "thirty", "facing", "letter", "button", "sign"}


def may_flip(drawing: Drawing) -> bool:
    """Return whether the mirror image shows the same thing."""
    return drawing.group not in UNFLIPPED_GROUPS and not UNFLIPPED_WORDS & set(drawing.name.split())


def varied(pixels: torch.Tensor, may_flip: torch.Tensor) -> torch.Tensor:
    """Return pictures moved, turned, scaled, mirrored, tinted, each on some background.

    Args:
        pixels: Shape (n, 4, SIZE, SIZE): red, green, blue, opacity; 0 to 255.
        may_flip: Shape (n,).

    Returns:
        Shape (n, 3, SIZE, SIZE), as the processor would give them: −1 to 1.
    """
    n = len(pixels)
    image = pixels.float() / 255
    image = torch.cat([image[:, :3] * image[:, 3:], image[:, 3:]], dim=1)
    angle = (torch.rand(n) - 0.5) * 0.5  # up to 14 degrees either way
    width, height = 0.85 + 0.5 * torch.rand(2, n)  # above 1: smaller
    mirror = torch.where(may_flip & (torch.rand(n) < 0.5), -1.0, 1.0)
    shift = (torch.rand(2, n) - 0.5) * 0.3
    turn = torch.stack(
        [
            torch.stack([mirror * width * angle.cos(), -width * angle.sin(), shift[0]], dim=1),
            torch.stack([mirror * height * angle.sin(), height * angle.cos(), shift[1]], dim=1),
        ],
        dim=1,
    )  # Shape: (n, 2, 3)
    grid = torch.nn.functional.affine_grid(turn, image.shape, align_corners=False)
    image = torch.nn.functional.grid_sample(image, grid, align_corners=False)
    white = (torch.rand(n, 1, 1, 1) < 0.5).float()
    background = white + (1 - white) * torch.rand(n, 3, 1, 1)
    shown = image[:, :3] + background * (1 - image[:, 3:])
    grey = shown.mean(dim=1, keepdim=True)
    saturation = 0.5 + torch.rand(n, 1, 1, 1)
    saturation = torch.where(torch.rand(n, 1, 1, 1) < 0.1, 0.0, saturation)
    contrast = 0.7 + 0.6 * torch.rand(n, 1, 1, 1)
    tint = 0.3 * (torch.rand(n, 3, 1, 1) - 0.5) + 0.2 * (torch.rand(n, 1, 1, 1) - 0.5)
    shown = (grey + saturation * (shown - grey) - 0.5) * contrast + 0.5 + tint
    return shown.clamp(0, 1) * 2 - 1


def new_processor(tokenizer):
    """Return the processor that goes with the model: it needs Pillow, and not torchvision."""
    from transformers import CLIPProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    images = CLIPImageProcessorPil(
        size={"height": measures.SIZE, "width": measures.SIZE},
        do_center_crop=False,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
    )
    return CLIPProcessor(image_processor=images, tokenizer=tokenizer)


# ── Model ────────────────────────────────────────────────────────────────────────────────


def new_model(vocabulary: int) -> torch.nn.Module:
    """Return the untrained model: 3.0 M parameters, 36 patches of 12 × 12 pixels."""
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(SEED)
    config = CLIPConfig(
        text_config={
            "vocab_size": vocabulary,
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "max_position_embeddings": POSITIONS,
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 1,
        },
        vision_config={
            "image_size": measures.SIZE,
            "patch_size": 12,
            "hidden_size": 192,
            "intermediate_size": 768,
            "num_hidden_layers": 4,
            "num_attention_heads": 6,
        },
        projection_dim=256,
        attn_implementation="eager",  # on a CPU its backward pass is twice as fast
    )
    return CLIPModel(config)


class Contrast(torch.nn.Module):
    """The model and its loss: each picture's caption is nearer than the others', and reversed."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, pixels: torch.Tensor, ids: torch.Tensor, groups: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss.

        Args:
            pixels: Shape (n, 3, SIZE, SIZE).
            ids: Shape (n + number of groups, tokens): the captions, then the group names.
            groups: Shape (n,): each picture's group.
        """
        model, n = self.model, len(pixels)
        images = model.visual_projection(self.seen(pixels))
        texts = model.text_projection(model.text_model(input_ids=ids).pooler_output)
        images = torch.nn.functional.normalize(images.float(), dim=-1)
        texts = torch.nn.functional.normalize(texts.float(), dim=-1)
        scale = model.logit_scale.exp().clamp(max=100)
        scores = scale * images @ texts.T  # Shape: (n, n + groups)
        right = torch.arange(n)
        loss = torch.nn.functional.cross_entropy
        by_name = (loss(scores[:, :n], right) + loss(scores[:, :n].T, right)) / 2
        return by_name + GROUP_WEIGHT * loss(scores[:, n:], groups)

    def seen(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the pictures' vectors from a random part of their patches (Li et al. 2023).

        It costs less, and no single detail can be relied on. In use, all patches are seen.

        Returns:
            Shape (n, hidden)
        """
        vision = self.model.vision_model
        patches = vision.embeddings(pixels)  # Shape: (n, 1 + 36, hidden)
        n, length, hidden = patches.shape
        kept = PATCHES[torch.randint(len(PATCHES), ()).item()]
        chosen = torch.rand(n, length - 1).argsort(dim=1)[:, :kept] + 1
        chosen = torch.cat([torch.zeros(n, 1, dtype=torch.long), chosen], dim=1)
        patches = patches.gather(1, chosen[:, :, None].expand(-1, -1, hidden))
        states = vision.encoder(inputs_embeds=vision.pre_layrnorm(patches)).last_hidden_state
        return vision.post_layernorm(states[:, 0])


class Batches:
    """The training pictures, and the batch of each step."""

    def __init__(self, rows: list[Drawing], tokenizer) -> None:
        self.rows = [row for row in rows if in_training(row)]
        self.pixels = torch.from_numpy(np.stack([row.pixels for row in self.rows]))
        self.pixels = self.pixels.permute(0, 3, 1, 2).contiguous()  # Shape: (n, 4, SIZE, SIZE)
        self.may_flip = torch.tensor([may_flip(row) for row in self.rows])
        self.groups = sorted({row.group for row in rows})
        self.group = torch.tensor([self.groups.index(row.group) for row in self.rows])
        by_name: dict[str, list[int]] = {}
        for place, row in enumerate(self.rows):
            by_name.setdefault(row.name, []).append(place)
        self.emoji = list(by_name.values())
        self.tokenizer = tokenizer

    @lru_cache(maxsize=2)  # noqa: B019 (one object lives as long as the run)
    def order(self, lap: int) -> np.ndarray:
        """Return the order in which one pass takes the emoji."""
        return np.random.default_rng([SEED, lap]).permutation(len(self.emoji))

    def __call__(self, step: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return (pixels, ids, groups) of a step: BATCH different emoji, each in some style."""
        chance = random.Random(f"{SEED} {step}")
        torch.manual_seed(SEED * 1_000_003 + step)
        a_lap = len(self.emoji) // BATCH
        start = step % a_lap * BATCH
        emoji = self.order(step // a_lap)[start : start + BATCH]
        places = torch.tensor([chance.choice(self.emoji[number]) for number in emoji])
        texts = [caption(self.rows[place], chance) for place in places.tolist()]
        texts += [chance.choice(GROUP_FORMS).format(group) for group in self.groups]
        ids = self.tokenizer(
            texts, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
        ).input_ids
        pixels = varied(self.pixels[places], self.may_flip[places])
        return pixels, ids, self.group[places]


def in_training(drawing: Drawing) -> bool:
    """Return whether a picture is one that the training may see."""
    return drawing.style in measures.TRAINED_STYLES and measures.side_of(drawing.name) != "new"


def main(arguments: list[str] | None = None) -> int:
    """Prepare, train, ship."""
    options = shipping.options(__doc__, arguments, minutes=25, name=NAME)
    rows = measures.drawings(options.corpus)
    seen = [row for row in rows if in_training(row)]
    tokenizer = new_tokenizer(seen)
    processor = new_processor(tokenizer)
    batches = Batches(rows, tokenizer)
    contrast = Contrast(new_model(len(tokenizer)))
    whole = sum(p.numel() for p in contrast.parameters())
    print(f"{NAME}: {len(seen):,} pictures of {len(batches.emoji):,} emoji, {whole:,} parameters")

    def loss_of(runner: torch.nn.Module, step: int) -> tuple[torch.Tensor, int]:
        return runner(*batches(step)), BATCH

    def watch(step: int, _: float) -> None:
        shown = measures.zero_shot(contrast.model, processor, rows, "valid")
        print(f"  step {step:,}  " + "  ".join(f"{k} {v}" for k, v in shown.items()), flush=True)

    plan = loop.Plan(NAME, options.minutes, options.lr, compile=False, seed=SEED)
    took = loop.train(contrast, loss_of, plan, options.work, after=watch)
    took["pictures"] = took.pop("tokens")
    took["pictures_per_second"] = took.pop("tokens_per_second")
    print(took)
    ship(contrast.model, processor, took, options.out)
    return 0


def ship(model: torch.nn.Module, processor, took: dict, out: Path) -> None:
    """Write the folder that transformers loads, in float16."""
    model.half().save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    processor.save_pretrained(out)
    processor.image_processor.save_pretrained(out)  # where transformers 4 looks for it
    (out / "training.json").write_text(json.dumps(took, indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
