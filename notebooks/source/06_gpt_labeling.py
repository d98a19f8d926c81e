# %% [markdown]
# # 06 · Labelling with LLMs
#
# {{badges}}

# %% [markdown]
# ## Question
#
# A research group wants to know what share of a million posts is uncivil, and whether politicians write
# more of them than others. Reading a million posts by hand takes years. A language model labels them
# overnight. In 2023 Fabrizio Gilardi, Meysam Alizadeh and Maël Kubli reported that ChatGPT outperforms
# crowd workers for text annotation tasks (PNAS). Since then many studies use such labels as if people had
# given them.
#
# **What are machine labels worth, and what do they do to an estimate?** A label is a measurement, and a
# measurement has errors. In this lesson you label posts and pictures in five ways, measure what each is
# worth, and correct an estimate for the errors that remain. The model runs on your own machine, behind the
# same client that talks to a hosted one.

# %% [markdown]
# ## Objectives
#
# After this lesson you can:
#
# - write a codebook that people and models can follow;
# - ask a chat model through the OpenAI client, on your machine, without a key;
# - say what a run will cost and what leaves your machine, before it starts;
# - label with and without examples, for one theme or several, text, picture or both;
# - measure agreement with intervals, and test the order of the labels and the wording;
# - find three mistakes that a table of scores hides;
# - correct a share and a difference for label errors with a sample of hand labels;
# - write the paragraph on labelling that an honest methods section needs.

# %% [markdown]
# ## Time and cost
#
# Planned: 90 minutes of teaching, 60 minutes of exercises. After section 6 is a good place for a break.
#
# {{cost}}
#
# No key and no account is needed, and nothing is paid. Where the text speaks of dollars, it computes what a
# hosted model would have cost, from a price list that is installed with the course.

# %% [markdown]
# ## Set-up

# %%
# On Colab and Binder this installs the course; where it is installed, nothing happens.
import importlib.util
if importlib.util.find_spec("workshop_lib") is None:
    # %pip install -q "workshop-lib @ git+{{repository}}"
from workshop_lib import classify, data, labeling, plots, runtime
from workshop_lib.checks import lesson_06 as check

# %%
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import openai
import pandas as pd
import transformers
from workshop_lib.labeling import examples
from workshop_lib.labeling.budget import price
from workshop_lib.labeling.engines.clip import Clip
from workshop_lib.labeling.engines.encoder import Encoder
from workshop_lib.labeling.engines.human import Human
from workshop_lib.labeling.methods import methods
from workshop_lib.labeling.multiverse import multiverse
from workshop_lib.labeling.report import read_run, report
from workshop_lib.plots import classify as draw_scores
from workshop_lib.plots import labeling as draw

transformers.logging.set_verbosity_error()
runtime.seed(0)
folder = Path(tempfile.mkdtemp())  # where the runs of this lesson are kept
print(runtime.report())

# %% [markdown]
# The posts were written for the course with the help of a language model, and two language models coded
# them from a written codebook (`data/posts/DATASHEET.md`). People haven't coded them yet. When this lesson
# says *hand labels*, it means these codes: they stand in for the labels of people, so that you can learn
# the method. They are evidence about nothing else.

# %%
posts = data.load("posts")
train = posts[posts["split"] == "train"]
test = posts[posts["split"] == "test"]
print(f"{len(posts)} posts; {len(train)} for learning, {len(test)} for testing")

# %% [markdown]
# ## 1 · A codebook
#
# *7 minutes*
#
# A **codebook** says what is asked about each item, which answers there are, and what each of them means.
# People need it to agree with one another. A model needs it for the same reason.
#
# By hand: is *The class elected Mia as its captain* a post about politics? There is a vote in it. Write
# down your answer, and the rule that you used. Your neighbour may have used another one, and so may a
# model. That rule belongs in the codebook.
#
# The course keeps codebooks in a YAML file: names, colons and indents, which people can read and edit.
# There are three types of question. A **choice** takes one label of several, **tags** take several labels
# or none, a **scale** takes a whole number.

# %%
codebook_file = data.root() / "posts" / "labeling.yaml"
book = labeling.Codebook.read(codebook_file)
political = book.only("political")  # a codebook with one of the questions
print(political.to_yaml())
for name, question in book.questions.items():
    print(f"{name:<10} {question.kind:<7} {', '.join(question.options)}")

# %% [markdown]
# Many programs read *yes* and *no* in YAML as True and False. Here a label is always the text that was
# written. It is a small thing, and can spoil a table.
#
# **Predict, then run.** We write the codebook into a file, read it again, and ask whether the two are
# equal. And what does the first label of `political` look like: `'yes'` or `True`?

# %%
my_guess = "..."  # write your guess here

book.write(folder / "codebook.yaml")
again = labeling.Codebook.read(folder / "codebook.yaml")
print(f"Your guess: {my_guess}. Equal: {again == book}. First label: {again.questions['political'].options[0]!r}")
assert again == book and again.questions["political"].options == ("yes", "no")

# %% [markdown]
# ### Exercise 6a · A question of your own
#
# Write one question of your field about short posts. Fill in `labels` (a dictionary: name of the label,
# then its definition), `ask` (the question in words), `exclusions` (a list of sentences that say what
# doesn't count) and `examples_of_it` (a list of pairs: a text that you invent, and its label; each label at
# least once). The check tries whether a codebook can be made of it.

# %%
### STUB 6a
labels = ...
ask = ...
exclusions = ...
examples_of_it = ...
### SOLUTION 6a
labels = {
    "yes": "the writer asks readers to do something together, such as to sign, to come, to strike or to donate",
    "no": "the writer tells, asks or complains without such a call",
}
ask = "Does this post call for joint action?"
exclusions = ["An advertisement that asks to buy something is no call for joint action."]
examples_of_it = [
    ("Sign the petition for a night bus before Friday!", "yes"),
    ("The night bus was late again, and nobody knows why.", "no"),
]
### END 6a

# %%
check.exercise_6a(labels, ask, exclusions, examples_of_it)

# %% [markdown]
# ## 2 · One client, two addresses
#
# *8 minutes*
#
# A chat model gets a list of **messages**, each with a role. The *system* message says how to behave, the
# *user* message holds the task, and the model writes the *assistant* message. OpenAI's way of sending such
# a list has become a standard: Ollama, llama.cpp, vLLM and `transformers serve` take the same. So a client
# needs three things: an **address**, the **name** of a model, and a **key** if the server wants one.
#
# `local_server()` starts `transformers serve` on your machine, with the assistant of the course. In the
# mini profile that is a model of 10 million parameters. GPT-3, the largest model of the table in lesson 03,
# is some 17,000 times as large. So expect little of the assistant; it is small enough for any laptop, and
# it makes the errors that this lesson is about.

# %%
server = labeling.local_server().start()  # some seconds
print(f"{server.model} at {server.address}")

# %% [markdown]
# This is one call as a program sees it. The message is written by hand, the client is OpenAI's own.
#
# **Predict, then run.** The post is *The council wants to close our swimming pool.* What will the model
# answer?

# %%
my_guess = "..."  # write your guess here

client = openai.OpenAI(base_url=server.address, api_key="none")  # a local server asks for no key
answer = client.chat.completions.create(
    model=server.model,
    messages=[
        {"role": "system", "content": "You label texts for a study."},
        {
            "role": "user",
            "content": "Is this post about politics? Answer yes or no.\nThe council wants to close our swimming pool.",
        },
    ],
    max_tokens=16,
    temperature=0,
)
written = answer.choices[0].message.content
print(f"Your guess: {my_guess}. The model wrote: {written!r}")
print(f"{answer.usage.prompt_tokens} tokens in, {answer.usage.completion_tokens} tokens out")

# %% [markdown]
# For the same call to a hosted model, only address, name and key change. The room `labeling` puts this
# client into an **engine**. Making an engine sends nothing. The next cell makes one for the server on your
# machine and one for a hosted model, and asserts what they have in common and what not.

# %% tags=["claim-G9"]
chat = labeling.Chat(server.model, address=server.address, max_tokens=16)
hosted = labeling.Chat("gpt-5.4-mini", max_tokens=16)  # nothing is sent in this lesson

