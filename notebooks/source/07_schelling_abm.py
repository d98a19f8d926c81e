# %% [markdown]
# # 07 · Agent-based models and generative agents
#
# {{badges}}

# %% [markdown]
# ## Question
#
# In many cities neighbours are more alike than the city is: in income, in origin, in religion. Ask people, and
# few of them say that they want only their own kind around. **Why do neighbourhoods segregate, although few
# people want it?**
#
# Thomas Schelling moved coins on a board to find out (*Dynamic Models of Segregation*, Journal of Mathematical
# Sociology, 1971). In his model a mild wish of everybody is enough. William Clark held the wishes of the model
# against what people say in surveys (*Residential Preferences and Neighborhood Racial Segregation: A Test of
# the Schelling Segregation Model*, Demography, 1991), and the debate goes on.
#
# A model like this is a thought experiment that a computer runs. This lesson asks what such an experiment
# shows. **What comes from the agents' wishes, and what from rules that a modeller had to invent? And what
# changes if the agents don't follow a rule, but ask a language model?**

# %% [markdown]
# ## Objectives
#
# After this lesson you can:
#
# - name the agents, the rules and the environment of a model, and say what emerges;
# - play a round of Schelling's model by hand, and run it on Mesa or on arrays;
# - report a distribution over seeds instead of one run, beside what chance would give;
# - say which result depends on which decision of the modeller;
# - compare an epidemic of agents with the differential equation, and say where the two part;
# - let a language model decide for the agents, and measure what it adds, what it costs and how odd it is;
# - explain memory, retrieval, reflection and plans of generative agents, and say how one would know whether
#   they behave like people.

# %% [markdown]
# ## Time and cost
#
# Planned: 90 minutes of teaching, 52 minutes of exercises. After section 3 is a good place for a break.
#
# {{cost}}

# %% [markdown]
# ## Set-up

# %%
# On Colab and Binder this installs the course; where it is installed, nothing happens.
import importlib.util
if importlib.util.find_spec("workshop_lib") is None:
    # %pip install -q "workshop-lib @ git+{{repository}}"
from workshop_lib import abm, data, labeling, runtime
from workshop_lib.checks import lesson_07 as check

# %%
import base64
import dataclasses
import tempfile
import time
from pathlib import Path
import numpy as np
import pandas as pd
from IPython.display import HTML
from workshop_lib.plots import abm as draw
from workshop_lib.plots import town as draw_town

print(runtime.report())

# %% [markdown]
# ## 1 · A classroom
#
# *15 minutes*
#
# An **agent-based model** has four parts.
#
# | part | in general | in the classroom |
# |---|---|---|
# | **agents** | independent actors: people, firms, animals | students, half of them blue, half orange |
# | **environment** | a space or network in which they meet | seats in rows; up to eight seats around each |
# | **rules** | what an agent does, from what it sees | happy with two or more neighbours of one's colour; who is unhappy moves to the empty seat with most of them, if that is more than now |
# | **emergence** | a pattern of the whole that no agent wants or sees | to be found out |
#
# The students move one by one. In a **round**, all who are unhappy at its beginning get a turn, in random
# order. The model ends when all are happy, or when nobody can gain by moving.
#
# By hand: here is a classroom with twelve seats. Blue students are circles and orange ones squares, so that
# nobody needs the colours. Who is unhappy has a black rim.

# %%
classroom = abm.classroom()
names = ("blue", "orange")
BLUE, ORANGE, EMPTY = 0, 1, -1
tiny = np.array([
    [ORANGE, ORANGE, BLUE, BLUE],
    [BLUE, BLUE, ORANGE, ORANGE],
    [EMPTY, BLUE, ORANGE, EMPTY],
])  # Shape: (rows, columns)
draw.boards([tiny], ["twelve seats, ten students"], names, classroom, inches=4)

# %% [markdown]
# The figure shows three rows. The student in the first seat of the first row is orange. Of three neighbours
# only one is orange, so this student is unhappy. In the empty seat at the lower right there would be three.
# The blue student at the upper right is unhappy in the same way, and would have three in the empty seat at the
# lower left. All others are happy.
#
# **Predict, then run.** Two students are unhappy. How many moves are made until the model ends?

# %%
my_guess = 2  # write your number here

room = abm.Schelling.from_board(tiny, classroom, seed=1)
boards = [room.board]
while room.running:
    room.step()
    boards.append(room.board)
print(f"Your guess: {my_guess}. Measured: {room.moves} moves in {room.steps} rounds. The end: {room.stopped}")
draw.boards(boards, [f"round {number}" for number in range(len(boards))], names, classroom)

# %% [markdown]
# The figure shows the board after each round. When the unhappy students left, their neighbours lost a
# neighbour, became unhappy and left, too. One move makes the next one. Nobody asked for more than two of their
# own colour, and now a line divides the room.
#
# Twelve seats were chosen to show this. Let us take a usual classroom: 64 seats, of which 80 % are taken at
# random.
#
# **Predict, then run.** Which share of the students is happy at the start? And of all pairs of neighbours, which
# share is of one colour at the start, and at the end?

# %%
my_guess_happy, my_guess_start, my_guess_end = 0.5, 0.5, 0.5  # write your three numbers here

run = abm.fast.run(8, 8, density=0.8, rules=classroom, seed=7, keep_boards=True)
first, last = run.history.iloc[0], run.history.iloc[-1]
print(f"Your guess: {my_guess_happy}, {my_guess_start}, {my_guess_end}")
print(f"Measured: {first['share_happy']:.2f} are happy at the start.")
print(f"Pairs of one colour: {first['same_colour']:.2f} at the start, {last['same_colour']:.2f} at the end")
print(f"{run.steps} rounds, {run.moves} moves ({run.stopped})")
draw.boards(run.boards, [f"round {number}" for number in range(len(run.boards))], names, classroom)

# %% [markdown]
# The figure shows a classroom of 8 × 8 seats after each round. Most students were happy from the start, and
# few moves were made. Here is the same run as an animation; the figure above is what it shows, standing still.

# %%
gif = abm.animation(run, Path(tempfile.mkdtemp()) / "classroom.gif", names, classroom, milliseconds=900)
picture = base64.b64encode(gif.read_bytes()).decode()
HTML(f'<img alt="The classroom above, round by round" src="data:image/gif;base64,{picture}">')

# %% [markdown]
# In Jupyter and on Colab you can also steer the model: move a slider, press *Step* or play. Without a running
# notebook the next cell shows nothing new.

# %%
abm.explorer(classroom, density=0.8, size=8, seed=7, names=names)

# %% [markdown]
# One classroom proves nothing. Here are 200 of them, each with another seating. At the start the students sit at
# random, so the start is what **chance** gives.

# %% tags=["claim-A1"]
seeds = range(200)
starts = [abm.seat_agents(8, 8, 0.8, classroom, np.random.default_rng(seed)) for seed in seeds]
ends = abm.sweep([2], [0.8], seeds, width=8, height=8, rules=classroom, progress=False)
before = np.array([abm.same_colour_share(board) for board in starts])
after = ends["same_colour"].to_numpy()
print(f"of one colour: {before.mean():.2f} at the start, {after.mean():.2f} at the end")
print(f"more alike at the end than at the start: {(after > before).mean():.0%} of the classrooms")
print(ends["stopped"].value_counts().to_string())

assert classroom.groups == (0.5, 0.5) and classroom.happy_count == 2  # the rules of the lecture
assert classroom.move == "better" and not classroom.torus
assert abs((starts[0] == BLUE).sum() - (starts[0] == ORANGE).sum()) <= 1
assert (run.board == BLUE).sum() == (starts[7] == BLUE).sum()  # nobody comes or goes
assert set(ends["stopped"]) <= {"all happy", "nobody can gain"}  # it always ends
assert 0.44 < before.mean() < 0.54
assert after.mean() > before.mean() + 0.12 and (after > before).mean() > 0.95

