// A server of a handler, as it is built in a folder of programs.

import { execFile, spawn } from "node:child_process";
import http from "node:http";
import path from "node:path";

/** What `zigts` says to these arguments, and whether it was content. */
export function zigts(programs, ...args) {
  return new Promise((resolve) => {
    execFile(path.join(programs, "zigts"), args, { maxBuffer: 64 << 20 }, (error, out, said) => {
      resolve({ isContent: error === null, said: out + said });
    });
  });
}

export class Server {
  #agent = new http.Agent({ keepAlive: true });

  static async start(programs, artifact) {
    const limits = "--cpu-limit 60s --memory-limit 512MiB --max-event-memory 512MiB --max-body-size 16MiB";
    const server = new Server();
    server.process = spawn(
      path.join(programs, "zigttp"), ["run", artifact, "--port", "0", ...limits.split(" ")],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    let said = "";
    for await (const part of server.process.stdout) {
      said += part;
      server.address = /http:\/\/[^/\s]+/.exec(said)?.[0];
      if (server.address) return server;
    }
    throw new Error(`the server of ${artifact} has not started`);
  }

  /** What the handler answers to a body, or why it does not. */
  post(query, body) {
    return new Promise((resolve) => {
      const request = http.request(`${this.address}/?${query}`, { method: "POST", agent: this.#agent }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part) => { text += part; });
        response.on("end", () => resolve(response.statusCode === 200 ? text : `status ${response.statusCode}`));
      });
      request.on("error", (error) => resolve(`no answer: ${error.message}`));
      request.end(body);
    });
  }

  stop() {
    this.#agent.destroy();
    this.process.kill();
  }
}

/** Calls `run` with each item, four at a time. */
export async function each(items, run) {
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const item = items[next++];
      if (next % 2000 === 0) console.error(`${next} of ${items.length}`);
      await run(item);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}
