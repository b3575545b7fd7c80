// The microphone: hears, hands the words to the form, and speaks the answer. What is understood and done is the server's.

const Recognition = window.SpeechRecognition || window.webkitSpeechRecognition;
const STOP = /^(?:停|停止|停下|别说了|闭嘴|stop|stop it|be quiet)[。.!！]?$/i;
const MAX_RECORDING_MS = 20000;
// A recording ends by itself: this long after the last word, or when nobody has said anything for that long.
const PAUSE_MS = 1200;
const SILENCE_MS = 8000;
// How loud a word is at least (0 to 1), and how much louder than the room.
const LOUD = 0.02;
const LOUDER = 2.5;
const state = { voice: null, listening: null, recorder: null, free: false, held: false, opening: false, stopped: true };

const find = (selector) => state.voice?.querySelector(selector);

function tell(name) {
  const status = find("[data-voice-status]");
  if (status) status.textContent = state.voice.dataset[name] || "";
}

function show(text) {
  const interim = find("[data-voice-interim]");
  if (interim) interim.textContent = text;
}

function press(isOn) {
  find("[data-voice-mic]")?.setAttribute("aria-pressed", String(isOn));
}

/** Hand over what was heard, as if it had been written. Interim words never come here. */
function hand(text) {
  const said = text.trim();
  show("");
  if (STOP.test(said)) return stop();
  if (!said) return tell("nothing");
  const form = find("[data-voice-form]");
  form.elements.text.value = said;
  tell("thinking");
  form.requestSubmit();
}

// ---- hearing -----------------------------------------------------------------------------------------------------

function listen() {
  hush();
  state.stopped = false;
  if (Recognition) recognise();
  else if (state.voice.dataset.transcribe && navigator.mediaDevices) record();
}

function recognise() {
  if (state.listening) return;
  const hearing = new Recognition();
  let final = "";
  let failed = "";
  hearing.lang = state.voice.dataset.lang;
  hearing.interimResults = true;
  hearing.continuous = false;
  hearing.maxAlternatives = 1;
  hearing.onstart = () => { press(true); tell("listening"); };
  hearing.onresult = (event) => {
    const results = [...event.results];
    final = results.filter((each) => each.isFinal).map((each) => each[0].transcript).join("");
    show(final || results.map((each) => each[0].transcript).join(""));
  };
  hearing.onerror = (event) => { failed = event.error; };
  hearing.onend = () => {
    state.listening = null;
    press(false);
    if (state.stopped && !final) return show("");
    if (failed === "not-allowed" || failed === "service-not-allowed") return tell("denied");
    if (failed === "network" && state.voice.dataset.transcribe) return record();
    if (failed === "network") return tell("offline");
    hand(final);
  };
  state.listening = hearing;
  hearing.start();
}

async function record() {
  if (state.recorder || state.opening) return;
  let stream;
  state.opening = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    return tell("denied");
  } finally {
    state.opening = false;
  }
  // Somebody may have said stop, or closed the panel, while the browser asked for the microphone.
  if (state.stopped) return stream.getTracks().forEach((track) => track.stop());
  const pieces = [];
  const recorder = new MediaRecorder(stream);
  recorder.ondataavailable = (event) => pieces.push(event.data);
  let ears = null;
  recorder.onstop = async () => {
    ears?.close();
    stream.getTracks().forEach((track) => track.stop());
    state.recorder = null;
    press(false);
    if (state.stopped) return;
    if (ears && !ears.heard) return hand("");
    await transcribe(new Blob(pieces, { type: recorder.mimeType }));
  };
  state.recorder = recorder;
  recorder.start();
  press(true);
  tell("listening");
  const end = () => { if (recorder.state === "recording") recorder.stop(); };
  // While the space bar is held, the hand says when it is over.
  if (!state.held) ears = listenForPause(stream, end);
  setTimeout(end, MAX_RECORDING_MS);
}

/** Call `end` when somebody has spoken and paused, or has said nothing at all. Null where loudness cannot be measured. */
function listenForPause(stream, end) {
  if (!window.AudioContext) return null;
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const began = performance.now();
  let room = LOUD;
  let last = began;
  const ears = { heard: false, close: () => { clearInterval(timer); context.close(); } };
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const loudness = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
    const now = performance.now();
    if (loudness > Math.max(LOUD, room * LOUDER)) { ears.heard = true; last = now; }
    else room += (Math.max(loudness, 0.001) - room) * 0.05;
    if (now - last > (ears.heard ? PAUSE_MS : SILENCE_MS)) end();
  }, 50);
  return ears;
}

async function transcribe(audio) {
  tell("thinking");
  const body = new FormData();
  body.append("file", audio, "speech");
  body.append("language", state.voice.dataset.lang.slice(0, 2));
  try {
    const answer = await fetch("/v1/api/transcribe", { method: "POST", body, headers: headers() });
    if (!answer.ok) throw new Error(String(answer.status));
    hand((await answer.json()).text);
  } catch {
    tell("offline");
  }
}

