// What the pages of the desk add to plain links and forms: times that stay true, and keys. Live pages: live.js.
// Without this script every page and every act still works.
(() => {
  "use strict";

  // -- Times -------------------------------------------------------------------------------------------------

  const span = (seconds) => {
    const s = Math.floor(seconds), m = Math.floor(s / 60) % 60, h = Math.floor(s / 3600) % 24, d = Math.floor(s / 86400);
    if (s < 60) return `${s} s`;
    if (d) return h ? `${d} d ${h} h` : `${d} d`;
    if (h) return m ? `${h} h ${m} min` : `${h} h`;
    return `${m} min`;
  };

  // The server's clock: a browser's may be wrong.
  const skew = Date.parse(document.body.dataset.now ?? "") - Date.now() || 0;

  const tick = () => {
    const now = Date.now() + skew;
    for (const one of document.querySelectorAll("time[data-away]")) {
      const distance = (Date.parse(one.dateTime) - now) / 1000;
      const text = distance > 0 ? `in ${span(distance)}` : `${span(-distance)} ago`;
      if (one.textContent !== text) one.textContent = text;
    }
    for (const bar of document.querySelectorAll("[data-from][data-until]")) {
      const from = Date.parse(bar.dataset.from), until = Date.parse(bar.dataset.until);
      bar.value = Math.min(1, Math.max(0, (now - from) / (until - from)));
    }
  };

  for (const form of document.querySelectorAll("form[data-zone]")) {
    form.elements.zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
  for (const link of document.querySelectorAll("a[data-zone]")) {
    link.search += `&zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}`;
  }

  // -- Keys --------------------------------------------------------------------------------------------------
  // Each key presses the element that names it in aria-keyshortcuts, so that what a key does is on the page.

  const rows = () => [...document.querySelectorAll("[data-row]")];
  const here = () => document.activeElement?.closest("[data-row]");
  const FIELDS = "textarea, input:not([type=hidden]), select";

  const enter = (row) => {
    row.querySelector("a[href]")?.focus();
    row.scrollIntoView({ block: "nearest" });
  };

  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(here());
    enter(all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))]);
  };

  const boxes = () => rows().map((row) => row.querySelector("input[type=checkbox]")).filter(Boolean);

  const choose = () => {
    if (!here() && boxes().length) enter(rows()[0]);
    const box = here()?.querySelector("input[type=checkbox]");
    if (box) box.checked = !box.checked;
  };

  const chooseAll = () => {
    const wanted = boxes().some((box) => !box.checked);
    for (const box of boxes()) box.checked = wanted;
  };

  const OF_LISTS = { j: () => move(1), k: () => move(-1), x: choose, X: chooseAll };

  // A form's own keys. `/` where a message begins offers its templates in the palette.
  const inField = (event, field) => {
    const template = field.closest("form")?.querySelector(".template select");
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") field.form?.requestSubmit();
    else if (event.key === "Escape") field.blur();
    else if (event.key === "/" && template && field.matches("textarea") && !field.value) {
      template.dispatchEvent(new Event("tierline:templates", { bubbles: true }));
    } else return false;
    event.preventDefault();
    return true;
  };

  const press = (target) => {
    const panel = target.closest("details");
    if (panel) panel.open = true;
    if (target.matches("summary")) (panel.querySelector(FIELDS) ?? panel.querySelector("button"))?.focus();
    else if (target.matches("input, textarea, select")) target.focus();
    else target.click();
  };

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select");
    if (event.isComposing || document.querySelector("dialog[open]") || (field && inField(event, field))) return;
    if ((field && field.type !== "checkbox") || event.ctrlKey || event.metaKey || event.altKey) return;
    const onList = OF_LISTS[event.key];
    if (onList) { event.preventDefault(); onList(); return; }
    const target = document.querySelector(`[aria-keyshortcuts~="${CSS.escape(event.key)}"]`);
    if (!target || event.repeat) return;
    event.preventDefault();
    press(target);
  });

  // -- From ticket to ticket ---------------------------------------------------------------------------------
  // A list that is open is remembered in its tab. `[` and `]` on a ticket's page go to the one before and after it.

  const LIST = "tierline-list";

  const remember = () => {
    const listed = document.querySelectorAll("[data-list] [data-row] td.subject > a:first-child");
    if (!document.querySelector("[data-list]")) return;
    sessionStorage.setItem(LIST, JSON.stringify([...listed].map((one) => one.getAttribute("href"))));
  };

  const offer = () => {
    const links = document.querySelectorAll("a[data-walk]");
    if (!links.length) return;
    const list = JSON.parse(sessionStorage.getItem(LIST) ?? "[]");
    const at = list.indexOf(location.pathname);
    for (const link of links) {
      const there = at < 0 ? undefined : list[at + Number(link.dataset.walk)];
      link.hidden = !there;
      if (there) link.href = there;
    }
  };

  const walk = () => {
    try { remember(); offer(); } catch { /* A frame may have no storage: then there is no list. */ }
  };

  const notKept = ({ detail }) => {
    const place = detail.ctx?.sourceElement;
    if (place?.closest(".draft")) place.textContent = "Draft not kept: copy it if you leave this page.";
  };
  document.addEventListener("htmx:response:error", notKept);
  document.addEventListener("htmx:error", notKept);

  document.addEventListener("htmx:after:swap", () => {
    tick(); walk();
    document.getElementById("refused")?.focus();
  });

  const reveal = () => {
    for (const one of document.querySelectorAll(".top nav [aria-current], .strip [aria-current]")) {
      const bar = one.closest("nav, ul");
      bar.scrollLeft = one.offsetLeft - bar.offsetLeft - (bar.clientWidth - one.offsetWidth) / 2;
    }
  };

  document.querySelector("[data-first]")?.querySelector(FIELDS)?.focus();
  reveal();
  walk();
  tick();
  setInterval(tick, 1000);
})();
