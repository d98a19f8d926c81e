"""Fine-tune a provider's model on hand labels: what it would cost, a typed yes, and only then a call.

OpenAI gives fine-tuning only to organisations that have used it before, and takes no new jobs
from 6 January 2027 on; other providers have the same interface at their own address. Used in
lesson 06.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshop_lib.errors import BadInputError, WorkshopError
from workshop_lib.labeling import page, privacy
from workshop_lib.labeling.budget import cautions
from workshop_lib.labeling.jsonl import Check, usable

if TYPE_CHECKING:
    from workshop_lib.labeling.engines.chat import Server

FEWEST = 10  # examples; OpenAI takes no fewer
YES = "yes"
LAST_JOBS = (  # announced on 7 May 2026 on OpenAI's page "Deprecations", as the press reported it
    "OpenAI gives fine-tuning only to organisations that have used it before, and takes no new jobs from 6 January "
    "2027 on. A fine-tuned model ends with the model that it was made from."
)


class JobError(WorkshopError):
    """A provider didn't take a file or a job."""


def hosted_finetune(
    folder: str | Path,
    model: str,
    price: float,
    epochs: int = 3,
    address: str | None = None,
    key: str | privacy.Secret | None = None,
    seed: int = 0,
    max_cost: float | None = None,
    ask: Callable[[str], str] = input,
    timeout: float = 120.0,
) -> dict | None:
    """Show what a fine-tuning would cost and send, and after a typed "yes" begin it.

    What was uploaded and which job was begun is written down in ``folder`` at each step. The same
    call later begins no second job: it asks how the first one stands, which costs nothing.

    Args:
        folder: with train.jsonl and perhaps valid.jsonl, as `finetune_jsonl` writes them.
        model: the provider's name of the model to begin with, best with its date.
        price: US dollars per million training tokens, from the provider's price page; the price
            list of genai-prices doesn't have it.
        epochs: how often each example is seen, and paid for.
        address: None is OpenAI's, or what OPENAI_BASE_URL says.
        key: as in ``Chat``.
        seed: of the training.
        max_cost: US dollars; a training that could cost more isn't begun.
        ask: shows a question and returns what was typed.
        timeout: seconds for one call.

    Returns:
        The record: job, status, and model (the tuned model's name once it is there, else ""); None
        if the answer wasn't "yes".

    Raises:
        MissingFileError: there is no train.jsonl.
        BadInputError: something is wrong with a file, a number makes no sense, or it could cost
            more than ``max_cost``.
        StopRun: the key isn't accepted, there is no credit, or no such model or address.
        JobError: the provider didn't take a file or the job.

    Used in lesson 06.
    """
    from workshop_lib.labeling.engines.chat import Server

    folder = Path(folder)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise BadInputError(f"epochs is {epochs!r}. Give a whole number above 0.")
    if not isinstance(price, int | float) or not 0 <= price < float("inf"):
        raise BadInputError(f"price is {price!r}. Give US dollars per million training tokens, from the price page.")
    files = [folder / "train.jsonl", *(file for file in [folder / "valid.jsonl"] if file.exists())]
    checks = [usable(file, against=files[:place]) for place, file in enumerate(files)]
    if checks[0].examples < FEWEST:
        raise BadInputError(f"{files[0]} has {checks[0].examples} examples; {FEWEST} are the fewest. Label more.")
    server = Server(model, address, key, timeout, retries=0)  # no second try: it might be a second job
    settings = {"model": model, "epochs": epochs, "seed": seed, "address": server.address}
    settings["files"] = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    mark = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    note = _Note(folder / f"hosted-{mark}.json", settings)
    if not note.record.get("job"):
        most = sum(len(file.read_bytes()) for file in files) * epochs * price / 1e6  # a token has a byte at least
        if max_cost is not None and most > max_cost:
            raise BadInputError(
                f"This training could cost {most:.2f} US dollars, and max_cost is {max_cost}. Train fewer epochs or "
                "examples, or raise it."
            )
        print(offer(server, checks, files, epochs, price, most))
        if not _agreed(ask):
            print("Nothing was sent.")
            return None
        _begin(server, note, files, epochs, seed)
    job = _call(server, lambda client: client.fine_tuning.jobs.with_raw_response.retrieve(note.record["job"]))
    note.add(status=str(job.get("status")), tuned_model=job.get("fine_tuned_model") or "")
    return {"job": note.record["job"], "status": note.record["status"], "model": note.record["tuned_model"]}