# %% [markdown]
# So segregation emerges: two of up to eight is all that anybody asks for, and the average student ends up with far
# more. What emerges isn't what anybody wanted. It isn't complete either. Section 2 looks at how much it is.

# %% [markdown]
# ### Exercise 7a · Count the neighbours
#
# Write `like_around`: how many neighbours of a student have the student's colour? The two loops go over the nine
# seats around and under the student. Leave out places outside the room, and the student. `board.shape` is
# (rows, columns). Mind that Python takes −1 as *the last one*, without a complaint.

# %%
### STUB 7a
def like_around(board, row, column):
    count = 0
    for r in (row - 1, row, row + 1):
        for c in (column - 1, column, column + 1):
            inside = ...
            if inside and ...:
                count += 1
    return ...
### SOLUTION 7a
def like_around(board, row, column):
    count = 0
    for r in (row - 1, row, row + 1):
        for c in (column - 1, column, column + 1):
            inside = 0 <= r < board.shape[0] and 0 <= c < board.shape[1]
            if inside and (r, c) != (row, column) and board[r, c] == board[row, column]:
                count += 1
    return count
### END 7a

# %%
check.exercise_7a(like_around)

# %% [markdown]
# ### Exercise 7b · Where to?
#
# Write `best_seats`: the empty seats that an unhappy student may choose. These are the ones with most neighbours of
# the student's colour, provided that this is **more** than the student has now; otherwise there are none. The
# student looks as if it had left its seat: nobody is one's own neighbour.
#
# `abm.neighbours(board, 2, False)[group]` gives a table with the number of neighbours of a colour around every
# seat (2 colours, no torus). `table[free]` picks the numbers at the free seats; `np.argwhere(condition)` gives the
# places where a condition holds, and `&` joins two conditions, each in parentheses.

# %%
### STUB 7b
def best_seats(board, row, column):
    group = board[row, column]
    left = board.copy()
    left[row, column] = ...
    around = abm.neighbours(..., 2, False)[group]
    free = board == EMPTY
    best = ...
    if ...:
        return []
    return [tuple(place) for place in np.argwhere(...)]
### SOLUTION 7b
def best_seats(board, row, column):
    group = board[row, column]
    left = board.copy()
    left[row, column] = EMPTY
    around = abm.neighbours(left, 2, False)[group]
    free = board == EMPTY
    best = around[free].max()
    if best <= around[row, column]:
        return []
    return [tuple(place) for place in np.argwhere(free & (around == best))]
### END 7b

# %%
check.exercise_7b(best_seats)

# %% [markdown]
# ## 2 · From one run to a distribution
#
# *15 minutes*
#
# How segregated is a room? There are several measures, and they don't say the same.
#
# - **Like neighbours**: the share of neighbouring pairs of one colour. It looks at neighbours only.
# - **Dissimilarity** D: cut the room into districts. D = ½ Σ |xᵢ/X − yᵢ/Y|, where xᵢ of all X blue and yᵢ of all Y
#   orange agents live in district i. It is the share of blue agents who would have to move for an even spread.
# - **Isolation**: the share of blue agents in the district of the average blue one.
#
# The last two are those of census research (Massey and Denton, *The Dimensions of Residential Segregation*, Social
# Forces, 1988).
#
# By hand: four districts have 3, 1, 3, 1 blue and 1, 3, 1, 3 orange agents. Each term of D is |3/8 − 1/8| or
# |1/8 − 3/8|, that is 0.25. Half of four times 0.25 is 0.5.

# %%
districts = np.array([
    [0, 0, 1, 1],
    [0, 1, 1, 0],
    [0, 0, 0, 1],
    [1, 0, 1, 1],
])
print(f"D = {abm.dissimilarity(districts, tiles=2)}, like neighbours = {abm.same_colour_share(districts):.2f}")
assert abm.dissimilarity(districts, tiles=2) == 0.5

# %% [markdown]
# A run depends on its **seed**, the number from which all chance is drawn. The same seed gives the same run.
#
# **Predict, then run.** The 200 classrooms differ in their seeds only. Between which two shares of like neighbours
# do the middle 90 % of them lie?

# %%
my_guess_low, my_guess_high = 0.68, 0.72  # write your two numbers here

low, high = np.percentile(after, [5, 95])
print(f"Your guess: {my_guess_low} to {my_guess_high}. Measured: {low:.2f} to {high:.2f}")
summary = abm.phase(ends)
summary.round(3)

# %% [markdown]
# The runs spread widely, and the table says how well their **mean** is known: `low` and `high` are its 95 %
# interval over seeds, which shrinks with the number of runs. Report both: an interval alone hides how much single
# rooms differ.
#
# Now the room gets larger, and the wish varies: from 0 to 8 like neighbours, in rooms that are 60 %, 80 % and 95 %
# full, ten runs each. On **arrays** the model is much faster than agent by agent on Mesa; it obeys the same rules
# with the same chance, so both give the same boards.

# %% tags=["claim-A2"]
begin = time.perf_counter()
on_mesa = abm.Schelling(40, 40, rules=classroom, seed=3).run()
middle = time.perf_counter()
on_arrays = abm.fast.run(40, 40, rules=classroom, seed=3)
end = time.perf_counter()
print(f"Mesa takes {(middle - begin) / (end - middle):.0f} times as long as the arrays, for the same run")
assert (on_mesa.board == on_arrays.board).all()
assert (on_mesa.steps, on_mesa.moves) == (on_arrays.steps, on_arrays.moves)

swept = abm.sweep(range(9), [0.6, 0.8, 0.95], range(10), width=40, height=40, rules=classroom, progress=False)
print(f"{len(swept)} runs")

# %% [markdown]
# **Predict, then run.** All want two like neighbours. In which room do they end up most among their own: in the one
# that is 60 %, 80 % or 95 % full?

# %%
my_guess = 0.95  # write a density here

at_two = abm.phase(swept[swept["threshold"] == 2]).set_index("density")["mean"]
print(f"Your guess: {my_guess}. Measured: {at_two.idxmax()}  {at_two.round(2).to_dict()}")
draw.phase_lines(swept, title="40 × 40 seats, 10 runs a point")

# %% [markdown]
# The figure shows like neighbours at the end by how many make happy, a line for each density, with intervals
# of the mean. Who asks for nothing gets chance. From four on, a stronger wish makes no difference. A fuller room
# is **less** segregated: in it, two like neighbours are easily found by chance.

# %%
table = abm.phase(swept).pivot(index="density", columns="threshold", values="mean")
assert (table[0] - 0.5).abs().max() < 0.03  # no wish: chance
assert (table[2] > 0.55).all() and (table[4] > 0.8).all()  # a mild wish, and a stronger one
assert (table[8] - table[4]).abs().max() < 0.05  # beyond four nothing changes
assert table.loc[0.6, 2] > table.loc[0.95, 2] + 0.05  # the emptier room
draw.phase_diagram(swept, "share_happy", title="Is everybody happy at the end?")

# %% [markdown]
# The figure shows the share of happy agents at the end, as a heat map with its numbers. Up to four like neighbours,
# nearly everybody ends up happy. Who asks for eight often finds no such seat, and the model ends because nobody
# can gain.
#
# So far we looked at neighbours. What does a census taker see, who counts in districts?
#
# **Predict, then run.** The room has 50 × 50 seats and 16 districts. Like neighbours rise from one half to about
# 0.7. Chance alone makes D less than 0.1. How large is D at the end?

