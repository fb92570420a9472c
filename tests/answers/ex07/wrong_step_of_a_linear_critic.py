"""Steps by the formulas of the linear critic, by hand, whatever the critic is.

loses: critic-step, alternating-steps
"""


# %% steps-code
def critic_step(generator, critic, optimizer, real, z, weight=10.0):
    with torch.no_grad():
        w, apart = next(critic.parameters()), generator(z).mean(dim=0) - real.mean(dim=0)
        length, rate = w.norm(), optimizer.param_groups[0]["lr"]
        loss = (apart * w).sum() + weight * (length - 1) ** 2
        w -= rate * (apart + weight * 2 * (length - 1) * w / length)
    return loss.item()


def generator_step(generator, critic, optimizer, z):
    loss = generator_loss(critic(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
