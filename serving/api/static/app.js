// The page: reads the API, draws charts and tables, and keeps its state in the address.
const LW = window.LightweightCharts;
const $ = (id) => document.getElementById(id);
const INTERVALS = { "1min": "1m", "5min": "5m", "15min": "15m", "30min": "30m", "60min": "1h", "1day": "1d" };
const VIEWS = ["chart", "compare", "heatmap", "questions", "health"];
const COLOURS = ["#4f9cf0", "#f2a33a", "#9a7af0", "#2bb39a", "#ef6461", "#d874c0", "#8fbf3f", "#4cc3d9", "#c98d5a", "#9aa7b3"];
const OVERLAYS = {
  sma: { text: "SMA", lines: { sma_5: "#f2a33a", sma_20: "#4f9cf0" } },
  ema: { text: "EMA", lines: { ema_12: "#d874c0", ema_26: "#9a7af0" } },
  bollinger: { text: "Bollinger", lines: { bollinger_upper: "#7f93a6", bollinger_middle: "#7f93a6", bollinger_lower: "#7f93a6" } },
  vwap: { text: "VWAP", lines: { vwap: "#c9b23a" } },
  marks: { text: "Signals" },
  shade: { text: "Pre/post" },
};
const ZONES = { "24/7": "UTC", "24/5": "America/New_York", XLON: "Europe/London", XETR: "Europe/Berlin" };
// the state and the drawn series, which the tests read too; `ready` counts the draws, `pageRows` are the rows of a response
const page = (window.page = { state: {}, symbols: [], series: [], drawn: {}, ready: 0, pageRows: 20000 });

class ApiError extends Error {}
async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value != null));
  const response = await fetch(`/v1/${path}?${query}`).catch(() => { throw new ApiError("cannot reach the server: reload the page"); });
  const body = await response.json();
  if (!response.ok) throw new ApiError(body.detail);
  return body;
}
// every row of a path as objects, over as many pages as it has
async function getAll(path, parameters = {}) {
  const all = [];
  for (let cursor = ""; cursor != null;) {
    const response = await get(path, { ...parameters, limit: page.pageRows, cursor });
    all.push(...rows(response));
    cursor = response.next_cursor;
  }
  return all;
}
// the rows of a columnar response, as objects
function rows(response, isReversed = false) {
  const names = Object.keys(response.columns);
  const objects = Array.from({ length: response.count }, (_, i) => Object.fromEntries(names.map((name) => [name, response.columns[name][i]])));
  return isReversed ? objects.reverse() : objects;
}
function createElement(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name.startsWith("on") ? node.addEventListener(name.slice(2), value) : node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const formatSigned = (value, digits = 2) => (value == null ? "–" : `${value > 0 ? "+" : ""}${value.toFixed(digits)}`);
const toneClass = (value) => (value > 0 ? "up" : value < 0 ? "down" : "dim");
const formatPrice = (value) => (value == null ? "–" : value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: value < 2 ? 4 : 2 }));
const formatCompact = (value) => Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);

// ---- state in the address
function readState() {
  const query = new URLSearchParams(location.search);
  const saved = query.get("theme") || localStorage.getItem("theme");
  return {
    view: VIEWS.includes(query.get("view")) ? query.get("view") : "chart",
    symbol: (query.get("symbol") || "").toUpperCase(),
    interval: INTERVALS[query.get("interval")] ? query.get("interval") : "",
    overlays: (query.get("overlays") ?? "sma,marks,shade").split(",").filter((name) => OVERLAYS[name]),
    with: (query.get("with") || "").split(",").filter(Boolean),
    theme: ["dark", "light"].includes(saved) ? saved : matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark",
  };
}
function navigate(change, isNew = true) {
  Object.assign(page.state, change);
  const { view, symbol, interval, overlays, with: others } = page.state;
  const query = new URLSearchParams({ view, symbol, interval, overlays: overlays.join(","), ...(others.length ? { with: others.join(",") } : {}) });
  history[isNew ? "pushState" : "replaceState"](null, "", `?${query}`);
  return render();
}

