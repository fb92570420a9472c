"use strict";
/* What the live models stand on: controls that a keyboard reaches, pictures that say what they show, and the start.
   Each model is live.models.NAME(stage); it fills the stage and starts at once. Reset empties the stage and starts anew. */

live.calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

live.add = function (parent, tag, properties = {}) {
  return parent.appendChild(Object.assign(document.createElement(tag), properties));
};

live.row = (parent, className = "") => live.add(parent, "div", { className: `live-row ${className}` });

live.button = (parent, textContent, onclick) => live.add(parent, "button", { type: "button", textContent, onclick });

/* A slider with its name before it and its value, in words that are also read out, behind it. */
live.slider = function (parent, name, { min, max, step, value }, say, action) {
  const label = live.add(parent, "label");
  label.append(name, " ");
  const input = live.add(label, "input", { type: "range", min, max, step, value });
  const words = live.add(label, "output", { ariaHidden: "true" });
  const show = () => input.setAttribute("aria-valuetext", (words.textContent = say(Number(input.value))));
  input.addEventListener("input", () => (show(), action(Number(input.value))));
  show();
  return { get value() { return Number(input.value); }, set value(to) { input.value = to; show(); } }; // prettier-ignore
};

live.canvas = function (parent, width, height, className = "") {
  const canvas = live.add(parent, "canvas", { width, height });
  if (className) canvas.className = className;
  canvas.setAttribute("role", "img");
  return canvas;
};

/* Grey pixels from 0 (black) to 1 (white) at a place of a canvas. */
live.paint = function (canvas, pixels, left = 0, top = 0) {
  const side = Math.sqrt(pixels.length), image = new ImageData(side, side);
  pixels.forEach((value, i) => image.data.set([255 * value, 255 * value, 255 * value, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, left, top);
};

/* A line of words that is read out when it has stood still for a moment. */
live.words = function (parent) {
  const line = live.add(parent, "p", { className: "live-words" }), heard = live.add(parent, "p", { className: "live-heard" });
  heard.setAttribute("role", "status");
  line.ariaHidden = "true";
  let waiting;
  return (text) => {
    line.textContent = text;
    clearTimeout(waiting);
    waiting = setTimeout(() => (heard.textContent = text), 400);
  };
};

/* What the course's classifier takes a digit for. */
live.verdict = function (pixels) {
  const chances = live.softmax((live.classifier ??= live.network("classifier"))(pixels)), top = Math.max(...chances);
  return `looks like a ${chances.indexOf(top)} (${Math.round(100 * top)} % sure)`;
};

/* Start every model of the page in the place of its still picture, which stays where this cannot run. */
live.start = function () {
  for (const box of document.querySelectorAll(".live[data-live]")) {
    const stage = live.add(box, "div", { className: "live-stage", role: "group", ariaLabel: box.dataset.title });
    stage.addEventListener("keydown", (event) => event.stopPropagation()); // arrows are the model's, not the page's
    const begin = () => {
      stage.dispatchEvent(new Event("leave"));
      stage.replaceChildren();
      live.models[box.dataset.live](stage);
      return live.button(live.row(stage), "Reset", () => begin().focus());
    };
    begin();
    box.querySelector("img").remove();
  }
};
document.addEventListener("DOMContentLoaded", live.start);