# %%
my_guess = 0.5  # write your number here

found = []
for size in (8, 20, 50):
    for seed in range(10):
        start = abm.seat_agents(size, size, 0.8, classroom, np.random.default_rng(seed))
        end = abm.fast.run(board=start, rules=classroom, seed=seed).board
        shares = abm.same_colour_share(start), abm.same_colour_share(end)
        found.append((f"{size} × {size}", *shares, abm.dissimilarity(start), abm.dissimilarity(end)))
columns = ["room", "alike: chance", "alike: end", "D: chance", "D: end"]
by_size = pd.DataFrame(found, columns=columns).groupby("room", sort=False).mean()
print(f"Your guess: {my_guess}. Measured: {by_size.loc['50 × 50', 'D: end']:.2f}")
by_size.round(2)

# %% tags=["claim-A2"]
alike, uneven = by_size["alike: end"], by_size["D: end"]
assert alike.max() - alike.min() < 0.08  # neighbours see the same in every room
assert uneven["50 × 50"] < uneven["8 × 8"] / 2  # districts don't
assert (by_size["D: end"] > by_size["D: chance"]).all()
assert by_size.loc["50 × 50", "D: chance"] < 0.1
assert by_size.loc["8 × 8", "D: chance"] > 0.3  # a few students a district are uneven by chance

# %% [markdown]
# The same rule looks like strong segregation in a small room and like hardly any in a large one, if D is the measure.
# The clusters have a size of their own, a few seats, whatever the room; large districts hold many of them and look
# mixed. And in small districts **chance** alone makes D large. A measure without its chance level says little.

# %% [markdown]
# ### Exercise 7c · What chance would give
#
# Write `chance_level`: shuffle the agents of a board over all its seats, take the share of like neighbours, do this
# `draws` times, and give back the mean. `rng.permutation(x)` shuffles a list of numbers. Given a table, it shuffles
# whole rows, which isn't what you want: `board.ravel()` makes a list of all seats, `.reshape(board.shape)` makes
# a table of it again.

# %%
### STUB 7c
def chance_level(board, draws=100):
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(draws):
        shuffled = ...
        shares.append(...)
    return ...
### SOLUTION 7c
def chance_level(board, draws=100):
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(draws):
        shuffled = rng.permutation(board.ravel()).reshape(board.shape)
        shares.append(abm.same_colour_share(shuffled))
    return np.mean(shares)
### END 7c

# %%
check.exercise_7c(chance_level)

# %% [markdown]
# ## 3 · What the decisions of the modeller do
#
# *12 minutes*
#
# The classroom needed many decisions that Schelling's idea leaves open. `abm.Rules` names them. Other textbooks
# decide otherwise; the model that comes with the program NetLogo (Wilensky 1997) has agents who are happy with
# **30 % alike**, move to a **random** empty seat, and live on a **torus**, a room whose left side meets its right.

# %%
print(abm.classroom())
print(abm.textbook())

# %% [markdown]
# By hand: a student has one neighbour, who is alike. Under *two or more* the student is unhappy, under *30 % or
# more* happy. With eight neighbours, two alike are enough for the one rule and too few for the other (25 %).
#
# With unequal groups, **chance** changes, too. If 80 % are blue, a random pair of agents is of one colour with
# probability 0.8² + 0.2² = 0.68. Like neighbours of 0.75 are then near chance, and far above it in a room of two
# halves.
#
# We change the decisions one by one, then several together: 20 runs each, 30 × 30 seats, 80 % full.
#
# **Predict, then run.** Which of the variants is furthest above its own chance?

# %%
my_guess = "torus"  # write a name here, from the list below

textbook = abm.textbook()
variants = {
    "classroom": classroom,
    "torus": dataclasses.replace(classroom, torus=True),
    "random seat": dataclasses.replace(classroom, move="random"),
    "share 0.3": abm.Rules(happy_share=0.3),
    "share 0.3, random seat": abm.Rules(happy_share=0.3, move="random"),
    "textbook (that and torus)": textbook,
    "80 : 20": abm.Rules(groups=(0.8, 0.2), happy_count=2),
    "80 : 20, share 0.3": abm.Rules(groups=(0.8, 0.2), happy_share=0.3),
    "three groups": abm.Rules(groups=(1 / 3, 1 / 3, 1 / 3), happy_count=2),
    "three groups, share 0.3": abm.Rules(groups=(1 / 3, 1 / 3, 1 / 3), happy_share=0.3),
}
found = {}
for name, rules in variants.items():
    runs = abm.sweep([rules.threshold], [0.8], range(20), width=30, height=30, rules=rules, progress=False)
    row = abm.phase(runs).iloc[0]
    found[name] = {"chance": sum(share**2 for share in rules.groups), "rounds": runs["steps"].mean(), **row}
compared = pd.DataFrame(found).T[["chance", "mean", "low", "high", "rounds"]]
print(f"Your guess: {my_guess}. Furthest above chance: {(compared['mean'] - compared['chance']).idxmax()}")
draw_town.variants(compared, "like neighbours at the end")

# %% [markdown]
# The figure has a row for each variant. A grey line leads from the chance level of its groups, a vertical mark, to
# the mean of like neighbours, a point; the intervals are hardly wider than the points. All variants lie above chance.
# How far depends on decisions that a paper may not even mention.

# %% tags=["claim-A2"]
above = compared["mean"] - compared["chance"]
assert (compared["low"] > compared["chance"]).all()  # robust: segregation in every variant
assert above.max() > 2 * above.min()  # not robust: how much
assert compared.loc["random seat", "high"] < compared.loc["classroom", "low"]  # choosing the best seat matters
assert compared.loc["classroom", "high"] < compared.loc["share 0.3", "low"]  # so does count against share
compared.round(2)

# %% [markdown]
# One more step: agents who are harder to please. In the classroom that meant more segregation. In the textbook
# model the share that makes happy goes from 0.3 to 0.9.
#
# **Predict, then run.** With which share are agents most among their own after 100 rounds?

# %%
my_guess = 0.9  # write 0.3, 0.5, 0.7 or 0.9

pleased = [0.3, 0.5, 0.7, 0.9]
demanding = abm.sweep(
    pleased, [0.8], range(10), width=30, height=30, rules=textbook, max_steps=100, progress=False
)
choosy = abm.sweep(
    pleased, [0.8], range(10), width=30, height=30, rules=abm.Rules(happy_share=0.3), progress=False
)
by_share = demanding.groupby("threshold")[["same_colour", "share_happy", "steps"]].mean()
by_share["same_colour, best seat"] = choosy.groupby("threshold")["same_colour"].mean()
print(f"Your guess: {my_guess}. Measured: {by_share['same_colour'].idxmax()}")
by_share.round(2)

# %% tags=["claim-A2"]
assert by_share.loc[0.7, "same_colour"] > by_share.loc[0.3, "same_colour"] + 0.1
assert abs(by_share.loc[0.9, "same_colour"] - 0.5) < 0.05 and by_share.loc[0.9, "share_happy"] < 0.2
assert by_share.loc[0.9, "same_colour, best seat"] > 0.8

