"""The course's generator in a page of your browser, on this computer only.

    python -m course_utils app                 then open the address that it prints; Ctrl+C stops it
    python -m course_utils app --port 0        any free port

One small file, and nothing to install: the web server of the standard library. It is not made for the open net, so it
listens on 127.0.0.1 and answers nobody else. `answer` is the whole application, a function from a request to bytes.
"""

import argparse
import io
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import torch
from PIL import Image
from torchvision.utils import make_grid

from course_utils import CourseError, pretrained, schedule
from course_utils.taught.serving import Drawer, arc, noise

MOST = 100  # pictures on a sheet


class BadRequest(CourseError):
    """What was asked for cannot be drawn; the message says what can."""


def number(query: dict[str, str], name: str, low: int, high: int, default: int) -> int:
    """A whole number from `low` to `high` out of a request."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise BadRequest(f"{name} must be a whole number from {low} to {high}.")
    return int(text)


class Studio:
    """The networks that the page draws with, and one function for each of its buttons: codes in, pictures out."""

    def __init__(self, source: str):
        model = pretrained.load(f"dcgan-{source}").cpu()
        self.source, self.dim = source, model.latent_dim
        self.drawer, self.classifier = Drawer(model.generator).eval(), pretrained.load(f"classifier-{source}").cpu()

    def draw(self, query):
        """n pictures; picture k belongs to seed + k alone."""
        seed, n = number(query, "seed", 0, 10**9, 0), number(query, "n", 1, MOST, 24)
        return self.drawer(noise(range(seed, seed + n), self.dim))

    def between(self, query):
        """A walk from the picture of one seed to that of another."""
        ends = noise([number(query, end, 0, 10**9, k) for k, end in enumerate(("from", "to"))], self.dim)
        if torch.equal(*ends):
            raise BadRequest("from and to must differ: there is no way from a picture to itself.")
        return self.drawer(arc(*ends, number(query, "n", 2, MOST, 24)))

    def digit(self, query):
        """The surest n of 25 n drawings that the classifier takes for the digit: a condition by selection."""
        label, n = number(query, "label", 0, 9, 7), number(query, "n", 1, 12, 12)
        seed = number(query, "seed", 0, 10**9, 0)
        pictures = self.drawer(noise(range(seed, seed + 25 * n), self.dim))
        return pictures[self.classifier(pictures).softmax(dim=1)[:, label].topk(n).indices]


def png(pictures: torch.Tensor) -> bytes:
    """A sheet of twelve in a row, each pixel three times as large."""
    sheet = make_grid(pictures, nrow=12, padding=2, pad_value=0.35)[0]
    pixels = (sheet * 255).round().clamp(0, 255).byte().repeat_interleave(3, 0).repeat_interleave(3, 1)
    Image.fromarray(pixels.numpy()).save(whole := io.BytesIO(), format="PNG")
    return whole.getvalue()


@torch.inference_mode()
def answer(studio: Studio, target: str) -> tuple[int, str, bytes]:
    """Status, content type and content for the target of a request, such as /draw?seed=7&n=24."""
    place = urlsplit(target)
    if place.path == "/":
        return 200, "text/html; charset=utf-8", PAGE.replace("SOURCE", studio.source).encode()
    if place.path not in ("/draw", "/between", "/digit"):
        return 404, "text/plain; charset=utf-8", b"There is /, /draw, /between and /digit."
    try:
        pictures = getattr(studio, place.path[1:])(dict(parse_qsl(place.query, keep_blank_values=True)))
    except BadRequest as error:
        return 400, "text/plain; charset=utf-8", str(error).encode()
    return 200, "image/png", png(pictures)


def server(studio: Studio, port: int) -> ThreadingHTTPServer:
    """The server, bound to this computer's own address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            # A page elsewhere can have its own name point here; a browser then sends that name.
            known = self.headers.get("Host", "").rsplit(":", 1)[0] in ("127.0.0.1", "localhost")
            refusal = 403, "text/plain; charset=utf-8", b"Only 127.0.0.1 and localhost are served."
            status, kind, content = answer(studio, self.path) if known else refusal
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    try:
        return ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except (OSError, OverflowError) as error:
        raise CourseError(f"Port {port} cannot be opened ({error}): choose another with --port, 0 for any.") from error


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Digits on demand</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<style>body{font:17px/1.5 system-ui,sans-serif;max-width:1120px;margin:2em auto;padding:0 1em;color:#222}
form{margin:.4em 0}input{width:7em;font:inherit}button{font:inherit;padding:.1em 1em}label{margin-right:1em}
img{width:100%;margin-top:1em}#word{color:#a00;min-height:1.5em}</style>
<h1>Digits on demand</h1>
<p>A generator of the course draws (trained on: SOURCE). The same seed gives the same picture.</p>
<form action="/draw"><label>seed <input name="seed" value="0"></label><label>pictures <input name="n" value="24">
</label><button>Draw</button></form>
<form action="/between"><label>from seed <input name="from" value="0"></label><label>to seed <input name="to" value="1">
</label><button>Walk</button></form>
<form action="/digit"><label>digit <input name="label" value="7"></label><label>seed <input name="seed" value="0">
</label><button>Ask for it</button></form>
<p id="word" role="status"></p><img id="sheet" alt="The sheet that was drawn">
<script>
const word = document.getElementById("word"), sheet = document.getElementById("sheet");
for (const form of document.forms) form.onsubmit = async event => {
  if (event) event.preventDefault();
  try {
    const reply = await fetch(form.getAttribute("action") + "?" + new URLSearchParams(new FormData(form)));
    word.textContent = reply.ok ? "" : await reply.text();
    if (reply.ok) sheet.src = URL.createObjectURL(await reply.blob());
  } catch { word.textContent = "The server does not answer: is it still running?"; }
};
document.forms[0].onsubmit();
</script></html>"""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_utils app", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8010, help="0 takes any that is free (default: 8010)")
    parser.add_argument("--data", choices=("mnist", "embedded"), help="which weights (default: those of COURSE_DATA)")
    arguments = parser.parse_args(argv)
    here = server(Studio(arguments.data or ("mnist" if schedule.data_folder() else "embedded")), arguments.port)
    print(f"Listening on http://127.0.0.1:{here.server_address[1]} (Ctrl+C stops it)", flush=True)
    try:
        here.serve_forever()
    except KeyboardInterrupt:
        print("Stopped.")
    finally:
        here.server_close()
    return 0
