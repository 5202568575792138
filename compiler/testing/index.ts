// The module `zigttp:test`.

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from "./registry.ts";
export { expect } from "./expect.ts";
export { connect, Connection, Refused, request } from "./connections.ts";
export { clock } from "./clock.ts";
export { world } from "./world.ts";
