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
# # 12 · Autoregressive models and transformers
#
# **You will be able to**
#
# - write a transformer and train it on text;
# - test that a model sees nothing of the future;
# - write attention as loops and as matrices, and keep a cache of keys and values;
# - give pictures an exact likelihood, and complete half a digit.
#
# **Time.** About 70 minutes to read without the sections marked *Further*. All cells run in about 140
# seconds on two CPU cores.
#
# **You need** cross-entropy (chapter 00); for the closing table, chapter 03's two scores.
#
# ![Rows of digits in black and white: upper halves that were given, three completions of each, and the originals.](images/12.png)
#
# *What you will make: a network that completes digits from their upper halves.*

# %% tags=["bootstrap", "hide-input"] jupyter={"source_hidden": true} cellView="form"
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

# %%
import math

import torch
import torch.nn.functional as F
from torch import nn

from course_utils import schedule
from course_utils.data import load_images
from course_utils.results import Results, holds
from course_utils.training import train

# %%
schedule.seed_everything()
device = schedule.device()
digits = load_images("mnist")
results = Results("12", digits.source)

# %% [markdown]
# ## 12.1 One character after another · 2 min
#
# An **autoregressive** model makes a thing piece by piece, and looks at all it has made so far before it adds the next piece, a **token**: here a character, later a small square of pixels.
# Document 000 names such models in one sentence, with text as their example; the large language models are of this kind. All that has to be learned is: *given what stands there, how likely
# is each token to come next?* That is classification, with the cross-entropy of chapter 00.
#
# The text is Python's own reference, which `help("for")` shows. Some paragraphs stand on several pages; we
# keep one of each, and put every tenth aside.

# %%
from pydoc_data.topics import topics  # the text differs a little between versions of Python

paragraphs = "\n\n".join(topics[name] for name in sorted(topics)).split("\n\n")
paragraphs = list(dict.fromkeys(paragraphs))  # each once
held_out = "\n\n".join(paragraphs[9::10])
writing = "\n\n".join(one for place, one in enumerate(paragraphs) if place % 10 != 9)
alphabet = sorted(set(writing + held_out))
print(f"{len(writing):,} characters to learn from, {len(held_out):,} put aside, an alphabet of {len(alphabet)}")
print(writing[:300])

# %% [markdown]
# ## 12.2 A network that looks back · 6 min
#
# Every character becomes a vector of 128 numbers. The network improves the vectors by three means:
#
# - **A short convolution over time** mixes each with the four before it.
# - **Attention** lets every place fetch something from *any* earlier place: where its **query** matches a **key**, much of that **value** is fetched. 12.6 takes it apart.
# - **A small dense network** thinks about each place by itself.
#
# ![Diagram: characters become vectors; a short causal convolution; two blocks, each of attention that looks back and a dense network, with arrows around them; a linear layer gives scores for the next character.](images/12_transformer.svg)
#
# Attention and dense network together are a **block**. Its results are *added* to what was there.


# %%
class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads  # several small searches side by side
        self.to_qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.out.weight)  # at first a block passes on what it gets

    def forward(self, x, memory=None):
        n, t, width = x.shape
        q, k, v = self.to_qkv(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # each (n, heads, t, d)
        if memory is not None:  # keys and values of earlier calls: section 12.8
            if memory:
                k, v = torch.cat([memory[0], k], dim=2), torch.cat([memory[1], v], dim=2)
            memory[:] = k, v
        scores = q @ k.mT / math.sqrt(q.shape[-1])  # (n, heads, t, past + t)
        past = k.shape[2] - t
        future = torch.ones(t, past + t, dtype=torch.bool, device=x.device).triu(past + 1)
        weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)  # nothing from the future
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, width))


class CausalBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm_1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm_2, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        nn.init.zeros_(self.down.weight)

    def forward(self, x, memory=None):
        x = x + self.attention(self.norm_1(x), memory)  # (n, t, width), as is every x here
        return x + self.down(F.gelu(self.up(self.norm_2(x))))


# %% [markdown]
# (A **layer norm** brings each vector to mean 0 and variance 1, then scales and shifts it.) The whole:


# %%
class Transformer(nn.Module):
    def __init__(self, kinds, context, width=128, heads=4, blocks=2, reach=5):
        super().__init__()
        self.context, self.reach = context, reach
        self.token = nn.Embedding(kinds, width)  # a vector for each kind of token
        self.place = nn.Embedding(context, width)  # and one for each place: 12.20
        self.near = nn.Conv1d(width, width, reach)  # the convolution over time
        self.blocks = nn.ModuleList(CausalBlock(width, heads) for _ in range(blocks))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, kinds)
        nn.init.normal_(self.token.weight, std=0.5)
        nn.init.normal_(self.place.weight, std=0.1)

    def forward(self, tokens):  # (n, t) => logits (n, t, kinds) of the token that comes next
        x = self.token(tokens)
        x = x + self.near(F.pad(x.mT, (self.reach - 1, 0))).mT  # padded on the left only
        x = x + self.place.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


# %% [markdown]
# ## 12.3 Half a minute of training · 3 min
#
# A training example is a window of 65 characters. The first 64 go in; at *every* place the network must name the one that follows: 64 small tasks in one pass.


# %%
def encode(text):
    return torch.tensor([alphabet.index(character) for character in text], device=device)


size = {"width": (128, 384), "blocks": (2, 6), "context": (64, 256)}  # short, full
settings = schedule.choose(steps=(1_000, 10_000), batch_size=(8, 64), rate=(4e-3, 1e-3), **size)
text, unseen = encode(writing), encode(held_out)
windows = text.unfold(0, settings.context + 1, 1)  # every window of the text, (n, 65): a view, no copies
shape = {"context": settings.context, "width": settings.width, "blocks": settings.blocks}
writer = Transformer(len(alphabet), **shape).to(device)
adam = torch.optim.AdamW(writer.parameters(), settings.rate, betas=(0.9, 0.98), weight_decay=0.1)
fade = torch.optim.lr_scheduler.OneCycleLR(adam, settings.rate, settings.steps, cycle_momentum=False)


def update(window):
    logits = writer(window[:, :-1])  # (n, 64, kinds)
    loss = F.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())  # what follows at each place
    adam.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(writer.parameters(), 1.0)  # no single step may be too long
    adam.step()
    fade.step()
    return {"nats": loss}


# %%
history = train(update, windows, steps=settings.steps, batch_size=settings.batch_size)

# %% [markdown]
# ## 12.4 It writes · 7 min
#
# To write, draw a character from the predicted probabilities, append it, and ask again.


# %%
@torch.no_grad()
def continue_text(model, tokens, n, temperature=0.8):
    """Continue `tokens` (1, t) by `n` tokens. A temperature below 1 prefers what is likely: 12.15."""
    for _ in range(n):
        logits = model(tokens[:, -model.context :])[:, -1]  # what comes after the last one
        following = torch.multinomial((logits / temperature).softmax(dim=-1), 1)
        tokens = torch.cat([tokens, following], dim=1)
    return tokens


def as_text(tokens):
    return "".join(alphabet[k] for k in tokens.tolist())


print(as_text(continue_text(writer, encode("The function")[None], 400)[0]))

# %% [markdown]
# Read it aloud: which of the words exist?
#
# Is it any good? Count the surprise. If the model gave the character that came the probability $p$, its loss there is $-\log p$ nats, or $-\log_2 p$ **bits** (one bit is $\log 2 = 0.69$ nats); the
# mean over unseen text is the number of bits per character that an ideal compressor would need with this model. Every character of the text put aside is predicted once, with at least 33 before it in view.


