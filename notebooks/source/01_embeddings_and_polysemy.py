# %% [markdown]
# # 01 · Embeddings and polysemy
#
# {{badges}}

# %% [markdown]
# ## Question
#
# What does a society mean by *wealth*, *education* or *a nurse*, and how does that meaning change?
# Surveys ask the living. Texts remember the rest.
#
# Austin Kozlowski, Matt Taddy and James Evans measured the meanings of class over the twentieth
# century in the vectors of words, trained on millions of books (*The Geometry of Culture: Analyzing
# the Meanings of Class through Word Embeddings*, American Sociological Review, 2019). Nikhil Garg and
# colleagues followed gender and ethnic stereotypes in the same way (*Word embeddings quantify 100
# years of gender and ethnic stereotypes*, PNAS, 2018).
#
# **Can the place of a word in a space of numbers be a measurement of culture? And what happens to it
# when a word has two meanings?**

# %% [markdown]
# ## Objectives
#
# After this lesson you can:
#
# - explain how a word becomes a row of numbers, and compute the cosine of two words by hand;
# - solve analogies with word vectors, and say what the usual scoring hides;
# - show why a static model can't tell two meanings of a word apart, and get a vector in context;
# - test a claim about meaning over 36 words, with an effect size and an interval;
# - use the frozen states of a language model as features for a small classifier;
# - run an association test, and name what it can't tell you.

# %% [markdown]
# ## Time and cost
#
# Planned: 90 minutes of teaching, 46 minutes of exercises.
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
from workshop_lib.checks import lesson_01 as check

# %%
import numpy as np
import pandas as pd
from workshop_lib.plots import embeddings as draw

runtime.seed(0)
print(runtime.report())

# %% [markdown]
# In this lesson some cells hold lines that begin with `assert`. Each is a test: the cell stops there
# if what the text says isn't so.

# %% [markdown]
# ## 1 · A word as a row of numbers
#
# *18 minutes*
#
# A computer compares numbers, not meanings. So each word gets a row of numbers: a **vector**, also
# called an **embedding**. If similar words get similar numbers, then near means similar.
#
# Here is a table of two numbers a word, made up by hand.

# %%
table = pd.DataFrame(
    [("banana", 6, 5, "fruit"), ("strawberry", 5, 4, "fruit"), ("cherry", 6, 4, "fruit"),
     ("soccer", 0, 6, "sport"), ("basketball", 1, 6, "sport"), ("tennis", 1, 5, "sport"),
     ("castle", 1, 2, "house"), ("house", 2, 2, "house"), ("building", 2, 1, "house"),
     ("bicycle", 5, 1, "vehicle"), ("truck", 6, 1, "vehicle"), ("car", 6, 0, "vehicle")],
    columns=["word", "first", "second", "group"],
)  # fmt: skip
table

# %% [markdown]
# **Predict, then run.** Where would you put *apple*? Write two numbers from 0 to 6.

# %%
my_apple = (None, None)

# %%
points = pd.concat([table, pd.DataFrame([("apple", 5, 5, "fruit")], columns=table.columns)])
draw.plane(points[["first", "second"]].to_numpy(), points.word, points.group, "Apple at (5, 5)")

# %% [markdown]
# The figure shows four clusters in four corners: fruit at the top right, sports at the top left,
# houses at the bottom left, vehicles at the bottom right. We put *apple* at (5, 5), beside the fruit.
#
# How near are two words? One answer is the distance on the plane. The usual answer in this field is
# the **cosine**: multiply the vectors number by number, add up (the **dot product**), and divide by
# both lengths.
#
# $$\cos(a, b) = \frac{a_1 b_1 + a_2 b_2 + \dots}{|a|\,|b|} \qquad |a| = \sqrt{a_1^2 + a_2^2 + \dots}$$
#
# It is 1 for the same direction, 0 for a right angle, −1 for opposite directions. By hand, for
# *apple* (5, 5) and *car* (6, 0): 30 / (7.07 × 6) = 0.71.
#
# **Predict, then run.** Which word is nearest to *apple* by distance? Which by cosine?

# %%
my_guess_by_distance, my_guess_by_cosine = "", ""

# %% tags=["claim-V3"]
apple = np.array([5, 5])
places = table[["first", "second"]].to_numpy()
table["distance to apple"] = np.linalg.norm(places - apple, axis=1).round(2)
table["cosine to apple"] = embeddings.cosine(places, apple)[:, 0].round(3)
nearest = table.loc[table["distance to apple"].idxmin()]
same_direction = table.loc[table["cosine to apple"].idxmax()]
print("by distance:", nearest.word, "  by cosine:", same_direction.word)
assert nearest.group == "fruit" and same_direction.group == "house"
table

# %% [markdown]
# By distance the nearest is a fruit. By cosine it is *house*! House stands at (2, 2): the same
# direction as (5, 5), only shorter. Two numbers, none below zero, leave few directions, and here the
# fruit and the houses share one. More numbers, and negative ones, give room. In this next table, also
# made up, *strawberry* and *apple* nearly agree in all three numbers, and *castle* doesn't.

# %% tags=["claim-V3"]
three = pd.DataFrame(
    {"strawberry": [1, 3, 2], "apple": [1.1, 2.9, 2.2], "castle": [7, -5.4, 0.4]}
).T
similarity = embeddings.cosine(three, three)
assert similarity[0, 1] > 0.99 and similarity[0, 2] < 0
plots.similarities(similarity, three.index, "Three numbers a word")

