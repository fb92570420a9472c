"use strict";
/* Chapter 03's game of three numbers, move by move. */

live.models.game = function (stage) {
  const [blue, orange, green] = ["#0072B2", "#D55E00", "#00745A"]; // data, generator, discriminator
  let game = { theta: 0, w: 0, b: 0 }, moves = 0, path = [game], playing;

  const views = live.row(stage), bells = live.canvas(views, 340, 220), plane = live.canvas(views, 240, 220);
  const say = live.words(stage), buttons = live.row(stage);
  const rate = live.slider(live.row(stage), "step size", { min: 0.05, max: 1, step: 0.05, value: 0.1 }, (x) => x.toFixed(2), () => {});

  const move = (players) => {
    for (const player of players) {
      game = live.move(game, player, rate.value);
      path.push(game);
    }
    moves += players.length;
  };
  const act = (players) => () => (stop(), move(players), draw());
  live.button(buttons, "Discriminator’s move", act(["D"]));
  live.button(buttons, "Generator’s move", act(["G"]));
  live.button(buttons, "Ten rounds", act(Array(10).fill(["D", "G"]).flat()));
  const play = live.button(buttons, "Play", () => {
    if (playing) return stop();
    if (live.calm()) return act(Array(100).fill(["D", "G"]).flat())(); // no motion: a hundred rounds at once
    play.textContent = "Pause";
    playing = setInterval(() => (move(["D", "G", "D", "G"]), draw()), 50);
  });
  const stop = () => {
    clearInterval(playing);
    playing = undefined;
    play.textContent = "Play";
  };
  stage.addEventListener("leave", stop, { once: true });

  function curve(pen, colour, points, fill) {
    pen.beginPath();
    points.forEach(([x, y]) => pen.lineTo(x, y));
    Object.assign(pen, { strokeStyle: colour, fillStyle: colour + "33", lineWidth: 2 });
    if (fill) pen.fill();
    pen.stroke();
  }

  function sheet(canvas, xs, ys) {
    const pen = canvas.getContext("2d"), { width, height } = canvas;
    Object.assign(pen, { fillStyle: "white", font: "13px sans-serif" });
    pen.fillRect(0, 0, width, height);
    const place = (x, y) => [(width * (x - xs[0])) / (xs[1] - xs[0]), height - (height * (y - ys[0])) / (ys[1] - ys[0])];
    return { pen, place, write: (colour, text, x, y) => ((pen.fillStyle = colour), pen.fillText(text, x, y)) };
  }

  function draw() {
    const { theta, w, b } = game, grid = Array.from({ length: 241 }, (_, i) => -4 + i / 20);
    const d = (x) => 1 / (1 + Math.exp(-(w * x + b))), bell = (x, centre) => 0.8 * Math.exp(-((x - centre) ** 2) / 2);
    let { pen, place, write } = sheet(bells, [-4, 8], [0, 1.15]);
    curve(pen, blue, grid.map((x) => place(x, bell(x, 3))), true);
    curve(pen, orange, grid.map((x) => place(x, bell(x, theta))), true);
    curve(pen, green, grid.map((x) => place(x, d(x))));
    write(blue, "data", 8, 18);
    write(orange, "generator", 55, 18);
    write(green, "D: how real, 0 to 1", 135, 18);

    const reach = Math.max(1, ...path.map((one) => Math.abs(one.w))) * 1.15;
    ({ pen, place, write } = sheet(plane, [Math.min(-0.5, ...path.map((one) => one.theta)), Math.max(6, ...path.map((one) => one.theta))], [-reach, reach])); // prettier-ignore
    curve(pen, "#999999", [place(-99, 0), place(99, 0)]);
    curve(pen, orange, path.map((one) => place(one.theta, one.w)));
    pen.fillStyle = "black";
    const dot = ([x, y], r) => (pen.beginPath(), pen.arc(x, y, r, 0, 7), pen.fill());
    dot(place(theta, w), 5);
    write("black", "w ↑  θ →", 8, 18);
    const [x, y] = place(3, 0);
    write("black", "★", x - 6, y + 5);

    const value = live.slopes(game).value, number = (x) => x.toFixed(2).replace("-", "−");
    say(`After ${moves} moves: θ = ${number(theta)}, w = ${number(w)}, b = ${number(b)}; D(3) = ${number(d(3))}, V = ${number(value)}`);
    bells.ariaLabel = `The data’s bell around 3, the generator’s around ${number(theta)}, and D, which says ${number(d(3))} at 3`;
    plane.ariaLabel = `The path of θ and w, now at (${number(theta)}, ${number(w)}); a star at (3, 0)`;
  }
  draw();
};