# %%
def bits_per_character(model, tokens):
    half = model.context // 2
    some = tokens.unfold(0, model.context + 1, half)  # each window begins half a window after the one before
    with schedule.evaluating(model):
        nats = torch.cat([F.cross_entropy(model(w[:, :-1]).mT, w[:, 1:], reduction="none") for w in some.split(100)])
    return nats[:, half:].mean().item() / math.log(2)


transformer_bits = bits_per_character(writer, unseen)
print(f"{transformer_bits:.3f} bits a character; all characters equally likely: {math.log2(len(alphabet)):.3f}")

# %% [markdown]
# A number without a rival says little. The oldest rival is to count. A **4-gram model** looks up how often each character followed the last three. What it never saw
# would get probability 0, so counts are mixed with those after two characters, one, and none. There are several rules of mixing; we let it have the best of three.

# %%
from collections import Counter

tables = [Counter(writing[i : i + k] for i in range(len(writing) - k + 1)) for k in (1, 2, 3, 4)]
total, kinds = Counter(), Counter()
for table in tables:
    for gram, count in table.items():
        total[gram[:-1]] += count  # how often this context was seen,
        kinds[gram[:-1]] += 1  # and with how many different characters after it
print(f"{len(total):,} contexts seen, {len(tables[3]):,} kinds of four characters in a row")

# %%
rules = {  # from a count, and p, the probability by a context that is shorter by one
    "add a hundredth": lambda count, total, kinds, p: (count + 0.01) / (total + 0.01 * len(alphabet)),
    "Witten and Bell": lambda count, total, kinds, p: (count + kinds * p) / (total + kinds),
    "absolute discount": lambda count, total, kinds, p: (max(count - 0.75, 0) + 0.75 * kinds * p) / total,
}


def probability(rule, context, character):
    p = 1 / len(alphabet)
    for k in range(4):  # from no context to three characters
        short = context[3 - k :]
        if short in total:
            p = rule(tables[k][short + character], total[short], kinds[short], p)
    return p


# %%
grams = {}
for name, rule in rules.items():
    surprise = [math.log2(probability(rule, held_out[i - 3 : i], held_out[i])) for i in range(33, len(held_out))]
    grams[name] = -sum(surprise) / len(surprise)
    print(f"4-gram, {name:17s} {grams[name]:.3f} bits a character")

# %%
some = [sum(probability(rule, "def", c) for c in alphabet) for rule in rules.values()]
holds("each rule gives probabilities that sum to 1", max(abs(one - 1) for one in some) < 1e-9)
best_gram = min(grams.values())
holds("the transformer beats the best of them", transformer_bits < best_gram - 0.03, transformer_bits, best_gram)
results.add(bits_per_character=transformer_bits, bits_4gram=best_gram)

# %% [markdown]
# A longer memory of counts would help the rival, for a while: see 12.13.

# %% [markdown]
# ## 12.5 The chain rule is the whole model · 5 min
#
# Why is that a *generative model*, of the same standing as those before? Write $x = (x_1, \dots, x_T)$ for all tokens and $x_{<i}$ for those before the $i$-th. The chain rule of
# probability says, for every distribution and any order of the tokens,
#
# $$p(x) = \prod_{i=1}^{T} p(x_i \mid x_{<i}). \tag{12.1}$$
#
# Nothing is approximated. And it works the other way, too: take *any* function that turns what came before into probabilities for what comes next, multiply, and the result is a distribution over all $x$.
# To see it, sum over the last token first: its probabilities sum to 1 and the factor is gone; then the last but one, and so on. So $-\log p(x)$ is known **exactly**, and the mean of
# the losses is the negative log-likelihood. Chapter 02 had to be content with a bound.
#
# For pictures the tokens may be pixels, in the order in which we read. The smallest network for it is **MADE** (Germain et al., 2015): a dense network in which some weights are struck out. Every hidden unit gets
# a number $m$ and sees only the pixels up to $m$; the output for pixel $i$ uses only units with $m < i$, and pixels before it directly.


# %%
class MaskedLinear(nn.Linear):
    def __init__(self, mask):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.float())

    def forward(self, x):
        return F.linear(x, self.weight * self.mask, self.bias)


class MADE(nn.Module):
    def __init__(self, pixels=784, hidden=1024):
        super().__init__()
        pixel, unit = torch.arange(pixels), torch.arange(hidden) % (pixels - 1)
        self.hidden = MaskedLinear(unit[:, None] >= pixel)  # (hidden, pixels)
        self.out = MaskedLinear(pixel[:, None] > unit)  # (pixels, hidden)
        self.direct = MaskedLinear(pixel[:, None] > pixel)  # strictly below the diagonal

    def forward(self, x):  # (n, pixels) => logits (n, pixels): of each pixel, given those before it
        return self.out(F.relu(self.hidden(x))) + self.direct(x)


# %% [markdown]
# There are $2^9 = 512$ black-and-white pictures of 3×3 pixels, few enough to ask for all of them. The network is fresh, its weights are random.

# %%
every_picture = torch.cartesian_prod(*9 * [torch.tensor([0.0, 1.0])])  # (512, 9)


def log_likelihood(logits, x):
    """log p(x) of binary x, from the logits of its pixels: one number a picture."""
    return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(dim=1)


# %% [markdown]
# > **❓ Predict.** What do the 512 probabilities sum to? And for a "network" without masks, which looks at each pixel and names it with near certainty?

# %% jupyter={"outputs_hidden": true}
fresh = MADE(pixels=9, hidden=24)
logits = {"MADE": fresh(every_picture), "a network that looks": 20 * (2 * every_picture - 1)}
sums = {name: log_likelihood(some, every_picture).exp().sum().item() for name, some in logits.items()}
print(sums)
holds("with masks the 512 pictures share a probability of 1", abs(sums["MADE"] - 1) < 1e-4, sums["MADE"])
holds("without them each of the 512 gets nearly all of it", sums["a network that looks"] > 500)

# %% [markdown]
# The second "likelihood" is excellent and worthless. **A loss that is too good is the first sign of a leak.** The transformer passes the same test. It has no output for the first pixel, so
# we put a third token, "nothing yet", in front.

# %%
pixel_writer = Transformer(kinds=3, context=9, width=16, heads=2)
nn.init.normal_(pixel_writer.head.weight, std=1.0)  # far from even odds
tokens = F.pad(every_picture.long(), (1, 0), value=2)  # (512, 10)
each = pixel_writer(tokens[:, :-1])[..., :2].log_softmax(dim=-1).gather(2, tokens[:, 1:, None])
sum_of_all = each.sum(dim=(1, 2)).exp().sum()
holds("and so with a transformer", abs(sum_of_all - 1) < 1e-4, sum_of_all)

# %% [markdown]
# ## 12.6 Attention, one pair at a time · 3 min
#
# Let place $i$ have the query $q_i$, and place $j$ the key $k_j$ and the value $v_j$, vectors of $d$ numbers each. Place $i$ fetches
#
# $$y_i = \sum_{j \le i} a_{ij}\, v_j, \qquad a_{ij} = \frac{\exp(q_i \cdot k_j / \sqrt d)}{\sum_{l \le i} \exp(q_i \cdot k_l / \sqrt d)}, \tag{12.2}$$
#
# a mean of the values up to $i$, in which those with a matching key weigh most. As loops, one pair at a time:


# %%
def attention_by_loops(q, k, v):
    result = torch.zeros_like(v)
    for i in range(len(q)):
        scores = torch.stack([q[i] @ k[j] / math.sqrt(q.shape[1]) for j in range(i + 1)])  # only j ≤ i
        weights = scores.softmax(dim=0)
        for j in range(i + 1):
            result[i] += weights[j] * v[j]
    return result


def attention_by_matrices(q, k, v):
    scores = q @ k.mT / math.sqrt(q.shape[-1])  # every pair at once
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)  # j > i
    return scores.masked_fill(future, -math.inf).softmax(dim=-1) @ v


