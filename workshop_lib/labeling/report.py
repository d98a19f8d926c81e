"""A run as one HTML page: what was asked, of whom, at what cost, and how right the answers are.

The page needs no network and no script, and prints as it stands. Every text in it is escaped,
and keys are taken out. Used in lesson 06.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from workshop_lib.errors import BadInputError, closest
from workshop_lib.labeling import page
from workshop_lib.labeling.codebook import Codebook
from workshop_lib.labeling.methods import methods, shots_in_words
from workshop_lib.labeling.page import say
from workshop_lib.labeling.protocol import STATUSES, Request
from workshop_lib.labeling.tables import as_label

if TYPE_CHECKING:
    import pandas as pd

    from workshop_lib.labeling.validation import Validation

NEEDED = ("id", "question", "repeat", "label", "status", "model", "input_tokens", "output_tokens", "cost", "detail")
UNKNOWN = "aren't known: the results came without the folder of a run."


class Run(NamedTuple):
    """What the store of a run says of it."""

    facts: dict  # engine, model, settings, wording, …
    sessions: list[dict]
    lost: float  # US dollars of calls that were cut off
    prompts: dict[str, Request]  # by question, as sent
    texts: dict[str, str]  # by id, of the items asked for


def report(
    results: pd.DataFrame,
    codebook: Codebook,
    gold: pd.DataFrame | None = None,
    folder: str | Path | None = None,
    file: str | Path = "report.html",
    title: str | None = None,
    sample: bool | None = None,
    texts: bool = True,
    listed: int = 200,
    bootstrap: int = 1000,
) -> Path:
    """Write all there is to say of a run into one HTML file, and return the file.

    Args:
        results: of `label`, `resume` or `read_results`. Repeats are counted as calls, and put to
            the vote before they are compared with hand labels.
        codebook: the one that was asked.
        gold: hand labels, as for `validate`; None: the page says that they are missing.
        folder: the run's folder; None takes the one that the results came from. From it come the
            prompts as sent, settings, dates and versions.
        file: where to write.
        title: of the page.
        sample: True if gold holds only some of the items; see `validate`.
        texts: whether texts of items are shown, in prompts and disagreements. Say False before
            you publish texts that aren't yours.
        listed: the most disagreements that are listed for a question.
        bootstrap: number of samples for the intervals.

    Raises:
        BadInputError: no results, several answers to a question about an item, another codebook
            than the run's, gold that fits no question or item, or a file that can't be written.
        MissingFileError: there is no run in the folder.

    Used in lesson 06.
    """
    from workshop_lib.labeling import runs

    folder = folder if folder is not None else getattr(results, "attrs", {}).get("folder")
    book = _checked(results, codebook, gold)
    items = runs.vote(results) if results["repeat"].nunique() > 1 else results
    if items.duplicated(["id", "question"]).any():
        raise BadInputError("Some questions have several answers about one item. Write one report for each run.")
    coded = [name for name in book.questions if gold is not None and name in gold]
    found = {name: _validated(items, gold, book, name, sample, bootstrap) for name in coded}
    differing = {name: disagreements(items, gold, book, name) for name in coded}
    wanted = {one for table in differing.values() for one in table["id"][:listed]} if texts else set()
    run = read_run(folder, wanted) if folder is not None else None
    if run is not None:
        _same_codebook(run, book)
    known = _texts(gold, run) if texts and coded else {}
    sections = [
        ("For the methods section", _methods(results, book, gold, found, run)),
        ("Codebook", _codebook(book)),
        ("Engine, model and versions", _engine(results, run)),
        ("Prompts as sent", _prompts(run, texts)),
        ("Answers by status", _statuses(results, texts)),
        ("Tokens and cost", _costs(results, run)),
    ]
    for name in book.questions:
        if name in found:
            parts = [_agreement(*found[name], prefix=f"figure{len(sections)}-")]
            parts.append(_differences(differing[name], known, listed, texts))
        else:
            parts = [page.paragraph("No hand labels: how right these answers are isn't known.")]
        sections.append((f"Question '{name}'", "".join(parts)))
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    sections.append(("About this page", page.paragraph(f"Written on {made} by workshop_lib.")))
    return page.write(file, page.page(title or f"Labelling report: {codebook.name}", sections))


def read_run(folder: str | Path, wanted: Iterable[str] = ()) -> Run:
    """Return what a run's store says of it, with one request a question and the texts of some items."""
    from workshop_lib.labeling.store import Store

    left, prompts, texts = set(wanted), {}, {}
    with Store(folder, create=False) as store:
        facts, sessions, lost = store.facts(), store.sessions(), store.ledger()["lost"]
        store.choose_all()
        questions = set(facts.get("codebook", {}).get("questions", {}))
        for _, request in store.prompts():
            prompts.setdefault(request.question, request)
            if request.item.id in left:
                texts[request.item.id] = request.item.text or f"(picture {request.item.image})"
                left.discard(request.item.id)
            if not left and questions <= set(prompts):
                break
    return Run(facts, sessions, lost, prompts, texts)


