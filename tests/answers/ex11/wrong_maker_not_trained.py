"""A generator with its first weights, scaled until its points lie as far from 0 as the ring.

loses: contest-samples
"""


# %% contest-code
def contest(steps, seed):
    flow = train_flow(steps, seed)
    torch.manual_seed(seed)
    maker = Maker()
    with torch.no_grad():
        last = maker.layers[-1]
        scale = 1 / maker(torch.randn(2000, 2)).std()
        last.weight.mul_(scale)
        last.bias.zero_()
        last.bias.sub_(maker(torch.randn(2000, 2)).mean(dim=0))
        last.weight.mul_(1.1 / maker(torch.randn(2000, 2)).norm(dim=1).mean())
    return {"flow": flow, "gan": maker.state_dict()}