q, k, v = torch.randn(3, 10, 8)
by_loops, by_matrices = attention_by_loops(q, k, v), attention_by_matrices(q, k, v)
by_torch = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)[0]
holds("loops and matrices agree", torch.allclose(by_loops, by_matrices, atol=1e-5))
holds("so does PyTorch's function", torch.allclose(by_torch, by_matrices, atol=1e-5))

# %% [markdown]
# The matrices compute scores that are thrown away, those with $j > i$, but all at once. The price grows with the square of the length: 784 pixels
# make $784^2 = 614{,}656$ pairs, the 196 squares of 12.9 only 38,416.
#
# Why $\sqrt d$? If the entries of $q$ and $k$ are independent with mean 0 and variance 1, the variance of $q \cdot k$ is $d$. Without the root, the softmax of a wide network would begin with nearly all weight on
# one place.

# %%
for d in (8, 128, 2048):
    a, b = torch.randn(2, 4000, d)
    products = (a * b).sum(dim=1)
    print(f"d = {d:4d}: variance of q·k {products.var():7.1f}, of q·k/√d {(products / math.sqrt(d)).var():.2f}")
    assert abs(products.var() / d - 1) < 0.2

# %% [markdown]
# ## 12.7 Nothing from the future · 6 min
#
# A leak does not crash. It gives a wonderful loss and a useless model, and it has happened in published code (see 12.19). So test for it, always, in one way that fits every model: **change one
# token, and see which predictions move.**
#
# > **❓ Predict.** We change the character at place 20 of 64 (counting from 0). Which of the 64 predictions of the trained transformer may move, and which must not?


# %%
def moved(predict, tokens, place, other):
    """Which predictions move when the token at `place` becomes `other`: a list of places."""
    changed = tokens.clone()
    changed[:, place] = other
    with torch.no_grad():
        gap = (predict(changed) - predict(tokens)).abs().amax(dim=(0, 2))
    return gap.nonzero().flatten().tolist()


# %% jupyter={"outputs_hidden": true}
some = unseen[: settings.context][None]
places = moved(writer, some, place=20, other=(some[0, 20] + 1) % len(alphabet))
holds("the first that moves is the one at place 20", places[0] == 20, f"{len(places)} move")
for place in range(settings.context):
    assert min(moved(writer, some, place, (some[0, place] + 1) % len(alphabet))) == place
print(f"✓ and so for each of the {settings.context} places: none before it moves")

# %% [markdown]
# The prediction *at* place 20 is about the character at 21, so it may and does move. None before it does, not by the last bit.
#
# Now plant a leak. `padding="same"` is what most convolutions want: two zeros on either side instead of four on the left. It looks harmless. We train the sound
# and the leaking network on **random** tokens of eight kinds, which nobody can predict: the best possible loss is $\log 8 = 2.08$ nats.


# %%
from course_utils.figures import plot_history


def on_random_tokens(model, steps=120):
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(steps):
        tokens = torch.randint(8, (16, 33))
        loss = F.cross_entropy(model(tokens[:, :-1]).mT, tokens[:, 1:])
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return losses


sound, leaking = (Transformer(kinds=8, context=32, width=32, heads=2, blocks=1) for _ in range(2))
leaking.near = nn.Sequential(nn.ConstantPad1d((-2, 2), 0.0), leaking.near)  # two zeros move from left to right
curves = {"sound": on_random_tokens(sound), "padding on both sides": on_random_tokens(leaking)}
plot_history(
    curves,
    ylabel="nats a token",
    window=5,
    hlines={"log 8": math.log(8)},
    alt="Loss on random tokens against the training step: the sound network's curve stays at the dashed line of log 8; that of the leaking one falls far below it.",
)

# %%
ends = {name: sum(losses[-20:]) / 20 for name, losses in curves.items()}
holds("what looks only back cannot beat log 8", ends["sound"] > math.log(8) - 0.02, ends["sound"])
holds("what looks ahead does", ends["padding on both sides"] < 1.0, ends["padding on both sides"])
holds("the test of above finds it", min(moved(leaking, torch.zeros(1, 32, dtype=torch.long), 20, 1)) == 18)

# %% [markdown]
# > **🔧 Diagnose.** A loss far below anything published, and text that is gibberish? While it writes, the model has no future to peek at, and it never learned to do without. Run it on random tokens.
#
# ## 12.8 Remember instead of computing again · 5 min
#
# `continue_text` computes every place anew for each new character, although the past has not changed. All that later places want from an earlier one are its keys and values. **Keep them**, and a new token costs
# one place instead of 64. This is the **KV cache**, and the reason for the argument `memory` of `Attention`.


# %%
def next_logits(model, tokens, memories):
    """Logits for the places of `tokens` (n, t) that are not yet in `memories`, a list for each block."""
    past = memories[0][0].shape[2] if memories[0] else 0
    x = model.token(tokens)
    x = x + model.near(F.pad(x.mT, (model.reach - 1, 0))).mT + model.place.weight[: tokens.shape[1]]
    x = x[:, past:]  # from here on only what is new
    for block, memory in zip(model.blocks, memories, strict=True):
        x = block(x, memory)
    return model.head(model.norm(x))


def one_by_one(model, tokens):
    memories = [[] for _ in model.blocks]
    return torch.cat([next_logits(model, tokens[:, : t + 1], memories) for t in range(tokens.shape[1])], dim=1)


# %%
passages = unseen[: 32 * settings.context].view(32, -1)  # 32 passages of 64 characters
exact = Transformer(len(alphabet), **shape).to(device)
exact.load_state_dict(writer.state_dict())
with schedule.evaluating(writer, exact):
    gap = (one_by_one(writer, passages) - writer(passages)).abs().max()
    exact = exact.double() if device.type != "mps" else exact
    double_gap = (one_by_one(exact, passages[:4]) - exact(passages[:4])).abs().max()
holds("with memory the same logits come out", gap < 1e-3, gap)
holds("to more than five digits where the arithmetic has them", double_gap < 1e-5, double_gap)

# %%
import time

with schedule.evaluating(writer):
    begun = time.process_time()
    one_by_one(writer, passages)
    with_memory = time.process_time() - begun
    for t in range(settings.context):
        writer(passages[:, : t + 1])
    without = time.process_time() - begun - with_memory
print(f"{settings.context} tokens for 32 texts: {without:.2f} s without memory, {with_memory:.2f} s with")
holds("the memory makes it at least twice as fast", without > 2 * with_memory)

# %% [markdown]
# > **⚠ Common mistake.** Handing only the newest token to the network, and so giving it the vector of place 0. Nothing fails, and the text gets worse. The test above is the one that finds it: **cached logits must equal full ones.**

# %% [markdown]
# ## 12.9 Pictures, square by square · 12 min
#
# Now the same for digits. As for the bounds of chapter 02, a picture is made black and white: each pixel is drawn with its grey value as probability, afresh every time it is used (**dynamic binarisation**). Pixel by pixel that would be 784 steps. We
# take **squares** of 2×2 pixels instead. A square has $2^4 = 16$ kinds, so the "alphabet" has 16 letters, and a picture is a text of $14 \times 14 = 196$ letters. Nothing is lost: the 16 probabilities describe the four pixels jointly.


# %%
def to_squares(pixels):
    """Black-and-white pictures (n, 1, 28, 28) as 2×2 squares: their pixels (n, 4, 14, 14), their kind (n, 14, 14)."""
    squares = F.pixel_unshuffle(pixels, 2)
    digits = torch.tensor([8.0, 4.0, 2.0, 1.0], device=pixels.device).view(1, 4, 1, 1)  # a number in base two
    return squares, (squares * digits).sum(dim=1).long()  # 0 to 15


