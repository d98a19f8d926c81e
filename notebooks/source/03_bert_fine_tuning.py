# %% [markdown]
# # 03 · BERT and fine-tuning
#
# {{badges}}

# %% [markdown]
# ## Question
#
# How uncivil are politicians online, and who pays for it? Michael Heseltine and Spencer Dorsey
# asked this of more than two million tweets by candidates for the US Congress (*Online Incivility in
# the 2020 Congressional Elections*, Political Research Quarterly, 2022). Nobody can read two million
# tweets. So people coded some of them, and a language model learned to code the rest.
#
# Every number in such a study passes through that model. **When is a fine-tuned model a good coder,
# how many coded texts does it need, and what would a word list have found?** In this lesson you train
# such models and rebuild three published comparisons on posts that were written for this course.

# %% [markdown]
# ## Objectives
#
# After this lesson you can:
#
# - say what BERT learned before anybody fine-tuned it, and test it;
# - fine-tune an encoder for your own labels, and show that one vector carries the label;
# - use a saved model through a ready-made pipeline, and leave doubtful texts to people;
# - judge a classifier against majority, one word, word lists, word counts and a second coder;
# - read precision, recall and F1 by label, mean and SD over folds, McNemar's test and calibration;
# - say how many coded texts a recipe needs, and when frozen features do;
# - explain why a model of sentiment is no model of stance;
# - count the parameters of a model from its configuration.

# %% [markdown]
# ## Time and cost
#
# Planned: 90 minutes of teaching, 60 minutes of exercises. After section 5 is a good place for a break.
#
# {{cost}}
#
# Nearly all of the computing is fine-tuning. So that two CPU cores do it in minutes, some things are cut:
# 600 of the 863 training posts (sections 5, 6 and 8), three folds on 300 posts where the study had five
# folds on all its tweets (section 7), three training sizes with one sample each (section 8), one split
# where the study had five folds (section 9). Each cut makes the numbers less sure, and the text says so
# there. The homework runs the whole.

# %% [markdown]
# ## Set-up

# %%
# On Colab and Binder this installs the course; where it is installed, nothing happens.
import importlib.util
if importlib.util.find_spec("workshop_lib") is None:
    # %pip install -q "workshop-lib @ git+{{repository}}"
from workshop_lib import classify, data, embeddings, models, plots, runtime
from workshop_lib.checks import lesson_03 as check

# %%
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers
from sklearn.metrics import f1_score
from workshop_lib.agreement import krippendorff_alpha
from workshop_lib.classify import baselines
from workshop_lib.plots import classify as draw

transformers.logging.set_verbosity_error()
runtime.seed(0)
print(runtime.report())

# %% [markdown]
# The posts of this lesson were written for the course with the help of a language model. They are
# invented, short and clear. Two coders coded each one for six variables, from a written codebook. Both
# coders were language models; people haven't coded them yet (see `data/posts/DATASHEET.md`). So the
# numbers of this lesson teach the method. They are evidence about nothing else.

# %%
posts = data.load("posts")
train = posts[posts["split"] == "train"].sample(600, random_state=0)  # of 863, to save computing
test = posts[posts["split"] == "test"]
print(f"{len(posts)} posts; {len(train)} to learn from, {len(test)} to test on. For example:")
for row in test.head(3).itertuples():
    print(f"  {row.voice}: {row.text}  [uncivil: {row.uncivil}, sentiment: {row.sentiment}]")

# %% [markdown]
# ## 1 · Hidden words
#
# *9 minutes*
#
# **Transfer learning** has two steps. First a model learns from much text that nobody has coded. Then it
# is adapted to a task with little coded text. **BERT** (Jacob Devlin and co-authors, NAACL 2019) learned
# from books and Wikipedia, with two tasks that make their own answers. The first is **masked language
# modelling**: hide 15 % of the tokens and guess them from what is left, on both sides.
#
# By hand: a text of 20 tokens has 0.15 · 20 = 3 hidden ones. Most of them become the token `[MASK]`; in
# training, one in ten becomes a random token and one in ten stays, so that the model can't trust what it
# sees anywhere.
#
# In the mini profile the model of this section is the small encoder of the first lessons, to which the
# course has given BERT's two output layers, trained on both tasks. In the full profile it is BERT-base
# itself.

# %%
masked_lm = models.load("masked_lm")
sentence = "The council will vote next week on a new law that limits the rents in the old town."
tokens = masked_lm.tokenizer.tokenize(sentence)
print(f"{len(tokens)} tokens, so {round(0.15 * len(tokens))} are hidden: {tokens}")

# %% [markdown]
# **Predict, then run.** Which word will the model put first in *The government [MASK] the new law last
# year*?

# %%
my_guess = "..."  # write your word here

found = classify.likeliest("The government [MASK] the new law last year.")
print(f"Your guess: {my_guess}")
print(found.round(3).to_string(index=False))

# %% [markdown]
# One sentence shows nothing. So we hide 15 % of the tokens of 120 posts, which the model has never seen,
# and count how often its first guess is the right token. Then we hide one token in each post, and let the
# model see both sides of it, only the left or only the right. The baseline always says the commonest
# token.

# %%
hidden = classify.guess_hidden(test["text"].head(120))
by_side = classify.guess_by_side(test["text"].head(120))
commonest = hidden["token"].mode()[0]
right_share = {
    f"always '{commonest}'": (hidden["token"] == commonest).mean(),
    "15 % hidden": (hidden["token"] == hidden["guess"]).mean(),
    "one hidden, left side seen": (by_side["token"] == by_side["left only"]).mean(),
    "one hidden, right side seen": (by_side["token"] == by_side["right only"]).mean(),
    "one hidden, both sides seen": (by_side["token"] == by_side["both sides"]).mean(),
}
print(f"{len(hidden)} hidden tokens in the first test, {len(by_side)} in the second")
print(hidden.sample(6, random_state=1)[["token", "guess"]].to_string(index=False))

# %% tags=["claim-B2"]
in_all = sum(len(masked_lm.tokenizer.tokenize(text)) for text in test["text"].head(120))
assert 0.13 < len(hidden) / in_all < 0.17  # 15 %, whole tokens in each post
assert right_share["15 % hidden"] > right_share[f"always '{commonest}'"] + 0.05
assert right_share["one hidden, both sides seen"] > right_share["one hidden, left side seen"]
assert right_share["one hidden, both sides seen"] > right_share["one hidden, right side seen"]

# %%
plots.bars(right_share, "share of hidden tokens guessed", title="Guessing hidden tokens of posts")

# %% [markdown]
# The figure has five bars. The bar for both sides is longer than those for one side. The comparison isn't
# quite fair: in its training the model never saw a text that stops at the mask, so part of its trouble
# is surprise.

# %% [markdown]
# ### Exercise 3a · Hide 15 per cent
#
# Write the function `choose_places`. It gets a list of tokens, with `[CLS]` and `[SEP]` at its ends, and
# a random generator `chance`. It gives back the places to hide: 15 % of the ordinary tokens, rounded, at
# least one, and no place twice. Places count from 0. `chance.choice(places, size=…, replace=False)` draws
# from a list without putting back.

# %%
### STUB 3a
def choose_places(tokens, chance):
    ordinary = ...
    number = ...
    return ...
