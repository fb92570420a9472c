"""The grader: exercises from one source, submissions in a sandbox, one record for each, whatever happens.

What is where, in the order in which a submission meets it:

    exercise    an exercise: its cells, their kinds and points
    source      reads an exercise from `solutions/exNN_name.py`, and makes what learners get of it
    release     solutions/ → exercises/, the files that learners get
    submission  a learner's notebook: finds our cells in it, whatever an editor or a prankster did to them
    limits      seconds and bytes
    sandbox     starts the process that runs student code: bubblewrap, limits, one fork a submission
    enter       how root becomes somebody else before that
    student     what runs inside the sandbox (nothing in it is trusted)
    border      what may cross between the two processes, and how it is written down
    apart       runs our own code on a learner's values where it can be ended
    grade       runs tests outside against answers inside: one submission
    batch       who handed in what; a folder of submissions
    formulas    TeX in what people wrote, for pages without scripts
    report      gradebook, essay marks, a feedback page for each learner
    bundle      the zip that learners may have
    selftest    the grader and its exercises, tried: reference, blank, right and wrong answers, attacks, mutants

Commands: `python -m grader --help`.
"""

GRADER_VERSION = "1.3"