def disagreements(results: pd.DataFrame, gold: pd.DataFrame, codebook: Codebook, question: str) -> pd.DataFrame:
    """Return the items whose answer isn't the gold label: id, gold, answer, stated probability; the surest first."""
    import pandas as pd

    asked = codebook.questions[question]
    truth = {as_label(one): _label(asked, value) for one, value in zip(gold["id"], gold[question], strict=True)}
    mine = results[(results["question"] == question) & (results["status"] == "ok")]
    stated = mine["probabilities"] if "probabilities" in mine else [None] * len(mine)
    rows = []
    for one, answer, given in zip(mine["id"].map(as_label), mine["label"], stated, strict=True):
        expected, answer = truth.get(one), _label(asked, answer)
        if expected is not None and expected != answer:
            sure = given.get(answer) if isinstance(given, dict) else None
            rows.append((one, expected or "none", answer or "none", sure))
    table = pd.DataFrame(rows, columns=["id", "gold", "answer", "stated probability"])
    table["stated probability"] = table["stated probability"].astype(float)
    return table.sort_values("stated probability", ascending=False, kind="stable", ignore_index=True)


def _checked(results: pd.DataFrame, codebook: Codebook, gold: pd.DataFrame | None) -> Codebook:
    """Return the part of the codebook that the results are about, or raise an error."""
    if not isinstance(codebook, Codebook):
        raise BadInputError(f"This is a {type(codebook).__name__}, not a Codebook. Read one with Codebook.read.")
    missing = [name for name in NEEDED if name not in getattr(results, "columns", [])]
    if missing or not len(results):
        problem = f"have no column '{missing[0]}'" if missing else "have no rows"
        raise BadInputError(f"The results {problem}. Give what label(), resume() or read_results() returned.")
    asked = list(results["question"].unique())
    book = codebook.only(*sorted(asked, key=[*codebook.questions, *asked].index))
    if gold is not None and not any(name in gold for name in book.questions):
        known = closest(next(iter(book.questions)), [str(column) for column in gold.columns])
        raise BadInputError(f"Gold has a column for none of: {', '.join(book.questions)}. {known}")
    return book


def _same_codebook(run: Run, book: Codebook) -> None:
    """Raise an error if the run asked something else than the codebook says."""
    if run.facts.get("codebook_yaml"):
        was = Codebook.from_yaml(run.facts["codebook_yaml"])
        other = [name for name, asked in book.questions.items() if repr(was.questions.get(name)) != repr(asked)]
        other += ["the introduction"] if was.introduction != book.introduction else []
        if other:
            raise BadInputError(
                f"The codebook isn't the one that was asked: {', '.join(other)} differs. Give the codebook "
                "that label() was given, or the folder of the right run."
            )


def _validated(results, gold, book, name, sample, bootstrap) -> tuple[Validation | None, list[str]]:
    """Return the validation, or None, and what there is to warn of."""
    from workshop_lib.labeling.validation import pitfalls, validate

    signs = [found.message for found in pitfalls(results, gold, name, sample=sample)]  # ids that don't fit raise
    try:
        found = validate(results, gold, book, name, bootstrap=bootstrap, sample=sample)
    except BadInputError as error:  # labels that aren't in the codebook, or no answer at all: the page says so
        return None, [*signs, f"Agreement couldn't be computed. {error}"]
    return found, list(found.warnings)


# Sections ---------------------------------------------------------------------------------------


def _methods(results, book, gold, found, run) -> str:
    facts, sessions = (run.facts, run.sessions) if run is not None else (None, [])
    validations = {name: validation for name, (validation, _) in found.items()}
    text, missing = methods(results, book, facts, sessions, validations, gold)
    return page.paragraph(text) + page.paragraph("What is missing, and a reader will ask for:") + page.bullets(missing)


