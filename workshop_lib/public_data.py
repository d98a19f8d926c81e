"""Public data sets by name: where they are, under which licence, and how each is read.

They are downloaded on request, checked against a checksum and kept in a cache; none of them
comes with the course. ``data.load`` calls this. Used in lessons 03, 05 and 10.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workshop_lib.errors import DamagedFileError, OfflineError

if TYPE_CHECKING:
    import pandas as pd

SECONDS = 30  # without an answer, after which a download is given up


@dataclass(frozen=True)
class Remote:
    """One file: its address and its checksum, as 64 (SHA-256) or 32 (MD5) digits, or ""."""

    url: str
    checksum: str


@dataclass(frozen=True)
class PublicSet:
    """One public data set."""

    files: dict[str, Remote]  # by the name that the reader uses
    read: Callable[[dict[str, Path]], pd.DataFrame]
    about: str
    licence: str
    source: str  # the publication


def load(name: str) -> pd.DataFrame:
    """Return a public data set as a table, from the cache or from the network.

    Raises:
        OfflineError: it isn't in the cache, and the network doesn't give it.
        DamagedFileError: a file isn't the published one.
    """
    found = PUBLIC[name]
    paths = {key: fetch(remote, folder() / name / key, name) for key, remote in found.files.items()}
    return found.read(paths)


def folder() -> Path:
    """Return the cache: the folder named by WORKSHOP_CACHE, or one in the user's own."""
    chosen = os.environ.get("WORKSHOP_CACHE", "").strip()
    return Path(chosen) if chosen else Path.home() / ".cache" / "llm-workshop"


def fetch(remote: Remote, file: Path, name: str) -> Path:
    """Return the file, downloaded if it isn't there yet, its checksum compared either way."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(file.name + ".draft")
        try:
            with urllib.request.urlopen(remote.url, timeout=SECONDS) as answer, draft.open("wb") as out:
                shutil.copyfileobj(answer, out)
        except OSError as error:  # no network, no such host, no such file, a full disk
            draft.unlink(missing_ok=True)
            raise OfflineError(
                f"The data set '{name}' must be downloaded once, and {remote.url} didn't give it "
                f"({error}). Connect to the network and run this again, or copy the file by hand to "
                f"{file}"
            ) from error
        check(remote, draft, name)
        os.replace(draft, file)
    check(remote, file, name)
    return file


def check(remote: Remote, file: Path, name: str) -> None:
    """Delete a file that isn't the published one, and say so.

    Where no checksum is published, the one of the first download is kept beside the file.
    """
    kind = "md5" if len(remote.checksum) == 32 else "sha256"
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, kind).hexdigest()
    kept = file.with_name(file.name.removesuffix(".draft") + ".sha256")
    expected = remote.checksum or (kept.read_text().strip() if kept.exists() else found)
    if not remote.checksum and not kept.exists():
        kept.write_text(found + "\n")
    if found != expected:
        file.unlink()
        raise DamagedFileError(
            f"A file of the data set '{name}' from {remote.url} is not the expected one: its {kind} "
            f"begins with {found[:12]}, and {expected[:12]} is expected. It was deleted. Run this "
            "again; if it happens twice, the publisher has changed the file: report it."
        )


# ── Readers ──────────────────────────────────────────────────────────────────────────────


def labelled_lines(labels: list[str]) -> Callable[[dict[str, Path]], pd.DataFrame]:
    """Return a reader of tweet_eval's files: a text a line, and the number of its label a line."""

    def read(paths: dict[str, Path]) -> pd.DataFrame:
        import pandas as pd

        rows = []
        for split, stem in (("train", "train"), ("valid", "val"), ("test", "test")):
            texts = paths[f"{stem}_text.txt"].read_text(encoding="utf-8").splitlines()
            numbers = paths[f"{stem}_labels.txt"].read_text(encoding="utf-8").split()
            rows += [
                {"text": text.strip(), "label": labels[int(number)], "split": split}
                for text, number in zip(texts, numbers, strict=True)
            ]
        return with_ids(pd.DataFrame(rows))

    return read