# %% [markdown]
# The figure is a table of cosines: strawberry and apple come out near 1, and castle is negative with
# both.
#
# ### Exercise 1a · The cosine by hand
#
# *5 minutes.* Write the function. Use `first @ second` for the dot product and `np.linalg.norm(first)`
# for a length.

# %%
### STUB 1a
def cosine_by_hand(first, second):
    return ...
### SOLUTION 1a
def cosine_by_hand(first, second):
    return (first @ second) / (np.linalg.norm(first) * np.linalg.norm(second))
### END 1a

# %%
check.exercise_1a(cosine_by_hand)

# %% [markdown]
# ### Real vectors
#
# Nobody types such numbers. A model learns them from text: it guesses which words stand near which,
# and adjusts each word's numbers until its guesses get better (word2vec: Mikolov and colleagues,
# 2013; GloVe: Pennington and colleagues, 2014). Words that are used alike end up alike. The idea is
# older than such models: "You shall know a word by the company it keeps" (J. R. Firth, 1957).
#
# Always ask which texts. In the mini profile they are novels, Wikipedia, news, dialogues and speeches;
# in the full profile Wikipedia and news.

# %%
vectors = models.word_vectors()
print(f"{len(vectors):,} words, {vectors.vector_size} numbers each")
print("cat:", vectors["cat"][:5].round(2), "...")

# %% [markdown]
# **Predict, then run.** Which words are nearest to *love*? And is *like* nearer to *love* than *hate*
# is? The cell prints each word's *place*: 1 for the nearest word of all, 2 for the next, and so on.

# %%
my_guess = ""

# %% tags=["claim-V1"]
near_love = vectors.most_similar("love", topn=10)
print([word for word, _ in near_love])
compared = ["loved", "passion", "hate", "like", "table"]
for word in compared:
    place = vectors.rank("love", word)
    print(f"{word:8} cosine {vectors.similarity('love', word):5.2f}   place {place:,}")
assert vectors.rank("love", "loved") <= 100, "another form of the word (syntax) isn't near"
assert vectors.rank("love", "passion") <= 100, "another word for it (meaning) isn't near"
assert vectors.similarity("love", "like") > vectors.similarity("love", "table")
assert "like" not in dict(near_love)

# %% [markdown]
# Similar words are close, in both ways: other *forms* of the word and other words of the same
# *meaning*. Yet two things surprise.
#
# - The textbook pair *love* and *like* is nearer than *love* and *table*, and still *like* isn't among
#   the ten nearest. A likely reason: most often *like* isn't a verb at all, as in "a day *like* this".
# - *Hate* stands high. Near means *used alike*, and opposites are used alike.

# %% [markdown]
# ### The same words in real vectors
#
# These vectors have 100 numbers, and a drawing has two. **PCA** (principal component analysis) finds
# the plane on which the points differ most.
#
# **Predict, then run.** Will *apple* fall among the fruit again?

# %%
my_guess = ""

# %%
from sklearn.decomposition import PCA

words, groups = list(points.word), list(points.group)
plane = PCA(n_components=2).fit(vectors[words])
draw.plane(
    plane.transform(vectors[words]), words, groups, "The same words, real vectors", "component"
)

# %% tags=["claim-V3"]
shown = plane.explained_variance_ratio_.sum()
print(f"The plane shows {shown:.0%} of the differences between these words.")
to_apple = pd.Series(embeddings.cosine(vectors[words[:-1]], vectors["apple"])[:, 0], words[:-1])
by_group = to_apple.groupby(groups[:-1]).mean().sort_values(ascending=False)
print(by_group.round(2))
near_apple = [word for word, _ in vectors.most_similar("apple", topn=10)]
print("nearest to apple:", near_apple)
assert shown < 0.75 and by_group.index[0] == "fruit"
assert not {"banana", "strawberry", "cherry"} & set(near_apple)

# %% [markdown]
# The figure shows the four groups again, though no one told the model about groups. Among these
# words *apple* belongs with the fruit. Among *all* words it doesn't: read its nearest neighbours.
# They are computers, telephones and their makers: the texts speak of a company, too. One vector serves
# all uses of *apple*, and that use weighs most. The plane can't show this, for it shows only part of
# the differences.
#
# The numbers of a vector are also called its **dimensions**. How many of them do the four groups need?
# For each word, is its nearest neighbour of its own group?

# %% tags=["claim-V3"]
def share_beside_own_group(dimensions):
    """Return the share of words whose nearest neighbour is of their own group."""
    shorter = PCA(n_components=dimensions).fit_transform(vectors[words])
    similarity = embeddings.cosine(shorter, shorter)
    np.fill_diagonal(similarity, -1)
    return np.mean(np.array(groups)[similarity.argmax(axis=1)] == groups)


for dimensions in [1, 2, 3, 5, 10]:
    print(f"{dimensions:2} dimensions: {share_beside_own_group(dimensions):.2f}")
assert share_beside_own_group(10) > share_beside_own_group(1)

# %% [markdown]
# One dimension doesn't keep four groups apart, and a few do. But the group is only one property. The
# company in *apple* is another: the plane didn't show it, and the neighbours over all dimensions did.
# More dimensions hold more properties.
#
# ### Exercise 1b · Another apple
#
# *6 minutes.* Find a word of your own whose vector sits with a meaning that you did *not* think of
# first. Name the word, a word for your first thought, and a neighbour that shows the other meaning.
# Look with `vectors.most_similar("your word")`. Words that are also names of firms, people or places
# are good candidates; write them in lower case.

