"""Notes the alarm and trains on.

loses: train-collapse
"""


# %% train-code
def train_hybrid(lam, seed, steps=400, beta=1.0):
    """A dict: "encoder" and "decoder" (their state_dicts), "kl" (a float for every step done), "stopped".

    "stopped" is the number of steps after which the alarm rang and the training ended, or None.
    """
    encoder, decoder, judge = new_networks(seed)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 2e-3, betas=(0.5, 0.99))
    judge_optimizer = torch.optim.Adam(judge.parameters(), 2e-3, betas=(0.5, 0.99))
    alarm, kls, stopped = SilenceAlarm(), [], None
    pictures = digits_8x8()[0]
    for step in range(1, steps + 1):
        x = pictures[torch.randint(len(pictures), (64,))]
        eps, noise = torch.randn(2, 64, 8)
        kls.append(hybrid_step(encoder, decoder, judge, optimizer, judge_optimizer, x, eps, noise, lam, beta))
        if alarm(kls[-1]) and stopped is None:
            stopped = step
    return {"encoder": encoder.state_dict(), "decoder": decoder.state_dict(), "kl": kls, "stopped": stopped}
