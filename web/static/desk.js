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

  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.contains(document.activeElement));
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    next.querySelector("a[href]")?.focus();
    next.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select");
    if (field && (event.ctrlKey || event.metaKey) && event.key === "Enter") {
      event.preventDefault();
      field.form?.requestSubmit();
      return;
    }
    if (field && event.key === "Escape") { field.blur(); return; }
    if ((field && field.type !== "checkbox") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j" || event.key === "k") { event.preventDefault(); move(event.key === "j" ? 1 : -1); return; }
    if (event.key === "x") {
      const box = document.activeElement?.closest("[data-row]")?.querySelector("input[type=checkbox]");
      if (box) { box.checked = !box.checked; box.dispatchEvent(new Event("change", { bubbles: true })); }
      return;
    }
    const target = document.querySelector(`[aria-keyshortcuts~="${CSS.escape(event.key)}"]`);
    if (!target) return;
    event.preventDefault();
    const panel = target.closest("details");
    if (target.matches("summary") || panel) panel.open = true;
    if (target.matches("summary")) panel.querySelector("textarea, input:not([type=hidden]), select, button")?.focus();
    else if (target.matches("input, textarea, select")) target.focus();
    else target.click();
  });

  document.addEventListener("htmx:after:swap", () => {
    tick();
    document.getElementById("refused")?.focus();
  });

  document.querySelector("[data-first]")?.querySelector("textarea, select, input:not([type=hidden])")?.focus();

  tick();
  setInterval(tick, 1000);
})();
