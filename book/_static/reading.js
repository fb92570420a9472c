"use strict";
/* For readers of a page: a field under each prediction, the minutes that are left, the meaning of a term.
   Nothing is sent. Without scripts the predictions are text, the minutes stand on the headings, and terms are links. */

document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector("article");
  if (!article) return;
  const make = (kind, properties) => Object.assign(document.createElement(kind), properties);

  /* What was typed is kept by the browser under the page's and the prediction's name, where the browser lets us. */
  const page = location.pathname.split("/").pop().replace(/\.html$/, "");
  const memory = {
    name: (box) => `generative-models/${page}#${box.id}`,
    read(box) {
      try { return localStorage.getItem(this.name(box)) ?? ""; } catch { return ""; }
    },
    write(box, text) {
      try {
        if (text) localStorage.setItem(this.name(box), text);
        else localStorage.removeItem(this.name(box));
      } catch { /* refused, or full: the field works all the same */ }
    },
  };

  const boxes = [...article.querySelectorAll("blockquote.predict")];
  const folds = [...article.querySelectorAll("details.below-input")];
  const stands = (one, before) => one.compareDocumentPosition(before) & Node.DOCUMENT_POSITION_FOLLOWING;

  boxes.forEach((box, i) => {
    const id = `${box.id}-typed`;
    const place = make("div", { className: "prediction" });
    const field = make("textarea", { id, rows: 1, placeholder: "kept in this browser, sent nowhere" });
    const clear = make("button", { type: "button", textContent: "Clear" });
    const told = make("p", { className: "predicted" });
    const show = () => {
      clear.disabled = told.hidden = !field.value.trim();
      place.classList.toggle("empty", told.hidden);
      told.textContent = `You predicted: ${field.value.trim()}`;
    };
    field.addEventListener("input", () => { memory.write(box, field.value); show(); });
    clear.addEventListener("click", () => {
      field.value = "";
      field.dispatchEvent(new Event("input"));
      field.focus();
    });
    place.append(make("label", { htmlFor: id, textContent: "Your prediction" }), field, clear);
    box.append(place);
    // It is told again where the answer is unfolded, if that comes before the next prediction.
    const answer = folds.find((one) => stands(box, one) && !(boxes[i + 1] && stands(boxes[i + 1], one)));
    answer?.querySelector("summary").after(told);
    field.value = memory.read(box);
    show();
  });

  /* Minutes left of the core from the section that is being read, or of what is headed Further. */
  const headings = [...article.querySelectorAll("h2")];
  const minutes = headings.map((one) => Number(/·\s(\d+)\smin/.exec(one.textContent)?.[1] ?? 0));
  const further = headings.map((one) => /^[\d.\s]*Further\b/.test(one.textContent));
  const bar = document.querySelector(".header-article-items__start");
  if (bar && minutes.some(Boolean)) {
    const line = make("p", { className: "minutes-left" });
    const core = article.querySelector(".minutes")?.dataset.core;
    const left = (here) => {
      if (here < 0) return core ? `${core} min` : "";
      const kind = further[here];
      const sum = minutes.reduce((all, one, i) => all + (i >= here && further[i] === kind ? one : 0), 0);
      return sum ? `${kind ? "Further: " : ""}${sum} min left` : "";
    };
    const show = () => {
      waiting = false;
      line.textContent = left(headings.findLastIndex((one) => one.getBoundingClientRect().top < 150)); // below the bar
    };
    let waiting = false;
    addEventListener("scroll", () => {
      if (!waiting) requestAnimationFrame(show);
      waiting = true;
    }, { passive: true });
    bar.append(line);
    show();
  }

  /* A term's meaning: under the pointer, under the keyboard's focus, or at a first tap; Escape closes it. */
  const bubble = make("div", { id: "meaning", role: "tooltip", hidden: true });
  document.body.append(bubble);
  let shown = null, leaving = 0;
  const close = () => {
    clearTimeout(leaving);
    shown?.removeAttribute("aria-describedby");
    shown = null;
    bubble.hidden = true;
  };
  const open = (link) => {
    clearTimeout(leaving);
    if (shown === link) return;
    close();
    shown = link;
    bubble.textContent = link.dataset.meaning;
    link.setAttribute("aria-describedby", bubble.id);
    bubble.hidden = false;
    const at = [...link.getClientRects()].at(-1), above = at.bottom + bubble.offsetHeight > innerHeight;
    const width = document.documentElement.clientWidth;
    bubble.style.left = `${scrollX + Math.max(8, Math.min(at.left, width - bubble.offsetWidth - 8))}px`;
    bubble.style.top = `${scrollY + (above ? at.top - bubble.offsetHeight : at.bottom)}px`;
  };
  const leave = () => { if (shown !== document.activeElement) leaving = setTimeout(close, 300); };
  for (const link of article.querySelectorAll("a.term")) {
    let tapped = false; // with a finger, while nothing was shown
    link.dataset.meaning = link.title;
    link.removeAttribute("title");
    link.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") open(link); });
    link.addEventListener("pointerleave", leave);
    link.addEventListener("pointerdown", (event) => { tapped = event.pointerType === "touch" && shown !== link; });
    link.addEventListener("focus", () => open(link));
    link.addEventListener("blur", close);
    link.addEventListener("click", (event) => {
      if (!tapped) return;
      event.preventDefault();
      tapped = false;
      open(link);
    });
  }
  bubble.addEventListener("pointerenter", () => clearTimeout(leaving));
  bubble.addEventListener("pointerleave", leave);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  document.addEventListener("pointerdown", (event) => {
    if (shown && !shown.contains(event.target) && !bubble.contains(event.target)) close();
  });
});
