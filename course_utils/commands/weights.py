"""Weights that come with the course: list them, or train them again.

    python -m course_utils weights list
    python -m course_utils weights rebuild dcgan-mnist --seeds 0 1 2

With several seeds, the network is trained once with each; the first is kept, and the scores of all are recorded.
"""

import argparse
import datetime
import hashlib
import json
import platform
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save as bytes_of
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from course_utils import CourseError, files, results, schedule
from course_utils.data import Images, load_images
from course_utils.game import fading_adam, gan_game
from course_utils.pretrained import (
    NETWORKS,
    WEIGHTS,
    ConditionalGAN,
    Flow,
    WeightsError,
    draw,
    load,
    records,
    reference,
)
from course_utils.schedule import seed_everything
from course_utils.taught.autoencoder import Autoencoder
from course_utils.taught.autoregressive import PixelCNN
from course_utils.taught.conditional import Given
from course_utils.taught.dcgan import DCGAN, dcgan_init, slope_penalty
from course_utils.taught.diffusion import flow_loss, to_path
from course_utils.taught.evaluation import Classifier, all_scores
from course_utils.taught.gan import gan_update
from course_utils.taught.vae import VAE, negative_elbo
from course_utils.training import train


def rebuild(name: str, seeds: list[int]) -> dict:
    """Train `name` again with each of the seeds, replace its file and its record, and return the record."""
    build, settings = RECIPES[name]
    digits = load_images("mnist")
    if not name.endswith(f"-{digits.source}"):
        raise WeightsError(f"{name} is trained on other data than {digits.source}: set COURSE_DATA to match.")
    content, measured = None, []
    for seed in seeds:
        seed_everything(seed)
        model = NETWORKS[name.rpartition("-")[0]]().to(schedule.device())
        build(model, digits, name=f"{name}-{seed}", seed=seed, **settings)
        measured.append(measure(model.eval(), digits))
        content = content or bytes_of({key: t.cpu().contiguous() for key, t in model.state_dict().items()})
    record = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "command": f"python -m course_utils weights rebuild {name} --seeds {' '.join(map(str, seeds))}",
        "data": digits.source,
        "seeds": seeds,
        "settings": settings,
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {schedule.device().type}",
        "versions": results.versions(),
        "measured": {key: [round(numbers[key], 5) for numbers in measured] for key in measured[0]},
    }
    WEIGHTS.mkdir(exist_ok=True)
    files.write(WEIGHTS / f"{name}.safetensors", content)
    everything = dict(sorted({**records(), name: record}.items()))
    files.write(WEIGHTS / "weights.json", json.dumps(everything, indent=1) + "\n")
    return record


@torch.no_grad()
def measure(model: nn.Module, digits: Images) -> dict[str, float]:
    """What is recorded of a trained network: a classifier's accuracy, a generative model's scores."""
    if isinstance(model, Classifier):
        right = torch.cat([model(x).argmax(dim=1) for x in digits.test.split(1000)]) == digits.test_labels
        return {"test_accuracy": right.double().mean().item()}
    real = reference(digits)
    classifier, pictures = load(f"classifier-{digits.source}"), draw(model, len(real))
    return all_scores(pictures, real, classifier) | own_numbers(model, pictures, digits)


@torch.no_grad()
def own_numbers(model: nn.Module, pictures: torch.Tensor, digits: Images) -> dict[str, float]:
    """What is measured of one family only."""
    numbers = {}
    if isinstance(model, (ConditionalGAN, Flow)):
        numbers["label_accuracy"] = label_accuracy(pictures, digits)
    if isinstance(model, VAE):
        seed_everything(0)
        logits, mu, logvar = model(digits.test)
        numbers["test_loss"] = negative_elbo(logits, digits.test, mu, logvar).item()
    if isinstance(model, Autoencoder):
        numbers["test_mse"] = F.mse_loss(model(digits.test), digits.test).item()
    if isinstance(model, PixelCNN):
        seed_everything(0)
        numbers["test_nats"] = torch.cat([model.nats(torch.bernoulli(x)) for x in digits.test.split(500)]).mean().item()
    return numbers