# %% [markdown]
# Agents who want nearly all neighbours alike and move at random stay **mixed**: nobody is ever content, everybody
# moves on, and no cluster can form. With the best seat instead of a random one, the same wish divides the room.
# *The more people want their own, the more they are segregated* is a sentence about one way to move.
#
# The literature had such a debate. Elizabeth Bruch and Robert Mare found that agents with gradual preferences
# segregate far less than agents with a threshold (*Neighborhood Choice and Neighborhood Change*, American Journal of
# Sociology, 2006); Arnout van de Rijt, David Siegel and Michael Macy built the model again and disagreed
# (*Neighborhood Chance and Neighborhood Change: A Comment on Bruch and Mare*, same journal, 2009). Such an argument
# can be settled only if rules are written down so that others can run them. The ODD protocol is a form for doing that
# (Grimm et al., *The ODD Protocol for Describing Agent-Based and Other Simulation Models: A Second Update*, JASSS,
# 2020).

# %% [markdown]
# ### Exercise 7d · Above chance
#
# Like neighbours of different rooms can be compared if chance is taken out: 0 for chance, 1 for complete
# separation, so (share − chance) / (1 − chance). Write it. `groups` holds the shares of the groups, such as
# (0.8, 0.2); there may be more than two.

# %%
### STUB 7d
def above_chance(share, groups):
    chance = ...
    return ...
### SOLUTION 7d
def above_chance(share, groups):
    chance = sum(part**2 for part in groups)
    return (share - chance) / (1 - chance)
### END 7d

# %%
check.exercise_7d(above_chance)

# %% [markdown]
# ## 4 · Epidemics: many people or three numbers
#
# *18 minutes*
#
# Agent-based models come in two kinds, by what they are after. **Micro-level** models simulate encounters by a rule,
# and look at the pattern that emerges, such as segregation. **Macro-level** models are after outcomes of the whole:
# infection rates, herd immunity, markets. For the latter there is a rival without any agents: an equation.
#
# In the **SIR** model people are susceptible, infected or recovered (Kermack and McKendrick 1927). With N people,
#
# dS/dt = −β·S·I/N  dI/dt = β·S·I/N − γ·I  dR/dt = γ·I.
#
# If one meets 5 people a day and a meeting infects with probability 0.05, then β = 0.25. If one is ill for 10 days,
# γ = 0.1. A first case infects **R₀** = β/γ = 2.5 others.
#
# By hand: of 1,000 people 10 are infected and 990 susceptible. On the next day, 0.25 · 990 · 10 / 1000 = 2.475 fall
# ill and 0.1 · 10 = 1 recovers. So 11.475 are infected and 987.525 susceptible.
#
# The agents of `abm.Epidemic` meet, infect and recover one by one, by chance.
#
# **Predict, then run.** Nobody does anything about it. Which share of the people is infected in the end, if R₀ is
# 2.5? And how high is the peak?

# %%
my_guess_end, my_guess_peak = 1.0, 0.5  # write your two shares here

disease = {"transmission": 0.05, "contacts_per_step": 5, "recovery": 0.1}
macro = abm.sir_curve(beta=0.25, gamma=0.1, population=2000, infected=20)
micro = [abm.Epidemic(2000, "mixed", infected=20, seed=seed, **disease) for seed in range(4)]
curves = [epidemic.run() for epidemic in micro]
sizes = [epidemic.final_size for epidemic in micro]
peaks = [curve["infected"].max() / 2000 for curve in curves]
print(f"Your guess: {my_guess_end}, {my_guess_peak}")
print(f"Agents: {np.mean(sizes):.2f} in the end, peak {np.mean(peaks):.2f}.", end=" ")
print(f"Equation: {abm.final_size(2.5):.2f}, peak {macro['infected'].max() / 2000:.2f}")
draw.infection_curves([curves], ["agents, 4 runs"], theory=macro, title="Everybody may meet everybody")

# %% tags=["claim-A2"]
assert abs(np.mean(sizes) - abm.final_size(2.5)) < 0.03
assert abs(np.mean(peaks) - macro["infected"].max() / 2000) < 0.03

# %% [markdown]
# The figure shows the share infected by day: four runs of agents on the wide grey line of the equation. Where
# everybody may meet everybody and there are many people, the agents add nothing but chance, at a far higher cost.
# And not everybody is infected: the epidemic ends when those who are left are too few to pass it on.
#
# So when are agents worth it? First, where numbers are **small**. In a village of 300 one person falls ill. The
# equation knows one answer.
#
# **Predict, then run.** In which share of 60 such villages does the disease die out before it reaches 10 % of the
# people?

# %%
my_guess = 0.0  # write your share here

villages = abm.immunity_sweep([0.0], seeds=range(60), population=300, infected=1, **disease)
died_out = (villages["final_size"] < 0.1).mean()
elsewhere = villages["final_size"][villages["final_size"] >= 0.1].median()
print(f"Your guess: {my_guess}. Measured: {died_out:.2f}. In the other villages {elsewhere:.2f} fall ill (median)")
assert 0.15 < died_out < 0.65

# %% [markdown]
# A village escapes by luck: the first case, or the few after it, happen to recover before they meet others. For one
# first case theory gives 1/R₀, here 0.4 (Whittle, *The Outcome of a Stochastic Epidemic*, Biometrika, 1955). In a
# mean of all villages, luck and disaster are mixed into a number that no village has.
#
# Second, where it matters **who meets whom**. The disease stays as it is, and so does the number of contacts. On a
# grid people meet the eight around them. In a small world they meet eight neighbours on a ring, with one tie in ten
# leading far away (Watts and Strogatz 1998). With hubs, few people have very many ties (Barabási and Albert 1999).
#
# **Predict, then run.** Order the four by the share of people infected in the end.

# %%
my_guess = "mixed, hubs, small world, grid"  # write your order here, the largest first

meetings = {
    "mixed": {"contacts": "mixed"},
    "grid": {"contacts": "grid"},
    "small world": {"contacts": "network", "graph": "watts_strogatz", "rewiring": 0.1},
    "hubs": {"contacts": "network", "graph": "barabasi_albert"},
}
curves, found = {}, []
for name, structure in meetings.items():
    models = [abm.Epidemic(1600, infected=16, seed=seed, **structure, **disease) for seed in range(3)]
    curves[name] = [model.run() for model in models]
    size = np.mean([model.final_size for model in models])
    peak = np.mean([curve["infected"].max() / 1600 for curve in curves[name]])
    day = np.mean([curve["infected"].idxmax() for curve in curves[name]])
    found.append((name, np.mean([model.R0 for model in models]), size, peak, day))
structures = pd.DataFrame(found, columns=["contacts", "R0", "infected in the end", "peak", "day of the peak"])
structures = structures.set_index("contacts")
order = ", ".join(structures["infected in the end"].sort_values(ascending=False).index)
print(f"Your guess: {my_guess}\nMeasured:   {order}")
print(structures.round(2).to_string())
draw.infection_curves(list(curves.values()), list(curves), title="The same disease, the same number of contacts")

# %% tags=["claim-A2"]
ended = structures["infected in the end"]
assert ended["grid"] < ended["small world"] < ended["mixed"]
assert structures.loc["hubs", "day of the peak"] < structures.loc["mixed", "day of the peak"]

# %% [markdown]
# The figure shows the share infected by day, three runs for each structure. On a grid the disease burns its own
# neighbourhood: friends of the ill are already ill. A few far ties help it out of there. Hubs are reached first and
# pass it on fast. R₀ in the table counts the links, and on a grid even that is too high. The one number that the
# equation needs isn't a property of the disease alone.
#
# **Herd immunity** is the share of immune people above which an outbreak stays small. In a mixed population it is
# 1 − 1/R₀: with 2.5, so 0.6. (Paul Fine, Ken Eames and David Heymann, *"Herd Immunity": A Rough Guide*, Clinical
# Infectious Diseases, 2011.) By hand: if 60 % are immune, a case that would have infected 2.5 others infects
# 0.4 · 2.5 = 1.
#
# **Predict, then run** (some ten seconds). Is the share needed on the grid larger or smaller?

