// Runs the bodies of bodies.ts in zigttp, Bun and Node.js over sockets, and prints what each costs.
//
//     npm ci --prefix benches/everyday
//     node benches/everyday/run.mjs target/release/zigttp            # a table
//     node benches/everyday/run.mjs --quick target/debug/zigttp      # that all replies agree, and no figures
//
// Every reply is compared with that of the body called here. A figure is the CPU time of a server's whole process,
// system calls included, for each message of 64 connections that each have one under way; the servers take turns, and
// a ratio is made within a turn. With two cores or more the servers are on the last one, and this is on the first.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import amaro from "amaro";
import WebSocket from "ws";
import { messagesOf } from "./messages.mjs";

// Here and in the servers dates are in UTC, as in every event.
process.env.TZ = "UTC";

const isQuick = process.argv.includes("--quick");
const CONNECTIONS = isQuick ? 4 : 64;
const PASSES = 7;
const TURN_MS = 400;
// For compilers that look at what runs often.
const WARM_UP_MS = 1500;

const here = fileURLToPath(new URL(".", import.meta.url));
const zigttp = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
if (zigttp === undefined) throw new Error("the path of zigttp is missing");
const folder = mkdtempSync(join(tmpdir(), "everyday-"));
const untyped = join(folder, "bodies.mjs");
writeFileSync(untyped, amaro.transformSync(readFileSync(join(here, "bodies.ts"), "utf8"), { mode: "strip-only" }).code);
const { bodies } = await import(pathToFileURL(untyped).href);

const bun = ["x64", "aarch64"].map((machine) => join(here, `node_modules/@oven/bun-linux-${machine}/bin/bun`))
  .find((path) => existsSync(path));
const COMMANDS = [
  ["zigttp", zigttp, (port) => ["run", join(here, "handler.ts"), "--port", port]],
  ["Node.js", process.execPath, (port) => [join(here, "node.mjs"), port, untyped]],
  ["Bun", bun, (port) => [join(here, "bun.ts"), port]],
].filter(([name, program]) => {
  if (program === undefined) console.log(`${name} is left out: npm ci has not installed it`);
  return program !== undefined;
});

const isPinned = !isQuick && availableParallelism() > 1;
const onCore = (core, command) => isPinned ? ["taskset", "-c", String(core), ...command] : command;
if (isPinned) execFileSync("taskset", ["-p", "-c", "0", String(process.pid)], { stdio: "ignore" });

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => resolve(String(port)));
  });
});

const open = (port, name) => new Promise((resolve, reject) => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/${name}`, { perMessageDeflate: false });
  socket.once("open", () => resolve(socket)).once("error", reject);
});

async function start([name, program, argumentsFor]) {
  const port = await freePort();
  const [file, ...rest] = onCore(availableParallelism() - 1, [program, ...argumentsFor(port)]);
  const environment = { ...process.env, NODE_ENV: "production", RUST_LOG: "warn" };
  const child = spawn(file, rest, { stdio: ["ignore", "ignore", "inherit"], env: environment });
  for (let attempt = 0; ; attempt++) {
    const socket = await open(port, "echo").catch(() => undefined);
    if (socket !== undefined) {
      socket.close();
      return { name, port, child };
    }
    if (attempt === 600 || child.exitCode !== null) throw new Error(`${name} does not listen`);
    await sleep(100);
  }
}

// Nanoseconds of CPU of all threads so far.
function cpuTime({ child: { pid } }) {
  let total = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
  }
  return total;
}

// Microseconds of CPU for each message, sent for so long and by each connection `least` times.
async function cost(server, { name, messages, replies }, time, least) {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(server.port, name)));
  const [before, end] = [cpuTime(server), performance.now() + time];
  let count = 0;
  await Promise.all(sockets.map((socket, number) => new Promise((resolve, reject) => {
    let sent = 0;
    const send = () => socket.send(messages[(number + sent) % messages.length]);
    socket.on("close", () => reject(new Error(`${server.name} closed a connection to /${name}`)));
    socket.on("message", (data) => {
      const expected = replies[(number + sent) % messages.length];
      if (data.toString() !== expected) {
        reject(new Error(`${server.name} replied to /${name}\n${data}\nand not\n${expected}`));
      }
      sent++;
      count++;
      if (sent >= least && performance.now() >= end) resolve();
      else send();
    });
    send();
  })));
  const used = cpuTime(server) - before;
  for (const socket of sockets) socket.removeAllListeners("close").close();
  return used / 1000 / count;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

function report(servers, jobs, passes) {
  const others = servers.slice(1).map((server) => server.name);
  const cost = (server, job) => median(passes.map((pass) => pass[server][job.name]));
  const ratio = (other, job) => median(passes.map((pass) => pass.zigttp[job.name] / pass[other][job.name]));
  const alone = (server, job) => median(passes.map((pass) => pass[server][job.name] - pass[server].echo));
  console.log(`\nCPU us for each message, what of it is more than for an echo, and zigttp's ratio; medians of ${PASSES} passes\n`);
  const names = servers.map((server) => server.name);
  const head = ["", ...names, ...names.map((name) => `${name}, body alone`), ...others.map((name) => `ratio to ${name}`)];
  console.log(`| ${head.join(" | ")} |\n|---|${"---:|".repeat(head.length - 1)}`);
  for (const job of jobs) {
    const figures = [
      ...names.map((name) => cost(name, job).toFixed(1)),
      ...names.map((name) => alone(name, job).toFixed(1)),
      ...others.map((name) => ratio(name, job).toFixed(2)),
    ];
    console.log(`| ${job.name} | ${figures.join(" | ")} |`);
  }
}

const servers = [];
try {
  for (const command of COMMANDS) servers.push(await start(command));
  const jobs = Object.keys(bodies).map((name) => {
    const messages = messagesOf(name);
    return { name, messages, replies: messages.map((message) => bodies[name](message)) };
  });
  for (const job of jobs) {
    for (const server of servers) await cost(server, job, isQuick ? 0 : WARM_UP_MS, job.messages.length);
  }
  if (isQuick) {
    console.log(`${jobs.length} bodies give the same in ${servers.map((server) => server.name).join(", ")}`);
  } else {
    const passes = [];
    for (let number = 0; number < PASSES; number++) {
      const pass = Object.fromEntries(servers.map((server) => [server.name, {}]));
      for (const job of jobs) {
        for (let turn = 0; turn < servers.length; turn++) {
          const server = servers[(turn + number) % servers.length];
          pass[server.name][job.name] = await cost(server, job, TURN_MS, 1);
        }
      }
      passes.push(pass);
    }
    report(servers, jobs, passes);
  }
} finally {
  for (const { child } of servers) child.kill();
  rmSync(folder, { recursive: true });
}
