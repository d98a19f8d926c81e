# %% [markdown]
# # 00 · Start here
#
# {{badges}}
#
# This is a Jupyter notebook: a page of text and of cells with code. Click into a cell and press
# Shift + Enter to run it. Run the cells from top to bottom.

# %% [markdown]
# ## Question
#
# You label 5,000 political posts with a hosted language model in March and publish in June. In
# September a colleague reruns your code. The provider has changed the model meanwhile. Who is right?
#
# Lingjiao Chen, Matei Zaharia and James Zou asked two versions of the same hosted model the same
# questions, three months apart, and some answers changed a lot (*How Is ChatGPT's Behavior Changing
# over Time?*, arXiv:2307.09009, 2023). Arthur Spirling argues that research should rest on models
# that anyone can keep and rerun (*Why open-source generative AI models are an ethical way forward
# for science*, Nature 616, 2023). This course does so: every result comes from a model whose files
# you have, and every claim is a cell that you run.

# %% [markdown]
# ## Objectives
#
# After this lesson you can:
#
# - check that your machine is ready, and read what a failed check tells you to do;
# - say which models you are running, how large they are and who trained them;
# - predict, run and compare, and let a check answer your exercise;
# - make a random result come out the same on each run;
# - name one thing that a similarity between two sentences doesn't measure.

# %% [markdown]
# ## Time and cost
#
# Planned: 25 minutes of teaching, 15 minutes of exercises.
#
# {{cost}}

# %% [markdown]
# ## Set-up

# %%
# On Colab and Binder this installs the course; where it is installed, nothing happens.
import importlib.util
if importlib.util.find_spec("workshop_lib") is None:
    # %pip install -q "workshop-lib @ git+{{repository}}"
from workshop_lib import data, embeddings, models, plots, runtime
from workshop_lib.checks import lesson_00 as check

# %%
print(runtime.report())

# %% [markdown]
# ## 1 · Is this machine ready?
#
# *8 minutes*
#
# The doctor looks at everything that a lesson needs, one line each: **ok**, **note** (the lessons
# work all the same) or **FAIL** (they don't; the line says what to do). A model is a long list of
# learned numbers, its *weights* or *parameters*. The doctor checks the file that holds them by its
# SHA-256: a fingerprint that changes when a single byte of the file does.

# %%
# %run -m workshop_lib doctor

# %% [markdown]
# The line *profile* names one of two.
#
# | profile | models | needs |
# |---|---|---|
# | **mini** | small trained models that come with the course | a laptop; no GPU, no network |
# | **full** | public models from the Hugging Face hub, a library of models | a download; better with a GPU, as on Colab |
#
# A GPU is a graphics processor: it runs a model many times faster than the processor of a laptop.
#
# The notebooks are the same in both. They ask for a *role*, such as the *encoder*, which turns a text
# into numbers, and the library takes the model that plays it. The environment variable
# `WORKSHOP_PROFILE` chooses; unset, it is `full` where a GPU is found. These are the models so far:

# %%
models.table()

# %% [markdown]
# ### Exercise 0a · Ask the library
#
# *2 minutes.* Replace the `...` by a call that gives the profile in use. `runtime` is a *room* of the
# library: a file with the functions of one topic. Its function `profile()` needs nothing between the
# brackets. Run your cell, then the cell below it, which holds the check.

# %%
### STUB 0a
my_profile = ...
### SOLUTION 0a
my_profile = runtime.profile()
### END 0a

# %%
check.exercise_0a(my_profile)

# %% [markdown]
# ### Exercise 0b · How much larger?
#
# *3 minutes.* How many times larger is the encoder of the full profile than that of the mini
# profile? Divide the weights in MB (megabytes). The cell takes that column of the table above:
# `size["encoder", "mini"]` is one of its two numbers.

# %%
size = models.table()["weights (MB)"]
### STUB 0b
times_larger = ...
### SOLUTION 0b
times_larger = size["encoder", "full"] / size["encoder", "mini"]
### END 0b

# %%
check.exercise_0b(times_larger)

# %% [markdown]
# ## 2 · Predict, then run
#
# *10 minutes*
#
# A guess that turns out wrong teaches more than a result that you merely read. So before most
# results you write down what you expect.
#
# The encoder gives each sentence a *vector*, a list of numbers. Two sentences are compared by the
# *cosine* of the angle between their vectors: 1 for the same direction, 0 for unrelated ones. Here
# is a sentence, and two others:
#
# - **original**: The senator voted for the bill.
# - **opposite**: The senator voted against the bill.
# - **paraphrase**: A lawmaker backed this legislation.
#
# **Predict, then run.** Which of the two is closer to the original, by the model? Write `"opposite"`
# or `"paraphrase"` between the quotes.

# %%
my_guess = ""

# %%
original = "The senator voted for the bill."
others = ["The senator voted against the bill.", "A lawmaker backed this legislation."]
similarity = embeddings.cosine(
    embeddings.sentence_vectors([original]), embeddings.sentence_vectors(others)
)[0]
closer = "opposite" if similarity[0] > similarity[1] else "paraphrase"
print(f"opposite {similarity[0]:.2f}   paraphrase {similarity[1]:.2f}")
print(f"closer: {closer}; your guess: {my_guess or 'none'}")
assert closer == "opposite", "On this model the opposite isn't closer."

# %%
plots.bars(dict(zip(["opposite", "paraphrase"], similarity)), "cosine with the original")

# %% [markdown]
# The figure shows two bars: that of the opposite is longer than that of the paraphrase. For a study
# of *positions* the ranking is the wrong way round. The model didn't fail: it measures what a text is
# about and how it is worded, and the opposite shares nearly all its words with the original. Whether
# that is the similarity *you* need is a question of validity, and it comes back in each lesson.
#
# The last line of the cell begins with `assert`. It stops the cell if what the text says isn't so.
# You will find one under each claim of this course.

