// The consultants' conversation page: a canned reply goes into the field, to be changed before it is sent.

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-insert]") : null;
  const field = document.getElementById("chat-content");
  if (!button || !field) return;
  field.value = field.value.trim() ? `${field.value.trimEnd()}\n${button.dataset.insert}` : button.dataset.insert;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
});