// ---- times: the chart library shows UTC, so it gets the exchange's wall time as if it were UTC
const offsets = new Map();
function wallTime(text, zone) {
  if (text.length === 10) return text;
  const seconds = Date.parse(text) / 1000;
  const key = `${zone}${Math.floor(seconds / 3600)}`;
  if (!offsets.has(key)) {
    const parts = Object.fromEntries(new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" }).formatToParts(seconds * 1000).map((part) => [part.type, Number(part.value)]));
    offsets.set(key, Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute) / 1000 - Math.floor(seconds / 60) * 60);
  }
  return seconds + offsets.get(key);
}

// ---- charts
function cssVariable(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
function createChart(box, options = {}) {
  box.replaceChildren();
  return LW.createChart(box, {
    autoSize: true,
    layout: { background: { color: cssVariable("--panel") }, textColor: cssVariable("--dim"), panes: { separatorColor: cssVariable("--line") }, fontFamily: "system-ui, 'DejaVu Sans', sans-serif" },
    grid: { vertLines: { color: cssVariable("--line") }, horzLines: { color: cssVariable("--line") } },
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.02, borderColor: cssVariable("--line") },
    rightPriceScale: { borderColor: cssVariable("--line") },
    crosshair: { mode: LW.CrosshairMode.Normal },
    ...options,
  });
}
let priceChart = null;
async function drawChart() {
  const { symbol, interval, overlays } = page.state;
  const isDaily = interval === "1day";
  const details = page.symbols.find((row) => row.symbol === symbol);
  const zone = ZONES[details?.mic] || "America/New_York";
  const timeColumn = isDaily ? "session_date" : "bar_start_at";
  const parameters = { symbol, order: "desc", limit: page.pageRows, ...(isDaily ? {} : { interval }) };
  const barsPath = isDaily ? "daily/adjusted" : "bars/adjusted";
  const empty = { count: 0, columns: {} };
  const [barsResponse, averages, indicators, spikes] = await Promise.all([
    get(barsPath, { ...parameters, columns: `${timeColumn},open,high,low,close,volume${isDaily ? "" : ",session"}` }),
    get(isDaily ? "daily/indicators" : "moving-averages", parameters),
    isDaily || !overlays.some((name) => ["ema", "bollinger", "vwap"].includes(name)) ? empty : get("indicators", parameters),
    isDaily || !overlays.includes("marks") ? empty : get("volume-spikes", { ...parameters, volume_spike: "SPIKE" }),
  ]);
  const bars = rows(barsResponse, true).map((row) => ({ ...row, time: wallTime(row[timeColumn], zone) }));
  priceChart?.remove();
  priceChart = createChart($("chart"));
  $("empty").hidden = bars.length > 0;
  $("empty").textContent = `No ${INTERVALS[interval]} bars of ${symbol} in this release.`;
  $("title").replaceChildren(`${symbol} `, createElement("small", {}, `${details?.name ?? ""} · ${INTERVALS[interval]} · split-adjusted · times of ${isDaily ? "sessions" : zone}${barsResponse.next_cursor ? ` · newest ${bars.length.toLocaleString("en")} bars` : ""}`));
  const up = cssVariable("--up"), down = cssVariable("--down");
  const candles = priceChart.addSeries(LW.CandlestickSeries, { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
  candles.setData(bars.map(({ time, open, high, low, close }) => ({ time, open, high, low, close })));
  const volume = priceChart.addSeries(LW.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false }, 1);
  volume.setData(bars.map(({ time, open, close, volume: value }) => ({ time, value: value ?? 0, color: `${close < open ? down : up}aa` })));
  priceChart.panes()[1].setStretchFactor(0.28);
  page.drawn = { symbol, interval, candles, volume, lines: {}, marks: null, shade: null };
  const byTime = new Map(bars.map((row) => [row[timeColumn], row]));
  if (overlays.includes("shade") && !isDaily) {
    const tint = "#4f9cf01c";
    const shade = priceChart.addSeries(LW.AreaSeries, { priceScaleId: "shade", lineVisible: false, topColor: tint, bottomColor: tint, lineType: LW.LineType.WithSteps, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
    priceChart.priceScale("shade").applyOptions({ scaleMargins: { top: 0, bottom: 0 }, visible: false });
    shade.setData(bars.map(({ time, session }) => ({ time, value: ["pre", "post", "closed"].includes(session) ? 1 : 0 })));
    page.drawn.shade = shade;
  }
  // the lines of a mart are in the shares of their day: adjust them as the bars are
  for (const name of overlays) {
    for (const [column, color] of Object.entries(OVERLAYS[name].lines ?? {})) {
      const source = [averages, indicators].find((response) => column in response.columns);
      if (!source) continue;
      const series = priceChart.addSeries(LW.LineSeries, { color, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
      series.setData(rows(source, true).filter((row) => byTime.has(row[timeColumn])).map((row) => {
        const bar = byTime.get(row[timeColumn]);
        return row[column] == null ? { time: bar.time } : { time: bar.time, value: (row[column] * bar.close) / row.close };
      }));
      page.drawn.lines[column] = series;
    }
  }
  if (overlays.includes("marks")) {
    const crossovers = rows(averages, true).filter((row) => ["BUY", "SELL"].includes(row.crossover) && byTime.has(row[timeColumn]));
    const volumeSpikes = rows(isDaily ? averages : spikes, true).filter((row) => row.volume_spike === "SPIKE" && byTime.has(row[timeColumn]));
    const marks = [
      ...crossovers.map((row) => ({ time: byTime.get(row[timeColumn]).time, position: row.crossover === "BUY" ? "belowBar" : "aboveBar", shape: row.crossover === "BUY" ? "arrowUp" : "arrowDown", color: row.crossover === "BUY" ? up : down, id: row.crossover })),
      ...volumeSpikes.map((row) => ({ time: byTime.get(row[timeColumn]).time, position: "aboveBar", shape: "circle", color: "#c9b23a", size: 0.6, id: "SPIKE" })),
    ].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    page.drawn.marks = LW.createSeriesMarkers(candles, marks);
  }
  const byChartTime = new Map(bars.map((row, i) => [JSON.stringify(row.time), { ...row, previous: bars[i - 1]?.close }]));
  const drawLegend = (time) => {
    const row = (time && byChartTime.get(typeof time === "object" ? JSON.stringify(`${time.year}-${String(time.month).padStart(2, "0")}-${String(time.day).padStart(2, "0")}`) : JSON.stringify(time))) || byChartTime.get(JSON.stringify(bars.at(-1)?.time));
    if (!row) return $("legend").replaceChildren();
    const change = row.previous ? 100 * (row.close / row.previous - 1) : null; // from the previous close, as in the tables
    const timeText = row[timeColumn].length === 10 ? row[timeColumn] : new Date(row.time * 1000).toISOString().slice(0, 16).replace("T", " ");
    return $("legend").replaceChildren(`${timeText}  `, ...["open", "high", "low", "close"].flatMap((name) => [`${name[0].toUpperCase()} `, createElement("b", {}, formatPrice(row[name]))]), "Vol ", createElement("b", {}, formatCompact(row.volume ?? 0)), ...(change === null ? [] : [createElement("b", { class: toneClass(change) }, `${formatSigned(change)} %`)]), row.session ?? "");
  };
  drawLegend();
  priceChart.subscribeCrosshairMove((event) => drawLegend(event.time));
  const visible = Math.min(bars.length, innerWidth < 860 ? 90 : 220);
  priceChart.timeScale().setVisibleLogicalRange({ from: bars.length - visible, to: bars.length + 3 });
}
async function drawSidebar() {
  const [movers, signals] = await Promise.all([get("movers"), get("signals", { symbol: page.state.symbol, interval: page.state.interval === "1day" ? "1min" : page.state.interval, order: "desc", limit: 8 })]);
  const sortedMovers = rows(movers).sort((a, b) => b.price_change_pct - a.price_change_pct);
  $("movers-day").textContent = sortedMovers[0]?.session_date ?? "";
  $("movers").replaceChildren(sortedMovers.length ? createTable(["", "close", "change %"], sortedMovers.map((row) => [row.symbol, formatPrice(row.close), createElement("span", { class: toneClass(row.price_change_pct) }, formatSigned(row.price_change_pct))]), sortedMovers.map((row) => row.symbol)) : createElement("p", { class: "dim" }, "No days in this release."));
  const newest = rows(signals);
  const labels = { crossover: "crossover", volume_spike: "volume spike", anomaly: "anomaly" };
  $("signals").replaceChildren(newest.length ? createTable(["UTC", "", ""], newest.map((row) => [row.bar_start_at.slice(5, 16).replace("T", " "), labels[row.signal_type], createElement("span", { class: ["BUY", "UP"].includes(row.direction) ? "up" : "down" }, row.direction)])) : createElement("p", { class: "dim" }, "None."));
}
function createTable(header, body, symbols = []) {
  const isNumber = (index) => body.some((row) => typeof row[index] === "number") || /%|close|minutes|millions/.test(header[index]);
  return createElement("table", {}, createElement("tr", {}, ...header.map((text, i) => createElement("th", isNumber(i) ? { class: "n" } : {}, text))),
    ...body.map((row, rowIndex) => createElement("tr", symbols[rowIndex] ? { "data-symbol": symbols[rowIndex], tabindex: 0, onclick: () => navigate({ view: "chart", symbol: symbols[rowIndex] }), onkeydown: (event) => event.key === "Enter" && navigate({ view: "chart", symbol: symbols[rowIndex] }) } : {}, ...row.map((value, i) => createElement("td", isNumber(i) ? { class: "n" } : {}, value instanceof Node ? value : typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 3 }) : String(value ?? "–"))))));
}

let compareChart = null;
async function drawCompare() {
  const available = page.series.filter((row) => row.bar_interval === "1day" && row.is_primary).map((row) => row.symbol);
  const selected = (page.state.with.length ? page.state.with : available.slice(0, 4)).filter((symbol) => available.includes(symbol)).slice(0, 10);
  $("compared").replaceChildren(...available.map((symbol) => createElement("button", { "aria-pressed": selected.includes(symbol), onclick: () => navigate({ with: selected.includes(symbol) ? selected.filter((other) => other !== symbol) : [...selected, symbol] }) }, symbol)));
  compareChart?.remove();
  compareChart = createChart($("compare"), { rightPriceScale: { mode: LW.PriceScaleMode.Percentage, borderColor: cssVariable("--line") } });
  page.drawn = { compare: {} };
  $("compare-legend").replaceChildren(selected.length ? "" : "Choose symbols above.");
  if (!selected.length) return;
  const days = await getAll("daily/adjusted", { symbol: selected.join(","), columns: "symbol,session_date,close" });
  selected.forEach((symbol, i) => {
    const series = compareChart.addSeries(LW.LineSeries, { color: COLOURS[i], lineWidth: 2, priceLineVisible: false, title: symbol });
    const points = days.filter((row) => row.symbol === symbol).map((row) => ({ time: row.session_date, value: row.close }));
    series.setData(points);
    page.drawn.compare[symbol] = series;
    const change = points.length ? 100 * (points.at(-1).value / points[0].value - 1) : null;
    $("compare-legend").append(createElement("b", { style: `color:${COLOURS[i]}` }, `${symbol} ${formatSigned(change, 1)} %`));
  });
  compareChart.timeScale().fitContent();
}

async function drawHeatmap() {
  const symbols = page.series.filter((row) => row.bar_interval === "1day" && row.is_primary).map((row) => row.symbol);
  const count = innerWidth < 860 ? 10 : 24;
  const from = page.series.filter((row) => row.bar_interval === "1day").map((row) => row.last_date).sort().at(-1) ?? "2000-01-01";
  const since = new Date(Date.parse(from) - (2 * count + 10) * 86400000).toISOString().slice(0, 10);
  const returns = await getAll("daily/returns", { from: since, columns: "symbol,session_date,price_change_pct" });
  const days = [...new Set(returns.map((row) => row.session_date))].sort().slice(-count);
  const byCell = new Map(returns.map((row) => [`${row.symbol} ${row.session_date}`, row.price_change_pct]));
  const grid = createElement("div", { class: "heat", style: `grid-template-columns: 70px repeat(${days.length}, minmax(40px, 1fr))` }, createElement("span"), ...days.map((day) => createElement("span", { class: "day" }, day.slice(5))));
  for (const symbol of symbols) {
    grid.append(createElement("span", { class: "name" }, symbol), ...days.map((day) => {
      const value = byCell.get(`${symbol} ${day}`);
      const strength = Math.min(1, Math.abs(value ?? 0) / 4) * 85;
      return createElement("span", { "data-cell": `${symbol} ${day}`, title: `${symbol} ${day}: ${formatSigned(value)} %`, style: value == null ? "" : `background: color-mix(in srgb, var(--${value < 0 ? "down" : "up"}) ${strength.toFixed(0)}%, var(--back))` }, value == null ? "·" : value.toFixed(1));
    }));
  }
  $("heatmap").replaceChildren(days.length ? grid : createElement("p", { class: "dim" }, "No days in this release."));
}

// ---- the questions, with an SVG chart each
const roundStep = (step) => { const unit = 10 ** Math.floor(Math.log10(step || 1)); return unit * [1, 2, 5, 10].find((factor) => factor * unit >= step * 0.999 || factor === 10); };
function createPlot({ shape, unit, points }) {
  const [W, H, L, B, T] = [900, 300, 62, 26, 20];
  const svg = (tag, attributes, text) => { const node = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value); if (text != null) node.textContent = text; return node; };
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "plot", role: "img", "aria-label": unit });
  const names = [...new Set(points.map(([, name]) => name))];
  const isNumber = points.every(([x]) => typeof x === "number");
  const slots = [...new Set(points.map(([x]) => x))].sort((a, b) => (a < b ? -1 : 1));
  const total = (x) => points.filter((point) => point[0] === x).reduce((sum, point) => sum + (point[2] ?? 0), 0);
  const values = shape === "bars" ? [0, ...slots.map(total)] : points.map((point) => point[2]).filter((value) => value != null);
  const step = roundStep((Math.max(...values) - Math.min(...values)) / 4);
  const [low, high] = [Math.floor(Math.min(...values) / step) * step, Math.ceil(Math.max(...values) / step) * step];
  const y = (value) => H - B - ((value - low) / (high - low || 1)) * (H - B - T);
  const x = (value) => isNumber ? L + ((value - slots[0]) / (slots.at(-1) - slots[0] || 1)) * (W - L - 14) : L + ((slots.indexOf(value) + 0.5) / slots.length) * (W - L - 10);
  for (let i = 0; i <= Math.round((high - low) / step); i++) {
    const value = low + step * i;
    picture.append(svg("line", { x1: L, x2: W, y1: y(value), y2: y(value) }), svg("text", { x: L - 6, y: y(value) + 4, "text-anchor": "end" }, Math.abs(value) >= 1000 ? formatCompact(value) : value.toFixed(Math.max(0, -Math.floor(Math.log10(step))))));
  }
  [0, 0.25, 0.5, 0.75, 1].map((part) => slots[Math.round(part * (slots.length - 1))]).forEach((slot) => picture.append(svg("text", { x: Math.min(W - 36, Math.max(L + 20, x(slot))), y: H - 6, "text-anchor": "middle" }, isNumber ? formatCompact(slot) : String(slot).slice(0, 10))));
  const width = ((W - L) / slots.length) * 0.7;
  const below = new Map();
  names.forEach((name, i) => {
    const seriesPoints = points.filter((point) => point[1] === name && point[2] != null);
    const color = COLOURS[i % COLOURS.length];
    if (shape === "lines") picture.append(svg("polyline", { points: seriesPoints.map((point) => `${x(point[0])},${y(point[2])}`).join(" "), fill: "none", stroke: color, "stroke-width": 2 }));
    for (const point of shape === "lines" ? [] : seriesPoints) {
      const base = below.get(point[0]) ?? 0;
      below.set(point[0], base + point[2]);
      picture.append(shape === "bars" ? svg("rect", { x: x(point[0]) - width / 2, width, y: y(base + point[2]), height: Math.max(0, y(base) - y(base + point[2])), fill: color }) : svg("circle", { cx: x(point[0]), cy: y(point[2]), r: 3, fill: color, opacity: 0.8 }));
    }
  });
  return createElement("div", {}, picture, createElement("div", { class: "key" }, createElement("span", { class: "dim" }, unit), ...names.map((name, i) => createElement("span", {}, createElement("i", { style: `background:${COLOURS[i % COLOURS.length]}` }), name))));
}
async function drawQuestions() {
  const names = Object.keys(await get("questions"));
  const answers = await Promise.all(names.map((name) => get(`questions/${name}`)));
  $("questions").replaceChildren(...answers.map((answer) => createElement("div", { class: "panel", "data-question": answer.name }, createElement("h1", {}, answer.asked),
    ...(answer.points.rows.length ? [createPlot({ ...answer, points: answer.points.rows })] : []),
    createElement("div", { class: "scroll" }, createTable(answer.answer.columns.map((name) => name.replaceAll("_", " ")), answer.answer.rows)), ...answer.notes.map((note) => createElement("p", { class: "dim" }, note)))));
}

