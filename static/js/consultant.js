// The consultants' page: hears what happens (server-sent events), has the lists fetched anew, rings, tells the browser.
// What is shown comes from the server; here is only when to ask for it.

const page = document.querySelector("[data-consultant]");
const says = JSON.parse(page.dataset.says);
const SOUND_KEY = "consultant-silent";
const BEAT_MS = 20000;
const CLOCK_MS = 15000;
// What comes in a bunch is fetched once.
const PAUSE_MS = 250;
const NEWS = new Set(["notification", "claimed", "escalated", "presence", "message"]);

const find = (selector) => page.querySelector(selector);
const token = () => document.querySelector("input[name=csrf_token]")?.value || "";
const line = (text) => { find("[data-line]").textContent = text; };

function send(method, path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token() };
  return fetch(path, { method, headers, body: JSON.stringify(body) });
}

// ---- the lists -----------------------------------------------------------------------------------------------------

let timer = 0;
let known = guests();

function guests() {
  return new Set([...page.querySelectorAll(".consult-guest")].map((each) => each.id));
}

function refresh() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const lists = document.getElementById("consult");
    if (window.htmx && lists) htmx.trigger(lists, "desk-changed");
    else location.reload();
  }, PAUSE_MS);
}

/** New rows light up once; the waiting times are put in the page's language. */
function settle() {
  const now = guests();
  for (const id of now) if (!known.has(id)) document.getElementById(id).classList.add("is-new");
  known = now;
  tick();
}

const minutes = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "minute", unitDisplay: "long" });

function tick() {
  for (const time of page.querySelectorAll("[data-since]")) {
    const passed = Math.floor((Date.now() - new Date(time.dateTime)) / 60000);
    if (passed > 0) time.textContent = minutes.format(passed);
  }
}

// ---- telling -------------------------------------------------------------------------------------------------------

let audio = null;

function isSilent() {
  return localStorage.getItem(SOUND_KEY) === "1";
}

/** Browsers let a page sound only after somebody has touched it. */
function wakeAudio() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume();
}

function ring() {
  if (isSilent() || audio?.state !== "running") return;
  for (const [pitch, after] of [[784, 0], [1047, 0.16]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const begin = audio.currentTime + after;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, begin);
    volume.gain.exponentialRampToValueAtTime(0.18, begin + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.32);
  }
}

function announce(text) {
  const place = find("[data-announcer]");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}

/** A window of the system, when this page is not before anybody's eyes and the browser allows it. */
function show(text, tag) {
  if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
  const told = new Notification(text, { tag, icon: "/static/img/favicon.svg", lang: document.documentElement.lang });
  told.onclick = () => { window.focus(); told.close(); };
}

const WORDS = { "customer.registered": "new", "customer.asked": "asked", "customer.offered": "offered", "customer.escalated": "escalated" };

function tell(event) {
  const { type, data } = event;
  if (type === "notification") {
    const name = data.payload?.username || says.somebody;
    const text = (says[WORDS[data.kind]] || says.new).replace("{name}", name);
    ring();
    announce(text);
    show(text, `n${data.id}`);
    if (!document.hidden) send("POST", "/api/v1/notifications/read", { ids: [data.id] }).catch(() => {});
  } else if (type === "message") {
    ring();
    announce(says.message);
    show(says.message, `m${data.conversation_id}`);
  } else if (type === "claimed") {
    announce(says.claimed);
  }
}

// ---- hearing -------------------------------------------------------------------------------------------------------

let isLost = false;

function listen() {
  const source = new EventSource(`/api/v1/notifications/stream?after=${page.dataset.after}`);
  source.onopen = () => {
    // What happened without us is in the lists.
    if (isLost) { line(says.back); refresh(); }
    isLost = false;
  };
  source.onerror = () => {
    if (!isLost) line(says.lost);
    isLost = true;
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  };
  for (const name of NEWS) {
    source.addEventListener(name, (message) => {
      if (message.lastEventId) page.dataset.after = message.lastEventId;
      tell(JSON.parse(message.data));
      refresh();
    });
  }
  addEventListener("pagehide", () => source.close(), { once: true });
}

function beat() {
  send("POST", "/api/v1/presence", {}).catch(() => {});
}

// ---- Web Push ------------------------------------------------------------------------------------------------------

const canPush = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

function bytes(text) {
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (char) => char.charCodeAt(0));
}

const same = (one, other) => one && one.byteLength === other.byteLength && new Uint8Array(one).every((byte, place) => byte === other[place]);

function offer(isOn) {
  find("[data-push]").hidden = isOn;
  find("[data-push-off]").hidden = !isOn;
}

/** Subscribe with the shop's key, anew when that has changed, and let the shop know. */
async function subscribe() {
  const worker = await navigator.serviceWorker.register("/sw.js");
  const key = bytes((await (await fetch("/api/v1/push/key")).json()).public_key);
  let found = await worker.pushManager.getSubscription();
  if (found && !same(found.options.applicationServerKey, key)) {
    await found.unsubscribe();
    found = null;
  }
  found ??= await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const answer = await send("POST", "/api/v1/push/subscriptions", found.toJSON());
  if (!answer.ok) throw new Error(String(answer.status));
}

async function switchOn() {
  if ((await Notification.requestPermission()) !== "granted") return line(says.denied);
  if (!canPush) return line(says.failed);
  try {
    await subscribe();
    offer(true);
    line(says.told);
  } catch {
    line(says.failed);
  }
}

async function switchOff() {
  const worker = await navigator.serviceWorker.getRegistration("/");
  const found = await worker?.pushManager.getSubscription();
  if (found) {
    await send("DELETE", "/api/v1/push/subscriptions", { endpoint: found.endpoint });
    await found.unsubscribe();
  }
  offer(false);
  line(says.off);
}

async function prepare() {
  if (!("Notification" in window)) return;
  offer(false);
  if (!canPush || Notification.permission !== "granted") return;
  const worker = await navigator.serviceWorker.getRegistration("/");
  if (!(await worker?.pushManager.getSubscription())) return;
  // The shop may have forgotten it, or has another key by now.
  await subscribe().then(() => offer(true), () => {});
}

// ---- begin ---------------------------------------------------------------------------------------------------------

function showSound() {
  find("[data-sound]").setAttribute("aria-pressed", String(!isSilent()));
}

find("[data-sound]").addEventListener("click", () => {
  localStorage.setItem(SOUND_KEY, isSilent() ? "" : "1");
  showSound();
  wakeAudio();
  ring();
});
find("[data-push]").addEventListener("click", switchOn);
find("[data-push-off]").addEventListener("click", () => switchOff().catch(() => line(says.failed)));
addEventListener("pointerdown", wakeAudio, { once: true });
addEventListener("keydown", wakeAudio, { once: true });
document.addEventListener("htmx:after:swap", settle);
showSound();
tick();
setInterval(tick, CLOCK_MS);
setInterval(beat, BEAT_MS);
listen();
prepare();
