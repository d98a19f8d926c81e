"""Every check of lesson 07: the right answer, the untouched stub, and typical mistakes.

No model is run: the check of 7g is given decisions.
"""

import numpy as np
import pandas as pd
import pytest

from workshop_lib import abm
from workshop_lib.checks import lesson_07 as check
from verdicts import solved, unfinished, wrong

EMPTY = -1


# ── 7a ──


def counting(inside=None, without_self=True, alike=True, corners=True):
    def like_around(board, row, column):
        count = 0
        for r in (row - 1, row, row + 1):
            for c in (column - 1, column, column + 1):
                good = (inside or (lambda b, r, c: 0 <= r < b.shape[0] and 0 <= c < b.shape[1]))(board, r, c)
                if not good or (without_self and (r, c) == (row, column)):
                    continue
                if not corners and r != row and c != column:
                    continue
                if board[r, c] == board[row, column] if alike else board[r, c] != EMPTY:
                    count += 1
        return count

    return like_around


def test_7a():
    solved(check.exercise_7a(counting()))
    unfinished(check.exercise_7a(lambda board, row, column: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (counting(without_self=False), "You count the student, too"),
        (counting(alike=False), "You count all neighbours"),
        (counting(corners=False), "leave out the corners"),
        (counting(lambda b, r, c: r < b.shape[0] and c < b.shape[1]), "Python takes -1"),
        (counting(lambda b, r, c: r >= 0 and c >= 0), "looks outside the room"),
        (counting(lambda b, r, c: 0 <= r < b.shape[1] and 0 <= c < b.shape[0]), "counts rows"),
        (lambda board, row, column: [1], "one whole number"),
        (lambda board, row, column: None, "one whole number"),
        (4, "should be a function"),
    ],
)
def test_7a_mistakes(answer, hint):
    wrong(check.exercise_7a(answer), hint)


def test_7a_changes_nothing():
    def careless(board, row, column):
        result = counting()(board, row, column)
        board[row, column] = EMPTY
        return result

    wrong(check.exercise_7a(careless), "changes the board")


# ── 7b ──


def seeking(leave=True, count_on_left=True, stay=lambda best, now: best <= now, only_best=True):
    def best_seats(board, row, column):
        group = board[row, column]
        left = board.copy()
        if leave:
            left[row, column] = EMPTY
        around = abm.neighbours(left if count_on_left else board, 2, False)[group]
        free = board == EMPTY
        best = around[free].max()
        if stay(best, around[row, column]):
            return []
        return [tuple(place) for place in np.argwhere(free & (around == best) if only_best else free)]

    return best_seats


def test_7b():
    solved(check.exercise_7b(seeking()))
    unfinished(check.exercise_7b(lambda board, row, column: ...))
    unfinished(check.exercise_7b(lambda board, row, column: [...]))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (seeking(leave=False), "its own neighbour"),
        (seeking(count_on_left=False), "its own neighbour"),
        (seeking(stay=lambda best, now: best < now), "no better than here"),
        (seeking(only_best=False), "every empty seat"),
        (lambda *given: seeking()(*given)[:1], "give back all of them"),
        (lambda *given: None, "list of places"),
        (lambda *given: [3], "isn't a place"),
        ([], "should be a function"),
    ],
)
def test_7b_mistakes(answer, hint):
    wrong(check.exercise_7b(answer), hint)


# ── 7c ──


def shuffling(shuffle, give=np.mean, use_shuffled=True):
    def chance_level(board, draws=100):
        rng = np.random.default_rng(0)
        shares = []
        for _ in range(draws):
            shuffled = shuffle(rng, board)
            shares.append(abm.same_colour_share(shuffled if use_shuffled else board))
        return give(shares)

    return chance_level


def whole(rng, board):
    return rng.permutation(board.ravel()).reshape(board.shape)


def once(rng, board):
    return whole(np.random.default_rng(0), board)


def test_7c():
    solved(check.exercise_7c(shuffling(whole)))
    unfinished(check.exercise_7c(lambda board, draws=100: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (shuffling(lambda rng, board: rng.permutation(board)), "shuffles whole rows"),
        (shuffling(whole, use_shuffled=False), "isn't shuffled"),
        (shuffling(whole, give=list), "not all of them"),
        (shuffling(whole, give=sum), "about one half"),
        (shuffling(once), "Shuffle anew"),
        (0.5, "should be a function"),
    ],
)
def test_7c_mistakes(answer, hint):
    wrong(check.exercise_7c(answer), hint)


