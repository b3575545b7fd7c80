// Focus, menus, dialogs, toasts, steppers, the theme. Every page works without it; nothing of the business lives here.

const TOAST_MS = 6000;
const THEME_SECONDS = 31_536_000;

/** The closest element to an event's target that matches `selector`, or null. */
const hit = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

// ---- theme -----------------------------------------------------------------------------------------------------

const DARK_MEDIA = { dark: "all", light: "not all", "": "(prefers-color-scheme: dark)" };

function chooseTheme(theme) {
  document.getElementById("dark-theme").media = DARK_MEDIA[theme];
  document.documentElement.toggleAttribute("data-theme", Boolean(theme));
  if (theme) document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme};path=/;max-age=${theme ? THEME_SECONDS : 0};samesite=lax`;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  }
}

// ---- menus (<details class="menu">) ----------------------------------------------------------------------------

function closeMenus(except = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

// ---- toasts ----------------------------------------------------------------------------------------------------

function dismiss(toast) {
  toast.classList.add("is-leaving");
  setTimeout(() => toast.remove(), 200);
}

/** Let a toast leave by itself, but not while somebody reads it or it reports a failure. */
function scheduleToast(toast) {
  if (toast.classList.contains("toast-danger")) return;
  let timer = setTimeout(() => dismiss(toast), TOAST_MS);
  const hold = () => clearTimeout(timer);
  const release = () => { timer = setTimeout(() => dismiss(toast), TOAST_MS / 2); };
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("pointerleave", release);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("focusout", release);
}

/** Show one of the page's own messages (a <template> with the given id) once. */
function showTemplateToast(id) {
  const region = document.getElementById("toasts");
  if (region.querySelector(`[data-from="${id}"]`)) return;
  const toast = document.getElementById(id).content.firstElementChild.cloneNode(true);
  toast.dataset.from = id;
  region.append(toast);
}

function watchToasts() {
  const region = document.getElementById("toasts");
  region.querySelectorAll("[data-toast]").forEach(scheduleToast);
  new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (node instanceof Element && node.matches("[data-toast]")) scheduleToast(node);
    }
  }).observe(region, { childList: true });
}

// ---- questions before an action (hx-confirm) -------------------------------------------------------------------

/** Ask `question` in the page's own dialog; resolves to true on yes. */
function ask(question) {
  const dialog = document.getElementById("confirm-dialog");
  document.getElementById("confirm-dialog-text").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!ctx.confirm) return;
  event.preventDefault();
  ask(ctx.confirm).then((yes) => (yes ? issueRequest() : dropRequest()));
});

// The shop's own errors bring a message of their own (HX-Retarget); a proxy's 502 page does not.
document.addEventListener("htmx:response:error", (event) => {
  const { response, hx } = event.detail.ctx;
  if (response.status >= 500 && !hx?.retarget) showTemplateToast("toast-failed");
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.error instanceof TypeError) showTemplateToast("toast-offline");
});

// ---- quantity ---------------------------------------------------------------------------------------------------

function updateStepper(stepper) {
  const input = stepper.querySelector("input");
  const value = Number(input.value);
  for (const button of stepper.querySelectorAll("[data-step]")) {
    const next = value + Number(button.dataset.step);
    button.disabled = next < Number(input.min) || next > Number(input.max);
  }
}

function step(button) {
  const stepper = button.closest("[data-stepper]");
  const input = stepper.querySelector("input");
  const wanted = Number(input.value) + Number(button.dataset.step);
  input.value = String(Math.min(Number(input.max), Math.max(Number(input.min), wanted)));
  updateStepper(stepper);
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// ---- small things -----------------------------------------------------------------------------------------------

function reveal(button) {
  const input = document.getElementById(button.dataset.reveal);
  const show = input.type === "password";
  input.type = show ? "text" : "password";
  button.setAttribute("aria-pressed", String(show));
}

/** Copy the text of `data-copy`'s field; where the browser refuses (plain http), it is chosen, ready to be copied. */
async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  field.select?.();
  try {
    await navigator.clipboard.writeText(field.value ?? field.textContent);
  } catch {
    return;
  }
  const label = button.textContent;
  if (label === button.dataset.copied) return;
  button.textContent = button.dataset.copied;
  setTimeout(() => (button.textContent = label), 2000);
}

/** Write the time left until `data-countdown` (ISO 8601) once a second: "4:52". */
function tickCountdowns() {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const seconds = Math.max(0, Math.round((new Date(element.dataset.countdown) - Date.now()) / 1000));
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const label = element.dataset.countdownLabel || "{time}";
    element.textContent = seconds ? label.replace("{time}", clock) : element.dataset.countdownEnd || "0:00";
    if (!seconds) {
      element.removeAttribute("data-countdown");
      element.dispatchEvent(new CustomEvent("countdown:end", { bubbles: true }));
    }
  }
}

document.addEventListener("click", (event) => {
  closeMenus(hit(event, "details.menu"));
  const choice = hit(event, "[data-theme-choice]");
  if (choice) chooseTheme(choice.dataset.themeChoice);
  const stepButton = hit(event, "[data-step]");
  if (stepButton) step(stepButton);
  const revealButton = hit(event, "[data-reveal]");
  if (revealButton) reveal(revealButton);
  const copyButton = hit(event, "[data-copy]");
  if (copyButton) copy(copyButton);
  const opener = hit(event, "[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (hit(event, "[data-dismiss]")) dismiss(hit(event, "[data-toast]"));
  if (hit(event, "[data-confirm]")) hit(event, "dialog").close("yes");
  if (hit(event, "[data-close]")) hit(event, "dialog")?.close("no");
  // A click on the dialog element itself can only be on its backdrop: the content fills it.
  if (event.target instanceof HTMLDialogElement) event.target.close("no");
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("change", (event) => {
  const stepper = hit(event, "[data-stepper]");
  if (stepper) updateStepper(stepper);
  hit(event, "[data-autosubmit]")?.requestSubmit();
});

watchToasts();
tickCountdowns();
setInterval(tickCountdowns, 1000);
