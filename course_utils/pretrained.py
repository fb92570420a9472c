"""Weights that come with the course, and the command that makes each again.

    python -m course_utils.pretrained list
    python -m course_utils.pretrained rebuild dcgan-mnist --seeds 0 1 2

They are safetensors files, which hold numbers and nothing else. `weights/weights.json` records, for each, the hash of
the file, the seed, the data, the date and what was measured; a file whose hash differs is not loaded. With several
seeds, the network is trained once with each; the first is kept, and the scores of all are recorded.
"""

import argparse
import datetime
import hashlib
import json
import platform
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from
from safetensors.torch import save as bytes_of
from torch import nn

from course_utils import CourseError, files, losses, metrics, results, schedule
from course_utils.data import Images, load_images
from course_utils.gan import MLPGAN, gan_game, sample_gan
from course_utils.models import DCGAN, VAE, Autoencoder, Classifier, dcgan_init
from course_utils.seeding import seed_everything
from course_utils.training import train

WEIGHTS = Path(__file__).with_name("weights")


class WeightsError(CourseError):
    """Weights are missing, damaged or not those that were recorded."""


def records() -> dict[str, dict]:
    file = WEIGHTS / "weights.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def load(name: str) -> nn.Module:
    """The network `name` (such as "classifier-mnist") with its weights, on the device, in eval mode.

    Raises:
        WeightsError: there is no such file, or its hash is not the recorded one.
    """
    if name not in BUILDERS or name not in records():
        raise WeightsError(f"There are no weights {name!r}: choose one of {', '.join(records())}.")
    try:
        content = (WEIGHTS / f"{name}.safetensors").read_bytes()
    except OSError as error:
        raise WeightsError(
            f"The weights {name} cannot be read ({error.strerror}): install the course again."
        ) from error
    if hashlib.sha256(content).hexdigest() != records()[name]["sha256"]:
        raise WeightsError(f"The file of the weights {name} is not the recorded one: install the course again.")
    network, *_ = BUILDERS[name]
    model = network()
    try:
        model.load_state_dict(tensors_from(content))
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(f"The weights {name} do not fit the network: install the course again.") from error
    return model.to(schedule.device()).eval()


@torch.no_grad()
def sample(name: str, n: int, seed: int = 0) -> torch.Tensor:
    """`n` pictures (n, 1, 28, 28) in [0, 1] drawn by the generative model `name`, such as "dcgan-mnist"."""
    return draw(load(name), n, seed)


def draw(model: nn.Module, n: int, seed: int = 0) -> torch.Tensor:
    """`n` pictures of a model that has a `sample` method, or of the generator of a GAN; the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if hasattr(model, "sample"):
            return model.sample(n)
        return sample_gan(model.generator, torch.randn(n, model.latent_dim).to(schedule.device()))


def rebuild(name: str, seeds: list[int]) -> dict:
    """Train `name` again with each of the seeds, replace its file and its record, and return the record."""
    network, build, settings = BUILDERS[name]
    digits = load_images("mnist")
    if not name.endswith(f"-{digits.source}"):
        raise WeightsError(f"{name} is trained on other data than {digits.source}: set COURSE_DATA to match.")
    content, measured = None, []
    for seed in seeds:
        seed_everything(seed)
        model = network().to(schedule.device())
        build(model, digits, name=f"{name}-{seed}", seed=seed, **settings)
        measured.append(measure(model.eval(), digits))
        content = content or bytes_of({key: t.cpu().contiguous() for key, t in model.state_dict().items()})
    record = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "command": f"python -m course_utils.pretrained rebuild {name} --seeds {' '.join(map(str, seeds))}",
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


def reference(digits: Images, n: int = 5000) -> torch.Tensor:
    """`n` test pictures to score against, or all if there are fewer: drawn at random, and always the same.

    Not the first `n`: the two halves of MNIST's test set are by different writers.
    """
    order = torch.randperm(len(digits.test), generator=torch.Generator().manual_seed(0))[:n]
    return digits.test[order.to(digits.test.device)]


@torch.no_grad()
def measure(model: nn.Module, digits: Images) -> dict[str, float]:
    """What is recorded of a trained network: a classifier's accuracy, a generative model's scores."""
    if isinstance(model, Classifier):
        right = torch.cat([model(x).argmax(dim=1) for x in digits.test.split(1000)]) == digits.test_labels
        return {"test_accuracy": right.double().mean().item()}
    real = reference(digits)
    numbers = metrics.all_scores(draw(model, len(real)), real, load(f"classifier-{digits.source}"))
    if isinstance(model, VAE):
        seed_everything(0)
        logits, mu, logvar = model(digits.test)
        numbers["test_loss"] = losses.negative_elbo(logits, digits.test, mu, logvar).item()
    if isinstance(model, Autoencoder):
        numbers["test_mse"] = F.mse_loss(model(digits.test), digits.test).item()
    return numbers


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
    model.fit_codes(digits.train)


def train_vae(model, digits, *, name, seed, steps, batch_size, learning_rate):
    """Chapter 02's VAE."""
    descend, state = descent(model, learning_rate, steps)

    def update(x):
        logits, mu, logvar = model(x)
        loss = losses.negative_elbo(logits, x, mu, logvar)
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