### SOLUTION 3a
def choose_places(tokens, chance):
    ordinary = [place for place, token in enumerate(tokens) if token not in ("[CLS]", "[SEP]")]
    number = max(1, round(0.15 * len(ordinary)))
    return chance.choice(ordinary, size=number, replace=False)
### END 3a

# %%
check.exercise_3a(choose_places)

# %% [markdown]
# ## 2 · The next sentence
#
# *6 minutes*
#
# BERT's second task is **next sentence prediction**. The model reads two texts as one row of tokens,
# `[CLS]` first `[SEP]` second `[SEP]`, and says whether the second goes on from the first. In training,
# half of the pairs are true; in the others the second text comes from another document. Only the vector
# of `[CLS]` is used for the answer.
#
# By hand: which of these two goes on from *The town council voted on Monday to repair the old stone
# bridge over the river*? (a) *Work will begin in the spring.* (b) *Its governor said that prices were
# rising more slowly.* What told you: the order of events, or the topic?
#
# We take 60 passages of two sentences. Their true pairs are compared with false ones, in which the second
# sentence is that of the next passage of the same kind (news, encyclopaedia or social science).

# %%
passages = pd.read_csv(data.root() / "model_checks" / "passages.csv")
strangers = passages.groupby("register", sort=False)["second"].transform(lambda texts: np.roll(texts, -1))
print(passages["first"][0], "→", passages["second"][0])
print(passages["first"][0], "→", strangers[0])

# %% [markdown]
# **Predict, then run.** In what share of the 120 pairs will the model be right? Guessing gives 0.50.

# %% tags=["claim-B3"]
my_guess = 0.5  # write your share here

of_true_pairs = classify.goes_on(passages["first"], passages["second"])
of_false_pairs = classify.goes_on(passages["first"], strangers)
right = np.concatenate([of_true_pairs > 0.5, of_false_pairs <= 0.5])
print(f"Your guess: {my_guess}. Measured: {right.mean():.2f} of {len(right)} pairs")
print(f"true pairs {np.mean(of_true_pairs > 0.5):.2f}, false pairs {np.mean(of_false_pairs <= 0.5):.2f}")
assert right.mean() > 0.6  # better than guessing, on passages it has never seen

# %% [markdown]
# The model does better than guessing. But the two sentences of a false pair are about different things. Has
# it learned what follows what, or only what belongs together?

# %% [markdown]
# ### Exercise 3b · Order or topic?
#
# Test it: give the model each passage **the wrong way round**, the second sentence first. Such a pair has
# one topic and the wrong order. Fill in `swapped`, the 60 probabilities that `classify.goes_on` gives, and
# `share_swapped`, the share of these pairs that the model takes for a true pair (a probability above 0.5).
# Before you run it: what would a model say that has learned order?

# %%
### STUB 3b
swapped = ...
share_swapped = ...
### SOLUTION 3b
swapped = classify.goes_on(passages["second"], passages["first"])
share_swapped = (swapped > 0.5).mean()
### END 3b

# %%
check.exercise_3b(swapped, share_swapped, passages)

# %% [markdown]
# Later models changed this task. Yinhan Liu and co-authors dropped it without a loss (*RoBERTa*, 2019).
# Zhenzhong Lan and co-authors replaced it by telling the right order from the wrong one (*ALBERT*, ICLR
# 2020).

# %% [markdown]
# ## 3 · From the model to your labels
#
# *10 minutes*
#
# **Fine-tuning** takes the trained model, puts one new layer on top, and trains both on coded texts. The
# new layer gets the vector of `[CLS]`, multiplies it with one row of weights for each label, and a softmax
# makes probabilities of the scores.
#
# By hand, with a vector of two numbers, (2, −1), and the rows hardware (1, 0), software (0, 1) and billing
# (−1, −1). Scores: 2, −1 and −1. exp: 7.39, 0.37, 0.37, in all 8.12. Probabilities: 0.91, 0.05, 0.05.

# %%
cls_by_hand = torch.tensor([2.0, -1.0])
rows_by_hand = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])  # hardware, software, billing
torch.softmax(rows_by_hand @ cls_by_hand, dim=0)

# %% [markdown]
# The first task is a plain one: 330 messages to an internet provider about a router, each with one label.
# Should the help desk for hardware, for software or for billing get it? 231 messages are for training.
# The others are the test; nothing is tuned here, so the small validation part joins them.

# %%
tickets = data.load("tickets")
old_tickets, new_tickets = tickets[tickets["split"] == "train"], tickets[tickets["split"] != "train"]
for row in new_tickets.groupby("label").head(1).itertuples():
    print(f"{row.label}: {row.text}")

# %% [markdown]
# **Predict, then run** (up to half a minute). A third of the messages has each label, so guessing is right
# in a third. How much will a model that only counts words get right, and how much the fine-tuned one?

# %%
my_guess = {"counting words": 0.5, "fine-tuned": 0.5}  # write your two shares here

sorter = classify.fine_tune(old_tickets, epochs=4, batch_size=8)
counter = classify.baseline("logistic, tf-idf", old_tickets)
accuracy = {
    "always the same label": (new_tickets["label"] == old_tickets["label"].mode()[0]).mean(),
    "logistic on TF-IDF": (new_tickets["label"] == counter.predict(new_tickets["text"])).mean(),
    "fine-tuned": (new_tickets["label"] == sorter.predict(new_tickets["text"])).mean(),
}
print(f"Your guess: {my_guess}")
plots.bars(accuracy, "share right", title=f"{len(new_tickets)} new messages")

# %% [markdown]
# The figure shows that both models do far better than always saying the same. The task is easy on purpose:
# words such as *invoice* and *firmware* lean to one label, and word counts go far with them. (TF-IDF is a
# count of words in which rare words weigh more.)
#
# Now look inside. Only the vector of `[CLS]` reaches the new layer. The next cell computes the scores of
# one message by hand from that vector and compares them with what the model says. Between the vector and
# the new layer BERT has one more small step, the **pooler**: a matrix, then the function tanh, which
# presses each number between −1 and 1.

# %% tags=["claim-B8"]
message = "Since the storm not one light on the box comes on, whichever socket I try."
encoding = sorter.tokenizer(message, return_tensors="pt").to(sorter.model.device)
with torch.inference_mode():
    states = sorter.model.bert(**encoding).last_hidden_state  # Shape: (1, tokens, d)
    pooled = torch.tanh(sorter.model.bert.pooler.dense(states[:, 0]))  # [CLS] alone; Shape: (1, d)
    by_hand = sorter.model.classifier(pooled)  # Shape: (1, 3)
    whole = sorter.model(**encoding).logits  # Shape: (1, 3)
assert torch.allclose(by_hand, whole, atol=1e-4)  # nothing but [CLS] was used
assert accuracy["fine-tuned"] > accuracy["always the same label"] + 0.3
print(pd.Series(by_hand.softmax(dim=1)[0].cpu(), index=sorter.labels).round(2).to_string())

# %% [markdown]
# What has fine-tuning changed? We take the `[CLS]` vectors of the new messages from the encoder before
# fine-tuning and from the same encoder after it. Each is drawn in a plane that keeps as much of the
# distances as a plane can (principal components). And we measure: how many new messages lie nearest to
# the centre of the right label?


# %%
def first_vectors(model, texts):
    encoding = sorter.tokenizer(list(texts), padding=True, return_tensors="pt").to(model.device)
    with torch.inference_mode():
        return model(**encoding).last_hidden_state[:, 0].float().cpu().numpy()  # Shape: (texts, d)


