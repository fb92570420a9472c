"""The book's live models: what a page gets, and, in a real browser, that it draws what PyTorch draws."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from chromium import MISSING, Chromium

from course_utils import pretrained
from course_utils.commands import live
from course_utils.data.offline import embedded_digits
from course_utils.taught.autoregressive import to_squares
from course_utils.taught.diffusion import NO_LABEL, to_pixels

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "book" / "_static" / "live"
PLAY = (ROOT / "book" / "play.md").read_text(encoding="utf-8")
browser = pytest.mark.skipif(MISSING, reason="needs Chromium or Chrome, on Linux or macOS")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The scripts with their weights, and a page of all live models."""
    folder = tmp_path_factory.mktemp("book")
    shutil.copytree(SCRIPTS, folder / "_static" / "live")
    live.export(folder / "_static" / "live")
    shutil.copy(ROOT / "book" / "_static" / "book.css", folder)
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Play</title>'
    head += '<link rel="stylesheet" href="book.css">'
    (folder / "play.html").write_text(head + live.gallery(PLAY), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def chromium():
    with Chromium() as tab:
        yield tab


def test_every_model_has_its_words_its_script_and_its_chapter():
    words = live.sections(PLAY)
    assert list(words) == list(live.LIVE)
    for name, one in live.LIVE.items():
        assert (SCRIPTS / f"{name}.js").exists()
        (path,) = (ROOT / "notebooks").glob(f"{one.chapter}_*.ipynb")
        assert f"]({path.relative_to(ROOT).as_posix()})" in words[name][1]
        notebook = nbformat.read(path, as_version=4)
        live.insert(notebook, one.chapter, PLAY)
        (cell,) = (cell for cell in notebook.cells if f'data-live="{name}"' in cell.source)
        assert re.search(r"\.\./play\.md\)\n\n" + re.escape(one.section), cell.source), "just before its heading"


def test_the_score_that_is_quoted_is_the_recorded_one():
    measured = {key: values[0] for key, values in pretrained.records()["flow-mnist"]["measured"].items()}
    said = re.search(r"score of (\S+) and a Fréchet distance of (\S+), and (\S+) %", live.sections(PLAY)["flow"][1])
    ours = measured["inception_score"], measured["frechet"], 100 * measured["label_accuracy"]
    assert said.groups() == (f"{ours[0]:.2f}", f"{ours[1]:.1f}", f"{ours[2]:.1f}")


def test_a_script_is_loaded_once_and_what_it_needs_before_it():
    loaded = re.findall(r"src=\"_static/live/(\S+)\.js\"", live.gallery(PLAY))
    assert len(set(loaded)) == len(loaded)
    assert loaded[:2] == ["layers", "stage"]
    assert loaded.index("classifier.weights") < loaded.index("plane")


def test_what_is_loaded_stays_small_and_readable(book):
    folder = book / "_static" / "live"
    assert max(path.stat().st_size for path in folder.iterdir()) < 450_000
    assert len((SCRIPTS / "layers.js").read_text(encoding="utf-8").splitlines()) <= 300
    for path in SCRIPTS.glob("*.js"):
        assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(", path.read_text(encoding="utf-8")), path.name


@torch.no_grad()
def test_the_copied_decoder_knows_what_lies_between_its_points():
    pictures, even = live.chapter_map(), (torch.arange(15)[:, None] + torch.arange(15)).flatten() % 2 == 0
    axis = torch.linspace(-2.5, 2.5, 15)
    drawn = live.copied_decoder(pictures, even)(torch.cartesian_prod(axis, axis))
    assert (drawn - pictures)[~even].abs().mean() < 0.015, "half of the points, from the other half"
    blurred = (pictures.roll(15, 0) - pictures)[~even].abs().mean()
    assert (drawn - pictures)[~even].abs().mean() < blurred / 3, "nearer than a neighbour"


def inputs(name: str) -> torch.Tensor:
    torch.manual_seed(1)
    if name == "plane":
        return 5.3 * torch.rand(12, 2) - 2.65
    if name == "classifier":
        return embedded_digits()[2][:12].flatten(1)
    label = torch.eye(10)[torch.arange(12) % 10]
    return torch.cat([torch.randn(12, 64), label], dim=1) if name == "cdcgan" else torch.randn(12, 64)


@browser
@pytest.mark.parametrize("name", ["plane", "dcgan", "cdcgan", "classifier"])
@torch.no_grad()
def test_the_page_draws_what_pytorch_draws(book, chromium, name):
    """The same codes in, the same pictures out within 1/255, though the page has its weights in 16 bits."""
    x, network = inputs(name), live.networks()[name]
    ours = network(x.view(-1, 1, 28, 28) if name == "classifier" else x).flatten(1)
    chromium.open(book / "play.html")
    run = f"{json.dumps(x.tolist())}.map((x) => Array.from(live.network('{name}')(x)))"
    theirs = torch.tensor(chromium.evaluate(run))
    if name == "classifier":
        ours, theirs = ours.softmax(dim=1), theirs.softmax(dim=1)
    print(f"{name}: {255 * (ours - theirs).abs().max():.3f} / 255")
    assert (ours - theirs).abs().max() <= 1 / 255


@browser
@torch.no_grad()
def test_the_walk_from_noise_is_that_of_pytorch(book, chromium):
    """The same noise and label in, after each of sixteen guided steps the same two pictures out within 1/255."""
    torch.manual_seed(1)
    labels, noise = torch.tensor([3, 8, NO_LABEL]), torch.randn(3, 1, 28, 28)
    walk = live.walk_with_beliefs(live.networks()["flow"], noise, labels, 16)
    ours = to_pixels(torch.stack([torch.stack(frame) for frame in walk])).flatten(3)  # (17, 2, 3, 784)
    chromium.open(book / "play.html")
    run = f"""{json.dumps(noise.flatten(1).tolist())}.map((x, i) => [
        ...live.walk(live.guided(live.flownet(), {labels.tolist()}[i], 2), x, 16)
    ].map((one) => [one.x, one.belief].map((picture) => Array.from(live.toPixels(picture)))))"""
    theirs = torch.tensor(chromium.evaluate(run)).permute(1, 2, 0, 3)
    print(f"{255 * (ours - theirs).abs().max():.3f} / 255")
    assert (ours - theirs).abs().max() <= 1 / 255
    assert (ours[-1, 0] - ours[-1, 0].roll(1, dims=0)).abs().max() > 0.9, "three pictures, not one"


@torch.no_grad()
def drawn_with(network, squares: torch.Tensor, luck: torch.Tensor) -> list[list[int]]:
    """The kinds of the lower halves, if chance says `luck` (n, 98); for every square a pass through the network."""
    squares, kinds = squares.clone(), []
    for k in range(98):
        row, column = 7 + k // 14, k % 14
        shares = network(squares)[:, :, row, column].double().softmax(dim=1).cumsum(dim=1)
        kinds.append((shares <= luck[:, k : k + 1]).sum(dim=1).clamp(max=15))
        squares[:, :, row, column] = (kinds[-1][:, None] & torch.tensor([8, 4, 2, 1]) > 0).float()
    return torch.stack(kinds, dim=1).tolist()


@browser
@torch.no_grad()
def test_a_digit_is_completed_as_by_pytorch(book, chromium):
    """One place after another: each square's probabilities within 1/255, and by the same luck the same squares.

    The luck is tried with weights that are rounded to 16 bits here, too: a share that differs in the third digit would,
    now and then, choose another square.
    """
    squares, network = live.half_digits(), live.networks()["pixelcnn"]
    kinds = to_squares(F.pixel_shuffle(squares, 2))[1].flatten(1)
    ours = network(squares).softmax(dim=1).flatten(2).mT
    chromium.open(book / "play.html")
    each = "((next, kinds) => kinds.map((kind) => [live.softmax(next.logits), next.put(kind)][0]))"
    run = f"(() => {{ const begin = live.pixelcnn(); return {kinds.tolist()}.map((one) => {each}(begin(), one)); }})()"
    theirs = torch.tensor(chromium.evaluate(run))
    print(f"{255 * (ours - theirs).abs().max():.3f} / 255")
    assert (ours - theirs).abs().max() <= 1 / 255

    luck = torch.rand(len(squares), 98, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for numbers in network.parameters():
        numbers.copy_(numbers.half())
    draw = f"""((begin) => {kinds[:, :98].tolist()}.map((upper, i) => {{
        const next = begin();
        upper.forEach((kind) => next.put(kind));
        return {luck.tolist()}[i].map((u) => {{
            const kind = live.choose(live.softmax(next.logits), u);
            next.put(kind);
            return kind;
        }});
    }}))(live.pixelcnn())"""
    assert chromium.evaluate(draw) == drawn_with(network, squares, luck)


@browser
def test_the_game_is_that_of_autograd(book, chromium):
    ours = live.game_of_three(rounds=300, rate=0.2)[-1]
    chromium.open(book / "play.html")
    theirs = chromium.evaluate(
        "(() => { let game = { theta: 0, w: 0, b: 0 };"
        "for (let i = 0; i < 600; i++) game = live.move(game, i % 2 ? 'G' : 'D', 0.2);"
        "return [game.theta, game.w, game.b]; })()"
    )
    assert theirs == pytest.approx(ours.tolist(), abs=1e-9)


def words(chromium, name: str) -> str:
    """What the model says below its pictures; the walk from noise, when it has arrived."""
    line = f"document.querySelector('[data-live={name}] .live-words')"
    arrived = "/^(Step|Computing)/.test(line.textContent) && !line.textContent.startsWith('Step 16') && tries++ < 200"
    wait = f"const line = {line}; let tries = 0; while ({arrived}) await new Promise((next) => setTimeout(next, 50));"
    return chromium.evaluate(f"(async () => {{ {wait if name == 'flow' else ''} return {line}.textContent; }})()")


@browser
def test_a_page_starts_answers_the_keyboard_and_is_reset(book, chromium):
    chromium.look()
    chromium.open(book / "play.html")
    assert chromium.said == []
    assert chromium.evaluate("document.querySelectorAll('.live > img').length") == 0

    def press(name, control, key):
        chromium.evaluate(f"document.querySelector('[data-live={name}] {control}').focus()")
        chromium.press(key)
        return chromium.evaluate(f"document.querySelector('[data-live={name}] .live-words').textContent")

    first = {name: words(chromium, name) for name in live.LIVE}
    assert "z₁ = 0.10, z₂ = 0.00" in press("plane", ".live-map", "ArrowRight")
    assert "Asked for a 3" in press("label", "button", "3")
    assert "After 1 moves" in press("game", "button", "Enter").replace("1 move:", "1 moves:")
    assert press("dcgan", "input", "ArrowRight").startswith("2 % of the way")
    assert press("flow", "input", "ArrowLeft").startswith("Step 15 of 16, t = 0.06")
    before = int(first["half"].split()[0])
    assert press("half", "button", "Enter").startswith(f"{before + 1} of 98 squares")
    for name in live.LIVE:
        press(name, ".live-stage > :last-child button", "Enter")
        assert words(chromium, name) == first[name], f"{name} is reset"
        assert chromium.evaluate("document.activeElement.textContent") == "Reset", "and the focus stays"
    assert chromium.said == []


@browser
def test_whoever_asks_for_less_motion_gets_steps(book, chromium):
    chromium.look(calm=True)
    chromium.open(book / "play.html")

    def play(name):
        find = f"[...document.querySelectorAll('[data-live={name}] button')].find((one) => one.textContent === 'Play')"
        chromium.evaluate(f"{find}.click()")
        return chromium.evaluate(f"document.querySelector('[data-live={name}] .live-words').textContent")

    assert "After 200 moves" in play("game")
    assert chromium.evaluate("[...document.querySelectorAll('.live canvas')].every((one) => one.ariaLabel)"), "at once"
    assert play("half").startswith("Complete: looks like a ")
    words(chromium, "flow")
    assert [play("flow")[:7] for _ in range(3)] == ["Step 0 ", "Step 1 ", "Step 2 "]
    chromium.look()


@browser
def test_where_scripts_are_off_the_still_pictures_stand(book, chromium):
    chromium("Emulation.setScriptExecutionDisabled", value=True)
    chromium.open(book / "play.html")
    chromium("Emulation.setScriptExecutionDisabled", value=False)
    found = chromium.evaluate("[...document.querySelectorAll('.live > img')].map((one) => [one.naturalWidth, one.alt])")
    assert len(found) == len(live.LIVE)
    assert all(width > 100 and len(alt) > 20 for width, alt in found)
