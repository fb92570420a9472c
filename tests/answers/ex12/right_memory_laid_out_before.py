"""The decoder is a module with a memory laid out beforehand and written in place; a fork by index_select; masks by the smallest number.

loses: nothing
"""


# %% attention-code
def causal_attention(q, k, v, *, scale=None):
    t, s = q.size(-2), k.size(-2)
    scores = torch.einsum("nhtd,nhsd->nhts", q, k).mul(q.size(-1) ** -0.5 if scale is None else scale)
    late = torch.arange(s).view(1, -1) > torch.arange(s - t, s).view(-1, 1)
    scores[..., late] = torch.finfo(scores.dtype).min
    weights = torch.exp(scores - scores.amax(-1, keepdim=True))
    return torch.einsum("nhts,nhse->nhte", weights, v) / weights.sum(-1, keepdim=True)


# %% leak-code
def leaks(before, after):
    moved = torch.any((after - before[None]).abs() > 1e-6, dim=-1).mT
    return torch.nonzero(moved.triu(diagonal=1))


# %% full-code
def full_logits(weights, tokens):
    from operator import itemgetter

    token, place, Q, K, V, O, H = itemgetter("token", "place", "query", "key", "value", "out", "head")(weights)
    x = F.embedding(tokens, token) + place.narrow(0, 0, tokens.size(-1))
    fetched = causal_attention(*(torch.matmul(x, m).unsqueeze(1) for m in (Q, K, V))).squeeze(1)
    return torch.matmul(x + fetched.matmul(O), H)


# %% decoder-code
class Decoder(nn.Module):
    def __init__(self, weights, memory=None, t=0):
        super().__init__()
        self.w = nn.ParameterDict({name: nn.Parameter(value, requires_grad=False) for name, value in weights.items()})
        self.memory, self.t = memory, t

    @torch.inference_mode()
    def step(self, tokens):
        w = self.w
        if self.memory is None:
            self.memory = torch.zeros(2, len(tokens), *w["place"].shape)
        x = w["token"][tokens] + w["place"][self.t]
        self.memory[0, :, self.t], self.memory[1, :, self.t] = x @ w["key"], x @ w["value"]
        self.t += 1
        keys, values = self.memory[:, :, : self.t].unbind(0)
        a = torch.softmax(torch.einsum("nd,ntd->nt", x @ w["query"], keys) / x.size(-1) ** 0.5, dim=-1)
        return (x + torch.einsum("nt,ntd->nd", a, values) @ w["out"]) @ w["head"]

    def fork(self, rows):
        memory = self.memory.index_select(1, torch.tensor(rows)).clone()
        return type(self)({name: p.data for name, p in self.w.items()}, memory, self.t)


# %% likelihood-code
def log_p(weights, x):
    kinds = weights["token"].size(0)
    inputs = torch.roll(F.pad(x, (0, 1), value=kinds - 1), 1, dims=-1)[:, :-1]
    logits = full_logits(weights, inputs)[..., :-1]
    return torch.distributions.Categorical(logits=logits).log_prob(x).double().sum(dim=-1)


# %% sums-code
def all_texts(weights, t):
    letters = weights["token"].size(0) - 1
    numbers = torch.arange(letters**t)
    texts = torch.stack([numbers // letters**k % letters for k in reversed(range(t))], dim=-1)
    return texts, log_p(weights, texts), letters


def marginal(weights, t, place):
    texts, logs, letters = all_texts(weights, t)
    return torch.stack([torch.logsumexp(logs[texts[:, place] == c], 0) for c in range(letters)]).exp()


def first_given_last(weights, t, last):
    texts, logs, letters = all_texts(weights, t)
    return torch.softmax(
        torch.stack([torch.logsumexp(logs[(texts[:, 0] == c) & (texts[:, -1] == last)], 0) for c in range(letters)]), -1
    )
