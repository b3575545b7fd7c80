// The consultants' conversation page: signs of life while it is open, and canned replies that go into the field to be changed.

const BEAT_MS = 20000;

function beat() {
  const token = document.querySelector("input[name=csrf_token]")?.value ?? "";
  const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
  fetch("/api/v1/presence", { method: "POST", headers, body: "{}" }).catch(() => {});
}

setInterval(beat, BEAT_MS);

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-insert]") : null;
  const field = document.getElementById("chat-content");
  if (!button || !field) return;
  field.value = field.value.trim() ? `${field.value.trimEnd()}\n${button.dataset.insert}` : button.dataset.insert;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
