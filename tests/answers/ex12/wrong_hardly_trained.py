"""Five steps of training.

loses: training-floor
"""


# %% training-code
def trained(seed=0):
    torch.manual_seed(seed + 5)
    model = Tiny()
    optimizer = torch.optim.AdamW(model.parameters(), 2e-2, weight_decay=0.0)
    for step in range(5):
        for group in optimizer.param_groups:
            group["lr"] = 2e-2 * (1 - step / 400)
        x = source(48, 32, seed=7 + step)
        loss = F.cross_entropy(model(x)[:, 1:-1].reshape(-1, 2), x[:, 2:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.state_dict()
