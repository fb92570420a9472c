"""Commands for the chapters as files: run one, write its notebook, record its bands, quote them, set the address.

python -m course_utils chapters run 02              # executed notebook and HTML page under build/
python -m course_utils chapters refresh [02 …]      # NN_name.py → NN_name.ipynb, executed, outputs kept
python -m course_utils chapters bands 02 --seeds 0 1 2   # run with several seeds, record what came out
python -m course_utils chapters quote               # put the recorded numbers into the text, where markers ask for them
python -m course_utils chapters address https://github.com/me/my-fork   # badges and first cells of a fork
"""

import argparse
import base64
import datetime
import json
import math
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from course_utils import CourseError, files, results, schedule
from course_utils.commands import address as addresses
from course_utils.commands import form
from course_utils.commands.form import source_hash

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
CELL_TIMEOUT = {"short": 900, "rehearsal": 900, "full": None}  # seconds

# On a narrow screen and on paper long lines of code go on below; on paper they would be cut.
PAGE_STYLE = "<style>.highlight pre { white-space: pre-wrap; overflow-wrap: anywhere; }</style>\n"

# A number that the text quotes: <!--CC.key-->NUMBER, where CC is the chapter that measured it.
QUOTE = re.compile(r"<!--(\d\d)\.(\w+)-->([-−]?\d+(?:\.\d+)?)")


class ChapterError(CourseError):
    """A chapter is missing or failed; the message names the cell."""


def scripts(chapters: list[str] | None = None) -> list[Path]:
    """The py:percent files of the given chapters ("02"), or of all."""
    found = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))
    if chapters:
        known = [path.name[:2] for path in found]
        missing = [repr(chapter) for chapter in chapters if chapter not in known]
        if missing:
            raise ChapterError(f"There is no chapter {', '.join(missing)}: choose from {', '.join(known)}.")
        found = [path for path in found if path.name[:2] in chapters]
    return found


def read(script: Path):
    """A chapter's script as a notebook without outputs."""
    notebook = jupytext.read(script, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{script.stem[:2]}-{number:03d}"  # the same at every execution, so that diffs stay small
    return notebook


def execute(script: Path, environment: dict[str, str] | None = None, *, go_on: bool = False):
    """Run a chapter from top to bottom in a fresh kernel; the executed notebook. `go_on`: past failed cells, too.

    Raises:
        ChapterError: a cell failed. The partly executed notebook is in the error's `notebook`.
    """
    notebook = read(script)
    environment = {**os.environ, "TQDM_DISABLE": "1", **(environment or {})}
    begun = []  # indices of the cells
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT[schedule.schedule()],
        kernel_name="python3",
        resources={"metadata": {"path": str(script.parent)}},
        coalesce_streams=True,
        allow_errors=go_on,
        extra_arguments=["--IPKernelApp.log_level=40"],  # kernels warn on stderr that they listen on localhost
        on_cell_start=lambda cell, cell_index: begun.append(cell_index),
    )
    try:
        client.execute(env=environment)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as failed:
        ran_into_error = isinstance(failed, CellExecutionError)
        reason = f"{failed.ename}: {failed.evalue}" if ran_into_error else str(failed)
        reason = reason.strip(": \n").splitlines()[0]  # the page has the rest
        error = ChapterError(f"{script.name}, cell after {last_heading(notebook.cells[: begun[-1]])!r}: {reason}")
        error.notebook = notebook
        raise error from failed
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # start and end times: noise in every diff
        keep_folded(cell)
    notebook.metadata["source_hash"] = source_hash(notebook)
    notebook.metadata.pop("widgets", None)
    return notebook


def keep_folded(cell) -> None:
    """Begin the outputs of a cell that answers a prediction with an empty line.

    JupyterLab shows the first line of folded outputs, and so would tell the answer, or a picture's first characters.
    """
    if cell.metadata.get("jupyter", {}).get("outputs_hidden") and cell.get("outputs"):
        first = cell.outputs[0]
        place, key = (first, "text") if first.output_type == "stream" else (first.get("data", {}), "text/html")
        if key in place and place[key].strip(" ")[:1] != "\n":
            place[key] = " \n" + place[key]


def last_heading(cells) -> str:
    """The heading under which the next cell stands."""
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return next(reversed(re.findall(r"^#+ (.+)$", text, flags=re.M)), "the beginning")


def picture(notebook) -> bytes | None:
    """The figure in the cell tagged `picture`, as PNG; the chapter's header and the README show it."""
    for cell in notebook.cells:
        if "picture" in cell.metadata.get("tags", []):
            pages = [output.data.get("text/html", "") for output in cell.outputs if "data" in output]
            if found := re.search(r'<img src="data:image/png;base64,([^"]+)"', "".join(pages)):
                return base64.b64decode(found[1])
    return None


