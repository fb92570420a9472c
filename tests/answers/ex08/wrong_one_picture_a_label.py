"""Puts the average digit of each label into the weights, with a little noise; nothing is trained.

loses: training-obeys, training-varied
"""


# %% training-code
def train_conditional(seed=0, steps=700):
    torch.manual_seed(seed)
    generator = SmallGenerator()
    pictures, labels = tiny_digits()
    means = torch.stack([pictures[labels == c].mean(0) for c in range(10)]).clamp(-0.95, 0.95)
    with torch.no_grad():
        a, _, _, b, _, _, c, _ = generator.layers
        for one in (a, b):
            one.weight *= 0.01
            one.bias.zero_()
        a.weight[:10, 16:] = torch.eye(10)
        b.weight[:10, :10] = torch.eye(10)
        c.weight[:, :10] = torch.atanh(means).T
        c.bias.zero_()
    return generator.state_dict()
