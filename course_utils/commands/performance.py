"""The book's page on performance: figures, tables and numbers of what `costs`, `bench --until` and `record` recorded.

book/performance.md says `{figure:training}`, `{table:until}` or `{vae_step_ms}`; the build fills these in, so that no
number of the page is written by hand.
"""

import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from course_utils import CourseError
from course_utils.commands import bench_until, record
from course_utils.figures import COLOURS
from course_utils.schedule import ROOT

COSTS = Path(__file__).parents[1] / "costs.json"
PAGE = ROOT / "book" / "performance.md"
PAPER = {  # what data sheets and practice say of a T4, the GPU that Colab lends
    "t4_tflops": 8.1,  # float32
    "t4_tflops16": 65,  # 16 bits, on tensor cores
    "t4_gflops64": 254,  # float64
    "t4_gbs": 320,  # memory, GB/s
    "launch_us": 10,  # from one small kernel to the next, in eager PyTorch
}
MANY = 100_000  # samples, for which the scores of pairs are extrapolated
CLASS, WORKERS = 3000, 20  # submissions, and processes of a cluster, for which grading is extrapolated
BOTH = ("listing", "course")
LOOPS = {"ae": "autoencoder", "vae": "VAE", "gan": "GAN", "dcgan": "DCGAN"}


def costs() -> list[dict]:
    return json.loads(COSTS.read_text(encoding="utf-8")) if COSTS.exists() else []


def points(curve: str, series: str) -> dict:
    """The recorded points of a series by their x, all of the machine that was recorded first.

    Raises:
        CourseError: nothing is recorded.
    """
    recorded = costs()
    found = {
        one["x"]: one
        for one in recorded
        if (one["curve"], one["series"], one["machine"]) == (curve, series, recorded[0]["machine"])
    }
    if not found:
        raise CourseError(f"Nothing is recorded of {curve}, {series}: python -m course_utils costs {curve}.")
    return found


