# %% [markdown]
# # 10 · Simulated participants and stimuli
#
# {{badges}}

# %% [markdown]
# ## Question
#
# A survey experiment with 2,000 people costs months and a budget. A language model answers the same
# questions tonight, as 2,000 invented people. Lisa Argyle and co-authors told a model the profiles of real
# respondents and got answers that resembled those of such people (*Out of One, Many*, Political Analysis,
# 2023). Luke Hewitt, Ashwini Ashokkumar, Isaias Ghezae and Robb Willer let GPT-4 simulate 70 survey
# experiments with 476 treatment effects and 105,165 participants (*Predicting Results of Social Science
# Experiments Using Large Language Models*, working paper, 2024). Predicted and real effects correlated with
# r = 0.85, and accuracy was much the same for women and men, for Black and white participants, for Democrats
# and Republicans. James Bisbee and co-authors found averages close to people's, too little variation, and
# other results with another wording or three months later (*Synthetic Replacements for Human Survey Data?*,
# Political Analysis, 2024).
#
# **When may a simulated participant stand in for a person, and how would you know?** The lecture behind this
# lesson (Zhou and Huang, Day 7) adds a question: *accuracy is consistent across gender, race and political
# affiliation: does this suggest low bias?* And models don't only answer, they also write what participants
# read: **stimuli**. Do their suggestions make political talk more polite and more validating?

# %% [markdown]
# ## Objectives
#
# After this lesson you can:
#
# - say who is in a benchmark of real people and who isn't, and reweight it;
# - turn profiles into personas, and personas into distributions of answers;
# - score a simulation against people, beside baselines that need no language model, by subgroup;
# - show how far a result depends on the prompt;
# - estimate treatment effects, say what their intervals cover, and tell a high r from a right size;
# - take apart "equal accuracy across groups" by the direction of errors;
# - make stimuli, compare them blind, and measure their language with intervals;
# - plan an experiment with people, from power to a tested analysis script.

# %% [markdown]
# ## Time and cost
#
# Planned: 90 minutes of teaching, 55 minutes of exercises. After section 4 is a good place for a break.
#
# {{cost}}
#
# No key and no account is needed, and nothing is paid. No answer of a model is taken for that of a person
# anywhere in this lesson.

# %% [markdown]
# ## Set-up

# %%
# On Colab and Binder this installs the course; where it is installed, nothing happens.
import importlib.util
if importlib.util.find_spec("workshop_lib") is None:
    # %pip install -q "workshop-lib @ git+{{repository}}"
from workshop_lib import data, labeling, participants, plots, runtime
from workshop_lib.checks import lesson_10 as check

# %%
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import transformers
from scipy.stats import binomtest, ttest_ind
from workshop_lib.participants.blind import CODEBOOK
from workshop_lib.participants.people import DEMOGRAPHICS, ITEMS, PROFILE
from workshop_lib.participants.scores import spread, total_variation, wasserstein
from workshop_lib.participants.surveys import INTRODUCTIONS, items_of
from workshop_lib.plots import participants as draw

transformers.logging.set_verbosity_error()
folder = Path(tempfile.mkdtemp())  # where the answers are kept: a cell that runs again asks nothing again
print(runtime.report())

# %% [markdown]
# ## 1 · Real people first
#
# *10 minutes*
#
# Whoever simulates people needs people to compare with. We take respondents of the **American National
# Election Study** of 1996, as the package statsmodels carries them: no network, no licence to ask for. What
# does a data set of people say about itself, and what doesn't it say?

# %%
people = participants.anes96()
print(f"{len(people)} people")
for limit in people.attrs["limits"]:
    print(f"- {limit}")
participants.codebook()

# %% [markdown]
# These people said in 1996 whom they expected to vote for. By hand: with 944 people, a share of 0.55 has a
# standard error of √(0.55 · 0.45 / 944) = 0.016, and a 95 % interval of ±0.03.
#
# **Predict, then run.** In the election Bill Clinton got 49.2 % of the votes and Bob Dole 40.7 % (Federal
# Election Commission). So of the votes for these two, 54.7 % were for Clinton. What share is it in this
# sample?

# %%
my_guess = 0.547  # write your share here

said = participants.answers(people, "vote")
elected = 49.2 / (49.2 + 40.7)
of_clinton = int((said == "Clinton").sum())
low, high = binomtest(of_clinton, len(said)).proportion_ci(method="wilson")
print(f"Your guess: {my_guess}. The sample: {of_clinton / len(said):.3f}, 95 % interval {low:.3f} to {high:.3f}")
print(f"The election, these two only: {elected:.3f}")
by_party = {
    name: part["vote"].value_counts(normalize=True).reindex(["Clinton", "Dole"])
    for name, part in people.groupby("party_group", observed=True)
}
draw.distributions(by_party, "Expected vote of 944 people in 1996, by party identification")

# %%
assert low > elected  # not the electorate
assert by_party["Democrat"]["Clinton"] > 0.9 and by_party["Republican"]["Clinton"] < 0.2
assert len(people) == 944 and people.notna().all().all()

# %% [markdown]
# The interval doesn't hold the result of the election. The sample isn't wrong; it isn't the electorate. Who
# chose Ross Perot, who stayed at home and who didn't answer was left out, nobody is weighted, and an
# expectation isn't a vote. **A simulation that hits the election misses these people, and the other way
# round.** So say first whom you want to simulate.
#
# The figure has a pair of bars for each group: nearly all who identify with a party name its candidate. A
# program that knows the party knows nearly everything here. Keep that in mind when you read that a model
# predicts votes.
#
# If the sample has too many of a group, **post-stratification** mends that part: take the share in each
# group, and weight it by the group's share in the population. By hand: Clinton's share is 0.96 among
# Democrats, 0.63 among independents and 0.11 among Republicans. In a population with a third of each it is
# (0.96 + 0.63 + 0.11) / 3 = 0.57. Wei Wang and co-authors forecast an election from players of the Xbox in
# this way, most of them young men (*Forecasting elections with non-representative polls*, International
# Journal of Forecasting, 2015). Simulated participants take the same step: answers by profile, times how many
# people have the profile.

# %% [markdown]
# ### Exercise 10a · Another mix of people
#
# Write `poststratified`. It gets a table of people with the columns `party_group` and `vote`, and `targets`,
# a dictionary from each group to its share in the population (they sum to 1). It gives back the share of
# Clinton in that population. `column.groupby(other_column, observed=True).mean()` gives a mean for each
# group, and the mean of True and False is a share.

# %%
### STUB 10a
def poststratified(people, targets):
    within = ...
    return sum(... for group in targets)
### SOLUTION 10a
def poststratified(people, targets):
    within = (people["vote"] == "Clinton").groupby(people["party_group"], observed=True).mean()
    return sum(targets[group] * within[group] for group in targets)
### END 10a

# %%
check.exercise_10a(poststratified)

# %% [markdown]
# ## 2 · From a profile to a distribution
#
# *13 minutes*
#
# A **persona** is a real person's profile in words. Argyle and co-authors write it as a story in the first
# person, so that the model goes on as that person. A profile in the third person, or a list, holds the same
# facts. The name of the method is *silicon sampling*.

# %%
sample = people.sample(160, random_state=10)
personas = participants.from_profiles(sample, PROFILE)
for style in participants.STYLES:
    print(f"[{style}]\n{personas[0].text(style)}\n")

# %% [markdown]
# Only values that the person gave are told; a missing one is left out, not written as *nan*. We ask the
# **assistant** of the course: in the mini profile a model of 10 million parameters, which is tiny, runs on
# your machine, and will do badly. That is the point of the next sections: they measure how badly. This is
# what it reads:

# %%
book = labeling.Codebook("survey", {"vote": ITEMS["vote"]}, INTRODUCTIONS["as the person"])
for message in labeling.requests(book, labeling.items(items_of(personas[:1])))[0].messages:
    print(f"{message['role']}: {message['content']}")

# %% [markdown]
# We don't let it write. As in lesson 06, we read the probability of each answer, so a persona has a
# **distribution** instead of one answer. Why does that matter? By hand: three personas say *Clinton* with the
# probabilities 0.6, 0.6 and 0.6. The mean share is 0.6. If each gives its likeliest answer, the share is 1.
# The likeliest answer of everybody isn't the answer of the group.
#
# **Predict, then run** (up to half a minute). 160 people, two ways to tell their profile. What share of
# Clinton will the assistant give in each?

# %%
my_guess = {"first person": 0.6, "third person": 0.6}  # write your two shares here

vote = {"vote": ITEMS["vote"]}
assistant = labeling.LocalDecisions()
told = {
    style: participants.ask(personas, vote, assistant, folder / f"vote, {style}", style=style)
    for style in ("first person", "third person")
}
shares = {"people": participants.answers(sample, "vote").value_counts(normalize=True).reindex(["Clinton", "Dole"])}
shares |= {f"assistant, {style}": participants.shares(one, "vote", ITEMS["vote"]) for style, one in told.items()}
print(f"Your guess: {my_guess}")
print({name: round(float(one["Clinton"]), 3) for name, one in shares.items()})
draw.distributions(shares, "160 people and their simulations")

# %% [markdown]
# The figure has a bar for the people and one for each way of asking. How far the bars of the assistant are
# from those of the people is one question. Another is whether it has read the profile at all. So we change
# **one word**: 40 of the people, all told as strong Democrats, and once more, all told as strong Republicans.
#
# **Predict, then run.** By how much will Clinton's share change?

# %%
my_guess = 0.8  # write a difference of two shares here

of_party = {}
for party in ("strong Democrat", "strong Republican"):
    changed = participants.from_profiles(sample.head(40).assign(party=party), PROFILE)
    answered = participants.ask(changed, vote, assistant, folder / party)
    really = people.loc[people["party"] == party, "vote"]
    of_party[party] = {
        "people": (really == "Clinton").mean(),
        "assistant": participants.shares(answered, "vote", ITEMS["vote"])["Clinton"],
    }
one_word = pd.DataFrame(of_party)
one_word["difference"] = one_word["strong Democrat"] - one_word["strong Republican"]
print(f"Your guess: {my_guess}. The assistant: {one_word.loc['assistant', 'difference']:.3f}")
one_word.round(3)

# %%
assert all((one["status"] == "ok").all() for one in told.values())  # a distribution for everybody
assert all(abs(sum(given.values()) - 1) < 1e-6 for one in told.values() for given in one["probabilities"])
assert one_word.loc["people", "difference"] > 0.9
assert one_word.loc["assistant", "difference"] < one_word.loc["people", "difference"]

# %% [markdown]
# The comparison isn't quite fair. Strong Democrats and strong Republicans differ in more than their party,
# and by changing one word we made some people who hardly exist, such as strong Republicans who are extremely
# liberal. But a difference that is far too small, or has the wrong sign, says that the profile does little in
# the model. **Test this first**, with any model: change what should matter, and look whether it matters.
#
# People answer a question once. If you need answers like that, draw them from the distributions, with a
# seed. A second draw shows what chance alone does.

# %%
for seed in (1, 2, 3):
    once = participants.draw_answers(told["third person"], times=1, seed=seed)
    print(f"seed {seed}: share of Clinton {(once['label'] == 'Clinton').mean():.3f}")

# %% [markdown]
# ### Exercise 10b · Two shares of one table
#
# Write `two_shares`. It gets an array with the probability of *Clinton* for each persona, where the only
# other answer is *Dole*. It gives back two numbers: the share of Clinton as a mean of the distributions, and
# the share of personas whose likeliest answer is Clinton.

# %%
### STUB 10b
def two_shares(clinton):
    mean_share = ...
    share_of_likeliest = ...
    return mean_share, share_of_likeliest
### SOLUTION 10b
def two_shares(clinton):
    mean_share = clinton.mean()
    share_of_likeliest = (clinton > 0.5).mean()
    return mean_share, share_of_likeliest
### END 10b

# %%
check.exercise_10b(two_shares)

# %% [markdown]
# ## 3 · Beside baselines
#
# *14 minutes*
#
# Is the simulation good? Each score sees one side.
#
# By hand, on a scale from 1 to 4. People said 1, 1, 2, 4; the model 2, 2, 3, 3. The shares are
# (0.50, 0.25, 0, 0.25) and (0, 0.50, 0.50, 0).
#
# - **Total variation**: half the sum of the differences, ½ (0.50 + 0.25 + 0.50 + 0.25) = 0.75. Three answers in
#   four must change.
# - **Wasserstein**: how many steps they must move, on average. Cumulated, the shares are 0.50, 0.75, 0.75 and
#   0, 0.50, 1; the differences sum to 0.50 + 0.25 + 0.25 = 1.
# - **Variance ratio**: people vary by 1.5, the model by 0.25. The ratio is 0.17: the simulated people are too
#   much alike.

# %%
of_people, of_model = np.array([0.5, 0.25, 0, 0.25]), np.array([0, 0.5, 0.5, 0])
steps = np.array([1, 2, 3, 4])
ratio = spread(of_model, steps) / spread(of_people, steps)
print(f"total variation {total_variation(of_people, of_model):.2f}, ", end="")
print(f"Wasserstein {wasserstein(of_people, of_model):.2f}, variance ratio {ratio:.2f}")
assert np.isclose([total_variation(of_people, of_model), wasserstein(of_people, of_model)], [0.75, 1]).all()
assert np.isclose(ratio, 1 / 6)

# %% [markdown]
# Then, compared with what? Three **baselines** need no language model, only some people who were asked:
#
# - **majority**: everybody gives the commonest answer;
# - **marginals**: everybody gets the shares of all;
# - **logistic regression** on columns of the profile, once on three demographics (age, education, income),
#   once on the same five columns that the assistant was told.
#
# Each person is predicted without their own answer (cross-validation). Now a score for single persons. The
# *probability* given to what a person really said seems natural. By hand: 60 of 100 people say *Clinton*. Who
# tells everybody *Clinton, for sure* gets a mean probability of 0.60. Who tells everybody the honest 0.60 gets
# 0.6 · 0.6 + 0.4 · 0.4 = 0.52. That score pays for pretending to be sure. The **log loss**, the mean of
# −ln (probability), doesn't: it is a *proper* score, which is best for those who say what they know (Gneiting and
# Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation*, Journal of the American Statistical
# Association, 2007). Smaller is better; a probability of 0 counts as one in a million.
#
# **Predict, then run.** Put these in order of log loss: assistant in the first person, majority, marginals,
# regression on the same profile.

# %%
my_guess = ["...", "...", "...", "..."]  # the best first

candidates = {f"assistant, {style}": responses for style, responses in told.items()}
candidates |= participants.baselines(people, said, ITEMS["vote"], DEMOGRAPHICS)
candidates["regression, demographics"] = candidates.pop("logistic regression")
candidates["regression, same profile"] = participants.baseline(
    "logistic regression", people, said, ITEMS["vote"], PROFILE
)
party_of = people.set_index("id")["party_group"]
compared = participants.compare(said, candidates, ITEMS["vote"], by=party_of, bootstrap=300)
columns = ["total variation", "variance ratio", "between people", "accuracy", "probability", "log loss"]
overall = compared.xs("all", level="group")["value"].unstack("measure")[columns].loc[list(candidates)]
print(f"Your guess: {my_guess}. Measured, of all six: {list(overall['log loss'].sort_values().index)}")
overall.round(3)

