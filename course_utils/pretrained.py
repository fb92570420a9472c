"""Weights that come with the course: loads them, and draws from them.

`weights/weights.json` records how each was made, its scores and its hash; `python -m course_utils weights` lists them.
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from
from torch import nn

from course_utils import CourseError, schedule
from course_utils.data import Images
from course_utils.game import MLPGAN, sample_gan
from course_utils.taught.autoencoder import Autoencoder
from course_utils.taught.autoregressive import PixelCNN
from course_utils.taught.conditional import ConditionalDiscriminator, ConditionalGenerator
from course_utils.taught.dcgan import DCGAN
from course_utils.taught.diffusion import FlowNet, guided, to_pixels
from course_utils.taught.evaluation import Classifier
from course_utils.taught.vae import VAE

WEIGHTS = Path(__file__).with_name("weights")


class WeightsError(CourseError):
    """Weights are missing, damaged or not those that were recorded."""


def records() -> dict[str, dict]:
    file = WEIGHTS / "weights.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def load(name: str) -> nn.Module:
    """The network `name` (such as "classifier-mnist") with its weights, on the device, in eval mode."""
    if (kind := name.rpartition("-")[0]) not in NETWORKS or name not in records():
        raise WeightsError(f"There are no weights {name!r}: choose one of {', '.join(records())}.")
    try:
        content = (WEIGHTS / f"{name}.safetensors").read_bytes()
    except OSError as error:
        raise WeightsError(f"Weights {name} cannot be read ({error.strerror}): install the course again.") from error
    if hashlib.sha256(content).hexdigest() != records()[name]["sha256"]:
        raise WeightsError(f"The file of the weights {name} is not the recorded one: install the course again.")
    with torch.device("meta"):  # no first weights are drawn, so that no random numbers are used up
        model = NETWORKS[kind]()
    try:
        model.load_state_dict(tensors_from(content), assign=True)
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(f"The weights {name} do not fit the network: install the course again.") from error
    return model.to(schedule.device()).eval()


def sample(name: str, n: int, seed: int = 0) -> torch.Tensor:
    """`n` pictures (n, 1, 28, 28) in [0, 1] drawn by the generative model `name`, such as "dcgan-mnist"."""
    return draw(load(name), n, seed)


def draw(model: nn.Module, n: int, seed: int = 0, labels: torch.Tensor | None = None) -> torch.Tensor:
    """`n` pictures of a model that has a `sample` method, or of the generator of a GAN; the same for the same seed.

    A conditional model draws the `labels` (n,) that you ask for, by default 0, 1, …, 9, 0, 1, …
    """
    with torch.random.fork_rng(), schedule.evaluating(model):
        torch.manual_seed(seed)
        if labels is not None:
            return model.sample(n, labels)
        if hasattr(model, "sample"):
            return model.sample(n)
        z = torch.randn(n, model.latent_dim, dtype=torch.float32).to(schedule.device())
        return sample_gan(model.generator, z)


def reference(digits: Images, n: int = 5000) -> torch.Tensor:
    """`n` test pictures to score against: always the same, at random, as the halves of MNIST's have other writers."""
    order = torch.randperm(len(digits.test), generator=torch.Generator().manual_seed(0))[:n]
    return digits.test[order.to(digits.test.device)]


class CodeModel(Autoencoder):
    """The autoencoder of chapter 01 with a Gaussian fitted to its codes, which makes it a generative model."""

    def __init__(self):
        super().__init__()
        self.register_buffer("code_mean", torch.zeros(64))
        self.register_buffer("code_root", torch.zeros(64, 64))  # Cholesky factor of the covariance

    @torch.no_grad()
    def sample(self, n):
        z = torch.randn(n, 64).to(self.code_mean.device)
        return self.decoder(self.code_mean + z @ self.code_root.T)


class ConditionalGAN(nn.Module):
    """The two networks of chapter 08 as one model."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = ConditionalGenerator(), ConditionalDiscriminator()
        self.latent_dim = self.generator.latent_dim

    def sample(self, n, labels=None):
        z, labels = torch.randn(n, self.latent_dim), torch.arange(n) % 10 if labels is None else labels
        parts = zip(*(x.to(schedule.device()).split(1000) for x in (z, labels)), strict=True)
        return torch.cat([(self.generator(*part) + 1) / 2 for part in parts])


class Flow(FlowNet):
    """The network of chapter 11, a little wider, and its guided walk, which asks it twice in each step."""

    def __init__(self, width=24, steps=16):
        super().__init__(width)
        self.steps = steps

    @torch.no_grad()
    def sample(self, n, labels=None, w=2.0):
        noise, labels = torch.randn(n, 1, 28, 28), torch.arange(n) % 10 if labels is None else labels
        pictures = []
        for x, y in zip(*(part.to(schedule.device()).split(500) for part in (noise, labels)), strict=True):
            velocity = guided(self, y, w)
            for k in range(self.steps):
                x = x - velocity(x, 1 - k / self.steps) / self.steps
            pictures.append(to_pixels(x))
        return torch.cat(pictures)


def small_dcgan():
    return DCGAN(28, 1, width=16, latent_dim=64, refine=1)


# The networks by the first part of their name; the second part names the data: mnist or embedded.
NETWORKS = {"classifier": Classifier, "autoencoder": CodeModel, "vae": VAE, "gan": MLPGAN, "dcgan": small_dcgan}
NETWORKS |= {"cdcgan": ConditionalGAN, "flow": Flow, "pixelcnn": PixelCNN}