assert isinstance(server.client, openai.OpenAI) and isinstance(client, openai.OpenAI)
assert isinstance(written, str) and answer.usage.prompt_tokens > 0  # a real answer of a real server
assert chat.local and not hosted.local
assert type(chat) is type(hosted) and chat.address != hosted.address

one_post = labeling.items(test.head(1))
asked = labeling.requests(political, one_post)[0]
same = ("messages", "temperature")
assert all(chat.payload(asked)[name] == hosted.payload(asked)[name] for name in same)
print(f"{chat}\n{hosted}")
print(json.dumps(chat.payload(asked)["messages"], indent=1))

# %% [markdown]
# A model writes what it likes, and only some answers are labels. The room sends the allowed labels along as
# a **schema**, which many servers enforce; the answer is then read strictly all the same. What isn't a
# label becomes a **status**: *refused*, *invalid*, *error*, or *skipped for budget*. A failure is never a
# label.

# %% [markdown]
# ### Exercise 6b · Read an answer strictly
#
# Write `to_label`. It gets the text that a model wrote and a list of labels. It gives back the label if
# the text is that label, whatever the case of the letters, the blanks around it and one full stop at its
# end. In all other cases it gives back `None`. Think of the answer *It is not political, so no* before you
# look for a label somewhere inside the text. `text.strip()`, `text.lower()` and `text.removesuffix(".")`
# may help.

# %%
### STUB 6b
def to_label(text, labels):
    plain = ...
    same = ...
    return ...
### SOLUTION 6b
def to_label(text, labels):
    plain = text.strip().removesuffix(".").lower()
    same = [label for label in labels if label.lower() == plain]
    return same[0] if same else None
### END 6b

# %%
check.exercise_6b(to_label)

# %% [markdown]
# ## 3 · A plan before, a bill after
#
# *8 minutes*
#
# Hosted models are paid by the token, with one price for what you send and one for what comes back. Prices
# are quoted for a million tokens.
#
# By hand: 10,000 posts with 100 tokens each are 1 million tokens in; at 0.75 dollars a million, that is
# 0.75 dollars. One call about one post answers with some 10 tokens, so 0.1 million tokens out; at 4.50
# dollars a million, that is 0.45 dollars. Together 1.20 dollars, for one question, asked once.
#
# `plan` says this before anything is sent: calls, tokens, a price range, and what leaves your machine. The
# prices come from the package `genai-prices`, which carries its list with it. The lecture behind this
# lesson (Zhou and Huang, Day 7) showed a price page with GPT-4.1 mini. What does the plan say of it today?

# %%
print(labeling.plan(political, test, labeling.Chat("gpt-4.1-mini", max_tokens=16)))

# %% [markdown]
# Read the last line. Hosted models are switched off; after that nobody can repeat a study that used them.
# Now the plan for a later model, and for the one on this machine.

# %%
before = labeling.plan(political, test, hosted)
print(f"{before}\n\n{labeling.plan(political, test, chat)}")

# %% [markdown]
# The range is wide, since nothing was measured. The plan guesses tokens from the length of what would be
# sent, rather too many than too few. A **pilot** of 20 posts measures. It stays in the folder of the run, so
# that these 20 aren't asked again.
#
# **Predict, then run.** By what share of the tokens used will the plan be wrong before the pilot, and by
# what share after it?

# %%
my_guess = {"before the pilot": 0.2, "after it": 0.2}  # write your two shares here

start = time.perf_counter()
after_pilot = labeling.pilot(political, test, chat, folder / "zero-shot", k=20, progress=False)
zero_shot = labeling.label(political, test, chat, folder / "zero-shot", max_cost=0.50, progress=False)
seconds = {"assistant, zero-shot": time.perf_counter() - start}

used_in, used_out = int(zero_shot["input_tokens"].sum()), int(zero_shot["output_tokens"].sum())
bill = price("gpt-5.4-mini", used_in, used_out)
wrong_by = [abs(planned.input_tokens / used_in - 1) for planned in (before, after_pilot)]
print(f"Your guesses: {my_guess}. Measured: {wrong_by[0]:.2f} before, {wrong_by[1]:.2f} after")
print(f"Tokens in: {before.input_tokens:,} planned, {after_pilot.input_tokens:,} after the pilot, {used_in:,} used")
print(f"Paid: {zero_shot['cost'].sum():.2f} dollars. The hosted model at these tokens: {bill:.4f} dollars")
zero_shot[["id", "label", "status", "model", "input_tokens", "output_tokens", "cached", "detail"]].head()

# %% [markdown]
# After 20 posts the plan is close; before, it was far too high. `max_cost` is a cap: before each call the
# room sets its worst case aside, and it makes no call that could pass the cap.
#
# The bill for the hosted model is a computation, too. That model cuts texts into other tokens, and it reads
# the schema, which this server doesn't. Hold plan and bill against each other after each run.

# %% tags=["claim-L5"]
assert before.calls == after_pilot.calls == len(zero_shot) == len(test)
assert before.input_tokens > 1.2 * used_in  # too many rather than too few
assert wrong_by[1] < 0.1  # a pilot of 20 measures well
assert 0 < bill <= before.worst  # the worst case is never passed
assert before.low < before.high and zero_shot["cost"].sum() == 0
assert "nothing" in labeling.plan(political, test, chat).leaves and "openai.com" in before.leaves
assert zero_shot["cached"].sum() == 20  # the pilot's posts weren't asked again

# %% [markdown]
# Each answer is stored as it comes. If the computer goes to sleep, `labeling.resume(folder, engine)` makes
# the calls that are missing, and no other. If any setting differs, it refuses to mix.

# %% [markdown]
# ### Exercise 6c · What will it cost?
#
# Write `dollars`. It gets the number of calls, the tokens of one call in and out, and the two prices in
# dollars per **million** tokens. Then use it: what would one question about a million posts cost at the
# prices above?

# %%
### STUB 6c
def dollars(calls, tokens_in, tokens_out, price_in, price_out):
    for_one_call = ...
    return ...
### SOLUTION 6c
def dollars(calls, tokens_in, tokens_out, price_in, price_out):
    for_one_call = (tokens_in * price_in + tokens_out * price_out) / 1_000_000
    return calls * for_one_call
### END 6c

# %%
check.exercise_6c(dollars)

# %% [markdown]
# ## 4 · With examples, and for several themes
#
# *7 minutes*
#
# What you did in section 3 is **zero-shot**: the model saw no solved example. In **few-shot** labelling,
# some solved examples stand in the prompt, before the post. Which ones? The same for all posts, random
# ones, as many of each label, or the **nearest**: those whose vectors are most similar to the post's.
#
# By hand: a prompt has 60 tokens, and an example some 50. With four examples it has 60 + 4 · 50 = 260
# tokens. The price of the tokens in is more than four times as high, for every post.
#
# **Predict, then run.** The model of the mini profile has learnt to answer short questions. Will two
# examples help it on 48 posts? And will four help more?

# %%
my_guess = "...", "..."  # for two and for four examples: write "better", "worse" or "the same"

some = test.head(48)
solved_posts = train[["id", "text", "political"]].sample(200, random_state=0)
tried = {"zero-shot": zero_shot[zero_shot["id"].isin(some["id"])]}
for k in (2, 4):
    shots = labeling.Shots(solved_posts, how="nearest", k=k)
    tried[f"few-shot, {k} nearest"] = labeling.label(
        political, some, chat, folder / f"few-shot {k}", shots=shots, progress=False
    )

rows = {}
for name, results in tried.items():
    found = labeling.validate(results, some, political, "political")
    rows[name] = found.figures.loc["kappa", ["value", "low", "high"]].add_prefix("kappa ")
    rows[name]["answered"] = found.answered
    rows[name]["tokens in"] = results["input_tokens"].sum()
print(f"Your guess: {my_guess}")
pd.DataFrame(rows).T.astype(float).round(2)

# %% [markdown]
# Kappa comes in section 6; here it is enough that 1 is best and 0 is chance. Look at the intervals before
# you believe a difference: 48 posts say little. And look at *answered*. A prompt can get too long for a
# small model, so that it writes something else than a label. Those posts have no label now, and a score
# over the others doesn't show it.
#
# Now **several themes**. A codebook with three questions makes three calls about each post.