# %%
some = ["assistant, first person", "majority", "regression, demographics", "regression, same profile"]
draw.candidates(compared.loc[some], "accuracy", "Share of likeliest answers that are right")

# %% tags=["claim-P1"]
same_profile = overall.loc["regression, same profile"]
for style in told:
    assert same_profile["log loss"] < overall.loc[f"assistant, {style}", "log loss"]
assert overall.loc["marginals", "total variation"] < 0.1  # the right shares
assert overall.loc["marginals", "between people"] < 0.01  # and nobody is known
assert overall.loc["majority", "variance ratio"] < 1e-9  # everybody is the same
assert overall.loc["majority", "probability"] > overall.loc["marginals", "probability"]  # pretending pays here,
assert overall.loc["majority", "log loss"] > overall.loc["marginals", "log loss"]  # and here it doesn't
assert same_profile["between people"] > 0.4
republicans = compared.xs(("Republican", "accuracy"), level=("group", "measure"))["value"]
assert republicans["majority"] < 0.3 and republicans["regression, same profile"] > 0.75

few = people.sample(100, random_state=1)  # each is predicted from 80 others
from_few = participants.baseline("logistic regression", few, said, ITEMS["vote"], PROFILE)
of_few = participants.compare(said, {"regression": from_few}, ITEMS["vote"], bootstrap=0)
of_few = of_few.loc[("regression", "all"), "value"]
print(f"A regression on 80 people: log loss {of_few['log loss']:.2f}, accuracy {of_few['accuracy']:.2f}")
assert of_few["log loss"] < min(overall.loc[f"assistant, {style}", "log loss"] for style in told)

# %% [markdown]
# The figure has a row for each group of people and a mark with its interval for each candidate. Read three
# things:
#
# - A regression on the same five columns predicts these people better than the assistant, in both ways of
#   asking. Eighty people are enough for that, a second, and no prompt.
# - *Marginals* have nearly the right shares, and know nobody: everyone is the same. **A good share isn't
#   evidence that profiles work.** The column *between people* says whether the simulated people differ.
# - Overall figures hide groups. *Majority* is right for nearly all Democrats and hardly any Republican: whoever
#   gives everybody one answer is as accurate in a group as the group happens to agree.
#
# The regression has seen people of this sample and the assistant hasn't. That is the fair comparison for a
# researcher: the alternative to a simulation isn't nothing, it is a small survey. And a large model has read
# about this election: its result is in its training data. What does it show if it gets 1996 right?

# %% [markdown]
# ### Exercise 10c · Too much alike
#
# Write `variance_ratio`. It gets the numbers of the steps of a scale, and the shares of each step among people
# and in the model (three arrays of one length). It gives back the variance in the model divided by that among
# people. The variance of shares is Σ share · step², minus the square of the mean, and the mean is
# Σ share · step. `(a * b).sum()` is the sum of the products.

# %%
### STUB 10c
def variance_ratio(steps, people, model):
    def variance(shares):
        mean = ...
        return ...

    return ...
### SOLUTION 10c
def variance_ratio(steps, people, model):
    def variance(shares):
        mean = (shares * steps).sum()
        return (shares * steps**2).sum() - mean**2

    return variance(model) / variance(people)
### END 10c

# %%
check.exercise_10c(variance_ratio)

# %% [markdown]
# ### Exercise 10d · How many people is it worth?
#
# A small survey errs, too: with n people drawn at random, the standard error of a share p is √(p (1 − p) / n).
# Write `worth`: for how many people is the standard error as large as the model's error, |model − truth|? Give
# back n; it needn't be a whole number. `x**2` is a square. The check then says what the assistant is worth.

# %%
### STUB 10d
def worth(truth, model):
    return ...
### SOLUTION 10d
def worth(truth, model):
    return truth * (1 - truth) / (model - truth) ** 2
### END 10d

# %%
check.exercise_10d(worth, {name: one["Clinton"] for name, one in shares.items()})

# %% [markdown]
# Do answers to several questions hang together as people's do? People who expect to vote for Dole place
# Clinton further to the left. A simulated person is asked item by item, and can be consistent only through the
# profile. We ask 60 personas where they would place the two candidates, from 1 (extremely liberal) to 7
# (extremely conservative).
#
# **Predict, then run.** What is the correlation of the vote (Dole is 1) with Clinton's place, among people and in
# the simulation?

# %%
my_guess = -0.5, -0.5  # write your two correlations

placed = {name: ITEMS[name] for name in ("clinton_ideology", "dole_ideology")}
asked = personas[:60]
places = participants.ask(asked, placed, assistant, folder / "places")
first = told["first person"]
together = pd.concat([places, first[first["id"].isin(places["id"])]])
real = pd.DataFrame({name: participants.answers(sample.head(60), name) for name in (*placed, "vote")})
hang = participants.item_correlations(real, together, {**placed, **vote}, bootstrap=300)
with_vote = hang[(hang["item"] == "clinton_ideology") & (hang["other"] == "vote")].iloc[0]
print(f"Your guess: {my_guess}. Measured: {with_vote['people']:.2f} and {with_vote['simulated']:.2f}")
for name, question in placed.items():
    scored = participants.distribution_scores(real[name], places, question, bootstrap=0).loc["all", "value"]
    print(f"{name}: {scored[['Wasserstein', 'mean difference', 'variance ratio']].round(2).to_dict()}")
draw.correlations(hang, title="60 people and their simulations")

# %% [markdown]
# The figure has a row for each pair of items: a circle for the people, a square for the simulation. Among people
# Clinton's place goes with the vote and with Dole's place, clearly and negatively; Dole's place and the vote
# hardly go together. If a square is far from its circle, a regression on simulated answers finds something else
# than one on people's. And if a square is missing (`nan` in the print-out), everybody got the same simulated answer:
# what doesn't vary, correlates with nothing. Bisbee and co-authors report for ChatGPT that regression coefficients
# often differ from people's, though the averages are close.

# %%
assert hang.loc[hang["item"] == "clinton_ideology", "people"].max() < -0.25
assert hang["people"].abs().min() < 0.2 and len(hang) == 3

# %% [markdown]
# ## 4 · Another prompt
#
# *8 minutes*
#
# First or third person, question first or profile first, Clinton first or Dole first: no choice is the right
# one. By hand: three styles, two wordings, two orders of the answers make 3 · 2 · 2 = 12 ways to ask. Jamie
# Cummins made 252 and found that a few decisions change the result a lot, and that none was best at
# everything (*The threat of analytic flexibility in using large language models to simulate human data*,
# arXiv, 2025). Ricardo Dominguez-Olmedo, Moritz Hardt and Celestine Mendler-Dünner show how strongly answers of
# language models to surveys follow the order of the options (*Questioning the Survey Responses of Large
# Language Models*, NeurIPS, 2024).
#
# **Predict, then run** (up to half a minute). 30 people, asked in 12 ways. How far apart will the lowest and
# the highest share of Clinton be?

# %%
my_guess = 0.1  # write a distance here


def share_of_clinton(responses):
    clinton = np.array([given["Clinton"] for given in responses.loc[responses["status"] == "ok", "probabilities"]])
    error = clinton.std(ddof=1) / np.sqrt(len(clinton))
    return clinton.mean(), clinton.mean() - 1.96 * error, clinton.mean() + 1.96 * error


curve = participants.multiverse(
    lambda **how: participants.ask(personas[:30], vote, **how),
    share_of_clinton, {"assistant": assistant}, folder / "multiverse",
    reference=(sample["vote"].head(30) == "Clinton").mean(),
)  # fmt: skip
curve.attrs["statistic"] = "share of Clinton"
distance = curve["estimate"].max() - curve["estimate"].min()
print(f"Your guess: {my_guess}. Measured: {distance:.2f}")
print(participants.multiverse_summary(curve).round(2).to_string())
draw.specification_curve(curve, "The same 30 people, asked in 12 ways")