# %%
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestCentroid

planes, near_centre = {}, {}
for title, body in [("before", models.load("encoder").model), ("after", sorter.model.bert)]:
    old, new = (first_vectors(body, rows["text"]) for rows in (old_tickets, new_tickets))
    near_centre[title] = NearestCentroid().fit(old, old_tickets["label"]).score(new, new_tickets["label"])
    planes[f"{title}: {near_centre[title]:.2f} near their label"] = PCA(2).fit(old).transform(new)
draw.class_map(planes, new_tickets["label"], "The vector of [CLS] of new messages")

# %% [markdown]
# The figure has two panels with a point for each new message, before fine-tuning and after it. The titles
# say what share lies nearest to the centre of its own label: it is no smaller after fine-tuning.

# %% tags=["claim-B8"]
assert near_centre["after"] >= near_centre["before"]
assert near_centre["after"] > 0.7
print({title: round(float(share), 2) for title, share in near_centre.items()})

# %% [markdown]
# ### Exercise 3c · The new layer
#
# Write the new layer yourself. `cls_vectors` has shape (texts, d), `weight` has shape (labels, d) and `bias`
# has shape (labels,). The function gives back a row of probabilities for each text.

# %%
### STUB 3c
def label_probabilities(cls_vectors, weight, bias):
    scores = ...
    return torch.softmax(...)
### SOLUTION 3c
def label_probabilities(cls_vectors, weight, bias):
    scores = cls_vectors @ weight.T + bias
    return torch.softmax(scores, dim=1)
### END 3c

# %%
check.exercise_3c(label_probabilities)

# %% [markdown]
# ## 4 · Ready-made pipelines
#
# *7 minutes*
#
# The library `transformers` of Hugging Face runs a saved model in two lines: a **pipeline** joins the
# tokenizer, the model and the step from scores to labels. It takes a name on the hub, or a folder on your
# machine. Here are two folders that we write ourselves, so no network is needed.
#
# By hand, a pipeline for one message would be: text → tokens → ids → model → scores → softmax → the label
# with the highest probability. You have done each of these steps by now.

# %%
folder = Path(tempfile.mkdtemp())
sorter.save(folder / "sorter")
models.export("masked_lm", folder / "masked_lm")

sort_message = transformers.pipeline("text-classification", model=str(folder / "sorter"))
fill_mask = transformers.pipeline("fill-mask", model=str(folder / "masked_lm"))
print(sort_message(["Why was I charged twice in May?", "The update deleted my network name."]))

# %% [markdown]
# **Predict, then run.** *After the election the [MASK] resigned.* Which word comes first?

# %%
my_guess = "..."  # write your word here

gap = "After the election the [MASK] resigned."
answers = fill_mask(gap)
print(f"Your guess: {my_guess}. The pipeline's: {[answer['token_str'] for answer in answers]}")

# %% [markdown]
# The pipeline does nothing that we couldn't do. The next cell asserts it: the same labels as our
# classifier for all new messages, the same word at the mask, and the same ids from the saved tokenizer.

# %% tags=["claim-B4"]
of_pipeline = [answer["label"] for answer in sort_message(list(new_tickets["text"]))]
assert of_pipeline == sorter.predict(new_tickets["text"])
assert answers[0]["token_str"] == classify.likeliest(gap)["token"][0]
tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "sorter")
assert tokenizer(gap).input_ids == sorter.tokenizer(gap).input_ids
print(tokenizer.tokenize(gap))

# %% [markdown]
# A caution. `pipeline("sentiment-analysis")` without a model's name also runs: it downloads a model that
# somebody chose, trained on film reviews. It will label your survey answers without a word of warning.
# Name the model, read its card, and validate it on texts of yours that people have coded.

# %% [markdown]
# ### Exercise 3d · Leave the doubtful ones to people
#
# A pipeline always gives a label, also where it hardly prefers one. Write `label_or_person`. It gets one
# answer of the pipeline, such as `{"label": "billing", "score": 0.62}`, and a threshold. It gives back the
# label if the score is at least the threshold, and `"person"` otherwise.

# %%
### STUB 3d
def label_or_person(answer, threshold):
    return ...
### SOLUTION 3d
def label_or_person(answer, threshold):
    return answer["label"] if answer["score"] >= threshold else "person"
### END 3d

# %%
check.exercise_3d(label_or_person)

# %% [markdown]
# ## 5 · Incivility: a word list against a fine-tuned model
#
# *12 minutes*
#
# Heseltine and Dorsey compared their tuned model with **VADER** (C. J. Hutto and Eric Gilbert, ICWSM
# 2014). VADER is a sentiment lexicon: a list of some 7,500 words with a tone each, and rules for negation,
# capitals and words such as *very*. A negative text counts as uncivil. The lecture behind this lesson
# (Gopal 2024) prints their table:

# %%
published = pd.DataFrame(
    {
        "precision, VADER": [0.85, 0.46, 0.66, 0.77],
        "precision, tuned": [0.92, 0.80, 0.86, 0.90],
        "recall, VADER": [0.85, 0.46, 0.66, 0.77],
        "recall, tuned": [0.95, 0.71, 0.79, 0.90],
        "F1, VADER": [0.85, 0.46, 0.66, 0.77],
        "F1, tuned": [0.94, 0.75, 0.84, 0.90],
    },
    index=["neutral or civil", "uncivil", "macro average", "weighted average"],
)  # 796 tweets, 170 of them uncivil
published

# %% [markdown]
# How to read it. Of ten posts four are uncivil. A model calls five uncivil, and three of these five are.
# **Precision**: 3 of the 5 that it calls uncivil, 0.60. **Recall**: 3 of the 4 that are uncivil, 0.75.
# **F1** is a mean of the two that is low if one of them is low: 2 · 0.60 · 0.75 / (0.60 + 0.75) = 0.67.
# The **macro** average counts each label alike; the **weighted** one counts each post alike.
#
# **Predict, then run.** VADER gives a text a tone between −1 and 1. Which of these two will it call
# negative, and which of them insults somebody?

# %%
my_guess = "..."  # write "first", "second" or "both"

polite_insult = "Bless his heart, our minister tries so hard to add up."
angry_and_civil = "I hate this awful rain, and the buses are late again."
print(f"Your guess: {my_guess}")
for text in (polite_insult, angry_and_civil):
    print(f"{baselines.vader_score(text):5.2f}  {text}")
assert baselines.vader_score(angry_and_civil) < -0.05 < baselines.vader_score(polite_insult)

# %% [markdown]
# VADER measures tone, and it does what it was made for. The question is whether tone may stand in for
# incivility. Now we fine-tune the encoder on 600 posts (up to a minute), and let five simpler recipes
# code the same test posts.

# %%
incivility = classify.fine_tune(train, label="uncivil", epochs=3, batch_size=8)
said = {"fine-tuned": incivility.predict(test["text"])}
simpler = {"majority": "majority", "opinion words": "opinion words", "VADER": "vader", "TF-IDF": "logistic, tf-idf"}
for name, recipe in simpler.items():
    said[name] = classify.baseline(recipe, train, label="uncivil").predict(test["text"])
word, score_of_word = classify.best_single_word(train, test, "text", "uncivil")

by_label = {name: classify.per_class(test["uncivil"], said[name], ["no", "yes"]) for name in said}
ours = pd.concat({name: by_label[name] for name in ("VADER", "fine-tuned")}, axis=1).swaplevel(axis=1)
ours[["precision", "recall", "F1"]].drop(index="accuracy").round(2)

