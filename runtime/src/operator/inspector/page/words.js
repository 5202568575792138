// Numbers for people.

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

export function bytes(count) {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(count < 10240 ? 1 : 0)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

export function micros(time) {
  if (time < 10) return `${time.toFixed(1)} µs`;
  if (time < 1000) return `${time.toFixed(0)} µs`;
  if (time < 1e6) return `${(time / 1000).toFixed(time < 10_000 ? 1 : 0)} ms`;
  return `${(time / 1e6).toFixed(1)} s`;
}

export function age(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** How long something takes. */
export function lasting(milliseconds) {
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 60_000) return `${Number((milliseconds / 1000).toFixed(1))} s`;
  return age(Math.round(milliseconds / 1000));
}

/** How far a time is from now. */
export function distance(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  if (seconds === 0) return "now";
  return milliseconds > 0 ? `in ${age(seconds)}` : `${age(seconds)} ago`;
}

/** A time in milliseconds since 1970; without its day if that is today. */
export function moment(milliseconds) {
  const date = new Date(milliseconds);
  // A handler may set any number.
  if (Number.isNaN(date.getTime())) return String(milliseconds);
  if (date.toDateString() === new Date().toDateString()) return clock(date);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(date)}`;
}

/** The time of day, to the millisecond. */
export function clock(date) {
  const two = (number) => String(number).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
