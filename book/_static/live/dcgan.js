"use strict";
/* Chapter 05's generator: a code of 64 numbers that the reader shakes, and the walk between two codes. */

live.models.dcgan = function (stage) {
  const generate = (live.dcgan ??= live.network("dcgan"));
  const seeded = live.normal(5);
  let fresh = seeded, a = fresh(64), b = fresh(64), code = a, walking;

  const views = live.row(stage);
  const view = (title, className, width = 28) => {
    const figure = live.add(views, "figure"), canvas = live.canvas(figure, width, width, className);
    live.add(figure, "figcaption", { textContent: title });
    return canvas;
  };
  const start = view("A", "live-small"), digit = view("here", "live-digit"), end = view("B", "live-small");
  const numbers = view("the code: rub it to shake it", "live-code", 160), say = live.words(stage);
  const t = live.slider(live.row(stage), "from A to B", { min: 0, max: 1, step: 0.02, value: 0 }, (t) => `${Math.round(100 * t)} %`, () => (stop(), draw()));
  const buttons = live.row(stage);
  live.button(buttons, "Shake A a little", () => shake(live.slerp(a, fresh(64), 0.15), b));
  live.button(buttons, "Another A", () => shake(fresh(64), b));
  live.button(buttons, "Another B", () => shake(a, fresh(64)));
  const walk = live.button(buttons, "Walk", () => {
    if (walking) return stop();
    if (live.calm()) return (t.value = t.value < 1 ? Math.min(1, t.value + 0.1) : 0), draw(); // no motion: one step
    walk.textContent = "Stop";
    if (t.value === 1) t.value = 0;
    walking = setInterval(() => ((t.value += 0.02), draw(), t.value >= 1 && stop()), 60);
  });
  const stop = () => {
    clearInterval(walking);
    walking = undefined;
    walk.textContent = "Walk";
  };
  stage.addEventListener("leave", stop, { once: true });

  function shake(first, second) {
    stop();
    if (first !== a) t.value = 0;
    [a, b] = [first, second];
    draw();
  }

  function draw() {
    code = live.slerp(a, b, t.value);
    const pixels = generate(code), found = live.verdict(pixels);
    live.paint(digit, pixels);
    live.paint(start, generate(a));
    live.paint(end, generate(b));
    const pen = numbers.getContext("2d");
    code.forEach((value, i) => {
      const strength = Math.min(1, Math.abs(value) / 2.5), [r, g, blue] = value < 0 ? [0, 114, 178] : [213, 94, 0];
      pen.fillStyle = "white";
      pen.fillRect(20 * (i % 8), 20 * Math.floor(i / 8), 20, 20);
      pen.fillStyle = `rgba(${r}, ${g}, ${blue}, ${strength})`;
      pen.fillRect(20 * (i % 8) + 1, 20 * Math.floor(i / 8) + 1, 18, 18);
    });
    numbers.ariaLabel = "The 64 numbers of the code as squares: blue below 0, orange above, stronger farther from 0";
    digit.ariaLabel = `The digit of this code: ${found}`;
    start.ariaLabel = "The digit of code A";
    end.ariaLabel = "The digit of code B";
    say(`${Math.round(100 * t.value)} % of the way from A to B: ${found}`);
  }

  /* Every number that the pointer passes over is drawn anew. */
  numbers.addEventListener("pointermove", (event) => {
    const area = numbers.getBoundingClientRect();
    const column = Math.floor((8 * (event.clientX - area.left)) / area.width), row = Math.floor((8 * (event.clientY - area.top)) / area.height);
    if (row < 0 || row > 7 || column < 0 || column > 7) return;
    const shaken = code.slice();
    shaken[8 * row + column] = fresh(1)[0];
    shake(shaken, b);
  });
  draw();
};
