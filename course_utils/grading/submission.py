"""A learner's notebook (first version: cells are found by their grade_id)."""

import json
from dataclasses import dataclass, field

from course_utils.grading.exercise import Exercise


@dataclass
class Submission:
    """What counts of a submission: code for tasks, text of essays, other code, and where that stands."""

    answers: dict[str, str] = field(default_factory=dict)  # task or essay → source
    extras: dict[str, list[str]] = field(default_factory=dict)  # task → other code that stands before it
    flags: list[str] = field(default_factory=list)


def read(content: bytes, exercise: Exercise) -> Submission:
    found = Submission()
    for cell in json.loads(content)["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        source = cell["source"]
        found.answers[name] = source if isinstance(source, str) else "".join(source)
    return found