# %% [markdown]
# That is the published table, on our test posts. Is the fine-tuned model's macro F1 high? That takes a floor
# and a ceiling. The floor: always the commoner label, and the best single word. The ceiling: how well one
# coder's labels agree with the other's. No model can be shown to be better than that.

# %%
coders = classify.per_class(test["uncivil_coder_1"], test["uncivil_coder_2"], ["no", "yes"])
macro_f1 = {
    "majority": by_label["majority"].loc["macro", "F1"],
    f"best word, '{word}'": score_of_word,
    "opinion words": by_label["opinion words"].loc["macro", "F1"],
    "VADER": by_label["VADER"].loc["macro", "F1"],
    "logistic on TF-IDF": by_label["TF-IDF"].loc["macro", "F1"],
    "fine-tuned": by_label["fine-tuned"].loc["macro", "F1"],
    "coder 2 against coder 1": coders.loc["macro", "F1"],
}
plots.bars(macro_f1, "macro F1", title=f"Incivility in {len(test)} test posts")

# %% [markdown]
# The figure has seven bars. VADER lies between the majority and the fine-tuned model. The last bar, the
# second coder, is near 1. That is no promise for your study: two language models agreed on clear, invented
# posts. With people and real posts this ceiling is much lower, and must be measured.

# %% tags=["claim-B5"]
tuned, vader = by_label["fine-tuned"], by_label["VADER"]
assert tuned.loc["macro", "F1"] > vader.loc["macro", "F1"] + 0.05
assert vader.loc["macro", "F1"] > macro_f1["majority"]
assert tuned.loc["yes", "F1"] > vader.loc["yes", "F1"]
assert tuned.loc["macro", "F1"] > max(macro_f1["majority"], score_of_word)
assert tuned.loc["macro", "F1"] < macro_f1["coder 2 against coder 1"]

angry = test[(test["uncivil"] == "no") & (test["sentiment"] == "negative")]
called = pd.DataFrame(said, index=test.index).loc[angry.index] == "yes"
assert called["VADER"].mean() > called["fine-tuned"].mean()
print(f"{len(angry)} civil posts with a negative tone. Called uncivil by VADER: "
      f"{called['VADER'].mean():.2f} of them, by the fine-tuned model: {called['fine-tuned'].mean():.2f}")

# %% [markdown]
# The last line is the point of the comparison. VADER calls anger uncivil. Whoever studies incivility with
# it will find more of it in every group that has more to be angry about.

# %% [markdown]
# ### Exercise 3e · Precision, recall, F1
#
# Write `scores_of`. It gets two lists of labels, `truth` and `said`, and one label. It gives back three
# numbers: precision, recall and F1 of that label. Then try it on the test posts: `scores_of(list(
# test["uncivil"]), said["VADER"], "yes")`. `a_list.count(label)` counts a label in a list.

# %%
### STUB 3e
def scores_of(truth, said, label):
    right = sum(t == s == label for t, s in zip(truth, said))
    precision = ...
    recall = ...
    return precision, recall, ...
### SOLUTION 3e
def scores_of(truth, said, label):
    right = sum(t == s == label for t, s in zip(truth, said))
    precision = right / said.count(label)
    recall = right / truth.count(label)
    return precision, recall, 2 * precision * recall / (precision + recall)
### END 3e

# %%
check.exercise_3e(scores_of)

# %% [markdown]
# ### Exercise 3f · One number of the table can't be right
#
# The macro average is the mean of the two rows above it. In the table `published`, as the lecture prints
# it, one of the six macro averages is further from that mean than rounding explains. Fill in `means`, the
# mean of the rows *neutral or civil* and *uncivil* for each column, and `column`, the name of the column
# in question. `published.loc[[…, …]]` takes rows by their names; `.abs().idxmax()` names the place of the
# largest difference.

# %%
### STUB 3f
means = ...
column = ...
### SOLUTION 3f
means = published.loc[["neutral or civil", "uncivil"]].mean()
column = (means - published.loc["macro average"]).abs().idxmax()
### END 3f

# %%
check.exercise_3f(means, column, published)

# %% [markdown]
# ## 6 · May the scores be trusted?
#
# *12 minutes*
#
# Four questions to ask of every classifier before its labels enter a regression.
#
# **Is it better than the other one, or was it lucky?** Both coded the same posts. Posts on which both are
# right, or both wrong, say nothing about the difference. By hand: of ten posts on which only one of two
# models is right, A is right on 8 and B on 2. If they were equally good, this is as ten tosses of a coin.
# The chance of 8 or more heads is (45 + 10 + 1) / 1024 = 0.055, and counted for both sides 0.11. This is
# **McNemar's test** (Psychometrika, 1947).

# %%
for other in ("VADER", "TF-IDF"):
    found = classify.mcnemar(test["uncivil"], said["fine-tuned"], said[other])
    print(f"fine-tuned against {other}: only fine-tuned right {found.only_first}, "
          f"only {other} right {found.only_second}, p = {found.p:.4f}")
against_vader = classify.mcnemar(test["uncivil"], said["fine-tuned"], said["VADER"])
assert against_vader.only_first > against_vader.only_second and against_vader.p < 0.05

# %% [markdown]
# Against VADER the difference is clear: coin tosses rarely go so far apart. For the other comparison,
# read the printed p yourself before you write "better".
#
# **Does it know what it doesn't know?** A model is **calibrated** if, of the posts on which it says 0.8,
# eight in ten are right. Chuan Guo and co-authors found modern networks to be overconfident (*On
# Calibration of Modern Neural Networks*, ICML 2017).
#
# **Predict, then run.** Where will the points of the fine-tuned model lie: on the line, above or below it?

# %%
my_guess = "below"  # write "on", "above" or "below"

rival = classify.baseline("logistic, tf-idf", train, label="uncivil")
tables = {}
for name, model in [("fine-tuned", incivility), ("logistic on TF-IDF", rival)]:
    probabilities = model.predict_proba(test["text"])  # Shape: (posts, 2)
    tables[name] = classify.calibration(test["uncivil"], probabilities, model.labels, bins=5)
    gap_to_line = (tables[name]["right"] - tables[name]["stated"]).round(2).tolist()
    print(f"{name}: right minus stated, by bin: {gap_to_line}")
print(f"Your guess: {my_guess}")
draw.reliability(tables, "Stated and real share of right labels")

# %% [markdown]
# The figure has the stated probability below and the share of right labels at the left; the dotted line
# is perfect calibration. Points below it are overconfident, points above it too modest. The error in the
# legend is the mean distance from the line, weighted by the number of posts. A threshold as in exercise 3d
# means what it says only for a calibrated model.
#
# **What did it look at?** *Integrated gradients* (Mukund Sundararajan, Ankur Taly and Qiqi Yan, ICML 2017)
# divide the score of a label among the tokens. By hand: if the score of a text is 3, the score of an empty
# one is 1, and *clown* gets 1.5 and the rest 0.5, then the shares add up to the difference of 2.

# %%
rude = "The minister is a clueless clown, and the new bus lane works well."
found = classify.attributions(incivility, rude, label="yes", steps=100)
print(f"score above an empty text: {found.attrs['difference']:.2f}; "
      f"sum over the tokens: {found['attribution'].sum():.2f}")