# %%
my_guess = "larger"  # write larger or smaller

immune = np.arange(0, 0.81, 0.1).round(1)
settings = {"population": 900, "infected": 9, **disease}
herd = {
    "mixed": abm.immunity_sweep(immune, seeds=range(4), **settings),
    "grid": abm.immunity_sweep(immune, seeds=range(4), contacts="grid", **settings),
}
medians = pd.DataFrame({name: runs.groupby("immune")["final_size"].median() for name, runs in herd.items()})
needed = (medians < 0.1).idxmax()
print(f"Your guess: {my_guess}. An outbreak stays below 10 % from {needed.to_dict()} on")
draw.herd(herd, title="How many must be immune?")

# %% tags=["claim-A2"]
assert medians.loc[0.3, "mixed"] > 0.3  # below the threshold: a large outbreak
assert medians.loc[0.7, "mixed"] < 0.12  # above it: a small one
assert needed["grid"] < needed["mixed"]
hubs = {"contacts": "network", "graph": "barabasi_albert", **settings}
by_order = {
    order: abm.immunity_sweep([0.2], seeds=range(6), immunise=order, **hubs)["final_size"].median()
    for order in ("random", "hubs")
}
print("hubs network, 20 % immune:", {order: round(float(size), 2) for order, size in by_order.items()})
assert by_order["hubs"] < by_order["random"] / 3

# %% [markdown]
# The figure shows infected people by the share immune at the start: theory as a wide grey line, its threshold dashed,
# runs as points, medians as lines. The mixed agents follow theory. On the grid fewer immune people are enough. And in
# a network with hubs it matters most **who** is immune: a fifth of the people, if they are those with most ties, does
# what the same number at random can't (Pastor-Satorras and Vespignani, *Immunization of Complex Networks*, Physical
# Review E, 2002).
#
# Third, where people **react**. A rule takes a person and says which share of the usual contacts this person keeps.

# %%
rules = {
    "nothing": None,
    "all keep 30 % while it is in the news": abm.CutContacts(above=0.02, to=0.3),
    "4 in 5 stay at home after 2 days ill": abm.Isolate(share=0.8, after=2),
}
curves, found = {}, []
for name, behaviour in rules.items():
    model = abm.Epidemic(1600, infected=16, seed=1, behaviour=behaviour, **disease)
    curves[name] = model.run()
    found.append((name, model.R0, model.final_size, curves[name]["infected"].max() / 1600, model.steps))
reactions = pd.DataFrame(found, columns=["rule", "R0", "infected in the end", "peak", "days"]).set_index("rule")
print(reactions.round(2).to_string())
assert reactions["R0"].nunique() == 1  # the number of the textbook doesn't see what people do
assert reactions["peak"].iloc[1] < reactions["peak"].iloc[0] / 2
assert reactions["days"].iloc[1] > reactions["days"].iloc[0]
assert reactions["infected in the end"].iloc[2] < reactions["infected in the end"].iloc[0] / 2
draw.infection_curves(list(curves.values()), list(curves), title="What people do about it")

# %% [markdown]
# The figure shows the share infected by day under three rules. Who watches the news keeps the curve flat and long:
# contacts come back as soon as the numbers fall. The rules are guesses. How people really react, and how to put
# it into a model, is its own field (Funk, Salathé and Jansen, *Modelling the Influence of Human Behaviour on the
# Spread of Infectious Diseases: A Review*, Journal of the Royal Society Interface, 2010). Here lies the promise of
# section 5: agents who decide as people would.

# %% [markdown]
# ### Exercise 7e · A day of the equation
#
# Write `next_day`: from the susceptible, infected and recovered people of a day to those of the next.

# %%
### STUB 7e
def next_day(susceptible, infected, recovered, beta, gamma):
    population = susceptible + infected + recovered
    falling_ill = ...
    recovering = ...
    return ..., ..., ...
### SOLUTION 7e
def next_day(susceptible, infected, recovered, beta, gamma):
    population = susceptible + infected + recovered
    falling_ill = beta * susceptible * infected / population
    recovering = gamma * infected
    return susceptible - falling_ill, infected + falling_ill - recovering, recovered + recovering
### END 7e

# %%
check.exercise_7e(next_day)

# %% [markdown]
# ### Exercise 7f · A rule of one's own
#
# Half of the people are careful, `person.disposition < 0.5`. A careful person keeps 20 % of the contacts while
# **more than** 2 % of the population are infected, `person.model.share_infected`, or while he or she is
# `"infected"` (`person.state`). All others, and careful people at all other times, keep every contact, that is 1.0.

# %%
### STUB 7f
def half_careful(person):
    careful = ...
    alarmed = ...
    return ...
### SOLUTION 7f
def half_careful(person):
    careful = person.disposition < 0.5
    alarmed = person.model.share_infected > 0.02 or person.state == "infected"
    return 0.2 if careful and alarmed else 1.0
### END 7f

# %%
check.exercise_7f(half_careful)

# %% [markdown]
# ## 5 · Agents that decide by language
#
# *14 minutes*
#
# Agents with rules have known limits. Their rules never change. They remember nothing and don't think about what
# they do. They can't talk. A language model could lend them all of that. We begin with the smallest step: the board,
# the order and the seats stay as they are, and only the question *do I want to move?* goes to a chat model, in a
# sentence.

# %%
from workshop_lib.abm import schelling_prompts

situation = schelling_prompts.Situation(group=0, like=1, every=6)
for wording in range(3):
    print(f"wording {wording}:", schelling_prompts.request(situation, wording=wording).messages[0]["content"], "\n")

# %% [markdown]
# What an agent sees is the number of like neighbours and of all neighbours. By hand: from 0 of 0 to 8 of 8 there are
# 1 + 2 + … + 9 = 45 situations. The model answers the same each time, so 45 calls are enough for a room of any
# size.
#
# **First a test of the machinery.** An **engine** is anything that answers a request. This one needs no model: it
# reads the number of like neighbours in the request, and a function decides. Here the function is the rule. If the
# seam is right, the run must be the rule's run, move for move.

# %% tags=["claim-A3"]
class Decider:
    """An engine without a model: a function of the number of like neighbours says whether to move."""

    model, local = "none", True

    def __init__(self, name, moves):
        self.name, self.moves = name, moves

    def settings(self):
        return {"decides": self.name}

    def ask(self, request):
        like = int(request.item.id.split()[0])  # the id says "1 of 6"
        return labeling.Answer("yes" if self.moves(like) else "no")


by_rule = abm.LLMSchelling(Decider("rule", lambda like: like < 2), 8, 8, rules=classroom, seed=7).run()
print(f"{by_rule.moves} moves, {len(by_rule.calls)} calls, agreement {by_rule.agreement().attrs['agree']:.2f}")
assert (by_rule.board == run.board).all() and by_rule.moves == run.moves
assert by_rule.agreement().attrs["agree"] == 1

# %% [markdown]
# Now the course's assistant, in three wordings that mean the same. It runs on this machine; `LocalChat` asks it.
#
# **Predict, then run** (some twenty seconds). The rule is to move with fewer than two like neighbours. In which share
# of the 45 situations does the assistant decide likewise?

# %%
my_guess = 0.8  # write your share here

assistant = abm.LocalChat()
deciders = {f"wording {n}": abm.LLMSchelling(assistant, 8, 8, rules=classroom, wording=n) for n in range(3)}
tables = {name: decider.agreement() for name, decider in deciders.items()}
agreed = pd.DataFrame({name: table.attrs for name, table in tables.items()}).T[["agree", "constant", "move"]]
print(f"Your guess: {my_guess}. Measured: {agreed['agree'].round(2).to_dict()}")
draw_town.decisions(tables, "Do you want to move?")

