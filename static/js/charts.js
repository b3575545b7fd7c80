// Charts of the console: <div class="chart" data-chart='{"kind": "bar|line|stacked|waterfall", "title": "...", "categories": [...],
// "series": [{"name": "...", "values": [1, null, ...]}], "unit": "..."}'></div>. The page has the same figures in a table,
// so that without JavaScript, or when the library's host is away, nothing is lost: the empty place is hidden then.

const COLOURS = ["--accent", "--warm", "--info", "--wait", "--ink-3", "--ok", "--danger"];
const still = matchMedia("(prefers-reduced-motion: reduce)");
const drawn = new Map();

const numbers = new Intl.NumberFormat(document.documentElement.lang || undefined, { maximumFractionDigits: 4 });
const short = new Intl.NumberFormat(document.documentElement.lang || undefined, { notation: "compact", maximumFractionDigits: 1 });

function tokens() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}

function seriesOf(data, token) {
  const isLine = data.kind === "line";
  return data.series.map((each, index) => ({
    name: each.name,
    type: isLine ? "line" : "bar",
    data: each.values,
    stack: data.kind === "stacked" ? "all" : undefined,
    barMaxWidth: 28,
    // One value has no line to its neighbour: its point must be seen.
    showSymbol: data.categories.length < 32,
    symbolSize: 5,
    lineStyle: { width: 2 },
    itemStyle: { color: token(COLOURS[index % COLOURS.length]) },
  }));
}

/** From the first value over what each step did to the last: the steps float at the level that was reached. */
function waterfallOf(data, token) {
  const values = data.series[0].values;
  const last = values.length - 1;
  let level = 0;
  const steps = values.map((value, index) => {
    const from = index === 0 || index === last ? 0 : level;
    level = index === last ? value : from + value;
    return { low: Math.min(from, level), size: Math.abs(level - from), isWhole: index === 0 || index === last, value };
  });
  const ends = steps.flatMap((step) => (step.isWhole ? [step.value] : [step.low, step.low + step.size]));
  const [lowest, highest] = [Math.min(...ends), Math.max(...ends)];
  const colourOf = (step) => token(step.isWhole ? "--ink-3" : step.value < 0 ? "--warm" : "--accent");
  return {
    // The steps are small beside the whole: the axis begins a little below the lowest of them.
    min: lowest > 0 ? Math.max(0, lowest - (highest - lowest) * 0.6) : undefined,
    series: [
      { type: "bar", stack: "fall", silent: true, barMaxWidth: 36, itemStyle: { color: "transparent" }, data: steps.map((step) => step.low) },
      { type: "bar", stack: "fall", name: data.series[0].name, barMaxWidth: 36, data: steps.map((step) => ({ value: step.size, itemStyle: { color: colourOf(step) } })) },
    ],
    said: (points) => `${points[0].name}: ${numbers.format(values[points[0].dataIndex])}${data.unit ? ` ${data.unit}` : ""}`,
  };
}

function optionOf(data, token) {
  const text = { color: token("--ink-2"), fontFamily: token("--sans") };
  const unit = data.unit ? ` ${data.unit}` : "";
  const fall = data.kind === "waterfall" ? waterfallOf(data, token) : null;
  return {
    animation: !still.matches,
    animationDuration: 180,
    textStyle: text,
    title: { text: data.unit ? `${data.title} (${data.unit})` : data.title, left: 0, top: 0, textStyle: { ...text, color: token("--ink"), fontSize: 14, fontWeight: 600 } },
    legend: { show: data.series.length > 1, type: "scroll", left: 0, top: 26, itemWidth: 14, itemHeight: 8, textStyle: text, pageTextStyle: text },
    grid: { left: 4, right: 12, top: data.series.length > 1 ? 62 : 40, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      // HTML tips would bring style attributes, which the page's content policy refuses.
      renderMode: "richText",
      confine: true,
      backgroundColor: token("--raised"),
      borderColor: token("--line-2"),
      textStyle: { ...text, color: token("--ink"), fontSize: 13 },
      formatter: fall?.said,
      valueFormatter: (value) => (value === null || value === undefined || value === "-" ? "–" : numbers.format(value) + unit),
    },
    xAxis: {
      type: "category",
      data: data.categories,
      axisLine: { lineStyle: { color: token("--line-2") } },
      axisTick: { show: false },
      axisLabel: { ...text, fontSize: 12, hideOverlap: true },
    },
    yAxis: {
      type: "value",
      splitNumber: 4,
      min: fall?.min,
      splitLine: { lineStyle: { color: token("--line") } },
      axisLabel: { ...text, fontSize: 12, formatter: (value) => short.format(value) },
    },
    series: fall ? fall.series : seriesOf(data, token),
  };
}

/** What a screen reader hears instead of the picture; the values are in the table beside it. */
function describe(element, data) {
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", `${data.title}: ${data.series.map((each) => each.name).join(", ")}`);
}

function draw(element) {
  const data = JSON.parse(element.dataset.chart);
  const chart = drawn.get(element) ?? echarts.init(element);
  if (!drawn.has(element)) {
    drawn.set(element, chart);
    sizes.observe(element);
  }
  chart.setOption(optionOf(data, tokens()), true);
  describe(element, data);
}

const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) drawn.get(target)?.resize();
});

function forgetRemoved() {
  for (const [element, chart] of drawn) {
    if (element.isConnected) continue;
    sizes.unobserve(element);
    chart.dispose();
    drawn.delete(element);
  }
}

function drawAll() {
  forgetRemoved();
  for (const element of document.querySelectorAll(".chart[data-chart]")) {
    if (!window.echarts) element.hidden = true;
    else if (!drawn.has(element)) draw(element);
  }
}

/** The theme has changed: the same charts in the other colours, once the style sheet applies. */
function redraw() {
  requestAnimationFrame(() => drawn.forEach((_chart, element) => draw(element)));
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
document.addEventListener("htmx:after:swap", drawAll);
if (document.readyState === "complete") drawAll();
else addEventListener("load", drawAll);