draw.attributions(found, "What speaks for 'uncivil', and what against it?")

# %% [markdown]
# The figure has a bar for each token: to the right it speaks for *uncivil*, to the left against it. As with
# attention in lesson 02, a picture of one text proves little. A stronger test changes the text and looks
# at what the model says then.

# %%
kind = rude.replace("clueless clown", "careful planner")
p_rude, p_kind = incivility.predict_proba([rude, kind])[:, incivility.labels.index("yes")]
print(f"P(uncivil) {p_rude:.2f}: {rude}\nP(uncivil) {p_kind:.2f}: {kind}")
assert p_rude > p_kind
assert abs(found.attrs["gap"]) < 0.2 * abs(found.attrs["difference"]) + 0.2  # the sum, up to steps

# %% [markdown]
# How far does the probability fall? If it stays high without any insult, then the insult isn't what the model
# reacts to, whatever the picture says.
#
# **Does it err more with some people than with others?** Errors that differ by group turn into false
# findings about the groups. Here we compare the posts of politicians with all others, and then the parties.
# The intervals are 95 % intervals of a share (Wilson).

# %%
politicians = {"mp", "mayor", "councillor", "minister", "candidate", "party_account"}
grouped = test.assign(speaker=np.where(test["voice"].isin(politicians), "politician", "other"))
print(classify.errors_by(grouped, "speaker", said["fine-tuned"], label="uncivil").round(2).to_string())
by_party = classify.errors_by(grouped, "party", said["fine-tuned"], label="uncivil")
print(by_party.round(2).to_string())
assert (by_party.drop(index="none")["cases"] < 20).all()

# %% [markdown]
# No party has twenty posts in the test, so that their intervals are wide and overlap would prove
# nothing. A study that compares parties must code enough posts **of each party** to check this.

# %% [markdown]
# ## 7 · A topic: six classical models against fine-tuning
#
# *9 minutes*
#
# Taegyoon Kim and co-authors studied how much attention US state legislators paid to the pandemic
# (*Attention to the COVID-19 Pandemic on Twitter*, Legislative Studies Quarterly, 2022). A random forest
# (RF) and boosted trees (XGB) on word counts, TF-IDF and GloVe vectors competed with a fine-tuned BERT.
# The table has the mean and the standard deviation (SD) over five folds. The lecture doesn't say of which
# label; such recalls fit the tweets about covid:

# %%
kim_figures = {  # mean and SD of precision, recall and F1
    "RF, counts": (0.9713, 0.0187, 0.3701, 0.0343, 0.5354, 0.0384),
    "RF, TF-IDF": (0.9746, 0.0240, 0.3382, 0.0268, 0.5017, 0.0324),
    "RF, GloVe": (0.8302, 0.0284, 0.2548, 0.0567, 0.3866, 0.0650),
    "XGB, counts": (0.9392, 0.0072, 0.6604, 0.0450, 0.7744, 0.0284),
    "XGB, TF-IDF": (0.9365, 0.0090, 0.6325, 0.0344, 0.7544, 0.0231),
    "XGB, GloVe": (0.7391, 0.0324, 0.4698, 0.0538, 0.5718, 0.0366),
    "BERT, fine-tuned": (0.8504, 0.0471, 0.8428, 0.0474, 0.8446, 0.0139),
}
columns_of_table = [f"{score} {kind}" for score in ("precision", "recall", "F1") for kind in ("mean", "SD")]
kim = pd.DataFrame(kim_figures, index=columns_of_table).T
kim.round(2)

# %% [markdown]
# Note what the table says: the fine-tuned model **finds** most (recall), and the forests are most often
# right **when** they say *covid* (precision). Which matters more depends on the study.
#
# A **fold** by hand: nine posts, three folds. Train on posts 4 to 9 and test on 1 to 3; then train on 1 to 3
# and 7 to 9 and test on 4 to 6; then train on 1 to 6 and test on 7 to 9. Every post is tested once, by a model
# that hasn't seen it.
#
# **Predict, then run** (up to two minutes). The study's ranking by recall: BERT, then boosting on counts, then
# on TF-IDF, then on vectors, then the forests. Will it hold here, on 300 posts and with three folds? Our
# boosting is scikit-learn's, our vectors are the static vectors of lesson 01. With so few folds and posts
# the SDs are rough.

# %%
my_guess = "the fine-tuned model first"  # write what you expect

_, sample = classify.split(posts, share=300 / len(posts), label="covid")
classical = [f"{trees}, {kind}" for trees in ("forest", "boosting") for kind in ("counts", "tf-idf", "vectors")]
recipes = {name: name for name in ("majority", *classical)}
recipes["fine-tuned"] = lambda rows: classify.fine_tune(rows, epochs=4, batch_size=8, progress=False)
validated = classify.cross_validate(sample, recipes, folds=3, label="covid", of="yes")

print(f"Your guess: {my_guess}. Posts about covid: {(sample['covid'] == 'yes').sum()} of {len(sample)}")
validated[columns_of_table].round(2)

# %%
draw.scores_by_fold(validated.attrs["folds"], "recall", "Share of the posts about covid that were found")

# %% [markdown]
# The figure has a row for each recipe and a point for each fold. The majority finds none. The points of
# the fine-tuned model lie furthest to the right, on average. How sure is that? The next cell subtracts fold by
# fold. The folds share training posts, so that the interval is widened (Claude Nadeau and Yoshua Bengio,
# Machine Learning, 2003).

# %% tags=["claim-B6"]
recall = validated["recall mean"]
assert recall["fine-tuned"] > recall[classical].max()
assert recall["majority"] == 0
print(classify.paired_differences(validated, "fine-tuned", score="recall").round(2).to_string())

# %% [markdown]
# With three folds an interval is very wide: look whether it includes 0. Three folds may show a ranking, and
# can't settle a small difference. The homework repeats this with all posts and more folds.

# %% [markdown]
# ### Exercise 3g · SD or SE?
#
# The table of Kim and co-authors has the **SD** over folds in brackets: how much one fold differs from
# another. The table of section 9 has the **standard error** (SE): how unsure the mean is, if folds were
# independent. The SE is the SD divided by the square root of the number of folds. Fill in `summary` from
# the recalls by fold. Which of the two looks better in a paper?

# %%
by_fold = validated.attrs["folds"]
by_fold.head(3)

# %%
### STUB 3g
recalls = by_fold.groupby("model", sort=False)["recall"]
summary = {"mean": ..., "SD": ..., "SE": ...}
### SOLUTION 3g
recalls = by_fold.groupby("model", sort=False)["recall"]
summary = {"mean": recalls.mean(), "SD": recalls.std(), "SE": recalls.std() / np.sqrt(3)}
### END 3g

# %%
check.exercise_3g(summary, by_fold)

# %% [markdown]
# ## 8 · How much must be coded?
#
# *9 minutes*
#
# The lecture says: training from scratch is slow and takes much data, transfer learning is fast and takes
# little. We test it on incivility, with 40, 200 and 600 training posts, for four recipes:
#
# 1. **fine-tuned**: the encoder, all its layers trained on;
# 2. **frozen**: ELMo's recipe (Matthew Peters and co-authors, NAACL 2018; lesson 01). No weight of the
#    encoder changes. Its vector of the text is written behind the mean of the static word vectors, and a
#    logistic regression learns from the row;
# 3. **TF-IDF**: a logistic regression on word counts, no transfer;
# 4. **from scratch**: a small Transformer with random weights, no transfer.
#
# By hand: a coder codes 60 posts an hour. What do 40, 200 and 600 posts cost? 40 minutes, 3 hours 20 minutes
# and 10 hours, and twice that with two coders.
#
# **Predict, then run** (up to a minute). Which recipe is best with 40 posts? With 600?

