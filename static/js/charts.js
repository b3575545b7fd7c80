// Charts of the console: <div class="chart" data-chart='{"kind": "bar|line|stacked|rows|share|waterfall", "title": "...",
// "categories": [...], "series": [{"name": "...", "values": [1, null, ...], "dashed": true}], "unit": "..."}'></div>. `rows` are
// bars that lie, `share` slices of one series, `waterfall` a start, steps and an end. The page has the same figures in a table,
// so that without JavaScript, or when the library's host is away, nothing is lost: the empty place is hidden then.

const COLOURS = ["--accent", "--warm", "--info", "--wait", "--ink-3", "--ok", "--danger"];
const still = matchMedia("(prefers-reduced-motion: reduce)");
const drawn = new Map();
// Below this many pixels words beside a picture need its room.
const NARROW = 480;

const numbers = new Intl.NumberFormat(document.documentElement.lang || undefined, { maximumFractionDigits: 4 });
const short = new Intl.NumberFormat(document.documentElement.lang || undefined, { notation: "compact", maximumFractionDigits: 1 });

function tokens() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}

function seriesOf(data, token, isNarrow) {
  if (data.kind === "share") return [slicesOf(data, token, isNarrow)];
  if (data.kind === "waterfall") return stepsOf(data, token);
  const isLine = data.kind === "line";
  return data.series.map((each, index) => ({
    name: each.name,
    type: isLine ? "line" : "bar",
    data: each.values,
    stack: data.kind === "stacked" ? "all" : undefined,
    barMaxWidth: data.kind === "rows" ? 16 : 28,
    // One value has no line to its neighbour: its point must be seen.
    showSymbol: data.categories.length < 32,
    symbolSize: 5,
    lineStyle: { width: each.dashed ? 1.5 : 2, type: each.dashed ? "dashed" : "solid" },
    itemStyle: { color: token(each.dashed ? "--ink-3" : COLOURS[index % COLOURS.length]), opacity: each.dashed && !isLine ? 0.45 : 1 },
  }));
}

/** Parts of a whole; their names and per cents stand beside them, so that no colour has to be looked up. */
function slicesOf(data, token, isNarrow) {
  return {
    name: data.series[0].name,
    type: "pie",
    radius: isNarrow ? ["30%", "50%"] : ["42%", "66%"],
    center: ["50%", "56%"],
    data: data.categories.map((name, index) => ({ name, value: data.series[0].values[index] })),
    color: COLOURS.map((name) => token(name)),
    itemStyle: { borderColor: token("--card"), borderWidth: 2 },
    label: { color: token("--ink-2"), fontFamily: token("--sans"), formatter: "{b}\n{d}%", ...(isNarrow ? { alignTo: "edge", edgeDistance: 2, fontSize: 11 } : {}) },
    labelLayout: { hideOverlap: true },
    labelLine: { lineStyle: { color: token("--line-2") } },
  };
}

/** From the first value by the steps to the last: each bar stands on what was before it. */
function stepsOf(data, token) {
  const values = data.series[0].values;
  const last = values.length - 1;
  let level = 0;
  const bars = values.map((value, index) => {
    if (index === 0 || index === last) return { low: 0, high: (level = value), colour: "--ink-3" };
    const from = level;
    level += value;
    return { low: Math.min(from, level), high: Math.max(from, level), colour: value < 0 ? "--warm" : "--accent" };
  });
  const shown = (value, index) => (index > 0 && index < last && value > 0 ? "+" : "") + (Math.abs(value) < 1000 ? numbers.format(Number(value.toPrecision(3))) : short.format(value));
  return [
    { type: "bar", stack: "steps", silent: true, itemStyle: { color: "transparent" }, tooltip: { show: false }, data: bars.map((bar) => bar.low) },
    {
      name: data.series[0].name,
      type: "bar",
      stack: "steps",
      barMaxWidth: 18,
      data: bars.map((bar, index) => ({ value: bar.high - bar.low, told: values[index], itemStyle: { color: token(bar.colour) } })),
      labelLayout: { hideOverlap: true },
      label: { show: true, position: "right", fontSize: 11, color: token("--ink-2"), formatter: ({ dataIndex }) => shown(values[dataIndex], dataIndex) },
    },
  ];
}

