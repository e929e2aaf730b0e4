// The page: reads the API, draws, and keeps what it shows in the address.
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
const MAX_ROWS = 20000;
// what the page shows now, and the drawn series: also what its tests look at
const page = (window.page = { state: {}, symbols: [], series: [], drawn: {}, ready: 0 });

class Refused extends Error {}
async function get(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value != null));
  const answer = await fetch(`/v1/${path}?${query}`).catch(() => { throw new Refused("the server does not answer"); });
  const body = await answer.json();
  if (!answer.ok) throw new Refused(body.detail);
  return body;
}
// rows of a columnar answer, oldest first
function rows(answer, isReversed = false) {
  const names = Object.keys(answer.columns);
  const made = Array.from({ length: answer.count }, (_, i) => Object.fromEntries(names.map((name) => [name, answer.columns[name][i]])));
  return isReversed ? made.reverse() : made;
}
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) name.startsWith("on") ? made.addEventListener(name.slice(2), value) : made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const signed = (value, digits = 2) => (value == null ? "–" : `${value > 0 ? "+" : ""}${value.toFixed(digits)}`);
const tone = (value) => (value > 0 ? "up" : value < 0 ? "down" : "dim");
const price = (value) => (value == null ? "–" : value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: value < 2 ? 4 : 2 }));
const short = (value) => Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);

// ---- state in the address
function read() {
  const asked = new URLSearchParams(location.search);
  const saved = asked.get("theme") || localStorage.getItem("theme");
  return {
    view: VIEWS.includes(asked.get("view")) ? asked.get("view") : "chart",
    symbol: (asked.get("symbol") || "").toUpperCase(),
    interval: INTERVALS[asked.get("interval")] ? asked.get("interval") : "",
    overlays: (asked.get("overlays") ?? "sma,marks,shade").split(",").filter((name) => OVERLAYS[name]),
    with: (asked.get("with") || "").split(",").filter(Boolean),
    theme: ["dark", "light"].includes(saved) ? saved : matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark",
  };
}
function go(change, isNew = true) {
  Object.assign(page.state, change);
  const { view, symbol, interval, overlays, with: others } = page.state;
  const query = new URLSearchParams({ view, symbol, interval, overlays: overlays.join(","), ...(others.length ? { with: others.join(",") } : {}) });
  history[isNew ? "pushState" : "replaceState"](null, "", `?${query}`);
  return show();
}