# %% [markdown]
# The figure shows in which share of situations one would move, by the number of like neighbours. The wide grey line
# is the rule, which falls from 1 to 0 between one and two. Each other line is the assistant, asked in another
# wording. A decision-maker with Schelling's wish would fall, too, from left to right, and the three lines would lie
# on each other.

# %%
agreed["situations answered"] = [int(table["situations"].sum()) for table in tables.values()]
agreed.round(2)

# %% [markdown]
# `agree` needs its own chance level. An agent who never moves agrees with the rule in most situations, because most
# of the 45 have two or more like neighbours: `constant` is what one gets for always giving the same answer. If
# `agree` is no higher, the assistant has shown nothing, however large the number looks. `move` says how often it
# wants to move at all.

# %% tags=["claim-A3"]
for name, decider in deciders.items():
    counted = tables[name][["situations", "unusable"]].sum().sum()
    assert counted == len(decider.calls) == 45  # each situation once
    assert (decider.calls["cost"].fillna(0) == 0).all()  # on this machine
assert agreed["agree"].between(0, 1).all()
assert np.isclose(agreed["constant"].iloc[0], 28 / 45, atol=0.1)  # 28 of 45 have two or more alike

# %% [markdown]
# What becomes of a room whose people decide so? Large rooms cost nothing more: the 45 answers are kept in a folder.
#
# Beside it stands a room of people who want to move **always**, whatever they see. They have no wish at all.
#
# **Predict, then run.** Which room ends up most segregated: that of the rule, of the assistant, or of those who always
# move?

# %%
my_guess = "rule"  # write rule, assistant or always

chosen = agreed["move"].idxmax()  # the wording in which it moves most
number = int(chosen.split()[1])
large = abm.LLMSchelling(
    assistant, 20, 20, rules=classroom, seed=3, wording=number, folder=deciders[chosen].folder
).run(20)
always = abm.LLMSchelling(Decider("always", lambda like: True), 20, 20, rules=classroom, seed=3).run(20)
ruled = abm.fast.run(20, 20, rules=classroom, seed=3, keep_boards=True)
beside = pd.concat([always.beside_rule().loc[["model"]], large.beside_rule()])
beside.index = ["always", "assistant", "rule"]
print(f"Your guess: {my_guess}. Measured: {beside['same_colour'].idxmax()}. Calls in the folder: {len(large.calls)}")
print(beside[["steps", "moves", "stopped", "share_happy", "same_colour"]].round(2).to_string())
rooms = {"start": ruled.boards[0], "rule": ruled.board, f"assistant, {chosen}": large.board, "always": always.board}
draw.boards(list(rooms.values()), list(rooms), names, classroom)

# %% tags=["claim-A3"]
agents = int((large.board != EMPTY).sum())
assert agents == 320 and len(large.calls) == 45  # 320 people, and one mind
assert (np.sort(large.board.ravel()) == np.sort(ruled.board.ravel())).all()
assert beside.loc["always", "same_colour"] > beside.loc["rule", "same_colour"] > 0.6

# %% [markdown]
# The figure shows the start and three ends; black rims mark who is unhappy **by the rule**. Those who always move make
# a city more divided than those who have a wish. The reason is the seat: **where** to go is still the rule's decision,
# and it picks the seat with most of one's own. So a divided city says nothing about the sense of the decisions.
# Another wording may give another city, and nobody has compared any of them with people.
#
# Mind one more thing. The room holds 320 agents, but two in the same situation always decide alike. It is one
# decision-maker in 320 copies. People in the same situation differ, and that is often what a study is about.
#
# What would it cost with a hosted model? The tokens are measured here. The price is that of GPT-4.1 mini in the
# lecture: $0.40 per million tokens read and $1.60 per million written. Prices change: look them up
# (`labeling.plan`, lesson 06).

# %%
calls = deciders["wording 0"].calls
read, written = calls["input_tokens"].mean(), calls["output_tokens"].mean()
per_call = (read * 0.40 + written * 1.60) / 1e6
situations, everybody = 45, 10_000 * 50
for name, count in [("45 situations, once", situations), ("10,000 agents ask in each of 50 rounds", everybody)]:
    hours = count * calls["seconds"].mean() / 3600
    print(f"{name:<40} {count:>8,} calls  ${count * per_call:8.4f}  or {hours:7.2f} hours on this machine")

# %% [markdown]
# ### Exercise 7g · Does it make sense at all?
#
# A test that needs no data on people: **one more like neighbour should never be a reason to leave.** Take two
# situations with the same number of neighbours, one with k like neighbours and one with k + 1. It is a **reversal**
# if the agent stays with k and moves with k + 1. Count them. `decided[(like, every)]` is True if the agent would
# move; situations without a usable answer are missing, and pairs with a missing one don't count.
#
# `decided.get(key)` gives None for a missing key; `value is False` and `value is True` ask for exactly these.

# %%
### STUB 7g
def reversals(decided):
    count = 0
    for like, every in decided:
        fewer, more = decided.get((like, every)), decided.get(...)
        if ...:
            count += 1
    return ...
### SOLUTION 7g
def reversals(decided):
    count = 0
    for like, every in decided:
        fewer, more = decided.get((like, every)), decided.get((like + 1, every))
        if fewer is False and more is True:
            count += 1
    return count
### END 7g

# %%
check.exercise_7g(reversals, {name: decider.decisions() for name, decider in deciders.items()})

# %% [markdown]
# ## 6 · A town that remembers
#
# *16 minutes*
#
# **Generative agents** go further (Park et al., *Generative Agents: Interactive Simulacra of Human Behavior*, UIST
# 2023). Each agent has
#
# - a **memory stream**: sentences with a time and an importance;
# - **retrieval**: which of them come to mind now;
# - **reflection**: sentences about memories, which become memories;
# - **plans**, and **talk** with others, which both read from memory.
#
# By hand, retrieval. It is evening, and Edda, a librarian, thinks about her library. A memory scores by **recency**,
# 0.995 for each hour since it last came to mind, by **importance**, from 1 to 10, and by **relevance**, the cosine
# with what she thinks about (here invented numbers). Each of the three is brought to 0 … 1 among her memories, by
# (value − lowest) / (highest − lowest), and the three are added.
#
# | memory | hours | recency | importance | cosine | score |
# |---|---|---|---|---|---|
# | The council wants to close the library. | 9 | 0.956 → 0 | 8 → 1 | 0.6 → 1 | 2 |
# | Edda was at the library alone. | 0 | 1 → 1 | 2 → 0 | 0.5 → 0.8 | 1.8 |
# | The pool is shut. | 3 | 0.985 → 0.66 | 2 → 0 | 0.1 → 0 | 0.66 |

# %%
texts = ["The council wants to close the library.", "Edda was at the library alone.", "The pool is shut."]
memories = [
    abm.Memory(number, 0, "Edda", "observation", text, importance)
    for number, (text, importance) in enumerate(zip(texts, [8, 2, 2]))
]
by_hand = abm.scored(memories, cosines=[0.6, 0.5, 0.1], hours=[9, 0, 3])
assert np.allclose(by_hand["score"], [2, 1.8, 0.66], atol=0.01)
draw_town.retrieval(by_hand, title="Why a memory comes to mind")

# %% [markdown]
# The figure has a bar for each memory, made of its three scores. Note what *0 … 1 among her memories* does: 0.956 and
# 1 hardly differ, and become 0 and 1. This, too, is a decision of the modeller.
#
# Now the town: eight invented people, ten places, four parts of a day. Each morning people plan; then they go
# somewhere, see who is there, talk, and reflect when enough has happened. The assistant is small, so it mostly
# **chooses** from short lists, and the sentences that are remembered are built around its choices
# (`style="choices"`). With a large model, plans, talk and reflections can be its own words (`style="lines"`).

