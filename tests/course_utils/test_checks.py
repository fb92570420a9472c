"""course_utils.checks: strict about shapes and kinds, lenient about widths, silent about what was expected."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch
from torch import nn

from course_utils import checks
from course_utils.checks import CheckFailed, check, close, finite_difference, ours, when_ready, with_weights


@pytest.mark.parametrize("yes", [True, np.True_, torch.tensor(True)])
def test_a_condition_that_holds(yes):
    check(yes, "never shown")


@pytest.mark.parametrize("no", [False, np.False_, torch.tensor(False)])
def test_a_condition_that_does_not(no):
    with pytest.raises(CheckFailed, match=r"^the posterior$"):
        check(no, "the posterior")


@pytest.mark.parametrize("neither", [1, 0, None, "no", [], torch.tensor([True]), torch.tensor(1), np.array([True])])
def test_a_condition_is_one_truth_value(neither):
    with pytest.raises(TypeError, match="True or False"):
        check(neither, "…")


def test_a_failed_check_is_an_assertion():
    assert issubclass(CheckFailed, AssertionError)  # stock nbgrader and pytest see a failed assertion
    assert CheckFailed("why")._render_traceback_() == ["CheckFailed: why"]


SAME = [
    (1.0, 1.0),
    (1, 1.0),  # a plain number leaves the kind open
    (torch.tensor(2.0), 2),
    (np.float32(2), torch.tensor(2.0)),
    (torch.ones(2, 3), torch.ones(2, 3, dtype=torch.float64)),
    (torch.ones(2, dtype=torch.bfloat16), torch.ones(2)),
    (np.ones((2, 1)), torch.ones(2, 1)),
    (torch.arange(3), np.arange(3, dtype=np.int32)),
    (torch.tensor([True, False]), np.array([True, False])),
    (torch.tensor([1.0, math.inf]), torch.tensor([1.0, math.inf])),
    (Fraction(1, 4), 0.25),
    (Decimal("0.25"), 0.25),
    (sympy.Rational(1, 4), 0.25),
    (sympy.Integer(3), 3),
    (torch.ones(2, requires_grad=True), torch.ones(2)),
    (torch.empty(0, 4), torch.empty(0, 4)),
    (torch.tensor([1 + 2j]).conj(), torch.tensor([1 - 2j])),
    (1.00005, 1.0),
]


@pytest.mark.parametrize(("actual", "expected"), SAME)
def test_values_that_agree(actual, expected):
    close(actual, expected, "never shown")


DIFFERENT = [
    (1.001, 1.0, "^why$"),
    (torch.ones(3), torch.ones(3, 1), r"Shape: got \(3,\), expected \(3, 1\)"),
    (torch.ones(1), 1.0, r"expected \(\) \(a single number\)"),
    (1.0, torch.ones(3), "Shape"),
    (torch.arange(3), torch.arange(3.0), "got whole numbers, expected floating point"),
    (torch.tensor([True]), torch.tensor([1]), "truth values"),
    (torch.tensor([math.nan]), torch.tensor([1.0]), "NaN"),
    (torch.tensor([math.nan]), torch.tensor([math.nan]), "NaN"),
    (sympy.Symbol("x"), 1.0, "Got a"),
    (torch.tensor([math.inf]), torch.tensor([1.0]), "infinite"),
    (torch.tensor([math.inf]), torch.tensor([-math.inf]), "^why$"),
    (torch.tensor([1.0, 2.0]), torch.tensor([math.nan, 2.0]), "^why$"),
    (math.nan, 1.0, "NaN"),
    (None, torch.ones(2), "`return` missing"),
    ("1.0", 1.0, "Got a str"),
    ([1.0], torch.ones(1), "Got a list"),
    (np.array(["a"]), torch.ones(1), "NumPy array"),
    (10**400, 1.0, "infinite"),
    (torch.tensor(-128, dtype=torch.int8), torch.tensor(128, dtype=torch.int16), "^why$"),
    (torch.tensor(255, dtype=torch.uint8), torch.tensor(-1, dtype=torch.int8), "^why$"),
]


@pytest.mark.parametrize(("actual", "expected", "words"), DIFFERENT)
def test_values_that_do_not(actual, expected, words):
    with pytest.raises(CheckFailed, match=words):
        close(actual, expected, "why")


def test_the_expected_values_stay_secret():
    with pytest.raises(CheckFailed) as failed:
        close(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 7.625]), "why")
    assert "7.6" not in str(failed.value)


def test_an_expectation_that_is_no_number_is_the_tests_mistake():
    with pytest.raises(TypeError, match="expected is a str"):
        close(1.0, "1.0", "why")


def test_tolerances():
    close(1.09, 1.0, "never shown", atol=0.1)
    with pytest.raises(CheckFailed):
        close(1.00005, 1.0, "why", rtol=0, atol=1e-5)


def test_finite_difference_of_a_tensor():
    x = torch.tensor([[0.3, -1.0], [2.0, 0.1]], requires_grad=True)
    gradient = finite_difference(lambda x: (x**3).sum() + x[0, 0] * x[1, 1], x)
    torch.autograd.backward((x**3).sum() + x[0, 0] * x[1, 1])
    assert gradient.dtype == torch.float64
    torch.testing.assert_close(gradient, x.grad.double(), rtol=1e-5, atol=1e-6)


def test_finite_difference_of_a_number():
    slope = finite_difference(math.sin, 1)
    assert isinstance(slope, float)
    assert slope == pytest.approx(math.cos(1), abs=1e-8)


def test_an_unanswered_task_is_announced(capsys):
    def stub():
        raise NotImplementedError

    with when_ready():
        stub()
    with when_ready():
        not_yet_defined(3)  # noqa: F821
    assert capsys.readouterr().out == "Answer the task above first.\n" * 2


def test_a_mistake_in_an_answer_is_not_hidden():
    def answer():
        return mistyped  # noqa: F821

    with pytest.raises(NameError), when_ready():
        answer()
    with pytest.raises(ZeroDivisionError), when_ready():
        1 / 0  # noqa: B018


@pytest.mark.parametrize("form", [lambda net: net, lambda net: net.state_dict(), lambda net: arrays(net)])
def test_a_trained_network_is_measured_by_our_own(form):
    theirs = nn.Linear(2, 1).double()
    with torch.no_grad():
        theirs.weight.fill_(2.0)
        theirs.bias.fill_(1.0)
    mine = with_weights(nn.Linear(2, 1), form(theirs), "never shown")
    assert not mine.training
    close(mine(torch.ones(1, 2)), torch.tensor([[5.0]]), "never shown")


def arrays(net: nn.Module) -> dict:
    return {name: value.numpy() for name, value in net.state_dict().items()}


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (None, "Got None"),
        (0.37, "Got a float"),
        ({}, "Missing key.*weight"),
        ({"weight": torch.ones(1, 2), "bias": torch.ones(1), "more": 1}, "Unexpected key.*more"),
        ({"weight": torch.ones(2, 1), "bias": torch.ones(1)}, "size mismatch for weight"),
        ({"weight": torch.full((1, 2), math.nan), "bias": torch.ones(1)}, "finite numbers"),
        ({"weight": "ones", "bias": torch.ones(1)}, "finite numbers"),
    ],
)
def test_what_is_no_trained_network(weights, words):
    with pytest.raises(CheckFailed, match=f"why.*{words}"):
        with_weights(nn.Linear(2, 1), weights, "why")


def test_what_the_exercise_defines_is_there_in_a_notebook():
    assert ours("WIDTH") == 4


WIDTH = 4


def test_a_cell_whose_checks_hold_says_so_and_no_other(capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.events.register("post_run_cell", checks._tick)
    checks._held[0] = 0
    cells = {
        "from course_utils.checks import check, close": "",
        "check(True, 'a'); close(1.0, 1.0, 'b')": "✓ 2 checks hold.",
        "x = 1": "",
        "check(True, 'a')": "✓ 1 check holds.",
    }
    for source, said in cells.items():
        capsys.readouterr()
        shell.run_cell(source)
        assert capsys.readouterr().out.strip() == said
    shell.run_cell("check(True, 'a'); check(False, 'b')")
    assert "✓" not in capsys.readouterr().out
