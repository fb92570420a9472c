"""One query at a time; a decoder that remembers tokens; the likelihood by steps of the decoder.

loses: nothing
"""


# %% attention-code
def causal_attention(q, k, v):
    t, s = q.shape[-2], k.shape[-2]
    rows = []
    for i in range(t):
        seen = s - t + i + 1
        a = (q[..., i : i + 1, :] @ k[..., :seen, :].mT / q.shape[-1] ** 0.5).softmax(-1)
        rows.append(a @ v[..., :seen, :])
    return torch.cat(rows, dim=-2)


# %% decoder-code
class Decoder:
    """Remembers the tokens, and computes everything again: slow, and right."""

    def __init__(self, weights):
        self.weights, self.tokens = weights, []

    def step(self, tokens):
        self.tokens.append(tokens)
        return full_logits(self.weights, torch.stack(self.tokens, dim=1))[:, -1]

    def fork(self, rows):
        new = Decoder(self.weights)
        new.tokens = [one[rows] for one in self.tokens]
        return new


# %% likelihood-code
def log_p(weights, x):
    letters = len(weights["token"]) - 1
    decoder, total, newest = Decoder(weights), torch.zeros(len(x)), torch.full((len(x),), letters)
    for i in range(x.shape[1]):
        logits = decoder.step(newest)[:, :letters]
        newest = x[:, i]
        total = total + logits.log_softmax(dim=1)[torch.arange(len(x)), newest]
    return total
