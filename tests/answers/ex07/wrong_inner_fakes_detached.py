"""Detaches the fakes that the inner steps see.

loses: unrolled-linear, unrolled-bent, unrolled-leaves-critic
"""


# %% unrolled-code
def unrolled_step(generator, critic, optimizer, real, z, eta, steps=2):
    """One step of the generator's optimizer, looking ahead. Returns the generator's loss before it, a float."""
    fake, weights = generator(z), dict(critic.named_parameters())
    for _ in range(steps):
        loss = critic_loss(
            functional_call(critic, weights, (real,)), functional_call(critic, weights, (fake.detach(),))
        )
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
        weights = {name: w - eta * slope for (name, w), slope in zip(weights.items(), slopes, strict=True)}
    loss = generator_loss(functional_call(critic, weights, (fake,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
