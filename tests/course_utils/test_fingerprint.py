"""What a run is made of: whatever could change its outcome is noticed, and an unchanged run made anew is the same."""

import functools
import json
import os
import subprocess
import sys
import textwrap
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import fingerprint
from course_utils.training import Diary

# A cell of a notebook, as a learner writes it; every case below changes one line of it.
CELL = """
import functools
from types import SimpleNamespace
import numpy as np, torch, torch.nn.functional as F
from torch import nn
config = {"beta": 1.0, "deep": {"layers": [64, 32]}}
levels = [0.1, 0.2]
weights = torch.tensor([1.0, 2.0])
table = np.array([1.0, 2.0])
chosen = {"a", "b", "c"}
number = np.float32(0.5)
settings = SimpleNamespace(rate=0.1, sizes=[1, 2])
log = []
def inner(a, b): return F.mse_loss(a, b)
def loss_of(a, b, scale=1.0): return scale * inner(a, b)
half = functools.partial(loss_of, scale=0.5)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.drop, self.slope = nn.Linear(4, 4), nn.Dropout(0.1), 0.2
    def forward(self, x): return F.leaky_relu(self.drop(self.linear(x)), self.slope)
class Noise:
    amount = 1.0
    def __call__(self, x): return x
noise = Noise()
torch.manual_seed(0)
net, judge = Net(), nn.Linear(4, 1).requires_grad_(False)
optimizer = torch.optim.AdamW(net.parameters(), 0.1, betas=(0.9, 0.99))
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / 60)
averaged = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
state = {"net": net, "optimizer": optimizer, "scheduler": scheduler, "averaged": averaged}
def update(x):
    log.append(x)
    y = net(noise(x)) * weights.sum() + table.sum() + number * settings.rate + len(chosen) + judge(x)
    loss = config["beta"] * loss_of(y, x) + half(y, x) + levels[0]
    optimizer.zero_grad(); loss.backward(); optimizer.step(); scheduler.step()
    return {"loss": loss}
images, labels, steps, seed = torch.arange(4000.0).reshape(1000, 4), torch.arange(1000), 60, 0
"""


def parts(text: str) -> dict[str, str]:
    run = {"__name__": "__main__"}
    exec(compile(text, "<cell>", "exec"), run)
    settings = {name: run[name] for name in ("images", "labels", "steps", "seed")}
    return fingerprint.parts(run["update"], run["state"], settings, {})


