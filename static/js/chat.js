// The assistant's field, log and panel: keys, focus, scrolling. What is said and shown comes from the server (hx-sse).

const OPEN_KEY = "assistant-open";
const NEAR_BOTTOM = 64;
const COUNT_FROM = 500;
// Without htmx (its host is away) a running answer is followed by reloading.
const RELOAD_MS = 3000;
const narrow = matchMedia("(max-width: 799px)");

const hit = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

// ---- the log: stay at the end while the reader is there ---------------------------------------------------------

const watched = new WeakMap();

function toEnd(log) {
  log.scrollTop = log.scrollHeight;
}

function watchLog(log) {
  if (watched.has(log)) return;
  const state = { atEnd: true };
  watched.set(log, state);
  log.addEventListener("scroll", () => {
    state.atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_BOTTOM;
  }, { passive: true });
  const follow = () => { if (state.atEnd) toEnd(log); };
  new MutationObserver(follow).observe(log, { childList: true, subtree: true, characterData: true });
  new ResizeObserver(follow).observe(log);
  toEnd(log);
}

const watchLogs = () => document.querySelectorAll("[data-chat-log]").forEach(watchLog);

// ---- running answers ---------------------------------------------------------------------------------------------

/** Connect to the answers that are being made. Not by htmx itself at the start: it may read the page before hx-sse is there. */
function followAnswers() {
  if (!window.htmx) {
    if (document.querySelector("[data-follow]")) setTimeout(() => location.reload(), RELOAD_MS);
    return;
  }
  for (const answer of document.querySelectorAll("[data-follow]")) {
    answer.setAttribute("hx-sse:connect", answer.dataset.follow);
    answer.removeAttribute("data-follow");
    htmx.process(answer);
  }
}

/** One stream for each element: while the first is being opened, hx-sse would open another when the page is read again. */
document.addEventListener("htmx:before:request", (event) => {
  const source = event.detail?.ctx?.sourceElement;
  if (!source?.hasAttribute?.("hx-sse:connect")) return;
  if (source.dataset.connected) event.preventDefault();
  source.dataset.connected = "1";
});

// ---- the field ---------------------------------------------------------------------------------------------------

function showCount(field) {
  const count = document.querySelector("[data-count]");
  if (!count) return;
  const most = Number(count.dataset.count);
  count.textContent = field.value.length > most - COUNT_FROM ? `${field.value.length} / ${most}` : "";
}

/** Enter sends, Shift+Enter breaks the line, and an Enter that ends the composition of a word does neither. */
function sendOnEnter(event) {
  const form = hit(event, "[data-composer]");
  if (!form || event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  if (!event.target.matches("textarea")) return;
  event.preventDefault();
  const send = form.querySelector(".composer-send");
  if (send && event.target.value.trim()) form.requestSubmit(send);
}

let sending = "";

/** A message was taken: empty the field and show the end of the log, whatever the reader was looking at. */
function afterSending() {
  const field = document.getElementById("chat-content");
  if (field) {
    // What was typed meanwhile is the next message.
    if (field.value === sending) field.value = "";
    showCount(field);
    if (!narrow.matches) field.focus({ preventScroll: true });
  }
  for (const log of document.querySelectorAll("[data-chat-log]")) {
    watchLog(log);
    watched.get(log).atEnd = true;
    toEnd(log);
  }
}

document.addEventListener("keydown", sendOnEnter);
document.addEventListener("input", (event) => {
  if (hit(event, "[data-composer]")) showCount(event.target);
});
document.addEventListener("submit", (event) => {
  if (hit(event, "[data-composer]")) sending = document.getElementById("chat-content").value;
}, true);
document.addEventListener("chat-sent", afterSending);
document.addEventListener("htmx:after:swap", () => {
  watchLogs();
  followAnswers();
});

// ---- the talk with a consultant: show that one types, and what was read ---------------------------------------------

const TYPING_MS = 3000;
let typedAt = 0;
let readUntil = 0;

function tell(action, body) {
  const live = document.querySelector("#chat-live input[name=live]");
  if (!live || !live.value) return;
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) form.set(name, value);
  form.set("csrf_token", document.querySelector("#composer input[name=csrf_token]")?.value ?? "");
  fetch(`${live.dataset.base ?? "/chat/conversations/"}${live.value}/${action}`, { method: "POST", body: form }).catch(() => {});
}