# %%
### STUB 1b
word = ...
first_thought = ...
other_meaning = ...
### SOLUTION 1b
word = "mercury"
first_thought = "planet"
other_meaning = vectors.most_similar("mercury")[0][0]
### END 1b

# %%
check.exercise_1b(word, first_thought, other_meaning)

# %% [markdown]
# ## 2 · Adding and subtracting words
#
# *12 minutes*
#
# If vectors hold properties, then perhaps one can calculate with them: *king* − *man* + *woman*. The
# step from *man* to *king* says "make royal". Take that step from *woman*.
#
# By hand, with two numbers (royal, male): king (1, 1) − man (0, 1) + woman (0, 0) = (1, 0). That is
# royal and not male: *queen*.

# %% tags=["claim-V2"]
answers = embeddings.analogy("man", "king", "woman")
print("man is to king as woman is to:", [word for word, _ in answers])
assert answers[0][0] == "queen"

# %% [markdown]
# It works. But the function has a habit that it shares with almost every published result: it leaves
# out the three input words. **Predict, then run.** What comes first if they are allowed?
#
# The cell asks a second, famous question, too. Reports had it that "man is to doctor as woman is to
# nurse".

# %%
my_guess = ""

# %% tags=["claim-V2"]
for a, b, c in [("man", "king", "woman"), ("man", "doctor", "woman")]:
    free = embeddings.analogy(a, b, c, exclude_inputs=False, topn=3)
    usual = embeddings.analogy(a, b, c, topn=3)
    print(f"{a} is to {b} as {c} is to")
    print("   inputs left out:", [word for word, _ in usual])
    print("   all allowed:    ", [word for word, _ in free])
assert free[0][0] == "doctor" and "nurse" in dict(usual)

# %% [markdown]
# With all words allowed, the model's answer is "woman is to **doctor**". The famous answer came from
# a rule that forbids *doctor*. (Whether *queen* stays ahead of *king* differs between models: read the
# third line.) Malvina Nissim, Rik van Noord and Rob van der Goot showed this in
# *Fair Is Better than Sensational: Man Is to Doctor as Woman Is to Doctor* (Computational
# Linguistics, 2020). A bias there is: *nurse* comes close behind. But the analogy overstates it.
#
# One example proves little. The Google analogy set (Mikolov and colleagues, 2013) has thousands of
# questions, in sections from capitals to plurals.

# %% tags=["claim-V2"]
most_frequent = 20_000  # the answer is chosen from so many words
usual = embeddings.analogy_accuracy(vocabulary=most_frequent)
free = embeddings.analogy_accuracy(exclude_inputs=False, vocabulary=most_frequent)
compared = pd.DataFrame(
    {"questions": usual.questions, "right, inputs left out": usual.right,
     "right, all allowed": free.right, "answers an input": free.returns_input}
).round(2)  # fmt: skip
assert usual.right["all"] > 0.4
assert free.right["all"] < 0.6 * usual.right["all"] and free.returns_input["all"] > 0.5
compared

# %% [markdown]
# With the inputs left out, the vectors solve far more than any guess among 20,000 words could. With
# all words allowed, most answers are simply one of the inputs. *b − a + c* stays close to *b* and *c*:
# the step is short. So the arithmetic works **among the remaining words**, and that condition belongs
# in every report.

# %% [markdown]
# ### Adding two words
#
# Does *gorgeous* + *cat* make a gorgeous cat? In the cell, `norm=True` gives a vector the length 1.

# %% tags=["claim-V2"]
summed = vectors.get_vector("gorgeous", norm=True) + vectors.get_vector("cat", norm=True)
print([word for word, _ in vectors.similar_by_vector(summed, topn=5)])
to_parts = embeddings.cosine(summed, vectors[["gorgeous", "cat"]])[0]
by_formula = np.sqrt((1 + vectors.similarity("gorgeous", "cat")) / 2)
print("cosine of the sum with its parts:", to_parts.round(3), "by the formula:", by_formula.round(3))
assert np.allclose(to_parts, by_formula, atol=1e-3)

# %% tags=["claim-V2"]
near_sum = [word for word, _ in vectors.most_similar(positive=["gorgeous", "cat"], topn=10)]
for part, other in [("gorgeous", "cat"), ("cat", "gorgeous")]:
    near_other = [word for word, _ in vectors.most_similar(other, topn=10)]
    of_sum = embeddings.cosine(vectors[near_sum], vectors[part]).mean()
    of_other = embeddings.cosine(vectors[near_other], vectors[part]).mean()
    print(f"{part:8} and words near the sum: {of_sum:.2f}; near {other} alone: {of_other:.2f}")
    assert of_sum > of_other

# %% [markdown]
# The sum is nearest to its own two parts, and that is no discovery: for any two vectors of length 1
# the cosine of the sum with each is $\sqrt{(1 + \cos)/2}$. What carries information are the words
# after them. They are closer to *gorgeous* than the neighbours of *cat* are, and closer to *cat* than
# the neighbours of *gorgeous* are. So adding finds what goes with both. It doesn't build a phrase:
# "dog bites man" and "man bites dog" have the same sum.

# %% [markdown]
# ### Exercise 1c · Fix a bug
#
# *5 minutes.* A colleague's line is meant for "a is to b as c is to ?". For *man, king, woman* it
# finds nothing royal:
#
# ```python
# return vectors[a] - vectors[b] + vectors[c]
# ```
#
# Write the line as it should be. Here `vectors` is anything that gives a vector for a word.