# %%
black_and_white = torch.bernoulli(digits.test[:2])
squares, kinds_of = to_squares(black_and_white)
print(kinds_of[0, 3:8])
holds("the squares put together are the picture", torch.equal(F.pixel_shuffle(squares, 2), black_and_white))

# %% [markdown]
# The network need not be a transformer. Whatever sees only the past will do, and for pictures convolutions are cheap and know what neighbours are (the **PixelCNN** of van den Oord et al., 2016). Two stacks of them
# share the work, so that together they see *everything* before a square and nothing else:
#
# - the **upper stack** gathers what lies in the rows above: kernels that reach up, left and right, and one shift down by a row;
# - the **row's own stack** gathers what lies to the left in the same row, and takes over what the upper one found.
#
# ![Diagram of a grid of squares. The square to be predicted is marked; the rows above it belong to the upper stack, the squares on its left in the same row to the row's own stack; the rest is not seen.](images/12_stacks.svg)
#
# Why not one stack of masked convolutions? It would be blind in one corner: 12.18 shows where.


# %%
class TwoStacks(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.above = nn.Conv2d(width, width, (2, 3))  # from this row of the upper stack and the one above it
        self.across = nn.Conv2d(width, width, 1)  # from the upper stack to the row's own
        self.left = nn.Conv2d(width, width, (1, 2))  # from this place of the row's own stack and the one on the left
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)  # at first a block passes on what it gets


# %%
class PixelCNN(nn.Module):
    def __init__(self, width=48, blocks=5):
        super().__init__()
        self.first_above = nn.Conv2d(4, width, (3, 7))
        self.first_left = nn.Conv2d(4, width, (1, 3))
        self.place = nn.Parameter(torch.zeros(2, width, 14, 14))  # what is usual at this place
        self.blocks = nn.ModuleList(TwoStacks(width) for _ in range(blocks))
        self.head = nn.Conv2d(width, 16, 1)

    def upper(self, squares):  # (n, 4, rows, 14) => what each block knows of the rows above: (n, width, rows, 14)
        v = self.first_above(F.pad(squares - 0.5, (3, 3, 3, 0)))[:, :, :-1] + self.place[0, :, : squares.shape[2]]
        known = []
        for block in self.blocks:
            v = v + block.above(F.pad(F.relu(v), (1, 1, 1, 0)))
            known.append(block.across(F.relu(v)))
        return known

    def along(self, squares, known, rows=slice(None)):  # => logits (n, 16, rows, columns)
        columns = squares.shape[3]
        h = self.first_left(F.pad(squares[:, :, rows] - 0.5, (3, 0, 0, 0)))[..., :-1] + self.place[1, :, rows, :columns]
        for block, hint in zip(self.blocks, known, strict=True):
            left = block.left(F.pad(F.relu(h), (1, 0, 0, 0)))
            h = h + block.out(F.relu(left + hint[:, :, rows, :columns]))
        return self.head(F.relu(h))

    def forward(self, squares):  # (n, 4, 14, 14) => logits (n, 16, 14, 14) of the kind of each square
        return self.along(squares, self.upper(squares))

    def nats(self, pixels):  # black-and-white pictures (n, 1, 28, 28) => −log p of each
        squares, kinds = to_squares(pixels)
        return F.cross_entropy(self(squares), kinds, reduction="none").sum(dim=(1, 2))

    def sample(self, n, top=None):
        return draw_squares(self, n, top)


# %% [markdown]
# To draw a picture, go through it once. The upper stack is computed once a row, and remembered while the row is filled: the thought of 12.8 again.


# %%
@torch.no_grad()
def draw_squares(model, n, top=None):
    """`n` pictures; where `top` (n, 1, 28, 28) is given, their upper halves are kept and the lower ones drawn."""
    squares = torch.zeros(n, 4, 14, 14, device=model.place.device) if top is None else to_squares(top)[0].clone()
    powers = torch.tensor([8, 4, 2, 1], device=squares.device)
    for row in range(0 if top is None else 7, 14):
        seen = squares[:, :, : row + 1]  # what lies below is not needed
        known = model.upper(seen)
        for column in range(14):
            logits = model.along(seen[..., : column + 1], known, slice(row, row + 1))[:, :, 0, column]
            kind = torch.multinomial(logits.softmax(dim=1), 1)  # (n, 1)
            squares[:, :, row, column] = (kind & powers > 0).float()
    return F.pixel_shuffle(squares, 2)


# %% [markdown]
# ### A minute of training
#
# The loss is the exact $-\log p(x)$ of (12.1), in nats a picture. **Start it, and read 12.5 and 12.6 once more while it runs, or go on.**

# %%
plan = schedule.choose(steps=(3_600, 60_000), width=(32, 96), blocks=(4, 12), batch_size=(8, 64), rate=(6e-3, 2e-3))
model = PixelCNN(plan.width, plan.blocks).to(device)
pixel_adam = torch.optim.Adam(model.parameters(), plan.rate, betas=(0.9, 0.98))
pixel_fade = torch.optim.lr_scheduler.OneCycleLR(pixel_adam, plan.rate, plan.steps)


def draw_step(grey):
    loss = model.nats(torch.bernoulli(grey)).mean()
    pixel_adam.zero_grad()
    loss.backward()
    pixel_adam.step()
    pixel_fade.step()
    return {"nats": loss}


print(f"{sum(p.numel() for p in model.parameters()):,} weights")


# %%
begun = time.process_time()
state = {"model": model, "adam": pixel_adam, "fade": pixel_fade}
pass_on = {"steps": plan.steps, "batch_size": plan.batch_size}
pixel_history = train(draw_step, digits.train, **pass_on, name="12_pixelcnn", state=state)
pixel_seconds = time.process_time() - begun

# %% [markdown]
# First the test that no model here may skip: change one square, and see which predictions move.


# %%
def square_predictions(kinds):  # (n, 196) kinds => (n, 196, 16) logits
    pixels = kinds.view(-1, 1, 14, 14) & torch.tensor([8, 4, 2, 1], device=device).view(1, 4, 1, 1)
    return model((pixels > 0).float()).flatten(2).mT


flat = kinds_of[:1].flatten(1)
firsts = [moved(square_predictions, flat, place, (flat[0, place] + 5) % 16) for place in range(0, 195, 7)]
pairs = [(min(places), place) for places, place in zip(firsts, range(0, 195, 7), strict=True)]
holds("a change moves later predictions only", all(first > place for first, place in pairs))
holds("and nearly always the very next one, too", sum(f == p + 1 for f, p in pairs) >= 24)

# %% [markdown]
# ## 12.10 What came out, in nats · 4 min
#
# How likely are unseen digits? Chapter 02's VAE had only a bound to offer; both are nats a picture of the same kind, so they stand in one table. The least to beat is a model
# in which each pixel is drawn by itself, with its own mean.


# %%
from course_utils import pretrained
from course_utils.figures import show_images
from course_utils.results import expected


def test_nats(network, pictures):
    with schedule.evaluating(network):
        return torch.cat([network.nats(torch.bernoulli(part)) for part in pictures.split(500)])


# %%
alone = digits.train.mean(dim=0).clamp(1e-3, 1 - 1e-3)
by_pixel = F.binary_cross_entropy(alone.expand_as(digits.test), digits.test, reduction="none").sum(dim=(1, 2, 3))
ours = test_nats(model, digits.test)
error = ours.std() / math.sqrt(len(ours))
bound = expected("02", "iw_bound_500", source=digits.source)
rows = {
    "every pixel by itself": by_pixel.mean().item(),
    "VAE of chapter 02 (bound with 500 draws, recorded)": -bound.mean,
}
rows["this PixelCNN"] = ours.mean().item()
shipped = pretrained.records()[f"pixelcnn-{digits.source}"]["measured"]["test_nats"]
rows["the PixelCNN that comes with the course (recorded)"] = sum(shipped) / len(shipped)

