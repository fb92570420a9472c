"""Another rate, batches without repetition, all draws from a generator of its own; everything in double precision where it is measured.

loses: nothing
"""


# %% train-code
def train_hybrid(lam, seed, steps=400, beta=1.0):
    random = torch.Generator().manual_seed(seed)
    nets = dict(zip(("encoder", "decoder", "judge"), new_networks(seed), strict=True))
    both = list(nets["encoder"].parameters()) + list(nets["decoder"].parameters())
    adam = torch.optim.Adam(both, lr=3e-3, betas=(0.5, 0.99))
    adam_judge = torch.optim.Adam(nets["judge"].parameters(), lr=1.5e-3, betas=(0.5, 0.99))
    x, rings = digits_8x8()[0], SilenceAlarm()
    kls, stopped, order = [], None, []
    while len(kls) < steps and stopped is None:
        if len(order) < 64:
            order = torch.randperm(len(x), generator=random)
        batch, order = x[order[:64]], order[64:]
        eps, noise = (torch.randn(64, 8, generator=random) for _ in range(2))
        kls.append(hybrid_step(*nets.values(), adam, adam_judge, batch, eps, noise, lam, beta))
        if rings(kls[-1]):
            stopped = len(kls)
    weights = {name: nets[name].state_dict() for name in ("encoder", "decoder")}
    return weights | {"kl": kls, "stopped": stopped}


# %% measure-code
def sixteen(run, seed=0):
    decoder = Decoder()
    state = run["decoder"]
    decoder.load_state_dict(state if isinstance(state, dict) else state.state_dict())
    torch.manual_seed(seed)
    z = torch.randn(16, 8)
    return torch.sigmoid(decoder(z)).detach().reshape(-1, 1, 8, 8)


def rebuilding_error(run, x):
    nets = Encoder(), Decoder()
    for net, name in zip(nets, ("encoder", "decoder"), strict=True):
        state = run[name]
        net.load_state_dict(state if isinstance(state, dict) else state.state_dict())
        net.double()
    with torch.no_grad():
        pictures = torch.sigmoid(nets[1](nets[0](x.double())[0]))
    return float(((pictures - x.double()) ** 2).mean())