@torch.no_grad()
def label_accuracy(pictures: torch.Tensor, digits: Images) -> float:
    """The share of pictures, asked for as 0, 1, …, 9, 0, 1, …, that the classifier reads as asked."""
    classifier, asked = load(f"classifier-{digits.source}"), torch.arange(len(pictures), device=pictures.device) % 10
    answers = torch.cat([classifier(x).argmax(dim=1) for x in pictures.split(1000)])
    return (answers == asked).double().mean().item()


# ---------------------------------------------------------------- how each is trained


def descent(model: nn.Module, learning_rate: float, steps: int, **options):
    """A step of Adam at a rate that rises and falls, and the state that a checkpoint must hold."""
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True, **options)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)

    def descend(loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()

    return descend, {"model": model, "optimizer": optimizer, "scheduler": scheduler}


def train_classifier(model, digits, *, name, seed, steps, batch_size, learning_rate):
    """The feature net of the scores: cross-entropy, on pictures that are shifted a little."""
    descend, state = descent(model, learning_rate, steps, weight_decay=1e-5)

    def update(x, y):
        shift = torch.randint(-2, 3, (2,)).tolist()
        loss = F.cross_entropy(model(x.roll(shift, dims=(2, 3))), y)
        descend(loss)
        return {"loss": loss}

    labels = digits.train_labels
    train(update, digits.train, labels=labels, steps=steps, batch_size=batch_size, seed=seed, name=name, state=state)


def train_autoencoder(model, digits, *, name, seed, steps, batch_size, learning_rate):
    """Chapter 01's autoencoder; then the Gaussian of its codes, from which `sample` draws."""
    descend, state = descent(model, learning_rate, steps)

    def update(x):
        loss = F.mse_loss(model(x), x)
        descend(loss)
        return {"loss": loss}

    train(update, digits.train, steps=steps, batch_size=batch_size, seed=seed, name=name, state=state)
    with torch.no_grad():  # a Gaussian is fitted to the codes
        codes = model.encoder(digits.train).double().cpu()
        model.code_mean.copy_(codes.mean(dim=0))
        model.code_root.copy_(torch.linalg.cholesky(torch.cov(codes.T) + 1e-6 * torch.eye(64)))


def train_vae(model, digits, *, name, seed, steps, batch_size, learning_rate):
    """Chapter 02's VAE."""
    descend, state = descent(model, learning_rate, steps)

    def update(x):
        logits, mu, logvar = model(x)
        loss = negative_elbo(logits, x, mu, logvar)
        descend(loss)
        return {"loss": loss}

    train(update, digits.train, steps=steps, batch_size=batch_size, seed=seed, name=name, state=state)


def train_gan(networks, digits, *, name, seed, steps, batch_size, rates, averaging, gamma=0.0):
    """The GANs of chapters 03 and 05; the averaged generator takes the place of the one that played."""
    if isinstance(networks, DCGAN):
        networks.apply(dcgan_init)
    update, state = gan_game(networks, rates=rates, steps=steps, averaging=averaging, gamma=gamma)
    train(update, digits.train, steps=steps, batch_size=batch_size, seed=seed, name=name, state=state)
    networks.generator.load_state_dict(state["averaged"].module.state_dict())


def train_conditional_gan(networks, digits, *, name, seed, steps, batch_size, rates, averaging, gamma):
    """Chapter 08's game; the averaged generator takes the place of the one that played."""
    generator, discriminator = networks.generator, networks.discriminator
    averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(averaging), use_buffers=True)
    (adam_g, fade_g), (adam_d, fade_d) = (
        fading_adam(generator, rates[0], steps),
        fading_adam(discriminator, rates[1], steps),
    )
    state = {"networks": networks, "averaged": averaged}
    state |= {"adam_g": adam_g, "fade_g": fade_g, "adam_d": adam_d, "fade_d": fade_d}

    def update(x, y):
        x, z = 2 * x - 1, torch.randn(len(x), networks.latent_dim, device=x.device)
        judge = Given(discriminator, y)
        penalty = 8 * gamma / 2 * slope_penalty(judge, x) if fade_d.last_epoch % 8 == 7 else 0.0
        d_loss, g_loss = gan_update(Given(generator, y), judge, adam_g, adam_d, x, z, penalty)
        fade_d.step()
        fade_g.step()
        averaged.update_parameters(generator)
        return {"D loss": d_loss, "G loss": g_loss}

    labels = digits.train_labels
    train(update, digits.train, labels=labels, steps=steps, batch_size=batch_size, seed=seed, name=name, state=state)
    networks.generator.load_state_dict(averaged.module.state_dict())


