"""The published protocol for a likelihood on binary MNIST (Burda et al., 2016), and what has been reached by it.

As in the paper: one layer of 50 codes, 200-200 tanh units on both sides, every batch made black and white afresh from
the grey values, the bound with k draws, Adam with ε = 1e-4, and on the test set an estimate with 5000 draws for each
picture. The paper kept 400 training pictures for validation; here all are used. `python -m course_utils likelihood`
runs it and adds what it reached to `likelihood.json`, beside this file.
"""

import json
from pathlib import Path

RECORDS = Path(__file__).with_name("likelihood.json")
PUBLISHED = {1: 86.76, 5: 85.54, 50: 84.78}  # Table 1, one stochastic layer: negative log-likelihood in nats
PUBLISHED_EPOCHS = sum(3**i for i in range(8))  # 3280 passes: 3^i of them at the i-th learning rate
PUBLISHED_BATCH = 20


def learning_rate(step: int, steps: int, published: bool, first: float = 1e-3) -> float:
    """The i-th of eight rates, first · 10^(−i/7): as published for 3^i passes, in a shortened run for an eighth of it.

    With the published shares, a short run would spend nearly all of its passes at the smallest rates.
    """
    done = step / steps
    ends = [(3 ** (i + 1) - 1) / (3**8 - 1) if published else (i + 1) / 8 for i in range(8)]  # as shares of the run
    return first * 10 ** (-sum(done >= end for end in ends[:-1]) / 7)


def records() -> list[dict]:
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []


def report() -> str:
    """A table of everything recorded, one line a run."""
    lines = ["  k   passes         data       reached         published"]
    for entry in sorted(records(), key=lambda entry: (entry["data"], entry["k"], entry["epochs"])):
        published = PUBLISHED.get(entry["k"]) if entry["data"] == "mnist" else None
        lines.append(
            f"{entry['k']:3d}  {entry['epochs']:5d} of {entry['published_epochs']}  {entry['data']:9s}"
            f"{entry['nll']:8.2f} ± {entry['standard_error']:.2f}      "
            f"{f'{published:.2f}' if published else '–':>6s}"
        )
    return "\n".join(lines if len(lines) > 1 else ["Nothing has been recorded yet."])