# %% [markdown]
# ### Exercise 0c · Fool the encoder
#
# *4 minutes.* Find a pair of your own. Write an `opposite` of "The senator voted for the bill." and a
# `paraphrase` that uses none of the words *senator*, *voted* and *bill*, so that the model takes the
# opposite for the closer one. Don't use the two sentences above. The check measures; whether your
# sentences do mean the opposite and the same, only you can judge.

# %%
### STUB 0c
opposite = ...
paraphrase = ...
### SOLUTION 0c
opposite = "The senator never voted for the bill."
paraphrase = "She said yes to it in the chamber."
### END 0c

# %%
check.exercise_0c(opposite, paraphrase)

# %% [markdown]
# ## 3 · The same numbers twice
#
# *4 minutes*
#
# Training a model begins from random numbers, and a sample is drawn at random. A *seed* fixes where
# the random numbers begin, so that a rerun draws the same ones. Here are three draws, made with
# `torch` (PyTorch), the package that runs the models:

# %%
import torch

for seed in [1, 1, 2]:
    runtime.seed(seed)
    print(seed, torch.rand(3))

# %% [markdown]
# ### Exercise 0d · Draw with a seed
#
# *3 minutes.* Complete `draw`, so that it sets the seed to `n`, draws three random numbers as above and
# returns them: the same three whenever it is called with the same `n`.

# %%
### STUB 0d
def draw(n):
    ...
    return ...
### SOLUTION 0d
def draw(n):
    runtime.seed(n)
    return torch.rand(3)
### END 0d

# %%
check.exercise_0d(draw)

# %% [markdown]
# ## 4 · When something goes wrong
#
# *3 minutes*
#
# An error message of the course says three things: what happened, with which value, and what to do.
# The cell below asks for a data set by a name that doesn't exist. `try` and `except` catch the error, so
# that the notebook goes on.

# %%
from workshop_lib.errors import UnknownNameError

try:
    data.load("sense")
except UnknownNameError as error:
    print(error)

# %% [markdown]
# ### Exercise 0e · Read an error
#
# *3 minutes.* Load the data set by its right name. Then count how many different words its column `word` holds.

# %%
### STUB 0e
senses = ...
number_of_words = ...
### SOLUTION 0e
senses = data.load("senses")
number_of_words = senses["word"].nunique()
### END 0e

# %%
check.exercise_0e(senses, number_of_words)

# %% [markdown]
# ## What goes wrong in research use
#
# - **Validity.** A number with two decimals looks like a measurement. What it measures must be shown,
#   on your own texts, against people.
# - **Reproducibility.** Note the model's name, its revision or SHA-256, the seed and the versions of
#   the packages. A hosted model may be gone next year.
# - **Privacy.** On your own machine no text leaves it, in either profile: the models come to you. On
#   Colab or Binder the whole notebook runs on someone else's machine, so keep confidential texts away
#   from there. A hosted model reads your texts elsewhere, too; a lesson that uses one says so first.
# - **Licence.** The table of models names each licence. A model that you may run isn't always one that
#   you may sell.

# %% [markdown]
# ## Key points
#
# - Two profiles, one set of notebooks: `mini` runs anywhere, `full` takes the public models.
# - Predict, run, compare; then the exercise, then its check.
# - A check tests properties of your answer and names your mistake; `...` means not done yet.
# - Similar vectors mean similar topic and wording. Agreement is another matter.
# - A seed makes a random result repeatable.

# %% [markdown]
# ## Quiz
#
# **1.** The doctor prints `note  network  the model hub can't be reached`. Can you go on?
#
# <details><summary>Answer</summary>Yes. A note isn't a failure: the mini profile needs no network.</details>
#
# **2.** Why does the library check a SHA-256 before it loads a model?
#
# <details><summary>Answer</summary>A download that broke off, or a file that someone changed, would
# give other numbers without any error. The fingerprint shows that the file is the published one.</details>
#
# **3.** Two posts have a cosine of 0.9. Do their authors agree?
#
# <details><summary>Answer</summary>You can't tell. You saw a sentence and its opposite come out
# closer than a paraphrase. A high cosine says that the texts are about the same, in like words.</details>
#
# **4.** Your colleague uses the same seed and gets slightly different numbers. Name a reason.
#
# <details><summary>Answer</summary>Another version of a package, another processor, or a GPU instead
# of a CPU. This is why the course states bands and rankings, and never the last digit.</details>
#
# **5.** A check says *unfinished*, though you wrote an answer. What was forgotten?
#
# <details><summary>Answer</summary>To run the cell with the answer before the check, or to replace
# every <code>...</code> in it.</details>

# %% [markdown]
# ## Homework
#
# 1. Write ten pairs of a sentence and its negation on a topic of yours, and ten pairs of paraphrases.
#    Plot their cosines as two groups. How much do the groups overlap, and what would that do to a
#    study that finds "similar" posts? (`embeddings.sentence_vectors` and `embeddings.cosine` suffice.)
# 2. Take a published study that used a language model. List what you would need to rerun it: model,
#    revision, prompt, seed, versions, data. What is missing from the paper?

# %% [markdown]
# ## Where the code lives
#
# - `workshop_lib/runtime.py`: profile, device, seed. `workshop_lib/models.py`: the table of models.
# - `workshop_lib/checks/lesson_00.py`: the checks of this lesson. Reading them is allowed.
# - On a clone, `python -m workshop_lib progress` shows what you have solved, in all lessons.
#
# Next: **01 · Embeddings and polysemy**.