# %%
themes = book.only("political", "uncivil", "sentiment")
several = labeling.label(themes, test.head(24), chat, folder / "several", progress=False)
several["is the hand label"] = [
    row.label == test.set_index("id").loc[row.id, row.question] for row in several.itertuples()
]
several.groupby("question").agg(calls=("id", "size"), right=("is the hand label", "mean")).round(2)

# %% [markdown]
# And a question with tags takes several themes at once: what is a post about? We ask two engines. The
# encoder of lesson 01 gives a post each theme whose definition is near enough to it. The assistant is asked
# about each theme, yes or no (section 5 shows how). Read the posts: whose themes are right?

# %%
topics = book.only("topics")
asked_about = test.iloc[[0, 1, 6, 8, 14, 17, 20, 23]]
engines = {"encoder": Encoder(codebook=book), "assistant": labeling.LocalDecisions()}
themes_of = {
    name: labeling.label(topics, asked_about, engine, folder / f"topics {name}", progress=False)
    for name, engine in engines.items()
}
for post in asked_about.itertuples():
    print(post.text)
    for name, results in themes_of.items():
        print(f"  {name:<10} {results.set_index('id').loc[post.id, 'label'] or '(none)'}")

# %% tags=["claim-L2"]
assert len(several) == 3 * 24 and set(several["question"]) == set(themes.questions)
for name, question in themes.questions.items():  # each answer is one of its own question's labels, or none
    given = several[(several["question"] == name) & (several["status"] == "ok")]["label"]
    assert set(given) <= set(question.options)
known_topics = set(topics.questions["topics"].options)
for results in themes_of.values():
    assert all(set(label.split("|")) - {""} <= known_topics for label in results["label"].dropna())
assert (zero_shot["status"] == "ok").mean() > 0.5
tokens_of = {name: results["input_tokens"].sum() for name, results in tried.items()}
assert tokens_of["few-shot, 4 nearest"] > 1.3 * tokens_of["few-shot, 2 nearest"]  # examples are paid for
assert tokens_of["few-shot, 2 nearest"] > 1.5 * tokens_of["zero-shot"]

# %% [markdown]
# Each of these tables looks the same, whether its labels are good or worthless. A model may even give every
# post all of the themes, or none.
#
# And compare themes with care. If all of them come from one model, an error in one may go with an error in
# another. Two themes that *seem* to belong together may have only the model in common.

# %%
server.stop()  # it isn't needed from here on; to ask it again, run section 2 and what follows it

# %% [markdown]
# ## 5 · How sure is it?
#
# *6 minutes*
#
# A written *yes* doesn't say how sure the model is. But before it writes, the model has a probability for
# each next token. So we can ask for the probability of each **label** instead of a text. Nothing is written
# then, so no answer can be cut off or be something else than a label. It is quicker, too.
#
# By hand: the model gives *yes* 0.30 and *no* 0.10, and the rest to other words. Only the labels count:
# 0.30 / (0.30 + 0.10) = 0.75 for *yes*.
#
# `LocalDecisions` does this with the same assistant, in this process. We ask it whether each of all
# 1,280 posts is uncivil (up to a minute). Section 10 needs them all; here we look at the test posts.
#
# **Predict, then run.** Take the posts of which it is surest (the last row of the table). In what share of
# them will it be right?

# %%
my_guess = 0.5  # write your share here

start = time.perf_counter()
everyone = labeling.label(
    book.only("uncivil"), posts, labeling.LocalDecisions(), folder / "everyone", progress=False
)
each = (time.perf_counter() - start) / len(posts)
of_test = everyone[everyone["id"].isin(test["id"])]
uncivil = labeling.validate(of_test, test, book, "uncivil")
print(f"Your guess: {my_guess}. Measured: {uncivil.reliability['right'].iloc[-1]:.2f}")
print(f"{1000 * each:.0f} milliseconds a post")
print(uncivil.reliability.round(2).to_string())
draw.reliability({"assistant, uncivil": uncivil.reliability}, "Stated probability and share right")

# %% [markdown]
# The figure has a point for each group of posts with similar probabilities. On the dotted line, the model
# is as often right as it says; below the line it is too sure, above it not sure enough. The number in the
# legend is the mean distance (expected calibration error). Don't take 0.9 for 90 % before you have looked at
# this figure for your own question.

# %%
assert everyone["status"].eq("ok").all()  # a label for every post
assert all(abs(sum(stated.values()) - 1) < 0.001 for stated in everyone["probabilities"])
assert 0 <= uncivil.figures.loc["Brier", "value"] < 1  # 0 is perfect; 2 is sure and wrong each time

# %% [markdown]
# ## 6 · What are the labels worth?
#
# *10 minutes*
#
# Four questions, in this order.
#
# 1. **Agreement**: how often is the model's label the hand label, more than by chance?
# 2. **Interval**: how sure is that figure, with so many posts?
# 3. **Ceiling**: how well do two coders agree? No model can be shown to be better.
# 4. **Robustness**: does the label change if the question is put in another way?
#
# By hand, **Cohen's kappa**. Of ten posts the model gets eight right. It says *yes* five times, the coder
# four times. By chance both would say *yes* in 0.5 · 0.4 = 0.20 and both *no* in 0.5 · 0.6 = 0.30 of the
# posts, so they would agree in 0.50. Kappa is the share of the rest that was gained: (0.80 − 0.50) / (1 −
# 0.50) = 0.60.
#
# **Predict, then run.** On 276 posts, how wide will the 95 % interval of kappa be?

# %%
my_guess = 0.1  # write the distance from its low to its high end

checked = labeling.validate(zero_shot, test, political, "political")
kappa = checked.figures.loc["kappa"]
print(f"Your guess: {my_guess}. Measured: {kappa['high'] - kappa['low']:.2f}\n\n{checked}")

# %% [markdown]
# The column *coders* shows how well the two coders agree. For `political` in these posts it is 1: the posts
# are clear, and both coders were language models, which read alike. A ceiling of 1 is a warning sign. With
# people and real posts it is lower, often far lower. For sentiment our two coders don't always agree, so
# let us look at that. In the figure each row is a hand label: where do the errors of a row go?

# %%
sentiment = labeling.label(
    book.only("sentiment"), test, labeling.LocalDecisions(), folder / "sentiment", progress=False
)
of_sentiment = labeling.validate(sentiment, test, book, "sentiment")
print(of_sentiment.figures.round(2).to_string(na_rep=""))
print(of_sentiment.coders.round(2).to_string())
draw.confusion(of_sentiment.confusion, "Sentiment: hand labels and answers")

# %% tags=["claim-L5"]
for found in (checked, of_sentiment):
    value, low, high, ceiling = found.figures.loc["kappa", ["value", "low", "high", "coders"]]
    assert low < value < high and high - low > 0.02  # never a figure without its interval
    assert 0 < low  # better than chance
    assert value < ceiling  # below what two coders reach
    assert found.figures.loc["accuracy", "value"] > found.figures.loc["baseline", "value"]
assert checked.figures.loc["alpha", "coders"] > 0.95  # two language models on clear posts: no ceiling of people

# %% [markdown]
# Now robustness. Which wording, which order of the labels? Nobody can say which is right, so all of them
# are: a **multiverse** makes a run for each combination and reports every result (Sara Steegen and
# co-authors, *Increasing Transparency Through a Multiverse Analysis*, Perspectives on Psychological
# Science, 2016). Wording 0 is short, wordings 1 and 2 give the definitions and examples, too. The result
# here isn't a score but an estimate: what share of 60 posts is political?
#
# **Predict, then run** (up to half a minute). How far apart will the lowest and the highest share be?

# %%
my_guess = 0.1  # write a distance here

few_posts = test.head(60)
curve = multiverse(
    book, few_posts[["id", "text"]], few_posts, [labeling.LocalDecisions()], wordings=(0, 1, 2), orders=(None, 1),
    question="political", statistic="prevalence", label="yes", folder=folder / "multiverse", progress=False,
)  # fmt: skip
spread = curve["estimate"].max() - curve["estimate"].min()
print(f"Your guess: {my_guess}. Measured: {spread:.2f}")
draw.specification_curve(curve, "Share of political posts, asked in six ways")

