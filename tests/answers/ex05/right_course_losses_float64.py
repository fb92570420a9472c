"""The losses and networks of the course where they fit, binary cross-entropy elsewhere; float64 and NumPy; clears gradients after the step as well.

loses: nothing
"""


# %% stamp-code
def stamp_1d(y, kernel, stride=1, padding=0, dilation=1):
    y, kernel = np.asarray(y, dtype=np.float64), np.asarray(kernel, dtype=np.float64)
    wide = np.zeros(dilation * (len(kernel) - 1) + 1)
    wide[::dilation] = kernel
    apart = np.zeros((len(y) - 1) * stride + 1)
    apart[::stride] = y
    out = np.convolve(apart, wide)
    return out[padding : len(out) - padding]


import numpy as np


# %% matrix-code
def stamp_matrix(kernel, m, stride=1):
    k = len(kernel)
    T = torch.zeros((m - 1) * stride + k, m)
    for i in range(m):
        for t in range(k):
            T[i * stride + t, i] = kernel[t]
    return T


def conv_backward(g, kernel, n, stride=1):
    gradient = [0.0] * n
    for i, slope in enumerate(g.tolist()):
        for t, w in enumerate(kernel.tolist()):
            gradient[i * stride + t] += slope * w
    return torch.tensor(gradient)


# %% steps-code
from course_utils.taught import gan


def discriminator_step(generator, discriminator, optimizer, real, z):
    with torch.no_grad():
        fakes = generator(z)
    loss = gan.discriminator_loss(discriminator(real), discriminator(fakes))
    discriminator.zero_grad()
    loss.backward()
    optimizer.step()
    discriminator.zero_grad()
    return float(loss)


def generator_step(generator, discriminator, optimizer, z):
    logits = discriminator(generator(z))
    loss = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    optimizer.zero_grad(set_to_none=False)
    gradients = torch.autograd.grad(loss, list(generator.parameters()))
    for p, gradient in zip(generator.parameters(), gradients, strict=True):
        p.grad = gradient
    optimizer.step()
    return float(loss)


# %% batch-norm-code
def batch_norm(x, running_mean, running_var, momentum=0.1, eps=1e-5):
    rows = x.double().movedim(1, 0).flatten(1)
    y = (rows - rows.mean(1, keepdim=True)) / torch.sqrt(rows.var(1, correction=0, keepdim=True) + eps)
    y = y.view(x.shape[1], x.shape[0], *x.shape[2:]).movedim(0, 1)
    new_mean = torch.lerp(running_mean.double(), rows.mean(1), momentum)
    return y, new_mean, torch.lerp(running_var.double(), rows.var(1), momentum)


def fold(weight, gamma, beta, running_mean, running_var, eps=1e-5):
    new = weight.clone()
    bias = []
    for channel in range(weight.shape[1]):
        scale = gamma[channel] * (running_var[channel] + eps).rsqrt()
        new[:, channel] *= scale
        bias.append(beta[channel] - scale * running_mean[channel])
    return new, torch.stack(bias)


# %% training-code
def train_dcgan(steps, seed=0):
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed + 1000)
    G, D = Generator(*my), Discriminator(my.image_size, my.channels, my.width)
    initialise(G), initialise(D)
    opt_g = torch.optim.Adam(G.parameters(), lr=6e-3, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
    fixed = torch.randn(16, my.latent_dim, generator=rng)
    G.eval()
    before = (G(fixed).detach().double() + 1) / 2
    d_loss, g_loss, d_right = [], [], []
    for step in range(steps):
        G.train(), D.train()
        real = discs(16, my.image_size, my.channels, seed=1000 * seed + step).mul(2).sub(1)
        z = torch.randn(16, my.latent_dim, generator=rng)
        right = (D(real) > 0).sum() + (D(G(z)) < 0).sum()
        d_right.append(right.item() / 32)
        d_loss.append(discriminator_step(G, D, opt_d, real, z))
        g_loss.append(generator_step(G, D, opt_g, torch.randn(16, my.latent_dim, generator=rng)))
    G.eval()
    after = (G(fixed).detach().double() + 1) / 2
    numbers = {"d_loss": d_loss, "g_loss": g_loss, "d_right": d_right}
    return numbers | {"codes": fixed, "before": before, "after": after, "generator": G, "discriminator": D}


# %% company-code
def in_company(generator, same, company):
    with torch.inference_mode():
        pictures = generator(torch.vstack((same, company)))
    return pictures.split([len(same), len(company)])[0].clone()


# %% change-code
def relative_change(one, other):
    return (F.mse_loss(one.double(), other.double()) / one.double().var(unbiased=False)).sqrt().item()