# %%
my_guess = {40: "...", 200: "...", 600: "..."}  # write a recipe for each size

columns = {}
for name, rows in [("train", train), ("test", test)]:
    static = baselines.average_vectors(rows["text"])  # Shape: (posts, 100)
    contextual = embeddings.sentence_vectors(list(rows["text"]))  # Shape: (posts, d)
    columns[name] = np.hstack([static, contextual])
print({name: table.shape for name, table in columns.items()})

# %%
from sklearn.linear_model import LogisticRegression

epochs = {40: 6, 200: 4}  # fewer posts are read more often
found = []
for size in (40, 200, 600):
    some = train.sample(size, random_state=1)
    chosen = train.index.get_indexer(some.index)
    small = LogisticRegression(C=10, max_iter=1000).fit(columns["train"][chosen], some["uncivil"])
    tuned_model = incivility  # with 600 posts it is the model of section 5
    if size in epochs:
        tuned_model = classify.fine_tune(some, label="uncivil", epochs=epochs[size], batch_size=8, progress=False)
    new_model = classify.fine_tune(
        some, label="uncivil", base="scratch", epochs=7, learning_rate=1e-3, progress=False
    )
    predicted = {
        "fine-tuned": tuned_model.predict(test["text"]),
        "frozen": small.predict(columns["test"]),
        "TF-IDF": classify.baseline("logistic, tf-idf", some, label="uncivil").predict(test["text"]),
        "from scratch": new_model.predict(test["text"]),
    }
    for name, labels in predicted.items():
        score = f1_score(test["uncivil"], labels, average="macro")
        found.append({"model": name, "rows": size, "macro F1": score})
curves = pd.DataFrame(found)
print(f"Your guess: {my_guess}")
draw.learning_curves(curves, title="Incivility, one sample for each size")

# %% [markdown]
# The figure has four lines over the number of training posts, on a scale where each step multiplies. With
# 200 and with 600 posts, the fine-tuned encoder is above the Transformer from scratch. One sample for each
# size is little: with 40 posts another sample can change the order.

# %% tags=["claim-B1"]
by_size = curves.pivot(index="rows", columns="model", values="macro F1")
print(by_size.round(2).to_string())
for size in (200, 600):
    assert by_size.loc[size, "fine-tuned"] > by_size.loc[size, "from scratch"]
assert by_size.loc[600, "fine-tuned"] > by_size.loc[600, "TF-IDF"]
reached = by_size["fine-tuned"] >= by_size.loc[600, "from scratch"]
print(f"from scratch with 600 posts: reached by fine-tuning with {reached.idxmax()} posts or fewer")

# %% tags=["claim-V8"]
frozen = by_size["frozen"]
assert frozen[600] > macro_f1["majority"] + 0.1  # a small model learns from frozen states
assert frozen[200] > by_size.loc[200, "from scratch"] + 0.05
assert by_size.loc[600, "fine-tuned"] > frozen[600]  # training the encoder as well adds
print(f"trained numbers: frozen {columns['train'].shape[1] + 1:,}, fine-tuned "
      f"{sum(one.numel() for one in incivility.model.parameters() if one.requires_grad):,}")

# %% [markdown]
# With 200 posts the order is: fine-tuned, then frozen, and the Transformer from scratch behind both. With 600
# it comes nearer to the frozen features; fine-tuning stays ahead. Frozen features are a serious rival: they need
# seconds on a laptop, they are computed once for all variables that you code, and with few posts they may win.
#
# Who is favoured? The Transformer from scratch is small and would need more posts and more passes. Its
# tokenizer was learned from much text, too. And the encoder has read many posts and sentences before:
# that is the point of transfer.

# %% [markdown]
# ### Exercise 3h · The lead of fine-tuning
#
# By how much does fine-tuning lead each other recipe at each size? `by_size` has a row for each size and a
# column for each recipe. Fill `advantage`: for each other recipe, fine-tuned minus that recipe. Then look:
# does the lead over *from scratch* grow or shrink with more posts? And the lead over *frozen*?

# %%
### STUB 3h
others = ["frozen", "TF-IDF", "from scratch"]
advantage = {name: ... for name in others}
### SOLUTION 3h
others = ["frozen", "TF-IDF", "from scratch"]
advantage = {name: by_size["fine-tuned"] - by_size[name] for name in others}
### END 3h

# %%
check.exercise_3h(advantage, by_size)

# %% [markdown]
# ## 9 · Sentiment is not stance
#
# *10 minutes*
#
# "Wonderful news, the court threw out the rent cap." The tone is glad, and the writer is against rent caps.
# **Sentiment** is the tone of a text. **Stance** is the writer's position towards a target. Samuel
# Bestvater and Burt Monroe show that political science often measures the first and reports the second
# (*Sentiment is Not Stance*, Political Analysis, 2023). Their table for tweets about the confirmation of
# Judge Kavanaugh, mean F1 over five folds:

# %%
bestvater = pd.DataFrame(
    {
        "predicting sentiment": [0.788, 0.754, 0.943, 0.954, np.nan, np.nan],
        "predicting stance": [0.572, 0.514, 0.514, 0.582, 0.935, 0.938],
    },
    index=["Lexicoder", "VADER", "SVM, trained on sentiment", "BERT, trained on sentiment",
           "SVM, trained on stance", "BERT, trained on stance"],
)  # fmt: skip
bestvater

# %% [markdown]
# In our posts 431 state a position on one of three targets: a carbon tax, a vaccine mandate or a rent cap.
# By hand: if tone told the side, glad posts would be in favour and bitter ones against. Count them.

# %%
held = posts[posts["target"] != "none"]
clear = held[held["sentiment"] != "neutral"]
counts = pd.crosstab(clear["sentiment"], clear["stance"])
print(counts.to_string())
for row in clear[(clear["sentiment"] == "positive") & (clear["stance"] == "against")].head(2).itertuples():
    print(f"glad and against ({row.target}): {row.text}")

# %% [markdown]
# The posts were written so that tone and side are independent. Real posts lie between this and perfect
# agreement, and how far differs from topic to topic. So it must be measured.
#
# **Predict, then run** (up to a minute). Six recipes as in the published table, with another word list in
# the place of Lexicoder. Training: 271 posts for stance, 190 of them, those with a clear tone, for
# sentiment. Test: 122 posts with a clear tone. How will the encoder that was trained on sentiment do on
# stance? How will the one that was trained on stance do? Guessing gives about 0.50.

# %%
my_guess = {"trained on sentiment": 0.5, "trained on stance": 0.5}  # F1 on stance

learn, exam = held[held["split"] == "train"], clear[clear["split"] != "train"]
learn_tone = learn[learn["sentiment"] != "neutral"]
texts = list(exam["text"])
tone_model = classify.fine_tune(learn_tone, label="sentiment", epochs=3, batch_size=8, progress=False)
stance_model = classify.fine_tune(learn, label="stance", epochs=4, batch_size=8, progress=False)