CHANGES = {
    "a number in a dictionary": ('"beta": 1.0', '"beta": 2.0'),
    "deep in a dictionary": ("[64, 32]", "[64, 33]"),
    "another key": ('"beta": 1.0', '"beta": 1.0, "gamma": 1.0'),
    "a list": ("[0.1, 0.2]", "[0.1, 0.3]"),
    "a tensor": ("tensor([1.0, 2.0])", "tensor([1.0, 2.1])"),
    "the kind of a tensor": ("tensor([1.0, 2.0])", "tensor([1.0, 2.0]).double()"),
    "an array": ("array([1.0, 2.0])", "array([1.0, 2.1])"),
    "a set": ('"c"}', '"d"}'),
    "a NumPy number": ("float32(0.5)", "float32(0.6)"),
    "a namespace": ("rate=0.1", "rate=0.2"),
    "a list in a namespace": ("sizes=[1, 2]", "sizes=[1, 3]"),
    "a called function": ("scale * inner", "scale / inner"),
    "a function called by it": ("F.mse_loss", "F.l1_loss"),
    "a default": ("scale=1.0", "scale=1.1"),
    "a partial": ("scale=0.5", "scale=0.6"),
    "the forward pass": ("F.leaky_relu", "F.elu"),
    "an attribute of a network": (", 0.2\n", ", 0.3\n"),
    "dropout": ("Dropout(0.1)", "Dropout(0.2)"),
    "a called object": ("amount = 1.0", "amount = 2.0"),
    "the method of a called object": ("return x\n", "return x + 1\n"),
    "a network that is not trained": ("nn.Linear(4, 1)", "nn.Linear(4, 1, bias=False)"),
    "the weights of a network that is not trained": ("manual_seed(0)", "manual_seed(1)"),
    "the mode of a network": ("net, judge = Net()", "net, judge = Net().eval()"),
    "the optimizer": ("AdamW", "Adam"),
    "the learning rate": ("net.parameters(), 0.1", "net.parameters(), 0.2"),
    "an option of the optimizer": ("betas=(0.9", "betas=(0.8"),
    "the schedule": ("step / 60", "step / 61"),
    "another schedule": ("LambdaLR(optimizer, lambda step: 1 - step / 60)", "StepLR(optimizer, 7)"),
    "an option of the schedule": ("LambdaLR(optimizer, lambda step: 1 - step / 60)", "LinearLR(optimizer)"),
    "the averaging": ("avg_fn(0.99)", "avg_fn(0.9)"),
    "the update": ("+ levels[0]", "- levels[0]"),
    "data beyond the first hundred": ("reshape(1000, 4)", "reshape(1000, 4).index_fill(0, torch.tensor(900), 0)"),
    "two pictures that changed places": ("reshape(1000, 4)", "reshape(1000, 4).roll(1, 0)"),
    "labels": ("torch.arange(1000)", "torch.arange(1000).roll(1)"),
    "steps": ("torch.arange(1000), 60", "torch.arange(1000), 61"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed(what):
    old, new = CHANGES[what]
    assert CELL.count(old) == 1, "the case no longer fits the cell"
    assert parts(CELL) != parts(CELL.replace(old, new))


SAME = {
    "nothing": ("config", "config"),
    "a comment": ("def inner", "# what is measured\ndef inner"),
    "line breaks": ("return scale * inner(a, b)", "\n    return (\n        scale * inner(a, b)\n    )"),
    "what the update writes to": ("log = []", "log = [1, 2]"),
    "a name that is not used": ("log = []", "log = []; unused = 3"),
}


@pytest.mark.parametrize("what", SAME)
def test_what_changes_nothing_is_no_change(what):
    assert parts(CELL) == parts(CELL.replace(*SAME[what], 1))


def test_training_does_not_change_what_a_run_is_made_of():
    """Only what is marked as moving in a checkpoint may differ: numbers in the state, never a setting."""
    run = {"__name__": "__main__"}
    exec(compile(CELL, "<cell>", "exec"), run)
    settings = {name: run[name] for name in ("images", "labels", "steps", "seed")}
    digests = {}
    before = fingerprint.parts(run["update"], run["state"], settings, digests)
    for _ in range(3):
        run["update"](run["images"][:5] / 4000)
    after = fingerprint.parts(run["update"], run["state"], settings, digests)
    moved = {part for part, text in before.items() if after.get(part) != text}
    assert all(part.startswith(("optimizer", "scheduler", "net.", "averaged.")) for part in moved), moved
    assert not [part for part in moved if part.endswith(("initial_lr", "betas", "weight_decay", "slope"))]
    run["weights"][0] = 9  # a tensor that has been changed in place is read again
    assert fingerprint.parts(run["update"], run["state"], settings, digests) != after


def test_another_process_finds_the_same():
    """In a fresh kernel, addresses and the order of sets differ; what a run is made of does not."""
    code = "import test_fingerprint, json; print(json.dumps(test_fingerprint.parts(test_fingerprint.CELL)))"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    folder = os.path.dirname(__file__)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == parts(CELL)


def test_odd_values_neither_fail_nor_go_round_in_circles(tmp_path):
    ring = {"self": None}
    ring["self"] = ring
    odd = [ring, OrderedDict(a=1), {1: 2, (1, 2): 3}, frozenset({1}), torch.empty(0), torch.tensor(True)]
    odd += [torch.sparse_coo_tensor([[0]], [1.0], (2,)), torch.empty(2, device="meta"), np.array(["a", None])]
    odd += [nn.ReLU, torch.relu, np.add, np, SimpleNamespace(), Diary(a=1), range(3), functools.partial(print, 1)]
    odd += [torch.Generator(), (tmp_path / "a").open("w"), iter([1]), textwrap, torch.nn.functional.relu, float("nan")]

    def update(x):
        return odd

    first, second = (fingerprint.parts(update, {"diary": Diary()}, {}, {}) for _ in range(2))
    assert first == second
    assert fingerprint.UNKNOWN in first.values()