for name, nats in rows.items():
    print(f"{name:52s} {nats:7.2f} nats   {nats / 784 / math.log(2):.4f} bits a pixel")
print(f"standard error of the PixelCNN's mean: {error:.2f}")
results.add(nats=ours.mean(), nats_by_pixel=by_pixel.mean())

# %%
holds("the PixelCNN is far better than single pixels", ours.mean() < 0.6 * by_pixel.mean())
holds("it is below the VAE's bound", ours.mean() < -bound.mean - 2)
holds("no test picture has a probability above 1", (ours > 0).all())

# %% [markdown]
# The network that comes with the course is a little larger and saw 16 digits a step, not 8.
#
# To be above the PixelCNN with a *bound* does not prove that the VAE is worse: its true likelihood may be better than its bound. (Chapter 92 narrows that gap.)
#
# Beside what others report for MNIST, **dynamically binarised**, in one code base (E. Hotaj's *pytorch-generative*): FVSBN 96.58, NADE 85.65, MADE 84.87 (one hidden layer of 8,000 units), PixelCNN 81.45, a transformer on pixels 79.17 (457 passes over the data),
# PixelSNAIL 78.61. Other numbers of the same names are for digits that were binarised **once**; never mix the two columns (see 12.21).

# %%
show_images(model.sample(40), alt="Forty digits in black and white, drawn by the network, in four rows of ten.")

# %% [markdown]
# ## 12.11 Half a digit · 4 min
#
# What can this model do that a GAN cannot? It has seen every question of the form *what comes after this?* So it can **complete**: keep the upper half of a test digit and draw the rest, as often as we like.

# %% tags=["picture"]
given = torch.bernoulli(digits.test[:8])
halves = given.clone()
halves[:, :, 14:] = 0.35
completions = {"given": halves, **{name: model.sample(8, top=given) for name in ("drawn", "again", "and again")}}
show_images(
    completions | {"what it was": given},
    columns=8,
    alt="Eight columns of digits: the upper halves that were given, three completions of each, and the original.",
)

# %%
drawn = torch.stack([completions[name] for name in ("drawn", "again", "and again")])
holds(
    "the given half is kept, pixel by pixel",
    torch.equal(drawn[..., :14, :], given[..., :14, :].expand(3, -1, -1, -1, -1)),
)
holds("completions of the same half differ", (drawn[0] != drawn[1]).flatten(1).any(dim=1).sum() >= 7)

# %% [markdown]
# Does the lower half fit the upper? Let the course's classifier read the completed digits and compare with the true label. The control: the lower halves of *other* test digits, put under the same upper halves.

# %%
from course_utils.taught.evaluation import features_and_probabilities

classifier = pretrained.load(f"classifier-{digits.source}")
asked, labels = torch.bernoulli(digits.test[:300]), digits.test_labels[:300]
strangers = torch.cat([asked[:, :, :14], asked.roll(1, dims=0)[:, :, 14:]], dim=2)
right = {}
for name, pictures in {
    "completed": model.sample(300, top=asked),
    "a stranger's half": strangers,
    "original": asked,
}.items():
    _, p = features_and_probabilities(classifier, pictures)
    right[name] = (p.argmax(dim=1) == labels).float().mean().item()
    print(f"{name:18s} read as the true digit: {right[name]:.3f}")

# %%
holds("completed halves fit far better than a stranger's", right["completed"] > right["a stranger's half"] + 0.1)
results.add(share_completed_right=right["completed"], share_stranger_right=right["a stranger's half"])

# %% [markdown]
# It cannot be right always: the top of a 4 may be that of a 9. Completions that differ are the honest answer.
#
# ## 12.12 All families side by side · 6 min
#
# The families whose weights come with the course, recorded by `python -m course_utils compare`. Scores are those of chapter 06; *nats* is a bound where it says ≤. This chapter's
# PixelCNN joins them with 2,000 drawn pictures.

# %%
import json
from importlib.resources import files

from course_utils.taught.evaluation import all_scores

record = json.loads(files("course_utils").joinpath("compare.json").read_text(encoding="utf-8"))[digits.source]


begun = time.process_time()
pictures = model.sample(2_000)
drawing = (time.process_time() - begun) / 2
mine = all_scores(pictures, pretrained.reference(digits), classifier)
print(f"drawing 1,000 pictures took {drawing:.1f} s")


# %%
def mean(values):
    return sum(values) / len(values)


# %%
print(f"recorded {record['date']} on {record['machine']}, {record['pictures']} pictures, scores: means over seeds\n")
print(
    f"{'':46s} {'nats':>7s} {'incept.':>7s} {'Fréchet':>8s} {'prec.':>5s} {'recall':>6s} {'seeds':>5s} {'train s':>7s} {'draw s':>6s}"
)
own = {key: [mine[key]] for key in ("inception_score", "frechet", "precision", "recall")}
own |= {"name": "PixelCNN of this chapter", "nats": [ours.mean().item()], "bound": False, "seeds": 1}
own |= {"train_seconds": pixel_seconds, "draw_seconds": drawing, "can": "say exactly how likely; complete a beginning"}
for row in [*record["rows"], own]:
    nats = ("≤" if row["bound"] else "") + f"{mean(row['nats']):.1f}" if row.get("nats") else "–"
    cost = (
        f"{row['train_seconds']:7.0f} {row['draw_seconds']:6.2f}" if "draw_seconds" in row else f"{'–':>7s} {'–':>6s}"
    )
    four = [mean(row[key]) for key in ("inception_score", "frechet", "precision", "recall")]
    print(
        f"{row['name']:46s} {nats:>7s} {four[0]:7.2f} {four[1]:8.1f} {four[2]:5.2f} {four[3]:6.2f} {row['seeds']:5d} {cost}"
    )

# %% [markdown]
# *train s* are seconds of one processor core, for the weights that come with the course and for this chapter's minute, *draw s* those for 1,000 pictures. And what each can do that the others cannot, or not as well:

# %%
for row in [*record["rows"], own]:
    if row["can"]:
        print(f"{row['name']:46s} {row['can']}")

# %% [markdown]
# Is the record true here, too? We draw from the DCGAN again, and hold our claims against the table.

# %%
table = {row["name"]: row for row in record["rows"]}
again = all_scores(
    pretrained.sample(f"dcgan-{digits.source}", record["pictures"]), pretrained.reference(digits), classifier
)
ago = table["DCGAN (05)"]["frechet"][0]
holds("the DCGAN's Fréchet distance is the recorded one", abs(again["frechet"] / ago - 1) < 0.1, again["frechet"], ago)

# %%
slower = own["draw_seconds"] / table["DCGAN (05)"]["draw_seconds"]
holds("drawing square by square takes at least five times as long as at one stroke", slower > 5, slower)
grey, binary = (table[name]["frechet"][0] for name in ("real digits", "real, black and white"))
holds("even real digits score worse once they are black and white", binary > 2 * grey, grey, binary)
holds("noise is the worst of all", max(mean(row["frechet"]) for row in record["rows"]) == table["noise"]["frechet"][0])

