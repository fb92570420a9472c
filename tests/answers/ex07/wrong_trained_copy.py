"""Trains a copy of the critic with an optimizer, whose step cuts the graph.

loses: unrolled-linear, unrolled-bent, unrolled-leaves-critic
"""

# %% unrolled-code
import copy


def unrolled_step(generator, critic, optimizer, real, z, eta, steps=2):
    """One step of the generator's optimizer, looking ahead. Returns the generator's loss before it, a float."""
    fake, later = generator(z), copy.deepcopy(critic)
    inner = torch.optim.SGD(later.parameters(), eta)
    for _ in range(steps):
        inner.zero_grad()
        critic_loss(later(real), later(fake)).backward(retain_graph=True)
        inner.step()
    loss = generator_loss(later(fake))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
