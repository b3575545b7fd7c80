// The desk: keys, following running answers, sorting tables. What is said and shown comes from the server (hx-sse).

// Without htmx (its host is away) a running answer is followed by reloading.
const RELOAD_MS = 3000;

const hit = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

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

// ---- tables --------------------------------------------------------------------------------------------------------

const words = new Intl.Collator(document.documentElement.lang || undefined, { numeric: true });

/** The heads of a table become buttons, once. */
function makeSortable(table) {
  if (table.dataset.sortable === "ready") return;
  table.dataset.sortable = "ready";
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "report-sort";
    button.append(...head.childNodes);
    head.append(button);
  }
}

/** Cells of one column: figures by value (nothing comes last), the rest as words. */
function compare(place, isNumber, direction) {
  const valueOf = (row) => row.cells[place].dataset.sort;
  return (one, other) => {
    if (!isNumber) return direction * words.compare(one.cells[place].textContent, other.cells[place].textContent);
    const [first, second] = [valueOf(one), valueOf(other)];
    if (first === "" || second === "") return (first === "") - (second === "");
    return direction * (Number(first) - Number(second));
  };
}

function sortBy(button) {
  const head = button.closest("th");
  const table = head.closest("table");
  const isNumber = head.classList.contains("num");
  const was = head.getAttribute("aria-sort");
  // Figures begin with the largest, words with the first.
  const isAscending = was ? was === "descending" : !isNumber;
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", isAscending ? "ascending" : "descending");
  const rows = [...table.tBodies[0].rows];
  table.tBodies[0].append(...rows.sort(compare(head.cellIndex, isNumber, isAscending ? 1 : -1)));
}

// ---- the field ------------------------------------------------------------------------------------------------------

/** Enter sends, Shift+Enter breaks the line, and an Enter that ends the composition of a word does neither. */
function sendOnEnter(event) {
  const field = hit(event, "[data-send-on-enter]");
  if (!field || event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if (field.value.trim()) field.form.requestSubmit(field.form.querySelector("button.button-primary"));
}

let sending = "";

/** A sentence was taken: empty the field and show its answer, which is on top. */
function afterAsking() {
  const field = document.getElementById("desk-query");
  // What was typed meanwhile is the next sentence.
  if (field && field.value === sending) field.value = "";
  document.querySelector(".desk-exchange")?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", sendOnEnter);
document.addEventListener("submit", (event) => {
  if (hit(event, "#desk-ask")) sending = document.getElementById("desk-query").value;
}, true);
document.addEventListener("desk-asked", afterAsking);
document.addEventListener("click", (event) => {
  const button = hit(event, ".report-sort");
  if (button) sortBy(button);
});

function refresh() {
  followAnswers();
  document.querySelectorAll("table[data-sortable]").forEach(makeSortable);
}

document.addEventListener("htmx:after:swap", refresh);
if (document.readyState === "complete") refresh();
else addEventListener("load", refresh);