# %%
assert len(curve) == 12 and (curve["answered"] == 30).all()
assert distance > 0.005  # one model, the same people, the same question

# %% [markdown]
# The figure shows the 12 estimates from the lowest to the highest, and below each of them which choices it
# comes from. The dotted line is the share among the 30 people. The intervals cover drawing other profiles, and
# nothing else: they don't know that you chose the prompt. Whoever tries several prompts and reports one could
# have reported another.
#
# One of the twelve is nearest to the dotted line. It is tempting to say that this prompt works.
#
# **Predict, then run.** Which probability of Clinton does that prompt give to the people who named Clinton, and
# which to those who named Dole? For people the two numbers are 1 and 0.

# %%
my_guess = 0.8, 0.4  # write your two probabilities

nearest = curve.loc[(curve["estimate"] - curve.attrs["reference"]).abs().idxmin()]
answered = labeling.read_results(nearest["folder"]).set_index("id")["probabilities"]
by_vote = answered.map(lambda given: given["Clinton"]).groupby(sample.set_index("id")["vote"], observed=True).mean()
print(f"{nearest['wording']}, order {nearest['order']}: share {nearest['estimate']:.2f}")
print(f"Your guess: {my_guess}. Measured: {by_vote['Clinton']:.2f} and {by_vote['Dole']:.2f}")
assert by_vote["Clinton"] - by_vote["Dole"] < 0.8  # far from what people say

# %% [markdown]
# Two numbers that are close together say that the prompt hits the share and knows nobody; a larger second one,
# that it has people the wrong way round. **A prompt that was chosen because its share fits has passed no test.**
# Choose it on other people and other items than those that you report, or report all twelve.

# %% [markdown]
# ## 5 · Treatment effects
#
# *15 minutes*
#
# Shares may be wrong and **differences** right, if the errors are alike in both arms. That is the hope behind
# simulated experiments. By hand: people support a measure with 0.30 in the control arm and 0.40 in the other,
# the model says 0.60 and 0.70. Both shares are wrong by 0.30; both effects are 0.10.
#
# First, an experiment with people. Ted Brader, Nicholas Valentino and Elizabeth Suhay showed 265 people news
# about immigrants: costs or benefits of immigration, a European or a Latino immigrant (*What Triggers Public
# Opposition to Immigration?*, American Journal of Political Science, 2008). statsmodels carries their data, so
# that the effects can be computed here instead of being copied from a page.

# %%
news = participants.framing()
outcomes = {"less_immigration": "1 to 4", "harm": "2 to 8", "message": "0 or 1", "information": "0 or 1"}
observed = participants.observed_effects(news, "arm", list(outcomes), participants.FRAMING.control)
print(f"{len(news)} people; {participants.FRAMING.arms['costs, Latino']}")
observed.loc[observed["outcome"] == "less_immigration", ["arm", "estimate", "low", "high", "n", "n_control"]].round(2)

# %% [markdown]
# Now the same arms for simulated participants. The texts are our own, short ones: the study showed longer news
# stories. 12 profiles of its participants see all four arms, each as if it were the only one.
#
# Two intervals are possible. *draws*: what would change if the answers were drawn again. *profiles*: what would
# change with other profiles. Read what they **don't** cover.
#
# **Predict, then run** (up to half a minute). For `information` the effect of *benefits, Latino* among people
# is negative. Will its interval and that of the simulation meet?

# %%
my_guess = True  # write True or False here

readers = participants.from_profiles(news.sample(12, random_state=0), ["age", "gender", "education"])
responses = participants.FRAMING.run(readers, assistant, folder / "news")
over_draws = participants.FRAMING.effects(responses, over="draws")
over_profiles = participants.FRAMING.effects(responses, over="profiles")
row = (over_profiles["outcome"] == "information") & (over_profiles["arm"] == "benefits, Latino")
simulated_one, observed_one = over_profiles[row].iloc[0], observed[row].iloc[0]
meet = simulated_one["low"] <= observed_one["high"] and observed_one["low"] <= simulated_one["high"]
print(f"Your guess: {my_guess}. Measured: {meet}")
for name, table in {"draws": over_draws, "profiles": over_profiles}.items():
    print(f"{name}: covers {table['covers'][0]}.\n  Doesn't cover {table['doesnt_cover'][0]}.")
tables = {"people": observed, "assistant, over draws": over_draws, "assistant, over profiles": over_profiles}
draw.effect_intervals(tables, "information", "Asked for information from anti-immigration groups")

# %% [markdown]
# The figure has a row for each arm and three intervals in it: people, and the simulation twice. The interval
# over profiles is often the narrowest. It can be made as narrow as you like: with a hundred times as many
# personas it is a tenth as wide. **More simulated people don't bring it nearer to people.** They make the model
# surer of what the model says. The number of personas isn't a sample size.
#
# Do the 12 effects agree with those of people? To put four outcomes into one figure, each effect is divided by
# the outcome's standard deviation among people. **r** asks whether large and small effects are in the same
# order. The **sign agreement** counts directions. The **shrinkage slope** is the slope of real effects on
# predicted ones: 1 is the right size, 0.5 says that predictions must be halved.

# %%
deviation = observed["outcome"].map(news[list(outcomes)].std())
twelve = participants.effect_scores(over_draws["estimate"] / deviation, observed["estimate"] / deviation)
twelve.round(2)

# %%
assert list(over_draws[["outcome", "arm"]].itertuples(index=False)) == list(
    observed[["outcome", "arm"]].itertuples(index=False)
)
assert (over_draws["n"] == 12).all() and (over_draws["lost"] == 0).all()
assert "people" in over_draws["doesnt_cover"][0]
width = twelve.loc[("all", "correlation"), "high"] - twelve.loc[("all", "correlation"), "low"]
assert width > 0.15  # twelve effects say little, whatever r is

# %% [markdown]
# Twelve effects from three arms that share one control group say little about a model: look at the interval of r,
# which is too narrow at that, since it takes the effects for independent. Hewitt and co-authors have 476. What
# does an r of 0.85 over 476 effects say, then?
#
# To find out we need a study in which the **truth is known**, so we plant one: 476 made-up effects with 500
# people in each arm, and a made-up model that knows them with some noise and takes each for **1.6 times** as
# large. Nothing in it was observed.
#
# **Predict, then run.** Which r will this model reach?

# %%
my_guess = 0.5  # write your r here

planted = participants.planted(476, people_per_arm=500, exaggeration=1.6, model_noise=0.05, seed=1)
exaggerated = participants.effect_scores(planted["predicted"], planted["observed"], bootstrap=500)
print(f"Your guess: {my_guess}. Measured: {exaggerated.loc[('all', 'correlation'), 'value']:.2f}")
print(exaggerated.round(3).to_string())
draw.effects(planted["predicted"], planted["observed"], unit="share", title="476 planted effects, 1.6 times too large")

# %% tags=["claim-P1"]
found = exaggerated.loc["all", "value"]
assert found["correlation"] > 0.8  # as in the paper that the lecture reports
assert found["shrinkage slope"] < 1 / 1.6  # and every effect must be shrunk by more than a third
assert found["sign agreement"] < 0.9
shrunk = participants.effect_scores(found["shrinkage slope"] * planted["predicted"], planted["observed"], bootstrap=0)
assert shrunk.loc[("all", "RMSE"), "value"] < 0.7 * found["RMSE"]
assert np.isclose(shrunk.loc[("all", "correlation"), "value"], found["correlation"])  # r hasn't noticed