def run(chapter: str, folder: Path) -> list[Path]:
    """Execute one chapter and write `NN_name.ipynb` and `NN_name.html` into `folder`."""
    (script,) = scripts([chapter])
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Executing {script.name} on the {schedule.schedule()} schedule …", flush=True)
    begun, failure = time.perf_counter(), None
    try:
        notebook = execute(script)
    except ChapterError as error:
        notebook, failure = error.notebook, error  # write what there is: the page shows where it stopped
    written = [folder / f"{script.stem}.ipynb", folder / f"{script.stem}.html"]
    nbformat.write(notebook, written[0])
    # A page that is complete in itself: the pictures of its Markdown, whose paths start at the script, lie in it.
    exporter, resources = HTMLExporter(embed_images=True), {"metadata": {"path": str(script.parent)}}
    page, _ = exporter.from_notebook_node(notebook, resources)
    page = page.replace("</head>", f"{PAGE_STYLE}</head>", 1)
    written[1].write_text(page, encoding="utf-8")
    for path in written:
        print(f"  {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    if failure:
        raise failure
    print(f"Done in {time.perf_counter() - begun:.0f} s.")
    return written


def with_stored_outputs(script: Path, target: Path):
    """The chapter with the outputs stored in `target`, if its code is still the code that made them; else None."""
    try:
        stored, notebook = nbformat.read(target, as_version=4), read(script)
    except (FileNotFoundError, nbformat.reader.NotJSONError):
        return None
    if stored.metadata.get("source_hash") != source_hash(notebook):
        return None
    old, new = ([cell for cell in nb.cells if cell.cell_type == "code"] for nb in (stored, notebook))
    for before, after in zip(old, new, strict=True):
        after.outputs, after.execution_count = before.outputs, before.execution_count
    notebook.metadata = stored.metadata
    return notebook


def refresh(chapters: list[str], *, force: bool = False) -> None:
    """Execute chapters; store the notebooks, with outputs, beside their scripts, and their pictures in images/.

    Where only prose has changed since the last execution, its outputs are kept, unless `force` is given.
    """
    for script in scripts(chapters):
        begun = time.perf_counter()
        target = script.with_suffix(".ipynb")
        notebook = None if force else with_stored_outputs(script, target)
        notebook = notebook or execute(script)
        files.write(target, nbformat.writes(notebook).rstrip("\n") + "\n")
        if image := picture(notebook):
            (NOTEBOOKS / "images").mkdir(exist_ok=True)
            (NOTEBOOKS / "images" / f"{script.name[:2]}.png").write_bytes(image)
        size = target.stat().st_size / 1e6
        print(f"{target.name}: {time.perf_counter() - begun:.0f} s, {size:.2f} MB", flush=True)


def minutes(chapters: list[str]) -> None:
    """Write the minutes of each section into its heading, and print how heavy each chapter is."""
    print("chapter  minutes  core  trains at  median  longest  silent")
    for script in scripts(chapters):
        text = script.read_text(encoding="utf-8")
        timed = form.with_minutes(text, read(script))
        if timed != text:
            files.write(script, timed)
        target = script.with_suffix(".ipynb")
        of = form.form(nbformat.read(target, as_version=4) if target.exists() else read(script))
        trains = f"{of.trains_at:9.0f}" if of.trains_at is not None else f"{'–':>9}"
        weight = f"{of.minutes:7.0f} {of.core:5.0f}  {trains}  {of.median:6.0f}  {of.longest:7d}  {of.silent:6.0%}"
        print(f"{script.name[:2]:7}  {weight}")


def bands(chapters: list[str], seeds: list[int], *, add: bool = False) -> None:
    """Run chapters once per seed and record their numbers in `expected.json`, with `add` beside those that are there.

    Several runs with one seed make sense, too: a GAN's training multiplies what a machine adds up in another order.
    """
    for script in scripts(chapters):
        records = []
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    execute(script, {"COURSE_SEED": str(seed), "COURSE_RESULTS": folder})
                except ChapterError as error:
                    if "OutsideBand" not in str(error):  # the old band must not stop the run that replaces it
                        raise
                written = Path(folder) / f"{script.name[:2]}.json"
                if not written.exists():
                    raise ChapterError(f"{script.name} has measured nothing: it needs a Results and results.add(…).")
                records.append(json.loads(written.read_text()))
            print(f"{script.name}, seed {seed}: {records[-1]['seconds']:.0f} s", flush=True)
        record(script.name[:2], records, add=add)


def record(chapter: str, records: list[dict], *, add: bool = False) -> None:
    """Put the result files of several runs into `expected.json`, with `add` beside the runs that are there."""
    first = records[0]
    entry = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {first['device']}",
        "versions": first["versions"],
        "seeds": [record["seed"] for record in records],
        "seconds": [record["seconds"] for record in records],
        "numbers": {key: [record["numbers"][key] for record in records] for key in first["numbers"]},
    }
    if missing := [key for key, values in entry["numbers"].items() if None in values]:
        raise ChapterError(f"Chapter {chapter} measured NaN or infinity for {', '.join(missing)}: nothing is recorded.")
    everything = json.loads(results.EXPECTED.read_text()) if results.EXPECTED.exists() else {}
    recorded = everything.setdefault(chapter, {})
    place = f"{first['schedule']}/{first['data']}"
    recorded[place] = together(recorded[place], entry) if add and place in recorded else entry
    text = json.dumps(dict(sorted(everything.items())), indent=1)
    text = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s*\n\s*", " ", m[1]) + "]", text)
    files.write(results.EXPECTED, text + "\n")