# %%
people, places = data.load("town"), data.load("town_places")
people[["name", "age", "job", "about", "morning", "noon", "afternoon", "evening"]]

# %% [markdown]
# The last four columns are **habits**: where a person with a rule would go. They are our rule model. In the morning
# of the first day Edda is told some news.
#
# **Predict, then run** (under a minute). How many of the eight know the news after one day?

# %%
my_guess = 4  # write your number here

town = abm.GenerativeTown(people, places, assistant, seed=7, reflect_at=15)
town.tell("Edda", "The council wants to close the library.", importance=8)
town.run(4, progress=False)
knows = town.spread("close the library")
print(f"Your guess: {my_guess}. Measured: {knows['tick'].notna().sum()} of {len(knows)}")
draw_town.days(town.log, "What they did (a star: no usable answer, so the habit)")

# %% [markdown]
# The figure has a row for each person and a column for each part of the day. Compare it with the table of habits. The
# prompt of each move even names the habit. Then read what they said. These lines are the assistant's own words.

# %%
said = town.log[town.log["what"].isin(["line", "reply"])]
for text in said["text"].head(8):
    print("·", text)

# %% [markdown]
# Would you take these for talk among neighbours? Now what the town counts as usable answers, question by question.

# %%
usable = town.usable()
usable[["calls", "usable", "share", "seconds", "input_tokens", "output_tokens"]].round(2)

# %% [markdown]
# **Usable** means that the form is right: one of the options, or one line of words. Nonsense in the right form counts
# as usable. No table can replace reading.
#
# What does Edda have in mind by now? Looking doesn't change anything.

# %% tags=["claim-A3"]
mind = town.retrieve("Edda", "Will the library be closed?", k=5)
relevant = town.retrieve("Edda", "Will the library be closed?", k=1, weights={"relevance": 1})
kinds = set(town.memories()["kind"])
print("kinds of memories in the town:", ", ".join(sorted(kinds)))
assert np.allclose(mind["score"], mind[["recency", "importance", "relevance"]].sum(axis=1))  # the weights are visible
assert "library" in relevant["text"].iloc[0]
assert {"observation", "plan"} <= kinds and "reflection" in set(town.log["what"])
assert {"plan", "move", "reflection"} <= set(usable.index)
assert usable.loc["all", "share"] > 0.5 and town.calls["cost"].fillna(0).sum() == 0
draw_town.retrieval(mind, title="Edda thinks of the library")

# %% [markdown]
# The figure has a bar for each of the memories that come to Edda's mind, made of recency, importance and relevance. A
# reflection is a memory, too: it can be told, and be reflected upon again, so that sentences may grow like onions.
#
# The town is stored tick by tick, with all answers. So a run can be broken off and taken up again, or taken up
# at an **earlier** tick, to change something and see what follows. What was answered isn't asked again.

# %%
before_evening = abm.GenerativeTown.resume(town.folder, assistant, tick=3)
asked = len(town.calls)
before_evening.run(1, progress=False)
print(f"{len(town.calls) - asked} new calls for the same evening")
pd.testing.assert_frame_equal(before_evening.log, town.log)

# %% [markdown]
# ### How would one know?
#
# A town always produces something, and a reader always finds sense in it. Three comparisons help.
#
# 1. **With a rule model**: does the language model add anything? The engine `abm.ByHabit` needs no model: people keep
#    to their habits and pass on whatever comes to mind.
# 2. **With itself**: does it say the same in another wording, with another seed, with another model (section 5)?
# 3. **With people**: are its choices like theirs? For a day in town that would be a time-use survey. The course ships
#    none.
#
# **Predict, then run.** In the town of the rule, without any model, how many know the news after one day?

# %%
my_guess = 4  # write your number here

ruled_town = abm.GenerativeTown(people, places, abm.ByHabit(tell="yes"), seed=7, reflect_at=15)
ruled_town.tell("Edda", "The council wants to close the library.", importance=8)
ruled_town.run(4, progress=False)
reach = pd.DataFrame(
    {
        name: [(one.spread("close the library")["tick"] <= tick).sum() for tick in range(5)]
        for name, one in {"assistant": town, "rule": ruled_town}.items()
    },
    index=pd.Index(range(5), name="tick"),
)
print(f"Your guess: {my_guess}. Measured: {reach['rule'].iloc[-1]}")
reach

# %% tags=["claim-A3"]
habits = town.beside_habits()
print(habits.round(2).to_string())
print(f"The assistant kept to the habit in {habits.attrs['kept']:.0%} of {habits.attrs['decisions']} moves.")
print(f"Distance of the two columns: {habits.attrs['distance']:.2f} (0: equal, 1: nothing in common)")
print(f"Its commonest choice makes up {habits['decided'].max():.0%} of its moves; of the habits, {habits['habit'].max():.0%}.")
assert reach["rule"].iloc[-1] >= 3  # news spreads without any model
assert reach.iloc[0].eq(1).all() and (reach.diff().iloc[1:] >= 0).all().all()
assert 0 <= habits.attrs["distance"] <= 1
assert (ruled_town.log[ruled_town.log["what"] == "move"]["default"]).all()  # the rule moved everybody

# %% [markdown]
# That news goes round a town of agents is no finding about language models: it goes round where everybody follows
# habits and says yes. What the model adds is the difference between the columns of `reach`, and between *decided* and
# *habit*. Look for the cheapest explanation first: a model that gives the same answer to nearly everybody makes a
# difference, too, and has decided nothing. Whether a difference is **better** can't be seen from inside. In the paper, people judged how believable
# the agents were, with and without memory, reflection and plans; believable isn't true.
#
# | what generative agents promise | what to measure |
# |---|---|
# | memory and reflection | which memories a decision used (`evidence`), and what changes without them |
# | natural talk | lines coded by readers who don't know which model wrote them (lesson 06) |
# | adaptive plans | plans and moves beside habits, beside a time-use survey |
# | different people, different reasons | the variance between agents, beside that between people (lesson 10) |
# | credible projections | a prediction written down before the data are seen |
#
# Later work compares with people: Joon Sung Park and co-authors interview 1,052 people and ask agents made of the
# interviews the same survey questions (*Generative Agent Simulations of 1,000 People*, arXiv 2411.10109, 2024). Maik
# Larooij and Petter Törnberg review generative simulations and find validation to be their weak side (*Do Large
# Language Models Solve the Problems of Agent-Based Modeling?*, arXiv 2504.03274, 2025).

# %% [markdown]
# ### Exercise 7h · What comes to mind
#
# Write the two functions of retrieval. `from_0_to_1` brings numbers to 0 … 1 as above; you may take for granted that
# they aren't all equal. `memory_scores` adds recency, `decay` to the power of the hours, importance and relevance,
# each brought to 0 … 1. `values.min()` is the lowest of an array; `**` is *to the power of*.

# %%
### STUB 7h
def from_0_to_1(values):
    values = np.array(values, dtype=float)
    return ...


def memory_scores(hours, importance, cosines, decay=0.995):
    recency = ...
    return from_0_to_1(recency) + ...
### SOLUTION 7h
def from_0_to_1(values):
    values = np.array(values, dtype=float)
    return (values - values.min()) / (values.max() - values.min())


def memory_scores(hours, importance, cosines, decay=0.995):
    recency = decay ** np.array(hours, dtype=float)
    return from_0_to_1(recency) + from_0_to_1(importance) + from_0_to_1(cosines)