# %% [markdown]
# The figure has a point for each effect; on the dotted line the prediction has the right size. **r is high, and the
# predictions are far too large.** Multiply all of them by ten, and r stays as it is. Whoever plans a sample size
# with such effects plans one that is too small. The slope is even below 1 / 1.6: noise in the predictions asks for
# more shrinking. If people's effects are known for some studies, predictions can be shrunk; whether the factor holds
# for a new topic must be tried, not hoped.
#
# And r has a ceiling, too. People's effects have a sampling error, so that even the true effects don't correlate
# with them perfectly. By hand: true effects with a standard deviation of 0.08 and an error of
# √(2 · 0.25 / 500) = 0.032 give a ceiling of 0.08 / √(0.08² + 0.032²) = 0.93.

# %%
ceiling = 0.08 / np.hypot(0.08, np.sqrt(2 * 0.25 / 500))
reached = np.corrcoef(planted["truth"], planted["observed"])[0, 1]
print(f"by hand {ceiling:.2f}; the true effects themselves reach r = {reached:.2f}")
assert abs(ceiling - reached) < 0.03

# %% [markdown]
# ### Exercise 10e · Shrink, and try it on other effects
#
# Write `shrunk_error`. It gets two pairs of arrays: predicted and observed effects of the studies that you
# learn the factor from, and of new ones. Learn the slope, Σ (x − x̄)(y − ȳ) / Σ (x − x̄)² with x the predicted
# effects, from the first pair. Multiply the **new** predictions by it, and give back the slope and the RMSE of
# the new ones, √ of the mean of (shrunk − observed)².

# %%
### STUB 10e
def shrunk_error(predicted, observed, new_predicted, new_observed):
    x, y = predicted - predicted.mean(), observed - observed.mean()
    slope = ...
    errors = ...
    return slope, np.sqrt((errors**2).mean())
### SOLUTION 10e
def shrunk_error(predicted, observed, new_predicted, new_observed):
    x, y = predicted - predicted.mean(), observed - observed.mean()
    slope = (x * y).sum() / (x**2).sum()
    errors = slope * new_predicted - new_observed
    return slope, np.sqrt((errors**2).mean())
### END 10e

# %%
check.exercise_10e(shrunk_error)

# %% [markdown]
# ### Exercise 10f · Which way round?
#
# *Costs against benefits* or *benefits against costs*: which arm is the control is often a matter of taste, and
# decides the sign of an effect. So turn every effect round in which people's effect is negative, in both arrays:
# multiply by the sign. Fill in `turned_predicted` and `turned_observed`. `np.sign(array)` gives −1, 0 or 1. Then
# the check computes r again. What do you expect?

# %%
### STUB 10f
sign = ...
turned_predicted = ...
turned_observed = ...
### SOLUTION 10f
sign = np.sign(planted["observed"])
turned_predicted = sign * planted["predicted"]
turned_observed = sign * planted["observed"]
### END 10f

# %%
check.exercise_10f(turned_predicted, turned_observed, planted)

# %% [markdown]
# ## 6 · Equally accurate, and biased?
#
# *10 minutes*
#
# The lecture asks whether the same accuracy for every group suggests low bias. Accuracy counts errors. It
# forgets their **direction**.
#
# By hand: two groups of 100 people; in each, 50 support a measure. In group A the model takes 20 opponents for
# supporters, in group B 20 supporters for opponents. Accuracy is 0.80 in both. It reports 0.70 support in A and
# 0.30 in B: a gap of 0.40 between two groups that think alike.

# %%
case = participants.constructed_case(people=100, errors=20)
made_up = participants.error_directions(case["truth"], case["predicted"], case["group"], positive="support")
made_up[["people", "accuracy", "true_share", "predicted_share", "shift"]]

# %% [markdown]
# A made-up case proves that it can happen. Does it? We predict the vote of 1996 from one column, where people
# place themselves from liberal to conservative, each person without their own answer, and look at Democrats and
# Republicans.
#
# **Predict, then run.** For which party will the prediction be right more often? And for which will it name
# Clinton too often?

# %%
my_guess = "...", "..."  # write Democrat, Republican or neither, twice

real_case = participants.anes_case()
directions = participants.error_directions(
    real_case["truth"], real_case["predicted"], real_case["group"], positive="Clinton"
)
print(f"Your guess: {my_guess}")
print(directions[["people", "accuracy", "true_share", "predicted_share", "shift"]].round(3).to_string())
draw.directions(directions)

# %% tags=["claim-P1"]
democrats, republicans = directions.loc["Democrat"], directions.loc["Republican"]
assert directions.attrs["accuracy_gap"] < 0.05  # equally accurate
assert democrats["shift_high"] < 0 < republicans["shift_low"]  # opposite directions, beyond chance
true_gap = democrats["true_share"] - republicans["true_share"]
predicted_gap = democrats["predicted_share"] - republicans["predicted_share"]
print(f"The parties differ by {true_gap:.2f}; the prediction says {predicted_gap:.2f}")
assert predicted_gap < true_gap - 0.15  # so the comparison of the groups is wrong
assert made_up["accuracy"].nunique() == 1 and made_up.attrs["shift_gap"] > 0.3

# %% [markdown]
# The left panel shows how often the prediction is right, the right panel which way it errs. The two groups have
# the same accuracy, and each is pulled towards the other: the liberal Republican and the conservative Democrat
# become what their ideology says. The difference between the parties shrinks. Here it was a regression; a model
# that knows a group by its stereotype pulls the other way and makes the difference larger. In both cases
# accuracy doesn't tell.
#
# And the assistant? The same table for its likeliest answers. A model that names one candidate to everybody is as
# accurate in each group as the group's share for that candidate.

# %%
own = told["first person"].set_index("id").loc[sample["id"]]
participants.error_directions(sample["vote"].astype(str), own["label"], sample["party_group"], positive="Clinton")[
    ["people", "accuracy", "true_share", "predicted_share", "shift", "shift_low", "shift_high"]
].round(3)

# %% [markdown]
# Hewitt and co-authors measured accuracy as r over **effects**, in each group. So let us plant that as well. The
# same 476 stimuli work more strongly in group A (1.3 times the mean effect) and more weakly in group B (0.7
# times). The made-up model knows the mean effects, and predicts the same for both groups.
#
# **Predict, then run.** Will r differ between the groups?

# %%
my_guess = "..."  # write your two correlations

mean_effects = participants.planted(476, people_per_arm=2000, model_noise=0.03, seed=4)
chance = np.random.default_rng(4)
in_group = {
    name: factor * mean_effects["truth"] + chance.normal(0, mean_effects["observed_se"])
    for name, factor in {"group A": 1.3, "group B": 0.7}.items()
}
both = pd.concat(in_group, names=["group"]).rename("observed").reset_index(level="group")
both["predicted"] = mean_effects["predicted"].loc[both.index].to_numpy()  # the same for both groups
by_group = participants.effect_scores(both["predicted"], both["observed"], by=both["group"], bootstrap=300)
print(f"Your guess: {my_guess}\n{by_group['value'].unstack('measure').round(3).to_string()}")
draw.effects(both["predicted"], both["observed"], by=both["group"], unit="share", title="One prediction for two groups")

# %% tags=["claim-P1"]
r, slope = (by_group.xs(name, level="measure")["value"] for name in ("correlation", "shrinkage slope"))
assert abs(r["group A"] - r["group B"]) < 0.05 and r[["group A", "group B"]].min() > 0.85  # equally accurate
assert slope["group A"] > 1 and slope["group B"] < 0.75  # too small in one group, too large in the other
gap_between = in_group["group A"] - in_group["group B"]
assert gap_between.std() > 0.04  # the groups differ, and the predicted difference is 0 everywhere

# %% [markdown]
# **So the answer to the lecture's question is no.** Equal accuracy says that errors are equally many, or equally
# ordered. It doesn't say that they have the same direction, that group differences are right, or that a model
# sees any difference between groups at all: one that gives everybody the mean effect passes the test. Hewitt and
# co-authors say themselves that effects differed little between groups in these studies, so the test wasn't a
# hard one. What would suggest low bias: errors by group **with their sign**, the predicted *differences* between
# groups against the real ones, the variance within each group, for intersections as well, and people of those
# groups who read the answers.

