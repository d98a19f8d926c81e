"""Checks of lesson 07, agent-based models and generative agents."""

from __future__ import annotations

from workshop_lib.checks import exercise, expect, finished


def _number(value, say: str) -> float:
    """Return a value as a number, or hint."""
    import numpy as np

    finished(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = None
    expect(number is not None, say)
    expect(np.isfinite(number), f"You give back {number}. {say}")
    return number


@exercise("7a")
def exercise_7a(like_around):
    import numpy as np

    expect(callable(like_around), "like_around should be a function: keep the line with def.")
    say = "Give back one whole number, the count."

    def count(board, row, column):
        board = np.array(board)
        before = board.copy()
        result = _number(like_around(board, row, column), say)
        expect((board == before).all(), "Your function changes the board. It should only look at it.")
        return result

    inner = [[0, 1, 0], [1, 0, 0], [0, -1, 1]]  # 4 of the student's own colour around
    found = count(inner, 1, 1)
    expect(found != 5, "You count the student, too. Leave out the place (row, column) itself.")
    expect(found != 1, "You leave out the corners. A seat has up to eight neighbours, those at its corners too.")
    expect(found != 3, "You count those of another colour. Ask for the same one: ==.")
    expect(
        found != 7,
        "You count all neighbours. Ask for the same colour: board[r, c] == board[row, column].",
    )
    expect(found == 4, f"In [[0, 1, 0], [1, 0, 0], [0, -1, 1]] the middle has 4 like neighbours, not {found:g}.")
    wall = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    try:
        corner, last = count(wall, 0, 0), count(wall, 2, 2)
    except IndexError:
        expect(False, "Your function looks outside the room and stops. Test with `inside` before you look at a seat.")
    expect(
        corner == 0,
        f"In the corner of [[0, 1, 0], [1, 1, 1], [0, 1, 0]] nobody around is alike, and you count {corner:g}. "
        "Python takes -1 as the last row or column. A place is inside from 0 on.",
    )
    expect(last == 0, f"In the lower right corner of the same board you count {last:g} instead of 0.")
    wide = [[1, 0, 0, 0, 1], [1, 1, 0, 1, 1]]
    expect(
        count(wide, 0, 4) == 2 and count(wide, 1, 3) == 2,
        "In a room of 2 rows and 5 columns your count goes wrong at the right side. board.shape[0] counts rows, "
        "board.shape[1] columns.",
    )
    return "With this count the rule is one line: happy if it is 2 or more."


@exercise("7b")
def exercise_7b(best_seats):
    import numpy as np

    expect(callable(best_seats), "best_seats should be a function: keep the line with def.")

    def seats(board, row, column):
        board = np.array(board)
        before = board.copy()
        result = finished(best_seats(board, row, column))
        expect(
            (board == before).all(), "Your function changes the board. Work on the copy `left`."
        )
        expect(
            isinstance(result, (list, tuple, np.ndarray)),
            "Give back a list of places, [(row, column), …], and an empty list if there are none.",
        )
        for place in result:
            finished(place)
            expect(
                np.ndim(place) == 1 and len(place) == 2,
                f"{place!r} isn't a place (row, column). np.argwhere of a table gives such pairs.",
            )
        return sorted((int(one), int(other)) for one, other in result)

    tiny = [[1, 1, 0, 0], [0, 0, 1, 1], [-1, 0, 1, -1]]
    found = seats(tiny, 0, 0)
    expect(
        found != [(2, 0), (2, 3)],
        "You give back every empty seat, or every one that isn't worse. Only the best ones count: around == best.",
    )
    expect(
        found == [(2, 3)],
        f"The orange student in the first seat of the small classroom should move to (2, 3), not to {found}.",
    )
    beside = [[1, 1, 0, -1], [0, -1, 0, 1], [0, 0, 1, 1]]  # at (0, 1): 1 now; (0, 3): 1; (1, 1): 3 without oneself
    expect(
        seats(beside, 0, 1) == [(1, 1)],
        "In [[1, 1, 0, -1], [0, -1, 0, 1], [0, 0, 1, 1]] the student at (0, 1) has one like neighbour, and would have "
        f"two at (1, 1), which is the best seat; you give {seats(beside, 0, 1)}.",
    )
    equal = [[0, 0, 1, 1], [1, 1, 0, -1], [1, 1, 1, 0]]  # at (0, 0): 1 now; (1, 3): 2
    same = [[0, 0, 1, 1], [1, 1, 1, -1], [1, 1, 1, 0]]  # at (0, 0): 1 now; (1, 3): 1
    expect(
        seats(same, 0, 0) == [],
        "You move where it is no better than here. Schelling's student moves only for more: best <= now means stay.",
    )
    own = [[0, -1, 1], [-1, 1, 1], [1, 1, 0]]  # at (0, 0): none now; each empty seat only touches oneself
    found = seats(own, 0, 0)
    expect(
        found != [(0, 1), (1, 0)],
        "You count the student as its own neighbour: in the seat next door it would meet itself. Empty its seat in "
        "`left` before you count, and count on `left`.",
    )
    expect(found == [], f"Nothing is better for the student at (0, 0) of {own}, so the list is empty; yours is {found}.")
    expect(seats(equal, 0, 0) == [(1, 3)], "A seat with more like neighbours than now should be taken.")
    several = [[0, 1, -1], [1, 1, 0], [-1, 0, 1], [1, 0, -1]]
    expect(
        seats(several, 0, 0) == [(2, 0), (3, 2)],
        "There may be several best seats; give back all of them. In [[0, 1, -1], [1, 1, 0], [-1, 0, 1], [1, 0, -1]] the "
        f"student at (0, 0) can choose between (2, 0) and (3, 2); you give {seats(several, 0, 0)}.",
    )
    full = [[0, 1], [1, 0]]
    try:
        expect(seats(full, 0, 0) == [], "In a full room nobody can move: give back an empty list.")
    except ValueError:
        pass  # the largest of no numbers; the model never asks then
    return "If several seats are best, chance decides between them; that is the u of abm/rules.py."


@exercise("7c")
def exercise_7c(chance_level):
    import numpy as np

    from workshop_lib import abm

    expect(callable(chance_level), "chance_level should be a function: keep the line with def.")
    say = "Give back one number, the mean of the shares: np.mean(shares)."
    board = np.full((12, 10), -1)
    board[:5], board[5:10] = 0, 1  # two blocks, and two empty rows
    before = board.copy()
    result = finished(chance_level(board, 60))
    expect(not isinstance(result, (list, tuple)), "Give back the mean of the shares, not all of them.")
    found = _number(result, say)
    expect((board == before).all(), "Your function changes the board. rng.permutation gives a new one; rng.shuffle doesn't.")
    agents = board[board >= 0]
    right = 49 / 99  # of the other 99 agents, 49 are of one's group
    observed = abm.same_colour_share(board)
    expect(
        abs(found - observed) > 1e-9,
        "That is the share of the board itself, which isn't shuffled. Use `shuffled` in the next line.",
    )
    rows = np.mean([abm.same_colour_share(np.random.default_rng(n).permutation(board)) for n in range(60)])
    expect(
        abs(found - rows) > 0.06 or abs(found - right) < 0.05,
        f"You get {found:.2f}, and chance is about {right:.2f} here. rng.permutation(board) shuffles whole rows. Make a list "
        "of all seats with board.ravel() first.",
    )
    expect(
        abs(found - right) < 0.05,
        f"For {len(agents)} agents of two equal groups chance is about one half; you get {found:.2f}.",
    )
    uneven = np.where(np.arange(120).reshape(12, 10) < 96, 0, 1)  # 80 : 20, nobody missing
    found = _number(chance_level(uneven, 60), say)
    expect(
        abs(found - 0.68) < 0.05,
        f"For groups of 80 % and 20 % chance is about 0.68; you get {found:.2f}. Shuffle the board that is given.",
    )
    single = np.random.default_rng(0).permutation(uneven.ravel()).reshape(uneven.shape)
    few = {float(chance_level(uneven, draws)) for draws in (1, 2, 5)}
    expect(
        len(few) > 1,
        "Your function gives the same however often it draws. Shuffle anew in every round, and take the mean of all.",
    )
    expect(
        not np.isclose(found, abm.same_colour_share(single)) or len(few) > 1,
        "You give back a single share. Take the mean of all of them.",
    )
    return "One half for two halves, 0.68 for 80 : 20. Report a measure beside this number."


@exercise("7d")
def exercise_7d(above_chance):
    import numpy as np

    expect(callable(above_chance), "above_chance should be a function: keep the line with def.")
    say = "Give back one number: (share - chance) / (1 - chance)."

    def value(share, groups):
        return _number(above_chance(share, groups), say)

    expect(
        not np.isclose(value(1.0, (0.5, 0.5)), 0.5),
        "For complete separation you get 0.5, and it should be 1. Divide by what is possible above chance, 1 - chance.",
    )
    expect(
        not np.isclose(value(0.68, (0.8, 0.2)), 0.36),
        "You take one half as chance for all rooms. With groups of 0.8 and 0.2 it is 0.8² + 0.2² = 0.68.",
    )
    expect(
        not np.isclose(value(0.84, (0.8, 0.2)), (0.84 - 0.8) / 0.2),
        "You take the share of the largest group as chance. Two random agents are alike with probability 0.8² + 0.2².",
    )
    expect(
        not np.isclose(value(0.84, (0.8, 0.2)), (0.84 - 0.64) / 0.36),
        "You count only pairs of the first group. Pairs of the others are alike, too: add the squares of all groups.",
    )
    expect(
        np.isclose(value(0.5, (0.5, 0.5)), 0) and np.isclose(value(0.68, (0.8, 0.2)), 0),
        f"A share at chance should give 0: above_chance(0.68, (0.8, 0.2)) is {value(0.68, (0.8, 0.2)):.2f}.",
    )
    expect(
        np.isclose(value(1.0, (0.8, 0.2)), 1),
        f"Complete separation should give 1: above_chance(1.0, (0.8, 0.2)) is {value(1.0, (0.8, 0.2)):.2f}. Parentheses?",
    )
    try:
        three = value(2 / 3, (1 / 3, 1 / 3, 1 / 3))
    except (ValueError, TypeError):
        expect(False, "With three groups your function stops. Go over all of them: sum(… for part in groups).")
    expect(
        np.isclose(three, 0.5),
        f"Three equal groups have chance 1/3, so 2/3 should give 0.5; you get {three:.2f}. Add the squares of all groups.",
    )
    expect(value(0.4, (0.5, 0.5)) < 0, "Below chance the number is negative. Leave it so: it is a finding.")
    return "0.75 is 0.50 above chance in a room of two halves, and 0.22 in one of 80 : 20."


@exercise("7e")
def exercise_7e(next_day):
    import numpy as np

    expect(callable(next_day), "next_day should be a function: keep the line with def.")
    people = (990.0, 10.0, 0.0)
    result = finished(next_day(*people, 0.25, 0.1))
    expect(
        isinstance(result, (tuple, list, np.ndarray)) and len(result) == 3,
        "Give back three numbers with commas between them: susceptible, infected, recovered.",
    )
    found = [_number(one, "Give back three numbers.") for one in result]
    right = [987.525, 11.475, 1.0]

    def same(one, other):
        return np.allclose(one, other, atol=1e-9)

    expect(not same(found, [2.475, 1.0, 0.0]) and abs(found[0]) > 5, "These are the changes. Give back tomorrow's numbers: today's plus or minus them.")
    expect(
        found[0] >= 0,
        f"You have {found[0]:g} susceptible people on the next day. Each meeting is with one of N people: divide by population.",
    )
    expect(
        not same(found, [987.525, 12.475, 1.0]),
        "One person recovers and is still infected in your numbers. Take them out of the infected.",
    )
    expect(
        not same(found, [987.525, 12.475 - 0.1 * 12.475, 0.1 * 12.475]),
        "Who fell ill today recovers today in your numbers. Compute both changes from today's infected, before you "
        "change anything.",
    )
    expect(
        np.isclose(sum(found), 1000),
        f"1,000 people become {sum(found):g}. Whoever leaves one group must enter another: check the signs.",
    )
    expect(
        not same(found, [990 - 2.5, 10 + 2.5 - 1, 1.0]),
        "You let all people be susceptible. Only meetings with susceptible people infect: β·S·I/N.",
    )
    expect(
        same(found, right),
        f"By hand the next day has 987.525, 11.475 and 1; yours has {', '.join(f'{one:g}' for one in found)}.",
    )
    later = next_day(300.0, 200.0, 500.0, 0.5, 0.2)
    expect(
        same(later, [270.0, 190.0, 540.0]),
        "On another day it goes wrong. Use beta, gamma and the people that are given, and keep those who had recovered before.",
    )
    return "Repeat it day after day and you have the curve; abm.sir_curve makes the steps infinitely small."


@exercise("7f")
def exercise_7f(half_careful):
    from types import SimpleNamespace

    expect(callable(half_careful), "half_careful should be a function: keep the line with def.")

    def kept(disposition, news, state="susceptible"):
        model = SimpleNamespace(share_infected=news)
        person = SimpleNamespace(disposition=disposition, model=model, state=state)
        return _number(half_careful(person), "Give back the share of contacts kept, a number from 0 to 1.")

    calm, alarm = kept(0.2, 0.001), kept(0.2, 0.1)
    expect(
        (calm, alarm) != (0.2, 1.0),
        "The two numbers are exchanged: 0.2 in alarm, 1.0 at other times.",
    )
    expect(
        alarm != 0.8,
        "0.8 is what a careful person gives up. Return the share that is kept, 0.2.",
    )
    expect(calm == 1.0, f"A careful and healthy person keeps all contacts while few are infected; yours keeps {calm:g}.")
    expect(alarm == 0.2, f"A careful person keeps 0.2 of the contacts while 10 % are infected; yours keeps {alarm:g}.")
    expect(
        kept(0.8, 0.1) == 1.0,
        "Who isn't careful keeps all contacts, whatever the news says. Join the two conditions with `and`.",
    )
    expect(
        kept(0.8, 0.001, "infected") == 1.0,
        "Who isn't careful keeps all contacts, also when infected. Does your `or` stand where you mean it to? Name the "
        "conditions `careful` and `alarmed`, and ask for both.",
    )
    expect(
        kept(0.2, 0.001, "infected") == 0.2,
        "A careful person who is infected keeps 0.2 of the contacts, also when few others are infected.",
    )
    expect(
        kept(0.2, 0.1, "infected") == 0.2 and kept(0.2, 0.1, "recovered") == 0.2,
        "Alarmed is who reads of more than 2 % or is infected; both together are no reason to relax.",
    )
    expect(kept(0.2, 0.02) == 1.0, "At exactly 2 % nobody is alarmed yet: more than, >.")
    expect(kept(0.5, 0.1) == 1.0, "disposition < 0.5 is careful; 0.5 itself isn't.")
    return "Try it: abm.Epidemic(1600, infected=16, behaviour=half_careful).run()"


@exercise("7g")
def exercise_7g(reversals, decisions):
    expect(callable(reversals), "reversals should be a function: keep the line with def.")
    say = "Give back one whole number, the count."
    rule = {(like, every): like < 2 for every in range(9) for like in range(every + 1)}
    del rule[8, 8], rule[5, 6]  # no usable answer
    found = _number(reversals(rule), say)
    expect(
        found != 7,
        "You count where the rule stops moving, which makes sense. A reversal is the other way round: it stays with k and "
        "moves with k + 1.",
    )
    expect(
        found == 0,
        f"The rule of the classroom has no reversals, and you count {found:g}. If one of the two situations is missing, "
        "the pair doesn't count: `fewer is False and more is True`.",
    )
    odd = {(0, 2): False, (1, 2): True, (2, 2): False, (0, 1): False, (1, 1): False, (0, 0): True}
    found = _number(reversals(odd), say)
    expect(
        found != 2,
        "You count pairs with different numbers of neighbours, or pairs in both directions. In the test one pair is a "
        "reversal: stays with 0 of 2, moves with 1 of 2.",
    )
    expect(found == 1, f"In {odd} there is one reversal, from 0 of 2 to 1 of 2; you count {found:g}.")
    every = {(0, 1): False, (1, 1): False, (0, 2): True, (1, 2): True, (0, 3): False, (1, 3): False}
    expect(
        _number(reversals(every), say) == 0,
        "Only situations with the same number of neighbours are compared: (like + 1, every).",
    )
    counts = {}
    for name, table in decisions.items():
        good = table[table["status"] == "ok"]
        pairs = zip(good["like"].tolist(), good["neighbours"].tolist(), strict=True)
        decided = dict(zip(pairs, (bool(one) for one in good["move"]), strict=True))
        counts[name] = int(reversals(decided))
    listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return f"Of 36 pairs each, reversals: {listed}. One who never moves has none, either: the test is necessary, not sufficient."


@exercise("7h")
def exercise_7h(from_0_to_1, memory_scores):
    import numpy as np

    for name, function in (("from_0_to_1", from_0_to_1), ("memory_scores", memory_scores)):
        expect(callable(function), f"{name} should be a function: keep the line with def.")

    def array(result, count):
        finished(result)
        try:
            made = np.asarray(result, dtype=float)
        except (TypeError, ValueError):
            made = np.empty(0)
        expect(made.shape == (count,), f"Give back {count} numbers for {count} values, an array.")
        return made

    found = array(from_0_to_1([2, 8, 5]), 3)
    expect(
        not np.allclose(found, [0.25, 1, 0.625]),
        "You divide by the largest. Take off the lowest first, so that it becomes 0.",
    )
    expect(
        not np.allclose(found, [0, 0.75, 0.375]),
        "The largest should become 1. Divide by highest − lowest, not by the highest.",
    )
    expect(not np.allclose(found, [1, 0, 0.5]), "You have turned it around: the highest becomes 1, the lowest 0.")
    expect(
        not np.allclose(found, [0, 6, 3]) and found.max() <= 1 + 1e-9,
        "Numbers above 1 are left. Divide by the span, and mind the parentheses: (values − lowest) / (highest − lowest).",
    )
    expect(np.allclose(found, [0, 1, 0.5]), f"2, 8, 5 should become 0, 1, 0.5; yours are {found.round(2).tolist()}.")

    hours, importance, cosines = [9, 0, 3], [8, 2, 2], [0.6, 0.5, 0.1]
    found = array(memory_scores(hours, importance, cosines), 3)
    right = np.array([2, 1.8, (0.995**3 - 0.995**9) / (1 - 0.995**9)])
    recency = 0.995 ** np.array(hours, dtype=float)
    other = right - (recency - recency.min()) / np.ptp(recency)  # without recency
    older = other + np.array([1, 0, 1 / 3])
    expect(
        not np.allclose(found, older) and not np.allclose(found, other + 1 - (right - other)),
        "In your scores the oldest memory is the most recent. 0.995 to the power of the hours falls with the hours.",
    )
    expect(
        not np.allclose(found, recency + importance + cosines),
        "You add the raw numbers, so that importance, which goes up to 10, outweighs all. Bring each to 0 … 1 first.",
    )
    expect(
        not np.allclose(found, recency + other),
        "Recency isn't brought to 0 … 1 as the others are.",
    )
    expect(
        not np.allclose(found, right / 3),
        "You take the mean of the three. They are added.",
    )
    expect(
        not np.allclose(found, other) and not np.allclose(found, right - other),
        "One of the three is missing: recency, importance and relevance are added.",
    )
    expect(
        np.allclose(found, right),
        f"The example by hand has 2, 1.8 and 0.66; yours are {', '.join(f'{one:.2f}' for one in found)}.",
    )
    slow = array(memory_scores([1, 0, 2], [1, 2, 3], [0, 1, 2], 0.5), 3)
    expect(
        np.allclose(slow, [1 / 3, 1.0 + 0.5 + 0.5, 2.0]),
        "With another decay it goes wrong. Use the argument `decay` instead of 0.995.",
    )
    return "The same as abm.scored. Now change a weight in town.retrieve(…, weights=…) and see what comes to mind."