# %%
### STUB 1c
def target(vectors, a, b, c):
    return ...
### SOLUTION 1c
def target(vectors, a, b, c):
    return vectors[b] - vectors[a] + vectors[c]
### END 1c

# %%
check.exercise_1c(target)

# %% [markdown]
# ## 3 · One vector a word, or one a sentence
#
# *15 minutes*
#
# Many words have several meanings. In linguistics there are two kinds.
#
# - **Homonyms**: unrelated meanings that share a form. *Bank* for money, *bank* of a river.
# - **Polysemes**: related meanings of one word. A *magazine* to hold, a *magazine* to work for.
#
# The model so far is **static**: one vector a word, whatever the sentence.

# %% tags=["claim-V4"]
money, river = "John went to the bank to withdraw cash.", "He sat on the river bank."
copy, firm = "John picks up a magazine.", "Susan works for a magazine."
for word, sentences in [("bank", [money, river]), ("magazine", [copy, firm])]:
    static = np.array([vectors[word] for _ in sentences])  # the sentence plays no part
    print(word, "in two sentences: cosine", embeddings.cosine(static, static)[0, 1].round(3))
    assert np.array_equal(static[0], static[1])
near_bank = [near for near, _ in vectors.most_similar("bank", topn=10)]
print("nearest to bank:", near_bank)
assert not {"river", "shore", "riverbank", "lake"} & set(near_bank)

# %% [markdown]
# Two meanings, one vector: the cosine is 1. And the river is gone: all ten neighbours of *bank* are
# about money. A study that follows this vector through time follows a mixture. (In the mini profile
# the texts behind the vectors were even enriched with paragraphs on *bank*, *magazine* and other
# ambiguous words, river banks among them; `MODEL_CARD.md` in `data/models/word_vectors` says how many.)
#
# A **contextual** model reads the whole sentence and computes a vector for the word *there*. It works
# in **layers**: layer 0 holds the learned vector of each word plus a mark for its position, and each
# further layer lets the words of the sentence inform each other (lesson 02 shows how).
# `embeddings.word_in_context` gives the vector of a word at any layer.

# %%
in_context = embeddings.word_in_context([money, river], "bank", layer=None)
print("layers, sentences, numbers:", in_context.shape)
print(models.card_of("encoder").name)

# %% [markdown]
# **Predict, then run.** Which pair will be more alike in the last layer: the two *banks* or the two
# *magazines*?

# %%
my_guess = ""

# %% tags=["claim-V5"]
bank = embeddings.word_in_context([money, river], "bank", layer=None)
magazine = embeddings.word_in_context([copy, firm], "magazine", layer=None)
curves = {
    "bank (homonym)": np.array([embeddings.cosine(*both)[0, 0] for both in bank]),
    "magazine (polyseme)": np.array([embeddings.cosine(*both)[0, 0] for both in magazine]),
}
for name, curve in curves.items():
    print(f"{name:20}", curve.round(2))
    assert curve[-1] < curve[0], "the context changes nothing"
assert curves["bank (homonym)"][-1] < curves["magazine (polyseme)"][-1] < 0.999

# %%
draw.by_layer(curves, "cosine of the two uses", "One word in two sentences")

# %% [markdown]
# The figure shows two lines that end lower than they start. At layer 0 both stand near 1: the same
# word, the same vector, up to its position in the sentence. By the last layer the uses have moved
# apart, *bank* further than *magazine*.
#
# Read the height of the lines with care: the axis doesn't begin at 0. Even two unrelated uses of a
# word keep a high cosine, since the word itself stays in its vector. Compare cosines with each other,
# never with 0.

# %% [markdown]
# ### Exercise 1d · Three sentences
#
# *7 minutes.* Choose a homonym other than *bank*. Write three sentences with it: the first two in one
# sense, the third in another, such that the first two come out most alike. Before you ask the check,
# look at the cosines: with `in_layer = embeddings.word_in_context(sentences, word)`, the table is
# `embeddings.cosine(in_layer, in_layer)`.

# %%
### STUB 1d
word = ...
sentences = [
    ...,
    ...,
    ...,
]
### SOLUTION 1d
word = "fan"
sentences = [
    "The fan in the ceiling turned slowly.",
    "A fan cooled the hot office.",
    "One fan of the band cried.",
]
### END 1d

# %%
check.exercise_1d(word, sentences)

# %% [markdown]
# ## 4 · Homonyms and polysemes: a test over 36 words
#
# *15 minutes*
#
# The lecture says: contextual models use more similar vectors for polysemous meanings than for
# homonymous ones. Two words agree with it so far. Two words are an anecdote. The course's sense
# inventory has 36 words, two senses each, seven sentences a sense, in many voices.

# %%
senses = data.load("senses")
print(senses.groupby("relation").word.nunique())
senses[["word", "relation", "sense", "sentence"]].sample(4, random_state=1)

# %% [markdown]
# For each word we need one number. **Separation**: the mean cosine between sentences *within* one
# sense, minus the mean cosine *between* the senses. By hand: within 0.9 and between 0.7 give 0.2.
# Zero means that the model doesn't put the senses apart.
#
# Why subtract? Some words have similar vectors everywhere. The difference takes that out.
#
# Which layer? You should decide **before** you look. Here it is the last one, the usual default. To be
# open: the authors of this lesson had seen all layers when they wrote it. You will see in a moment why
# that matters.