tones = {
    "opinion words": ["positive" if baselines.opinion_score(text) > 0 else "negative" for text in texts],
    "VADER": ["positive" if baselines.vader_score(text) > 0 else "negative" for text in texts],
    "SVM, trained on sentiment": classify.baseline("SVM, tf-idf", learn_tone, label="sentiment").predict(texts),
    "encoder, trained on sentiment": tone_model.predict(texts),
}
sides = {
    "SVM, trained on stance": classify.baseline("SVM, tf-idf", learn, label="stance").predict(texts),
    "encoder, trained on stance": stance_model.predict(texts),
}
print(len(learn), len(learn_tone), len(exam), "posts")

# %%
as_side = {"positive": "favour", "negative": "against"}
found = {}
for name, said_tone in tones.items():
    said_side = [as_side[tone] for tone in said_tone]
    found[name] = {
        "predicting sentiment": f1_score(exam["sentiment"], said_tone, average="macro"),
        "predicting stance": f1_score(exam["stance"], said_side, average="macro"),
    }
for name, said_side in sides.items():
    found[name] = {"predicting stance": f1_score(exam["stance"], said_side, average="macro")}
stance_table = pd.DataFrame(found).T
print(f"Your guess: {my_guess}\n{stance_table.round(2).to_string()}")
draw.dots(stance_table, "macro F1", chance=0.5, title=f"Tone and side of {len(exam)} posts")

# %% [markdown]
# The figure has a row for each recipe, a circle for its F1 on sentiment and a square for its F1 on stance.
# For the recipes of sentiment the squares lie near 0.50, whatever the circles do: a better model of
# sentiment is no better model of stance.

# %% tags=["claim-B7"]
of_tone = stance_table.loc[list(tones)]
assert counts.loc["positive", "against"] > 40 and counts.loc["negative", "favour"] > 40
assert of_tone.loc["encoder, trained on sentiment", "predicting sentiment"] > 0.65
assert of_tone["predicting stance"].between(0.3, 0.65).all()  # near guessing
drop = of_tone["predicting sentiment"] - of_tone["predicting stance"]
assert drop["encoder, trained on sentiment"] > 0.1
on_stance = stance_table["predicting stance"]
assert on_stance["encoder, trained on stance"] > of_tone["predicting stance"].mean()

# %% [markdown]
# Training on the right variable helps, and does less here than in the published table. Stance is harder in
# our posts: three targets instead of one judge, and far fewer posts to learn from. And no hashtag gives
# the side away: no single word gets far here (`data/posts/DATASHEET.md` has the figure).

# %% [markdown]
# ### Exercise 3i · Two coders who don't agree
#
# Suppose a colleague codes the stance of the posts in `clear` by their tone: positive is *favour*, negative
# is *against*. Fill in `tone_side`, the colleague's code for each post; `share_right`, how often it is the
# coded stance; and `alpha`, Krippendorff's alpha of the two, where 1 is perfect agreement and 0 is what
# chance would give. `krippendorff_alpha([one, other])` takes two lists of codes, and `column.map(names)`
# translates a column by a dictionary such as `as_side`.

# %%
### STUB 3i
tone_side = ...
share_right = ...
alpha = ...
### SOLUTION 3i
tone_side = clear["sentiment"].map(as_side)
share_right = (tone_side == clear["stance"]).mean()
alpha = krippendorff_alpha([list(tone_side), list(clear["stance"])])
### END 3i

# %%
check.exercise_3i(tone_side, share_right, alpha, clear)

# %% [markdown]
# ## 10 · Prompts and sizes
#
# *6 minutes*
#
# Why not just ask BERT? It was never trained to answer. The nearest thing is to put a gap into a question
# and compare two words there: *[post] Is this post rude? [MASK].* with *yes* and *no*.
#
# By hand: P(yes) = 0.02 and P(no) = 0.03. The answer is *no*, with a share of 0.02 / 0.05 = 0.40 for *yes*.
#
# **Predict, then run.** How good a coder of incivility is BERT with this question? We also help it: in the
# second row it may call exactly as many posts uncivil as are uncivil, those with the highest share.

# %%
my_guess = 0.5  # write your macro F1 here

questions = [f"{text} Is this post rude? [MASK]." for text in test["text"]]
p_yes, p_no = classify.cloze(questions, ["yes", "no"]).T
share_yes = p_yes / (p_yes + p_no)
plain = np.where(share_yes > 0.5, "yes", "no")
helped = np.full(len(test), "no", dtype=object)
helped[np.argsort(-share_yes)[: (test["uncivil"] == "yes").sum()]] = "yes"
asked_f1 = {
    "asked": f1_score(test["uncivil"], plain, average="macro"),
    "asked, and helped": f1_score(test["uncivil"], helped, average="macro"),
    "fine-tuned": tuned.loc["macro", "F1"],
}
print(f"Your guess: {my_guess}. Measured:\n{pd.Series(asked_f1).round(2).to_string()}")

# %% [markdown]
# So this kind of model is fine-tuned and not prompted. (With gaps **and** some training BERT does learn
# from very few texts: Timo Schick and Hinrich Schütze, EACL 2021.) Models that do answer prompts are
# decoders such as GPT, and most are far larger: lessons 06, 08 and 09.
#
# How large? A **configuration** names the sizes of a model, and they fix the number of its parameters. The
# next cell builds models on paper: shapes without numbers, which need no memory. GPT-2, Megatron-LM and
# Turing-NLG are in their largest published sizes.


# %%
def size_on_paper(configuration):
    with torch.device("meta"):  # shapes without numbers
        paper = transformers.AutoModel.from_config(configuration)
    return sum(one.numel() for one in paper.parameters())


large = dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
known = [  # name, year, parameters that its authors state, configuration
    ("BERT-base", 2018, 110e6, transformers.BertConfig()),
    ("BERT-large", 2018, 340e6, transformers.BertConfig(**large)),
    ("GPT-2", 2019, 1.5e9, transformers.GPT2Config(n_embd=1600, n_layer=48, n_head=25)),
    ("Megatron-LM", 2019, 8.3e9, transformers.GPT2Config(n_embd=3072, n_layer=72, n_head=32)),
    ("Turing-NLG", 2020, 17e9, transformers.GPT2Config(n_embd=4256, n_layer=78, n_head=28)),
    ("GPT-3", 2020, 175e9, transformers.GPT2Config(n_embd=12288, n_layer=96, n_head=96, n_positions=2048)),
]
sizes = pd.DataFrame(
    {name: {"year": year, "stated": stated, "parameters": size_on_paper(shape)} for name, year, stated, shape in known}
).T
print(sizes.map("{:,.0f}".format).assign(year=sizes["year"].astype(int)).to_string())

# %% tags=["claim-B9"]
encoder = models.load("encoder").model
assert size_on_paper(encoder.config) == sum(one.numel() for one in encoder.parameters())
assert (sizes["parameters"] / sizes["stated"]).between(0.95, 1.05).all()
assert sizes.loc["GPT-3", "parameters"] > 1000 * sizes.loc["BERT-base", "parameters"]
assert max(asked_f1["asked"], asked_f1["asked, and helped"]) < asked_f1["fine-tuned"] - 0.1

# %%
draw.model_sizes(sizes, "Two years of growth")

# %% [markdown]
# The figure shows six models by year, on an axis where each step is ten times the one before. From
# BERT-base in 2018 to GPT-3 in 2020 the number grew more than a thousandfold. The lecture calls it an
# arms race. For a coding task with some hundred coded texts the smallest of them is often enough, and it runs
# on your own machine.