def train_flow(model, digits, *, name, seed, steps, batch_size, rate):
    """Chapter 11's network; its numbers are rounded to 16 bits in the end, as the book's page takes them."""
    optimizer, fade = fading_adam(model, rate, steps, betas=(0.9, 0.99))

    def update(x, y):
        loss = flow_loss(model, to_path(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        fade.step()
        return {"loss": loss}

    state, labels = {"model": model, "optimizer": optimizer, "fade": fade}, digits.train_labels
    train(update, digits.train, labels=labels, steps=steps, batch_size=batch_size, seed=seed, name=name, state=state)
    with torch.no_grad():
        for numbers in model.parameters():
            numbers.copy_(numbers.half())


def train_pixelcnn(model, digits, *, name, seed, steps, batch_size, learning_rate):
    """Chapter 12's two stacks of convolutions, on pictures made black and white afresh in every batch."""
    descend, state = descent(model, learning_rate, steps, betas=(0.9, 0.98))

    def update(x):
        loss = model.nats(torch.bernoulli(x)).mean()
        descend(loss)
        return {"nats": loss}

    train(update, digits.train, steps=steps, batch_size=batch_size, seed=seed, name=name, state=state)


# name: (what trains it, with which settings)
RECIPES = {
    "classifier-mnist": (train_classifier, {"steps": 5616, "batch_size": 128, "learning_rate": 4e-3}),
    "classifier-embedded": (train_classifier, {"steps": 1344, "batch_size": 128, "learning_rate": 4e-3}),
    "autoencoder-mnist": (train_autoencoder, {"steps": 8000, "batch_size": 128, "learning_rate": 5e-3}),
    "autoencoder-embedded": (train_autoencoder, {"steps": 4000, "batch_size": 128, "learning_rate": 5e-3}),
    "vae-mnist": (train_vae, {"steps": 8000, "batch_size": 256, "learning_rate": 4e-3}),
    "vae-embedded": (train_vae, {"steps": 3000, "batch_size": 256, "learning_rate": 4e-3}),
    "gan-mnist": (train_gan, {"steps": 12000, "batch_size": 64, "rates": (2e-3, 1e-3), "averaging": 0.998}),
    "gan-embedded": (train_gan, {"steps": 5000, "batch_size": 64, "rates": (2e-3, 1e-3), "averaging": 0.998}),
    "dcgan-mnist": (
        train_gan,
        {"steps": 16000, "batch_size": 32, "rates": (2e-3, 2e-3), "averaging": 0.995, "gamma": 0.5},
    ),
    "dcgan-embedded": (
        train_gan,
        {"steps": 4000, "batch_size": 32, "rates": (2e-3, 2e-3), "averaging": 0.995, "gamma": 0.5},
    ),
    "cdcgan-mnist": (
        train_conditional_gan,
        {"steps": 6000, "batch_size": 32, "rates": (2e-3, 2e-3), "averaging": 0.995, "gamma": 0.5},
    ),
    "cdcgan-embedded": (
        train_conditional_gan,
        {"steps": 3000, "batch_size": 32, "rates": (2e-3, 2e-3), "averaging": 0.995, "gamma": 0.5},
    ),
    "flow-mnist": (train_flow, {"steps": 24000, "batch_size": 32, "rate": 3e-3}),
    "pixelcnn-mnist": (train_pixelcnn, {"steps": 3600, "batch_size": 16, "learning_rate": 5e-3}),
    "pixelcnn-embedded": (train_pixelcnn, {"steps": 2400, "batch_size": 16, "learning_rate": 5e-3}),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils weights", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the weights and their records")
    again = commands.add_parser("rebuild", help="train weights again and record them; minutes on a CPU")
    again.add_argument("name", choices=RECIPES, metavar="NAME", help=f"one of {', '.join(RECIPES)}")
    again.add_argument("--seeds", type=int, nargs="+", default=[0], help="train with each, keep the first (default 0)")
    args = parser.parse_args(argv)
    try:
        print(json.dumps(records() if args.command == "list" else rebuild(args.name, args.seeds), indent=1))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
