"use strict";
/* What the theme leaves undone for those who read with a keyboard or by ear. Without scripts the pages still read well. */

document.addEventListener("DOMContentLoaded", () => {
  // A button's name is what stands on it: speech control presses what one reads.
  for (const one of document.querySelectorAll("summary[aria-label], .search-button-field[aria-label]")) {
    one.removeAttribute("aria-label");
  }
  // What scrolls can be reached by Tab, so that the arrow keys scroll it.
  const reach = () => {
    for (const one of document.querySelectorAll("article table, article pre, article div.math, article .cell_output")) {
      if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
    }
  };
  addEventListener("load", () => setTimeout(reach, 0));
  addEventListener("resize", reach);
  window.MathJax?.startup?.promise?.then(reach);
});
