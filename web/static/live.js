// Live pages: a page loads itself again when something that it shows has changed.
//
// A browser opens six connections to one address at most. So its tabs elect one, by a lock: it holds the one stream of
// the browser, and passes each report on. When it closes, the lock goes to the next one, which follows on from the last
// report that it has heard. Without locks or channels, each tab that can be seen has a stream of its own.
//
// #main says what the page shows: data-live="TICKET=12 incident-7=3 tickets", each ticket or incident with the number of
// its newest event (without a number: any change of it since the page began to load); `tickets`, `incidents`: any of
// them; `*`: anything. data-at is when the page began to load. data-self is where it is loaded from, if not from its
// address. data-keep: it is not loaded again, and says that it is old. data-calm: milliseconds between two times that it is
// loaded again; meanwhile, and while one of its forms is open or something was typed, it says that it has changed.
// A page without data-live says after a minute as of when it is, but for what never changes (data-still).
(() => {
  "use strict";

  const NAME = "tierline-live";
  const SILENT = 40000;  // The stream speaks every 15 s.
  const AGAIN = 3000;
  const CALM = 1000;  // Between two times that a page is loaded again.
  const AGED = 60000;  // A page that does not follow says then that it is old; so does one with data-age.
  const MOST = 5000;

  const main = () => document.getElementById("main");
  const at = () => Number(main()?.dataset.at ?? 0);
  let shared = "locks" in navigator && "BroadcastChannel" in window;

  let position = at();  // All until then has been heard.
  let channel = null, leaving = null, release = null, stream = null, retry = 0;
  let known = new Map(), knownFrom = 0;  // What the one that leads has heard, for tabs that come later.
  let heardAt = Date.now(), lost = false, old = false;
  let loading = false, again = false, loadedAt = 0, waiting = 0;
  let shownAt = Date.now(), aged = false, typed = false;

  // -- What the page says of itself --------------------------------------------------------------------------

  const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });

  const say = () => {
    const state = document.getElementById("live");
    if (!state) return;
    const text = lost ? `connecting: as of ${clock(old ? at() : Math.max(position, at()))}`
      : old ? `changed since ${clock(at())}: ` : aged ? `as of ${clock(at())}: ` : "";
    if (state.dataset.said !== text) {
      state.dataset.said = state.textContent = text;
      if (text && !lost) {
        const link = document.createElement("a");
        link.href = main().dataset.self ?? location.href;
        link.textContent = "load it again";
        state.append(link);
      }
    }
    state.hidden = !text;
  };

  // -- Loading the page again --------------------------------------------------------------------------------

  const load = async () => {
    const address = main().dataset.self ?? location.href;
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(`status of ${answer.status}`);
    const text = await answer.text();
    await htmx.swap({ text, sourceElement: main(), target: main(), select: "#main", swap: "outerMorph" });
  };

  const busy = () => main().dataset.calm !== undefined && (typed || main().querySelector("details[open] form") !== null);

  const refresh = async () => {
    if (main().dataset.keep !== undefined || busy()) { old = true; say(); return; }
    if (document.hidden || loading) { again = true; return; }
    const early = loadedAt + Number(main().dataset.calm ?? CALM) - Date.now();
    if (early > 0) {
      if (main().dataset.calm !== undefined) { old = true; say(); }
      waiting ||= setTimeout(() => { waiting = 0; refresh(); }, early);
      return;
    }
    loading = true; again = false;
    try { await load(); old = aged = typed = false; shownAt = Date.now(); } catch { old = again = true; }
    loading = false; loadedAt = Date.now();
    say();
    if (again && !old && !document.hidden) refresh();  // What fails is tried again with the next report.
  };

  // -- What is heard -----------------------------------------------------------------------------------------

  const concerns = (part, topics) => {
    const [topic, seq] = part.split("=");
    const names = topic === "*" ? Object.keys(topics)
      : topic === "tickets" ? Object.keys(topics).filter((name) => !name.startsWith("incident-"))
      : topic === "incidents" ? Object.keys(topics).filter((name) => name.startsWith("incident-"))
      : topic in topics ? [topic] : [];
    return names.some((name) => topics[name][1] > at() && String(topics[name][0]) !== seq);
  };

  const hear = (report) => {
    heardAt = Date.now(); lost = false;
    const gap = report.since > Math.max(position, at());
    const anything = report.topics === null && report.upto > at();
    position = Math.max(position, report.upto);
    const parts = (main().dataset.live ?? "").split(" ");
    if (again || gap || anything || parts.some((part) => concerns(part, report.topics ?? {}))) refresh();
    say();
  };

  const lose = () => { lost = true; say(); };

  // -- The stream --------------------------------------------------------------------------------------------

  const remember = (report) => {
    if (report.topics === null) { known.clear(); knownFrom = report.upto; return; }
    for (const [topic, moved] of Object.entries(report.topics)) { known.delete(topic); known.set(topic, moved); }
    while (known.size > MOST) {
      const [topic, moved] = known.entries().next().value;
      known.delete(topic); knownFrom = Math.max(knownFrom, moved[1]);
    }
  };

  const open = () => {
    clearTimeout(retry); stream?.close();
    stream = new EventSource(`/desk/live?since=${position}`);
    stream.addEventListener("report", (event) => {
      const report = JSON.parse(event.data);
      remember(report); channel?.postMessage({ report }); hear(report);
    });
    stream.addEventListener("error", () => {
      channel?.postMessage({ lost: true }); lose();
      if (stream.readyState === EventSource.CLOSED) retry = setTimeout(open, AGAIN * (0.7 + 0.6 * Math.random()));
    });
  };

  const close = () => { clearTimeout(retry); stream?.close(); stream = null; };

  // -- Which tab holds it ------------------------------------------------------------------------------------

  const lead = () => new Promise((resolve) => {
    release = resolve; known = new Map(); knownFrom = position;
    open();
  });

  const receive = ({ data }) => {
    if (data.report) hear(data.report);
    else if (data.lost) lose();
    else if (data.came && stream) {
      if (lost) channel.postMessage({ lost: true });
      else channel.postMessage({ report: { since: knownFrom, upto: position, topics: Object.fromEntries(known) } });
    }
  };

  // A browser may keep the frames of other sites' pages from locks and channels.
  const alone = (error) => {
    if (error.name === "AbortError") return;
    shared = false; channel?.close(); channel = null;
    if (!document.hidden) open();
  };

  const join = () => {
    if (!main()?.dataset.live) return;
    if (!shared) { if (!document.hidden) open(); return; }
    try {
      channel = new BroadcastChannel(NAME);
      channel.addEventListener("message", receive);
      leaving = new AbortController();
      navigator.locks.request(NAME, { signal: leaving.signal }, lead).catch(alone);
      channel.postMessage({ came: true });
    } catch (error) { alone(error); }
  };

  const leave = () => {
    close(); leaving?.abort(); release?.(); channel?.close();
    channel = leaving = release = null;
  };

  document.addEventListener("visibilitychange", () => {
    if (!main()?.dataset.live) return;
    if (!shared && document.hidden) close();
    if (!shared && !document.hidden && !stream) open();
    if (!document.hidden && again) refresh();
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) { join(); if (main()?.dataset.live) refresh(); } });

  document.addEventListener("input", (event) => { typed ||= main().contains(event.target); });

  setInterval(() => {
    const { live, age, still } = main()?.dataset ?? {};
    if (!aged && still === undefined && (live === undefined || age !== undefined) && Date.now() - shownAt > AGED) {
      aged = true; say();
    }
  }, 5000);

  setInterval(() => {
    if (!main()?.dataset.live || Date.now() - heardAt < SILENT || (!shared && document.hidden)) return;
    lose();
    if (stream) { heardAt = Date.now(); open(); }
  }, 5000);

  join();
})();
