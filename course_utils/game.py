"""A whole game of a GAN, made of chapter 03's `gan_update`, ready for `training.train`."""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_utils import schedule
from course_utils.taught.dcgan import slope_penalty
from course_utils.taught.gan import Discriminator, Generator, gan_update


class MLPGAN(nn.Module):
    """The two networks of chapter 03 as one model, as `DCGAN` has them."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = Generator(), Discriminator()
        self.latent_dim = self.generator.latent_dim


class InSixteenBits(nn.Module):
    """A network whose forward pass runs in bfloat16 where that pays; what it returns is float32 everywhere."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        with schedule.autocast():
            return self.network(x).float()


def fading_adam(network, rate, steps, betas=(0.5, 0.99)):
    """Adam, and its schedule: the rate is constant for the first half, then falls to nothing."""
    optimizer = torch.optim.Adam(network.parameters(), rate, betas=betas, fused=True)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: min(1.0, 2 * (1 - done / steps)))


def gan_game(networks, *, rates, steps, averaging=0.99, gamma=0.0):
    """The `update` of one game, and its `state`; the generator to sample from is `state["averaged"].module`.

    `networks` has a generator, a discriminator and a latent_dim; `rates` are those of the generator and of the
    discriminator; `gamma` is the price of D's slope at real pictures, charged every eighth step (chapter 05).
    """
    generator, discriminator = networks.generator, networks.discriminator
    averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(averaging), use_buffers=True)
    optimizer_g, fade_g = fading_adam(generator, rates[0], steps)
    optimizer_d, fade_d = fading_adam(discriminator, rates[1], steps)
    players = InSixteenBits(generator), InSixteenBits(discriminator)
    state = {"networks": networks, "averaged": averaged}
    state |= {"optimizer_g": optimizer_g, "fade_g": fade_g, "optimizer_d": optimizer_d, "fade_d": fade_d}

    def update(x):
        x, z = 2 * x - 1, torch.randn(len(x), networks.latent_dim, device=x.device)
        due = gamma and fade_d.last_epoch % 8 == 7
        penalty = 8 * gamma / 2 * slope_penalty(discriminator, x) if due else 0.0
        d_loss, g_loss = gan_update(*players, optimizer_g, optimizer_d, x, z, penalty)
        fade_d.step()
        fade_g.step()
        averaged.update_parameters(generator)
        return {"D loss": d_loss, "G loss": g_loss}

    return update, state


def sample_gan(generator, z):
    """Pictures (n, c, h, w) in [0, 1] of the codes z (n, latent_dim), drawn in eval mode and in float32."""
    with schedule.evaluating(generator):
        return torch.cat([(generator(part) + 1) / 2 for part in z.split(1000)])
