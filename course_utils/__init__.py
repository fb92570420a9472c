"""Helpers that every chapter of the course imports. Read them in this order; each module does one thing:

schedule    which device, how long to train, where data and checkpoints live (all COURSE_* variables)
data/       images as one tensor, and `batches`, the loop every chapter reads; downloads, offline digits, toy data
taught/     one module a chapter: what the chapter has written out, and later chapters import
training    the loop: batch, update, progress bar, history; checkpoint and fingerprint, for resuming, beside it
game        one game of a GAN, as chapters 03 and 05 play it, for the chapters after them
figures     every picture, always with alternative text; explorer beside it
results     records a chapter's numbers and holds them against the expected bands; `holds`, a claim that speaks
require     the gate for pictures, probabilities and features: ready for use, or a sentence that says why not
pretrained  weights that come with the course
likelihood  the published protocol for a likelihood, and what has been reached by it
checks      what the exercises are written with; commission beside it
files       writes a file whole or not at all
commands/   behind `python -m course_utils COMMAND`, which lists them; no chapter imports these
"""

import os

__version__ = "0.1.0"

# Threads that wait for one another soon go to sleep: else two trainings side by side stop each other (CONTRIBUTING.md
# has figures). It counts where torch is imported later, so also in the kernels of `make lab` and `make run`.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")


class CourseError(Exception):
    """A problem that the reader can mend. Its message is one sentence: what is wrong, what to do."""

    def _render_traceback_(self) -> list[str]:  # in a notebook: the sentence alone, not the calls under it
        return [f"{type(self).__name__}: {self}"]
