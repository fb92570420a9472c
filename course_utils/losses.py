"""The losses of the course. Each is derived, and written out, in the chapter that teaches it."""

import torch
import torch.nn.functional as F


# Chapter 02, equation (2.7)
def kl_to_standard_normal(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(dim=1)  # (n,), in nats


# Chapter 02
def reconstruction_loss(logits, x):
    pixelwise = F.binary_cross_entropy_with_logits(logits.float(), x.flatten(1), reduction="none")
    return pixelwise.sum(dim=1)  # (n,): the sum over the 784 pixels, in nats


# Chapter 02
def negative_elbo(logits, x, mu, logvar, beta=1.0):
    return (reconstruction_loss(logits, x) + beta * kl_to_standard_normal(mu, logvar)).mean()


# Chapter 03
def discriminator_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()  # −log D(x) − log(1 − D(G(z)))


# Chapter 03
def generator_loss(fake_logits):
    return F.softplus(-fake_logits).mean()  # −log D(G(z)), the non-saturating loss


# Chapter 05, equation (5.10)
def slope_penalty(discriminator, x):
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return slope.square().flatten(1).sum(dim=1).mean()  # the mean squared length of D's gradient in the picture
