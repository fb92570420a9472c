"""The full schedule, rehearsed: every chapter runs to its end with the settings that a GPU would get, on few steps."""

from pathlib import Path

import pytest

from course_utils.commands import chapters

SCRIPTS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[0-9][0-9]_*.py"))


@pytest.mark.thorough
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_full_schedule_meets_no_crash(script, tmp_path):
    environment = {"COURSE_SCHEDULE": "rehearsal", "COURSE_DEVICE": "cpu", "COURSE_CHECKPOINTS": str(tmp_path)}
    chapters.execute(script, environment | {"COURSE_DATA": "embedded"})
