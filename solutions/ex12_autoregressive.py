# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercise 12 · Nothing from the future
#
# A causal mask to repair, keys and values to remember, and likelihoods that are summed exactly, because the model is so small that every text it can write may be written down.
#
# **You will practise**
#
# - attention with a mask that holds whatever the scores are, also when there are fewer queries than keys;
# - finding a leak without looking at the code;
# - a decoder that remembers, and gives the very same logits;
# - exact probabilities: of a text, of all texts, of a beginning when the end is known;
# - training a tiny model to a loss that is known to be the best possible;
# - an investigation: what a longer memory is worth, and what it costs.
#
# **Follows** chapter 12.
#
# **Time.** About three hours. All code runs in seconds.
#
# **How to check yourself.** Run the cells below each task. A line with a ✓ means that the visible checks hold (their code is folded; a click on the three dots opens it); a message says what to think
# about. When your work is graded, the same checks run again with other numbers and shapes, so make each function right in general. You may use everything in PyTorch and in the course. Questions in words are read by a person.

# %% nbgrader={"grade": false, "grade_id": "bootstrap", "locked": true, "schema_version": 3, "solution": false} tags=["bootstrap", "hide-input"] jupyter={"source_hidden": true} cellView="form"
# Looks for the course's helpers. On Colab it fetches what is missing, and only that.
import importlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

needed = ("course_utils", "torch", "torchmetrics")
if any(find_spec(name) is None for name in needed):
    if not (find_spec("google") and find_spec("google.colab")):
        raise ImportError(
            f"This kernel, {sys.executable}, lacks the course's packages: choose the "
            "kernel of .venv (conda: course) at the upper right, or type `make lab` again."
        )
    source = "git+https://github.com/OWNER/REPOSITORY@main"
    pip = [sys.executable, "-m", "pip"]
    there = subprocess.check_output([*pip, "list", "--format=freeze"])
    Path("installed.txt").write_bytes(there)  # what Colab has stays as it is
    subprocess.run([*pip, "install", "-q", "-c", "installed.txt", source], check=True)
    importlib.invalidate_caches()

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false}
import math
from itertools import product

import torch
import torch.nn.functional as F
from torch import nn

# %% [markdown]
# ## Part 1: A mask to repair
#
# A colleague hands you this attention. It trains beautifully, and what it writes is gibberish.


# %% nbgrader={"grade": false, "grade_id": "broken", "locked": true, "schema_version": 3, "solution": false}
def broken_attention(q, k, v):
    """q, k, v: (n, heads, t, d)."""
    t = q.shape[2]
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    mask = torch.ones(t, t).tril()  # 1: may be looked at
    scores = scores + (1 - mask) * -100.0
    return scores.softmax(dim=-1) @ v


# %% [markdown]
# **Task 1a.** Repair it. Your function must keep the future out whatever the scores are, and must serve a decoder that remembers: there may be *fewer queries than keys*. Then the queries are the **last** ones: with 5 keys and 2
# queries, the first query stands at place 3 (counting from 0) and sees the keys 0 to 3. The result has the shape of `q` with the last size of `v`. Keys and values may have different sizes.


# %% nbgrader={"grade": false, "grade_id": "attention-code", "locked": false, "schema_version": 3, "solution": true}
def causal_attention(q, k, v):
    """q (n, heads, t, d), k (n, heads, s, d), v (n, heads, s, e), with t ≤ s: (n, heads, t, e)."""
    ### BEGIN SOLUTION
    t, s = q.shape[2], k.shape[2]
    future = torch.ones(t, s, dtype=torch.bool, device=q.device).triu(s - t + 1)
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    return scores.masked_fill(future, -math.inf).softmax(dim=-1) @ v
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "attention-plain", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch
import torch.nn.functional as F

from course_utils.checks import close

