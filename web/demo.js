/* The demo's page. It follows /events/quotes as any page would, with the browser's own EventSource, and keeps a
 * ledger of the events' numbers, so that it can tell by itself what the backend never sent, what gap events announced,
 * and what was lost. It also asks for the demo's status all the time: that is how it notices that Tidegate is gone.
 *
 *   EventSource ─► ledger (are the numbers without holes?) ─► board, strip, gauge, verdict
 */
"use strict";

const STREAM = "/events/quotes";
const CUT_MS = 5000;
const STATUS_EVERY_MS = 400; /* with the limit, and one more failure, less than 2 s */
const STATUS_LIMIT_MS = 700;
const STRIP_ROWS = 60;
const PENDING_ROWS = 3000; /* of a page in the background, which draws nothing */
const RUN_SHOWN = 3;
const LOSSES = ["oversize", "encoding", "memory"]; /* reasons of gaps that are told in the stream itself */

const $ = (id) => document.getElementById(id);
const count = (n) => n.toLocaleString("en-US");
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
const events = (n) => plural(n, "event");

/* ---- the ledger: what has come, what has not ---------------------------------------------------- */

/* Ids are <epoch>-<seq>, and seq has no holes. A gap event tells how many are missed between the last event and the
 * next; whatever is missing beyond that was lost silently, which must never happen. The backend numbers its quotes, too:
 * a hole in those that is no hole in the ids was never sent to Tidegate. */
class Ledger {
  constructor() {
    Object.assign(this, { epoch: null, seq: 0, id: "", run: 0, announced: null, trade: 0, lostBefore: 0, lastGap: null });
    this.reset();
  }

  /* The counts begin anew, the place in the stream stays. */
  reset() {
    Object.assign(this, { received: 0, replayed: 0, missed: 0, unsized: 0, silent: 0, duplicates: 0, unsaid: 0 });
  }

  /* Returns what the event was: "first", "next", "after-gap", "new-epoch", "duplicate" or "hole". */
  take(id) {
    const dash = id.lastIndexOf("-");
    const epoch = id.slice(0, dash);
    const seq = Number(id.slice(dash + 1));
    let kind = "next";
    const gap = this.announced;
    this.holeBefore = 0;
    if (this.epoch === null) {
      kind = "first";
    } else if (epoch !== this.epoch) {
      kind = gap ? "new-epoch" : "hole";
      if (!gap) this.silent += 1;
    } else if (seq <= this.seq) {
      this.duplicates += 1;
      return "duplicate";
    } else if (seq > this.seq + 1) {
      this.holeBefore = seq - this.seq - 1;
      const told = gap && gap.missed !== null ? gap.missed : 0;
      this.silent += Math.max(0, this.holeBefore - told);
      kind = this.holeBefore > told ? "hole" : "after-gap";
      this.lastGap = { hole: this.holeBefore, told };
    }
    this.announced = null;
    this.run = kind === "next" ? this.run + 1 : 1;
    Object.assign(this, { epoch, seq, id });
    this.received += 1;
    return kind;
  }

  takeGap(gap) {
    if (LOSSES.includes(gap.reason)) { /* it has come to Tidegate, but made no event: the ids have no hole there */
      this.missed += gap.missed;
      this.lostBefore += gap.missed;
      return;
    }
    this.announced = gap;
    if (gap.missed === null) this.unsized += 1; /* of another epoch: nobody knows how many */
    else this.missed += gap.missed;
  }

  takeTrade(trade, kind) {
    if (this.trade && kind !== "first" && kind !== "new-epoch")
      this.unsaid += Math.max(0, trade - this.trade - 1 - this.holeBefore - this.lostBefore);
    this.trade = trade;
    this.lostBefore = 0;
  }
}

const ledger = new Ledger();

/* ---- the verdict ------------------------------------------------------------------------------- */

function say(kind, word, detail) {
  const verdict = $("verdict");
  if (verdict.dataset.kind !== kind) verdict.dataset.kind = kind;
  if ($("verdict-word").textContent !== word) $("verdict-word").textContent = word;
  if ($("verdict-detail").textContent !== detail) $("verdict-detail").textContent = detail;
}

