"""Weights that come with the course, and the command that makes each again.

    python -m course_utils.pretrained list
    python -m course_utils.pretrained rebuild classifier-mnist

They are safetensors files, which hold numbers and nothing else. `weights/weights.json` records, for each, the hash of
the file, the seed, the data, the date and what was measured; a file whose hash differs is not loaded.
"""

import argparse
import datetime
import hashlib
import json
import os
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from
from safetensors.torch import save as bytes_of
from torch import nn
from tqdm import tqdm

from course_utils import CourseError, results, schedule
from course_utils.data import batches, load_images
from course_utils.metrics import Classifier
from course_utils.seeding import seed_everything

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
    network, _ = BUILDERS[name]
    model = network()
    try:
        model.load_state_dict(tensors_from(content))
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(f"The weights {name} do not fit the network: install the course again.") from error
    return model.to(schedule.device()).eval()


def rebuild(name: str) -> dict:
    """Train `name` again and replace its file and its record, which is returned."""
    network, build = BUILDERS[name]
    seed = seed_everything()
    model = network().to(schedule.device())
    measured = build(model, name)
    content = bytes_of({key: tensor.cpu().contiguous() for key, tensor in model.state_dict().items()})
    record = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "command": f"python -m course_utils.pretrained rebuild {name}",
        "seed": seed,
        "date": datetime.date.today().isoformat(),
        "versions": results.versions(),
        **measured,
    }
    WEIGHTS.mkdir(exist_ok=True)
    _replace(WEIGHTS / f"{name}.safetensors", content)
    everything = dict(sorted({**records(), name: record}.items()))
    _replace(WEIGHTS / "weights.json", (json.dumps(everything, indent=1) + "\n").encode())
    return record


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def train_classifier(model: Classifier, name: str, epochs: int = 12, batch_size: int = 128) -> dict:
    """The feature net of the scores: cross-entropy, Adam with a learning rate that rises and falls, small shifts."""
    digits = load_images("mnist")
    if name != f"classifier-{digits.source}":
        raise WeightsError(f"{name} is trained on other data than {digits.source}: set COURSE_DATA to match.")
    steps = epochs * (len(digits.train) // batch_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-5)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    stream = batches(digits.train, batch_size, labels=digits.train_labels, steps=steps)
    for x, y in tqdm(stream, total=steps, desc=name, ncols=90):
        shift = torch.randint(-2, 3, (2,)).tolist()
        loss = F.cross_entropy(model(x.roll(shift, dims=(2, 3))), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    with torch.no_grad():
        model.eval()
        right = torch.cat([model(x).argmax(dim=1) for x in digits.test.split(1000)]) == digits.test_labels
    return {"data": digits.source, "epochs": epochs, "test_accuracy": round(right.double().mean().item(), 4)}


# name: (the network, what trains it and returns what to record)
BUILDERS = {
    "classifier-mnist": (Classifier, train_classifier),
    "classifier-embedded": (Classifier, train_classifier),
}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils.pretrained", description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the weights and their records")
    again = commands.add_parser("rebuild", help="train weights again and record them")
    again.add_argument("name", choices=BUILDERS)
    args = parser.parse_args(argv)
    try:
        print(json.dumps(records() if args.command == "list" else rebuild(args.name), indent=1))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
