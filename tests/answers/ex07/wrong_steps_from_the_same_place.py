"""Takes each inner slope at the present critic.

loses: unrolled-bent
"""


# %% unrolled-code
def unrolled_step(generator, critic, optimizer, real, z, eta, steps=2):
    """One step of the generator's optimizer, looking ahead. Returns the generator's loss before it, a float."""
    fake, weights = generator(z), dict(critic.named_parameters())
    for _ in range(steps):
        weights = dict(weights)
        present = dict(critic.named_parameters())
        loss = critic_loss(functional_call(critic, present, (real,)), functional_call(critic, present, (fake,)))
        slopes = torch.autograd.grad(loss, list(present.values()), create_graph=True)
        weights = {name: w - eta * slope for (name, w), slope in zip(weights.items(), slopes, strict=True)}
    loss = generator_loss(functional_call(critic, weights, (fake,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