const MONEY = "¥";

/** A value with its unit: money before it, everything else behind it. */
function withUnit(text, unit) {
  if (!unit) return text;
  if (unit === MONEY) return text.startsWith("-") ? `-${MONEY}${text.slice(1)}` : MONEY + text;
  return unit === "%" ? text + unit : `${text} ${unit}`;
}

/** The smallest and largest value of a waterfall's levels, so that small steps on a large start can be seen. */
function bottomOf(data) {
  const values = data.series[0].values;
  const levels = [values[0]];
  values.slice(1, -1).forEach((value) => levels.push(levels.at(-1) + value));
  levels.push(values.at(-1));
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  return low > 0 && high - low < high / 2 ? Math.max(0, low - (high - low)) : undefined;
}

function optionOf(data, token, isNarrow) {
  const text = { color: token("--ink-2"), fontFamily: token("--sans") };
  const lies = data.kind === "rows" || data.kind === "waterfall";
  const names = {
    type: "category",
    data: data.categories,
    inverse: lies,
    axisLine: { lineStyle: { color: token("--line-2") } },
    axisTick: { show: false },
    axisLabel: { ...text, fontSize: 12, hideOverlap: !lies, interval: lies ? 0 : "auto", width: lies ? 110 : undefined, overflow: lies ? "truncate" : undefined },
  };
  const values = {
    type: "value",
    splitNumber: lies ? 3 : 4,
    scale: false,
    min: data.kind === "waterfall" ? bottomOf(data) : undefined,
    splitLine: { lineStyle: { color: token("--line") } },
    axisLabel: { ...text, fontSize: 12, hideOverlap: true, formatter: (value) => short.format(value) },
  };
  const hasAxes = data.kind !== "share";
  return {
    animation: !still.matches,
    animationDuration: 180,
    textStyle: text,
    title: { text: data.unit ? `${data.title} (${data.unit})` : data.title, width: 340, overflow: "truncate", left: 0, top: 0, textStyle: { ...text, color: token("--ink"), fontSize: 14, fontWeight: 600 } },
    legend: { show: data.series.length > 1 && hasAxes, type: "scroll", left: 0, top: 26, itemWidth: 14, itemHeight: 8, textStyle: text, pageTextStyle: text },
    grid: { left: 4, right: data.kind === "waterfall" ? 44 : 12, top: data.series.length > 1 ? 62 : 40, bottom: 4, containLabel: true },
    tooltip: {
      trigger: hasAxes ? "axis" : "item",
      // HTML tips would bring style attributes, which the page's content policy refuses.
      renderMode: "richText",
      confine: true,
      backgroundColor: token("--raised"),
      borderColor: token("--line-2"),
      textStyle: { ...text, color: token("--ink"), fontSize: 13 },
      formatter: data.kind === "waterfall" ? (points) => toldOf(data, points) : undefined,
      valueFormatter: (value) => (value === null || value === undefined || value === "-" ? "–" : withUnit(numbers.format(value), data.unit)),
    },
    xAxis: hasAxes ? (lies ? values : names) : undefined,
    yAxis: hasAxes ? (lies ? names : values) : undefined,
    series: seriesOf(data, token, isNarrow),
  };
}

/** A waterfall's bar is as high as its step is large; what is told is the step itself. */
function toldOf(data, points) {
  const { dataIndex } = points[0];
  return `${data.categories[dataIndex]}  ${withUnit(numbers.format(data.series[0].values[dataIndex]), data.unit)}`;
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
  chart.setOption(optionOf(data, tokens(), element.clientWidth < NARROW), true);
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
