"""May the model take a coder's place, and do its labels depend on the order of the options or the wording?

Used in lesson 06.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workshop_lib.agreement import krippendorff_alpha
from workshop_lib.classify.measures import mcnemar
from workshop_lib.errors import BadInputError, UnknownNameError, closest
from workshop_lib.labeling.tables import answers, coder_columns, joined, need_columns, same_ids


# Can the model take a coder's place?


@dataclass(frozen=True, eq=False)
class AlternativeAnnotatorTest:
    """Whether the model stands for the other coders at least as well as most coders do."""

    winning_rate: float  # share of coders whom the model beats
    passes: bool  # winning rate of at least one half
    advantage: float  # mean share of items on which the model does at least as well as the coder left out
    epsilon: float
    table: pd.DataFrame  # one row a coder
    left_out: int  # items without an answer or with fewer than two coders

    def __str__(self) -> str:
        beaten, coders = int(self.table["wins"].sum()), len(self.table)
        few = " Two coders show no consensus: three or more are better." if coders == 2 else ""
        return (
            f"Alternative-annotator test (epsilon {self.epsilon:g}): winning rate {self.winning_rate:.2f} "
            f"({beaten} of {coders} coders), {'passed' if self.passes else 'not passed'}; it takes 0.50.\n"
            f"Average advantage probability {self.advantage:.2f}. {self.left_out} items left out "
            f"(no answer, or fewer than two coders).{few}\n{self.table.round(4).to_string()}"
        )

    __repr__ = __str__


def _match(label: str, others: list[str]) -> float:
    return float(np.mean([label == other for other in others]))


def _closeness(label: str, others: list[str]) -> float:
    return -float(np.sqrt(np.mean([(_number(label) - _number(other)) ** 2 for other in others])))


def _number(label: str) -> int:
    try:
        return int(label)
    except ValueError:
        remedy = "Choose another alignment or mend the labels."
        raise BadInputError(f"The label '{label}' isn't a whole number. {remedy}") from None


def _overlap(label: str, others: list[str]) -> float:
    sets = [set(one.split("|")) if one else set() for one in (label, *others)]
    pairs = [(sets[0] & other, sets[0] | other) for other in sets[1:]]
    mean = np.mean([len(shared) / len(either) if either else 1.0 for shared, either in pairs])
    return round(float(mean), 12)  # so that ties are ties, whatever the order of the coders


ALIGNMENTS = {"accuracy": _match, "error": _closeness, "jaccard": _overlap}


def alternative_annotator_test(
    results: pd.DataFrame, gold: pd.DataFrame, question: str, epsilon: float,
    alignment: str = "accuracy", level: float = 0.05, sample: bool | None = None,
) -> AlternativeAnnotatorTest:  # fmt: skip
    """Return whether the model may take a coder's place: the alternative-annotator test.

    Each coder j is left out in turn. On each item, the model's and the coder's label are held against those of
    the other coders; d = +1 where only the coder does at least as well, −1 where only the model does, 0 where
    both do. H0: mean d ≥ ε. The model beats coder j if H0 is rejected, after the Benjamini–Yekutieli correction
    for the number of coders. The winning rate is the share of coders beaten; the test is passed from 0.5.
    A one-sided t test; with fewer than 30 items of a coder, Wilcoxon's signed-rank test.

    Args:
        results: a run.
        gold: "id", the question's column and two or more ``<question>_coder_N``. Three are better.
        question: its name.
        epsilon: how much worse the model may be, since it costs less. The authors advise 0.2 where the coders
            are experts, 0.15 for trained coders, 0.1 for crowd workers.
        alignment: "accuracy" (share of others with the same label), "error" (−RMSE, of a scale) or
            "jaccard" (of tags).
        level: false discovery rate.
        sample: True if gold holds only some of the items. By default, whether it has a column "inclusion".

    Raises:
        BadInputError: fewer than two coders, an epsilon outside 0 to 1, labels that aren't numbers.

    Source: Calderon, Reichart and Dror (2025), The Alternative Annotator Test for LLM-as-a-Judge, ACL,
    16051–16081; Benjamini and Yekutieli (2001), Annals of Statistics 29. Used in lesson 06.
    """
    from scipy.stats import false_discovery_control

    if not 0 <= epsilon < 1:
        advice = "0.2 for experts, 0.15 for trained coders, 0.1 for crowd workers"
        raise BadInputError(f"epsilon is {epsilon}. Give a number from 0 to 1: {advice}.")
    if alignment not in ALIGNMENTS:
        raise UnknownNameError(f"There is no alignment '{alignment}'. {closest(alignment, list(ALIGNMENTS))}")
    table = joined(results, gold, question, sample)
    coders = coder_columns(table)
    if len(coders) < 2:
        raise BadInputError(
            f"Gold has {len(coders)} columns '{question}_coder_N'. The test needs two coders, better three."
        )
    rows = table[(table["status"] == "ok") & (table[coders].notna().sum(axis=1) >= 2)]
    score, found = ALIGNMENTS[alignment], {}
    for coder in coders:
        model, person = [], []
        for _, row in rows[rows[coder].notna()].iterrows():
            others = [row[other] for other in coders if other != coder and pd.notna(row[other])]
            model.append(score(row["said"], others))
            person.append(score(row[coder], others))
        if len(model) < 2:
            raise BadInputError(
                f"{coder.capitalize()} shares {len(model)} answered items with other coders. Leave the column out."
            )
        better, worse = np.array(model) >= np.array(person), np.array(person) >= np.array(model)
        differences = worse.astype(int) - better.astype(int)
        p, name = _less(differences, epsilon)
        found[coder] = {
            "items": len(model), "model as good": better.mean(), "coder as good": worse.mean(),
            "difference": differences.mean(), "test": name, "p": p,
        }  # fmt: skip
    coder_table = pd.DataFrame.from_dict(found, orient="index")
    coder_table["p adjusted"] = false_discovery_control(coder_table["p"].to_numpy(float), method="by")
    coder_table["wins"] = coder_table["p adjusted"] <= level
    rate = float(coder_table["wins"].mean())
    advantage = float(coder_table["model as good"].mean())
    return AlternativeAnnotatorTest(rate, rate >= 0.5, advantage, epsilon, coder_table, len(table) - len(rows))


def _less(differences: np.ndarray, epsilon: float) -> tuple[float, str]:
    """Return the p-value of H0: mean difference ≥ ε, and the test's name."""
    from scipy.stats import ttest_1samp, wilcoxon

    if len(differences) < 30:
        moved = differences - epsilon
        return (float(wilcoxon(moved, alternative="less").pvalue) if moved.any() else 1.0), "Wilcoxon"
    if len(set(differences.tolist())) == 1:  # no variance: t is −∞ or +∞
        return (0.0 if differences[0] < epsilon else 1.0), "t"
    return float(ttest_1samp(differences, epsilon, alternative="less").pvalue), "t"


