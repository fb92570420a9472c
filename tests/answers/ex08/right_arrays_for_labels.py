"""Other labels as a NumPy array, one-hot labels by scatter, planes by broadcasting truth values.

loses: nothing
"""

# %% labels-code
import numpy as np


def beside(z, y, num_classes, *, dim=-1):
    hot = z.new_zeros(len(y), num_classes).scatter_(-1, y.unsqueeze(-1), 1.0)
    return torch.cat((z, hot), dim=dim)


def with_planes(x, y, num_classes):
    n, c, h, w = x.shape
    out = x.new_zeros(n, c + num_classes, h, w)
    out[:, :c] = x
    out[torch.arange(n), c + y] += 1
    return out


def other_labels(y, num_classes):
    choices = [[c for c in range(num_classes) if c != own] for own in range(num_classes)]
    picks = np.random.randint(num_classes - 1, size=len(y))  # noqa: NPY002 - as many people write it
    return np.array([choices[own][k] for own, k in zip(y.tolist(), picks)])


# %% training-code
def train_conditional(seed=0, steps=700):
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    pictures, labels = tiny_digits()
    generator, discriminator = SmallGenerator(), Discriminator()
    optimizers = [
        torch.optim.Adam(network.parameters(), 2e-3, betas=(0.5, 0.99)) for network in (generator, discriminator)
    ]
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, 2 - 2 * step / steps)
        batch = torch.randint(len(pictures), (64,))
        x, y, z = pictures[batch], labels[batch], torch.randn(64, 16)
        discriminator_step(generator, discriminator, optimizers[1], x, y, torch.as_tensor(other_labels(y, 10)), z)
        generator_step(generator, discriminator, optimizers[0], y, z)
    return {name: value.numpy() for name, value in generator.state_dict().items()}