def test_7c_shuffle_in_place():
    def in_place(rng, board):
        rng.shuffle(board)
        return board

    wrong(check.exercise_7c(shuffling(in_place)), "changes the board")


# ── 7d ──


def relative(chance, over=True):
    def above_chance(share, groups):
        expected = chance(groups)
        return (share - expected) / (1 - expected if over else 1)

    return above_chance


def squares(groups):
    return sum(part**2 for part in groups)


def test_7d():
    solved(check.exercise_7d(relative(squares)))
    unfinished(check.exercise_7d(lambda share, groups: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (relative(squares, over=False), "it should be 1"),
        (relative(lambda groups: 0.5), "one half as chance"),
        (relative(max), "the largest group"),
        (relative(lambda groups: groups[0] ** 2 + 0.0), "Pairs of the others"),
        (relative(lambda groups: groups[0] ** 2 + groups[1] ** 2), "1/3"),
        (lambda share, groups: share - squares(groups) / (1 - squares(groups)), "should give 0"),
        (lambda share, groups: max(relative(squares)(share, groups), 0), "it is a finding"),
        (lambda share, groups: (share,), "one number"),
    ],
)
def test_7d_mistakes(answer, hint):
    wrong(check.exercise_7d(answer), hint)


def test_7d_two_groups_only():
    def two(share, groups):
        one, other = groups
        return relative(squares)(share, (one, other))

    wrong(check.exercise_7d(two), "With three groups your function stops")


# ── 7e ──


def day(ill=lambda s, i, n, beta: beta * s * i / n, leave=1, recovering_from=lambda i, new: i, keep=1):
    def next_day(susceptible, infected, recovered, beta, gamma):
        new = ill(susceptible, infected, susceptible + infected + recovered, beta)
        out = gamma * recovering_from(infected, new)
        return susceptible - new, infected + new - leave * out, keep * recovered + out

    return next_day


def test_7e():
    solved(check.exercise_7e(day()))
    unfinished(check.exercise_7e(lambda *given: (..., ..., ...)))
    unfinished(check.exercise_7e(lambda *given: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (day(ill=lambda s, i, n, beta: beta * s * i), "divide by population"),
        (day(ill=lambda s, i, n, beta: beta * i), "all people be susceptible"),
        (day(leave=0), "still infected"),
        (day(recovering_from=lambda i, new: i + new), "recovers today"),
        (day(leave=-1), "check the signs"),
        (day(keep=0), "recovered before"),
        (lambda s, i, r, beta, gamma: (beta * s * i / 1000, gamma * i, 0), "These are the changes"),
        (lambda *given: day()(*given)[:2], "three numbers"),
    ],
)
def test_7e_mistakes(answer, hint):
    wrong(check.exercise_7e(answer), hint)


# ── 7f ──


def careful(decide, alarm=0.2, calm=1.0):
    def half_careful(person):
        news, ill = person.model.share_infected, person.state == "infected"
        return alarm if decide(person.disposition, news, ill) else calm

    return half_careful


def right(disposition, news, ill):
    return disposition < 0.5 and (news > 0.02 or ill)


def test_7f():
    solved(check.exercise_7f(careful(right)))
    unfinished(check.exercise_7f(lambda person: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (careful(right, 1.0, 0.2), "exchanged"),
        (careful(right, alarm=0.8), "gives up"),
        (careful(lambda d, news, ill: news > 0.02 or ill), "whatever the news says"),
        (careful(lambda d, news, ill: d < 0.5 and news > 0.02 or ill), "also when infected"),
        (careful(lambda d, news, ill: d < 0.5 and news > 0.02), "also when few others"),
        (careful(lambda d, news, ill: d < 0.5 and (news > 0.02) != ill), "no reason to relax"),
        (careful(lambda d, news, ill: d < 0.5 and (news >= 0.02 or ill)), "At exactly 2 %"),
        (careful(lambda d, news, ill: d <= 0.5 and (news > 0.02 or ill)), "0.5 itself"),
        (careful(lambda d, news, ill: d < 0.5), "while few are infected"),
        (careful(right, alarm=0.5), "keeps 0.2 of the contacts while 10 %"),
        (lambda person: "few", "a number from 0 to 1"),
    ],
)
def test_7f_mistakes(answer, hint):
    wrong(check.exercise_7f(answer), hint)