# %% [markdown]
# ### Exercise 10g · Which way does it err?
#
# Write `errors_of`. It gets two arrays, what people said and what was predicted for them, and a label. It gives
# back three shares of all people: right; predicted the label although they said something else (too often); said
# the label although something else was predicted (too rarely). `&` is *and*; put each comparison in brackets.

# %%
### STUB 10g
def errors_of(truth, predicted, label):
    right = ...
    too_often = ...
    too_rarely = ...
    return right, too_often, too_rarely
### SOLUTION 10g
def errors_of(truth, predicted, label):
    right = (truth == predicted).mean()
    too_often = ((predicted == label) & (truth != label)).mean()
    too_rarely = ((predicted != label) & (truth == label)).mean()
    return right, too_often, too_rarely
### END 10g

# %%
check.exercise_10g(errors_of)

# %% [markdown]
# ## 7 · Stimuli: suggestions in a political chat
#
# *13 minutes*
#
# Now the model writes, and people answer. Lisa Argyle, Christopher Bail and co-authors let people with opposite
# views on gun control chat in pairs. One of each pair was offered rephrasings of their own messages, before
# sending them, by a language model, and could take or leave them. Partners of assisted people reported better
# conversations and more willingness to grant opponents their say; attitudes to the policy didn't move
# (*Leveraging AI for democratic discourse*, PNAS, 2023). There were three kinds: **restate** what the other said,
# **validate** their concern without agreeing, be **polite**. The lecture gives the mechanism: rephrasings are
# more polite and more validating.
#
# The course has 40 rude or curt drafts with a suggestion of each kind. All texts were written for the course, with
# the help of a language model, and none is from that study.

# %%
suggestions = data.load("suggestions")
for row in suggestions[suggestions["conversation"] == "s01"].itertuples():
    if row.kind == "restate":
        print(f"The other person: {row.partner}\nThe draft:        {row.message}\n")
    print(f"{row.kind:<9} {row.rewrite}")

# %% [markdown]
# Which is better? A reader who knows which text is the treatment sees what they expect. So the comparison is
# **blind**: which text stands first is drawn, ids say nothing, and the key is kept apart.
#
# ### Exercise 10h · Judge blind
#
# Read the eight pairs below. In `judged`, write "A", "B" or "no difference" for each id: which reply shows more
# respect for the other person? The check then opens the key for you. Don't print `key`.

# %%
eight = suggestions[suggestions["kind"] == "validate"].sample(8, random_state=3)
shown, key = participants.blind_pairs(eight, seed=5)
for pair in shown.itertuples():
    print(f"{pair.id}\n{pair.text}\n")

# %%
### STUB 10h
judged = {
    "c001": ..., "c002": ..., "c003": ..., "c004": ...,
    "c005": ..., "c006": ..., "c007": ..., "c008": ...,
}  # fmt: skip
### SOLUTION 10h
judged = {
    "c001": "B", "c002": "A", "c003": "A", "c004": "A",
    "c005": "B", "c006": "B", "c007": "A", "c008": "A",
}  # fmt: skip
### END 10h

# %%
check.exercise_10h(judged, shown, key)

# %% [markdown]
# A model can judge as well, and fast. Can it be trusted? Each pair is shown **twice, in both orders**. A judge that
# reads the texts chooses the same text both times. A judge that looks at the place chooses the same letter.
#
# **Predict, then run.** The assistant judges 48 pairs in both orders. In what share of its judgements will it
# choose A?

# %%
my_guess = 0.5  # write your share here

to_judge = suggestions.groupby("kind").head(16)
pairs, secret = participants.blind_pairs(to_judge, both_orders=True, seed=2)
judgements = labeling.label(CODEBOOK, pairs, assistant, folder / "judge", progress=False)
machine = participants.unblind(judgements, secret, by=to_judge.set_index("id")["kind"])
print(f"Your guess: {my_guess}. Measured: {machine.loc['all', 'chose_a']:.2f}")
print(machine[["pairs", "wins", "ties", "share", "low", "high", "chose_a", "consistent"]].round(2).to_string())
draw.wins(machine, "The assistant as a judge: 48 pairs, both orders")

# %% tags=["claim-P2"]
assert len(pairs) == 2 * len(to_judge) and machine.loc["all", "pairs"] == len(pairs)
first_places = secret["a"].value_counts()
assert first_places["message"] == first_places["rewrite"]  # nobody can win by its place
assert list(pairs.columns) == ["id", "text"] and pairs["id"].str.fullmatch(r"c\d+").all()  # nothing gives the key away
assert (machine["low"] <= machine["share"]).all() and (machine["share"] <= machine["high"]).all()

# %% [markdown]
# The figure has a row for all pairs and for each kind, and two marks in it: how often the suggestion won, and how
# often the first place was chosen; the dashed line is one half. If the second mark is far from the line, the
# first means little, whatever it says: the wins are made by the order. *consistent* is the share of pairs in
# which the same text won in both orders. **A judge needs a test before its verdict is evidence**, and for respect
# the judges are people.
#
# The other way to compare is to count words. The room has lists of **markers**, such as *please*, *I think*,
# *would you* for politeness and *I can see why*, *fair point* for validation. Such lists are old tools: Cristian
# Danescu-Niculescu-Mizil and co-authors model politeness by its strategies (*A computational approach to
# politeness*, ACL, 2013), Michael Yeomans and co-authors receptiveness to opposing views (*Conversational
# receptiveness*, Organizational Behavior and Human Decision Processes, 2020).
#
# **Predict, then run.** For each kind: of which list will the share of texts rise most?

# %%
my_guess = {"restate": "...", "validate": "...", "polite": "..."}  # politeness, validation or restating

for name, expressions in participants.MARKERS.items():
    print(f"{name}: {len(expressions)} markers, such as {', '.join(expressions[:4])}")
changes = {
    kind: participants.marker_differences(rows["message"], rows["rewrite"])
    for kind, rows in suggestions.groupby("kind", sort=False)
}
risen = {kind: table.drop(index=["words", "insult"])["difference"].idxmax() for kind, table in changes.items()}
print(f"Your guess: {my_guess}. Measured: {risen}")
draw.markers(changes, "Suggestions against their drafts")

# %% tags=["claim-P2"]
all_kinds = participants.marker_differences(
    suggestions["message"], suggestions["rewrite"], clusters=suggestions["conversation"]
)
assert (all_kinds.loc[["politeness", "validation", "restating"], "low"] > 0).all()  # more polite, more validating
assert all_kinds.loc["insult", "high"] < 0  # and fewer insults
assert risen == {"restate": "restating", "validate": "validation", "polite": "politeness"}
assert changes["polite"].loc["validation", "high"] < 0.1  # politeness alone validates nothing
assert changes["validate"].loc["words", "difference"] > 5  # longer, too
all_kinds.round(2)

# %% [markdown]
# The figure has a row for each list and a mark with its interval for each kind. The claim holds for these texts,
# and the kinds differ: a polite suggestion needn't validate. Look at the last row of the table: suggestions are
# longer, and longer texts have more room for markers.
#
# Before you believe it: the texts were written to be such, and the lists were written with these texts at hand. So
# test the **instrument** where it can fail. Two tests:
#
# - A **template** without any model puts one fixed sentence before the unchanged draft. Does it win?
# - The posts of lesson 03 have codes for incivility. Does the list of insults find the uncivil ones?