/* What is missing, and whose doing it is. Green is only for nothing at all. */
function sayWhatIsMissing() {
  const unsaid = `${plural(ledger.unsaid, "quote")} never sent by the backend.`;
  const gaps = ledger.missed ? `${events(ledger.missed)} missed, all announced.` : "Events missed, as a gap event announced.";
  const isGap = ledger.missed || ledger.unsized;
  if (isGap)
    say("gap", ledger.unsaid ? `${gaps} ${unsaid}` : gaps, remark || "Every other event arrived once and in order: Tidegate lost none.");
  else if (ledger.unsaid)
    say("unsaid", `${unsaid} Nothing lost.`, remark || "Every event that Tidegate got arrived here once and in order.");
  else
    say("well", "Nothing is missing.", remark || `${ledger.received === 1 ? "One event" : events(ledger.received)} arrived, each once and in order.`);
}

let remark = "";
function judge() {
  if (link.goneSince) {
    say("gone", "Tidegate is not reachable.",
      `No answer since ${link.goneSince.toLocaleTimeString("en-GB")}. This page keeps trying${ledger.seq ? `, and comes back with its last event, no. ${ledger.seq}` : ""}.`);
  } else if (ledger.silent || ledger.duplicates) {
    const lost = ledger.silent && `${events(ledger.silent)} lost`;
    const twice = ledger.duplicates && `${events(ledger.duplicates)} twice`;
    say("alarm", `Something is wrong: ${[lost, twice].filter(Boolean).join(", ")}.`,
      "The event numbers have holes or repeats that no gap event accounts for. Please report this.");
  } else if (link.isAway) {
    say("away", "This page is away.", "It closed its own connection. Tidegate keeps what it misses, up to its limit.");
  } else if (link.upstream === "down") {
    say("down", "The backend is down.", "Tidegate said so in the stream, and this page stays connected. Quotes made now are never sent.");
  } else if (ledger.announced) {
    say("gap", ledger.announced.missed === null ? "A gap event: events are missing."
      : `A gap event: ${plural(ledger.announced.missed, "event")} missed.`, "Tidegate no longer keeps what follows this page’s last event.");
  } else if (ledger.received) {
    sayWhatIsMissing();
  } else if (ledger.epoch !== null) {
    say("well", "Nothing is missing.", "Counting from here.");
  } else {
    say("wait", "Waiting for the first event.", "This page checks each event’s number against the one before it.");
  }
}

function show(id, value, mark) {
  const element = $(id);
  if (element.textContent !== count(value)) element.textContent = count(value);
  if (mark) element.classList.toggle(mark, value > 0);
}

/* ---- the strip ---------------------------------------------------------------------------------- */

const pending = [];

function note(kind, id, type, data) {
  pending.push({ kind, id, type, data, at: new Date() });
  if (pending.length > PENDING_ROWS) pending.shift();
}

/* A replay or a burst is told by its first and last events, so that the control events beside it stay in view. */
function shorten(rows) {
  const short = [];
  for (let at = 0; at < rows.length;) {
    let end = at + 1;
    while (end < rows.length && rows[end].kind === rows[at].kind) end += 1;
    const left = end - at - 2 * RUN_SHOWN;
    if (left > RUN_SHOWN && (rows[at].kind === "event" || rows[at].kind === "replay")) {
      const more = { ...rows[at], id: "⋮", type: "", data: `${count(left)} more`, at: rows[end - RUN_SHOWN - 1].at };
      short.push(...rows.slice(at, at + RUN_SHOWN), more, ...rows.slice(end - RUN_SHOWN, end));
    } else {
      short.push(...rows.slice(at, end));
    }
    at = end;
  }
  return short.slice(-STRIP_ROWS);
}

function cell(name, text, title) {
  const element = document.createElement(name === "time" ? "time" : "span");
  if (name !== "time") element.className = name;
  element.textContent = text;
  if (title) element.title = title;
  return element;
}