# %%
states = embeddings.word_in_context(senses.sentence, senses.word, layer=None)
relation = senses.groupby("word").relation.first()
last = embeddings.sense_similarity(states[-1], senses.word, senses.sense)
last["relation"] = relation
last.sort_values("separation").round(3).iloc[[0, 1, 2, -3, -2, -1]]

# %% [markdown]
# **Predict, then run.** Will every homonym have a larger separation than every polyseme?

# %%
my_guess = ""

# %%
draw.two_groups(last.separation, last.relation, "separation", "How far a word's senses stand apart")

# %% [markdown]
# The figure shows one point a word, homonyms in the left panel, polysemes in the right. The homonyms
# reach much further to the right, and their mean (dashed) is higher. But the groups overlap: some
# homonyms stand near zero, where the model hardly tells the two meanings apart, and some polysemes
# lie further right than they.
#
# How large is the difference, and how sure can one be? **Hedges' g** counts it in standard deviations
# (by convention, 0.8 is called large). The **bootstrap** draws 18 words of each group again and again,
# with replacement, and gives an interval. A **permutation test** shuffles the labels *homonym* and
# *polyseme* and counts how often a difference as large comes about: that share is its p-value.

# %% tags=["claim-V6"]
def split_by_relation(table, column):
    return [table[column][relation == kind].to_numpy() for kind in ("homonym", "polyseme")]


result = embeddings.compare_groups(*split_by_relation(last, "separation"))
print(f"g = {result.effect:.2f}, 95 % interval {result.low:.2f} to {result.high:.2f}, "
      f"p = {result.p_value:.3f}")  # fmt: skip
between_homonyms, between_polysemes = split_by_relation(last, "between")
assert result.effect > 0.3 and result.low > 0
assert between_polysemes.mean() > between_homonyms.mean()
homonyms, polysemes = split_by_relation(last, "separation")
assert homonyms.min() < polysemes.max(), "the groups don't overlap"

# %% [markdown]
# The claim holds **on average**: two polysemous uses are closer than two homonymous ones, and the
# interval excludes zero. It doesn't hold for each pair of words. Sathvik Nair, Mahesh Srinivasan and
# Stephan Meylan found such a difference for BERT, and compared it with human judgements
# (*Contextualized Word Embeddings Encode Aspects of Human-Like Word Sense Knowledge*, CogALex
# workshop, 2020).
#
# Now all layers.

# %%
results = [
    embeddings.compare_groups(
        *split_by_relation(embeddings.sense_similarity(layer, senses.word, senses.sense), "separation")
    )
    for layer in states
]
effects = np.array([[one.effect, one.low, one.high] for one in results]).T
print("largest at layer", effects[0].argmax(), "with g =", effects[0].max().round(2))
assert effects[1, 0] < 0 < effects[2, 0] and (effects[0, 2:] > 0).all()
draw.by_layer({"Hedges' g and 95 % interval": effects}, "effect size", "Homonyms minus polysemes")

# %% [markdown]
# The figure shows the effect by layer with its interval. At layer 0 the interval lies around zero:
# no context, no senses. From layer 2 on the effect is positive throughout, with wide intervals.
#
# The largest of many estimates is too large on average, because luck helped to choose it. A p-value
# for a layer picked *after* this figure would be wrong, and ours above can't be fully trusted either:
# the layer wasn't fixed before the data were seen. Fix it beforehand, or choose it on some words and
# test on others.

# %% [markdown]
# ### Exercise 1e · Write the measure
#
# *7 minutes.* Write `separation` for one word. `similarity` has one row and one column a sentence, and
# `same` is True where the two are of one sense. `similarity[same]` picks those entries, as in R; `~`
# is *not* and `&` is *and*. Mind the pairs of a sentence with itself: they lie on the diagonal, where
# `np.eye(len(same), dtype=bool)` is True.

# %%
### STUB 1e
def separation(vectors_of_word, senses_of_word):
    similarity = embeddings.cosine(vectors_of_word, vectors_of_word)
    same = senses_of_word[:, None] == senses_of_word[None, :]
    within = ...
    between = ...
    return ...
### SOLUTION 1e
def separation(vectors_of_word, senses_of_word):
    similarity = embeddings.cosine(vectors_of_word, vectors_of_word)
    same = senses_of_word[:, None] == senses_of_word[None, :]
    within = similarity[same & ~np.eye(len(same), dtype=bool)].mean()
    between = similarity[~same].mean()
    return within - between
### END 1e

# %%
check.exercise_1e(separation)

# %% [markdown]
# ## 5 · From words to texts
#
# *12 minutes*
#
# Research mostly compares texts, not words. **Doc2Vec** (Le and Mikolov, 2014) learns a vector for
# each document beside those of its words. Here it learns from the course's 504 sentences. The encoder
# reads a text as **tokens**, words and pieces of words, and gives it the mean of their vectors.

# %%
from gensim.models.doc2vec import Doc2Vec, TaggedDocument
from gensim.utils import simple_preprocess

documents = [
    TaggedDocument(simple_preprocess(sentence), [number])
    for number, sentence in enumerate(senses.sentence)
]
doc2vec = Doc2Vec(documents, dm=0, vector_size=50, min_count=1, epochs=100, workers=1, seed=0)
texts = ["cat", "the big cat that is beautiful", "qqzx"]
by_doc2vec = np.array([doc2vec.infer_vector(simple_preprocess(text)) for text in texts])
by_encoder = embeddings.sentence_vectors(texts)