# %%
drafts = suggestions.drop_duplicates("conversation")
templates = participants.suggest(drafts, None)  # no writer: the templates
template_changes = participants.marker_differences(
    templates["message"], templates["rewrite"], clusters=templates["conversation"]
)
posts = data.load("posts")
has_insult = participants.count_markers(posts["text"])["insult"] > 0
found_in = has_insult.groupby(posts["uncivil"]).mean()
print(templates["rewrite"].iloc[2])
print(f"Insult found in {found_in['yes']:.2f} of the uncivil posts, in {found_in['no']:.2f} of the civil ones,")
print(f"and in {changes['polite'].loc['insult', 'before']:.2f} of the rude drafts that the list was written with")
pd.DataFrame({"suggestions": all_kinds["difference"], "templates": template_changes["difference"]}).round(2)

# %%
assert template_changes.loc["validation", "difference"] > all_kinds.loc["validation", "difference"]  # it wins
assert np.isclose(template_changes.loc["insult", "difference"], 0)  # and every insult is still there
assert participants.count_markers(["I see it differently."])["validation"][0] > 0  # an error of the list
assert found_in["yes"] < 0.3 < changes["polite"].loc["insult", "before"]  # the list knows its own texts best

# %% [markdown]
# The template wins on validation, with every insult still in place. Its polite form even counts as validating,
# because *I see it* is on that list, and *I see it differently* disagrees. And of the uncivil posts, which it
# wasn't written for, the list finds few. **A marker is evidence about markers.** Report the list, test it on
# texts that it wasn't written for, and let people read blind.
#
# Now let the assistant write. It gets ten drafts, and `faults` looks for what a count can find: an empty or
# unchanged text, a lost or new number, another topic. Whether the point is still the writer's own, somebody has
# to read.

# %%
writer = participants.LocalWriter()
written = participants.suggest(drafts.head(10), writer, folder=folder / "written", short=True)
for row in written[written["kind"] == "polite"].head(4).itertuples():
    print(f"{row.message}\n  → {row.rewrite}  [{row.faults or row.status}]")
with_fault = (written["faults"] != "") | (written["status"] != "ok")
course_faults = [participants.faults(row.message, row.rewrite, row.partner) for row in suggestions.itertuples()]
course_share = np.mean([bool(one) for one in course_faults])
print(f"With a fault: {with_fault.mean():.2f} of the assistant's, {course_share:.2f} of the course's suggestions")

# %%
assert len(written) == 30 and written["status"].isin(["ok", "invalid", "refused", "error"]).all()
assert with_fault.mean() >= course_share

# %% [markdown]
# Read the texts. A stimulus that changes the topic isn't a treatment, it is another conversation; and a text that
# says nothing can be very polite. `faults` errs as well: it flags some of the course's suggestions, which keep
# their point in other words. In an experiment each suggestion is read before it is shown, and the share that
# failed is reported.

# %% [markdown]
# ### Exercise 10i · Fool the list
#
# Write a reply to *Rent control is the only fair answer.* that any reader finds rude or condescending, and that
# the lists take for good: at least one marker of politeness, at least one of validation, none of insult. At most
# 30 words. No swearing is needed. `participants.count_markers([text])` counts.

# %%
### STUB 10i
rude_reply = ...
### SOLUTION 10i
rude_reply = "Thank you, I can see why you would think so. Perhaps somebody could explain prices to you, slowly."
### END 10i

# %%
check.exercise_10i(rude_reply)

# %% [markdown]
# ## 8 · An experiment with people, designed
#
# *7 minutes*
#
# Simulations, markers and templates prepare an experiment; people decide it. A design states, before there are
# data: the arms, the outcome, the smallest effect worth finding, the number of people, and the analysis.
#
# By hand: the outcome is a mean of answers from 1 to 7 with a standard deviation of 1.4. For a difference of 0.2,
# with α = 0.05 and power 0.8, each arm needs about 2 · (1.96 + 0.84)² · (1.4 / 0.2)² = 768 people.
#
# **Predict, then run.** How many people does half of that difference need?

# %%
my_guess = 1500  # people in each arm: write your number here

design = participants.Design(
    "suggestions in a chat", "no suggestions", "suggestions", "mean", base=4.0, effect=0.2, spread=1.4
)
half_as_large = replace(design, effect=0.1)
print(design)
times = half_as_large.n_per_arm / design.n_per_arm
print(f"Your guess: {my_guess}. Half the effect: {half_as_large.n_per_arm} people, {times:.1f} times as many")
draw.power(design, "Power of the planned experiment")

# %%
assert abs(design.n_per_arm - 768) < 10
assert 3.9 < times < 4.1  # half the effect, four times the people

# %% [markdown]
# The figure has power against people in each arm, for the planned effect and for two others. And here section 5
# returns: take the effect from a simulation that exaggerates by 1.6, and you plan for 1 / 1.6² = 0.39 of the
# people that you need. A study with too little power that finds something exaggerates by itself: Andrew Gelman
# and John Carlin call it a **type M error** (*Beyond Power Calculations*, Perspectives on Psychological Science,
# 2014).
#
# The analysis comes before the data, as a program, and is tried on simulated data: without an effect, and with it.

# %%
script = folder / "analysis.py"
script.write_text(design.script(), encoding="utf-8")
design.simulate(effect=0.2, seed=3).to_csv(folder / "simulated.csv", index=False)
finished = subprocess.run([sys.executable, script, folder / "simulated.csv"], capture_output=True, text=True)
print(finished.stdout or finished.stderr)


def share_significant(effect, n_per_arm, studies=300):
    found = 0
    for seed in range(studies):
        study = design.simulate(n_per_arm, effect=effect, seed=seed)
        arms = [study.loc[study["arm"] == arm, "outcome"] for arm in (design.control, design.treatment)]
        found += ttest_ind(*arms, equal_var=False).pvalue < design.alpha
    return found / studies


rates = {
    "no effect, as planned": share_significant(0, design.n_per_arm),
    "effect 0.2, as planned": share_significant(0.2, design.n_per_arm),
    "effect 0.2, planned with 1.6 · 0.2": share_significant(0.2, replace(design, effect=1.6 * 0.2).n_per_arm),
}
plots.bars(rates, "share of 300 simulated studies with p < 0.05", title="What the plan promises")

# %% tags=["claim-P2"]
assert finished.returncode == 0 and "difference" in finished.stdout
assert rates["no effect, as planned"] < 0.1  # false alarms as often as promised
assert 0.72 < rates["effect 0.2, as planned"] < 0.88  # the power that was planned
assert rates["effect 0.2, planned with 1.6 · 0.2"] < 0.6  # a simulated effect size, and the study is blind

# %% [markdown]
# The figure has a bar for each plan. The second is what was promised. The third is what happens to a study that
# takes its effect size from a simulation that exaggerates.
#
# One more thing belongs in this design. In a chat the two partners' answers hang together, and groups of people
# share a conversation. If m people share one and their answers correlate with ρ, the number of people must be
# multiplied by the **design effect** 1 + (m − 1) ρ (Kish, *Survey Sampling*, 1965). And some people leave before
# the last question.

# %% [markdown]
# ### Exercise 10j · How many must we invite?
#
# Write `invited`. It gets the people needed in each arm, the number of people who share a conversation, the
# correlation of their answers, and the share that drops out. It gives back how many people must be invited for
# **both** arms together, rounded up: `math.ceil` or `np.ceil`. By hand: 100 in each arm, 2 to a conversation,
# correlation 0.2, 20 % drop out: 2 · 100 · 1.2 / 0.8 = 300.

# %%
### STUB 10j
def invited(n_per_arm, size, correlation, dropout):
    design_effect = ...
    return ...
### SOLUTION 10j
def invited(n_per_arm, size, correlation, dropout):
    design_effect = 1 + (size - 1) * correlation
    return int(np.ceil(round(2 * n_per_arm * design_effect / (1 - dropout), 6)))
### END 10j

# %%
check.exercise_10j(invited)

