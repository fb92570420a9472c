"""Subtracts the penalty.

loses: critic-step, alternating-steps
"""


# %% steps-code
def critic_step(generator, critic, optimizer, real, z, weight=10.0):
    """One step of the critic's optimizer on real samples (n, …) and as many fakes of z. Returns the loss, a float."""
    fake = generator(z).detach()
    loss = critic_loss(critic(real), critic(fake)) - weight * gradient_penalty(critic, real, fake)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def generator_step(generator, critic, optimizer, z):
    """One step of the generator's optimizer on its samples of z. Returns the loss, a float."""
    loss = generator_loss(critic(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
