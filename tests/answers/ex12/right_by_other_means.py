"""Truth values for the mask, growing tensors for the cache, index_add for the sums, weights as a state_dict.

loses: nothing
"""


# %% attention-code
def causal_attention(q, k, v):
    t, s = q.shape[2], k.shape[2]
    allowed = torch.arange(s) <= torch.arange(s - t, s)[:, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)


# %% leak-code
def leaks(before, after):
    t = len(before)
    moved = ((after - before).abs() > 1e-6).any(dim=-1)
    return [(i, j) for i in range(t) for j in range(i + 1, t) if moved[j, i]]


# %% full-code
def full_logits(weights, tokens):
    x = weights["token"][tokens] + weights["place"][: tokens.shape[1]]
    q, k, v = x @ weights["query"], x @ weights["key"], x @ weights["value"]
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    scores = scores.masked_fill(torch.ones_like(scores[0]).triu(1).bool(), -math.inf)
    return (x + scores.softmax(dim=-1) @ v @ weights["out"]) @ weights["head"]


# %% decoder-code
class Decoder:
    def __init__(self, weights):
        self.w, self.past = weights, None

    def step(self, tokens):
        w = self.w
        t = 0 if self.past is None else self.past[0].shape[1]
        x = w["token"][tokens] + w["place"][t]
        new = (x @ w["key"])[:, None], (x @ w["value"])[:, None]
        self.past = new if t == 0 else tuple(torch.cat(pair, dim=1) for pair in zip(self.past, new, strict=True))
        keys, values = self.past
        a = ((x @ w["query"])[:, None] @ keys.mT / math.sqrt(x.shape[1])).softmax(dim=-1)
        return (x + (a @ values)[:, 0] @ w["out"]) @ w["head"]

    def fork(self, rows):
        new = Decoder(self.w)
        new.past = None if self.past is None else tuple(one[rows].clone() for one in self.past)
        return new


# %% likelihood-code
def log_p(weights, x):
    letters = len(weights["token"]) - 1
    inputs = F.pad(x[:, :-1], (1, 0), value=letters)
    logits = full_logits(weights, inputs)[:, :, :letters]
    return -F.cross_entropy(logits.transpose(1, 2), x, reduction="none").sum(dim=1)


# %% sums-code
def every(weights, t):
    letters = len(weights["token"]) - 1
    x = torch.cartesian_prod(*[torch.arange(letters)] * t).reshape(-1, t)
    return letters, x, log_p(weights, x).exp()


def marginal(weights, t, place):
    letters, x, p = every(weights, t)
    return torch.zeros(letters).index_add(0, x[:, place], p)


def first_given_last(weights, t, last):
    letters, x, p = every(weights, t)
    joint = torch.zeros(letters).index_add(0, x[:, 0], p * (x[:, -1] == last))
    return joint / joint.sum()


# %% training-code
def trained(seed=0):
    torch.manual_seed(seed + 5)
    model = Tiny()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-2, weight_decay=0.0)
    for step in range(400):
        for group in optimizer.param_groups:
            group["lr"] = 2e-2 * (1 - step / 400)
        x = source(48, 32, seed=7 + step)
        loss = F.cross_entropy(model(x)[:, 1:-1].reshape(-1, 2), x[:, 2:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.state_dict()


# %% one-back-code
def best_from_one(r):
    def from_pair(a, b):
        return r if a + b == 0 else 1 - r  # of a 1

    p = torch.full((2, 2), 0.25, dtype=torch.float64)
    for _ in range(5000):
        q = torch.zeros(2, 2, dtype=torch.float64)
        for a, b in product(range(2), repeat=2):
            q[b, 1] += p[a, b] * from_pair(a, b)
            q[b, 0] += p[a, b] * (1 - from_pair(a, b))
        p = (p + q) / 2
    return (torch.special.entr(p).sum() - torch.special.entr(p.sum(dim=1)).sum()).item()


# %% memory-code
def learned_table(memory, n, seed):
    from collections import Counter

    seen = Counter()
    for text in source(n, 24, seed).tolist():
        for i in range(max(2, memory), len(text)):
            seen[tuple(text[i - memory : i + 1])] += 1
    ones = [(seen[(*c, 1)] + 1) / (seen[(*c, 0)] + seen[(*c, 1)] + 2) for c in product(range(2), repeat=memory)]
    return torch.tensor([[1 - p, p] for p in ones])