class CodeModel(Autoencoder):
    """The autoencoder of chapter 01 with a Gaussian fitted to its codes, which makes it a generative model."""

    def __init__(self):
        super().__init__()
        self.register_buffer("code_mean", torch.zeros(64))
        self.register_buffer("code_root", torch.zeros(64, 64))  # Cholesky factor of the covariance

    @torch.no_grad()
    def fit_codes(self, images):
        codes = self.encoder(images).double().cpu()
        self.code_mean.copy_(codes.mean(dim=0))
        self.code_root.copy_(torch.linalg.cholesky(torch.cov(codes.T) + 1e-6 * torch.eye(64)))

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, 64).to(self.code_mean.device)
        return self.decoder(self.code_mean + z @ self.code_root.T)


def small_dcgan():
    return DCGAN(28, 1, width=16, latent_dim=64, refine=1)


# name: (the network, what trains it, with which settings)
BUILDERS = {
    "classifier-mnist": (Classifier, train_classifier, {"steps": 5616, "batch_size": 128, "learning_rate": 4e-3}),
    "classifier-embedded": (Classifier, train_classifier, {"steps": 1344, "batch_size": 128, "learning_rate": 4e-3}),
    "autoencoder-mnist": (CodeModel, train_autoencoder, {"steps": 8000, "batch_size": 128, "learning_rate": 5e-3}),
    "autoencoder-embedded": (CodeModel, train_autoencoder, {"steps": 4000, "batch_size": 128, "learning_rate": 5e-3}),
    "vae-mnist": (VAE, train_vae, {"steps": 8000, "batch_size": 256, "learning_rate": 4e-3}),
    "vae-embedded": (VAE, train_vae, {"steps": 3000, "batch_size": 256, "learning_rate": 4e-3}),
    "gan-mnist": (MLPGAN, train_gan, {"steps": 12000, "batch_size": 64, "rates": (2e-3, 1e-3), "averaging": 0.998}),
    "gan-embedded": (MLPGAN, train_gan, {"steps": 5000, "batch_size": 64, "rates": (2e-3, 1e-3), "averaging": 0.998}),
    "dcgan-mnist": (
        small_dcgan,
        train_gan,
        {"steps": 16000, "batch_size": 32, "rates": (2e-3, 2e-3), "averaging": 0.995, "gamma": 0.5},
    ),
    "dcgan-embedded": (
        small_dcgan,
        train_gan,
        {"steps": 4000, "batch_size": 32, "rates": (2e-3, 2e-3), "averaging": 0.995, "gamma": 0.5},
    ),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils.pretrained", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the weights and their records")
    again = commands.add_parser("rebuild", help="train weights again and record them; minutes on a CPU")
    again.add_argument("name", choices=BUILDERS, metavar="NAME", help=f"one of {', '.join(BUILDERS)}")
    again.add_argument("--seeds", type=int, nargs="+", default=[0], help="train with each, keep the first (default 0)")
    args = parser.parse_args(argv)
    try:
        print(json.dumps(records() if args.command == "list" else rebuild(args.name, args.seeds), indent=1))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
