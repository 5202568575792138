// Headers, Request and Response: what `handler(req)` and `onUpgrade(req)` get and give. No streams, no
// fetch.
(function (native, internals) {
  "use strict";

  const { define, inspect, inspectors, bytesOf } = internals;
  const { isArray } = Array;

  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  // ASCII without anything to trim, which nearly all values are.
  const PLAIN_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;
  const FORBIDDEN_IN_VALUE = /[\0\r\n]/;
  const OUTER_SPACE = /^[\t\n\r ]+|[\t\n\r ]+$/g;

  const headerName = (name) => {
    name = String(name);
    if (!TOKEN.test(name)) throw new TypeError(`Headers: ${JSON.stringify(name)} is no header name`);
    return name.toLowerCase();
  };

  const headerValue = (name, value) => {
    value = String(value);
    if (PLAIN_VALUE.test(value)) return value;
    value = value.replace(OUTER_SPACE, "");
    if (FORBIDDEN_IN_VALUE.test(value)) {
      throw new TypeError(`Headers: the value of ${name} has a line break or a zero character`);
    }
    for (let index = 0; index < value.length; index++) {
      if (value.charCodeAt(index) > 0xff) {
        throw new TypeError(`Headers: the value of ${name} has a character beyond U+00FF`);
      }
    }
    return value;
  };

  // Set by the static block of Headers: the list as lines for the host, its reverse, and what the
  // body says of its type, if the author has said nothing.
  let toLines, fromLines, setContentType;

  class Headers {
    // Pairs of lower-case name and value, in the order they were added.
    #list = [];

    static {
      toLines = (headers) => headers.#list.map(([name, value]) => `${name}: ${value}\n`).join("");
      fromLines = (lines) => {
        const headers = new Headers();
        for (const line of lines.split("\n")) {
          const colon = line.indexOf(":");
          if (colon > 0) {
            headers.#list.push([
              line.slice(0, colon).toLowerCase(),
              line.slice(colon + 1).replace(OUTER_SPACE, ""),
            ]);
          }
        }
        return headers;
      };
      setContentType = (headers, type) => {
        if (type !== null && !headers.#list.some((pair) => pair[0] === "content-type")) {
          headers.#list.push(["content-type", type]);
        }
      };
    }

    constructor(init = undefined) {
      if (init === undefined) return;
      if (init instanceof Headers) {
        this.#list = init.#list.map((pair) => [...pair]);
        return;
      }
      if (typeof init !== "object" || init === null) {
        throw new TypeError("Headers: init must be an object, pairs or Headers");
      }
      if (typeof init[Symbol.iterator] === "function") {
        for (const pair of init) {
          const [...items] = pair;
          if (items.length !== 2) throw new TypeError("Headers: each pair must have a name and a value");
          this.append(items[0], items[1]);
        }
      } else {
        for (const name of Object.keys(init)) this.append(name, init[name]);
      }
    }

    append(name, value) {
      name = headerName(name);
      this.#list.push([name, headerValue(name, value)]);
    }

    delete(name) {
      name = headerName(name);
      this.#list = this.#list.filter((pair) => pair[0] !== name);
    }

    get(name) {
      name = headerName(name);
      const values = this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
      return values.length === 0 ? null : values.join(", ");
    }

    getSetCookie() {
      return this.#list.filter((pair) => pair[0] === "set-cookie").map((pair) => pair[1]);
    }

    has(name) {
      name = headerName(name);
      return this.#list.some((pair) => pair[0] === name);
    }

    set(name, value) {
      name = headerName(name);
      value = headerValue(name, value);
      const at = this.#list.findIndex((pair) => pair[0] === name);
      if (at < 0) {
        this.#list.push([name, value]);
      } else {
        this.#list = this.#list.filter((pair, index) => index <= at || pair[0] !== name);
        this.#list[at] = [name, value];
      }
    }

    forEach(callback, receiver) {
      for (const [name, value] of this) callback.call(receiver, value, name, this);
    }

    // Sorted by name, values of one name joined, cookies apart.
    *entries() {
      const names = [...new Set(this.#list.map((pair) => pair[0]))].sort();
      for (const name of names) {
        if (name === "set-cookie") {
          for (const value of this.getSetCookie()) yield [name, value];
        } else {
          yield [name, this.get(name)];
        }
      }
    }

    *keys() {
      for (const [name] of this.entries()) yield name;
    }

    *values() {
      for (const [, value] of this.entries()) yield value;
    }

    [Symbol.iterator]() {
      return this.entries();
    }
  }

  // A body as it is kept: null, a string, or an ArrayBuffer of its own.
  const extractBody = (body, of) => {
    if (body === undefined || body === null) return null;
    if (typeof body === "string") return body.toWellFormed();
    if (body instanceof URLSearchParams) return body.toString();
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
      return bytesOf(body, of).slice().buffer;
    }
    throw new TypeError(
      `${of}: body must be a string, an ArrayBuffer, a typed array or URLSearchParams, ` +
        "not " + (typeof body === "object" ? "an object (use Response.json)" : `a ${typeof body}`),
    );
  };

  const contentType = (body) =>
    typeof body === "string" ? "text/plain;charset=UTF-8"
    : body instanceof URLSearchParams ? "application/x-www-form-urlencoded;charset=UTF-8"
    : null;

  // Set by the static block of Body: the body as it is kept, read or not.
  let bodyOf;

  // What Request and Response have in common.
  class Body {
    #body;
    #used = false;

    static {
      bodyOf = (message) => message.#body;
    }

    constructor(body) {
      this.#body = body;
    }

    get bodyUsed() {
      return this.#used;
    }

    #consume() {
      if (this.#used) throw new TypeError("the body has been read already");
      this.#used = this.#body !== null;
      return this.#body;
    }

    async text() {
      const body = this.#consume();
      return typeof body === "string" ? body
        : body === null ? ""
        : new TextDecoder().decode(body);
    }

    async json() {
      return JSON.parse(await this.text());
    }

    async arrayBuffer() {
      const body = this.#consume();
      return body === null ? new ArrayBuffer(0)
        : typeof body === "string" ? new TextEncoder().encode(body).buffer
        : body;
    }

    async bytes() {
      return new Uint8Array(await this.arrayBuffer());
    }
  }

  const METHODS_WITHOUT_BODY = ["GET", "HEAD"];
  // Methods that are upper case however the author wrote them (Fetch, "normalize").
  const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;
  const AUTHORITY = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/;
  // In place of a URL: the request is the host's, whose word is taken for everything.
  const RECEIVED = Symbol("received");

  // Path, and query without its question mark, of a URL that an author has written.
  const split = (url) => {
    const target = url.replace(AUTHORITY, "").replace(/#.*$/s, "");
    const at = target.indexOf("?");
    return at < 0 ? [target || "/", ""] : [target.slice(0, at) || "/", target.slice(at + 1)];
  };

  class Request extends Body {
    #method;
    #url;
    #path;
    #query;
    #headers;
    #isReceived = false;

    constructor(url, init = {}) {
      if (url === RECEIVED) {
        super(init.body ?? null);
        this.#method = init.method;
        // Never read back out of the URL: the host says each by itself.
        const { origin, path, search } = init;
        this.#url = origin + path + search;
        this.#path = path;
        this.#query = search.slice(1);
        this.#isReceived = true;
        this.#headers = fromLines(init.headers);
        return;
      }
      const from = url instanceof Request ? url : null;
      if (from?.bodyUsed) throw new TypeError("Request: the body has been read already");
      let method = String(init?.method ?? from?.method ?? "GET");
      if (!TOKEN.test(method)) throw new TypeError(`Request: ${JSON.stringify(method)} is no method`);
      if (NORMALIZED.test(method)) method = method.toUpperCase();
      const body = init?.body ?? (from && bodyOf(from));
      if (body !== null && body !== undefined && METHODS_WITHOUT_BODY.includes(method)) {
        throw new TypeError(`Request: a ${method} request has no body`);
      }
      super(extractBody(body, "Request"));
      this.#method = method;
      this.#url = from?.url ?? String(url);
      [this.#path, this.#query] = from ? [from.path, from.query] : split(this.#url);
      this.#headers = new Headers(init?.headers ?? from?.headers);
      this.#isReceived = from !== null && from.#isReceived;
      setContentType(this.#headers, contentType(init?.body));
    }

    get method() {
      return this.#method;
    }

    // Absolute where the host has received it.
    get url() {
      return this.#url;
    }

    // As it was sent, which is what routes and rooms go by.
    get path() {
      return this.#path;
    }

    // What follows the first question mark, without it.
    get query() {
      return this.#query;
    }

    get headers() {
      return this.#headers;
    }

    // Those of the route that its path matches.
    get params() {
      return this.#isReceived ? native.pathParams(this.#path) : {};
    }

    // What its client has left, which only the `onUpgrade` of that client is told.
    get resumable() {
      return this.#isReceived ? native.resumable() : undefined;
    }

    clone() {
      return new Request(this);
    }
  }

  const NULL_BODY_STATUS = [204, 205, 304];
  const REDIRECT_STATUS = [301, 302, 303, 307, 308];

  const HREF = 0;
  const ANY_BASE = "http://base.invalid/";
  // What the URL standard strips from the ends of a URL, and leaves out of it.
  const STRIPPED = /^[\0-\x20]+|[\0-\x20]+$|[\t\n\r]/g;
  // What no part of a URL keeps: white space, controls, `"<>\`{}` and all beyond ASCII.
  const ENCODED = /[^!#-;=?-_a-z|~]/gu;

  // The value of a Location: an absolute URL as the URL standard writes it; one that is relative stays
  // so, as only its reader knows to what.
  const location = (url) => {
    url = String(url).toWellFormed();
    const absolute = native.parseUrl(url, undefined);
    if (absolute !== undefined && absolute !== null) return absolute[HREF];
    if ((native.parseUrl(url, ANY_BASE) ?? null) === null) {
      throw new TypeError(`Response.redirect: ${JSON.stringify(url)} is no URL`);
    }
    return url.replace(STRIPPED, "").replace(ENCODED, encodeURIComponent);
  };

  class Response extends Body {
    #status;
    #statusText;
    #headers;

    // `type` is what the static methods say of the body; it stands behind an author's own header.
    constructor(body = null, init = {}, type = contentType(body)) {
      const status = init?.status === undefined ? 200 : Number(init.status);
      if (!Number.isInteger(status) || status < 200 || status > 599) {
        throw new RangeError(`Response: status ${inspect(init.status)} is not between 200 and 599`);
      }
      const kept = extractBody(body, "Response");
      if (kept !== null && NULL_BODY_STATUS.includes(status)) {
        throw new TypeError(`Response: a response with status ${status} has no body`);
      }
      super(kept);
      this.#status = status;
      this.#statusText = String(init?.statusText ?? "");
      this.#headers = new Headers(init?.headers);
      setContentType(this.#headers, type);
    }

    static text(text, init = {}) {
      return new Response(String(text), init, "text/plain; charset=utf-8");
    }

    static html(html, init = {}) {
      return new Response(String(html), init, "text/html; charset=utf-8");
    }

    static json(value, init = {}) {
      const json = JSON.stringify(value);
      if (json === undefined) {
        throw new TypeError(`Response.json: ${inspect(value)} is not JSON`);
      }
      return new Response(json, init, "application/json");
    }

    static redirect(url, status = 302) {
      if (!REDIRECT_STATUS.includes(status)) {
        throw new RangeError(`Response.redirect: status ${inspect(status)} is no redirect`);
      }
      return new Response(null, { status, headers: { location: location(url) } });
    }

    get status() {
      return this.#status;
    }

    get statusText() {
      return this.#statusText;
    }

    get ok() {
      return this.#status < 300;
    }

    get headers() {
      return this.#headers;
    }

    clone() {
      if (this.bodyUsed) throw new TypeError("Response.clone: the body has been read already");
      const { status, statusText, headers } = this;
      return new Response(bodyOf(this), { status, statusText, headers });
    }
  }

  for (const [Class, name, shown] of [
    [Headers, "Headers", (headers) => Object.fromEntries(headers)],
    [Request, "Request", ({ method, url, headers }) => ({ method, url, headers })],
    [Response, "Response", ({ status, headers }) => ({ status, headers })],
  ]) {
    Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
    inspectors.set(Class.prototype, shown);
    define(name, Class);
  }

  internals.makeRequest = (method, target, headers, body) => {
    const [origin, path, search] = target.split("\n");
    return new Request(RECEIVED, { method, origin, path, search, headers, body });
  };

  const respond = (response, of) => {
    if (response.bodyUsed) {
      throw new TypeError(`${of} returned a Response whose body has been read already`);
    }
    native.respond(response.status, toLines(response.headers), bodyOf(response) ?? "");
  };

  internals.respond = (response) => {
    if (!(response instanceof Response)) {
      throw new TypeError(`handler must return a Response, not ${inspect(response)}`);
    }
    respond(response, "handler");
  };

  internals.nameRoom = (answer) => {
    if (answer instanceof Response) {
      respond(answer, "roomOf");
    } else if (typeof answer === "string") {
      if (!answer.isWellFormed()) throw new TypeError("roomOf returned a string with a lone surrogate");
      native.nameRoom(answer);
    } else if (answer instanceof Promise) {
      throw new TypeError("roomOf must not wait: it returned a promise");
    } else if (answer !== undefined) {
      throw new TypeError(
        "roomOf must return the name of a room, a Response or nothing, not " + inspect(answer),
      );
    }
  };

  internals.admit = (answer) => {
    if (answer instanceof Response) {
      respond(answer, "onUpgrade");
    } else if (
      typeof answer === "string" ||
      (typeof answer === "object" && answer !== null && !isArray(answer))
    ) {
      native.accept(answer);
    } else if (answer !== undefined) {
      // A boolean above all: `return isAllowed(req)` must not let anybody in.
      throw new TypeError(
        "onUpgrade must return a Response, a string, bytes, a plain object or nothing, not " +
          inspect(answer),
      );
    }
  };
})
