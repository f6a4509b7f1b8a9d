// The command palette: pages, the acts that this page offers, and what the server finds. And the list of the page's keys.
// Without this script the search field and the pages behind it still work.
(() => {
  "use strict";
  const opener = document.getElementById("palette-open"), box = document.getElementById("palette");
  if (!opener || !box) return;
  const input = box.querySelector("input"), list = box.querySelector("ul"), status = box.querySelector("[role=status]");
  const MOST = 20, PAUSE = 120;
  let here = [], found = [], shown = [], at = 0, asked = 0, timer = 0;
  let only = false;  // Nothing is searched: one of the entries that are here is chosen.

  const words = (element) => {
    const copy = element.cloneNode(true);
    for (const key of copy.querySelectorAll("kbd, .count, .hidden")) key.remove();
    return copy.textContent.replace(/\s+/g, " ").trim() || element.getAttribute("aria-label") || element.value || "";
  };

  const onPage = () => [...document.querySelectorAll("main [aria-keyshortcuts]")].filter((one) => !one.hidden);

  // An act is pressed by its key, as a person would: desk.js knows what that does.
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));

  const collect = () => {
    const acts = onPage().map((one) => {
      const key = one.getAttribute("aria-keyshortcuts").split(" ")[0];
      return { title: words(one), hint: `key ${key}`, go: () => press(key) };
    });
    const pages = [...document.querySelectorAll("header.top nav a, .views a")].map((one) => (
      { title: words(one), hint: "page", go: () => { location.href = one.href; } }));
    here = [...acts, ...pages].filter((one) => one.title);
  };

  const choose = (index) => {
    at = Math.max(0, Math.min(shown.length - 1, index));
    [...list.children].forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
    const chosen = list.children[at];
    if (chosen) { input.setAttribute("aria-activedescendant", chosen.id); chosen.scrollIntoView({ block: "nearest" }); }
    else input.removeAttribute("aria-activedescendant");
  };

  const draw = () => {
    const typed = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = here.filter((one) => typed.every((word) => one.title.toLowerCase().includes(word)));
    shown = [...fits, ...found].slice(0, MOST);
    if (input.value.trim() && !only) {
      const href = `/desk/search?q=${encodeURIComponent(input.value.trim())}`;
      shown.push({ title: `Search for ${input.value.trim()}`, hint: "page", go: () => { location.href = href; } });
    }
    list.replaceChildren(...shown.map((one, place) => {
      const line = document.createElement("li"), hint = document.createElement("span");
      line.id = `palette-${place}`;
      line.setAttribute("role", "option");
      hint.className = "dim small";
      hint.textContent = one.hint;
      line.append(`${one.title} `, hint);
      line.addEventListener("click", () => go(place));
      return line;
    }));
    choose(0);
  };

  const ask = async () => {
    const mine = ++asked, typed = input.value.trim();
    let answer = [], down = false;
    if (typed) {
      try {
        const response = await fetch(`/desk/search/entries?q=${encodeURIComponent(typed)}`);
        if (response.ok && !response.redirected) answer = await response.json();
        else down = true;
      } catch { down = true; }
    }
    if (mine !== asked) return;  // something else was typed meanwhile
    found = answer.map((one) => ({ ...one, go: () => { location.href = one.href; } }));
    draw();
    status.textContent = down ? "The search does not answer." : `${shown.length} ${shown.length === 1 ? "entry" : "entries"}`;
  };

  const open = (entries) => {
    if (box.open) return;
    only = Array.isArray(entries);
    input.value = "";
    found = [];
    if (only) here = entries; else collect();
    box.showModal();
    draw();
    input.focus();
    status.textContent = `${shown.length} entries`;
  };

  const go = (index) => {
    const chosen = shown[index];
    if (!chosen) return;
    box.close();
    chosen.go();
  };

  // The templates of a message's form, as entries: choosing one begins the message with it.
  document.addEventListener("tierline:templates", (event) => {
    const select = event.target, use = select.parentElement.querySelector("button");
    open([...select.options].filter((one) => one.value).map((one) => (
      { title: one.text, hint: one.value, go: () => { select.value = one.value; use.click(); } })));
  });

  // -- The list of keys --------------------------------------------------------------------------------------

  const keys = document.getElementById("keys"), keysOpener = document.getElementById("keys-open");

  const always = () => [
    ...(document.querySelector("[data-row]") ? [["j k", "down, up"], ["Enter", "open what is marked"]] : []),
    ...(document.querySelector("[data-row] input[type=checkbox]") ? [["x", "choose it"], ["X", "choose all"]] : []),
    ...(document.querySelector(".template select") ? [["/", "at the beginning of a message: a template"]] : []),
    ["Ctrl+Enter", "send the form that you are in"], ["Esc", "leave a field, close a dialog"],
    ["/", "search"], [": Ctrl+K", "go anywhere, do anything"],
  ];

  const listKeys = () => {
    if (keys.open) return;
    const acts = onPage().map((one) => (
      [one.getAttribute("aria-keyshortcuts").split(" ")[0], words(one)]));
    keys.querySelector("dl").replaceChildren(...[...acts, ...always()].flatMap(([key, text]) => {
      const term = document.createElement("dt"), says = document.createElement("dd");
      for (const one of key.split(" ")) { const cap = document.createElement("kbd"); cap.textContent = one; term.append(cap, " "); }
      says.textContent = text;
      return [term, says];
    }));
    keys.showModal();
    keys.focus();
  };

  keysOpener.hidden = false;
  keysOpener.addEventListener("click", listKeys);
  keys.addEventListener("click", (event) => { if (event.target === keys) keys.close(); });

  opener.hidden = false;
  opener.addEventListener("click", open);
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  input.addEventListener("input", () => {
    found = [];
    draw();
    clearTimeout(timer);
    if (only) status.textContent = `${shown.length} ${shown.length === 1 ? "entry" : "entries"}`;
    else timer = setTimeout(ask, PAUSE);
  });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) { event.preventDefault(); choose(at + step); }
    else if (event.key === "Enter") { event.preventDefault(); go(at); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      open();
    }
  });
})();