def go_emotions(paths: dict[str, Path]) -> pd.DataFrame:
    """Read GoEmotions: the labels of a comment, joined by commas."""
    import pandas as pd

    names = paths["emotions.txt"].read_text(encoding="utf-8").split()
    rows = []
    for split, file in (("train", "train.tsv"), ("valid", "dev.tsv"), ("test", "test.tsv")):
        for line in paths[file].read_text(encoding="utf-8").splitlines():
            text, numbers, _ = line.split("\t")
            label = ",".join(names[int(number)] for number in numbers.split(","))
            rows.append({"text": text, "label": label, "split": split})
    return with_ids(pd.DataFrame(rows))


def pairs(paths: dict[str, Path]) -> pd.DataFrame:
    """Read parallel files: line n of one is the translation of line n of the other."""
    import pandas as pd

    def lines(file: Path) -> list[str]:
        opener = gzip.open if file.suffix == ".gz" else open
        with opener(file, "rt", encoding="utf-8") as stream:
            return stream.read().splitlines()

    parts = []
    for split in dict.fromkeys(key.split(".")[0] for key in paths):
        ends = {key.split(".")[1]: file for key, file in paths.items() if key.split(".")[0] == split}
        parts.append(pd.DataFrame({"english": lines(ends["en"]), "french": lines(ends["fr"]), "split": split}))
    return with_ids(pd.concat(parts, ignore_index=True))


def plain_table(paths: dict[str, Path]) -> pd.DataFrame:
    """Read one CSV file as it is, all columns as strings."""
    import pandas as pd

    (file,) = paths.values()
    return with_ids(pd.read_csv(file, dtype=str, keep_default_na=False, encoding_errors="replace"))