def offer(server: Server, checks: list[Check], files: list[Path], epochs: int, price: float, most: float) -> str:
    """Return what is shown before the question: cost, what leaves this machine, and what to know."""
    tokens = sum(check.tokens for check in checks) * epochs
    texts = [file.read_text(encoding="utf-8") for file in files]
    found = [piece.kind for text in texts for piece in privacy.find_personal(text)]
    personal = ", ".join(f"{found.count(kind)} × {kind}" for kind in dict.fromkeys(found)) or "none found by rule"
    known = cautions(server.model) + ([LAST_JOBS] if server.at_openai else [])
    counts = [f"{check.examples} examples ({file.name})" for check, file in zip(checks, files, strict=True)]
    examples = " and ".join(counts)
    return "\n".join(
        [
            f"Fine-tuning {server.model} for {epochs} epochs.",
            f"Cost: about {tokens * price / 1e6:.2f} US dollars ({tokens:,} tokens at {price} per million); "
            f"at the very worst {most:.2f}. Using the tuned model costs extra.",
            f"Leaves this machine: {examples}, {sum(map(len, texts)):,} characters, to {server.address}",
            f"Personal data in it: {personal}.",
            *(f"Caution: {text}" for text in known),
        ]
    )


def _agreed(ask: Callable[[str], str]) -> bool:
    """Return whether "yes" was typed; nobody there to type is a no."""
    try:
        return ask(f"Type {YES} to upload the files and begin, anything else to leave it: ").strip() == YES
    except Exception:  # end of input, a notebook that runs without a person: many kinds
        return False


class _Note:
    """What was done so far, in a file, so that nothing is paid for twice."""

    def __init__(self, file: Path, settings: dict) -> None:
        self.file = file
        try:
            self.record = json.loads(file.read_text(encoding="utf-8")) if file.exists() else settings
        except ValueError:
            raise BadInputError(
                f"{file} can't be read, so it isn't known whether a job was begun. Look at the provider's page, then "
                "delete the file."
            ) from None

    def add(self, **facts: Any) -> None:
        """Write down further facts before going on."""
        self.record = {**self.record, **facts}
        page.write(self.file, json.dumps(self.record, indent=1))


def _begin(server: Server, note: _Note, files: list[Path], epochs: int, seed: int) -> None:
    """Upload what isn't uploaded yet, and begin the job unless an earlier call did."""
    uploaded = note.record.get("uploaded", {})
    for file in files:
        if file.name not in uploaded:
            sent = _call(server, lambda client, file=file: _upload(client, file))
            uploaded = {**uploaded, file.name: sent["id"]}
            note.add(uploaded=uploaded)
    training = uploaded["train.jsonl"]
    if note.record.get("beginning"):  # an earlier call was cut off: the job may be there
        listed = _call(server, lambda client: client.fine_tuning.jobs.with_raw_response.list(limit=100))
        found = [job for job in listed.get("data") or [] if job.get("training_file") == training]
        if found:
            note.add(job=found[0]["id"])
            return
    note.add(beginning=True)
    more = {"validation_file": uploaded["valid.jsonl"]} if "valid.jsonl" in uploaded else {}
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs}}}
    job = _call(
        server,
        lambda client: client.fine_tuning.jobs.with_raw_response.create(
            model=server.model, training_file=training, method=method, seed=seed, **more
        ),
    )
    note.add(job=job["id"])


def _upload(client: Any, file: Path) -> Any:
    with file.open("rb") as stream:
        return client.files.with_raw_response.create(file=(file.name, stream), purpose="fine-tune")


def _call(server: Server, call: Callable) -> dict:
    """Return the body of a reply, or raise a JobError that says what the provider said."""
    reply = server.ask(call)
    if reply.body is None or not {"id", "data"} & set(reply.body):
        said = reply.detail or f"It answered: {privacy.scrub(reply.body, server.key())[:200]}."
        raise JobError(
            f"{server.address} didn't do it. {said} What was done is written down: call hosted_finetune() again to "
            "go on."
        )
    return reply.body