def _codebook(book: Codebook) -> str:
    parts = [page.paragraph(f"Name: {book.name}")]
    if book.introduction:
        parts += [page.paragraph("Introduction, sent with each request:"), page.preformatted(book.introduction)]
    for name, asked in book.questions.items():
        meanings = asked.meanings()
        shown = [asked.options[0], *meanings, asked.options[-1]] if asked.kind == "scale" else asked.options
        rows = [(label, meanings.get(label, "no definition")) for label in sorted(set(shown), key=asked.options.index)]
        parts += [f"<h3>{say(name)} ({say(asked.kind)})</h3>", page.paragraph(asked.ask or "No question in words.")]
        parts += [page.table(["label", "definition"], rows, f"Labels of '{name}'"), page.bullets(asked.exclusions)]
        if asked.examples:
            examples = [(text, asked.say(label)) for text, label in asked.examples]
            parts.append(page.table(["text", "label"], examples, f"Examples of '{name}'"))
    return "".join(parts)


def _engine(results: pd.DataFrame, run: Run | None) -> str:
    named = results["model"][results["status"] == "ok"].replace("", "(not named)").value_counts()
    parts = [page.table(["model, as the server named it", "answers"], named.items(), "Models that answered")]
    if len(named) > 1:
        parts.append(page.warning("The answers don't come from one and the same model."))
    if run is None:
        return "".join([*parts, page.warning(f"Engine, settings, dates and versions {UNKNOWN}")])
    facts = run.facts
    order, settings = facts.get("order_seed"), facts.get("settings", {})
    rows = {"engine": facts.get("engine"), "model asked for": facts.get("model")}
    rows |= {f"setting {name}": value for name, value in settings.items() if name not in ("engine", "model")}
    rows |= {"runs on this machine": "yes" if facts.get("local") else "no", "wording": facts.get("wording")}
    rows["order of the labels"] = "as in the codebook" if order is None else f"shuffled with seed {order}"
    rows |= {"examples in the prompt": shots_in_words(facts.get("shots")), "repeats": facts.get("repeats")}
    if facts.get("price"):
        rows["price given (US dollars per million tokens in, out)"] = ", ".join(map(str, facts["price"]))
    said = [(name, str(value)) for name, value in rows.items()]
    parts.append(page.table(["setting", "value"], said, "How it was asked"))
    begun = []
    for session in run.sessions:
        versions = ", ".join(f"{name} {version}" for name, version in session.get("versions", {}).items())
        begun.append((session.get("started", ""), session.get("verb", ""), versions))
    return "".join([*parts, page.table(["begun (UTC)", "call", "versions"], begun, "Dates and versions of packages")])


def _prompts(run: Run | None, texts: bool) -> str:
    if run is None or not run.prompts:
        return page.warning(f"The prompts {UNKNOWN}")
    parts = [page.paragraph(f"One request of each question, in wording {run.facts.get('wording')}.")]
    for name, request in run.prompts.items():
        parts.append(f"<h3>{say(name)}, asked about item {say(request.item.id)}</h3>")
        for message in request.messages:
            content = message["content"]
            pieces = [{"type": "text", "text": content}] if isinstance(content, str) else content
            shown = "".join(piece["text"] if piece.get("type") == "text" else "[picture]" for piece in pieces)
            for hidden in () if texts else _texts_in_prompts(run, request):
                shown = shown.replace(hidden, "[text]")
            parts += [page.paragraph(f"{message['role']}:"), page.preformatted(shown)]
    return "".join(parts)


def _texts_in_prompts(run: Run, request: Request) -> list[str]:
    """Return the item's text and those of the examples, the longest first."""
    shots = run.facts.get("shots") or {}
    examples = shots.get("frame", {}).get(shots.get("text"), [])
    found = {str(text) for text in [request.item.text, *examples] if text}
    return sorted(found, key=len, reverse=True)