function headers() {
  return { "X-CSRFToken": find("input[name=csrf_token]")?.value || "" };
}

/** End a recording or hearing that goes on; what was heard so far counts. */
function finish() {
  if (state.listening) state.listening.stop();
  if (state.recorder?.state === "recording") state.recorder.stop();
}

/** Stop everything: hearing, speaking, and going on by itself. */
function stop() {
  state.stopped = true;
  state.free = false;
  const free = find("[data-voice-free]");
  if (free) free.checked = false;
  state.listening?.abort();
  if (state.recorder?.state === "recording") state.recorder.stop();
  hush();
  press(false);
  show("");
  tell("stopped");
}

// ---- speaking ----------------------------------------------------------------------------------------------------

function hush() {
  window.speechSynthesis?.cancel();
  // What is broken off has no end that anybody waits for.
  if (state.audio) state.audio.onended = null;
  state.audio?.pause();
  state.audio = null;
}

async function speak(text, lang, then) {
  tell("speaking");
  const synthesis = window.speechSynthesis;
  const voices = synthesis?.getVoices() || [];
  const voice = voices.find((each) => each.lang.toLowerCase().startsWith(lang.slice(0, 2).toLowerCase()));
  // A browser without a voice for the language is mute, or reads it out letter by letter: then the server speaks.
  if (!voice && state.voice.dataset.transcribe && (await play(text, then))) return;
  if (!synthesis || !window.SpeechSynthesisUtterance) return then();
  const saying = new SpeechSynthesisUtterance(text);
  saying.lang = lang;
  if (voice) saying.voice = voice;
  // Some synthesisers never say that they have ended.
  const patience = setTimeout(() => saying.onend?.(), 4000 + text.length * 300);
  saying.onend = saying.onerror = () => {
    clearTimeout(patience);
    saying.onend = saying.onerror = null;
    then();
  };
  synthesis.speak(saying);
}

async function play(text, then) {
  try {
    const answer = await fetch("/v1/api/speak", {
      method: "POST", body: JSON.stringify({ text }), headers: { ...headers(), "Content-Type": "application/json" },
    });
    if (!answer.ok) return false;
    state.audio = new Audio(URL.createObjectURL(await answer.blob()));
    state.audio.onended = then;
    state.audio.onerror = then;
    await state.audio.play();
    return true;
  } catch {
    return false;
  }
}

function answered(exchange) {
  const log = find("#voice-log");
  // Only the newest question can be answered.
  for (const form of log.querySelectorAll("[data-voice-confirm]")) if (!exchange.contains(form)) form.remove();
  log.scrollTop = log.scrollHeight;
  const field = find("[data-voice-form]").elements.text;
  field.value = "";
  if (state.stopped) return tell("ready");
  speak(exchange.dataset.speak, exchange.lang, () => {
    tell("ready");
    if (state.free && !state.stopped) listen();
  });
}

// ---- the panel ---------------------------------------------------------------------------------------------------

function adopt() {
  const voice = document.querySelector("[data-voice]");
  if (!voice || voice === state.voice) return;
  state.voice = voice;
  // Browsers load their voices when they are first asked for them.
  window.speechSynthesis?.getVoices();
  const canRecord = voice.dataset.transcribe && window.MediaRecorder && navigator.mediaDevices;
  if (!Recognition && !canRecord) {
    find(".voice-controls").hidden = true;
    tell("none");
  } else {
    tell("ready");
  }
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node.matches?.(".voice-exchange")) answered(node);
  }).observe(find("#voice-log"), { childList: true });
}

function open(event) {
  const panel = document.getElementById("voice");
  if (!panel?.showModal || document.querySelector("main [data-voice]") || !window.htmx) return;
  event.preventDefault();
  panel.showModal();
  htmx.trigger(document.getElementById("voice-body"), "voice:open");
}

function toggle() {
  if (state.listening || state.recorder) finish();
  else listen();
}

document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  if (event.target.closest("[data-voice-open]")) open(event);
  else if (event.target.closest("[data-voice-close]")) document.getElementById("voice").close();
  else if (event.target.closest("[data-voice-mic]") && !state.held) toggle();
});
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-voice-free]")) state.free = event.target.checked;
});
// Push to talk: as long as the space bar is down on the button.
document.addEventListener("keydown", (event) => {
  if (event.code !== "Space" || event.repeat || !event.target.matches?.("[data-voice-mic]")) return;
  event.preventDefault();
  state.held = true;
  listen();
});
document.addEventListener("keyup", (event) => {
  if (event.code !== "Space" || !state.held) return;
  event.preventDefault();
  state.held = false;
  finish();
});
document.getElementById("voice")?.addEventListener("close", stop);
document.addEventListener("htmx:after:swap", adopt);
new MutationObserver(adopt).observe(document.body, { childList: true, subtree: true });
adopt();
