"use strict";
/* Chapter 12's PixelCNN, one square at a time, and half a digit that it completes.

   A picture is 14 × 14 squares of 2 × 2 pixels, each of one of 16 kinds: the bits 8, 4, 2, 1 are its four pixels, white or
   black, in reading order. What the network computes at a place depends on earlier places only, so it is kept, and a new
   square costs one place of each layer, not all 196. */

live.pixelcnn = function (name = "pixelcnn") {
  const { numbers, shapes } = live.parts(name), [width] = shapes["head.weight"].slice(1), side = 14;
  const blocks = Object.keys(shapes).filter((one) => one.endsWith(".left.weight")).length;
  const relu = (cell) => cell && cell.map((value) => Math.max(0, value)); // there is nothing outside the picture
  const add = (a, b) => a.map((value, i) => value + b[i]);

  /* A convolution at one place: `look(i, j)` is what lies under row i and column j of the kernel. */
  const conv = (part) => {
    const weight = numbers[`${part}.weight`], bias = numbers[`${part}.bias`], [to, from, high, wide] = shapes[`${part}.weight`];
    return (look) => {
      const y = Float64Array.from(bias);
      for (let i = 0; i < high; i++)
        for (let j = 0; j < wide; j++) {
          const cell = look(i, j);
          if (cell) for (let o = 0; o < to; o++) for (let c = 0; c < from; c++) y[o] += weight[((o * from + c) * high + i) * wide + j] * cell[c];
        }
      return y;
    };
  };
  const [firstAbove, firstLeft, head] = ["first_above", "first_left", "head"].map(conv);
  const stacks = Array.from({ length: blocks }, (_, k) => ["above", "across", "left", "out"].map((one) => conv(`blocks.${k}.${one}`)));
  const usual = (stack, row, column) => Float64Array.from({ length: width }, (_, c) => numbers.place[((stack * width + c) * side + row) * side + column]);

  /* A picture that is filled in reading order: `logits` of the kind of the next square, and `put` to set it. */
  return function () {
    const pixels = [[]], upper = [], own = Array.from({ length: blocks + 1 }, () => []), hints = []; // own and hints: of this row
    let logits;
    const grid = (rows) => (row, column) => rows[row]?.[column];

    /* The upper stack for a whole row, from the rows above it; `upper[k][row][column]` after k blocks. */
    function enter(row) {
      const columns = [...Array(side).keys()], squares = grid(pixels);
      const keep = (k, cells) => ((upper[k] ??= [])[row] = cells);
      keep(0, columns.map((at) => add(firstAbove((i, j) => squares(row - 3 + i, at - 3 + j)), usual(0, row, at))));
      stacks.forEach(([above, across], k) => {
        const active = [upper[k][row - 1]?.map(relu), upper[k][row].map(relu)];
        keep(k + 1, columns.map((at) => add(upper[k][row][at], above((i, j) => active[i]?.[at - 1 + j]))));
        hints[k] = upper[k + 1][row].map((cell) => across(() => relu(cell)));
        own[k].length = 0;
      });
    }

    /* The row's own stack at the next square. */
    function look() {
      const row = pixels.length - 1, at = pixels[row].length;
      if (at === 0) enter(row);
      own[0][at] = add(firstLeft((i, j) => pixels[row][at - 3 + j]), usual(1, row, at));
      stacks.forEach(([, , left, out], k) => {
        const inner = left((i, j) => relu(own[k][at - 1 + j]));
        own[k + 1][at] = add(own[k][at], out(() => relu(add(inner, hints[k][at]))));
      });
      return head(() => relu(own[blocks][at]));
    }

    return {
      get logits() { return (logits ??= look()); }, // prettier-ignore
      put(kind) {
        this.logits; // this place is what the next ones look back to
        logits = undefined;
        pixels.at(-1).push([8, 4, 2, 1].map((bit) => (kind & bit ? 0.5 : -0.5)));
        if (pixels.at(-1).length === side) pixels.push([]);
      },
    };
  };
};

/* The kind into whose share of the way from 0 to 1 the number u falls. */
live.choose = function (chances, u) {
  let kind = 0;
  while (kind < chances.length - 1 && (u -= chances[kind]) >= 0) kind++;
  return kind;
};

/* Test digits of MNIST, made black and white; each letter is the kind of a square, in base 16. */
live.digits = [
  "0000000000000000000000000000000033300000000005ffdf0000000004800f2000000000007e000000000017fb00000000005fddfa000000000004df8000000000000df000000000001fa0000000033ffc000000000cc800000000000000000000",
  "00000000000000000000000000000000100000000000007e000070000000fa0004f0000001f20005e0000007e00007e000000ffbbf3f20000005fcfcdf800000000000ff000000000000fe000000000000d9000000000000c0000000000000000000",
  "0000000000000000000000000000000000010000000000017ff7b20000004fe80c5e0000004f00007f00000005b017f800000000fffc000000017eefa0000000dff03f800000004cdffc800000000000000000000000000000000000000000000000",
  "000000000000000000033200000000007ffdb000000000f485a000000000000fc00000000000ff000000000001f800000000001fe000000000005ea00000000000fa010000200000dfff3fffd80000440cc800000000000000000000000000000000",
  "00000000000000000000000000000000000000000000000000157cc0000001fbec000000001fe80000000000fe000000000001f33b3000000004d8005f0000000000003f000000000013f8000000037bec00000000004c0000000000000000000000",
  "00000000000000000000000000000000000000000000000002120000000003ffff000000007e800f00000005a0000fa000000df337ff00000004ccc05e000000000000f8000000000000f0000000000007b000000000000f80000000000008000000",
];