def _statuses(results: pd.DataFrame, texts: bool) -> str:
    rows = []
    for name, part in results.groupby("question", sort=False):
        rows.append((name, len(part), *part["status"].value_counts().reindex(STATUSES, fill_value=0)))
    parts = [page.table(["question", "calls", *STATUSES], rows, "Calls by status; only 'ok' has a label")]
    failed = results[results["status"] != "ok"]
    if len(failed) and texts:  # what a model wrote instead of a label may quote an item
        reasons = failed.assign(detail=failed["detail"].astype(str).str[:200]).groupby(["status", "detail"]).size()
        rows = [(*reason, count) for reason, count in reasons.sort_values(ascending=False)[:10].items()]
        parts.append(page.table(["status", "why", "calls"], rows, "The most frequent reasons for no label"))
    return "".join(parts)


def _costs(results: pd.DataFrame, run: Run | None) -> str:
    rows = []
    for name, part in [*results.groupby("question", sort=False), ("all", results)]:
        cost = "not known" if part["cost"].isna().all() else f"{part['cost'].sum():.4f}"
        rows.append((name, int(part["input_tokens"].sum()), int(part["output_tokens"].sum()), cost))
    parts = [page.table(["question", "tokens in", "tokens out", "cost (US dollars)"], rows, "Tokens and cost")]
    if unknown := int(results["cost"].isna().sum()):
        parts.append(page.paragraph(f"Calls whose cost isn't known: {unknown}."))
    if run is not None and run.lost:
        parts.append(page.paragraph(f"Calls that were cut off may have cost up to {run.lost:.4f} US dollars more."))
    return "".join(parts)


def _agreement(found: Validation | None, notes: list[str], prefix: str) -> str:
    parts = ["<h3>Pitfalls</h3>", *map(page.warning, notes)]
    parts += [] if notes else [page.paragraph("None of those that are looked for was found.")]
    if found is None:
        return "".join(parts)
    about = f"{found.items} items have a hand label, {found.answered} of them an answer; the figures are about these."
    parts += ["<h3>Agreement</h3>", page.paragraph(about)]
    parts.append(page.frame_table(found.figures, "Agreement with 95 % intervals, and what two human coders reach"))
    if found.coders is None:
        parts.append(page.paragraph("No labels of single coders: there is no ceiling to compare with."))
    else:
        parts.append(page.frame_table(found.coders, "Coders and model in pairs"))
    parts.append(page.frame_table(found.by_label, "By label"))
    by = "counts by label" if found.kind == "tags" else "hand labels in rows, answers in columns"
    parts.append(page.frame_table(found.confusion, f"Confusion: {by}", shade=True))
    parts.append("<h3>Calibration</h3>")
    if found.reliability is None:
        return "".join([*parts, page.paragraph("The engine gave no probabilities: calibration can't be judged.")])
    from workshop_lib.plots.labeling import reliability

    bins = "; ".join(f"stated {row.stated:.2f}, right {row.right:.2f}" for row in found.reliability.itertuples())
    error = found.reliability.attrs["ece"]
    alternative = f"Share right by stated probability; expected calibration error {error:.3f}. By bins: {bins}."
    parts.append(page.inline_svg(reliability({"answers": found.reliability}), alternative, prefix))
    return "".join([*parts, page.frame_table(found.reliability, "Stated probability and share right, by bins")])


def _differences(table: pd.DataFrame, known: dict[str, str], listed: int, texts: bool) -> str:
    first = f", of which the first {listed} are listed" if len(table) > listed else ""
    parts = ["<h3>Disagreements</h3>", page.paragraph(f"Answers that aren't the hand label: {len(table)}{first}.")]
    shown = table[:listed].assign(text=[known.get(one, "") for one in table["id"][:listed]] if texts else None)
    shown = shown if texts else shown.drop(columns="text")
    rows = list(shown.itertuples(index=False, name=None))
    parts += [page.table(list(shown.columns), rows, "Disagreements, the surest first")] if rows else []
    return "".join(parts)


# Tables that come in ----------------------------------------------------------------------------


def _texts(gold: pd.DataFrame, run: Run | None) -> dict[str, str]:
    """Return id -> text of the items, from the run and from gold."""
    known = dict(run.texts) if run is not None else {}
    if "text" in gold:
        written = gold[gold["text"].notna()]
        known |= dict(zip(written["id"].map(as_label), written["text"].astype(str), strict=True))
    return known


def _label(asked: Any, value: Any) -> str | None:
    """Return a label as the codebook stores it; one that it doesn't have stays as it is."""
    label = as_label(value)
    if label is None:
        return None
    try:
        return asked.check(label)
    except BadInputError:
        return label
