"""Moves the critic itself, and does not put it back.

loses: unrolled-linear, unrolled-bent, unrolled-leaves-critic
"""


# %% unrolled-code
def unrolled_step(generator, critic, optimizer, real, z, eta, steps=2):
    """One step of the generator's optimizer, looking ahead. Returns the generator's loss before it, a float."""
    inner = torch.optim.SGD(critic.parameters(), eta)
    for _ in range(steps):
        inner.zero_grad()
        critic_loss(critic(real), critic(generator(z).detach())).backward()
        inner.step()
    return generator_step(generator, critic, optimizer, z)