# %% [markdown]
# How to read it:
#
# - **There is no winner.** The list under the table says what to take for which purpose.
# - The PixelCNN draws in black and white. The scores compare with grey digits, so its row has to be read beside *real, black and white*, and not beside the DCGAN's.
# - A likelihood and a score of samples measure different things: a good one of the one kind does not promise the other.
# - These are small networks, trained for minutes. No ranking of families at other sizes follows from them.
#
# ## 12.13 Your turn · 2 min
#
# > **✎ Your turn.** *Give the rival a longer memory.* Extend the tables of 12.4 to contexts of four and five characters, and find the best number of bits. To hit, with Witten and Bell's rule on the text of Python 3.11: about 1.87 with four,
# > 1.86 with five. Why does the gain dry up?
#
# <details><summary>A solution</summary>
#
# ```python
# def longer(n):  # n characters of context
#     tables = [Counter(writing[i : i + k] for i in range(len(writing) - k + 1)) for k in range(1, n + 2)]
#     total, kinds = Counter(), Counter()
#     for table in tables:
#         for gram, count in table.items():
#             total[gram[:-1]] += count
#             kinds[gram[:-1]] += 1
#     bits = 0.0
#     for i in range(33, len(held_out)):
#         p = 1 / len(alphabet)
#         for k in range(n + 1):
#             short = held_out[i - k : i]
#             if short in total:
#                 p = (tables[k][short + held_out[i]] + kinds[short] * p) / (total[short] + kinds[short])
#         bits -= math.log2(p)
#     return bits / (len(held_out) - 33)
# ```
#
# Most contexts of five characters that come up were seen seldom or never, and then the shorter ones have to answer.
# </details>
#
# > **✎ Your turn.** *Take the convolution away.* Replace `near` by `nn.Identity()` (and the padding) and train again with the same steps. To hit: the bits per character are far worse, above 2.2. Attention alone has to learn from scratch which place is the one before.
#
# <details><summary>A solution</summary>
#
# ```python
# class Plain(Transformer):
#     def forward(self, tokens):
#         x = self.token(tokens) + self.place.weight[: tokens.shape[1]]
#         for block in self.blocks:
#             x = block(x)
#         return self.head(self.norm(x))
#
# writer = Plain(len(alphabet), **shape).to(device)
# ```
#
# Then run the cells of 12.3 from `adam = …` on.
# </details>

# %% [markdown]
# ## 12.14 On one page · 5 min
#
# The picture model in plain PyTorch, with one stack of masked convolutions and pixels instead of squares: shorter, and blind in a corner (see 12.18).

# %%
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import conv2d

images = digits.train  # or torchvision.datasets.MNIST("data", download=True).data[:, None] / 255