def test_7f_runs_in_an_epidemic():
    model = abm.Epidemic(200, infected=10, behaviour=careful(right), seed=1)
    assert model.run(5)["contacts_kept"].iloc[-1] < 1


# ── 7g ──


def table(decide):
    rows = [(like, every, decide(like), "ok") for every in range(9) for like in range(every + 1)]
    return pd.DataFrame(rows, columns=["like", "neighbours", "move", "status"])


DECISIONS = {
    "the rule": table(lambda like: like < 2),
    "odd": table(lambda like: like == 1),
    "silent": table(lambda like: True).assign(status="invalid", move=None),
}


def looking(key=lambda like, every: (like + 1, every), bad=lambda fewer, more: fewer is False and more is True):
    def reversals(decided):
        return sum(bad(decided.get((like, every)), decided.get(key(like, every))) for like, every in decided)

    return reversals


def test_7g():
    verdict = check.exercise_7g(looking(), DECISIONS)
    solved(verdict)
    assert "the rule: 0, odd: 8, silent: 0" in verdict.message
    unfinished(check.exercise_7g(lambda decided: ..., DECISIONS))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (looking(bad=lambda fewer, more: fewer is True and more is False), "the other way round"),
        (looking(bad=lambda fewer, more: None not in (fewer, more) and fewer != more), "the other way round"),
        (looking(bad=lambda fewer, more: fewer is False and more is not False), "If one of the two situations is missing"),
        (looking(key=lambda like, every: (like + 1, every + 1)), "same number of neighbours"),
        (looking(key=lambda like, every: (like, every + 1)), "same number of neighbours"),
        (lambda decided: [], "one whole number"),
    ],
)
def test_7g_mistakes(answer, hint):
    wrong(check.exercise_7g(answer, DECISIONS), hint)


# ── 7h ──


def scaled(values):
    values = np.array(values, dtype=float)
    return (values - values.min()) / (values.max() - values.min())


def adding(recency=lambda hours, decay: decay ** np.array(hours, float), scale=scaled, first=scaled, of=sum):
    def scores(hours, importance, cosines, decay=0.995):
        return of([first(recency(hours, decay)), scale(importance), scale(cosines)])

    return scores


def test_7h():
    solved(check.exercise_7h(scaled, adding()))
    unfinished(check.exercise_7h(lambda values: ..., adding()))
    unfinished(check.exercise_7h(scaled, lambda *given: ...))


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda values: np.array(values) / max(values), "Take off the lowest first"),
        (lambda values: (np.array(values) - min(values)) / max(values), "highest − lowest"),
        (lambda values: 1 - scaled(values), "turned it around"),
        (lambda values: np.array(values) - min(values), "Numbers above 1"),
        (lambda values: np.array(values) - min(values) / (max(values) - min(values)), "parentheses"),
        (lambda values: 1, "Give back 3 numbers"),
    ],
)
def test_7h_wrong_scale(answer, hint):
    wrong(check.exercise_7h(answer, adding()), hint)


@pytest.mark.parametrize(
    "answer, hint",
    [
        (adding(recency=lambda hours, decay: hours), "the oldest memory is the most recent"),
        (adding(recency=lambda hours, decay: 1 - decay ** np.array(hours, float)), "the oldest memory is the most recent"),
        (adding(scale=lambda x: np.array(x, float), first=lambda x: x), "raw numbers"),
        (adding(first=lambda x: x), "Recency isn't brought"),
        (adding(of=lambda parts: sum(parts) / 3), "the mean of the three"),
        (adding(of=lambda parts: parts[1] + parts[2]), "One of the three is missing"),
        (adding(of=lambda parts: parts[0] + parts[1]), "The example by hand"),
        (adding(recency=lambda hours, decay: 0.995 ** np.array(hours, float)), "argument `decay`"),
    ],
)
def test_7h_wrong_scores(answer, hint):
    wrong(check.exercise_7h(scaled, answer), hint)