# %% [markdown]
# The figure shows six estimates with their intervals, from the lowest to the highest, and below each of
# them which choices it comes from. The dotted line is the share by the hand labels. The intervals know of
# chance in drawing posts only. They don't know of your choices. Whoever reports one of the six has to say
# so.
#
# Is the wording that explains most nearest to the dotted line? Not always: a small model that has learnt to
# answer short questions may lose its way in a long one. A codebook for people isn't a prompt yet.
#
# Two tests look at one change at a time (Andrew Halterman and Katherine Keith, *Codebook LLMs*, Political
# Analysis, 2025): the same posts with the labels in another order, and in another wording.

# %%
runs = curve.set_index(["wording", "order"])["folder"]
in_order = labeling.read_results(runs["0", "as in the codebook"])
shuffled = labeling.read_results(runs["0", "shuffled 1"])
reworded = labeling.read_results(runs["1", "as in the codebook"])
order = labeling.order_test(in_order, shuffled)
wording = labeling.wording_test(in_order, reworded)
print(f"{order}\n\n{wording}")

# %%
assert len(curve) == 6 and curve["answered"].min() > 0
assert order.items + order.left_out == wording.items + wording.left_out == len(few_posts)
assert 0 <= order.low <= order.share <= order.high <= 1
assert (curve["low"] <= curve["estimate"]).all()
assert spread > 0.03  # the answer depends on how one asks

# %% [markdown]
# ## 7 · Three mistakes that a score hides
#
# *8 minutes*
#
# In each of the three cases a program runs without an error and gives a number. Find the bug before you
# read on.
#
# **First case.** A model looks for threats in 300 posts. It is right in 93 %. The table says more.

# %%
threats = pd.DataFrame(
    {"id": range(300), "hand": ["yes"] * 23 + ["no"] * 277, "machine": ["yes"] * 2 + ["no"] * 298}
)
print(f"accuracy {(threats['hand'] == threats['machine']).mean():.2f}")
pd.crosstab(threats["hand"], threats["machine"])

# %% [markdown]
# ### Exercise 6d · Accuracy and chance
#
# Write `kappa_of`, which gets two lists of labels of the same posts and gives back Cohen's kappa:
# (agreement − chance) / (1 − chance). Chance is the sum, over all labels, of the share in the one list
# times the share in the other. Then try it: `kappa_of(list(threats["hand"]), list(threats["machine"]))`.

# %%
### STUB 6d
def kappa_of(hand, machine):
    n = len(hand)
    agreement = ...
    chance = ...
    return ...
### SOLUTION 6d
def kappa_of(hand, machine):
    n = len(hand)
    agreement = sum(h == m for h, m in zip(hand, machine)) / n
    chance = sum(hand.count(label) * machine.count(label) for label in set(hand)) / n**2
    return (agreement - chance) / (1 - chance)
### END 6d

# %%
check.exercise_6d(kappa_of)

# %% [markdown]
# **Second case.** A student numbers the tone of the test posts: 1 negative, 2 neutral, 3 positive. A
# colleague's program wrote numbers, too, and the two never agree. The colleague says that her program is
# good.

# %%
numbers = {"negative": 1, "neutral": 2, "positive": 3}
tones = pd.DataFrame({"id": test["id"], "hand": test["sentiment"].map(numbers)})
tones["machine"] = test["sentiment_coder_2"].map(numbers) + 2
print(f"accuracy {(tones['hand'] == tones['machine']).mean():.2f}")
pd.crosstab(tones["hand"], tones["machine"])

# %% [markdown]
# ### Exercise 6e · Two tables, two lists of numbers
#
# What has happened? Fill in `shift`, the number that must be taken from the machine's labels, and `mended`,
# the column of the machine's labels after that.

# %%
### STUB 6e
shift = ...
mended = ...
### SOLUTION 6e
shift = 2
mended = tones["machine"] - shift
### END 6e

# %%
check.exercise_6e(shift, mended, tones)

# %% [markdown]
# **Third case.** The same numbers once more, mended. But for some posts the server gave no answer, and the
# program wrote down 99. The student computes the mean tone and the share of negative posts.

# %%
answers = tones.assign(machine=test["sentiment_coder_2"].map(numbers))
answers.loc[answers.index[::8], "machine"] = 99  # the server was down
print(f"mean tone {answers['machine'].mean():.1f}, share of negative posts {(answers['machine'] == 1).mean():.2f}")
answers["machine"].value_counts()

# %% [markdown]
# ### Exercise 6f · 99 is no tone
#
# Fill in `answered`, the rows of `answers` that have a label; `failed`, the number of rows that have none;
# and `share_negative`, the share of negative posts among those with a label.

# %%
### STUB 6f
answered = ...
failed = ...
share_negative = ...
### SOLUTION 6f
answered = answers[answers["machine"] != 99]
failed = len(answers) - len(answered)
share_negative = (answered["machine"] == 1).mean()
### END 6f

# %%
check.exercise_6f(answered, failed, share_negative, answers)

# %% [markdown]
# The share among the answered is right only if the failures have nothing to do with the tone. A model that
# refuses rude posts fails where it matters. So report the failures, and code a sample of them by hand.
#
# The room looks for all three mistakes: `pitfalls` gets the answers and the hand labels and names what it
# finds.


# %% tags=["claim-L7"]
def look_for_pitfalls(table):
    results = pd.DataFrame({"id": table["id"], "question": "tone", "label": table["machine"], "status": "ok"})
    return labeling.pitfalls(results, table.rename(columns={"hand": "tone"}), "tone")


found_in = {name: look_for_pitfalls(table) for name, table in
            {"threats": threats, "tones": tones, "answers": answers}.items()}  # fmt: skip
for name, found in found_in.items():
    print(f"{name}: {'; '.join(one.message for one in found)}\n")
assert "accuracy without agreement" in [one.name for one in found_in["threats"]]
assert "shifted labels" in [one.name for one in found_in["tones"]]
assert "error code as a label" in [one.name for one in found_in["answers"]]

# %% [markdown]
# ## 8 · People, classical models, language models
#
# *7 minutes*
#
# The lecture compares three ways. Labelling by hand is slow and expensive. Machine learning needs skill and
# computing. A language model is affordable and easy. We measure it: quality, seconds and cost, on the same
# 276 posts and one question (`political`).
#
# First, the hand. Read these ten posts, write down yes or no for each, and take the time. Replace the
# number in the cell after it by your own seconds. 200 is a placeholder, not a measurement.

# %%
for row in train.sample(10, random_state=6).itertuples():
    print(f"{row.id}: {row.text}")

# %%
my_seconds = 200  # for the ten posts: write your own time here
wage = 20  # dollars an hour, an assumption: write that of your own assistants
seconds["person (second coder)"] = my_seconds / 10 * len(test)
print(f"{len(test)} posts by hand: {seconds['person (second coder)'] / 3600:.1f} hours")

# %% [markdown]
# Now the others. Two classical models learn from 863 coded posts: word counts (TF-IDF), and the encoder of
# lesson 01 with a small model on its vectors. The encoder can also work zero-shot: it takes the label whose
# definition is nearest to the post. The second coder's labels come from a column, through the same verbs.
#
# **Predict, then run.** Order these five by kappa: second coder, word counts, encoder with 863 examples,
# encoder zero-shot, assistant zero-shot.

# %%
my_guess = ["...", "...", "...", "...", "..."]  # write the best first

labelled = {"assistant, zero-shot": zero_shot}
labelled["person (second coder)"] = labeling.label(
    political, test, Human("political_coder_2", test), folder / "hand", progress=False
)
start = time.perf_counter()
counter = classify.baseline("logistic, tf-idf", train, label="political")
said = counter.predict(test["text"])
seconds["word counts, 863 examples"] = time.perf_counter() - start
labelled["word counts, 863 examples"] = pd.DataFrame(
    {"id": test["id"], "question": "political", "label": said, "status": "ok"}
)
for name, examples_for_it in {"encoder, zero-shot": None, "encoder, 863 examples": train}.items():
    start = time.perf_counter()
    engine = Encoder(codebook=book)
    if examples_for_it is not None:
        engine = engine.fit(examples_for_it, "political")
    engine.prepare(labeling.items(test))
    labelled[name] = labeling.label(political, test, engine, folder / name, progress=False)
    seconds[name] = time.perf_counter() - start

