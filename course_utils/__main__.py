"""python -m course_utils COMMAND …: what maintainers and the curious run; each command has --help."""

import importlib
import sys

from course_utils import CourseError

COMMANDS = {
    "lab": "open JupyterLab on the course, with its settings (`make lab`)",
    "chapters": "run chapters, store their notebooks, record their bands, quote them, set the address",
    "soak": "every assert of a chapter over many seeds, and its numbers against their bands",
    "book": "the HTML book of all notebooks, readable without a network (`make book`)",
    "bench": "the course's training loops and scores against the usual ones, as a ratio",
    "costs": "what the course costs as the work grows: training, scores, grading, beside the machine's peak",
    "record": "the sixty-second record: what each family reaches in a minute on two cores",
    "weights": "list the weights that come with the course, or train them again",
    "hybrid": "the VAE–GAN for several weights of its adversarial term, over seeds",
    "conditional": "chapter 08's table: ways to tell a network its label, over several seeds",
    "app": "the generator in a page of your browser (chapter 10)",
    "uses": "anomalies and few labels, measured over seeds for chapter 10",
    "modes": "which remedies keep a small GAN's modes: all methods, ring, grid and stacked digits",
    "likelihood": "the published protocol for a likelihood, as far as there is time",
    "compare": "the closing table of the course: every family that has weights, side by side",
}
USAGE = "usage: python -m course_utils COMMAND …   (COMMAND --help says more)\n\n" + "\n".join(
    f"  {name:12}{line}" for name, line in COMMANDS.items()
)


def main(argv: list[str] | None = None) -> int:
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        print(USAGE)
        return 0
    if name not in COMMANDS:
        print(f"There is no command {name!r}.\n\n{USAGE}", file=sys.stderr)
        return 2
    try:
        return importlib.import_module(f"course_utils.commands.{name}").main(rest)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
