"use strict";
/* Chapter 02's map: a decoder of two numbers, under the pointer. */

live.models.plane = function (stage) {
  const decode = (live.plane ??= live.network("plane")), side = 15, cell = 28, reach = (2.5 * 15) / 14; // ±2.5 are centres of cells
  const views = live.row(stage), map = live.canvas(views, side * cell, side * cell, "live-map");
  const panel = live.add(views, "div"), digit = live.canvas(panel, 28, 28, "live-digit"), say = live.words(panel);
  const range = { min: -reach, max: reach, step: 0.01, value: 0 }, number = (x) => x.toFixed(2).replace("-", "−");
  const x = live.slider(panel, "z₁", range, number, draw), y = live.slider(panel, "z₂", range, number, draw);
  let drawing;

  const store = new OffscreenCanvas(map.width, map.height); // the sheet without the marks on it

  /* The sheet, a row at a time, so that the page answers meanwhile. */
  function chart(row = 0) {
    clearTimeout(drawing);
    const place = (k) => -reach + ((k + 0.5) * 2 * reach) / side;
    for (let column = 0; column < side; column++) live.paint(store, decode([place(column), -place(row)]), cell * column, cell * row);
    mark();
    if (row + 1 < side) drawing = setTimeout(chart, 0, row + 1);
  }
  stage.addEventListener("leave", () => clearTimeout(drawing), { once: true });

  function mark() {
    const pen = map.getContext("2d"), half = map.width / 2, scale = half / reach;
    pen.drawImage(store, 0, 0);
    Object.assign(pen, { strokeStyle: "#D55E00", lineWidth: 4 });
    pen.beginPath();
    pen.arc(half + scale * x.value, half - scale * y.value, 14, 0, 7);
    pen.stroke();
  }

  function draw() {
    const pixels = decode([x.value, y.value]), found = live.verdict(pixels);
    live.paint(digit, pixels);
    mark();
    digit.ariaLabel = `The digit at z₁ = ${number(x.value)}, z₂ = ${number(y.value)}: ${found}`;
    say(`z₁ = ${number(x.value)}, z₂ = ${number(y.value)}: ${found}`);
  }

  map.setAttribute("role", "application");
  map.tabIndex = 0;
  map.ariaLabel = "Map of the plane: 15 by 15 decoded points. Walk with the arrow keys, or press and drag.";
  map.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    x.value += step[0] * (event.shiftKey ? 0.5 : 0.1);
    y.value += step[1] * (event.shiftKey ? 0.5 : 0.1);
    draw();
  });
  const point = (event) => {
    if (event.pointerType !== "mouse" && event.type === "pointermove" && !event.buttons) return;
    const area = map.getBoundingClientRect();
    x.value = reach * ((2 * (event.clientX - area.left)) / area.width - 1);
    y.value = reach * (1 - (2 * (event.clientY - area.top)) / area.height);
    draw();
  };
  map.addEventListener("pointerdown", point);
  map.addEventListener("pointermove", point);
  chart();
  draw();
};