async function drawHealth() {
  const [health, gaps] = await Promise.all([get("health"), get("gaps", { order: "desc", limit: 40 })]);
  const tiles = [[health.status === "ok" ? "complete" : "lines missing", "landed lines accounted for"], [health.landed_lines.toLocaleString("en"), "lines landed"], [`${(100 * health.quarantine_rate).toFixed(2)} %`, `quarantined (${health.quarantined_lines.toLocaleString("en")} lines)`], [health.last_bar_start_at?.slice(0, 16).replace("T", " ") ?? "–", "newest bar, UTC"], [health.last_session_date ?? "–", "newest day"], [health.last_batch_id ?? "–", "last batch"], [health.published_at.slice(0, 16).replace("T", " "), "published, UTC"]];
  $("tiles").replaceChildren(...tiles.map(([value, text]) => createElement("div", { class: "tile" }, createElement("b", {}, String(value)), createElement("span", {}, text))));
  const gapRows = rows(gaps);
  const reasons = { no_trade: "no trade", not_fetched: "not fetched", closed: "closed", quarantined: "quarantined" };
  $("gaps").replaceChildren(gapRows.length ? createTable(["symbol", "interval", "from, UTC", "to, UTC", "missing minutes", "reason"], gapRows.map((row) => [row.symbol, row.bar_interval, row.gap_start_at.slice(0, 16).replace("T", " "), row.gap_end_at.slice(11, 16), row.missing_minutes, reasons[row.reason] ?? row.reason]), gapRows.map((row) => row.symbol)) : createElement("p", { class: "dim" }, "No gaps."));
  const quarantined = Object.entries(health.quarantine_reasons);
  $("quarantine").replaceChildren(quarantined.length ? createTable(["reason", "lines"], quarantined.map(([reason, count]) => [reason.replaceAll("_", " ").replaceAll(",", ", "), count])) : createElement("p", { class: "dim" }, "None."));
}