# Do the labels depend on the order of the options, or on the wording?


@dataclass(frozen=True, eq=False)
class ChangeTest:
    """How many labels change between two runs that should give the same ones."""

    what: str  # "order of the options" or "wording"
    question: str
    items: int  # answered in both runs
    left_out: int  # failed in one or both
    changed: int
    share: float  # of the items whose label changed
    low: float  # 95 % Wilson interval
    high: float
    alpha: float  # Krippendorff's alpha of the two runs
    by_label: pd.DataFrame  # share in both runs, items that left and joined the label, p, p adjusted
    changes: pd.DataFrame  # rows: label in the first run; columns: in the second

    def __str__(self) -> str:
        return (
            f"Another {self.what}, '{self.question}': {self.changed} of {self.items} labels changed, {self.share:.1%} "
            f"(95 % interval {self.low:.1%} to {self.high:.1%}); alpha {self.alpha:.2f}; "
            f"{self.left_out} items left out.\n"
            f"{self.by_label.round(4).to_string()}"
        )

    __repr__ = __str__


def order_test(first: pd.DataFrame, second: pd.DataFrame, question: str | None = None) -> ChangeTest:
    """Return how many labels change when the options are shown in another order.

    A run with the same order repeated shows how many change by chance alone: test it too. For each label,
    McNemar's exact test of whether its share changes, corrected for the number of labels (Benjamini–Yekutieli).

    Args:
        first: a run.
        second: the same items and question with the options in another order, such as reversed.
        question: its name; needed if the runs hold several.

    Raises:
        BadInputError: other items in the second run than in the first, or none answered in both.

    Source: Halterman and Keith (2025), Codebook LLMs: Evaluating LLMs as Measurement Tools for Political
    Science Concepts, Political Analysis, doi:10.1017/pan.2025.10017, test IV (codebook order invariance: share
    of disagreement, and Fleiss' kappa, to which alpha comes close); McNemar (1947), Psychometrika 12.
    Used in lesson 06.

    >>> first = pd.DataFrame({"id": range(4), "question": "tone", "label": ["pro", "con"] * 2, "status": "ok"})
    >>> order_test(first, first.assign(label=["pro", "pro", "pro", "con"])).share
    0.25
    """
    return _change_test("order of the options", first, second, question)