def together(old: dict, new: dict) -> dict:
    """The entry for the runs of two; date and versions are those of the last."""
    if old["numbers"].keys() != new["numbers"].keys():
        raise ChapterError("The chapter measures other numbers than those recorded: record it anew, without --add.")
    machines = dict.fromkeys([*old["machine"].split("; "), new["machine"]])
    numbers = {key: old["numbers"][key] + values for key, values in new["numbers"].items()}
    lists = {key: old[key] + new[key] for key in ("seeds", "seconds")}
    return new | lists | {"machine": "; ".join(machines), "numbers": numbers}


def quotes(text: str) -> list[tuple[str, str, str]]:
    """The (chapter, key, printed number) of every marker <!--CC.key-->NUMBER in `text`."""
    return QUOTE.findall(text)


def quotation(chapter: str, key: str, printed: str) -> str:
    """The recorded mean of a number (short schedule, MNIST), with as many decimals as are `printed` now.

    The key `seconds` is the time a whole chapter takes, rounded up to the next 10: the median of the recorded runs.
    """
    if key == "seconds":
        values = results._expected_file().get(chapter, {}).get("short/mnist", {}).get("seconds")
    else:
        values = getattr(results.expected(chapter, key), "values", None)
    if not values:
        raise ChapterError(f"The text quotes <!--{chapter}.{key}-->, of which nothing is recorded for short/mnist.")
    if key == "seconds":
        return str(10 * math.ceil(statistics.median(values) / 10))
    number = f"{sum(values) / len(values):.{len(printed.partition('.')[2])}f}"
    return number.replace("-", "−") if "-" not in printed else number


def requote(text: str) -> str:
    """`text` with the recorded number after every marker."""
    return QUOTE.sub(lambda m: f"<!--{m[1]}.{m[2]}-->{quotation(*m.groups())}", text)


def quote() -> None:
    """Put the recorded numbers into the README and every chapter, in both files of its pair."""
    for path in [ROOT / "README.md", *sorted(NOTEBOOKS.glob("*.py")), *sorted(NOTEBOOKS.glob("*.ipynb"))]:
        text = path.read_text(encoding="utf-8")
        if (new := requote(text)) != text:
            path.write_text(new, encoding="utf-8", newline="\n")
            print(path.relative_to(ROOT))


def address(url: str) -> None:
    """Put the repository's address into every place that names it, and badges where Colab can open it."""
    for path in addresses.write(ROOT, url):
        print(path.relative_to(ROOT))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils chapters",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="execute one chapter; notebook and HTML page")
    one.add_argument("chapter", metavar="NN")
    one.add_argument("--out", type=Path, default=Path("build"), help="folder for both (default: build)")
    some = commands.add_parser("refresh", help="execute chapters and store their notebooks")
    some.add_argument("chapters", nargs="*", metavar="NN")
    some.add_argument("--force", action="store_true", help="execute even where only prose has changed")
    record = commands.add_parser("bands", help="run with several seeds and record the numbers")
    record.add_argument("chapters", nargs="+", metavar="NN")
    record.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    record.add_argument("--add", action="store_true", help="keep the runs recorded before")
    heavy = commands.add_parser("minutes", help="minutes into the headings; how heavy each chapter is")
    heavy.add_argument("chapters", nargs="*", metavar="NN")
    commands.add_parser("quote", help="put the recorded numbers into the text")
    fork = commands.add_parser("address", help="set the repository's address")
    fork.add_argument("url")
    args = parser.parse_args(argv)
    try:
        match args.command:
            case "run":
                run(args.chapter, args.out)
            case "refresh":
                refresh(args.chapters, force=args.force)
            case "bands":
                bands(args.chapters, args.seeds, add=args.add)
            case "minutes":
                minutes(args.chapters)
            case "quote":
                quote()
            case "address":
                address(args.url)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