q, k, v = torch.randn(3, 2, 3, 6, 4)
right = F.scaled_dot_product_attention(q, k, v, is_causal=True)
close(causal_attention(q, k, v), right, "With as many queries as keys, this is ordinary causal attention.", atol=1e-4)
close(causal_attention(q, k, v)[:, :, 0], v[:, :, 0], "The first place sees itself only.", atol=1e-4)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(121)
for n, heads, t, d, e in ((1, 1, 1, 3, 3), (2, 1, 9, 5, 5), (3, 4, 4, 2, 7)):
    q, k = torch.randn(2, n, heads, t, d, generator=random)
    v = torch.randn(n, heads, t, e, generator=random)
    right = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    close(causal_attention(q, k, v), right, "Scores are divided by √d, with d the size of a key.", atol=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "attention-out-bid", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

q, k = torch.ones(1, 1, 3, 4), torch.zeros(1, 1, 3, 4)
k[0, 0, 2] = 1000.0  # the last key matches every query far better than the others
v = torch.arange(3.0).view(1, 1, 3, 1)
message = "The last key scores 2,000 with every query. What is added or filled in must win against any score."
close(causal_attention(q, k, v)[0, 0, :2, 0], torch.tensor([0.0, 0.5]), message)
### BEGIN HIDDEN TESTS
k[0, 0, 2] = 1e9
close(causal_attention(q, k, v)[0, 0, :2, 0], torch.tensor([0.0, 0.5]), message)
close(causal_attention(q, k, v)[0, 0, 2, 0], torch.tensor(2.0), "At its own place the last key may be seen.")
k[0, 0, 2] = -1e9
close(causal_attention(q, k, v)[0, 0, 2, 0], torch.tensor(0.5), "A mask must not change scores that are allowed.")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "attention-aligned", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

q, k, v = torch.randn(1, 1, 2, 4), torch.randn(1, 1, 5, 4), torch.randn(1, 1, 5, 3)
weights = (q @ k.mT / 2)[0, 0]
first = weights[0, :4].softmax(dim=0) @ v[0, 0, :4]
message = "With 5 keys and 2 queries the first query stands at place 3: it sees the keys 0, 1, 2 and 3."
close(causal_attention(q, k, v)[0, 0, 0], first, message, atol=1e-4)
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(122)
for t, s in ((1, 6), (3, 7), (6, 6)):
    q = torch.randn(2, 2, s, 4, generator=random)
    k, v = torch.randn(2, 2, 2, s, 4, generator=random)
    full = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    close(
        causal_attention(q[:, :, -t:], k, v),
        full[:, :, -t:],
        "The last queries see what they saw in the full pass.",
        atol=1e-4,
    )
### END HIDDEN TESTS

# %% [markdown]
# **Task 1b.** Find leaks from outside. You are given what a model predicted: `before`, logits `(t, kinds)` for a text, and `after[j]`, logits for the same text with the token at place $j$ changed. The logits at place $i$ predict token $i + 1$
# and may depend on the tokens $0, \dots, i$. Return the list of all pairs $(i, j)$ in which a prediction knows something that it must not, sorted. A change counts when some logit moves by more than $10^{-6}$.


# %% nbgrader={"grade": false, "grade_id": "leak-code", "locked": false, "schema_version": 3, "solution": true}
def leaks(before, after):
    """before (t, kinds), after (t, t, kinds): after[j] belongs to the text with token j changed. A sorted list of (i, j)."""
    ### BEGIN SOLUTION
    moved = (after - before).abs().amax(dim=-1) > 1e-6  # (j, i)
    return sorted((i, j) for j, i in moved.nonzero().tolist() if i < j)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "leak-pairs", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check

before = torch.zeros(4, 3)
after = torch.zeros(4, 4, 3)
after[1, 1:] = 1.0  # token 1 moves the predictions 1, 2, 3: as it should
check(list(map(tuple, leaks(before, after))) == [], "The prediction at place i may use token i itself.")
after[3, 2, 0] = 0.5
check(
    list(map(tuple, leaks(before, after))) == [(2, 3)], "The prediction at place 2 moved when token 3 changed: (2, 3)."
)
### BEGIN HIDDEN TESTS
after[2, 0, 2] = -0.1
after[3, 0] = -2.0
after[3, 3] = 1.0
message = "Every pair with i < j whose logits moved, in either direction and in any of them; i first, sorted."
check(list(map(tuple, leaks(before, after))) == [(0, 2), (0, 3), (2, 3)], message)
after[2, 1, 1] = 1e-9
check(list(map(tuple, leaks(before, after))) == [(0, 2), (0, 3), (2, 3)], "Rounding is no leak: 10⁻⁶.")
shifted = torch.full((4, 3), 7.0)
check(list(map(tuple, leaks(shifted, after + 7.0))) == [(0, 2), (0, 3), (2, 3)], "Compare with `before`, not with 0.")
### END HIDDEN TESTS

# %% [markdown]
# ### Question 1 (4 points)
#
# The colleague's training loss fell to 0.02 nats a character, where published models of that text have 1. (a) How can so low a loss and gibberish go together? (b) The mask adds $-100$. Why may this have worked in the first thousand steps and not later? (c) Somebody proposes to check the
# mask by training on a text of random characters. What should come out with a sound mask, what with a leaking one, and why is it a better alarm than the loss on real text? (d) Another model has a mask that hides *everything*, the present place included. It trains, too. What has it learned?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-leak", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
# - (a) In training the answer stands in the input and a leak lets the model read it; when it writes there is no future to read, and it has learned nothing else.
# - (b) The mask is finite: attention scores are learned and can grow until they out-bid it; gradient descent rewards exactly that.
# - (c) Random characters cannot be predicted: a sound model ends at log K (the entropy) and never below, a leaking one falls towards 0. On real text nobody knows the right value for sure, here it is known exactly.
# - (d) With nothing visible it can only learn how frequent each token is (perhaps at each place, if it has place vectors): the loss falls from log K to the entropy of the frequencies. Accept: NaN may appear when all scores are −∞.
# ### END MARK SCHEME
# (a) In training, the next character stands in the input. A leak lets the network copy it, so the loss is tiny. While writing there is nothing to copy from, and it never had to learn the text.
#
# (b) At first the scores are small, and −100 drowns the future. The scores are learned, and every step that makes the future's score larger is rewarded by a lower loss, until it out-bids the mask.
#
# (c) With K equally likely random characters the best possible loss is log K, for ever. A leaking model gets below it. For real text we do not know how low an honest loss can get, so a low one may be skill.
#
# (d) How often each token occurs, at each place if the places have vectors. The loss falls from log K to the entropy of these frequencies and stays.

# %% [markdown]
# ## Part 2: A decoder that remembers
#
# A transformer with one block, one head and no norms, given by a dictionary of tensors:
#
# | name | shape | what |
# |---|---|---|
# | `token` | (kinds, d) | a vector for each kind of token |
# | `place` | (context, d) | a vector for each place |
# | `query`, `key`, `value`, `out` | (d, d) | `x @ query` gives the queries, and so on |
# | `head` | (d, kinds) | logits |
#
# With $x$ = token vector + place vector, the logits are $(x + \text{attention}(xQ, xK, xV)\,O)\,H$: each place sees itself and those before.
#
# **Task 2a.** Write it for whole texts.


# %% nbgrader={"grade": false, "grade_id": "random-weights", "locked": true, "schema_version": 3, "solution": false}
def random_weights(kinds, d, context, seed=0):
    """Weights of such a decoder, drawn at random."""
    random = torch.Generator().manual_seed(seed)
    shapes = {"token": (kinds, d), "place": (context, d), "head": (d, kinds)}
    shapes |= {name: (d, d) for name in ("query", "key", "value", "out")}
    return {name: torch.randn(*shape, generator=random) / d**0.25 for name, shape in shapes.items()}


# %% nbgrader={"grade": false, "grade_id": "full-code", "locked": false, "schema_version": 3, "solution": true}
def full_logits(weights, tokens):
    """tokens (n, t), whole numbers => logits (n, t, kinds)."""
    ### BEGIN SOLUTION
    x = weights["token"][tokens] + weights["place"][: tokens.shape[1]]
    q, k, v = (x @ weights[name] for name in ("query", "key", "value"))
    fetched = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return (x + fetched @ weights["out"]) @ weights["head"]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "full-logits", "locked": true, "points": 2, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

weights = {"token": torch.eye(2), "place": torch.zeros(5, 2), "head": torch.eye(2)}
weights |= {name: torch.zeros(2, 2) for name in ("query", "key")} | {name: torch.eye(2) for name in ("value", "out")}
tokens = torch.tensor([[0, 1, 1]])  # all scores are 0: each place fetches the mean of the values so far
right = torch.tensor([[[2.0, 0.0], [0.5, 1.5], [1 / 3, 5 / 3]]])
close(full_logits(weights, tokens), right, "The own vector, plus the mean of all so far.", atol=1e-4)
### BEGIN HIDDEN TESTS
import math

for seed, (kinds, d, t) in enumerate(((3, 4, 1), (5, 8, 7), (2, 3, 4))):
    random = torch.Generator().manual_seed(seed)
    shapes = {"token": (kinds, d), "place": (9, d), "head": (d, kinds)} | {
        name: (d, d) for name in ("query", "key", "value", "out")
    }
    w = {name: torch.randn(*shape, generator=random) for name, shape in shapes.items()}
    tokens = torch.randint(kinds, (2, t), generator=random)
    x = w["token"][tokens] + w["place"][:t]
    rows = []
    for i in range(t):
        a = ((x[:, i : i + 1] @ w["query"]) @ (x[:, : i + 1] @ w["key"]).mT / math.sqrt(d)).softmax(dim=-1)
        rows.append((x[:, i : i + 1] + a @ (x[:, : i + 1] @ w["value"]) @ w["out"]) @ w["head"])
    close(
        full_logits(w, tokens),
        torch.cat(rows, dim=1),
        "Scores over √d, softmax over the places so far, `out`, the sum, `head`.",
        rtol=1e-3,
        atol=1e-3,
    )
### END HIDDEN TESTS

# %% [markdown]
# **Task 2b.** The same, one token at a time. A `Decoder` remembers keys and values. `step(tokens)` takes the newest token of each of $n$ texts, `(n,)`, and returns the logits for what follows, `(n, kinds)`. `fork(rows)` returns a **new** decoder that goes on from the texts `rows` (a list of row numbers,
# which may repeat), so that one beginning can be continued in several ways; the old one must not notice.


# %% nbgrader={"grade": false, "grade_id": "decoder-code", "locked": false, "schema_version": 3, "solution": true}
class Decoder:
    """One token at a time, with the logits of `full_logits`."""

    def __init__(self, weights):
        """weights: a dictionary as above."""
        ### BEGIN SOLUTION
        self.weights = weights
        self.keys, self.values = [], []
        ### END SOLUTION

    def step(self, tokens):
        """tokens (n,): the newest token of each text. Logits (n, kinds) of what follows."""
        ### BEGIN SOLUTION
        w = self.weights
        x = w["token"][tokens] + w["place"][len(self.keys)]  # (n, d)
        self.keys.append(x @ w["key"])
        self.values.append(x @ w["value"])
        keys, values = torch.stack(self.keys, dim=1), torch.stack(self.values, dim=1)  # (n, t, d)
        fetched = F.scaled_dot_product_attention((x @ w["query"])[:, None], keys, values)[:, 0]
        return (x + fetched @ w["out"]) @ w["head"]
        ### END SOLUTION

    def fork(self, rows):
        """A new decoder that has seen the texts `rows` (a list of numbers of rows)."""
        ### BEGIN SOLUTION
        new = Decoder(self.weights)
        new.keys = [one[rows] for one in self.keys]
        new.values = [one[rows] for one in self.values]
        return new
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "decoder-steps", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

weights = {"token": torch.eye(2), "place": torch.zeros(5, 2), "head": torch.eye(2)}
weights |= {name: torch.zeros(2, 2) for name in ("query", "key")} | {name: torch.eye(2) for name in ("value", "out")}
decoder = Decoder(weights)
close(decoder.step(torch.tensor([0])), torch.tensor([[2.0, 0.0]]), "The first token sees itself only.", atol=1e-4)
close(decoder.step(torch.tensor([1])), torch.tensor([[0.5, 1.5]]), "The second fetches from both.", atol=1e-4)
### BEGIN HIDDEN TESTS
import math


def wanted(w, tokens):
    x = w["token"][tokens] + w["place"][: tokens.shape[1]]
    a = torch.nn.functional.scaled_dot_product_attention(x @ w["query"], x @ w["key"], x @ w["value"], is_causal=True)
    return (x + a @ w["out"]) @ w["head"]


for seed in range(2):
    random = torch.Generator().manual_seed(130 + seed)
    shapes = {"token": (4, 6), "place": (8, 6), "head": (6, 4)} | {
        name: (6, 6) for name in ("query", "key", "value", "out")
    }
    w = {name: torch.randn(*shape, generator=random) / 1.5 for name, shape in shapes.items()}
    tokens = torch.randint(4, (3, 7), generator=random)
    decoder = Decoder(w)
    steps = torch.stack([decoder.step(tokens[:, i]) for i in range(7)], dim=1)
    close(
        steps,
        wanted(w, tokens),
        "Cached logits must equal full ones. At which place does the newest token stand?",
        rtol=1e-3,
        atol=1e-3,
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "decoder-two", "locked": true, "points": 1, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

weights = {"token": torch.eye(2), "place": torch.zeros(5, 2), "head": torch.eye(2)}
weights |= {name: torch.zeros(2, 2) for name in ("query", "key")} | {name: torch.eye(2) for name in ("value", "out")}
one, two = Decoder(weights), Decoder(weights)
one.step(torch.tensor([0]))
close(two.step(torch.tensor([1])), torch.tensor([[0.0, 2.0]]), "Two decoders remember separately.", atol=1e-4)
### BEGIN HIDDEN TESTS
message = "Two decoders remember separately: step by step each has its own text behind it."
close(one.step(torch.tensor([1])), torch.tensor([[0.5, 1.5]]), message, atol=1e-4)
close(two.step(torch.tensor([0])), torch.tensor([[1.5, 0.5]]), message, atol=1e-4)
close(one.step(torch.tensor([1])), torch.tensor([[1 / 3, 5 / 3]]), message, atol=1e-4)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "decoder-fork", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import close

weights = {"token": torch.eye(2), "place": torch.zeros(5, 2), "head": torch.eye(2)}
weights |= {name: torch.zeros(2, 2) for name in ("query", "key")} | {name: torch.eye(2) for name in ("value", "out")}
decoder = Decoder(weights)
decoder.step(torch.tensor([0, 1]))
several = decoder.fork([1, 1, 0])
close(
    several.step(torch.tensor([0, 1, 0])),
    torch.tensor([[1.5, 0.5], [0.0, 2.0], [2.0, 0.0]]),
    "Rows 1, 1 and 0 go on, each with its own next token.",
    atol=1e-4,
)
### BEGIN HIDDEN TESTS
close(
    decoder.step(torch.tensor([1, 1])),
    torch.tensor([[0.5, 1.5], [0.0, 2.0]]),
    "The old decoder must not notice what a fork has seen.",
    atol=1e-4,
)
close(
    several.step(torch.tensor([1, 0, 1]))[1],
    torch.tensor([4 / 3, 2 / 3]),
    "A fork goes on as any decoder does.",
    atol=1e-4,
)
again = several.fork([1])
close(again.step(torch.tensor([1])), torch.tensor([[0.25, 1.75]]), "A fork of a fork remembers all.", atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 3: Likelihoods, summed exactly
#
# Let the last kind of token mean "nothing yet": it stands before every text and is never written. With `kinds` rows in `token`, a text is made of the tokens $0, \dots, \text{kinds} - 2$. At each place take the softmax over **these** only.
#
# **Task 3a.** $\log p(x)$ of texts of any length, by the chain rule. The decoder of Part 2, with weights as before.


# %% nbgrader={"grade": false, "grade_id": "likelihood-code", "locked": false, "schema_version": 3, "solution": true}
def log_p(weights, x):
    """x (n, t): texts without the token "nothing yet". log p of each, (n,), in nats."""
    ### BEGIN SOLUTION
    kinds = len(weights["token"])
    start = torch.full((len(x), 1), kinds - 1)
    logits = full_logits(weights, torch.cat([start, x[:, :-1]], dim=1))[..., : kinds - 1]
    return logits.log_softmax(dim=-1).gather(2, x[..., None]).sum(dim=(1, 2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "likelihood-sums", "locked": true, "points": 3, "schema_version": 3, "solution": false} given=["full-code"]
from itertools import product

import torch

from course_utils.checks import close

weights = {"token": torch.eye(3), "place": torch.zeros(6, 3), "head": torch.zeros(3, 3)}
weights |= {name: torch.eye(3) for name in ("query", "key", "value", "out")}
texts = torch.tensor(list(product(range(2), repeat=3)))
close(
    torch.as_tensor(log_p(weights, texts)).exp(),
    torch.full((8,), 1 / 8),
    "With all logits 0, each of the 8 texts has 1/8.",
)
### BEGIN HIDDEN TESTS
import math

for seed, (letters, t) in enumerate(((2, 5), (3, 3), (4, 1))):
    random = torch.Generator().manual_seed(140 + seed)
    kinds, d = letters + 1, 6
    shapes = {"token": (kinds, d), "place": (8, d), "head": (d, kinds)} | {
        name: (d, d) for name in ("query", "key", "value", "out")
    }
    w = {name: torch.randn(*shape, generator=random) / 1.5 for name, shape in shapes.items()}
    x = torch.tensor(list(product(range(letters), repeat=t)))
    close(
        torch.as_tensor(log_p(w, x)).exp().sum(),
        torch.tensor(1.0),
        "All texts together must have probability 1.",
        rtol=1e-3,
    )
    inputs = torch.cat([torch.full((len(x), 1), letters), x[:, :-1]], dim=1)
    h = w["token"][inputs] + w["place"][:t]
    a = torch.nn.functional.scaled_dot_product_attention(h @ w["query"], h @ w["key"], h @ w["value"], is_causal=True)
    logits = ((h + a @ w["out"]) @ w["head"])[..., :letters]
    right = logits.log_softmax(dim=-1).gather(2, x[..., None]).sum(dim=(1, 2))
    close(log_p(w, x), right, 'Each token, given "nothing yet" and the tokens before it.', rtol=1e-3, atol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# **Task 3b.** Questions that the chain rule does not answer in its own order, answered by summing over all texts of length $t$: the probabilities of the token at one place, whatever the others are; and the probabilities of the **first** token when the **last** one is known (Bayes' rule: what the model
# believes about the beginning of a text of which only the end is left).


# %% nbgrader={"grade": false, "grade_id": "sums-code", "locked": false, "schema_version": 3, "solution": true}
def marginal(weights, t, place):
    """The probabilities (kinds − 1,) of the token at `place` of a text of length t; places count from 0."""
    ### BEGIN SOLUTION
    letters = len(weights["token"]) - 1
    texts = torch.tensor(list(product(range(letters), repeat=t)))
    p = log_p(weights, texts).exp()
    return torch.stack([p[texts[:, place] == letter].sum() for letter in range(letters)])
    ### END SOLUTION


def first_given_last(weights, t, last):
    """The probabilities (kinds − 1,) of the first token of a text of length t ≥ 2 whose last token is `last`."""
    ### BEGIN SOLUTION
    letters = len(weights["token"]) - 1
    texts = torch.tensor(list(product(range(letters), repeat=t)))
    texts = texts[texts[:, -1] == last]
    p = log_p(weights, texts).exp()
    both = torch.stack([p[texts[:, 0] == letter].sum() for letter in range(letters)])
    return both / both.sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sums-marginal", "locked": true, "points": 2, "schema_version": 3, "solution": false} given=["full-code", "likelihood-code"]
from itertools import product

import torch

from course_utils.checks import close

even = {"token": torch.eye(3), "place": torch.zeros(6, 3), "head": torch.zeros(3, 3)}
even |= {name: torch.eye(3) for name in ("query", "key", "value", "out")}
close(marginal(even, 4, 2), torch.tensor([0.5, 0.5]), "All texts alike: even odds at every place.")
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(150)
letters, d = 3, 6
shapes = {"token": (letters + 1, d), "place": (8, d), "head": (d, letters + 1)} | {
    name: (d, d) for name in ("query", "key", "value", "out")
}
w = {name: torch.randn(*shape, generator=random) / 1.3 for name, shape in shapes.items()}


def exactly(w, t):
    x = torch.tensor(list(product(range(letters), repeat=t)))
    h = w["token"][torch.cat([torch.full((len(x), 1), letters), x[:, :-1]], dim=1)] + w["place"][:t]
    a = torch.nn.functional.scaled_dot_product_attention(h @ w["query"], h @ w["key"], h @ w["value"], is_causal=True)
    logits = ((h + a @ w["out"]) @ w["head"])[..., :letters]
    return x, logits.log_softmax(dim=-1).gather(2, x[..., None]).sum(dim=(1, 2)).exp()


x, p = exactly(w, 4)
for place in (0, 2, 3):
    right = torch.stack([p[x[:, place] == letter].sum() for letter in range(letters)])
    close(
        marginal(w, 4, place),
        right,
        "Sum the probabilities of all texts with this token at this place.",
        rtol=1e-3,
        atol=1e-4,
    )
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "sums-bayes", "locked": true, "points": 3, "schema_version": 3, "solution": false} given=["full-code", "likelihood-code"]
from itertools import product

import torch

from course_utils.checks import close

even = {"token": torch.eye(3), "place": torch.zeros(6, 3), "head": torch.zeros(3, 3)}
even |= {name: torch.eye(3) for name in ("query", "key", "value", "out")}
close(first_given_last(even, 3, 1), torch.tensor([0.5, 0.5]), "All texts alike: the end says nothing of the beginning.")
### BEGIN HIDDEN TESTS
random = torch.Generator().manual_seed(160)
letters, d = 3, 6
shapes = {"token": (letters + 1, d), "place": (8, d), "head": (d, letters + 1)} | {
    name: (d, d) for name in ("query", "key", "value", "out")
}
w = {name: torch.randn(*shape, generator=random) / 1.3 for name, shape in shapes.items()}


def exactly(w, t):
    x = torch.tensor(list(product(range(letters), repeat=t)))
    h = w["token"][torch.cat([torch.full((len(x), 1), letters), x[:, :-1]], dim=1)] + w["place"][:t]
    a = torch.nn.functional.scaled_dot_product_attention(h @ w["query"], h @ w["key"], h @ w["value"], is_causal=True)
    logits = ((h + a @ w["out"]) @ w["head"])[..., :letters]
    return x, logits.log_softmax(dim=-1).gather(2, x[..., None]).sum(dim=(1, 2)).exp()


for t, last in ((2, 0), (4, 2), (5, 1)):
    x, p = exactly(w, t)
    both = torch.stack([p[(x[:, 0] == letter) & (x[:, -1] == last)].sum() for letter in range(letters)])
    close(
        first_given_last(w, t, last),
        both / both.sum(),
        "Bayes: p(first and last) over p(last), not p(last | first).",
        rtol=1e-3,
        atol=1e-4,
    )
### END HIDDEN TESTS

# %% [markdown]
# ## Part 4: As good as possible, and not better
#
# A source writes the tokens 0 and 1. After two zeros it writes 1, otherwise 0: with probability 0.9; with probability 0.1 it writes the opposite. The first two are fair coins. Nobody can do better than the source's own entropy:
#
# $$H = -0.9 \log 0.9 - 0.1 \log 0.1 = 0.325 \text{ nats a token}$$
#
# from the third token on.


# %% nbgrader={"grade": false, "grade_id": "source", "locked": true, "schema_version": 3, "solution": false}
def source(n, t, seed):
    """n texts of the source, (n, t)."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randint(2, (n, t), generator=random)
    flips = torch.rand(n, t, generator=random) < 0.1
    for i in range(2, t):
        x[:, i] = ((x[:, i - 1] + x[:, i - 2]) == 0) ^ flips[:, i]
    return x


class Tiny(nn.Module):
    """Looks back over four tokens by a convolution that is padded on the left, and no further."""

    def __init__(self):
        super().__init__()
        self.token = nn.Embedding(2, 16)
        self.near = nn.Conv1d(16, 32, 4)
        self.up, self.head = nn.Linear(32, 32), nn.Linear(32, 2)

    def forward(self, tokens):  # (n, t) => logits (n, t, 2) of the token that comes next
        x = F.relu(self.near(F.pad(self.token(tokens).mT, (3, 0))).mT)
        return self.head(F.relu(self.up(x)))


# %% [markdown]
# **Task 4a.** Train a `Tiny` on texts of the source, of which you may draw as many as you like, and return it. The tests put its weights into a network of their own and measure it on texts of theirs: at most $H + 0.02$ nats a token, from the third on. A few seconds are enough.


# %% nbgrader={"grade": false, "grade_id": "training-code", "locked": false, "schema_version": 3, "solution": true}
def trained(seed=0):
    """A trained Tiny."""
    ### BEGIN SOLUTION
    torch.manual_seed(seed)
    model = Tiny()
    adam = torch.optim.Adam(model.parameters(), 1e-2)
    steps = 300
    fade = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.02, steps)
    for step in range(steps):
        x = source(64, 24, seed=1000 * seed + step)
        loss = F.cross_entropy(model(x[:, :-1])[:, 1:].mT, x[:, 2:])
        adam.zero_grad()
        loss.backward()
        adam.step()
        fade.step()
    return model
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "training-floor", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import math

import torch
import torch.nn.functional as F

from course_utils.checks import check, ours, with_weights

tested = with_weights(ours("Tiny")(), trained(), "Return the trained network, or its state_dict.")
with torch.no_grad():
    x = ours("source")(400, 40, seed=987_654)
    measured = F.cross_entropy(tested(x[:, :-1])[:, 1:].mT, x[:, 2:]).item()
best = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
check(
    measured < best + 0.02,
    f"On fresh texts it has {measured:.3f} nats a token; at most {best + 0.02:.3f} are asked for.",
)

# %% [markdown]
# **Task 4b.** How good is a model that looks back over **one** token only? Not by training: compute it. The pair of the last two tokens of a long text takes its four values with certain probabilities; the best prediction from one token is the conditional probability given that token. Return its loss in nats a token, for a
# source that follows the rule with probability $r$ instead of 0.9.
#
# (A check for yourself: with $r = 1/2$ the source is a fair coin.)


# %% nbgrader={"grade": false, "grade_id": "one-back-code", "locked": false, "schema_version": 3, "solution": true}
def best_from_one(r):
    """The lowest possible loss, in nats a token, of a model that sees only the last token, in a long text."""
    ### BEGIN SOLUTION
    step = torch.zeros(4, 4, dtype=torch.float64)  # from the pair (a, b) to (b, c)
    for a, b, c in product(range(2), repeat=3):
        step[2 * a + b, 2 * b + c] = r if c == (a + b == 0) else 1 - r
    pairs = torch.full((4,), 0.25, dtype=torch.float64)
    for _ in range(4000):
        pairs = 0.5 * pairs + 0.5 * pairs @ step
    joint = (pairs @ step).view(2, 2)  # of (b, c)
    return -(joint * (joint / joint.sum(dim=1, keepdim=True)).log()).nansum().item()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "one-back", "locked": true, "points": 3, "schema_version": 3, "solution": false}
import math

from course_utils.checks import close

close(best_from_one(0.5), math.log(2), "A fair coin: log 2.", rtol=1e-3)
### BEGIN HIDDEN TESTS
import torch

for r in (0.9, 0.7, 0.3):
    matrix = torch.zeros(4, 4, dtype=torch.float64)
    for a in range(2):
        for b in range(2):
            for c in range(2):
                matrix[2 * a + b, 2 * b + c] = r if c == (a + b == 0) else 1 - r
    system = torch.cat([matrix.T - torch.eye(4, dtype=torch.float64), torch.ones(1, 4, dtype=torch.float64)])
    target = torch.zeros(5, 1, dtype=torch.float64)
    target[4] = 1.0
    pairs = torch.linalg.lstsq(system, target).solution.flatten().view(2, 2)
    given = pairs / pairs.sum(dim=1, keepdim=True)
    right = -(pairs * given.log()).sum().item()
    close(
        best_from_one(r),
        right,
        "Find how often each pair comes in a long text, then the entropy of the second given the first.",
        rtol=1e-3,
    )
### END HIDDEN TESTS

# %% [markdown]
# ### Question 2 (4 points)
#
# (a) Somebody reports a loss of 0.31 nats a token on the source of Part 4, measured on a million fresh tokens. What do you conclude, and what do you look for first? (b) Your number of Task 4b for $r = 0.9$ lies well above $H$. What does the difference measure? (c) A PixelCNN reports 84 nats a digit and a VAE "at most 94 nats". Which statements about the two likelihoods follow, and which do
# not? (d) Why is "0.15 bits a pixel" for black-and-white digits no better than "0.81 bits a pixel" for digits with 256 grey values?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-floors", "locked": false, "points": 4, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# One point each.
# - (a) Below the entropy of the source by far more than chance on a million tokens: impossible for an honest model; a leak or a mistake in measuring (targets not shifted, training texts, mean over the wrong tokens).
# - (b) What the second last token tells about the next one beyond the last (a conditional mutual information), in nats: the worth of a longer memory.
# - (c) The PixelCNN's is exact: its NLL is 84. The VAE's is at most 94, it may be anything below. It does not follow that the VAE is worse; and only if both are for the same data (binarisation, test set).
# - (d) Different data: a grey pixel carries far more information (256 values) than a black-and-white one. Numbers compare only on the same data and alphabet.
# ### END MARK SCHEME
# (a) No model can be below the entropy, 0.325, and on a million tokens chance explains no 0.015. So there is a leak or a wrong measurement: I would change one token and see which predictions move, and check that targets are shifted.
#
# (b) What the token before the last adds to the prediction: the mutual information of it and the next token, given the last. So much a longer memory is worth.
#
# (c) The PixelCNN's likelihood is exactly 84 nats. The VAE's is 94 or better, so it might even be below 84. Whether the PixelCNN is better does not follow. And both must have seen the same kind of binarisation.
#
# (d) The pixels of the one carry at most one bit, those of the other up to eight. The data differ, so the numbers do not compare.

# %% [markdown]
# ## Part 5: Your investigation
#
# A longer memory can use more, and has more to learn. When is it worth its price? Find out on the source of Part 4, with tables of counts, which cost next to nothing.
#
# **Task 5.** Learn from `source(n, 24, seed)` how likely each token is after each **context**, the last `memory` tokens. Return probabilities of shape `(2**memory, 2)`. The number of a row is its context read as a number in base two, oldest token
# first: with `memory=3`, row 4 belongs to 1, 0, 0, of which the last two came last. Predict from the third token on. Contexts that were seen seldom or never need smoothing; the rule is yours. The tests measure your tables on texts of their own.


# %% nbgrader={"grade": false, "grade_id": "memory-code", "locked": false, "schema_version": 3, "solution": true}
def learned_table(memory, n, seed):
    """Probabilities (2**memory, 2) of the next token after each context, learned from source(n, 24, seed)."""
    ### BEGIN SOLUTION
    x = source(n, 24, seed)
    counts = torch.full((2**memory, 2), 0.5)
    powers = 2 ** torch.arange(memory - 1, -1, -1)
    for i in range(max(memory, 2), 24):
        context = (x[:, i - memory : i] * powers).sum(dim=1)
        counts.index_put_((context, x[:, i]), torch.ones(n), accumulate=True)
    return counts / counts.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "memory-tables", "locked": true, "points": 4, "schema_version": 3, "solution": false}
import torch

from course_utils.checks import check, close, ours


def learned(memory, n, seed):
    return torch.as_tensor(learned_table(memory, n, seed=seed)).detach().double()


tables = {m: learned(m, 500, 0) for m in (1, 2, 3)}
for m, table in tables.items():
    close(table.sum(dim=1), torch.ones(2**m, dtype=torch.float64), "2**memory rows of two probabilities that sum to 1.")
check((tables[2][0, 1] - 0.9).abs() < 0.03, "After two zeros the source writes 1 with probability 0.9.")
### BEGIN HIDDEN TESTS
fresh = ours("source")(400, 40, seed=987_655)

tables[5], losses = learned(5, 500, 0), {}
for m, table in tables.items():  # nats a token, from the ninth token on
    windows = fresh.unfold(1, m + 1, 1)[:, 8 - m :].reshape(-1, m + 1)
    row = (windows[:, :-1] * 2 ** torch.arange(m - 1, -1, -1)).sum(dim=1)
    losses[m] = -table[row, windows[:, -1]].log().mean().item()
floor = torch.special.entr(torch.tensor([0.9, 0.1])).sum().item()
for m in (2, 3, 5):
    message = f"With memory {m} and 500 texts, {losses[m]:.3f} nats on fresh texts; the source has {floor:.3f}: which row is which?"
    check(losses[m] < floor + 0.02, message)
check(losses[1] > floor + 0.1, "With memory 1 a table cannot know what came before the last token.")
rare = learned(6, 2, 1)
check(bool(0 < rare.min() <= rare.max() < 1), "A context that was seldom seen needs smoothing: no probability of 0.")
close(learned(2, 2, 1), learned(2, 2, 1), "The same seed, the same table.")
check(not torch.equal(learned(2, 2, 1), learned(2, 2, 2)), "Another seed means other texts to learn from.")
tables, counts = [], []  # with few texts a table follows the accidents of its own, whatever the smoothing
for seed in range(20):
    tables.append(learned(2, 10, seed)[:, 1])
    x = ours("source")(10, 24, seed)
    row, after = (2 * x[:, :-2] + x[:, 1:-1]).flatten(), x[:, 2:].flatten().double()
    counts.append(torch.bincount(row, after, minlength=4) / torch.bincount(row, minlength=4))
theirs, right = ((one - one.mean(dim=0)).flatten() for one in (torch.stack(tables), torch.stack(counts)))
message = "From ten texts one learns what happened in these: count, do not write down the rule."
check((theirs @ right) / (theirs.norm() * right.norm()) > 0.6, message)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "memory-print", "locked": true, "schema_version": 3, "solution": false}
from course_utils.checks import when_ready

fresh = source(2_000, 40, seed=12_345)
with when_ready():
    print("nats a token on fresh texts, means over five seeds\ntexts  " + "".join(f"  memory {m}" for m in range(1, 9)))
    for n in (1, 4, 16, 64, 256):
        row = []
        for m in range(1, 9):
            windows = fresh.unfold(1, m + 1, 1)[:, 8 - m :].reshape(-1, m + 1)
            context = (windows[:, :-1] * 2 ** torch.arange(m - 1, -1, -1)).sum(dim=1)
            tables = [torch.as_tensor(learned_table(m, n, s)) for s in range(5)]
            row.append(sum(-table[context, windows[:, -1]].log().mean().item() for table in tables) / 5)
        print(f"{n:5d}  " + "".join(f"{one:10.3f}" for one in row))

# %% [markdown]
# ### Report (6 points)
#
# In about 200 words. Before you run anything: which memory do you expect to be best with 1, with 16, with 256 texts? Then the table, with the spread over seeds for two of its entries. By how much is memory $m$ above $H$, as a function of $m$ and of the number of tokens learned from? Find a rule that
# fits the columns $m \ge 2$, and say where it fails. Then one change of your own (the smoothing, the probability 0.9, a source with a longer rule), predicted and measured. Last: what does it say about the 4-gram model and the transformer of chapter 12, and what does it not say?

# %% [markdown] nbgrader={"grade": true, "grade_id": "essay-memory", "locked": false, "points": 6, "schema_version": 3, "solution": true}
# ### BEGIN MARK SCHEME
# - expectation before the result (1); the table and a spread over seeds (1);
# - the rule (2): for m = 2 and 3 the distance to H is about (number of contexts) / (2 × number of tokens) = 2**m / (2 · 22 n), half a nat for each free number, shared by the tokens: it falls as 1/n. For longer memories the distance grows by
#   less than a factor of 2 a token: many contexts are rare, and what is rarely asked costs little. For m = 1 a distance remains that no data removes. Accept any rule with its numbers and the place where it fails;
# - a change of their own, predicted and measured (1);
# - limits (1): 4-grams beyond some length gain little because contexts grow with every character; a transformer shares what it learns between contexts, so its number of contexts is not its number of free numbers; a toy source
#   with two letters says nothing of how much.
# ### END MARK SCHEME
# I expected memory 1 to be best with one text, and memory 2 from 16 on. In the means of five seeds memory 2 is best in every row, with one text, too: 0.370 against 0.581. The spread there is 0.025 (standard deviation over seeds), with 256 texts and memory 8 it is 0.002.
#
# With memory 1 the loss ends at 0.561 however many texts there are: Task 4b. Above H = 0.325, memory 2 has 0.024 nats with 4 texts and 0.004 with 16. The rule $2^m / (2 \cdot 22\,n)$, half a nat for each context, shared among the 22 n tokens, gives 0.023 and 0.006. With memory 8 and 16 texts it would be 0.364; measured are 0.060. Most of
# the 256 contexts come up seldom, so it costs little that they were not learned.
#
# My change: smoothing by 0.05 instead of 0.5. I predicted that long memories suffer most, since a context seen once then claims near certainty. With 16 texts memory 8 rises from 0.385 to 0.409, as predicted, memory 4 from 0.339 to 0.351. But with one text memory 2 suffers most of all, from 0.370 to 0.455.
#
# For chapter 12: the counts of a 4-gram model run out when contexts get long, as here. A transformer shares what it learns between contexts, so the rule does not hold for it. How much that is worth in real text, a source with two letters cannot say.
