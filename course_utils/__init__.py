"""Helpers that every chapter of the course imports.

Read them in this order; each module does one thing:

    schedule    which device, how long to train, where data and checkpoints live (all COURSE_* variables)
    seeding     one call that makes a run repeatable
    data        images as one tensor, and `batches`, the loop every chapter reads
    download    gets a data set from its mirrors, checks it, and never leaves a broken file behind
    offline     the digits used when there is no network
    files       writes a file whole or not at all
    checkpoint  saves and loads training state so that a killed run loses little and breaks nothing
    training    the loop: batch, update, progress bar, history, checkpoint
    figures     every picture, always with alternative text
    explorer    a latent space to walk through in the browser, without a server
    results     records a chapter's numbers and holds them against the expected bands
    models, losses, metrics   what a chapter has taught and later chapters import
    require     what a score can be computed of; a sentence where it cannot
    toydata     data whose truth is known: ring, grid, line, shapes with their factors
    gan         one game of a GAN, as chapters 03 and 05 play it, for the chapters after them
    pretrained  weights that come with the course: loads them, and makes each again
    inception   the Fréchet distance on Inception-v3, where its weights can be had
    checks, commission   what the exercises are written with

Commands, each with --help, which nobody needs to read to follow a chapter:

    chapters    run, execute and store chapters; record their bands; quote them
    pretrained  list the weights, train them again
    bench, bench_scores   speed, against the usual loops and against torchmetrics
    iwae        the published likelihood protocol, as far as time goes
    grading     exercises, and the grader (a package of its own)
"""

__version__ = "0.1.0"


class CourseError(Exception):
    """A problem that the reader can mend.  Its message is one sentence: what is wrong, what to do.

    In a notebook it is shown as that sentence alone, without the stack of library calls under it.
    """

    def _render_traceback_(self) -> list[str]:  # IPython asks an exception for this before it prints
        return [f"{type(self).__name__}: {self}"]