# %% [markdown]
# The lecture says that a contextual model can't embed *cat* alone, only *cat* in a phrase such as
# "the big cat that is beautiful". And *qqzx* is no word at all. **Predict, then run.** Which of the
# two models will refuse which text?

# %%
my_guess = ""

# %% tags=["claim-V7"]
print("lengths, Doc2Vec:", np.linalg.norm(by_doc2vec, axis=1).round(2))
print("lengths, encoder:", np.linalg.norm(by_encoder, axis=1).round(2))
cats = embeddings.word_in_context(texts[:2], "cat")
alone_to_phrase = embeddings.cosine(*cats)[0, 0]
print(f"cat alone and cat in the phrase, encoder: {alone_to_phrase:.2f}")
print("qqzx for the encoder:", models.load("encoder").tokenizer.tokenize("qqzx"))
assert np.isfinite(by_encoder).all() and np.isfinite(by_doc2vec).all()
assert 0.3 < alone_to_phrase < 0.99
assert "qqzx" not in doc2vec.wv

# %% [markdown]
# Neither refuses anything. So the lecture's claim doesn't hold as told: the encoder does give a vector
# for *cat* alone. It is the vector of *cat* in an empty sentence, one context among others, and it
# differs from *cat* in the phrase. Whether it stands for "cat as such" is for you to argue.
#
# Look at *qqzx*. Doc2Vec has never seen it and still returns numbers: the short random vector from
# which it starts, with no warning. The encoder cuts it into pieces that it knows. Neither says "I don't
# know".
#
# Which model brings texts together that have something in common? A rough yardstick: take the nearest
# other sentence of each. Does it use the same ambiguous word, in whichever sense?

# %% tags=["claim-V7"]
def share_with_same_word(text_vectors):
    similarity = embeddings.cosine(text_vectors, text_vectors)
    np.fill_diagonal(similarity, -1)
    nearest = similarity.argmax(axis=1)
    return np.mean(senses.word.to_numpy()[nearest] == senses.word)


sentence_vectors = embeddings.sentence_vectors(senses.sentence)
shares = {
    "Doc2Vec, trained here": share_with_same_word(doc2vec.dv.vectors),
    "encoder, trained elsewhere": share_with_same_word(sentence_vectors),
}
assert shares["encoder, trained elsewhere"] > shares["Doc2Vec, trained here"] > 1 / 36

# %%
plots.bars(shares, "share", chance=13 / 503, title="Nearest sentence has the same ambiguous word")

# %% [markdown]
# The figure shows two bars above the dashed line of guessing: the encoder finds the same word more
# often. The comparison isn't one of methods alone. Doc2Vec saw 504 sentences; the encoder had learned
# from very many texts beforehand, by other people's work. That *is* the point of **pretrained** models,
# and lesson 03 measures it. And Doc2Vec's settings here are the best of eight that we tried on these
# very sentences, which is kind to Doc2Vec.

# %% [markdown]
# ### Exercise 1f · Same words, another claim
#
# *5 minutes.* Find two sentences with exactly the same words in another order that say different
# things, and that the encoder nevertheless finds alike (cosine at least 0.9).

# %%
### STUB 1f
first = ...
second = ...
### SOLUTION 1f
first = "The senator attacked the journalist."
second = "The journalist attacked the senator."
### END 1f

# %%
check.exercise_1f(first, second)

# %% [markdown]
# If your research asks *who did what to whom*, this similarity is the wrong instrument.

# %% [markdown]
# ## 6 · ELMo's recipe: frozen features
#
# *10 minutes*
#
# How does one use such vectors for a task? The first well-known recipe is that of **ELMo** (Peters
# and colleagues, *Deep Contextualized Word Representations*, NAACL, 2018):
#
# 1. **Freeze** the language model: its weights stay as they are.
# 2. **Concatenate** its states (the word's vectors at its layers) to a static vector of the word: write
#    one after the other.
# 3. **Train** a small model for the task on top.
#
# ELMo learned how much each layer counts, and its states came from a recurrent network (lesson 02).
# Here all layers of our encoder are joined, and the small model is a logistic regression. The task:
# which of its two senses does a word have? Each word has 14 sentences: the small model learns from 12
# and is tested on the other 2, seven times over. Guessing gives 0.50.
#
# As a rival we add an old idea: the average static vector of the *other* words of the sentence.
#
# **Predict, then run.** How well will the static vector of the word alone do?

# %%
my_guess = None

# %% tags=["claim-V8"]
static = vectors[list(senses.word)]  # Shape: (504, 100)
features = {
    "static vector of the word": static,
    "average of the other words": embeddings.context_average(senses.sentence, senses.word),
    "ELMo's recipe: static + all layers": np.hstack([static, np.hstack(list(states))]),
    "last layer only": states[-1],
}
accuracy = {
    name: embeddings.sense_accuracy(rows, senses.word, senses.sense).mean()
    for name, rows in features.items()
}
assert abs(accuracy["static vector of the word"] - 0.5) < 1e-9
assert accuracy["average of the other words"] > 0.55
assert accuracy["ELMo's recipe: static + all layers"] > 0.6 and accuracy["last layer only"] > 0.6
print({name: rows.shape[1] for name, rows in features.items()}, "numbers a sentence")

# %%
plots.bars(accuracy, "share right", chance=0.5, title="Telling a word's two senses apart")