# %% [markdown]
# ## What goes wrong in research use
#
# - **Validity: no people, no finding.** A simulated participant has no attitude, no vote and no body. What the
#   model says is a hypothesis about people. Write *simulated* into every figure, title and file name.
# - **Validity: training data.** A large model may have read the study that it is asked to predict. Hewitt and
#   co-authors therefore tested studies that weren't published when the model's training data ended, and r was
#   0.90. Do the same, and give the model's date. The election of 1996 proves nothing about a model that has read
#   about it.
# - **Validity: flexibility.** Model, version, prompt, order and temperature are choices. Register them, or show the
#   multiverse. A hosted model changes without notice: keep answers, dates, settings.
# - **Bias: minorities are flattened.** Models give groups less variety than they have, and speak of them as
#   outsiders do. Angelina Wang, Jamie Morgenstern and John Dickerson show how demographic prompts misportray and
#   flatten identity groups (*Large language models that replace human participants can harmfully misportray and
#   flatten identity groups*, Nature Machine Intelligence, 2025). Shibani Santurkar and co-authors ask *Whose
#   Opinions Do Language Models Reflect?* (ICML, 2023) and find groups whose views are reflected badly. Those who
#   are studied least are simulated worst.
# - **Bias: our benchmark is one.** It has no gender, no race, no weights, and nobody who lacks an answer. What we
#   measured says nothing about the people who aren't in it. With a network, `participants.nonvoters()` loads a
#   poll that has weights, gender and race (FiveThirtyEight and Ipsos, 2020).
# - **Consent and disclosure.** People who chat with a model, or with someone whom a model assists, should know;
#   where a design can't tell them before, an ethics board decides and they are told after. In 2025 it came out
#   that researchers had let language models argue on Reddit's *r/changemyview* without asking anybody there;
#   after the protest they gave up publishing. Profiles are data of real people, too: the ANES respondents agreed
#   to research, not to be impersonated by a service that keeps its prompts.
# - **Suggestions change speech.** Whoever takes them speaks more like the model and like each other. Asking for
#   politeness falls hardest on those who have reason to be angry. Keep a way to decline, as the study did.
# - **When not to.** Don't simulate to replace people whom a decision is about, for groups without a benchmark,
#   for rates and effect sizes that will be reported as found, or to skip a pilot that you could afford. Do
#   simulate to try a questionnaire, to find stimuli worth testing, to test an analysis script, and to write down
#   a prediction **before** you ask people.

# %% [markdown]
# ## Key points
#
# - Start with real people, and say who is in and who isn't.
# - A persona gives a distribution. Change what should matter in a profile, and look whether it matters.
# - Judge beside baselines: marginals have the right shares and know nobody; a regression on the same profile needs
#   eighty people and no prompt.
# - Variance, correlations and groups go wrong while averages look right.
# - Report several prompts, or fix one beforehand: one that was chosen because its share fits has passed no test.
#   More personas make the model surer, not truer.
# - r over effects is blind to size. Report slope, sign and RMSE, and the ceiling that sampling error sets.
# - Equal accuracy isn't low bias: errors have a direction, and a model may see no difference between groups at all.
# - Stimuli are checked, compared blind, and measured by lists that were tested on other texts. People decide.

# %% [markdown]
# ## Quiz
#
# **1.** A simulation gives 0.58 for Clinton, and the people said 0.58. What has been shown?
#
# <details><summary>Answer</summary>
#
# That one share is right. Marginals reach it as well, and give everybody the same distribution. Look at the
# differences between people, at groups, and at other items.
#
# </details>
#
# **2.** All 500 simulated voters name the same candidate as their likeliest answer, each with a probability of
# 0.55. Which share do you report?
#
# <details><summary>Answer</summary>
#
# The mean of the distributions, 0.55. The count of likeliest answers would be 1, which nobody believes.
#
# </details>
#
# **3.** You simulate 10,000 instead of 100 personas, and the interval of an effect is a tenth as wide. What do
# you know now that you didn't know before?
#
# <details><summary>Answer</summary>
#
# What this model says, in this prompt, more precisely. About people nothing new: the interval covers draws or
# profiles, not whether people would answer like that.
#
# </details>
#
# **4.** A model's predictions have r = 0.9 with 300 real effects and a shrinkage slope of 0.4. May you take its
# predicted effect to plan a sample size?
#
# <details><summary>Answer</summary>
#
# Not as it stands. The predictions are two and a half times too large, so that the study would have far too few
# people. Shrink, and ask whether your topic is like those that the slope comes from.
#
# </details>
#
# **5.** A model predicts the vote of men and of women with accuracy 0.80. Among men it names candidate X too
# often, among women too rarely. What becomes of a paper on the gender gap in votes for X?
#
# <details><summary>Answer</summary>
#
# Its main result is made by the model. The gap between men and women is wrong by the sum of the two shifts,
# although accuracy is equal.
#
# </details>
#
# **6.** A judge chooses the suggestion in 55 % of the pairs, and the first place in 90 %. What do the 55 % say?
#
# <details><summary>Answer</summary>
#
# Next to nothing. The judge looks at the place. If the orders hadn't been balanced, it could have been any number.
#
# </details>
#
# **7.** Suggestions have more markers of politeness than drafts, and are twice as long. What do you check?
#
# <details><summary>Answer</summary>
#
# Whether the rise is more than what length brings: markers by word, or drafts made longer in a neutral way. And
# whether readers, blind, find them more polite.
#
# </details>
#
# **8.** Why is a simulation of ANES 1996 by a model of today a weak test?
#
# <details><summary>Answer</summary>
#
# The result of that election, and many papers on these very data, are on the web and so in the training data. A
# right answer may be recall. And the party is in the profile, which nearly decides the vote.
#
# </details>

# %% [markdown]
# ## Homework
#
# 1. **A profile without politics.** Research question: what does a simulation know from demographics alone? Make
#    personas from `DEMOGRAPHICS` only, ask 160 of them, and hold the result against the regression on the same
#    three columns. Which of the scores of section 3 changes most, and why?
# 2. **A better model.** Research question: how much of this lesson's result is the model's size? Give
#    `participants.ask` another engine, such as a chat model on your machine (lesson 06), or the full profile. Fix
#    the prompt beforehand and report all figures of section 3, also the bad ones.
# 3. **Intersections.** Research question: in which group is the error largest? Use
#    `participants.error_directions` with groups of party **and** education, or of race and gender in the poll of
#    non-voters. How many people are in each cell, and what can you say with so few?
# 4. **A list of your own.** Research question: which markers of validation do people use in your language or
#    field? Write ten, let two people code 60 texts as validating or not, and report precision, recall and their
#    agreement, on texts that the list wasn't written for.
# 5. **A registered plan.** Research question: do suggestions make people feel heard? Write a plan of one page:
#    arms, consent, disclosure, outcome, smallest effect, people to invite (exercise 10j), the script of section
#    8, and what you would do if the suggestions have faults. Add the prediction of a model, and seal it until the
#    data are in.

# %% [markdown]
# ## Where the code lives
#
# - `workshop_lib/participants/`: people (`people`, `published`, `polls`), personas and surveys (`personas`,
#   `surveys`), scores and baselines (`scores`, `baselines`, `correlations`, `subgroups`), prompts (`multiverse`),
#   experiments (`experiments`, `observed`, `design`), stimuli (`stimuli`, `writers`, `blind`, `markers`). Tests:
#   `tests/test_participants_*.py`.
# - `workshop_lib/plots/participants.py`: the figures.
# - `workshop_lib/labeling/`: engines, runs and the probabilities of answers (lesson 06).
# - `data/suggestions/`: drafts and suggestions, with codebook and datasheet.
# - `workshop_lib/checks/lesson_10.py`: the checks. Tests: `tests/test_checks_10.py`.