def with_ids(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a first column "id", unless it has one."""
    if "id" not in table.columns:
        table.insert(0, "id", [str(number) for number in range(len(table))])
    return table


# ── The sets ─────────────────────────────────────────────────────────────────────────────

GITHUB = "https://raw.githubusercontent.com"
TWEET_EVAL = f"{GITHUB}/cardiffnlp/tweeteval/4fbd22cd78421f05b1ecdb4fc5725bc7a7bd8f66/datasets"
TWEET_EVAL_SHA256 = {
    "emotion/test_labels.txt": "245072348c711961785be6d395997f97cf7fcda3effeae7805664171dc75f913",
    "emotion/test_text.txt": "7e1070f5d3e3fcece5bc73680bff9981e90d8f7b2f1009bfe7a01d059d1c6091",
    "emotion/train_labels.txt": "987e767d8679e18abdf7de37a6d2bcd0a40a296ddd704e8d515cf0e3033c8d9c",
    "emotion/train_text.txt": "2c62f67aeb3eac1aea0e5a9c3d0f4bc337992581f3f858061786a1fb4d79d95e",
    "emotion/val_labels.txt": "313730630160b7e0a6b4235b800c76683f4aeeb72d094eb69646630cd5cfe338",
    "emotion/val_text.txt": "e2e30c86b8cbb97944d6543aedc06eace3bb275cb2f381aba787b838b4f23ca5",
    "hate/test_labels.txt": "c14adca6b3627616a835c5ccea8a1cceb0235cd79417257f093eb0e16a69c62f",
    "hate/test_text.txt": "bc4762876a8dd8baa55c3cd7b03108e3231a5d691e80b8b1ef97c5be31b9da9a",
    "hate/train_labels.txt": "4e8fde025a453a25c94632794254131dedeac4e57228ad64157c41571cc88f71",
    "hate/train_text.txt": "6572bb3a42143128a5dfa99af8debeb0668e637c34b2d1e3140dac47316fe2c2",
    "hate/val_labels.txt": "5092badf1a0e70036ea6264bcd0b78afc07d0f4a512fa6af34c2c4973600656b",
    "hate/val_text.txt": "1ff78b1ed4c5ce43284b9eba32eb7d60c6d45d0d1b3b4d6df456ae01640764f1",
    "offensive/test_labels.txt": "41d05a7aa0b01f5dafab21b95adb4f979cb4226c046ff315702774d10dac1605",
    "offensive/test_text.txt": "25b08c3333c26190f1023961c4508ec9aab24d4722b1a3ea7a6040724c120547",
    "offensive/train_labels.txt": "c0b7d6ebdaa4ebcf6fc557ef1e775d92eda160218a0e3b1dd48eb8234dc892a6",
    "offensive/train_text.txt": "78a7a32e38b10af7d8970b008bf17f661c8d0a90dad145fa0fa6a944669650db",
    "offensive/val_labels.txt": "ed2deb776bd1c52fb8221fadd3360e32d9dfe46842d78053528126e46363a258",
    "offensive/val_text.txt": "816f36d180c35f15a5104838cb73856a0bef42043482fe738f3481b06242a55c",
    "sentiment/test_labels.txt": "6afb4afe9374d1f983bcf9a7c79b108d0f37fdf020a83f30488309bed215db9d",
    "sentiment/test_text.txt": "09a93a55c63fd93f97485ef7302889d7edb4091cd49733aa37da094f0bfa0675",
    "sentiment/train_labels.txt": "122bfb1732fb6995b0e5c5f726c0ba457c469c3b6e60513007ce5037f23e65d4",
    "sentiment/train_text.txt": "368f01052ea6fd8ffc408a2a2e6ac9669e31542581a0396ef16591ea26eb98a6",
    "sentiment/val_labels.txt": "b4566926c72e2e4e2916c864def94e76c4cdde52446af2c7ba4fc2006e057e51",
    "sentiment/val_text.txt": "e5b021e6fc45064c260b09814b803d8f56cada519c4d952d72f43d48a350a964",
    "stance/abortion/test_labels.txt": "c90e6d36d863f876d6661620d37b613b4b07858a5277c8d6623713ee59ca451c",
    "stance/abortion/test_text.txt": "bf0e16a0b8ca4cf0ab90efbc560db3151c288fc842f5e3c6554e8589d521556a",
    "stance/abortion/train_labels.txt": "e6786a594bd9a083c524a0f420c690351140b52af288f487cb4772d29675b014",
    "stance/abortion/train_text.txt": "a421d5b8fd9f972970b9275b83f65745bf81986d2a412b4caa2ba071f3efa916",
    "stance/abortion/val_labels.txt": "8df57a50823d5f3683ecf75d824a42e3b08eb52e25e3e2d6928f523097a0c050",
    "stance/abortion/val_text.txt": "0428ab3f2894936f2445a9020763c2bd19ed42986872168bb65886dede5843fd",
    "stance/climate/test_labels.txt": "193c9f2358f61d9efe558324ec89ecaf08e600a44b68128f47838c01d9f98dfd",
    "stance/climate/test_text.txt": "41ee8ee2ad3c36e0629654fdb271f37775197c79be8b299adbeadd2003b63c53",
    "stance/climate/train_labels.txt": "d6274f55bc95f5a7f2ae591b886c1414a7664aaf4e0c609f4ba6cf377929af18",
    "stance/climate/train_text.txt": "4803211832d318026323a8e5014cff1b95e1c8c3854378101e5d1a8c82582eb7",
    "stance/climate/val_labels.txt": "0cb133ab9b137292f075210db45f7e293dc52798a4e21e59037bfcfe66c97aa6",
    "stance/climate/val_text.txt": "fc5714703add266801ee2fd98296ea20ec0879e89cdb9f906d9812d9f640f2ba",
}
TWEET_EVAL_LABELS = {
    "emotion": ["anger", "joy", "optimism", "sadness"],
    "hate": ["not-hate", "hate"],
    "offensive": ["not-offensive", "offensive"],
    "sentiment": ["negative", "neutral", "positive"],
    "stance/abortion": ["none", "against", "favour"],
    "stance/climate": ["none", "against", "favour"],
}
GO_EMOTIONS = f"{GITHUB}/google-research/google-research/4700efb9afa54286b0e04473ba80a13e8461e25f/goemotions/data"
GO_EMOTIONS_SHA256 = {
    "train.tsv": "1c254a142be5c00e80d819b9ae1bbd36d94b2eeb8f4b1271846508d57e57d9c5",
    "dev.tsv": "575489c079c9de1097062a01738f998590d6b7ead66dd1c9fd1d2ba01fd8bc62",
    "test.tsv": "0587b2dd8b27b97352adbfc3fb083d46005c8946657fdc2b1ca8b1cc7f1f8be4",
    "emotions.txt": "45c3ef86782d2a4d7fedcd6d8c111aa0d0e94720689bd164fac94fefb4495a89",
}
MULTI30K = f"{GITHUB}/multi30k/dataset/c9be912dc05a3ebf9ae5bb5f7f58c1791cda43ab/data/task1/raw"
MULTI30K_MD5 = {
    "train.en.gz": "0065d13af80720a55ca8153d126e6627",
    "train.fr.gz": "6cb767741dcad3931f966fefbc05203f",
    "val.en.gz": "2b69aa9253948ac9f67e94917272dd40",
    "val.fr.gz": "93fc564584b7e5ba410c761ea5a1c682",
    "test_2016_flickr.en.gz": "ff2c0fcb4893a13bd73414306bc250ae",
    "test_2016_flickr.fr.gz": "08dc7cd4a662f31718412de95ca9bfe3",
}
TATOEBA = f"{GITHUB}/facebookresearch/LASER/fec5c7d63daa2bea9d127e8252b10e87278586c0/data/tatoeba/v1/tatoeba.fra-eng"
KAVANAUGH = f"{GITHUB}/bestvater/sentiment-is-not-stance/560061a87787b2f98037a73bb0eb17e382a9c202/data"
NON_VOTERS = f"{GITHUB}/fivethirtyeight/data/40503d9bc464efd2e31ddf5b5c7a1815176b7359/non-voters"

PUBLIC = {
    **{
        f"tweet_eval/{task}": PublicSet(
            {
                file.removeprefix(f"{task}/"): Remote(f"{TWEET_EVAL}/{file}", digest)
                for file, digest in TWEET_EVAL_SHA256.items()
                if file.startswith(f"{task}/")
            },
            labelled_lines(labels),
            f"tweets labelled for {task.replace('/', ' towards ')}",
            "terms of the task's authors and of Twitter; for research, not to be passed on",
            "Barbieri et al. 2020",
        )
        for task, labels in TWEET_EVAL_LABELS.items()
    },
    "go_emotions": PublicSet(
        {name: Remote(f"{GO_EMOTIONS}/{name}", digest) for name, digest in GO_EMOTIONS_SHA256.items()},
        go_emotions,
        "Reddit comments labelled for 27 emotions",
        "CC BY 4.0",
        "Demszky et al. 2020",
    ),
    "kavanaugh_stance": PublicSet(
        {"tweets.csv": Remote(f"{KAVANAUGH}/kavanaugh_tweets_groundtruth.csv", "")},
        plain_table,
        "tweets about a judge's confirmation, labelled for sentiment and for stance",
        "not stated by the authors; for replication, not to be passed on",
        "Bestvater and Monroe 2023",
    ),
    "multi30k": PublicSet(
        {name: Remote(f"{MULTI30K}/{name}", digest) for name, digest in MULTI30K_MD5.items()},
        pairs,
        "captions of pictures in English and French",
        "not stated in the repository; for research",
        "Elliott et al. 2016, 2017",
    ),
    "nonvoters": PublicSet(
        {
            "nonvoters_data.csv": Remote(
                f"{NON_VOTERS}/nonvoters_data.csv", "c3a8e5b5a2a82e137f60a63c073326f642a7794c91d8e56fc63195efcf0098f8"
            )
        },
        plain_table,
        "why many Americans don't vote: 5,836 people asked in 2020, with weights and voting record",
        "CC BY 4.0",
        "FiveThirtyEight and Ipsos 2020",
    ),
    "tatoeba": PublicSet(
        {
            "test.fr": Remote(f"{TATOEBA}.fra", "644172ff9642fefa9e41c29b7d6f44196518e84350dc44d4992e943c0cca92b6"),
            "test.en": Remote(f"{TATOEBA}.eng", "5634220f8a26a9a23b84753a9aec0b0832e6bdaa9da3f83e0bd84c928c3f46e3"),
        },
        pairs,
        "1,000 everyday sentences in English and French",
        "CC BY 2.0 FR",
        "Artetxe and Schwenk 2019; tatoeba.org",
    ),
}