# %% [markdown]
# The figure shows four bars. The static vector is at chance exactly: it is the same in every sentence,
# so there is nothing to learn from. The frozen states do clearly better than that, and no weight of the
# encoder was touched.
#
# Look at the second bar before you praise the encoder. Averaging the neighbours, with no contextual
# model at all, already gets a good part of the way. And more features needn't be better: compare
# the last two bars. With 12 training sentences a word, that many numbers are a lot.
#
# Lesson 03 does the other half: *fine-tuning*, which trains the encoder too.

# %% [markdown]
# ### Exercise 1g · Build the features
#
# *5 minutes.* Six sentences, three layers, made-up numbers. Build the feature table of ELMo's recipe:
# the static vector first, then layer 0, layer 1, layer 2. Use `np.concatenate([...], axis=...)`.

# %%
random = np.random.default_rng(0)
small_static = random.normal(size=(6, 4))  # Shape: (sentences, numbers)
small_states = random.normal(size=(3, 6, 5))  # Shape: (layers, sentences, numbers)

# %%
### STUB 1g
small_features = ...
### SOLUTION 1g
small_features = np.concatenate([small_static, *small_states], axis=1)
### END 1g

# %%
check.exercise_1g(small_features, small_static, small_states)

# %% [markdown]
# ## 7 · Vectors carry the culture of their texts
#
# *8 minutes*
#
# Back to the question of this lesson. Aylin Caliskan, Joanna Bryson and Arvind Narayanan gave word
# vectors a test from psychology (*Semantics derived automatically from language corpora contain
# human-like biases*, Science, 2017). Two groups of target words, two groups of attributes. The
# **leaning** of a word is its mean cosine with the one attribute group minus that with the other.
# By hand: 0.30 with *she, her, woman* and 0.10 with *he, him, man* gives a leaning of 0.20.
#
# The effect size is the difference of the groups' leanings in standard deviations, at most 2. Its *p*
# is from a permutation test in one direction: the share of regroupings of the target words that differ
# at least as much that way. All words come from the paper's lists, some shortened to eight words; we
# join the science and arts words of one of its tests with the gender words of another.

# %%
female = "female woman girl sister she her hers daughter".split()
male = "male man boy brother he him his son".split()
science = "science technology physics chemistry einstein nasa experiment astronomy".split()
arts = "poetry art shakespeare dance literature novel symphony drama".split()
flowers = "rose tulip daisy lily orchid violet daffodil poppy".split()
insects = "wasp mosquito spider flea locust beetle moth cockroach".split()
pleasant = "love peace friend heaven gentle honest happy laughter".split()
unpleasant = "hatred murder sickness poison stink ugly evil vomit".split()


# %%
def test(*groups):
    return embeddings.association_test(*(vectors[words] for words in groups))


flowers_are_pleasant = test(flowers, insects, pleasant, unpleasant)
arts_are_female = test(arts, science, female, male)
nothing = test(flowers[::2], flowers[1::2], female, male)
for name, found in [("flowers pleasant, insects unpleasant", flowers_are_pleasant),
                    ("arts female, science male", arts_are_female),
                    ("half of the flowers female, half male", nothing)]:  # fmt: skip
    print(f"{name:38} effect {found.effect:5.2f}   p = {found.p_value:.4f}")
assert flowers_are_pleasant.effect > 0.8 and arts_are_female.effect > 0.5
assert arts_are_female.p_value < 0.05

# %% [markdown]
# The first line is a control: everyone agrees on flowers and insects, and the vectors do, too. The
# second is a stereotype, and the vectors have learned it from text. The third is a **placebo**: two
# halves of one list, between which we expect nothing. Its effect isn't zero all the same: with four
# words a side, chance gives effects of either sign. Only a p near 0, or near 1 for the other direction,
# would be a sign of more.
#
# Now single occupations. **Predict, then run.** Where will *secretary* stand?

# %%
my_guess = ""

# %%
jobs = "nurse teacher dancer housekeeper secretary librarian programmer carpenter soldier engineer".split()
leaning = embeddings.cosine(vectors[jobs], vectors[female]).mean(axis=1)
leaning = leaning - embeddings.cosine(vectors[jobs], vectors[male]).mean(axis=1)
leaning = pd.Series(leaning, jobs)
print("nearest to secretary:", [word for word, _ in vectors.most_similar("secretary", topn=6)])
assert leaning["nurse"] > leaning["engineer"]
draw.leanings(leaning, "male", "female", "Occupations between two poles")

# %% [markdown]
# The figure shows the occupations from male to female leaning: *nurse* far on the female side,
# *engineer* on the male. Find *secretary*, then read its neighbours: in these texts the word is first
# of all a member of a government. The measurement may be right about the texts and still mislead about
# the occupation: **one vector mixes two meanings**. Polysemy is a threat to validity, not a curiosity.

# %% [markdown]
# ### Exercise 1h · A placebo of your own
#
# *6 minutes.* A test that always finds something is worthless. Write two lists of at least six words
# between which you expect *no* difference in gender leaning, and see whether the test finds one.

# %%
### STUB 1h
first_words = ...
second_words = ...
### SOLUTION 1h
first_words = ["red", "green", "blue", "yellow", "brown", "grey"]
second_words = ["north", "south", "east", "west", "left", "right"]
### END 1h

# %%
check.exercise_1h(first_words, second_words, female, male)