live.models.half = function (stage) {
  const begin = (live.pixel ??= live.pixelcnn()), uniform = live.uniform(12), half = 98;
  let which = 0, written, kinds, picture, chances, nats, playing;

  const views = live.row(stage), paper = live.canvas(views, 280, 280, "live-paper"), panel = live.add(views, "div");
  live.add(panel, "p", { textContent: "How likely each kind is for the marked square; press one to put it there:" });
  const choice = live.row(panel, "live-kinds"), say = live.words(stage), buttons = live.row(stage);
  choice.setAttribute("role", "group");
  choice.ariaLabel = "The sixteen kinds of the next square";
  const square = (kind) => [8, 4, 2, 1].map((bit) => Number((kind & bit) > 0)); // four pixels, 0 or 1
  const words = (kind) => square(kind).map((white) => (white ? "white" : "black")).join(" ");
  const keys = Array.from({ length: 16 }, (_, kind) => {
    const button = live.button(choice, "", () => (stop(), put(kind), draw())), icon = live.canvas(button, 2, 2);
    live.paint(icon, square(kind));
    icon.ariaLabel = words(kind);
    return { button, share: live.add(button, "span") };
  });
  live.button(buttons, "Draw a square", () => (stop(), chance(), draw()));
  live.button(buttons, "On to the next doubt", () => (stop(), chance(), toDoubt(), draw()));
  const play = live.button(buttons, "Play", () => {
    if (playing) return stop();
    if (done()) start();
    if (live.calm()) { // no motion: all at once
      while (!done()) chance();
      return draw();
    }
    play.textContent = "Pause";
    playing = setInterval(() => (chance(), draw(), done() && stop()), 60);
  });
  live.button(buttons, "The same half again", () => (start(), toDoubt(), draw()));
  live.button(buttons, "Another digit", () => ((which = (which + 1) % live.digits.length), start(), toDoubt(), draw()));

  const done = () => kinds.length === 2 * half;
  const chance = () => done() || put(live.choose(chances, uniform()));
  const toDoubt = () => { // where even the likeliest kind has less than nine in ten
    while (!done() && Math.max(...chances) > 0.9) chance();
  };
  function stop() {
    clearInterval(playing);
    playing = undefined;
    play.textContent = "Play";
  }
  stage.addEventListener("leave", stop, { once: true });

  function put(kind) {
    if (done()) return;
    kinds.push(kind);
    nats -= Math.log(chances[kind]);
    picture.put(kind);
    if (!done()) chances = live.softmax(picture.logits);
  }

  /* The upper half, square by square; what the lower one that was written would have cost is found on the way. */
  function start() {
    stop();
    const whole = [...live.digits[which]].map((letter) => parseInt(letter, 16)), fill = (count) => {
      [picture, kinds, nats] = [begin(), whole.slice(0, half), 0];
      kinds.forEach((kind) => picture.put(kind));
      chances = live.softmax(picture.logits);
      whole.slice(half, count).forEach(put);
    };
    fill(2 * half);
    written = nats;
    fill(half);
  }

  function draw() {
    const pen = paper.getContext("2d"), next = kinds.length, drawn = `${next - half} of ${half} squares`;
    const corner = (k, pixel) => [20 * (k % 14) + 10 * (pixel & 1), 20 * Math.floor(k / 14) + 10 * (pixel >> 1)];
    const paint = (k, greys) => greys.forEach((grey, pixel) => {
      pen.fillStyle = `rgb(${255 * grey}, ${255 * grey}, ${255 * grey})`;
      pen.fillRect(...corner(k, pixel), 10, 10);
    });
    pen.fillStyle = "#595959";
    pen.fillRect(0, 0, 280, 280);
    kinds.forEach((kind, k) => paint(k, square(kind)));
    if (!done()) { // grey: how likely white is
      paint(next, [0, 1, 2, 3].map((pixel) => chances.reduce((sum, share, kind) => sum + share * square(kind)[pixel], 0)));
      Object.assign(pen, { strokeStyle: "#D55E00", lineWidth: 3 });
      pen.strokeRect(...corner(next, 0), 20, 20);
    }
    keys.forEach(({ button, share }, kind) => {
      const percent = done() ? 0 : 100 * chances[kind];
      share.textContent = done() ? "–" : percent < 1 ? "< 1 %" : `${Math.round(percent)} %`;
      button.style.setProperty("--share", `${percent}%`);
      button.ariaDisabled = done();
    });
    paper.ariaLabel = `The upper half of a digit, and ${drawn} of the lower one`;
    if (done()) {
      const pixels = Array.from({ length: 784 }, (_, i) => square(kinds[14 * Math.floor(i / 56) + ((i % 28) >> 1)])[2 * (Math.floor(i / 28) & 1) + (i & 1)]);
      return say(`Complete: ${live.verdict(pixels)}. This half cost ${nats.toFixed(1)} nats; the one that was written, ${written.toFixed(1)}`);
    }
    const top = chances.indexOf(Math.max(...chances));
    say(`${drawn}, ${nats.toFixed(1)} nats. Most likely next: ${words(top)} (${Math.round(100 * chances[top])} %)`);
  }
  start();
  toDoubt();
  draw();
};
