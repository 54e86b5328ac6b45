/* The gauge of the demo's page: events a second over the last minute, live and replayed, with the times in which the
 * page was away or the upstream down behind them. */
"use strict";

const GAUGE_MS = 60000;
const BIN_MS = 500;

const bins = new Map(); /* number of the half second -> counts and states */

function bin(at = Date.now()) {
  const key = Math.floor(at / BIN_MS);
  if (!bins.has(key)) {
    bins.set(key, { live: 0, replay: 0, away: false, down: false });
    for (const old of bins.keys()) if (old < key - GAUGE_MS / BIN_MS - 2) bins.delete(old);
  }
  return bins.get(key);
}

/* A cubic root scale: a burst of a thousand must not flatten the eight a second of a calm day. */
function drawGauge() {
  const canvas = document.getElementById("gauge");
  const ratio = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);

  const left = 34, floor = height - 18, now = Date.now(), slots = GAUGE_MS / BIN_MS;
  const step = (width - left) / slots;
  const current = Math.floor(now / BIN_MS);
  let most = 16;
  for (const entry of bins.values()) most = Math.max(most, ((entry.live + entry.replay) * 1000) / BIN_MS);
  const y = (rate) => floor - Math.cbrt(rate / most) * (floor - 8);

  pen.font = `11px ${colour("--figures")}`;
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  let lowest = Infinity;
  for (const rate of [0, 4, 16, 64, 256, 1024].filter((r) => r <= most)) {
    if (lowest - y(rate) < 13) continue;
    lowest = y(rate);
    pen.strokeStyle = colour(rate ? "--rule-soft" : "--rule");
    pen.beginPath();
    pen.moveTo(left, Math.round(y(rate)) + 0.5);
    pen.lineTo(width, Math.round(y(rate)) + 0.5);
    pen.stroke();
    pen.fillStyle = colour("--ink-soft");
    pen.textAlign = "right";
    pen.fillText(String(rate), left - 6, y(rate));
  }
  for (const seconds of width < 500 ? [60, 30, 0] : [60, 45, 30, 15, 0]) {
    pen.textAlign = seconds === 60 ? "left" : seconds ? "center" : "right";
    pen.fillText(seconds ? `${seconds} s ago` : "now", width - (seconds / 60) * (width - left), height - 6);
  }
  for (let slot = 0; slot < slots; slot++) {
    const entry = bins.get(current - slots + 1 + slot);
    if (!entry) continue;
    const x = left + slot * step;
    if (entry.away) {
      pen.fillStyle = colour("--rule-soft");
      pen.fillRect(x, 8, step + 0.5, floor - 8);
    }
    if (entry.down) {
      pen.fillStyle = colour("--alarm-pale");
      pen.fillRect(x, 8, step + 0.5, floor - 8);
      pen.fillStyle = colour("--alarm");
      pen.fillRect(x, floor - 3, step + 0.5, 3);
    }
    const live = (entry.live * 1000) / BIN_MS, all = live + (entry.replay * 1000) / BIN_MS;
    const body = Math.max(1, step - 1);
    if (all > live) {
      pen.fillStyle = colour("--replay");
      pen.fillRect(x, y(all), body, y(live) - y(all));
    }
    if (live) {
      pen.fillStyle = colour("--water");
      pen.fillRect(x, y(live), body, floor - y(live));
    }
  }
}