# %%
per_post = my_seconds / 10 / 3600 * wage  # dollars for one post by hand
by_hand = {"person (second coder)": len(test), "word counts, 863 examples": 863, "encoder, 863 examples": 863}
rows = {}
for name, results in labelled.items():
    figures = labeling.validate(results, test, political, "political").figures
    rows[name] = {
        "kappa": figures.loc["kappa", "value"], "low": figures.loc["kappa", "low"],
        "high": figures.loc["kappa", "high"], "seconds": seconds[name],
        "posts by hand": by_hand.get(name, 0), "dollars": by_hand.get(name, 0) * per_post,
    }  # fmt: skip
side_by_side = pd.DataFrame(rows).T.sort_values("kappa", ascending=False)
print(f"Your guess: {my_guess}\n{side_by_side.round(2).to_string()}")
print(f"A hosted model, at the tokens of section 3: {bill:.3f} dollars. Its quality isn't measured here.")
plots.bars(side_by_side["kappa"].to_dict(), "Cohen's kappa", title="Political or not: 276 posts, five ways")

# %% [markdown]
# The figure has a bar for each way. The row *person* stands in for one: the second coder of these posts, a
# language model. That is why its bar is at 1; a person's would be lower.

# %% tags=["claim-L1"]
person = side_by_side.loc["person (second coder)"]
machines = side_by_side.drop(index="person (second coder)")
learnt = machines[machines["posts by hand"] > 0]
assert (machines["kappa"] <= person["kappa"]).all()  # quality: nobody passes the ceiling
assert (machines["seconds"] < person["seconds"]).all()  # time: all are quicker than reading
assert (learnt["dollars"] > person["dollars"]).all()  # cost: 863 examples cost more than 276 labels
assert bill < person["dollars"] / 10  # a hosted model's tokens cost far less than an assistant's hours
assert machines.loc["assistant, zero-shot", "kappa"] > 0.2

# %% [markdown]
# So the three ways do trade cost, time and quality. But the lecture's list leaves one cost out. **Machine
# labels that nobody has checked have no known quality.** The hand labels for checking belong to the bill of
# each method.

# %% [markdown]
# ### Exercise 6g · The whole bill
#
# Write `costs`. It gets the number of posts, the dollars for one post by hand, the number of examples that
# a classical model needs, the number of hand labels for validation, and the dollars for one call of a
# language model. It gives back three numbers in this order: all posts by hand; a classical model (examples
# and validation by hand, its own computing is free); a language model (validation by hand, and a call for
# each post). When is hand coding the cheapest? Try 100, 1,000 and 1,000,000 posts.

# %%
### STUB 6g
def costs(posts, per_post, examples, validation, per_call):
    hand = ...
    classical = ...
    language_model = ...
    return hand, classical, language_model
### SOLUTION 6g
def costs(posts, per_post, examples, validation, per_call):
    hand = posts * per_post
    classical = (examples + validation) * per_post
    language_model = validation * per_post + posts * per_call
    return hand, classical, language_model
### END 6g

# %%
check.exercise_6g(costs)

# %% [markdown]
# ## 9 · Text, picture, and both
#
# *7 minutes*
#
# Many posts are a picture and a caption. **CLIP** (Alec Radford and co-authors, *Learning Transferable
# Visual Models From Natural Language Supervision*, ICML 2021) puts pictures and texts into one space: a
# picture is near the texts that fit. Zero-shot it takes the nearest label. Fine-tuned, a small layer on its
# vectors learns from hand labels. All of that happens on your machine, and no post leaves it.
#
# By hand: the cosine of a picture with *a chart* is 0.31 and with *a flag* 0.21. Which label does it get?
# (The first; whether 0.31 is much, the number alone doesn't say.)
#
# The pictures were drawn by a script, and the captions written, for the course. The mini profile's model
# has seen drawings of emoji only.

# %%
pictures = data.load("pictures")
learn, exam = pictures[pictures["split"] == "train"], pictures[pictures["split"] == "test"]
kinds = {
    "placard": "a placard with words on it",
    "chart": "a chart with bars, lines or a pie",
    "flag": "a flag",
    "scene": "a place with people, houses or streets",
}
sides = {"yes": "politics: parliament, election, vote, protest", "no": "everyday life: family, food, sport, work"}
picture_book = labeling.Codebook(
    "pictures",
    {
        "kind": labeling.Choice(kinds, "What does the picture show?"),
        "political_pair": labeling.Choice(sides, "Is this post of picture and caption about politics?"),
    },
)
for row in exam.head(4).itertuples():
    print(f"{row.kind}, political: {row.political_pair}. Caption: {row.text}")

# %% [markdown]
# **Predict, then run.** Is the post political? What will help most: the text, the picture or both? And how
# good will it be, if always saying the commoner label gives 0.52?

# %%
my_guess = "..."  # write "text", "image" or "pair"


def share_right(results, question):
    figures = labeling.validate(results, exam, picture_book, question, bootstrap=0).figures
    return figures.loc["accuracy", "value"]


tasks = {"kind": ("image",), "political_pair": ("text", "image", "pair")}
right, of_clip = {}, {}
for question, modalities in tasks.items():
    for reads in modalities:
        as_it_is = Clip(codebook=picture_book, reads=reads)
        tuned = as_it_is.fit(learn, question, epochs=40)
        for name, engine in {"zero-shot": as_it_is, "fine-tuned": tuned}.items():
            run = folder / f"{question} {reads} {name}"
            results = labeling.label(picture_book.only(question), exam, engine, run, progress=False)
            of_clip[question, reads, name] = results
            right.setdefault(f"{question}, by {reads}", {})[name] = share_right(results, question)
modes = pd.DataFrame(right).T
commonest = {question: exam[question].value_counts(normalize=True).max() for question in tasks}
print(f"Your guess: {my_guess}. Always the commonest label: {pd.Series(commonest).round(2).to_dict()}")
guessing = commonest["political_pair"]
draw_scores.dots(modes, "share right", chance=guessing, title=f"{len(exam)} posts of picture and caption")

# %% [markdown]
# The figure has a row for each task, with a circle for CLIP as it is and a square for the fine-tuned one.
# The dashed line is the commoner label of `political_pair`; for `kind` the commonest label gives less, as
# printed above. Of what a picture shows (`kind`), a good part is learnt from 231 examples. Whether the post
# is political is another matter: look how far the last three rows are from the line, and remember that 62
# posts give an interval of about ±0.12.

# %% tags=["claim-L3"]
assert all((results["status"] == "ok").all() for results in of_clip.values())  # text, picture and pair
assert all(results["model"].str.startswith("image_text").all() for results in of_clip.values())
assert Clip(codebook=picture_book).local and tuned.local  # nothing leaves this machine
assert modes.loc["kind, by image", "fine-tuned"] > commonest["kind"] + 0.1
assert modes.loc["kind, by image", "fine-tuned"] >= modes.loc["kind, by image", "zero-shot"] - 0.05
assert tuned.losses["political_pair"][-1] < tuned.losses["political_pair"][0]  # it has learnt
print(modes.round(2).to_string())

# %% [markdown]
# A chat model that reads pictures gets them in its messages, beside the words. The assistant of the mini
# profile reads none; the next cell shows what would be sent to one that does, and what it would cost.

# %% tags=["claim-L2"]
with_picture = labeling.requests(picture_book.only("kind"), labeling.items(exam.head(1), image="image"))[0]
parts = with_picture.messages[-1]["content"]
assert [part["type"] for part in parts].count("image_url") == 1
assert any(part["type"] == "text" for part in parts)
for modality, columns in {"text": ["text"], "image": ["image"], "pair": ["text", "image"]}.items():
    planned = labeling.plan(picture_book.only("political_pair"), exam[["id", *columns]], hosted)
    assert ("pictures" in planned.leaves) == ("image" in columns) and planned.calls == len(exam)
    print(f"{modality}: from {planned.low:.4f} dollars. Leaves this machine: {planned.leaves}")