class Masked(nn.Conv2d):  # sees the rows above, what is left in its own row, and (not in the first layer) the middle
    def __init__(self, inputs, outputs, side, first=False):
        super().__init__(inputs, outputs, side, padding=side // 2)
        mask = torch.ones(side, side)
        mask[side // 2, side // 2 + (not first) :] = 0
        mask[side // 2 + 1 :] = 0
        self.register_buffer("mask", mask)

    def forward(self, x):
        return conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


net = nn.Sequential(
    Masked(1, 24, 9, first=True),
    nn.ReLU(),
    *[layer for _ in range(3) for layer in (Masked(24, 24, 5), nn.ReLU())],
    nn.Conv2d(24, 1, 1),
).to(images.device)

# %%
steps = 60  # 10,000 for digits worth looking at
adam = torch.optim.Adam(net.parameters(), 4e-3)
for step in range(steps):
    x = torch.bernoulli(images[torch.randint(len(images), (8,))])
    loss = cross_entropy(net(x), x, reduction="sum") / len(x)  # nats a picture
    adam.zero_grad()
    loss.backward()
    adam.step()
    if step % 20 == 19:
        print(f"step {step + 1}: {loss:.1f} nats")
with torch.no_grad():
    x = torch.bernoulli(images[:6])
    x[:, :, 14:] = 0
    for row in range(14, 28):
        for column in range(28):
            p = net(x[:, :, : row + 1])[:, 0, row, column].sigmoid()
            x[:, 0, row, column] = torch.bernoulli(p)
show_images(
    x, columns=6, alt="Six digits whose upper halves were given and whose lower halves the short training drew."
)

# %%
results.check()

# %% [markdown]
# ## Summary
#
# - The chain rule (12.1) makes any "what comes next" a distribution over everything, with an exact likelihood. The only condition: nothing from the future.
# - Attention (12.2) is a weighted mean of values, weighed by how queries match keys. A mask of $-\infty$ before the softmax keeps the future out.
# - Change one token and see which predictions move; train on random tokens. A leak shows in both, and in no error message.
# - Keys and values can be kept, since the past does not change. Cached logits must equal full ones.
# - Temperature, top-k and nucleus change the distribution; say so when you report what you drew.
# - Exact nats stand beside bounds only for the same data: same binarisation, same unit.
#
# ## What comes next
#
# - [Exercise 12](../exercises/ex12_autoregressive.ipynb): a causal mask to repair, a cache, and a likelihood summed exactly.
# - This is the last chapter. The appendices go deeper: chapter 92 into likelihood, 91 into scores, 90 is a clinic of broken code.
#
# What follows is for a second reading.

# %% [markdown]
# ## 12.15 Further: how boldly to draw · 6 min
#
# Drawing from the probabilities as they are is right, and it now and then draws something very unlikely, from which the text does not recover. Three remedies, all of which change the distribution:
#
# - **Temperature**: divide the logits by $\tau$. Probabilities become proportional to $p^{1/\tau}$: below 1 more decided, above 1 more even.
# - **Top-k**: keep the $k$ likeliest tokens.
# - **Nucleus** (Holtzman et al., 2020): keep the smallest set of likeliest tokens that together reach a share, say 0.9. It is wide where the model hesitates and narrow where it is sure.


# %%
def bolder(logits, temperature=1.0, top_k=None, nucleus=1.0):
    """The probabilities to draw from: (…, kinds)."""
    logits = logits / temperature
    if top_k:
        least = logits.topk(top_k).values[..., -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    p, order = logits.softmax(dim=-1).sort(descending=True)
    enough = p.cumsum(dim=-1) - p >= nucleus  # the likelier ones reach it without this one
    p = p.masked_fill(enough, 0.0)
    return torch.zeros_like(p).scatter(-1, order, p / p.sum(dim=-1, keepdim=True))


# %% [markdown]
# > **❓ Predict.** Four tokens have the probabilities 0.5, 0.25, 0.15 and 0.1. What becomes of them with $\tau = 1/2$, with $k = 2$, with a nucleus of 0.7 and with one of 0.8?

# %% jupyter={"outputs_hidden": true}
logits = torch.tensor([0.5, 0.25, 0.15, 0.1]).log()
ways = {
    "τ = 1/2": {"temperature": 0.5},
    "k = 2": {"top_k": 2},
    "nucleus 0.7": {"nucleus": 0.7},
    "0.8": {"nucleus": 0.8},
}
answers = {name: bolder(logits, **way) for name, way in ways.items()}
for name, p in answers.items():
    print(f"{name:12s}", *(f"{one:.3f}" for one in p))

# %% jupyter={"outputs_hidden": true}
squares = torch.tensor([0.25, 0.0625, 0.0225, 0.01])
assert torch.allclose(answers["τ = 1/2"], squares / squares.sum())
assert torch.allclose(answers["k = 2"], torch.tensor([2 / 3, 1 / 3, 0, 0]))
assert torch.allclose(answers["nucleus 0.7"], answers["k = 2"])
assert torch.allclose(answers["0.8"], torch.tensor([0.5, 0.25, 0.15, 0]) / 0.9)
print("✓ by hand: p²/Σp²; two of them over 0.75; the same; three of them over 0.9")

# %% [markdown]
# With a nucleus of 0.7 the first two suffice (0.75); for 0.8 it takes the third. On real predictions of our writer:

# %%
with schedule.evaluating(writer):
    real_logits = writer(passages).flatten(0, 1)
for way in ({"temperature": 0.5}, {}, {"temperature": 1.5}, {"nucleus": 0.9}):
    p = bolder(real_logits, **way)
    entropy = torch.special.entr(p).sum(dim=1).mean() / math.log(2)
    print(
        f"{way!s:22s} on average {(p > 0).sum(dim=1).float().mean():5.1f} tokens in play, {entropy:.2f} bits of choice"
    )
    results.add(**{f"choice_{'_'.join(f'{a}_{b}' for a, b in way.items()) or 'plain'}".replace(".", ""): entropy})

# %%
in_play = (bolder(real_logits, nucleus=0.9) > 0).sum(dim=1).float()
holds("the nucleus is now one token, now many", in_play.min() == 1 and in_play.max() >= 10, in_play.max())
wanted = ["choice_temperature_05", "choice_plain", "choice_temperature_15"]
holds("the higher the temperature, the more choice", sorted(wanted, key=results.numbers.get) == wanted)

# %% [markdown]
# ## 12.16 Further: where it looks · 3 min
#
# The weights $a_{ij}$ of the four heads in the first block, for a few characters of the text put aside.

# %%
import matplotlib.pyplot as plt

from course_utils.figures import show

phrase = unseen[200:232][None]
with schedule.evaluating(writer):
    x = writer.token(phrase)
    x = x + writer.near(F.pad(x.mT, (writer.reach - 1, 0))).mT + writer.place.weight[: x.shape[1]]
    first = writer.blocks[0]
    q, k, _ = first.attention.to_qkv(first.norm_1(x)).view(1, x.shape[1], 3, 4, -1).permute(2, 0, 3, 1, 4)
    future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=device).triu(1)
    looks = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(future, -math.inf).softmax(dim=-1)[0].cpu()
letters = [c if c.isprintable() and c != " " else "·" for c in as_text(phrase[0])]
fig, axes = plt.subplots(1, 4, figsize=(11, 3.1), constrained_layout=True)
for head, ax in enumerate(axes):
    ax.imshow(looks[head].sqrt(), cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(letters)), letters, fontsize=5)
    ax.set_yticks(range(len(letters)), letters, fontsize=5)
    ax.set(title=f"head {head + 1}", xlabel="looked at")
    ax.grid(False)
axes[0].set_ylabel("who looks")
show(
    fig,
    alt="Four triangles of weights, one for each head: rows are the characters that look, columns those looked at; everything right of the diagonal is empty.",
)

# %%
holds("all weights on the future are zero", (looks.triu(1) == 0).all())
holds("the weights of each row sum to 1", torch.allclose(looks.sum(dim=-1), torch.ones(4, len(letters)), atol=1e-5))

# %% [markdown]
# (Shown are the roots of the weights, so that small ones can be seen. What a head "is for" cannot be read off such a picture reliably, and we do not try.)

# %% [markdown]
# ## 12.17 Further: MADE on digits · 4 min
#
# The little network of 12.5 works for whole pictures. A few seconds of training, then its nats: between single pixels and the PixelCNN.

# %%
made_plan = schedule.choose(steps=(200, 20_000), batch_size=(128, 128))
made = MADE(784, 1024).to(device)
nn.init.zeros_(made.direct.weight)
made_adam = torch.optim.Adam(made.parameters(), 3e-3)


def made_step(grey):
    x = torch.bernoulli(grey).flatten(1)
    loss = -log_likelihood(made(x), x).mean()
    made_adam.zero_grad()
    loss.backward()
    made_adam.step()
    return {"nats": loss}


made_history = train(made_step, digits.train, steps=made_plan.steps, batch_size=made_plan.batch_size)

# %%
with schedule.evaluating(made):
    x = torch.bernoulli(digits.test).flatten(1)
    made_nats = -log_likelihood(made(x), x).mean()
    chain = made.out.mask @ made.hidden.mask + made.direct.mask  # paths from pixel (column) to output (row)
holds("no path leads from a pixel to itself or to an earlier one", (chain.triu() == 0).all())
holds("and some path leads to every later one", (chain.tril(-1) > 0).sum() == 784 * 783 // 2)
holds("better than single pixels, worse than the PixelCNN", ours.mean() < made_nats < by_pixel.mean(), made_nats)
results.add(made_nats=made_nats)

# %% [markdown]
# The product of the masks counts the paths through the network: a proof of causality without running it. (With 1,600 and with 2,048 hidden units and 75 processor seconds such networks came to 88.3 and 88.4 nats, in one trial each; the PixelCNN uses its seconds better.)
#
# Germain et al. draw the numbers $m$ of the units at random. With few units that can starve a pixel: no unit that it may use sees its neighbour. Here they are dealt out in turn, so that all are used.
#
# ### Another order, and the way back
#
# The pixels may be taken in any order: permute before the network. To draw, undo the permutation **with its inverse**. Reading order is its own inverse, so a test with it cannot notice the mistake.

# %%
order = torch.randperm(784)
back = order.argsort()
x = torch.arange(784)
holds("the inverse brings every pixel back", torch.equal(x[order][back], x))
holds("the order applied twice does not", not torch.equal(x[order][order], x))

# %% [markdown]
# ## 12.18 Further: the blind spot · 6 min
#
# What does a network see? Ask the gradient: the output at one place can depend only on those inputs for which its gradient is not zero. For one stack of masked 3×3 convolutions, as on the one page:


# %%
def seen_from(network, channels, row=7, column=7):
    """Where the gradient of the output at (row, column) in the input is not zero: (14, 14)."""
    x = torch.rand(1, channels, 14, 14, requires_grad=True)
    out = network(x)[0, :, row, column]
    (slope,) = torch.autograd.grad((out * torch.randn_like(out)).sum(), x)
    return slope.abs().amax(dim=(0, 1)) > 0


one_stack = nn.Sequential(
    Masked(1, 8, 3, first=True), *[layer for _ in range(8) for layer in (nn.GELU(), Masked(8, 8, 3))]
)
two_stacks = PixelCNN(width=16, blocks=8)
for block in two_stacks.blocks:
    nn.init.normal_(block.out.weight, std=0.3)  # fresh ones are zero and would hide what lies behind them
past = torch.zeros(14, 14, dtype=torch.bool)
past[:7] = True
past[7, :7] = True
print(f"{past.sum().item()} of the 196 places come before the one in the middle")
views = {"one stack of masked convolutions": seen_from(one_stack, 1), "two stacks": seen_from(two_stacks, 4)}

# %%
fig, axes = plt.subplots(1, 2, figsize=(7, 3.4), constrained_layout=True)
for ax, (name, view) in zip(axes, views.items(), strict=True):
    picture = view.float() + 0.4 * (past & ~view)
    picture[7, 7] = 0.7
    ax.imshow(picture, cmap="Blues", vmin=0, vmax=1.2)
    ax.set(title=name, xticks=[], yticks=[])
    ax.grid(False)
show(
    fig,
    alt="Two maps of 14 by 14 places: dark where the marked place in the middle sees, light where it could and does not. Left: a light wedge at the upper right. Right: none.",
)

# %%
blind = {name: (past & ~view).sum().item() for name, view in views.items()}
print({name: f"{count} of {past.sum().item()} past places unseen" for name, count in blind.items()})
holds("neither looks ahead", not any((view & ~past).any() for view in views.values()))
holds("one stack has a blind spot, however deep", blind["one stack of masked convolutions"] == 15)
holds("two stacks have none", blind["two stacks"] == 0)
holds(
    "the blind spot lies on the right of the column",
    not (past & ~views["one stack of masked convolutions"])[:, :8].any(),
)

# %% [markdown]
# A masked 3×3 kernel reaches one to the right only by going one up. So of the row above, one stack sees one place to the right, of the row above that two, and so on: everything right of that diagonal is hidden,
# whatever the depth. The upper stack has no mask to hinder it: its kernels may reach to both sides, since all of those rows are past.
#
# > **⚠ Common mistake.** Giving every layer the same mask. The first layer must not see the middle; later ones may, since what stands there is computed from the past already. The first layer with the later ones'
# > mask sees the pixel that it should predict: a leak.

# %%
leaky = nn.Sequential(Masked(1, 8, 3, first=False), nn.GELU(), Masked(8, 1, 3))
holds("with the wrong mask first, the place sees itself", seen_from(leaky, 1)[7, 7])

# %% [markdown]
# ## 12.19 Further: three ways to spoil a mask · 4 min
#
# All three are in the records of well-known code. None raises an error.
#
# **A finite number instead of $-\infty$.** Adding $-10^4$ hides the future only as long as no score is larger. Scores are learned, and can be.

# %%
scores = torch.tensor([[3.0, 20_000.0]])  # the second token is the future
finite = (scores + torch.tensor([[0.0, -1e4]])).softmax(dim=-1)
infinite = scores.masked_fill(torch.tensor([[False, True]]), -math.inf).softmax(dim=-1)
print("weights with −10⁴ added:", finite.tolist(), "  with −∞ filled in:", infinite.tolist())
holds("the finite mask is out-bid, the infinite one is not", finite[0, 1] > 0.99 and infinite[0, 1] == 0)

# %% [markdown]
# **Polarity.** In `scaled_dot_product_attention` a mask of truth values says who *may* be looked at; in `nn.MultiheadAttention` who may *not*. Ours, `future`, is of the second kind.

# %%
q, k, v = torch.randn(3, 1, 6, 8)
future = torch.ones(6, 6, dtype=torch.bool).triu(1)
ours_out = attention_by_matrices(q, k, v)
right_way = F.scaled_dot_product_attention(q, k, v, attn_mask=~future)
wrong_way = F.scaled_dot_product_attention(q, k, v, attn_mask=future)
holds("the negation is what this function wants", torch.allclose(right_way, ours_out, atol=1e-5))
holds(
    "without it, every place but the last sees only the future",
    not torch.allclose(wrong_way[:, :5], ours_out[:, :5], atol=1e-2),
)

# %%
changed = v.clone()
changed[:, 5] += 1
moves = (F.scaled_dot_product_attention(q, k, changed, attn_mask=future) - wrong_way).abs().amax(dim=2)[0, :5]
holds("changing the last value moves all earlier results", (moves > 1e-4).all())
both = nn.MultiheadAttention(8, 1, batch_first=True)
holds("`MultiheadAttention` takes it as it is", (both(q, k, v, attn_mask=future)[1].triu(1) == 0).all())

# %% [markdown]
# **Alignment.** With a cache there is one query and there are many keys. `is_causal=True` puts the triangle at the upper left: the newest query then sees only the *oldest* key. It belongs at the lower right.

# %%
from torch.nn.attention.bias import causal_lower_right

newest = q[:, -1:]
upper_left = F.scaled_dot_product_attention(newest, k, v, is_causal=True)
lower_right = F.scaled_dot_product_attention(newest, k, v, attn_mask=causal_lower_right(1, 6))
holds("upper left: nothing but the first value comes back", torch.allclose(upper_left, v[:, :1], atol=1e-5))
holds("lower right: as without a cache", torch.allclose(lower_right, ours_out[:, -1:], atol=1e-5))

# %% [markdown]
# ## 12.20 Further: why places need a vector · 3 min
#
# Attention alone does not know where anything stands: (12.2) is a sum, and a sum has no order. Shuffle the earlier tokens, and the last place fetches the same. In our writer two things tell it: the vector of each place, and the convolution.


# %%
def last_gap(with_place, with_near, blocks=1):
    """How far the last prediction moves when the tokens before it are shuffled."""
    torch.manual_seed(0)
    model = Transformer(kinds=20, context=16, width=32, heads=2, blocks=blocks)
    for block in model.blocks:
        nn.init.normal_(block.attention.out.weight, std=0.3)
    if not with_place:
        nn.init.zeros_(model.place.weight)
    if not with_near:
        nn.init.zeros_(model.near.weight)
    tokens = torch.randint(20, (1, 16))
    shuffled = torch.cat([tokens[:, torch.randperm(15)], tokens[:, 15:]], dim=1)
    with torch.no_grad():
        return (model(tokens)[:, -1] - model(shuffled)[:, -1]).abs().max().item()


gaps = {(place, near): last_gap(place, near) for place in (False, True) for near in (False, True)}
for (place, near), gap in gaps.items():
    print(f"places {'yes' if place else 'no ':3s} convolution {'yes' if near else 'no ':3s}: moves by {gap:.2g}")
holds("without both, the order does not matter", gaps[False, False] < 1e-5)
holds("each alone lets it matter", min(gaps[True, False], gaps[False, True]) > 1e-3)
holds("with two blocks it matters a little even without both", last_gap(False, False, blocks=2) > 1e-4)

# %% [markdown]
# With two blocks causality itself breaks the symmetry, since each earlier place has then looked at its own past. Learned vectors end with the context: there is none for place 65. Rotary and relative positions (not shown here) get
# round that by writing the distance $i - j$ into the scores.
#
# ## 12.21 Further: two columns of nats · 3 min
#
# **Once or afresh.** Older papers binarised MNIST once and kept that file (*static*: NADE 88.33, MADE 88.04, PixelCNN 81.30 nats); the column of 12.10 draws anew each time (*dynamic*). Training on one frozen draw is harder, since the same 60,000 pictures come again and again.
# For the *test* the draw hardly matters:

# %%
draws = [test_nats(model, digits.test).mean() for _ in range(3)]
print("nats of the test set, made black and white three times:", *(f"{one:.2f}" for one in draws))
holds("the draw of the test set matters little", max(draws) - min(draws) < 0.5)

# %% [markdown]
# **Bits per pixel, and of what.** $81.3$ nats a picture are $81.3 / (784 \log 2) = 0.150$ bits a binary pixel. A gated PixelCNN with 256 grey values is reported at 0.808 bits a pixel. That is no five times worse model: it has to name 256 values where ours names two.

# %%
bits = 81.3 / (784 * math.log(2))
holds("81.3 nats are 0.150 bits a pixel", abs(bits - 0.150) < 5e-4, bits)
results.add(bits_per_pixel=ours.mean() / (784 * math.log(2)))

# %% [markdown]
# **Zero is not for free.** Clamping probabilities at $10^{-5}$ before the logarithm, as some teaching code does, caps the loss of a pixel at 11.5 nats and kills its gradient. From logits nothing need be clamped.

# %%
logit = torch.tensor([-30.0], requires_grad=True)
clamped = -logit.sigmoid().clamp(1e-5, 1 - 1e-5).log()
(lost,) = torch.autograd.grad(clamped.sum(), logit)
(kept,) = torch.autograd.grad(F.softplus(-logit).sum(), logit)
holds("clamped: 11.5 nats and no gradient", abs(clamped.item() - 11.51) < 0.01 and lost == 0)
holds("from the logit: 30 nats and the full one", abs(kept.item() + 1) < 1e-3)

# %%
results.check()

# %% [markdown]
# ## References
#
# - A. Vaswani et al., "Attention is all you need", NeurIPS 2017, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762): (12.2).
# - M. Germain et al., "MADE: masked autoencoder for distribution estimation", ICML 2015, [arXiv:1502.03509](https://arxiv.org/abs/1502.03509).
# - A. van den Oord, N. Kalchbrenner and K. Kavukcuoglu, "Pixel recurrent neural networks", ICML 2016, [arXiv:1601.06759](https://arxiv.org/abs/1601.06759): masked convolutions.
# - A. van den Oord et al., "Conditional image generation with PixelCNN decoders", NeurIPS 2016, [arXiv:1606.05328](https://arxiv.org/abs/1606.05328): the blind spot and two stacks.
# - A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020, [arXiv:1904.09751](https://arxiv.org/abs/1904.09751): the nucleus.
# - E. Hotaj, [pytorch-generative](https://github.com/EugenHotaj/pytorch-generative): the numbers for dynamically binarised MNIST.
# - I. H. Witten and T. C. Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37(4), 1991.