function drawStrip() {
  const strip = $("strip");
  for (const row of shorten(pending.splice(0))) {
    const item = document.createElement("li");
    item.dataset.kind = row.kind;
    item.dataset.type = row.type;
    const clock = `${row.at.toLocaleTimeString("en-GB")}.${String(row.at.getMilliseconds()).padStart(3, "0")}`;
    item.append(cell("time", clock), cell("id", row.id || "no id", row.id),
      cell("type", row.type), cell("data", row.data, row.data));
    strip.prepend(item);
  }
  while (strip.children.length > STRIP_ROWS) strip.lastElementChild.remove();
}

/* ---- the board ---------------------------------------------------------------------------------- */

const board = new Map();
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function boardRow(quote) {
  const row = document.createElement("tr");
  row.dataset.symbol = quote.symbol;
  const harbour = document.createElement("td");
  const code = harbour.appendChild(document.createElement("abbr"));
  code.textContent = quote.symbol;
  harbour.append(quote.name);
  const [rate, change, trace] = ["rate number", "change number", "trace"].map((name) => {
    const element = document.createElement("td");
    element.className = name;
    return element;
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 39 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const line = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
  trace.append(svg);
  row.append(harbour, rate, change, trace);
  const after = [...$("board").children].find((other) => other.dataset.symbol > quote.symbol);
  $("board").insertBefore(row, after || null);
  return { rate, change, line, prices: [], shown: null };
}

function takeQuote(quote) {
  if (!board.has(quote.symbol)) board.set(quote.symbol, boardRow(quote));
  const entry = board.get(quote.symbol);
  entry.prices.push(quote.price);
  if (entry.prices.length > 40) entry.prices.shift();
  entry.quote = quote;
}

function flash(element, isUp) {
  if (calm.matches) return;
  const style = getComputedStyle(document.documentElement);
  element.animate([{ backgroundColor: style.getPropertyValue(isUp ? "--calm-pale" : "--alarm-pale") },
    { backgroundColor: "transparent" }], { duration: 900, easing: "ease-out" });
}

function drawBoard() {
  for (const entry of board.values()) {
    const { quote, prices } = entry;
    if (quote === entry.shown) continue;
    const before = entry.shown ? entry.shown.price : quote.price;
    entry.shown = quote;
    entry.rate.textContent = quote.price.toFixed(2);
    entry.change.textContent = `${quote.change < 0 ? "−" : "+"}${Math.abs(quote.change).toFixed(2)}`;
    entry.change.classList.toggle("up", quote.change >= 0);
    entry.change.classList.toggle("down", quote.change < 0);
    const low = Math.min(...prices);
    const span = Math.max(...prices) - low || 1;
    entry.line.setAttribute("points",
      prices.map((price, i) => `${39 - (prices.length - 1 - i)},${(19 - ((price - low) / span) * 18).toFixed(1)}`).join(" "));
    if (quote.price !== before) flash(entry.rate, quote.price > before);
  }
}

/* ---- the connection ------------------------------------------------------------------------------ */

const link = {
  source: null, isAway: false, wasOpen: false, isReturned: false, replayUntil: 0, replayUntilMs: 0, upstream: "connecting",
  heardMs: 0, goneSince: null,
};

function setReach(id, state, text) {
  const reach = $(`reach-${id}`);
  if (reach.dataset.state !== state) reach.dataset.state = state;
  const label = $(`${id}-state`);
  if (label.textContent !== text) label.textContent = text;
}

function setUpstream(state, reason) {
  link.upstream = state;
  setReach("upstream", { up: "open", down: "shut" }[state] || "wait", reason ? `${state}: ${reason}` : state);
}

function isReplay() {
  return ledger.seq <= link.replayUntil || performance.now() < link.replayUntilMs;
}

function onEvent(message) {
  link.heardMs = performance.now();
  const kind = ledger.take(message.lastEventId);
  if (kind === "new-epoch") link.replayUntil = 0; /* a number of the old one */
  const isOld = isReplay() && kind !== "duplicate";
  if (isOld && link.isReturned) ledger.replayed += 1;
  bin()[isOld ? "replay" : "live"] += 1;
  note(isOld ? "replay" : "event", message.lastEventId, message.type, message.data);
  if (kind === "after-gap")
    remark = `The gap event said ${count(ledger.lastGap.told)}, and exactly ${count(ledger.lastGap.hole)} event numbers are missing. Tidegate lost none.`;
  else if (kind === "new-epoch")
    remark = "Tidegate was restarted. Its event numbers begin anew, and a gap event said so.";
  if (message.type === "quote") {
    const quote = JSON.parse(message.data);
    ledger.takeTrade(quote.trade, kind);
    takeQuote(quote);
  }
}

function onControl(message) {
  link.heardMs = performance.now();
  const data = JSON.parse(message.data);
  if (message.type === "tidegate.gap") {
    ledger.takeGap(data);
    note("gap", "", message.type, message.data);
  } else if (message.type === "tidegate.upstream") {
    note({ up: "up", down: "down" }[data.state] || "control", "", message.type, message.data);
    if (!isReplay()) setUpstream(data.state, data.reason);
  } else {
    note("control", "", message.type, message.data);
  }
}

function onOpen() {
  /* What comes in the first moment after an automatic reconnect is what was missed meanwhile. */
  /* At first it is the stream's latest past. */
  if (!link.replayUntil) link.replayUntilMs = performance.now() + 250;
  link.isReturned = link.wasOpen;
  link.wasOpen = true;
  setReach("client", "open", "open");
}

function onError() {
  const isRefused = link.source.readyState === EventSource.CLOSED;
  setReach("client", "shut", link.goneSince ? "not reachable" : isRefused ? "refused; trying again" : "lost; the browser reconnects");
  if (isRefused) setTimeout(() => !link.isAway && link.source.readyState === EventSource.CLOSED && open(), 3000);
}

function open() {
  if (link.source) link.source.close();
  const query = ledger.id ? `?lastEventId=${encodeURIComponent(ledger.id)}` : "";
  const source = new EventSource(STREAM + query);
  link.source = source;
  source.onopen = onOpen;
  source.onerror = onError;
  for (const type of ["quote", "welcome", "message"]) source.addEventListener(type, onEvent);
  for (const type of ["gap", "upstream", "end"]) source.addEventListener(`tidegate.${type}`, onControl);
}

function leave(why) {
  link.isAway = true;
  link.source.close();
  note("own", ledger.id, "(this page)", why);
}

async function comeBack() {
  const status = await askStatus();
  const missed = status ? status.stream.last_seq - ledger.seq : 0;
  link.replayUntil = status ? status.stream.last_seq : 0;
  note("own", ledger.id, "(this page)", `comes back with its last id, ${events(missed)} later`);
  const before = ledger.replayed;
  remark = "";
  link.isAway = false;
  open();
  setTimeout(() => {
    const gap = remark.startsWith("The gap") ? `${remark} ` : "";
    remark = `${gap}This page came back with its last id, and ${events(ledger.replayed - before)} were replayed.`;
  }, 1200);
}

/* ---- status, orders ----------------------------------------------------------------------------- */

async function askStatus() {
  try {
    const answer = await fetch("/demo/status", { cache: "no-store", signal: AbortSignal.timeout(STATUS_LIMIT_MS) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

function showStatus(status) {
  $("made").textContent = count(status.backend.quotes);
  $("retained").textContent = count(status.stream.retain_events);
  const { state } = status.upstream;
  /* Once it was up, it is down until it is up again, however often Tidegate tries to connect. */
  const isDown = state === "waiting" || (state === "connecting" && status.upstream.connects > 0);
  if (status.backend.stalled_ms && state === "up")
    setReach("upstream", "wait", `stalled, ${Math.ceil(status.backend.stalled_ms / 1000)} s more`);
  else setReach("upstream", state === "up" ? "open" : isDown ? "shut" : "wait", isDown ? "down" : state);
  link.upstream = isDown ? "down" : state;
}

function takeLeave() {
  link.goneSince = new Date();
  setReach("client", "shut", "not reachable");
  setReach("upstream", "wait", "unknown");
  note("gone", ledger.id, "(this page)", "Tidegate is not reachable");
}

function takeReturn() {
  link.goneSince = null;
  note("own", ledger.id, "(this page)", "Tidegate is reachable again");
  if (link.isAway) return;
  if (link.source.readyState === EventSource.OPEN) setReach("client", "open", "open");
  else open(); /* sooner than the browser would */
}

/* An event that came meanwhile says that Tidegate is there, only slow to answer. */
async function followStatus() {
  const askedMs = performance.now();
  const status = await askStatus();
  if (status && link.goneSince) takeReturn();
  if (status) showStatus(status);
  else if (!link.goneSince && link.heardMs < askedMs) takeLeave();
  setTimeout(followStatus, STATUS_EVERY_MS);
}

async function order(path, what) {
  note("own", "", "(this page)", what);
  try {
    await fetch(path, { method: "POST" });
  } catch {
    note("own", "", "(this page)", "the order did not get through");
  }
}

async function stayAway(button, progress) {
  const text = button.textContent;
  const others = [$("cut"), $("away")].filter((other) => other !== button);
  others.forEach((other) => { other.disabled = true; });
  for (;;) {
    const line = await progress(button);
    if (!line) break;
    button.textContent = line.button;
    setReach("client", "shut", line.state);
    await new Promise((done) => { setTimeout(done, 200); });
  }
  button.textContent = text;
  button.disabled = false;
  others.forEach((other) => { other.disabled = false; });
  await comeBack();
}

function cut() {
  const end = Date.now() + CUT_MS;
  $("cut").disabled = true;
  leave("closes its connection for 5 s");
  stayAway($("cut"), async () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    return left > 0 && { button: `Back in ${left} s`, state: `cut, back in ${left} s` };
  });
}

function goAway() {
  let isCalledBack = false;
  const button = $("away");
  leave("stays away until retention has moved past its last event");
  const callBack = () => { isCalledBack = true; };
  button.removeEventListener("click", goAway);
  button.addEventListener("click", callBack);
  stayAway(button, async () => {
    const status = await askStatus();
    const passed = status ? status.stream.last_seq - ledger.seq : 0;
    const most = status ? status.stream.retain_events : 0;
    if (isCalledBack || (most && passed > most + 15)) {
      button.removeEventListener("click", callBack);
      button.addEventListener("click", goAway);
      return null;
    }
    return { button: "Come back now", state: `away: ${count(passed)} of ${count(most)} passed` };
  });
}

/* ---- drawing ------------------------------------------------------------------------------------ */

function draw() {
  const slot = bin();
  slot.away = slot.away || link.isAway || link.goneSince !== null;
  slot.down = slot.down || (link.upstream === "down" && !link.goneSince);
  drawStrip();
  drawBoard();
  judge();
  show("received", ledger.received);
  for (const id of ["unsaid", "replayed", "missed"]) show(id, ledger[id], "some");
  for (const id of ["silent", "duplicates"]) show(id, ledger[id], "bad");
  if (ledger.unsized) $("missed").textContent = `${count(ledger.missed)} + ?`;
  $("last-id").textContent = ledger.seq ? `no. ${ledger.seq}` : "–";
  $("last-id").title = ledger.id;
}

function everyFrame() {
  draw();
  requestAnimationFrame(everyFrame);
}

$("drop").addEventListener("click", () => order("/demo/drop", "cuts the backend’s connections"));
$("refuse").addEventListener("click", () => order("/demo/refuse?seconds=8", "keeps the backend down for 8 s"));
$("stall").addEventListener("click", () => order("/demo/stall?seconds=10", "has the backend say nothing for 10 s"));
$("burst").addEventListener("click", () => order("/demo/burst?count=1000", "has the backend make 1,000 quotes at once"));
$("reset").addEventListener("click", () => { ledger.reset(); remark = ""; });
$("cut").addEventListener("click", cut);
$("away").addEventListener("click", goAway);
$("listen-command").textContent = `tidegate listen ${location.origin}${STREAM}`;
addEventListener("pagehide", () => link.source && link.source.close());

open();
followStatus();
everyFrame();
setInterval(drawGauge, 250);