### END 7h

# %%
check.exercise_7h(from_0_to_1, memory_scores)

# %% [markdown]
# ## What goes wrong in research use
#
# - **Validity: growing isn't explaining.** Joshua Epstein's motto is *If you didn't grow it, you didn't explain its
#   emergence* (*Agent-Based Computational Models and Generative Social Science*, Complexity, 1999). The reverse
#   doesn't hold: many rules grow the same pattern. Segregation from mild wishes doesn't show that a city's
#   segregation comes from mild wishes, and not from law, prices, credit or violence.
# - **Validity: rule decisions.** Who moves when, where to, on which board: each of them is a result waiting to
#   change. Write them down (ODD), vary them, report the spread.
# - **Validity: calibration.** With enough free numbers a model fits any curve. Fit on one part of the data and test
#   on another (Windrum, Fagiolo and Moneta, *Empirical Validation of Agent-Based Models: Alternatives and Prospects*,
#   JASSS, 2007).
# - **Validity: the model has read the literature.** Chat models know Schelling's result and the epidemics of the
#   past. A simulation that finds what everybody knows may be a quotation.
# - **Bias: one mind in many copies.** Agents of one language model are more alike than people, and portray groups as
#   outsiders see them (Wang, Morgenstern and Dickerson, *Large Language Models That Replace Human Participants Can
#   Harmfully Misportray and Flatten Identity Groups*, Nature Machine Intelligence, 2025; Bisbee et al., *Synthetic
#   Replacements for Human Survey Data? The Perils of Large Language Models*, Political Analysis, 2024). Lesson 10
#   measures it.
# - **Reproducibility and cost.** Keep every answer, as the folders of this lesson do. A hosted model changes, and
#   then the run can't be repeated. Set a cap (`max_cost`) before the first call, not after the bill.
# - **Privacy.** Agents made of real people's interviews can say about them what they never told anybody. Consent to
#   an interview isn't consent to a copy.
# - **Use.** An epidemic model with invented behaviour isn't advice. Say on the first page what it must not be used
#   for.

# %% [markdown]
# ## Key points
#
# - Agents, environment, rules; what emerges is wanted by nobody and must be measured, beside chance.
# - Under the classroom's rule a wish for two like neighbours makes neighbours clearly more alike. How much, depends
#   on the density, on how agents move, and on the measure: districts of a large room stay nearly mixed.
# - One run is an anecdote. Report the spread of runs and the interval of their mean.
# - In a large mixed population agents and equation agree. Agents are worth their cost where numbers are small, where
#   contacts have a structure, and where people react.
# - A language model can decide for agents. A pattern in the end is no evidence that the decisions make sense. Hold them
#   against a rule, the constant answer, other wordings, simple logic, and people.
# - Generative agents add memory, retrieval, reflection, plans and talk. That they produce a story is no evidence.

# %% [markdown]
# ## Quiz
#
# **1.** Everybody in Schelling's room is happy at the end. Is the outcome what everybody wanted?
#
# <details><summary>Answer</summary>
#
# It is one in which nobody wants to move. Mixed rooms in which all are happy exist, too; the agents never looked for
# the best room, each looked for a seat. Nobody wanted the pattern.
#
# </details>
#
# **2.** A paper reports D = 0.4 for a model with few agents in each district. What is missing?
#
# <details><summary>Answer</summary>
#
# What chance gives. With few agents a district, a random board has a large D. Shuffle the agents and report that,
# too.
#
# </details>
#
# **3.** The interval of a mean over seeds goes from 0.68 to 0.70. Can a single room have 0.55?
#
# <details><summary>Answer</summary>
#
# Yes. The interval says how well the mean is known. Single rooms spread much more widely, and more so in small rooms.
#
# </details>
#
# **4.** Under the textbook rule, agents who want 90 % alike end up mixed. Why?
#
# <details><summary>Answer</summary>
#
# They move to random seats, hardly any seat is good enough, so nearly all keep moving, and clusters dissolve before
# they can grow. With the best seat instead of a random one the room divides.
#
# </details>
#
# **5.** R₀ is 4. Which share must be immune, and what do you take for granted?
#
# <details><summary>Answer</summary>
#
# 1 − 1/4 = 0.75, if everybody may meet everybody and the immune are drawn at random. Where contacts are local, fewer
# are enough; where the immune live among themselves, more are needed.
#
# </details>
#
# **6.** A model that asks a chat model agrees with the rule in 62 % of the situations. Is that good?
#
# <details><summary>Answer</summary>
#
# Ask for the constant answer. If an agent who never moves also agrees in 62 %, the chat model has shown nothing.
#
# </details>
#
# **7.** In a generative town the share of usable answers is 0.97. What does that say about the talk?
#
# <details><summary>Answer</summary>
#
# That lines came in the right form. Whether they make sense must be read, best by people who don't know which model
# wrote them.
#
# </details>
#
# **8.** Why does the memory of nine hours ago get a recency of 0 in the example, although 0.995⁹ is 0.956?
#
# <details><summary>Answer</summary>
#
# Each score is brought to 0 … 1 among the person's memories, and this one is the oldest. The step makes small
# differences as large as big ones. It is a choice of the modeller.
#
# </details>

# %% [markdown]
# ## Homework
#
# 1. **Your own wish.** Research question: do agents who *like* mixture end up mixed? Make a subclass of
#    `abm.Schelling` with a `Person` whose `choose` prefers seats with about half of the neighbours alike. Run 20
#    seeds and compare with the classroom. Say which of your decisions mattered.
# 2. **A multiverse.** Research question: which decision matters most? Cross count or share, best or random seat,
#    torus or walls, two group sizes and two densities, 10 seeds each. Report the 32 means in one figure, and the
#    share of their variance that each decision explains.
# 3. **Who should be vaccinated first?** Research question: how much does knowing the network save? Take a network of
#    your own, such as `networkx.karate_club_graph()`, and compare `immunise="random"` with `"hubs"`. What would one
#    have to know about people to do so, and may one?
# 4. **Another model, the same town.** Research question: does a larger model add anything? Run the first day with a
#    chat model of your choice (`labeling.Chat`, with a cap), in both styles. Let two people code 30 lines as sensible
#    or not, without knowing which model wrote them, and report their agreement. Hold its moves against the habits.

# %% [markdown]
# ## Where the code lives
#
# - `workshop_lib/abm/rules.py`: every decision of Schelling's model, stated once. `schelling.py` plays it on Mesa,
#   `fast.py` on arrays, `measures.py` measures, `sweep.py` runs many (on a cluster with
#   `map=workshop_lib.cluster.ray_map`). Tests: `tests/test_abm_schelling.py`, `test_abm_fast.py`,
#   `test_abm_sweep.py`.
# - `epidemic.py`, `contacts.py`, `behaviour.py`, `immunity.py`, `epidemic_theory.py`: the epidemics. Tests:
#   `tests/test_abm_epidemic.py`.
# - `llm_schelling.py`, `schelling_prompts.py`: movers who ask a model. `town.py` and `town_*.py`, `memory.py`: the
#   town. `chat.py`, `asker.py`: how a model is asked, and how answers are kept. Tests: `tests/test_abm_town.py`,
#   `test_abm_llm_schelling.py`.
# - `views.py`, `gif.py`: sliders, a page in the browser (`abm.solara_page`), animations. `workshop_lib/plots/abm.py`
#   and `plots/town.py`: the figures.
# - `data/town/`: the people and places, with codebook and datasheet.
# - `workshop_lib/checks/lesson_07.py`: the checks. Tests: `tests/test_checks_07.py`.
