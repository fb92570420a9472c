"""The newest token always gets the vector of place 0.

loses: decoder-steps
"""


# %% decoder-code
class Decoder:
    def __init__(self, weights):
        self.w, self.past = weights, None

    def step(self, tokens):
        w = self.w
        t = 0 if self.past is None else self.past[0].shape[1]
        x = w["token"][tokens] + w["place"][0]
        new = (x @ w["key"])[:, None], (x @ w["value"])[:, None]
        self.past = new if t == 0 else tuple(torch.cat(pair, dim=1) for pair in zip(self.past, new, strict=True))
        keys, values = self.past
        a = ((x @ w["query"])[:, None] @ keys.mT / math.sqrt(x.shape[1])).softmax(dim=-1)
        return (x + (a @ values)[:, 0] @ w["out"]) @ w["head"]

    def fork(self, rows):
        new = Decoder(self.w)
        new.past = None if self.past is None else tuple(one[rows].clone() for one in self.past)
        return new