# %% [markdown]
# ## What goes wrong in research use
#
# - **Validity.** A vector measures *use in these texts*. Opposites are near (*love*, *hate*), roles
#   don't count (exercise 1f), and a word with two senses is a mixture (*apple*, *secretary*). Pedro
#   Rodriguez and Arthur Spirling test choices of model and window against human judges, and say what
#   to report (*Word Embeddings: What Works, What Doesn't, and How to Tell the Difference for Applied
#   Research*, Journal of Politics, 2022). Read sentences behind each number.
# - **Instability.** Trainings on one corpus, or on samples of it, give different neighbours (Maria
#   Antoniak and David Mimno, *Evaluating the Stability of Embedding-based Word Similarities*, TACL,
#   2018). Compare spaces only through measures within each space, or align them first.
# - **Forking paths.** The layer, the way of averaging (*pooling*), the word lists, the number of
#   neighbours: each choice can move the result. Fix them before you look, and report what else you tried.
# - **Bias.** The vectors repeat the stereotypes of their texts. As a *measurement* that can be the
#   finding. In a *tool*, such as a search or a classifier of job applications, it does harm.
# - **Cut texts.** The mini encoder reads 256 tokens, BERT 512. The library warns you where a text is
#   longer; others cut in silence.
# - **Privacy.** A vector of a text isn't anonymous: John Morris and colleagues recovered most of
#   the words of short texts from their vectors (*Text Embeddings Reveal (Almost) As Much As Text*,
#   EMNLP, 2023). Treat the vectors of interviews like the interviews.
# - **Licence.** A model's licence covers its weights. The rights in the texts it learned from are
#   another question. `models.table()` shows the encoder's licence and origin; those of the mini
#   profile's word vectors stand in the repository, in `data/models/word_vectors/MODEL_CARD.md`.

# %% [markdown]
# ## Key points
#
# - A word becomes a vector. Cosine compares directions, and near means *used alike*.
# - Analogies work among the remaining words; with the inputs allowed, mostly an input wins.
# - A static model has one vector a word. A contextual model computes one a sentence, layer by layer.
# - Polysemous uses are closer than homonymous ones on average, with an interval that excludes zero
#   and with clear exceptions.
# - Frozen states are good features. A cheap baseline belongs beside them.
# - Vectors carry the culture of their texts. That makes them data, and not the truth about the world.

# %% [markdown]
# ## Quiz
#
# **1.** Two vectors: (1, 2) and (10, 20). What is their cosine?
#
# <details><summary>Answer</summary> 1. They have the same direction. The cosine ignores length, which
# is why <em>house</em> at (2, 2) was nearest to <em>apple</em> at (5, 5). </details>
#
# **2.** A paper reports 70 % on the Google analogies. What do you ask first?
#
# <details><summary>Answer</summary> Whether the input words were left out of the answers, and from
# how many words the answer was chosen. Both change the figure a lot. </details>
#
# **3.** Why does <em>hate</em> stand near <em>love</em>?
#
# <details><summary>Answer</summary> The vectors are learned from the words around a word. Opposites
# appear in the same company: "I … this film". </details>
#
# **4.** Why is the cosine of *magazine* with itself in another sentence about 1 at layer 0?
#
# <details><summary>Answer</summary> Layer 0 has seen no context. It holds the learned vector of the
# word and its position in the sentence, and only the position can differ. </details>
#
# **5.** You try all layers and report the one with the largest effect and its p-value. What is wrong?
#
# <details><summary>Answer</summary> The p-value assumes one test. The best of many is partly luck, so
# that the effect is overstated and the p-value too small. Fix the layer beforehand, or choose it on
# other data. </details>
#
# **6.** In ELMo's recipe, which weights are trained for the task?
#
# <details><summary>Answer</summary> Only those of the small model on top (and, in the original, one
# weight a layer). The language model is frozen. </details>
#
# **7.** An association test on your corpus gives an effect of 1.2. May you write "the authors hold
# this stereotype"?
#
# <details><summary>Answer</summary> No. You may write that the words are used in such company in this
# corpus. Quotation, irony, a second meaning of a word, or a few authors with many texts can all make
# the association. </details>

# %% [markdown]
# ## Homework
#
# 1. **Whose secretary?** Choose an ambiguous word from `data.load("senses")`. Does its *static* vector
#    sit with one of its senses? Write a measure (for example the mean cosine with words that name each
#    sense), apply it to ten words, and discuss what it means for a study that follows one of them.
# 2. **Does the definition matter?** Repeat section 4 with *between* instead of *separation*, and
#    without the three most extreme words. Report both effects with intervals. Which result would you
#    preregister, and why?
# 3. **Class.** Build an axis from *poor* to *rich* with five word pairs, as Kozlowski and colleagues
#    do. Where do sports, foods and occupations stand? Find one word whose place comes from a second
#    meaning.

# %% [markdown]
# ## Where the code lives
#
# - `workshop_lib/embeddings/`: `encoder.py` (`word_in_context`, `sentence_vectors`), `similarity.py`
#   (`cosine`, `analogy`, `analogy_accuracy`, `context_average`), `measures.py` (`association_test`,
#   `sense_similarity`, `compare_groups`, `sense_accuracy`).
# - `workshop_lib/plots/embeddings.py`: the figures. `workshop_lib/checks/lesson_01.py`: the checks.
# - `tests/test_embeddings.py` holds each function against a direct computation, gensim or SciPy;
#   `benchmarks/embeddings.py` against sentence-transformers.
