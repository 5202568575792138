// The messages of each body: sixteen different ones, the same at every run.

let state = 1;
const below = (end) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % end;
};
const list = (count, make) => Array.from({ length: count }, (_, index) => make(index));
const pick = (values) => values[below(values.length)];

const NAMES = ["ada", "Grace", "linus", "Margaret", "denis", "Barbara", "ken", "Zoë", "björn", "Alan"];
const ITEMS = ["lamp", "rope", "key", "map", "coin", "bread", "knife", "torch"];
const WORDS = ["see", "the", "new", "build", "is", "GREEN", "again", "and", "`zigts check`", "**fast**", ":smile:", "a < b", "&"];
const twoDigits = (number) => String(number).padStart(2, "0");
const time = () =>
  `2026-${twoDigits(1 + below(12))}-${twoDigits(1 + below(28))}T${twoDigits(below(24))}:${twoDigits(below(60))}:00.000Z`;

const packet = () => {
  const name = Buffer.from(`${pick(NAMES)} & ${pick(NAMES)} in room ${below(100)}`);
  const bytes = Buffer.alloc(12 + name.length);
  bytes.writeUInt8(below(64), 0);
  bytes.writeUInt16BE(name.length, 2);
  bytes.writeFloatBE(below(1000) / 8, 4);
  bytes.writeFloatLE(below(1000) / 8, 8);
  name.copy(bytes, 12);
  return bytes.toString("base64");
};

const MAKERS = {
  echo: () => "x".repeat(64),
  // A hundred names, and fifty of them again.
  votes: () => [...list(100, (index) => `option-${index}`), ...list(50, () => `option-${below(100)}`)].join(" "),
  presence: () => list(2, () => list(100, (index) => `user-${index + below(2) * 100}`).join(",")).join("|"),
  orders: () => list(100, (index) => `${1000 + index};${pick(ITEMS)};${below(10000) / 100};${below(4)}`).join("\n"),
  page: () =>
    list(20, () => `${pick(NAMES)}\tlikes "${pick(ITEMS)}" & ${pick(WORDS)} <3\t${below(1000) / 10}`).join("\n"),
  invitation: () =>
    `https://${pick(ITEMS)}.example.com:8443/room/caf%C3%A9%20${below(100)}/join?page=${below(9)}&tag=A+B&tag=${pick(NAMES)}#top`,
  calendar: () => list(6, time).join(","),
  chat: () =>
    `${pick(["/me ", "/topic ", "", ""])}@${pick(NAMES)} ${list(12, () => pick(WORDS)).join(" ")} ` +
    `https://example.com/${pick(ITEMS)}?id=${below(1000)}. cc @linus, @grace-h${pick(["!!!", ""])}`,
  command: () =>
    `lobby${below(10)}/${pick(["join", "edit"])} name=${pick(NAMES)}; level=${below(3)}; color=#${pick(["ff8800", "bad"])}; ` +
    `${pick(["Name", "age"])} = ${pick(NAMES)} `,
  game: () => list(40, () => `p${below(8)} ${pick(["score 5", "score 12", "take lamp", `take ${pick(ITEMS)}`, "drop lamp"])}`).join(","),
  packet,
};

export const messagesOf = (body) => {
  state = 1;
  return list(16, MAKERS[body]);
};
