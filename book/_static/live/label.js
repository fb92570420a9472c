"use strict";
/* Chapter 08's generator: it is told which digit to draw, and draws all ten in the same hand. */

live.models.label = function (stage) {
  const generate = (live.cdcgan ??= live.network("cdcgan")), fresh = live.normal(8), ten = [...Array(10).keys()];
  let hand = fresh(64), asked = 7;

  const views = live.row(stage), digit = live.canvas(views, 28, 28, "live-digit");
  const panel = live.add(views, "div"), choice = live.row(panel), say = live.words(panel);
  const all = live.canvas(stage, 280, 28, "live-strip");
  choice.setAttribute("role", "group");
  choice.ariaLabel = "The digit to draw";
  const buttons = ten.map((label) => live.button(choice, String(label), () => ((asked = label), draw())));
  live.button(live.row(stage), "Another hand", () => ((hand = fresh(64)), draw()));
  stage.addEventListener("keydown", (event) => {
    if (/^\d$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) buttons[event.key].click();
  });

  const drawn = (label) => generate([...hand, ...ten.map((one) => Number(one === label))]); // the label as one of ten
  function draw() {
    const pictures = ten.map(drawn), found = live.verdict(pictures[asked]);
    pictures.forEach((pixels, label) => live.paint(all, pixels, 28 * label));
    live.paint(digit, pictures[asked]);
    buttons.forEach((button, label) => button.setAttribute("aria-pressed", label === asked));
    digit.ariaLabel = `Asked for a ${asked}: ${found}`;
    all.ariaLabel = "The digits 0 to 9, all of the same 64 numbers";
    say(`Asked for a ${asked}: ${found}`);
  }
  draw();
};