# %% [markdown]
# ### Exercise 6h · The pair is more than its halves
#
# Could one label text and picture apart, and call the post political if either half is? The hand labels of
# the halves are in the columns `political_text` and `political_picture`. Fill in, for all of `pictures`:
# `either`, a column of "yes" and "no" by that rule; `share_of_rule`, how often it is the label of the pair;
# and `only_together`, the number of posts of which neither half is political and the pair is.
# `np.where(condition, "yes", "no")` makes a column of two words, `|` is *or*, `&` is *and*; put each
# comparison in brackets.

# %%
### STUB 6h
either = ...
share_of_rule = ...
only_together = ...
### SOLUTION 6h
either = np.where((pictures["political_text"] == "yes") | (pictures["political_picture"] == "yes"), "yes", "no")
share_of_rule = (either == pictures["political_pair"]).mean()
only_together = ((either == "no") & (pictures["political_pair"] == "yes")).sum()
### END 6h

# %%
check.exercise_6h(either, share_of_rule, only_together, pictures)

# %% [markdown]
# ## 10 · From labels to estimates
#
# *10 minutes*
#
# Back to the question: what share of the posts is uncivil? The **naive** way counts the machine's labels.
#
# By hand: in truth 30 of 100 posts are uncivil. The machine finds 80 % of them (24) and calls 10 % of the
# 70 others uncivil (7). It counts 31. That is nearly right, by luck: its errors cancel. With 10 uncivil
# posts in truth it finds 8 and adds 9: it counts 17, and is wrong by far. **And more posts don't help**:
# with a million posts, the interval gets narrow around the wrong number.
#
# The mend needs some hand labels, from posts drawn **at random**. Where both labels are known, the error is
# known:
#
# corrected share = share by the machine, over all posts + mean of (hand − machine), over the coded posts
#
# This is **prediction-powered inference** (Anastasios Angelopoulos and co-authors, Science, 2023). Its
# interval counts the uncertainty of both parts. If the machine is good, the second part hardly varies, and
# few hand labels go far. If it is bad, the interval is wide, and still honest. *Design-based supervised
# learning* (Naoki Egami and co-authors, NeurIPS 2023) reaches the same aim, for regressions too.
#
# We know the truth here: all 1,280 posts have a hand label. So let us hide all but 200 of them and see.
#
# **Predict, then run.** Which of the five estimates will be furthest from the truth?

# %%
my_guess = "..."  # write naive, hand only, PPI, PPI++ or DSL

truth = (posts["uncivil"] == "yes").mean()
gold = labeling.sample_for_gold(posts[["id", "uncivil"]], 200, seed=1)  # drawn at random
corrected = labeling.correct(everyone, gold, "uncivil", "yes")
print(f"Your guess: {my_guess}. The truth: {truth:.3f}\n{corrected}")
draw.intervals(corrected.table, truth, "share of uncivil posts", "One truth, five estimates")

# %% [markdown]
# The figure has a row for each estimate with its 95 % interval; the dashed line is the truth. *Naive* takes
# the machine for a perfect coder, and its interval is the narrowest. *Hand only* uses the 200 posts and
# throws the machine away. The others use both. *Worth*, in the table, says how many hand labels alone would
# be as precise.
#
# Is the naive estimate near the truth? Then its errors happen to cancel, as in the first example by hand,
# and nothing in its interval says so. So take a calmer month: the same civil posts, and so many uncivil ones
# that their share is 0.10. The machine and its labels stay the same.
#
# **Predict, then run.** By how much will the naive estimate miss the share of 0.10?

# %%
my_guess = 0.02  # write your distance here