def per(curve: str, series: str, key: str = "seconds", by: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """x and a number of each point, divided by another of its numbers."""
    found = points(curve, series)
    return np.array([*found]), np.array([one[key] / (one[by] if by else 1) for one in found.values()], dtype=float)


def exponent(x: np.ndarray, y: np.ndarray) -> float:
    """p of y ~ x^p: the slope on logarithmic axes."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """What it costs at all, and what each more costs: the straight line through the points."""
    slope, start = np.polyfit(x, y, 1)
    return float(start), float(slope)


def peak(kind: str) -> float:
    """GFLOP/s of the best matrix product of that type."""
    return max(one["flops"] / one["seconds"] for one in points("roofline", f"product, {kind}").values()) / 1e9


def bandwidth() -> float:
    """GB/s of a copy that no cache holds, read and written."""
    (one,) = points("roofline", "copy").values()
    return one["bytes"] / one["seconds"] / 1e9


# ---------------------------------------------------------------- the figures, each with its alternative text


def roofline() -> tuple[Figure, str]:
    fig = Figure(figsize=(9, 3.8), layout="constrained")
    ax, bars = fig.subplots(1, 2, width_ratios=(1.25, 1))
    roof, said = np.geomspace(0.5, 500), []
    for colour, kind in zip(COLOURS, ("float32", "bfloat16"), strict=False):
        layers = points("roofline", f"layer, {kind}")
        ax.plot(roof, np.minimum(peak(kind), roof * bandwidth()), color=colour, label=f"{kind}: {peak(kind):,.0f}")
        for number, (name, one) in enumerate(layers.items(), 1):
            place = one["flops"] / one["bytes"], one["flops"] / one["seconds"] / 1e9
            ax.plot(*place, "o" if "dense" in name else "s", color=colour, markersize=5)
            ax.annotate(number, place, fontsize=7, xytext=(4, -6), textcoords="offset points")
        said.append(f"{peak(kind):,.0f} GFLOP/s in {kind}")
    ax.set(xscale="log", yscale="log", xlabel="FLOP for each byte moved", ylabel="GFLOP/s")
    ax.text(0.99, 0.02, "\n".join(f"{k} {name}" for k, name in enumerate(layers, 1)), fontsize=6.5, ha="right",
            transform=ax.transAxes)  # fmt: skip
    ax.set_title("layers by chapter: circles dense, squares convolutions", fontsize=9)
    ax.legend(title="best product, GFLOP/s", fontsize=7, title_fontsize=7)
    ends = {}
    for place, side in enumerate(BOTH):
        reached = [one["flops"] / one["seconds"] / 1e9 for one in points("roofline", side).values()]
        ends[side] = f"{min(reached):.0f} to {max(reached):.0f} GFLOP/s"
        bars.barh(np.arange(len(reached)) + 0.4 * place, reached, 0.38, color=COLOURS[4 * place], label=side)
    bars.set_yticks(np.arange(len(LOOPS)) + 0.2, LOOPS.values())
    bars.axvline(peak("float32"), color="black", linewidth=1, linestyle="--", label="best product, float32")
    bars.set(xlabel="GFLOP/s of whole training loops")
    fig.legend(*bars.get_legend_handles_labels(), loc="outside upper right", ncols=3, fontsize=7)
    alt = f"Left: a roofline, GFLOP/s against FLOP a byte, with roofs at {' and at '.join(said)}; dense layers lie "
    alt += f"nearer to them than convolutions. Right: bars of four training loops; the listings reach {ends['listing']}"
    return fig, f"{alt}, the course {ends['course']}."


def calm(*axes) -> None:
    """Plain numbers at 1, 2, 5, 10, … of logarithmic axes."""
    for axis in (one for ax in axes for one in (ax.xaxis, ax.yaxis) if one.get_scale() == "log"):
        axis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.set_major_formatter("{x:,.6g}")
        axis.set_minor_formatter("{x:,.6g}")
        axis.set_tick_params(which="both", labelsize=7)


def training() -> tuple[Figure, str]:
    fig = Figure(figsize=(9, 3.2), layout="constrained")
    axes = fig.subplots(1, 3)
    x, y = per("training", "VAE, images")
    axes[0].loglog(x, y, "o-")
    axes[0].set(xlabel="images", ylabel="CPU seconds of a pass", title="VAE")
    for series in ("VAE, codes", "VAE, width", "DCGAN, width"):
        x, y = per("training", series, by="images")
        ax = axes[1 if "codes" in series else 2]
        ax.loglog(x, 1e6 * y, "o-", label=series.partition(",")[0])
        ax.set(ylabel="CPU µs a training image")
    axes[1].set(xlabel="numbers in a code", title="VAE", ylim=axes[2].get_ylim())
    axes[2].set(xlabel="width (hidden units, or channels)", title="VAE and DCGAN")
    axes[2].legend(fontsize=8)
    calm(*axes)
    axes[0].set_xticks(per("training", "VAE, images")[0])
    for ax in axes[[0, 2]]:
        ax.xaxis.set_minor_formatter(NullFormatter())
    alt = "Three panels on logarithmic axes: seconds of a pass grow in a straight line with the images; the time of an "
    alt += "image hardly changes with the numbers in a code; with the width it climbs, slowly at first, then evenly."
    return fig, alt


METRICS = {"frechet": "Fréchet distance", "kernel": "kernel distance", "neighbours": "precision and recall"}


def metrics() -> tuple[Figure, str]:
    fig = Figure(figsize=(9, 3.2), layout="constrained")
    seconds, memory = fig.subplots(1, 2)
    for marker, (series, name) in zip("os^", METRICS.items(), strict=True):
        seconds.loglog(*per("metrics", series), marker=marker, label=name)
        memory.semilogx(*per("metrics", series, "peak_mb"), marker=marker, label=name)
    seconds.set(xlabel="samples of either kind", ylabel="CPU seconds")
    memory.set(xlabel="samples of either kind", ylabel="most memory held, MB", ylim=(0, None))
    seconds.legend(fontsize=8, loc="center right")
    calm(seconds, memory)
    alt = "Two panels against the number of samples. Seconds, on logarithmic axes: the Fréchet distance lies far below "
    alt += "the other two, which climb twice as steeply. Memory: three lines that rise little."
    return fig, alt


def grading() -> tuple[Figure, str]:
    fig = Figure(figsize=(9, 3.2), layout="constrained")
    used, clock = fig.subplots(1, 2, sharex=True)
    for marker, series in zip("os^D", ("small, -j 1", "small, -j 2", "small, dask", "ex02, -j 1"), strict=True):
        try:
            x, y = per("grading", series, "wall_seconds")
        except CourseError:  # where dask is not installed
            continue
        label = series.replace("small", "one check").replace("ex02", "exercise 02").replace("dask", "dask, two workers")
        clock.loglog(x, y, marker=marker, label=label)
        used.loglog(*per("grading", series), marker=marker, label=label)
    used.set(xlabel="submissions", ylabel="CPU seconds")
    clock.set(xlabel="submissions", ylabel="seconds of the day")
    clock.legend(fontsize=8)
    calm(used, clock)
    alt = "Two panels on logarithmic axes, CPU seconds and seconds of the day against submissions: slower growth "
    alt += "than that of the class, as the start counts; exercise 02 lies far above the exercise of one check."
    return fig, alt


def until() -> tuple[Figure, str]:
    fig = Figure(figsize=(9, 3.2), layout="constrained")
    if not (runs := bench_until.records()):
        raise CourseError("No race is recorded: python -m course_utils bench --until.")
    for ax, (name, race) in zip(fig.subplots(1, len(bench_until.RACES)), bench_until.RACES.items(), strict=True):
        for colour, side in zip(COLOURS, race.sides, strict=False):
            for one in (one for one in runs if (one["race"], one["side"]) == (name, side)):
                _, seconds, scores = zip(*one["looks"], strict=True)
                ax.loglog(seconds, scores, color=colour, linewidth=1, label=side if one["seed"] == 0 else None)
        for goal in race.goals:
            ax.axhline(goal, color="black", linewidth=0.8, linestyle=":")
        ax.set(xlabel="CPU seconds of training", ylabel=race.score, title=LOOPS[name])
        ax.set_yscale("linear" if race.score == "test loss" else "log")
        ax.legend(fontsize=7)
        calm(ax)
    alt = (
        "Three panels, score against CPU seconds of training, a line for each run and dotted lines for the goals: the "
    )
    alt += "lines of the chapters' loops and recipes fall earlier than those of the listings."
    return fig, alt


FIGURES: dict[str, Callable] = {
    "until": until, "roofline": roofline, "training": training, "metrics": metrics, "grading": grading,
}  # fmt: skip


def draw(folder: Path) -> list[Path]:
    """Each figure as an SVG in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in FIGURES.items():
        paths.append(folder / f"{name}.svg")
        figure()[0].savefig(paths[-1], metadata={"Date": None})
    return paths


# ---------------------------------------------------------------- the tables and the numbers


def until_table() -> str:
    """The races as tables in Markdown."""
    lines = []
    for head, columns, rows in bench_until.rows(bench_until.records()):
        table = [columns, ["---"] * len(columns), *rows]
        lines += [f"**{head}**", "", *(f"| {' | '.join(row)} |" for row in table), ""]
    return "\n".join(lines)


def loops_table() -> str:
    """Both loops of each network, per image, beside what its arithmetic takes at the best product's speed."""
    lines = ["| | listing, µs an image | course, µs | ratio | GFLOP/s | % of the best product | at best, µs |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name, words in LOOPS.items():
        ours, theirs = (points("roofline", side)[name] for side in ("course", "listing"))
        us, other = (1e6 * one["seconds"] / one["images"] for one in (ours, theirs))
        speed, least = ours["flops"] / ours["seconds"] / 1e9, ours["flops"] / ours["images"] / peak("float32") / 1e3
        cells = f"{other:.0f} | {us:.0f} | {other / us:.1f} | {speed:.0f} | {share(ours, 'float32'):.0f} | {least:.0f}"
        lines.append(f"| {words} | {cells} |")
    return "\n".join(lines)


def record_table() -> str:
    return f"```text\n{record.report(record.records())}\n```"


def numbers() -> dict[str, str]:
    """Every number that the page says, as it is written there."""
    some = next(iter(points("roofline", "copy").values()))
    found = {"machine": some["machine"], "date": some["date"], "torch": some["versions"]["torch"]}
    found |= {name: f"{value:g}" for name, value in PAPER.items()}
    return found | until_numbers() | loop_numbers() | training_numbers() | metric_numbers() | grading_numbers()


def until_numbers() -> dict[str, str]:
    runs = bench_until.records()

    def of(name: str, side: str) -> list[dict]:
        return [one for one in runs if (one["race"], one["side"]) == (name, side)]

    def sooner(name: str, goal: float) -> str:
        times = (statistics.median(bench_until.seconds_until(one, goal) for one in of(name, side)) for side in BOTH)
        listing, course = times
        return f"{listing / course:.1f}"

    found = {"budget": f"{runs[0]['budget']:g}", "runs": str(min(len(of("dcgan", side)) for side in BOTH))}
    found |= {f"{name}_sooner": sooner(name, bench_until.RACES[name].goals[0]) for name in ("vae", "gan")}
    found["vae_goal"], found["gan_goal"] = (f"{bench_until.RACES[name].goals[0]:g}" for name in ("vae", "gan"))
    for key, side in (("listing", "listing"), ("course", "course"), ("best", "best recipe")):
        found[f"dcgan_{key}_end"] = f"{statistics.median(one['looks'][-1][2] for one in of('dcgan', side)):.0f}"
    found["dcgan_start"] = f"{statistics.median(one['looks'][0][2] for one in of('dcgan', 'listing')):.0f}"
    return found


def share(one: dict, kind: str) -> float:
    """Per cent of the best product's speed."""
    return 100 * one["flops"] / one["seconds"] / 1e9 / peak(kind)


def loop_numbers() -> dict[str, str]:
    found = {f"peak{bits}": f"{peak(kind):,.0f}" for bits, kind in ((64, "float64"), (32, "float32"), (16, "bfloat16"))}
    found |= {"copy_gbs": f"{bandwidth():.0f}", "ridge": f"{peak('float32') / bandwidth():.0f}"}
    layers = points("roofline", "layer, float32")
    for name, layer in (
        ("dense", "02 dense 784–400"),
        ("first", "05 convolution 1–16"),
        ("back", "05 transposed 32–16"),
    ):
        found[f"{name}_share"] = f"{share(layers[layer], 'float32'):.0f}"
    for name in ("vae", "dcgan"):
        ours = points("roofline", "course")[name]
        operations = ours["operations"] / ours["steps"]
        found |= {f"{name}_ratio": loop_ratio(name)}
        found |= {f"{name}_step_ms": f"{1e3 * ours['seconds'] / ours['steps']:.1f}"}
        found |= {f"{name}_share": f"{share(ours, 'float32'):.0f}", f"{name}_operations": f"{operations:.0f}"}
        found |= {f"{name}_launch_ms": f"{operations * PAPER['launch_us'] / 1e3:.1f}"}
        found |= {f"{name}_t4_ms": f"{ours['flops'] / ours['steps'] / PAPER['t4_tflops'] / 1e9:.2f}"}
    return found


def loop_ratio(name: str) -> str:
    """How many times as long an image takes the listing."""
    listing, course = (points("roofline", side)[name] for side in BOTH)
    return f"{listing['seconds'] / course['seconds']:.1f}"


def growth(series: str, first: int, last: int, key: str = "seconds") -> float:
    """How many times as much the last point has as the first."""
    found = points("training", series)
    return found[last][key] / found[first][key]


def training_numbers() -> dict[str, str]:
    x, seconds = per("training", "VAE, images")
    found = {
        "images_exponent": f"{exponent(x, seconds):.2f}",
        "pass_s": f"{seconds[-1]:.1f}",
        "images_most": f"{x[-1]:,}",
    }
    for name, series, first, last in (
        ("codes_few", "VAE, codes", 2, 32),
        ("codes_many", "VAE, codes", 2, 512),
        ("narrow", "VAE, width", 50, 400),
        ("wide", "VAE, width", 800, 3200),
        ("maps_few", "DCGAN, width", 4, 16),
        ("maps_many", "DCGAN, width", 16, 64),
    ):
        found |= {f"{name}_first": str(first), f"{name}_last": str(last)}
        found |= {f"{name}_time": f"{growth(series, first, last):.1f}"}
        found |= {f"{name}_flops": f"{growth(series, first, last, 'flops'):.1f}"}
    return found


def metric_numbers() -> dict[str, str]:
    found = {}
    for series in METRICS:
        x, seconds = per("metrics", series)
        _, memory = per("metrics", series, "peak_mb")
        power = exponent(x, seconds)
        found |= {f"{series}_exponent": f"{power:.1f}", f"{series}_seconds": f"{seconds[-1]:.2g}"}
        found |= {f"{series}_most": f"{x[-1]:,}", f"{series}_mb": f"{memory[-1] - memory[0]:.0f}"}
        if series != "frechet":
            found[f"{series}_minutes"] = f"{seconds[-1] * (MANY / x[-1]) ** 2 / 60:.1f}"
    x, seconds = per("metrics", "kernel")
    flops = 3 * 2 * 64 * x[-1] ** 2  # three products of all features with all
    found["kernel_share"] = f"{100 * flops / peak('float64') / 1e9 / seconds[-1]:.0f}"
    found |= {"samples_first": f"{x[0]:,}", "samples_many": f"{MANY:,}"}
    found["kernel_t4_s"] = f"{3 * 2 * 64 * MANY**2 / PAPER['t4_gflops64'] / 1e9:.0f}"
    found.pop("frechet_mb")
    return found | {"all_pairs_gb": f"{8 * MANY**2 / 1e9:.0f}"}


def grading_numbers() -> dict[str, str]:
    found = {}
    for name, series in (("small", "small, -j 1"), ("ex02", "ex02, -j 1")):
        start, each = line(*per("grading", series))
        found |= {f"{name}_start": f"{start:.0f}", f"{name}_each": f"{each:.2g}"}
        found |= {f"{name}_hours": f"{(start + CLASS * each) / 3600:.1f}"}
        found |= {f"{name}_minutes": f"{(start + CLASS / WORKERS * each) / 60:.0f}"}
    return found | {"class": f"{CLASS:,}", "workers": str(WORKERS)}


def page(text: str | None = None) -> str:
    """The page, with its figures (below _static/performance), tables and numbers.

    Raises:
        CourseError: it names something that does not exist, or that is not recorded.
    """
    text = PAGE.read_text(encoding="utf-8") if text is None else text
    known = numbers() | {"table:until": until_table(), "table:loops": loops_table(), "table:record": record_table()}
    known |= {f"figure:{name}": f"![{figure()[1]}](_static/performance/{name}.svg)" for name, figure in FIGURES.items()}

    def named(found: re.Match) -> str:
        if found[1] not in known:
            raise CourseError(f"book/performance.md asks for {found[0]}, which performance.py does not know.")
        return known[found[1]]

    return re.sub(r"\{([a-z][\w:]*)\}", named, text)