# %% [markdown]
# ### Exercise 3j · A rule of thumb
#
# Where do the parameters sit? Two tables hold a vector for each entry of the vocabulary and for each
# position. Each layer has four matrices of width × width for attention (query, key, value, output) and
# two of width × 4 · width for the feed-forward step. Forget the rest: it is small. Write
# `count_parameters`, and compare it with the table above: GPT-3 has 96 layers, width 12,288, a vocabulary
# of 50,257 and 2,048 positions.

# %%
### STUB 3j
def count_parameters(layers, width, vocabulary, positions):
    in_tables = ...
    in_layers = ...
    return in_tables + in_layers
### SOLUTION 3j
def count_parameters(layers, width, vocabulary, positions):
    in_tables = (vocabulary + positions) * width
    in_layers = layers * 12 * width**2
    return in_tables + in_layers
### END 3j

# %%
check.exercise_3j(count_parameters)

# %% [markdown]
# ## What goes wrong in research use
#
# - **Validity: the label isn't the concept.** A classifier repeats a codebook and its coders. Tone isn't
#   incivility (section 5), and sentiment isn't stance (section 9). Validate against people who coded your
#   concept on your texts.
# - **Validity: another time, another place.** A model that was tuned on one election meets new names, jokes and
#   platforms in the next. Code a fresh sample each time and report its scores.
# - **Validity: errors don't cancel.** Predicted labels as data bias a regression even at high accuracy. Naoki
#   Egami and co-authors give a correction that uses a coded sample (*Using Imperfect Surrogates for
#   Downstream Inference*, NeurIPS 2023).
# - **Leaks.** A post and its copy on both sides of the split make every score too good. The course splits
#   near-duplicates together, and `fine_tune` warns of copies.
# - **Forking paths.** Epochs, seed, threshold, preprocessing: choose them on validation data, and leave the test
#   for the end (lesson 04).
# - **Bias.** Some dialects are called rude more often. Maarten Sap and co-authors show it for African
#   American English in tools that find hate speech (*The Risk of Racial Bias in Hate Speech Detection*, ACL
#   2019). Report errors by group, with enough coded texts of each.
# - **Privacy.** A fine-tuned model can hold parts of its training texts. Don't publish a model that was tuned
#   on interviews as if it were a table of numbers.
# - **Licence.** The encoder is Apache-2.0, VADER MIT, the posts and tickets CC BY 4.0. Platforms often forbid
#   passing posts on; the weights that learned from them are a grey area.

# %% [markdown]
# ## Key points
#
# - BERT learned to guess hidden tokens from both sides, and whether one sentence goes on from another.
# - Fine-tuning adds one layer on the vector of `[CLS]` and trains everything.
# - A score means something between a floor (majority, one word, word list, word counts) and a ceiling (a second
#   coder).
# - Look at each label, at the errors by group, at the probabilities. Test differences on the same texts.
# - Fine-tuning beats training from scratch by far on little data. Frozen features are a serious rival.
# - A model of sentiment is no model of stance, however good it is.
# - BERT is tuned, not prompted. Its size follows from a few numbers of its configuration.

# %% [markdown]
# ## Quiz
#
# **1.** BERT sees both sides of a hidden word. Why can't it write a text as GPT does?
#
# <details><summary>Answer</summary>
#
# It was trained to fill a gap in a text that is there. When a text is written from left to right, the
# right side doesn't exist yet.
#
# </details>
#
# **2.** A model takes swapped sentence pairs for true pairs. What has it learned?
#
# <details><summary>Answer</summary>
#
# That the two sentences are about the same thing. Order isn't needed to tell them from sentences of
# another document, so it wasn't learned.
#
# </details>
#
# **3.** A paper reports an accuracy of 0.90 for "uncivil", which 10 % of the posts are. Are you impressed?
#
# <details><summary>Answer</summary>
#
# No. Saying "civil" every time gives 0.90. Ask for precision and recall of "uncivil" and for the macro F1.
#
# </details>
#
# **4.** A forest has precision 0.97 and recall 0.37 for tweets about covid. You count these tweets by party. Which
# of the two numbers worries you?
#
# <details><summary>Answer</summary>
#
# The recall: two thirds of the tweets are missed. If it misses more of one party's tweets, because that party
# uses other words, the comparison of the parties is false.
#
# </details>
#
# **5.** Two models differ by 0.02 in F1 on the same 276 posts. How do you find out whether that is luck?
#
# <details><summary>Answer</summary>
#
# Look at the posts on which only one of them is right, and use McNemar's test. Better still, train with
# several seeds or folds and give an interval for the difference.
#
# </details>
#
# **6.** Your fine-tuned model reaches F1 0.83, and your two coders agree with F1 0.80. Is the model better than
# the coders?
#
# <details><summary>Answer</summary>
#
# It can't be shown. The labels that it is tested on are no surer than the coders are. A better codebook, or
# more coders, comes first.
#
# </details>
#
# **7.** You measure support for a law by the sentiment of tweets about it. On a bad day for its friends the
# score falls. What may have happened?
#
# <details><summary>Answer</summary>
#
# Its friends may be sad. The tone of those in favour fell, and nobody changed sides.
#
# </details>

# %% [markdown]
# ## Homework
#
# 1. **The whole of table 2.** Research question: does the ranking of section 7 hold with five folds and all
#    1,280 posts? Run `classify.cross_validate` with a GPU or over night, report mean, SD and the paired
#    differences with intervals. Add `"logistic, frozen encoder"`. Which recipe would you use, and why?
# 2. **How unsure is a learning curve?** Repeat section 8 with five samples of each size and five seeds. Draw
#    the bands with `draw.learning_curves`. Where do the bands of fine-tuning and of frozen features part?
# 3. **Real tweets.** With a network: `data.load("kavanaugh_stance")` gives the tweets of section 9's study.
#    Rebuild its table. How often do tone and side agree there? What gives the side away?
# 4. **Your own codebook.** Write a codebook for one concept of your field, code 60 of the posts twice (with a
#    fellow student), report alpha, and fine-tune on what you agree on. What is the ceiling?
# 5. **Gaps and professions.** Compare P(she) and P(he) in *[MASK] is a nurse.* and in nineteen other
#    professions with `classify.cloze`. What does that say about a classifier that is tuned from this model?

# %% [markdown]
# ## Where the code lives
#
# - `workshop_lib/classify/`: `pretraining.py` (`guess_hidden`, `guess_by_side`, `likeliest`, `cloze`,
#   `goes_on`), `fine_tuning.py` (`fine_tune`, `Classifier`), `baselines.py` (`baseline`, `vader_score`,
#   `best_single_word`), `validation.py` (`cross_validate`, `paired_differences`), `measures.py`
#   (`per_class`, `mcnemar`, `calibration`, `errors_by`), `attribution.py` (`attributions`). Tests:
#   `tests/test_classify.py`, `tests/test_pretraining.py`.
# - `workshop_lib/agreement.py`: Krippendorff's alpha. Tests: `tests/test_agreement.py`.
# - `workshop_lib/plots/classify.py`: the figures.
# - `data/posts/`, `data/tickets/`, `data/model_checks/`: the texts, codebooks and datasheets.
# - `workshop_lib/checks/lesson_03.py`: the checks. Tests: `tests/test_checks_03.py`.
