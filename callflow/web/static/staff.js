// Keyboard shortcuts and the sign that the live connection is lost. Everything works without this file.
"use strict";

const OFF = "rufweiche-keys-off";
const dialog = () => document.getElementById("keys");
const rows = () => [...document.querySelectorAll(".row")];

const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

const move = (step) => {
  const all = rows();
  if (!all.length) return;
  const here = all.findIndex((row) => row === document.activeElement);
  const opened = all.findIndex((row) => row.hasAttribute("aria-current"));
  const from = here >= 0 ? here : opened;
  const next = from < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(from + step, 0), all.length - 1);
  all[next].focus();
};

const act = (key) => {
  const control = document.querySelector(`[data-key="${key}"]`);
  if (!control) return false;
  if (control.matches("a, button")) control.click();
  else control.focus();
  return true;
};

const moves = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || dialog()?.open) return;
  if (localStorage.getItem(OFF) && event.key !== "?") return;
  if (event.key in moves) {
    move(moves[event.key]);
    event.preventDefault();
  } else if (event.key === "?") {
    dialog()?.showModal();
  } else if (act(event.key.toLowerCase())) {
    event.preventDefault();
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
});

document.addEventListener("DOMContentLoaded", () => {
  const off = document.getElementById("keys-off");
  if (!off) return;
  off.checked = Boolean(localStorage.getItem(OFF));
  off.addEventListener("change", () => {
    if (off.checked) localStorage.setItem(OFF, "1");
    else localStorage.removeItem(OFF);
  });
});

// The live refresh asks for what the window shows now, and what it no longer shows is not put back.
const here = () => location.pathname + location.search;
const live = (ctx) => ctx.sourceElement.id === "main";

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (live(ctx)) ctx.request.action = here();
  if (ctx.sourceElement.matches("form")) ctx.sourceElement.inert = true;
});
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  const failed = ctx.response && ctx.response.status >= 400;
  if (live(ctx) && (failed || ctx.request.action !== here())) event.preventDefault();
});
// A refresh that a busy house sent away, or that got lost, is asked for again; a person's own click is theirs to repeat.
const again = ({ detail: { ctx } }) => {
  if (!ctx || !live(ctx) || ctx.response?.status < 500) return;
  setTimeout(() => htmx.trigger("#stream", "inbox"), 2000);
};
document.addEventListener("htmx:error", again);
document.addEventListener("htmx:response:error", again);
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("form")) ctx.sourceElement.inert = false;
});

const offline = (lost) => {
  const notice = document.getElementById("offline");
  if (notice) notice.hidden = !lost;
};
// A first try that failed is made again by the trigger of the stream; a stream that broke off comes back by itself.
const unheard = ({ detail: { ctx } }) => { if (ctx?.sourceElement.id === "stream") offline(true); };
document.addEventListener("htmx:error", unheard);
document.addEventListener("htmx:response:error", unheard);
document.addEventListener("htmx:sse:error", () => offline(true));
document.addEventListener("htmx:sse:close", () => offline(true));
document.addEventListener("htmx:sse:after:connection", () => {
  offline(false);
  // Whatever happened while the connection was away is in the queue, not in the stream.
  htmx.trigger("#stream", "inbox");
});

// A new urgent card is heard as well as seen: two short notes, made here, without a file.
const SILENT = "rufweiche-bell-off";
let sound = null;

const note = (context, hertz, after) => {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0.15, context.currentTime + after);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + after + 0.35);
  tone.connect(volume).connect(context.destination);
  tone.start(context.currentTime + after);
  tone.stop(context.currentTime + after + 0.4);
};

const ring = () => {
  const bell = document.getElementById("bell");
  if (bell) bell.textContent = bell.dataset.rings;
  if (localStorage.getItem(SILENT)) return;
  sound ??= new AudioContext();
  sound.resume().then(() => { note(sound, 880, 0); note(sound, 660, 0.2); });
};

let urgent = null;
const listen = () => {
  const main = document.getElementById("main");
  if (!main || main.dataset.urgent === undefined) return;
  const now = Number(main.dataset.urgent);
  if (urgent !== null && now > urgent) ring();
  if (now < (urgent ?? now)) document.getElementById("bell").textContent = "";
  urgent = now;
};

document.addEventListener("DOMContentLoaded", () => {
  listen();
  new MutationObserver(listen).observe(document.body, { attributes: true, attributeFilter: ["data-urgent"], subtree: true });
  const off = document.getElementById("bell-off");
  if (!off) return;
  off.checked = Boolean(localStorage.getItem(SILENT));
  off.addEventListener("change", () => {
    if (off.checked) localStorage.setItem(SILENT, "1");
    else localStorage.removeItem(SILENT);
  });
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-prints]")) window.print();
});
