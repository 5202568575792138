// URL and URLSearchParams of WHATWG, over the parser of Rust's `url`.
(function (native, internals) {
  "use strict";

  const { define, inspectors } = internals;
  const text = (value) => String(value).toWellFormed();

  // In the order of `parts` in globals.rs.
  const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6,
    PORT = 7, PATHNAME = 8, SEARCH = 9, HASH = 10;

  // Set by the static block of URLSearchParams: the list of one that belongs to a URL.
  let attach, refill;

  class URLSearchParams {
    #list = [];
    #changed = null;

    static {
      attach = (params, changed) => {
        params.#changed = changed;
      };
      refill = (params, search) => {
        params.#list = URLSearchParams.#parse(search.replace(/^\?/, ""));
      };
    }

    static #parse(form) {
      const flat = native.parseForm(form);
      const list = [];
      for (let index = 0; index < flat.length; index += 2) list.push([flat[index], flat[index + 1]]);
      return list;
    }

    constructor(init = "") {
      if ((typeof init === "object" && init !== null) || typeof init === "function") {
        if (typeof init[Symbol.iterator] === "function") {
          for (const pair of init) {
            const [...items] = pair;
            if (items.length !== 2) {
              throw new TypeError("URLSearchParams: each pair must have a name and a value");
            }
            this.#list.push([text(items[0]), text(items[1])]);
          }
        } else {
          for (const name of Object.keys(init)) this.#list.push([text(name), text(init[name])]);
        }
      } else {
        this.#list = URLSearchParams.#parse(text(init).replace(/^\?/, ""));
      }
    }

    #update() {
      this.#changed?.(this.toString());
    }

    get size() {
      return this.#list.length;
    }

    append(name, value) {
      this.#list.push([text(name), text(value)]);
      this.#update();
    }

    delete(name, value) {
      name = text(name);
      if (value !== undefined) value = text(value);
      this.#list = this.#list.filter(
        (pair) => pair[0] !== name || (value !== undefined && pair[1] !== value),
      );
      this.#update();
    }

    get(name) {
      name = text(name);
      return this.#list.find((pair) => pair[0] === name)?.[1] ?? null;
    }

    getAll(name) {
      name = text(name);
      return this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
    }

    has(name, value) {
      name = text(name);
      if (value !== undefined) value = text(value);
      return this.#list.some((pair) => pair[0] === name && (value === undefined || pair[1] === value));
    }

    set(name, value) {
      name = text(name);
      value = text(value);
      const first = this.#list.find((pair) => pair[0] === name);
      if (first === undefined) {
        this.#list.push([name, value]);
      } else {
        first[1] = value;
        this.#list = this.#list.filter((pair) => pair === first || pair[0] !== name);
      }
      this.#update();
    }

    sort() {
      // By UTF-16 units, which is what `<` compares; the sort is stable.
      this.#list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#update();
    }

    forEach(callback, receiver) {
      for (const [name, value] of this) callback.call(receiver, value, name, this);
    }

    *entries() {
      for (let index = 0; index < this.#list.length; index++) yield [...this.#list[index]];
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

    toString() {
      return native.formatForm(this.#list.flat());
    }
  }

  class URL {
    #parts;
    #params = null;

    constructor(url, base) {
      url = text(url);
      base = base === undefined ? undefined : text(base);
      const parts = native.parseUrl(url, base);
      if (parts === undefined || parts === null) {
        throw new TypeError(
          base === undefined
            ? `URL: ${JSON.stringify(url)} is not an absolute URL`
            : `URL: ${JSON.stringify(url)} is not a URL relative to ${JSON.stringify(base)}`,
        );
      }
      this.#parts = parts;
    }

    static canParse(url, base) {
      return URL.parse(url, base) !== null;
    }

    static parse(url, base) {
      try {
        return new URL(url, base);
      } catch {
        return null;
      }
    }

    #set(part, value) {
      this.#parts = native.setUrl(this.#parts[HREF], part, text(value));
    }

    get href() {
      return this.#parts[HREF];
    }

    set href(value) {
      this.#parts = new URL(value).#parts;
      if (this.#params !== null) refill(this.#params, this.#parts[SEARCH]);
    }

    get origin() {
      return this.#parts[ORIGIN];
    }

    get protocol() {
      return this.#parts[PROTOCOL];
    }

    set protocol(value) {
      this.#set("protocol", value);
    }

    get username() {
      return this.#parts[USERNAME];
    }

    set username(value) {
      this.#set("username", value);
    }

    get password() {
      return this.#parts[PASSWORD];
    }

    set password(value) {
      this.#set("password", value);
    }

    get host() {
      return this.#parts[HOST];
    }

    set host(value) {
      this.#set("host", value);
    }

    get hostname() {
      return this.#parts[HOSTNAME];
    }

    set hostname(value) {
      this.#set("hostname", value);
    }

    get port() {
      return this.#parts[PORT];
    }

    set port(value) {
      this.#set("port", value);
    }

    get pathname() {
      return this.#parts[PATHNAME];
    }

    set pathname(value) {
      this.#set("pathname", value);
    }

    get search() {
      return this.#parts[SEARCH];
    }

    set search(value) {
      this.#set("search", value);
      if (this.#params !== null) refill(this.#params, this.#parts[SEARCH]);
    }

    get hash() {
      return this.#parts[HASH];
    }

    set hash(value) {
      this.#set("hash", value);
    }

    get searchParams() {
      if (this.#params === null) {
        this.#params = new URLSearchParams(this.#parts[SEARCH]);
        attach(this.#params, (search) => this.#set("search", search));
      }
      return this.#params;
    }

    toString() {
      return this.#parts[HREF];
    }

    toJSON() {
      return this.#parts[HREF];
    }
  }

  for (const [Class, name] of [[URL, "URL"], [URLSearchParams, "URLSearchParams"]]) {
    Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
    define(name, Class);
  }
  inspectors.set(URL.prototype, (url) => `URL ${JSON.stringify(url.href)}`);
  inspectors.set(URLSearchParams.prototype, (params) =>
    `URLSearchParams ${JSON.stringify(params.toString())}`);
})