civil, rude = posts[posts["uncivil"] == "no"], posts[posts["uncivil"] == "yes"]
calm = pd.concat([civil, rude.sample(len(civil) // 9, random_state=0)])
calm_truth = (calm["uncivil"] == "yes").mean()
calm_gold = labeling.sample_for_gold(calm[["id", "uncivil"]], 200, seed=1)
calm_corrected = labeling.correct(everyone[everyone["id"].isin(calm["id"])], calm_gold, "uncivil", "yes")
missed = {
    "all posts": corrected.table.loc["naive", "estimate"] - truth,
    "calmer month": calm_corrected.table.loc["naive", "estimate"] - calm_truth,
}
print(f"Your guess: {my_guess}. The naive estimate misses by {pd.Series(missed).round(3).to_dict()}")
print(calm_corrected)
draw.intervals(calm_corrected.table, calm_truth, "share of uncivil posts", "A calmer month")

# %% [markdown]
# The figure is read like the one before. A machine that errs can count right at one share of uncivil posts
# only. At any other, it counts too many or too few. So a comparison over time is in danger, too.
#
# Look at *worth* once more. *PPI* trusts the machine fully. Where the machine errs on many posts and few are
# uncivil, that can be worse than the hand labels alone. *PPI++* chooses how far to trust it (*lambda*, from 0
# to 1).
#
# One sample of hand labels may be lucky as well. An interval of 95 % has to hold the truth in 95 % of the
# samples, so we draw 100 samples of all posts. And we let the room simulate 400 whole studies, in which the
# machine errs more in one group than in the other.
#
# **Predict, then run.** In what share of the 400 simulated studies will the naive interval hold the truth?

# %%
my_guess = 0.5  # write your share here

held = []
for draw_number in range(100):
    sample = labeling.sample_for_gold(posts[["id", "uncivil"]], 200, seed=draw_number)
    table = labeling.correct(everyone, sample, "uncivil", "yes", method="ppi").table
    held.append(table["low"].le(truth) & table["high"].ge(truth))
held = pd.DataFrame(held).mean()
simulated = labeling.coverage("prevalence", draws=400)
print(f"100 samples of our posts, share of intervals that hold the truth:\n{held.to_string()}")
print(f"Your guess: {my_guess}. In the simulation: {simulated.loc['naive', 'coverage']:.2f}")
plots.bars(simulated["coverage"].to_dict(), "share of 400 intervals that hold the truth", chance=None)

# %%
corrections = ["PPI", "PPI++", "DSL"]
for table in (corrected.table, calm_corrected.table):
    assert (table["high"] - table["low"]).idxmin() == "naive"
assert max(map(abs, missed.values())) > 0.02 and missed["all posts"] < missed["calmer month"]
assert simulated.loc["naive", "coverage"] < 0.3  # sure, and wrong
assert simulated.loc[[*corrections, "hand only"], "coverage"].between(0.91, 0.99).all()
assert simulated.loc[corrections, "bias"].abs().max() < 0.01 < abs(simulated.loc["naive", "bias"])
assert simulated.loc["DSL", "standard error"] < simulated.loc["hand only", "standard error"]
assert held[["hand only", "PPI", "PPI++"]].min() > 0.88
assert held["naive"] in (0.0, 1.0)  # it knows nothing of the hand labels, so it doesn't change

# %% [markdown]
# The figure has a bar for each estimate. All but the naive one are near 0.95. The naive interval is what a
# paper prints that takes machine labels for true. (In the 100 samples above it is always the same interval,
# since it uses no hand labels: it holds the truth each time or never.)
#
# Now the second question: do politicians write more uncivil posts? A machine that errs alike on both groups
# makes the difference smaller. One that errs more on one of them can make a difference up, or hide it. Without
# hand labels from both groups nobody knows which of these it is.

# %%
offices = {"minister", "mp", "councillor", "mayor", "candidate", "party_account"}
group = posts["voice"].isin(offices).map({True: "politician", False: "other"})
people = posts[["id"]].assign(office=group)
compared = labeling.correct(
    everyone, gold, "uncivil", "yes", "difference", group="office", compare=("politician", "other"), items=people
)
shares = (posts["uncivil"] == "yes").groupby(group).mean()
print(f"The truth, politicians − others: {shares['politician'] - shares['other']:.3f}\n{compared}\n")
print(labeling.power(corrected, n_total=1_000_000, half_width=[0.05, 0.03, 0.02]))

# %% [markdown]
# Look at the width of the intervals: 200 hand labels are few for a difference between groups.
#
# The last table plans. How many hand labels does an interval of ±0.05, ±0.03 or ±0.02 take, for the share
# among a million posts, by hand alone and with the machine's help? What the machine saves depends on how
# good it is.

# %% [markdown]
# ### Exercise 6i · The mend in two lines
#
# Write `ppi_share`. `machine` holds 0 or 1 for all N posts. `coded` holds the places of the n posts that
# were coded by hand, and `hand` their hand labels, 0 or 1, in the same order. All are arrays. Give back the
# corrected share and its standard error: the square root of (variance of `machine`) / N + (variance of the
# errors, hand − machine) / n. `array[places]` picks, `np.var(array)` is the variance.

# %%
### STUB 6i
def ppi_share(machine, coded, hand):
    errors = ...
    share = ...
    standard_error = ...
    return share, standard_error
### SOLUTION 6i
def ppi_share(machine, coded, hand):
    errors = hand - machine[coded]
    share = machine.mean() + errors.mean()
    standard_error = np.sqrt(np.var(machine) / len(machine) + np.var(errors) / len(errors))
    return share, standard_error
### END 6i

# %%
check.exercise_6i(ppi_share)

# %% [markdown]
# ## 11 · What leaves your machine
#
# *4 minutes*
#
# A hosted model sees what you send. Whether the provider keeps it, for how long, and whether it learns from
# it, depends on the contract and on settings: the lecture shows a page where an organisation gets free
# tokens for sharing its data. Interview texts that were promised to stay at the university must not go
# there.
#
# `audit` reads what an engine *would* send and lists it, field by field. Nothing is sent.
#
# **Predict, then run.** Our posts were written for the course. Will the audit find personal data in them?

# %%
my_guess = "..."  # write "yes" or "no"

asked_of_all = labeling.requests(political, labeling.items(test))
sent = labeling.audit(asked_of_all, hosted, examples=1)
at_home = labeling.audit(asked_of_all, labeling.LocalDecisions(), examples=1)
print(f"Your guess: {my_guess}. Found: {sent.attrs['personal']}")
sent[["address", "leaves", "field", "requests", "characters", "examples"]]

# %% [markdown]
# What was found are handles such as `@user`. `redact` puts placeholders in their place, the same for the
# same handle, so that one can still read who answers whom.

# %% tags=["claim-L6"]
assert sent["leaves"].all() and set(sent["address"]) == {"https://api.openai.com/v1"}
assert not at_home["leaves"].any()  # the same posts, on this machine
assert sent.set_index("field").loc["messages: user", "requests"] == len(test)  # every post
assert sent.attrs["personal"]["handle"] > 0

redacted = labeling.redact(test["text"])
clean = labeling.requests(political, labeling.items(test.assign(text=redacted.texts)))
assert labeling.audit(clean, hosted).attrs["personal"]["handle"] == 0
print(redacted.counts)
print(next(text for text in redacted.texts if "[HANDLE" in text))

# %% [markdown]
# ### Exercise 6j · What rules don't find
#
# Five answers of an interview study are to be sent to a hosted model. Fill in `safe`, what
# `labeling.redact` gives for the list `interviews`. Then **read** `safe.texts`, and fill in `left`: a list
# of at least three pieces of these texts, as they stand there, that could still tell who is speaking or of
# whom. One of them at least should be a person's name.

# %%
interviews = [
    "I told Maren Oduya about it and she said write to m.oduya@hillside-dairy.example, so I did.",
    "Ring me on 020 7946 0958 after six. I'm the only dentist on the island, they all know my car.",
    "My supervisor, Tobias Lindqvist, reads @tobias_l every morning and then shouts.",
    "We moved to 14 Kestrel Road when they closed the Hillside Dairy in March.",
    "See www.sunday-swimmers.example/members, I'm the one with the two left feet and the parrot.",
]

# %%
### STUB 6j
safe = ...
left = ...
### SOLUTION 6j
safe = labeling.redact(interviews)
left = ["Maren Oduya", "Tobias Lindqvist", "the only dentist on the island", "Hillside Dairy"]
### END 6j

# %%
check.exercise_6j(safe, left, interviews)

# %% [markdown]
# ## 12 · Fine-tune the assistant
#
# *5 minutes*
#
# A chat model can be fine-tuned on your hand labels. The examples go into **JSONL** files, one conversation
# a line: the question as it will be asked, and the label as the assistant's answer. `finetune_jsonl` writes
# and checks them.
#
# By hand: 200 examples with 70 tokens each, seen three times, are 42,000 tokens. At 5 dollars per million
# training tokens, that is 0.21 dollars.
#
# When does tuning pay? When a rule is hard to put into words. Say that a newsroom sends posts about
# politics to its *north* desk and all others to its *south* desk. Nobody has written that down; it can only
# be seen from the posts that were sent. We tune the assistant on 200 of them, on this machine (about a
# minute).

# %%
desk = labeling.Choice(["north", "south"], "To which desk does this post go?")
desk_book = labeling.Codebook("desks", {"desk": desk}, book.introduction)
sent_posts = posts.assign(desk=posts["political"].map({"yes": "north", "no": "south"}))
to_learn = sent_posts[sent_posts["split"] == "train"].sample(250, random_state=1)
made = examples.finetune_jsonl(to_learn, desk_book, "desk", folder / "tuning", split=(0.8, 0.2, 0))
print(made.drop(columns="file").to_string())
print((folder / "tuning" / "train.jsonl").read_text(encoding="utf-8").splitlines()[0])

# %% [markdown]
# **Predict, then run.** How often is the assistant right on 100 test posts before tuning, and how often
# after it?

# %%
my_guess = {"before": 0.5, "after": 0.5}  # write your two shares here

tuned_assistant = examples.tune_assistant(
    folder / "tuning", epochs=3, learning_rate=0.002, batch_size=8, progress=False
)
unseen = sent_posts[sent_posts["split"] == "test"].head(100)
share = {}
for name, model in {"before": "assistant", "after": tuned_assistant.folder}.items():
    answers_of = labeling.label(
        desk_book, unseen, labeling.LocalDecisions(model), folder / f"desks {name}", progress=False
    )
    found = labeling.validate(answers_of, unseen, desk_book, "desk", bootstrap=0)
    share[name] = found.figures.loc["accuracy", "value"]
in_plain_words = (zero_shot.set_index("id").loc[unseen["id"], "label"].to_numpy() == unseen["political"]).mean()
print(f"Your guess: {my_guess}. Measured: {share['before']:.2f} before, {share['after']:.2f} after")
print(f"Always the commoner desk: {unseen['desk'].value_counts(normalize=True).max():.2f}")
print(f"Asked in plain words, without tuning (section 3): {in_plain_words:.2f}")
print(tuned_assistant.history.round(2).to_string())

# %% [markdown]
# The tuned model lies in a folder, and `LocalDecisions(folder)` asks it as it asks the first one. Before the
# tuning, the model can only guess: nobody has told it what *north* means. The 200 posts have.
#
# Now compare with the question in plain words, political or not, which cost no training. If a question can
# be put into words that the model knows, try that first.

# %% tags=["claim-L4"]
found = examples.check_jsonl(folder / "tuning" / "train.jsonl")
assert found.examples == made.loc["train", "examples"] and not found.problems
assert not examples.check_jsonl(folder / "tuning" / "valid.jsonl", against=[folder / "tuning" / "train.jsonl"]).problems
commoner = unseen["desk"].value_counts(normalize=True).max()
assert share["after"] > share["before"] + 0.05  # the tuned model labels better
assert share["after"] > commoner + 0.05
losses = tuned_assistant.history["valid_loss"]
assert losses[tuned_assistant.best] < losses[0]

# %% [markdown]
# Providers offer the same for their models. The next cell shows what it would cost and send, and asks. We
# answer *no*, so nothing is sent. To begin a training, you would leave out `ask=…` and type *yes* yourself.
# Look up the price of training on the provider's page; 5 is an example.

# %%
examples.hosted_finetune(folder / "tuning", "gpt-4.1-mini-2025-04-14", price=5.0, ask=lambda question: "no")

# %% [markdown]
# ### Exercise 6k · One line of JSONL
#
# Write `training_line`. It gets the question, the text of a post and its label, and gives back one line of
# a JSONL file: a conversation of two messages under the name `messages`. The user's content is the
# question, a line break (`"\n"`) and the text; the assistant's is the label. `json.dumps(...)` turns
# dictionaries and lists into text.

# %%
### STUB 6k
def training_line(ask, text, label):
    messages = ...
    return ...
### SOLUTION 6k
def training_line(ask, text, label):
    messages = [{"role": "user", "content": f"{ask}\n{text}"}, {"role": "assistant", "content": label}]
    return json.dumps({"messages": messages})
### END 6k

# %%
check.exercise_6k(training_line)

# %% [markdown]
# ## 13 · What an honest methods section says
#
# *3 minutes*
#
# Which model (as the server named it), when, where, with which settings and prompt; how many items, how
# many failed; agreement with hand labels, with intervals, beside the ceiling; what was done about the
# errors that remain. `report` writes all of it into one HTML file, with the codebook and the prompts as
# they were sent. The paragraph below comes from the run of section 3.
#
# **Predict, then run.** What will it say is missing?

# %%
my_guess = "..."  # write one thing that a reader will ask for

page = report(zero_shot, political, gold=test, file=folder / "report.html")
run = read_run(folder / "zero-shot")
paragraph, missing = methods(zero_shot, political, run.facts, run.sessions, {"political": checked}, test)
print(f"{paragraph}\n\nStill missing:")
for sentence in missing:
    print(f"- {sentence}")
print(f"\nYour guess: {my_guess}. The whole report: {page}")

# %%
assert f"{len(test):,} items" in paragraph and "Cohen's kappa" in paragraph and "95 % interval" in paragraph
assert server.model in paragraph and "on our own machine" in paragraph
assert len(missing) > 3 and page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")

# %% [markdown]
# One sentence needs your hand. The paragraph speaks of *hand labels* and of *coders*, and every reader will
# think of people. Ours were two language models. A program can't know that; you have to say it.

# %% [markdown]
# ## What goes wrong in research use
#
# - **Validity: a fluent answer isn't a measurement.** The model answers any question, also one that makes
#   no sense. Only hand labels on your own texts show whether it measures your concept.
# - **Validity: models as judges of models.** If a language model wrote the codebook, the texts and the gold
#   labels, agreement is agreement of models with themselves. The data of this lesson are such a case.
# - **Validity: errors go with groups.** A model may call a dialect rude more often. Then a difference
#   between groups is partly the model's. Draw hand labels from each group and correct (section 10).
# - **Forking paths.** Whoever tries ten prompts and reports the best has tuned on the test. Choose on other
#   posts than those you validate on, or report the multiverse.
# - **Repeatability.** Hosted models change behind their names and are switched off. Name the dated version,
#   keep all answers, or use open weights.
# - **Bias of refusal.** A model may refuse some texts, and hardly at random. Report failures, and code a
#   sample of them.
# - **Privacy.** Redaction by rules finds forms, not stories. Ask your ethics board before texts of people
#   leave the university. A local model needs no such permission for sending, since nothing is sent.
# - **Licence.** The posts and pictures are CC BY 4.0, the assistant's and the image model's weights CC
#   BY-SA 4.0. Terms of platforms often forbid passing posts on, also to a provider. Terms of providers may
#   forbid training other models on their answers.

# %% [markdown]
# ## Key points
#
# - A machine label is a measurement with error. Measure the error on hand labels that were drawn at random.
# - A codebook is written for people and models alike; a failure is a status, never a label.
# - Plan before, bill after. The hand labels for validation belong to the bill.
# - A score needs an interval, a baseline, a ceiling, and a test of order and wording.
# - Accuracy hides chance; numbers hide shifts; codes for failures aren't labels.
# - Naive shares are sure, and right by luck only. Prediction-powered inference uses few hand labels to mend
#   many machine labels.
# - Know what leaves your machine. A model at home is often enough to begin with.

# %% [markdown]
# ## Quiz
#
# **1.** A model labels a million posts instead of ten thousand. What does that do to the naive estimate?
#
# <details><summary>Answer</summary>
#
# Its interval gets narrower, around the same wrong number. More machine labels don't remove a bias.
#
# </details>
#
# **2.** A paper reports an accuracy of 0.93 for a rare label and nothing else. What do you ask for?
#
# <details><summary>Answer</summary>
#
# How common the label is, kappa, and the recall of the rare label, all with intervals. Saying *no* to
# everything may reach 0.92.
#
# </details>
#
# **3.** Hand labels for the correction come from the posts of which the model was least sure. Is that all
# right?
#
# <details><summary>Answer</summary>
#
# Only if the chance of each post to be drawn is known, above 0 and used (`sample_for_gold` keeps it).
# Otherwise the coded posts aren't like the others, and their errors say nothing about them.
#
# </details>
#
# **4.** Two language models agree with alpha 0.99 on your posts. May you skip people?
#
# <details><summary>Answer</summary>
#
# No. Two models can share a mistake, since they learned from similar texts. Their agreement says how alike
# they are.
#
# </details>
#
# **5.** A few-shot prompt is better than a zero-shot one by 0.03 kappa on 60 posts. Do you take it?
#
# <details><summary>Answer</summary>
#
# 60 posts can't show such a difference: both intervals are several times as wide. Label more posts, and
# count what the longer prompt costs.
#
# </details>
#
# **6.** The server was down for an eighth of the posts, and a program wrote 99. Which figures are wrong?
#
# <details><summary>Answer</summary>
#
# All that count rows: shares, means, accuracy, kappa. Leave those posts out, say how many they are, and ask
# again.
#
# </details>
#
# **7.** Your model is bad: kappa 0.1. Is prediction-powered inference still right?
#
# <details><summary>Answer</summary>
#
# Yes, but useless: the interval is about as wide as that of the hand labels alone, or wider without tuning
# (PPI++ never gets much wider). A bad machine saves no hand labels.
#
# </details>

# %% [markdown]
# ## Homework
#
# 1. **People as coders.** Research question: what is the ceiling when people code? Code 100 test posts for
#    `political` and `uncivil` with a fellow student, apart from each other. Report alpha with an interval,
#    settle the disputes with `human.adjudicate`, and validate the assistant against your labels. What
#    changes?
# 2. **Your own codebook.** Take your question from 6a. Label 200 posts with it, draw 60 at random, code
#    them by hand, and report the corrected share.
# 3. **A larger model.** With a GPU, or with Ollama on your machine: repeat section 6 by changing address
#    and name. Is the multiverse narrower?
# 4. **How many hand labels?** Use `labeling.coverage` with machines of sensitivity 0.6, 0.8 and 0.95. How
#    narrow do the intervals get, and do they still hold the truth?
# 5. **When does tuning pay?** Repeat section 12 with the labels *public* and *private* and the question *To
#    which sphere does this post belong?* How good is the assistant before? Why is that, and how much is left
#    to gain?
# 6. **Regression.** Use `correct(…, estimand="regression")`: do uncivil posts go with the sentiment?
#    Compare naive, hand only and DSL.

# %% [markdown]
# ## Where the code lives
#
# - `workshop_lib/labeling/`: `codebook.py` and `questions.py` (`Codebook`, `Choice`, `Tags`, `Scale`),
#   `prompts.py` and `shots.py`, `engines/` (`Chat`, `LocalDecisions`, `Encoder`, `Clip`, `Human`),
#   `plans.py`, `budget.py`, `runs.py` and `store.py` (`plan`, `pilot`, `label`, `resume`), `validation.py`,
#   `robustness.py`, `pitfalls.py`, `multiverse.py`, `correction.py` and `estimators.py` (`correct`,
#   `power`), `simulation.py` (`coverage`), `privacy.py`, `examples.py` (`finetune_jsonl`,
#   `tune_assistant`), `report.py`, `server.py` (`local_server`). Tests: `tests/test_labeling_*.py`.
# - `workshop_lib/plots/labeling.py`: the figures.
# - `data/posts/`, `data/pictures/`: texts, pictures, codebooks and datasheets.
# - `workshop_lib/checks/lesson_06.py`: the checks. Tests: `tests/test_checks_06.py`.