// ---- navigation
const DRAW = { chart: () => Promise.all([drawChart(), drawSidebar()]), compare: drawCompare, heatmap: drawHeatmap, questions: drawQuestions, health: drawHealth };
let draws = 0;
async function render() {
  const draw = ++draws;
  const state = page.state;
  const available = page.series.filter((row) => row.symbol === state.symbol && row.is_primary).map((row) => row.bar_interval);
  if (!state.interval) state.interval = available.includes("1min") ? "1min" : available[0] || "1day";
  document.documentElement.dataset.theme = state.theme;
  document.title = state.view === "chart" ? `${state.symbol} · tickerlake` : "tickerlake";
  document.querySelectorAll("section").forEach((part) => part.classList.toggle("is-shown", part.dataset.view === state.view));
  document.querySelectorAll("#views button").forEach((button) => button.dataset.view === state.view ? button.setAttribute("aria-current", "page") : button.removeAttribute("aria-current"));
  $("symbol").value = state.symbol;
  $("intervals").replaceChildren(...Object.entries(INTERVALS).map(([name, text]) => createElement("button", { "data-interval": name, "aria-pressed": name === state.interval, ...(available.includes(name) || name === state.interval ? {} : { disabled: "", title: "not in this release" }), onclick: () => navigate({ interval: name }) }, text)));
  $("overlays").replaceChildren(...Object.entries(OVERLAYS).map(([name, { text }]) => createElement("button", { "data-overlay": name, "aria-pressed": state.overlays.includes(name), onclick: () => navigate({ overlays: state.overlays.includes(name) ? state.overlays.filter((other) => other !== name) : [...state.overlays, name] }, false) }, text)));
  try {
    await DRAW[state.view]();
    if (draw === draws) { $("problem").hidden = true; page.ready++; }
  } catch (error) {
    if (draw === draws) showError(error);
  }
}
function showError(error) {
  if (!(error instanceof ApiError)) console.error(error);
  $("problem").textContent = error.message;
  $("problem").hidden = false;
  page.ready++;
}
function selectSymbol(text) {
  const symbol = text.trim().toUpperCase();
  if (symbol && symbol !== page.state.symbol) navigate({ symbol, interval: "" });
}
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input")) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const available = [...new Set(page.series.map((row) => row.symbol))];
  const step = (by) => available[(available.indexOf(page.state.symbol) + by + available.length) % available.length];
  const interval = document.querySelectorAll("#intervals button")[Number(event.key) - 1];
  if (event.key === "/") { event.preventDefault(); navigate({ view: "chart" }); $("symbol").select(); }
  else if (interval && !interval.disabled) interval.click();
  else if (event.key === "ArrowRight" && available.length) navigate({ symbol: step(1) });
  else if (event.key === "ArrowLeft" && available.length) navigate({ symbol: step(-1) });
  else if (event.key === "t") $("theme").click();
  else if (event.key === "v") navigate({ view: VIEWS[(VIEWS.indexOf(page.state.view) + 1) % VIEWS.length] });
});
$("symbol").addEventListener("change", (event) => selectSymbol(event.target.value));
$("theme").addEventListener("click", () => { const theme = page.state.theme === "dark" ? "light" : "dark"; localStorage.setItem("theme", theme); navigate({ theme }, false); });
document.querySelectorAll("#views button").forEach((button) => button.addEventListener("click", () => navigate({ view: button.dataset.view })));
addEventListener("popstate", () => { page.state = readState(); start(); });

function start() {
  const available = page.series.map((row) => row.symbol);
  if (!page.state.symbol) page.state.symbol = available.includes("TSLA") ? "TSLA" : available[0] ?? "";
  return navigate({}, false);
}
page.state = readState();
document.documentElement.dataset.theme = page.state.theme;
try {
  const [symbols, series, health] = await Promise.all([getAll("symbols"), getAll("series"), get("health")]);
  Object.assign(page, { symbols, series });
  $("symbols").replaceChildren(...page.symbols.map((row) => createElement("option", { value: row.symbol }, row.name ?? "")));
  $("fresh").textContent = `newest bar ${health.last_bar_start_at?.slice(0, 16).replace("T", " ") ?? "–"} UTC · batch ${health.last_batch_id ?? "–"}`;
  await start();
} catch (error) {
  document.querySelector(`section[data-view=${page.state.view}]`).classList.add("is-shown");
  showError(error);
}
