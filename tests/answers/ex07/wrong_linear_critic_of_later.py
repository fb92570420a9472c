"""Works the later critic out by hand, as if every critic were linear.

loses: unrolled-linear, unrolled-bent, unrolled-leaves-critic
"""


# %% unrolled-code
def unrolled_step(generator, critic, optimizer, real, z, eta, steps=2):
    fake = generator(z)
    w = next(critic.parameters())
    if w.dim() > 1:
        return 0.0
    later = w.detach() + steps * eta * (real.mean(dim=0) - fake.mean(dim=0))
    loss = -(fake.mean(dim=0) @ later)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