function tellTyping(event) {
  if (!hit(event, "[data-composer]") || !event.target.value || Date.now() - typedAt < TYPING_MS) return;
  if (!document.querySelector(".chat-person.is-talking")) return;
  typedAt = Date.now();
  tell("typing", {});
}

function tellRead() {
  if (document.visibilityState !== "visible") return;
  const ids = [...document.querySelectorAll("#chat-log [data-message]")].map((each) => Number(each.dataset.message));
  const newest = Math.max(0, ...ids);
  if (newest <= readUntil) return;
  readUntil = newest;
  tell("read", { message_id: newest });
}

document.addEventListener("input", tellTyping);
document.addEventListener("chat-sent", () => { typedAt = 0; });
document.addEventListener("visibilitychange", tellRead);
document.addEventListener("htmx:after:swap", tellRead);

// ---- the panel ---------------------------------------------------------------------------------------------------

const panel = document.getElementById("assistant");
const launch = document.querySelector("[data-assistant-open]");

/** On a phone the panel covers the page, so nothing behind it can be reached. */
function coverPage(isCovered) {
  const covers = isCovered && narrow.matches;
  panel.toggleAttribute("aria-modal", covers);
  if (covers) panel.setAttribute("aria-modal", "true");
  document.documentElement.classList.toggle("is-covered", covers);
  for (const part of document.querySelectorAll(".skip-link, .site-header, .site-main, .site-footer, .assistant-launch")) {
    part.inert = covers;
  }
}

function openPanel({ focus }) {
  panel.setAttribute("open", "");
  launch.hidden = true;
  sessionStorage.setItem(OPEN_KEY, "1");
  coverPage(true);
  panel.dataset.focus = focus ? "1" : "";
  document.getElementById("assistant-body").dispatchEvent(new CustomEvent("assistant:open"));
  focusField();
}

function focusField() {
  const field = document.getElementById("chat-content");
  if (!field || !panel.dataset.focus) return;
  panel.dataset.focus = "";
  field.focus({ preventScroll: true });
}

function closePanel() {
  panel.removeAttribute("open");
  launch.hidden = false;
  sessionStorage.removeItem(OPEN_KEY);
  coverPage(false);
  launch.focus({ preventScroll: true });
}

function setUpPanel() {
  launch.setAttribute("role", "button");
  launch.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openPanel({ focus: true });
  });
  launch.addEventListener("keydown", (event) => {
    if (event.key === " ") { event.preventDefault(); launch.click(); }
  });
  panel.querySelector("[data-assistant-close]").addEventListener("click", closePanel);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) closePanel();
  });
  document.addEventListener("htmx:after:swap", focusField);
  narrow.addEventListener("change", () => coverPage(panel.hasAttribute("open")));
  // A link followed from the panel shows its page; on a phone the panel would hide it again.
  if (sessionStorage.getItem(OPEN_KEY) && !narrow.matches) openPanel({ focus: false });
}

// ---- the list of conversations on a phone (a #chat-side target, so it opens without this) -----------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && location.hash === "#chat-side") location.hash = "#chat-main";
});

// ---- start: after htmx has read the page --------------------------------------------------------------------------

function start() {
  watchLogs();
  followAnswers();
  tellRead();
  if (panel && launch) setUpPanel();
  document.querySelector("[data-autosend]")?.requestSubmit();
}

if (document.readyState === "complete") start();
else addEventListener("load", start);
