// Events per second and their time over the last minute, from the server's own counts, which include events
// that are not in the log.

import { $, say } from "./dom.js";
import { micros } from "./words.js";

const SECONDS = 60;
/** Seconds that the numbers beside the charts cover. */
const RECENT = 5;
const [WIDTH, HEIGHT] = [300, 56];

/** What happened in each second of the server's clock. */
let seconds = new Map();
let before;

export function restart() {
  seconds = new Map();
  before = undefined;
}

export function update({ now, counts, latency }) {
  const second = Math.floor(now / 1000);
  if (before) {
    const added = seconds.get(second) ?? { events: 0, failures: 0, latency: latency.counts.map(() => 0) };
    added.events += counts.events - before.counts.events;
    added.failures += counts.failures - before.counts.failures;
    added.latency = added.latency.map((sum, at) => sum + latency.counts[at] - before.latency.counts[at]);
    seconds.set(second, added);
  }
  before = { counts, latency };
  for (const old of seconds.keys()) if (old <= second - SECONDS) seconds.delete(old);
  drawRate(second);
  drawTime(second, latency.bounds);
}

const lastSeconds = (second, count) =>
  Array.from({ length: count }, (_, at) => seconds.get(second - count + 1 + at));

function drawRate(second) {
  const minute = lastSeconds(second, SECONDS);
  const most = Math.max(1, ...minute.map((it) => it?.events ?? 0));
  // Without the present second, which is not over.
  const recent = lastSeconds(second - 1, RECENT).reduce((sum, it) => sum + (it?.events ?? 0), 0) / RECENT;
  say($("rate"), recent >= 10 || recent === 0 ? Math.round(recent).toLocaleString("en") : recent.toFixed(1));
  const failures = minute.reduce((sum, it) => sum + (it?.failures ?? 0), 0);
  draw($("rate-chart"), [
    ["bars", bars(minute.map((it) => (it?.events ?? 0) / most))],
    ["bars failed", bars(minute.map((it) => (it?.failures ?? 0) / most))],
  ], `At most ${most} events per second in the last minute, ${failures} failed`);
}

function drawTime(second, bounds) {
  const minute = lastSeconds(second, SECONDS);
  const of = (part) => minute.map((it) => it && quantile(it.latency, bounds, part));
  const [medians, tails] = [of(0.5), of(0.99)];
  const most = Math.max(1, ...tails.map((it) => it ?? 0));
  const recent = lastSeconds(second, RECENT).filter(Boolean);
  const sums = bounds.map((_, at) => recent.reduce((sum, it) => sum + it.latency[at], 0));
  sums.push(recent.reduce((sum, it) => sum + it.latency[bounds.length], 0));
  const [median, tail] = [quantile(sums, bounds, 0.5), quantile(sums, bounds, 0.99)];
  say($("median"), median === undefined ? "–" : micros(median));
  say($("tail"), tail === undefined ? "" : `99 % within ${micros(tail)}`);
  const scaled = (values) => values.map((value) => value && value / most);
  draw($("time-chart"), [["line tail", line(scaled(tails))], ["line", line(scaled(medians))]],
    `99 % of the events of each second took ${micros(most)} at most in the last minute`);
}

/** The time that this part of the events took at most; within a bucket times are assumed to be even. */
function quantile(counts, bounds, part) {
  const all = counts.at(-1);
  if (!all) return undefined;
  const wanted = all * part;
  const bucket = counts.findIndex((count) => count >= wanted);
  if (bucket >= bounds.length) return bounds.at(-1);
  const [low, below] = bucket ? [bounds[bucket - 1], counts[bucket - 1]] : [0, 0];
  return low + (bounds[bucket] - low) * ((wanted - below) / (counts[bucket] - below || 1));
}

const round = (number) => Math.round(number * 10) / 10;

function bars(heights) {
  const step = WIDTH / heights.length;
  return heights.map((height, at) => {
    if (!height) return "";
    const tall = Math.max(1.5, height * (HEIGHT - 2));
    return `M${round(at * step)} ${HEIGHT}v${-round(tall)}h${round(step * 0.7)}v${round(tall)}z`;
  }).join("");
}

function line(heights) {
  const step = WIDTH / heights.length;
  let isDown = false;
  return heights.map((height, at) => {
    const x = round((at + 0.5) * step);
    const y = round(HEIGHT - 2 - (height ?? 0) * (HEIGHT - 6));
    const command = height === undefined ? "" : isDown ? `L${x} ${y}` : `M${x} ${y}h.1`;
    isDown = height !== undefined;
    return command;
  }).join("");
}

function draw(chart, paths, label) {
  const space = "http://www.w3.org/2000/svg";
  for (const [at, [name, shape]] of paths.entries()) {
    const path = chart.children[at] ?? chart.appendChild(document.createElementNS(space, "path"));
    path.setAttribute("class", name);
    path.setAttribute("d", shape || "M0 0");
  }
  chart.setAttribute("aria-label", label);
}