// ---- times: charts get the exchange's wall time as if it were UTC
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
function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
function chart(box, options = {}) {
  box.replaceChildren();
  return LW.createChart(box, {
    autoSize: true,
    layout: { background: { color: css("--panel") }, textColor: css("--dim"), panes: { separatorColor: css("--line") }, fontFamily: "system-ui, 'DejaVu Sans', sans-serif" },
    grid: { vertLines: { color: css("--line") }, horzLines: { color: css("--line") } },
    timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.02, borderColor: css("--line") },
    rightPriceScale: { borderColor: css("--line") },
    crosshair: { mode: LW.CrosshairMode.Normal },
    ...options,
  });
}
let current = null;
async function drawChart() {
  const { symbol, interval, overlays } = page.state;
  const isDaily = interval === "1day";
  const about = page.symbols.find((known) => known.symbol === symbol);
  const zone = ZONES[about?.mic] || "America/New_York";
  const at = isDaily ? "session_date" : "bar_start_at";
  const asked = { symbol, order: "desc", limit: MAX_ROWS, ...(isDaily ? {} : { interval }) };
  const own = isDaily ? "daily/adjusted" : "bars/adjusted";
  const none = { count: 0, columns: {} };
  const [bars, lines, more, spikes] = await Promise.all([
    get(own, { ...asked, columns: `${at},open,high,low,close,volume${isDaily ? "" : ",session"}` }),
    get(isDaily ? "daily/indicators" : "moving-averages", asked),
    isDaily || !overlays.some((name) => ["ema", "bollinger", "vwap"].includes(name)) ? none : get("indicators", asked),
    isDaily || !overlays.includes("marks") ? none : get("volume-spikes", { ...asked, volume_spike: "SPIKE" }),
  ]);
  const found = rows(bars, true).map((row) => ({ ...row, time: wallTime(row[at], zone) }));
  current?.remove();
  const made = (current = chart($("chart")));
  $("empty").hidden = found.length > 0;
  $("empty").textContent = `No ${INTERVALS[interval]} bars of ${symbol} in this release.`;
  $("title").replaceChildren(`${symbol} `, element("small", {}, `${about?.name ?? ""} · ${INTERVALS[interval]} · in today's shares · times of ${isDaily ? "sessions" : zone}`));
  const up = css("--up"), down = css("--down");
  const candles = made.addSeries(LW.CandlestickSeries, { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
  candles.setData(found.map(({ time, open, high, low, close }) => ({ time, open, high, low, close })));
  const volume = made.addSeries(LW.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false }, 1);
  volume.setData(found.map(({ time, open, close, volume: value }) => ({ time, value: value ?? 0, color: `${close < open ? down : up}aa` })));
  made.panes()[1].setStretchFactor(0.28);
  page.drawn = { symbol, interval, candles, volume, lines: {}, marks: null, shade: null };
  const byTime = new Map(found.map((row) => [row[at], row]));
  if (overlays.includes("shade") && !isDaily) {
    const tint = "#4f9cf01c";
    const shade = made.addSeries(LW.AreaSeries, { priceScaleId: "shade", lineVisible: false, topColor: tint, bottomColor: tint, lineType: LW.LineType.WithSteps, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
    made.priceScale("shade").applyOptions({ scaleMargins: { top: 0, bottom: 0 }, visible: false });
    shade.setData(found.map(({ time, session }) => ({ time, value: ["pre", "post", "closed"].includes(session) ? 1 : 0 })));
    page.drawn.shade = shade;
  }
  // a mart's lines are in the row's own shares: bring them to today's as the candle is
  for (const name of overlays) {
    for (const [column, color] of Object.entries(OVERLAYS[name].lines ?? {})) {
      const source = [lines, more].find((answer) => column in answer.columns);
      if (!source) continue;
      const series = made.addSeries(LW.LineSeries, { color, lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
      series.setData(rows(source, true).filter((row) => byTime.has(row[at])).map((row) => {
        const bar = byTime.get(row[at]);
        return row[column] == null ? { time: bar.time } : { time: bar.time, value: (row[column] * bar.close) / row.close };
      }));
      page.drawn.lines[column] = series;
    }
  }
  if (overlays.includes("marks")) {
    const crossed = rows(lines, true).filter((row) => ["BUY", "SELL"].includes(row.crossover) && byTime.has(row[at]));
    const spiked = rows(isDaily ? lines : spikes, true).filter((row) => row.volume_spike === "SPIKE" && byTime.has(row[at]));
    const marks = [
      ...crossed.map((row) => ({ time: byTime.get(row[at]).time, position: row.crossover === "BUY" ? "belowBar" : "aboveBar", shape: row.crossover === "BUY" ? "arrowUp" : "arrowDown", color: row.crossover === "BUY" ? up : down, id: row.crossover })),
      ...spiked.map((row) => ({ time: byTime.get(row[at]).time, position: "aboveBar", shape: "circle", color: "#c9b23a", size: 0.6, id: "SPIKE" })),
    ].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
    page.drawn.marks = LW.createSeriesMarkers(candles, marks);
  }
  const bySlot = new Map(found.map((row) => [JSON.stringify(row.time), row]));
  const legend = (time) => {
    const row = (time && bySlot.get(typeof time === "object" ? JSON.stringify(`${time.year}-${String(time.month).padStart(2, "0")}-${String(time.day).padStart(2, "0")}`) : JSON.stringify(time))) || found.at(-1);
    if (!row) return $("legend").replaceChildren();
    const change = (100 * (row.close - row.open)) / row.open;
    const when = row[at].length === 10 ? row[at] : new Date(row.time * 1000).toISOString().slice(0, 16).replace("T", " ");
    return $("legend").replaceChildren(`${when}  `, ...["open", "high", "low", "close"].flatMap((name) => [`${name[0].toUpperCase()} `, element("b", {}, price(row[name]))]), "Vol ", element("b", {}, short(row.volume ?? 0)), element("b", { class: tone(change) }, `${signed(change)} %`), row.session ?? "");
  };
  legend();
  made.subscribeCrosshairMove((moved) => legend(moved.time));
  const shown = Math.min(found.length, innerWidth < 860 ? 90 : 220);
  made.timeScale().setVisibleLogicalRange({ from: found.length - shown, to: found.length + 3 });
}
async function drawSide() {
  const [movers, signals] = await Promise.all([get("movers"), get("signals", { symbol: page.state.symbol, interval: page.state.interval === "1day" ? "1min" : page.state.interval, order: "desc", limit: 8 })]);
  const moved = rows(movers).sort((a, b) => b.price_change_pct - a.price_change_pct);
  $("movers-day").textContent = moved[0]?.session_date ?? "";
  $("movers").replaceChildren(moved.length ? table(["", "close", "change %"], moved.map((row) => [row.symbol, price(row.close), element("span", { class: tone(row.price_change_pct) }, signed(row.price_change_pct))]), moved.map((row) => row.symbol)) : element("p", { class: "dim" }, "No days in this release."));
  const latest = rows(signals);
  const words = { crossover: "crossover", volume_spike: "volume spike", anomaly: "anomaly" };
  $("signals").replaceChildren(latest.length ? table(["UTC", "", ""], latest.map((row) => [row.bar_start_at.slice(5, 16).replace("T", " "), words[row.signal_type], element("span", { class: ["BUY", "UP"].includes(row.direction) ? "up" : "down" }, row.direction)])) : element("p", { class: "dim" }, "None."));
}
function table(header, body, symbols = []) {
  const isNumber = (index) => body.some((row) => typeof row[index] === "number") || /%|close|minutes|millions/.test(header[index]);
  return element("table", {}, element("tr", {}, ...header.map((text, i) => element("th", isNumber(i) ? { class: "n" } : {}, text))),
    ...body.map((row, at) => element("tr", symbols[at] ? { "data-symbol": symbols[at], tabindex: 0, onclick: () => go({ view: "chart", symbol: symbols[at] }), onkeydown: (event) => event.key === "Enter" && go({ view: "chart", symbol: symbols[at] }) } : {}, ...row.map((value, i) => element("td", isNumber(i) ? { class: "n" } : {}, value instanceof Node ? value : typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 3 }) : String(value ?? "–"))))));
}

let compared = null;
async function drawCompare() {
  const held = page.series.filter((row) => row.bar_interval === "1day" && row.is_primary).map((row) => row.symbol);
  const wanted = (page.state.with.length ? page.state.with : held.slice(0, 4)).filter((symbol) => held.includes(symbol)).slice(0, 10);
  $("compared").replaceChildren(...held.map((symbol) => element("button", { "aria-pressed": wanted.includes(symbol), onclick: () => go({ with: wanted.includes(symbol) ? wanted.filter((one) => one !== symbol) : [...wanted, symbol] }) }, symbol)));
  compared?.remove();
  compared = chart($("compare"), { rightPriceScale: { mode: LW.PriceScaleMode.Percentage, borderColor: css("--line") } });
  page.drawn = { compare: {} };
  $("compare-legend").replaceChildren(wanted.length ? "" : "Choose symbols above.");
  if (!wanted.length) return;
  const answer = rows(await get("daily/adjusted", { symbol: wanted.join(","), columns: "symbol,session_date,close", limit: MAX_ROWS }));
  wanted.forEach((symbol, i) => {
    const series = compared.addSeries(LW.LineSeries, { color: COLOURS[i], lineWidth: 2, priceLineVisible: false, title: symbol });
    const points = answer.filter((row) => row.symbol === symbol).map((row) => ({ time: row.session_date, value: row.close }));
    series.setData(points);
    page.drawn.compare[symbol] = series;
    const change = points.length ? 100 * (points.at(-1).value / points[0].value - 1) : null;
    $("compare-legend").append(element("b", { style: `color:${COLOURS[i]}` }, `${symbol} ${signed(change, 1)} %`));
  });
  compared.timeScale().fitContent();
}

async function drawHeatmap() {
  const symbols = page.series.filter((row) => row.bar_interval === "1day" && row.is_primary).map((row) => row.symbol);
  const count = innerWidth < 860 ? 10 : 24;
  const found = rows(await get("daily/returns", { order: "desc", limit: Math.min(MAX_ROWS, Math.max(1, symbols.length * count)), columns: "symbol,session_date,price_change_pct" }));
  const days = [...new Set(found.map((row) => row.session_date))].sort().slice(-count);
  const byCell = new Map(found.map((row) => [`${row.symbol} ${row.session_date}`, row.price_change_pct]));
  const grid = element("div", { class: "heat", style: `grid-template-columns: 70px repeat(${days.length}, minmax(40px, 1fr))` }, element("span"), ...days.map((day) => element("span", { class: "day" }, day.slice(5))));
  for (const symbol of symbols) {
    grid.append(element("span", { class: "name" }, symbol), ...days.map((day) => {
      const value = byCell.get(`${symbol} ${day}`);
      const strength = Math.min(1, Math.abs(value ?? 0) / 4) * 85;
      return element("span", { "data-cell": `${symbol} ${day}`, title: `${symbol} ${day}: ${signed(value)} %`, style: value == null ? "" : `background: color-mix(in srgb, var(--${value < 0 ? "down" : "up"}) ${strength.toFixed(0)}%, var(--back))` }, value == null ? "·" : value.toFixed(1));
    }));
  }
  $("heatmap").replaceChildren(days.length ? grid : element("p", { class: "dim" }, "No days in this release."));
}

// ---- the questions, drawn as small SVG pictures
function plot({ shape, unit, points }) {
  const [W, H, L, B, T] = [900, 300, 62, 26, 20];
  const svg = (tag, attributes, text) => { const made = document.createElementNS("http://www.w3.org/2000/svg", tag); for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value); if (text != null) made.textContent = text; return made; };
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, class: "plot", role: "img", "aria-label": unit });
  const names = [...new Set(points.map(([, name]) => name))];
  const isNumber = points.every(([x]) => typeof x === "number");
  const slots = [...new Set(points.map(([x]) => x))].sort((a, b) => (a < b ? -1 : 1));
  const total = (x) => points.filter((point) => point[0] === x).reduce((sum, point) => sum + (point[2] ?? 0), 0);
  const values = shape === "bars" ? [0, ...slots.map(total)] : points.map((point) => point[2]).filter((value) => value != null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => H - B - ((value - low) / (high - low || 1)) * (H - B - T);
  const x = (value) => isNumber ? L + ((value - slots[0]) / (slots.at(-1) - slots[0] || 1)) * (W - L - 14) : L + ((slots.indexOf(value) + 0.5) / slots.length) * (W - L - 10);
  for (let i = 0; i <= 4; i++) {
    const value = low + ((high - low) * i) / 4;
    picture.append(svg("line", { x1: L, x2: W, y1: y(value), y2: y(value) }), svg("text", { x: L - 6, y: y(value) + 4, "text-anchor": "end" }, Math.abs(value) >= 1000 ? short(value) : value.toFixed(Math.abs(high - low) < 5 ? 2 : 0)));
  }
  [0, 0.25, 0.5, 0.75, 1].map((part) => slots[Math.round(part * (slots.length - 1))]).forEach((slot) => picture.append(svg("text", { x: Math.min(W - 36, Math.max(L + 20, x(slot))), y: H - 6, "text-anchor": "middle" }, isNumber ? short(slot) : String(slot).slice(0, 10))));
  const width = ((W - L) / slots.length) * 0.7;
  const below = new Map();
  names.forEach((name, i) => {
    const own = points.filter((point) => point[1] === name && point[2] != null);
    const color = COLOURS[i % COLOURS.length];
    if (shape === "lines") picture.append(svg("polyline", { points: own.map((point) => `${x(point[0])},${y(point[2])}`).join(" "), fill: "none", stroke: color, "stroke-width": 2 }));
    for (const point of shape === "lines" ? [] : own) {
      const base = below.get(point[0]) ?? 0;
      below.set(point[0], base + point[2]);
      picture.append(shape === "bars" ? svg("rect", { x: x(point[0]) - width / 2, width, y: y(base + point[2]), height: Math.max(0, y(base) - y(base + point[2])), fill: color }) : svg("circle", { cx: x(point[0]), cy: y(point[2]), r: 3, fill: color, opacity: 0.8 }));
    }
  });
  return element("div", {}, picture, element("div", { class: "key" }, element("span", { class: "dim" }, unit), ...names.map((name, i) => element("span", {}, element("i", { style: `background:${COLOURS[i % COLOURS.length]}` }), name))));
}
async function drawQuestions() {
  const names = Object.keys(await get("questions"));
  const asked = await Promise.all(names.map((name) => get(`questions/${name}`)));
  $("questions").replaceChildren(...asked.map((one) => element("div", { class: "panel", "data-question": one.name }, element("h1", {}, one.asked),
    ...(one.points.rows.length ? [plot({ ...one, points: one.points.rows })] : []),
    element("div", { class: "scroll" }, table(one.answer.columns.map((name) => name.replaceAll("_", " ")), one.answer.rows)), ...one.notes.map((note) => element("p", { class: "dim" }, note)))));
}

async function drawHealth() {
  const [health, gaps] = await Promise.all([get("health"), get("gaps", { order: "desc", limit: 40 })]);
  const tiles = [[health.status === "ok" ? "whole" : "lines missing", "landed lines accounted for"], [health.landed_lines.toLocaleString("en"), "lines landed"], [`${(100 * health.quarantine_rate).toFixed(2)} %`, `refused (${health.quarantined_lines.toLocaleString("en")} lines)`], [health.last_bar_start_at?.slice(0, 16).replace("T", " ") ?? "–", "newest bar, UTC"], [health.last_session_date ?? "–", "newest day"], [health.last_batch_id ?? "–", "last batch"], [health.published_at.slice(0, 16).replace("T", " "), "published, UTC"]];
  $("tiles").replaceChildren(...tiles.map(([value, text]) => element("div", { class: "tile" }, element("b", {}, String(value)), element("span", {}, text))));
  const found = rows(gaps);
  const reasons = { no_trade: "no trade", not_fetched: "not fetched", closed: "closed", quarantined: "refused" };
  $("gaps").replaceChildren(found.length ? table(["symbol", "interval", "from, UTC", "to, UTC", "missing minutes", "why"], found.map((row) => [row.symbol, row.bar_interval, row.gap_start_at.slice(0, 16).replace("T", " "), row.gap_end_at.slice(11, 16), row.missing_minutes, reasons[row.reason] ?? row.reason]), found.map((row) => row.symbol)) : element("p", { class: "dim" }, "No gaps."));
  const refused = Object.entries(health.quarantine_reasons);
  $("refused").replaceChildren(refused.length ? table(["why", "lines"], refused.map(([reason, count]) => [reason.replaceAll("_", " ").replaceAll(",", ", "), count])) : element("p", { class: "dim" }, "None."));
}

// ---- putting it together
const DRAW = { chart: () => Promise.all([drawChart(), drawSide()]), compare: drawCompare, heatmap: drawHeatmap, questions: drawQuestions, health: drawHealth };
let turn = 0;
async function show() {
  const mine = ++turn;
  const state = page.state;
  const held = page.series.filter((row) => row.symbol === state.symbol && row.is_primary).map((row) => row.bar_interval);
  if (!state.interval) state.interval = held.includes("1min") ? "1min" : held[0] || "1day";
  document.documentElement.dataset.theme = state.theme;
  document.title = state.view === "chart" ? `${state.symbol} · tickerlake` : "tickerlake";
  document.querySelectorAll("section").forEach((part) => part.classList.toggle("is-shown", part.dataset.view === state.view));
  document.querySelectorAll("#views button").forEach((button) => button.dataset.view === state.view ? button.setAttribute("aria-current", "page") : button.removeAttribute("aria-current"));
  $("symbol").value = state.symbol;
  $("intervals").replaceChildren(...Object.entries(INTERVALS).map(([name, text]) => element("button", { "data-interval": name, "aria-pressed": name === state.interval, ...(held.includes(name) || name === state.interval ? {} : { disabled: "", title: "not in this release" }), onclick: () => go({ interval: name }) }, text)));
  $("overlays").replaceChildren(...Object.entries(OVERLAYS).map(([name, { text }]) => element("button", { "data-overlay": name, "aria-pressed": state.overlays.includes(name), onclick: () => go({ overlays: state.overlays.includes(name) ? state.overlays.filter((one) => one !== name) : [...state.overlays, name] }, false) }, text)));
  try {
    await DRAW[state.view]();
    if (mine === turn) { $("problem").hidden = true; page.ready++; }
  } catch (error) {
    if (mine === turn) fail(error);
  }
}
function fail(error) {
  if (!(error instanceof Refused)) console.error(error);
  $("problem").textContent = error.message;
  $("problem").hidden = false;
  page.ready++;
}
function choose(text) {
  const symbol = text.trim().toUpperCase();
  if (symbol && symbol !== page.state.symbol) go({ symbol, interval: "" });
}
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input")) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const held = [...new Set(page.series.map((row) => row.symbol))];
  const step = (by) => held[(held.indexOf(page.state.symbol) + by + held.length) % held.length];
  const interval = document.querySelectorAll("#intervals button")[Number(event.key) - 1];
  if (event.key === "/") { event.preventDefault(); go({ view: "chart" }); $("symbol").select(); }
  else if (interval && !interval.disabled) interval.click();
  else if (event.key === "ArrowRight" && held.length) go({ symbol: step(1) });
  else if (event.key === "ArrowLeft" && held.length) go({ symbol: step(-1) });
  else if (event.key === "t") $("theme").click();
  else if (event.key === "v") go({ view: VIEWS[(VIEWS.indexOf(page.state.view) + 1) % VIEWS.length] });
});
$("symbol").addEventListener("change", (event) => choose(event.target.value));
$("theme").addEventListener("click", () => { const theme = page.state.theme === "dark" ? "light" : "dark"; localStorage.setItem("theme", theme); go({ theme }, false); });
document.querySelectorAll("#views button").forEach((button) => button.addEventListener("click", () => go({ view: button.dataset.view })));
addEventListener("popstate", () => { page.state = read(); start(); });

function start() {
  const held = page.series.map((row) => row.symbol);
  if (!page.state.symbol) page.state.symbol = held.includes("TSLA") ? "TSLA" : held[0] ?? "";
  return go({}, false);
}
page.state = read();
document.documentElement.dataset.theme = page.state.theme;
try {
  const [symbols, series, health] = await Promise.all([get("symbols", { limit: MAX_ROWS }), get("series", { limit: MAX_ROWS }), get("health")]);
  page.symbols = rows(symbols);
  page.series = rows(series);
  $("symbols").replaceChildren(...page.symbols.map((row) => element("option", { value: row.symbol }, row.name ?? "")));
  $("fresh").textContent = `newest bar ${health.last_bar_start_at?.slice(0, 16).replace("T", " ") ?? "–"} UTC · batch ${health.last_batch_id ?? "–"}`;
  await start();
} catch (error) {
  document.querySelector(`section[data-view=${page.state.view}]`).classList.add("is-shown");
  fail(error);
}
