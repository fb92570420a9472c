"""All decoders share one memory.

loses: decoder-steps, decoder-two, decoder-fork
"""


# %% decoder-code
class Decoder:
    keys, values = [], []

    def __init__(self, weights):
        self.w = weights

    def step(self, tokens):
        w = self.w
        x = w["token"][tokens] + w["place"][len(self.keys)]
        self.keys.append(x @ w["key"])
        self.values.append(x @ w["value"])
        keys, values = torch.stack(self.keys, dim=1), torch.stack(self.values, dim=1)
        a = ((x @ w["query"])[:, None] @ keys.mT / math.sqrt(x.shape[1])).softmax(dim=-1)
        return (x + (a @ values)[:, 0] @ w["out"]) @ w["head"]

    def fork(self, rows):
        return Decoder(self.w)
