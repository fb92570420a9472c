"""The published protocol for a likelihood on binary MNIST (Burda et al., 2016), and what has been reached by it.

`python -m course_utils likelihood` runs it, and adds what it reached to `likelihood.json`, beside this file.
"""

import json
from pathlib import Path

RECORDS = Path(__file__).with_name("likelihood.json")
PUBLISHED = {1: 86.76, 5: 85.54, 50: 84.78}  # Table 1, one stochastic layer: negative log-likelihood in nats
PUBLISHED_EPOCHS = sum(3**i for i in range(8))  # 3280 passes: 3^i of them at the i-th learning rate


def learning_rate(step: int, steps: int, published: bool, first: float = 1e-3) -> float:
    """The i-th of eight rates, first · 10^(−i/7): as published for 3^i passes, in a shortened run for an eighth of it.

    With the published shares, a short run would spend nearly all of its passes at the smallest rates.
    """
    done = step / steps
    ends = [(3 ** (i + 1) - 1) / (3**8 - 1) if published else (i + 1) / 8 for i in range(8)]  # as shares of the run
    return first * 10 ** (-sum(done >= end for end in ends[:-1]) / 7)


def records() -> list[dict]:
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []
