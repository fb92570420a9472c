"""The grader: exercises from one source, submissions in a sandbox, one record for each, whatever happens.

What is where, in the order in which a submission meets it:

    exercise    an exercise: its cells, their kinds and points
    source      reads an exercise from `solutions/exNN_name.py`, and makes what learners get of it
    release     solutions/ → exercises/, the files that learners get
    submission  a learner's notebook: finds our cells in it, whatever an editor or a prankster did to them
    sandbox     starts the process that runs student code: bubblewrap, limits, one fork a submission
    student     what runs inside the sandbox (nothing in it is trusted)
    border      what may cross between the two processes, and how it is written down
    grade       runs tests outside against answers inside; one submission, then a folder of them
    report      gradebook, essay marks, a feedback page for each learner
    bundle      the zip that learners may have
    selftest    the grader and its exercises, tried: reference, blank, right and wrong answers, attacks, mutants

Commands: `python -m grader --help`.
"""

GRADER_VERSION = "1.2"
