"use strict";
/* Chapter 11's network, written out as the chapter has it, and its walk from noise to a digit with a slider for the step. */

live.flownet = function (name = "flow") {
  const { numbers, linear, conv, transposed, groups } = live.parts(name);
  const swish = live.layers.silu(), plus = (a, b) => a.map((value, i) => value + b[i]);

  const block = (part) => {
    const [norm1, norm2] = [groups(`${part}.norm1`, 4), groups(`${part}.norm2`, 4)];
    const [conv1, conv2, told] = [conv(`${part}.conv1`), conv(`${part}.conv2`), linear(`${part}.told`)];
    return (h, note) => {
      const inner = norm2(conv1(swish(norm1(h)))), both = told(note), width = both.length / 2, area = h.length / width;
      for (let i = 0; i < inner.length; i++) {
        const channel = Math.floor(i / area);
        inner[i] = inner[i] * (1 + both[channel]) + both[width + channel];
      }
      return plus(h, conv2(swish(inner)));
    };
  };

  /* Where the squares of 2 × 2 pixels have gone that are the four channels of 14 × 14. */
  const places = Uint16Array.from({ length: 784 }, (_, i) => {
    const channel = Math.floor(i / 196), row = 2 * (Math.floor(i / 14) % 14) + (channel >> 1);
    return 28 * row + 2 * (i % 14) + (channel & 1);
  });
  const waves = (t) => {
    const angles = Array.from({ length: 16 }, (_, k) => t * 10 ** ((2 * k) / 15));
    return Float32Array.from([...angles.map(Math.sin), ...angles.map(Math.cos)]);
  };

  const [time0, time2, stem, before] = [linear("time.0"), linear("time.2"), conv("stem"), block("before")];
  const [down, deep, up] = [conv("down", 2, 0), [block("deep.0"), block("deep.1")], transposed("up", 2)];
  const [after, out] = [block("after"), conv("out")];
  return (x, t, label) => {
    const note = swish(plus(time2(swish(time0(waves(t)))), numbers["label.weight"].subarray(64 * label, 64 * label + 64)));
    const h = before(stem(Float32Array.from(places, (place) => x[place])), note);
    const low = deep.reduce((one, step) => step(one, note), down(h));
    const v = new Float32Array(784);
    out(after(plus(h, up(low)), note)).forEach((value, i) => (v[places[i]] = value));
    return v;
  };
};

/* The velocity of equation (11.4): with the label, or from the one without it and beyond. */
live.guided = (network, label, w) => (x, t) => {
  const told = network(x, t, label);
  if (w === 1 || label === live.noLabel) return told;
  return network(x, t, live.noLabel).map((without, i) => without + w * (told[i] - without));
};
live.noLabel = 10;

/* Euler's method, equation (11.3), a step each time it is asked: where it stands, and what lies at the end of the line. */
live.walk = function* (velocity, noise, steps) {
  for (let k = 0, x = Float32Array.from(noise); k <= steps; k++) {
    const t = 1 - k / steps, v = t ? velocity(x, t) : x;
    yield { t, x, belief: x.map((value, i) => value - t * v[i]) };
    x = x.map((value, i) => value - v[i] / steps);
  }
};

live.toPixels = (x) => x.map((value) => Math.min(1, Math.max(0, (value + 0.25) / 2)));

live.models.flow = function (stage) {
  const network = (live.flow ??= live.flownet()), fresh = live.normal(11), steps = 16;
  let noise = fresh(784), asked = 2, film = [], walking, working, playing;

  const views = live.row(stage);
  const view = (title) => {
    const figure = live.add(views, "figure"), canvas = live.canvas(figure, 28, 28, "live-digit");
    live.add(figure, "figcaption", { textContent: title });
    return canvas;
  };
  const here = view("on the way"), ahead = view("what the network expects");
  const strip = live.canvas(stage, 29 * (steps + 1), 57, "live-strip"), say = live.words(stage);
  strip.ariaLabel = `The walk from noise to a digit in ${steps} steps, and below each step what the network expects there`;
  const sliders = live.row(stage);
  const step = live.slider(sliders, "step", { min: 0, max: steps, step: 1, value: steps }, (k) => `${k} of ${steps}`, () => (stop(), draw()));
  const w = live.slider(sliders, "guidance w", { min: 0, max: 4, step: 0.5, value: 2 }, (x) => x.toFixed(1), begin);
  const choice = live.row(stage);
  choice.setAttribute("role", "group");
  choice.ariaLabel = "The digit to draw";
  const names = [...Array(10).keys(), "not told"];
  const labels = names.map((name, label) => live.button(choice, String(name), () => ((asked = label), begin())));
  stage.addEventListener("keydown", (event) => {
    if (/^\d$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) labels[event.key].click();
  });
  const buttons = live.row(stage);
  live.button(buttons, "Other noise", () => ((noise = fresh(784)), begin()));
  const play = live.button(buttons, "Play", () => {
    if (playing) return stop();
    step.value = step.value < steps ? step.value + 1 : 0;
    draw();
    if (live.calm()) return; // no motion: one step
    play.textContent = "Pause";
    playing = setInterval(() => (step.value++, draw(), step.value >= steps && stop()), 200);
  });

  function stop() {
    clearInterval(playing);
    playing = undefined;
    play.textContent = "Play";
  }
  stage.addEventListener("leave", () => (stop(), clearTimeout(working)), { once: true });

  /* A new walk, a step at a time, so that the page answers meanwhile. */
  function begin() {
    clearTimeout(working);
    strip.getContext("2d").clearRect(0, 0, strip.width, strip.height);
    labels.forEach((button, label) => button.setAttribute("aria-pressed", label === asked));
    say((here.ariaLabel = ahead.ariaLabel = "Computing the walk"));
    [film, walking] = [[], live.walk(live.guided(network, asked, w.value), noise, steps)];
    advance();
  }

  function advance() {
    const k = film.length, { t, x, belief } = walking.next().value;
    film.push({ t, x: live.toPixels(x), belief: live.toPixels(belief) });
    live.paint(strip, film[k].x, 29 * k, 0);
    live.paint(strip, film[k].belief, 29 * k, 29);
    if (k === step.value || (k < step.value && !live.calm())) draw();
    if (k < steps) working = setTimeout(advance, 0);
  }

  function draw() {
    const k = Math.min(step.value, film.length - 1), { t, x, belief } = film[k], found = live.verdict(belief);
    live.paint(here, x);
    live.paint(ahead, belief);
    here.ariaLabel = `After ${k} of ${steps} steps`;
    ahead.ariaLabel = `What the network expects: ${found}`;
    say(`Step ${k} of ${steps}, t = ${t.toFixed(2)}: the expected picture ${found}`);
  }
  begin();
};