def wording_test(first: pd.DataFrame, second: pd.DataFrame, question: str | None = None) -> ChangeTest:
    """Return how many labels change when the same question is put in other words.

    Args:
        first: a run.
        second: the same items and question in another wording.
        question: its name; needed if the runs hold several.

    Source: Mizrahi et al. (2024), State of What Art? A Call for Multi-Prompt LLM Evaluation, TACL 12; the
    figures are those of :func:`order_test`. Used in lesson 06.
    """
    return _change_test("wording", first, second, question)


def _change_test(what: str, first: pd.DataFrame, second: pd.DataFrame, question: str | None) -> ChangeTest:
    from scipy.stats import binomtest, false_discovery_control

    if question is None:
        need_columns(first, ["question"], "the first run")
        names = list(first["question"].unique())
        if len(names) != 1:
            raise BadInputError(f"The first run has {len(names)} questions: {', '.join(map(str, names))}. Name one.")
        question = names[0]
    one, two = answers(first, question), answers(second, question)
    same_ids(one.index, two.index, "an answer in the first run", "one in the second", "Run both on the same items.")
    same_ids(two.index, one.index, "an answer in the second run", "one in the first", "Run both on the same items.")
    two = two.loc[one.index]
    both = ((one["status"] == "ok") & (two["status"] == "ok")).to_numpy()
    before, after = list(one["said"][both]), list(two["said"][both])
    if not before:
        raise BadInputError(f"None of the {len(one)} items has an answer in both runs. See 'detail' in the results.")
    changed = sum(old != new for old, new in zip(before, after, strict=True))
    interval = binomtest(changed, len(before)).proportion_ci(method="wilson")
    labels = sorted({*before, *after})
    rows = []
    for label in labels:
        left, joined, p = mcnemar([label] * len(before), before, after)
        one_share, two_share = before.count(label) / len(before), after.count(label) / len(before)
        rows.append({
            "label": label, "first": one_share, "second": two_share, "difference": two_share - one_share,
            "left": left, "joined": joined, "p": p,
        })  # fmt: skip
    by_label = pd.DataFrame(rows).set_index("label")
    by_label["p adjusted"] = false_discovery_control(by_label["p"].to_numpy(float), method="by")
    changes = pd.crosstab(pd.Series(before, name="first"), pd.Series(after, name="second"))
    return ChangeTest(
        what, question, len(before), int((~both).sum()), changed, changed / len(before), float(interval.low),
        float(interval.high), krippendorff_alpha([before, after]), by_label,
        changes.reindex(index=labels, columns=labels, fill_value=0),
    )  # fmt: skip
