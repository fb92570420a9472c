"""What the benchmark compares: the loop of the source listings, that of the chapters, and the networks that both train.

A loop is made of a model; called with images and a number of passes, it yields after every step whether that step ends
a pass.
"""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from course_utils import pretrained, schedule
from course_utils.data import batches
from course_utils.game import MLPGAN, gan_game
from course_utils.schedule import seed_everything
from course_utils.taught import evaluation, vae
from course_utils.taught.autoencoder import Autoencoder
from course_utils.taught.dcgan import DCGAN, dcgan_init
from course_utils.taught.vae import VAE

Loop = Callable[[torch.Tensor, int], Iterator[bool]]  # images, passes


class PilImages(Dataset):
    """Images as torchvision's data sets hand them out: one PIL image at a time, transformed."""

    def __init__(self, images: torch.Tensor):
        self.pixels = images.mul(255).round().byte().cpu()

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, index):
        return transforms.functional.to_tensor(to_pil_image(self.pixels[index], mode="L")), 0


def listing(model: torch.nn.Module, loss_of: Callable, batch_size: int) -> Loop:
    """The loop of the listings: DataLoader over PIL images, Adam at 1e-3, a fixed learning rate."""

    def loop(images, passes):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        loader = DataLoader(PilImages(images), batch_size=batch_size, shuffle=True)
        for _ in range(passes):
            for left, (x, _) in zip(reversed(range(len(loader))), loader, strict=True):
                loss = loss_of(model, x)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                yield left == 0

    return loop


def course(model: torch.nn.Module, loss_of: Callable, batch_size: int, lr: float) -> Loop:
    """The loop of the chapters: one tensor of images, fused Adam, a learning rate that rises and falls."""

    def loop(images, passes):
        steps = passes * (len(images) // batch_size)
        optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
        stream = batches(images, batch_size, steps=steps, seed=torch.initial_seed() % 2**32, quiet=True)
        for step, x in enumerate(stream, start=1):
            loss = loss_of(model, x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            yield step % (steps // passes) == 0

    return loop


def listing_gan(model: torch.nn.Module, batch_size: int) -> Loop:
    """The GAN loop of the listings: DataLoader over PIL images, sigmoid and BCELoss, Adam at 2e-4."""
    generator, discriminator, adam = model.generator, model.discriminator, {"lr": 2e-4, "betas": (0.5, 0.999)}

    def loop(images, passes):
        optimizer_g = torch.optim.Adam(generator.parameters(), **adam)
        optimizer_d = torch.optim.Adam(discriminator.parameters(), **adam)
        loader = DataLoader(PilImages(images), batch_size=batch_size, shuffle=True)
        for _ in range(passes):
            for left, (x, _) in zip(reversed(range(len(loader))), loader, strict=True):
                ones, zeros = torch.ones(len(x)), torch.zeros(len(x))
                optimizer_d.zero_grad()
                real = F.binary_cross_entropy(torch.sigmoid(discriminator(2 * x - 1)), ones)
                fake = generator(torch.randn(len(x), model.latent_dim))
                made = F.binary_cross_entropy(torch.sigmoid(discriminator(fake.detach())), zeros)
                (real + made).backward()
                optimizer_d.step()
                optimizer_g.zero_grad()
                fake = generator(torch.randn(len(x), model.latent_dim))
                F.binary_cross_entropy(torch.sigmoid(discriminator(fake)), ones).backward()
                optimizer_g.step()
                yield left == 0

    return loop


def course_gan(model: torch.nn.Module, batch_size: int, lrs: tuple[float, float], **options) -> Loop:
    """The GAN loop of the chapters: losses from logits, fakes used twice, D frozen while G learns, rates that fade.

    What is drawn from is the running average of the generator.
    """

    def loop(images, passes):
        steps = passes * (len(images) // batch_size)
        update, state = gan_game(model, rates=lrs, steps=steps, **options)
        model.drawn = state["averaged"].module
        stream = batches(images, batch_size, steps=steps, seed=torch.initial_seed() % 2**32, quiet=True)
        for step, x in enumerate(stream, start=1):
            update(x)
            yield step % (steps // passes) == 0

    return loop


def mse(model, x):
    return F.mse_loss(model(x), x)


def listing_vae_loss(model, x):  # sigmoid, then BCELoss, both summed over the batch, as the listings have it
    logits, mu, logvar = model(x)
    bce = F.binary_cross_entropy(torch.sigmoid(logits), x.flatten(1), reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def course_vae_loss(model, x):  # in 16 bits where that pays, as chapter 02 trains
    with schedule.autocast():
        logits, mu, logvar = model(x)
    return vae.negative_elbo(logits, x, mu.float(), logvar.float())


def vae_loss(model, x):
    logits, mu, logvar = model(x)
    return vae.negative_elbo(logits, x, mu, logvar)


def frechet(model, x):
    """Fréchet distance of as many samples as there are test images (or features of them), by MNIST's classifier."""
    generator = getattr(model, "drawn", model.generator)
    samples = torch.cat([generator(torch.randn(len(chunk), model.latent_dim)) for chunk in x.split(500)])
    classifier = pretrained.load("classifier-mnist").cpu()
    return torch.tensor(evaluation.score((samples + 1) / 2, x, classifier).frechet)


# name: (model, the listings' loop, the course's loop, the test loss by which both are judged)
CONTESTS = {
    "ae": (Autoencoder, lambda m: listing(m, mse, 64), lambda m: course(m, mse, 128, 6e-3), mse),
    "vae": (
        VAE,
        lambda m: listing(m, listing_vae_loss, 128),
        lambda m: course(m, course_vae_loss, 256, 6e-3),
        vae_loss,
    ),
    "gan": (MLPGAN, lambda m: listing_gan(m, 64), lambda m: course_gan(m, 128, (2e-3, 1e-3)), frechet),
    "dcgan": (
        lambda: DCGAN(28, 1, width=16, latent_dim=64),
        lambda m: listing_gan(m.apply(dcgan_init), 128),
        lambda m: course_gan(m.apply(dcgan_init), 64, (3e-3, 3e-3)),
        frechet,
    ),
}


def judged(model: torch.nn.Module, test_loss: Callable, images: torch.Tensor) -> float:
    """The test loss; the game goes on with the random numbers, and in the mode, that it had."""
    with schedule.evaluating(model), torch.random.fork_rng():
        seed_everything(0)
        return test_loss(model, images).item()
