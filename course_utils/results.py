"""Records a chapter's numbers and holds them against the expected bands.

`expected.json` has, for every chapter, schedule and data source, what several seeds gave; prose quotes it, too.
"""

import functools
import json
import math
import platform
import re
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.special
import scipy.stats
import torch
import torchvision
from IPython.display import HTML, display

from course_utils import CourseError, files, rehearsal, schedule

EXPECTED = Path(__file__).with_name("expected.json")


class OutsideBand(CourseError, AssertionError):
    """A measured number lies outside the band that was recorded for it."""


class ClaimFailed(CourseError, AssertionError):
    """A sentence of the text does not hold in this run; the message is the sentence."""


def holds(claim: str, condition: bool | torch.Tensor, *figures: float | str) -> None:
    """Print `claim` with a tick and the measured `figures`, or raise ClaimFailed where the condition does not hold."""
    shown = ", ".join(f"{one:.4g}" if isinstance(one, (int, float, torch.Tensor)) else one for one in figures)
    line = f"{claim} ({shown})" if shown else claim
    if condition:
        print(f"✓ {line}")
    elif not rehearsal.excuses(line):
        raise ClaimFailed(f"This does not hold here: {line}.")


class Band(NamedTuple):
    """What runs with several seeds gave, and the range in which another seed or machine should fall."""

    low: float
    high: float
    values: list[float]

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


# Words in the name of a number that is a share of something, and so lies between 0 and 1.
SHARES = re.compile("accuracy|share|precision|recall|coverage|told_apart|auc|right")


def band(values: list[float], key: str = "") -> Band:
    """The band for the values of several seeds: where a further run falls in 999 of 1,000 cases, roughly.

    Student's prediction interval on a scale without bounds: log odds for a share (by its name, `key`), logarithms for
    what is always positive. With three or four runs it is cut at six deviations, or it would check nothing: one number
    in 40 to 100 then falls outside by chance. It is at least 1 % wide, since machines round otherwise.
    """

    def interval(x, least):
        spread = x.std(ddof=1) * np.sqrt(1 + 1 / len(x)) if len(x) > 1 else 0.0
        margin = max(min(6.0, scipy.stats.t.ppf(0.9995, max(1, len(x) - 1))) * spread, least)
        return np.array([x.mean() - margin, x.mean() + margin])

    x = np.array(values, dtype=float)
    if SHARES.search(key) and ((x >= 0) & (x <= 1)).all():
        low, high = scipy.special.expit(interval(scipy.special.logit(x.clip(1e-3, 1 - 1e-3)), 0.1))
        low, high = (0.0 if x.min() <= 1e-3 else low), (1.0 if x.max() >= 1 - 1e-3 else high)
    elif (x > 0).all() or (x < 0).all():
        low, high = sorted(np.sign(x[0]) * np.exp(interval(np.log(abs(x)), 0.01)))
    else:
        low, high = interval(x, 0.01 * abs(x.mean()))
    return Band(float(low), float(high), list(values))


@functools.cache
def _expected_file() -> dict:
    return json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}


def expected(chapter: str, key: str, *, schedule: str = "short", source: str = "mnist") -> Band | None:
    """The band of number `key` of `chapter` ("02"), or None where none has been recorded."""
    values = _expected_file().get(chapter, {}).get(f"{schedule}/{source}", {}).get("numbers", {}).get(key)
    return band(values, key) if values else None


class Results:
    """The numbers of one run of one chapter: `results = Results("02", images.source)` begins it."""

    def __init__(self, chapter: str, source: str):
        self.chapter, self.source = chapter, source
        self.schedule, self.device = schedule.schedule(), schedule.device().type
        self.numbers: dict[str, float] = {}
        self._begun = time.perf_counter()
        print(f"Chapter {chapter}: {self.schedule} schedule on {self.device}, data {source}, seed {schedule.seed()}.")

    def add(self, **numbers: float) -> None:
        """Remember measured numbers, and write the result file when COURSE_RESULTS is set."""
        self.numbers.update({key: float(value) for key, value in numbers.items()})
        if not (folder := schedule.results_folder()):
            return
        record = {"chapter": self.chapter, "schedule": self.schedule, "device": self.device, "data": self.source}
        record |= {"seed": schedule.seed(), "seconds": round(time.perf_counter() - self._begun, 1)}
        # JSON knows neither NaN nor infinity; a number that is not there cannot be taken for one
        numbers = {key: value if math.isfinite(value) else None for key, value in self.numbers.items()}
        try:
            whole = json.dumps(record | {"versions": versions(), "numbers": numbers}, indent=1)
            files.write(path := folder / f"{self.chapter}.json", whole)
        except OSError as error:
            remedy = "set COURSE_RESULTS to a folder that you may write to, or unset it"
            raise CourseError(f"Results cannot be written to {path} ({error.strerror or error}): {remedy}.") from error

    def expected(self, key: str) -> Band | None:
        """The recorded band of `key` for this chapter, schedule and data source."""
        return expected(self.chapter, key, schedule=self.schedule, source=self.source)

    def check(self) -> None:
        """Show every number beside its band; OutsideBand names those that lie outside."""
        rows, outside = [], []
        for key, value in self.numbers.items():
            known = self.expected(key)
            span = f"{known.low:.4g} to {known.high:.4g}" if known else "–"
            verdict = ("within" if value in known else "outside") if known else "no band recorded"
            if verdict == "outside":
                outside.append(f"{key} = {value:.4g} (expected {span})")
            rows.append(f"<tr><td>{key}</td><td>{value:.4g}</td><td>{span}</td><td>{verdict}</td></tr>")
        head = "<tr><th>number</th><th>measured here</th><th>expected band</th><th></th></tr>"
        display(HTML(f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"))
        if outside and not rehearsal.excuses("; ".join(outside)):
            raise OutsideBand(
                f"Outside the recorded band: {'; '.join(outside)}. If you changed a setting, that is the effect "
                "of your change; if not, restart the kernel and run all cells in order."
            )


def versions() -> dict[str, str]:
    """The versions that a number depends on."""
    torches = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    return {"python": platform.python_version(), **torches}
