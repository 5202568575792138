// URL and URLSearchParams of WHATWG, over the parser in url.rs.
(function (native, internals) {
  "use strict";

  const {
    brands, expose, isObject, makeIterable, pairsOf, requireArguments, usvString,
  } = internals;

  // In the order of `Url::parts`.
  const HREF = 0, ORIGIN = 1, PROTOCOL = 2, USERNAME = 3, PASSWORD = 4, HOST = 5, HOSTNAME = 6,
    PORT = 7, PATHNAME = 8, SEARCH = 9, HASH = 10;

  // Set by the static block of URLSearchParams: the list of one that belongs to a URL.
  let attach, refill, listOf;

  const formatForm = (params) => native.formatForm(listOf(params).flat());

  const parseForm = (form) => {
    const flat = native.parseForm(form);
    const list = [];
    for (let index = 0; index < flat.length; index += 2) list.push([flat[index], flat[index + 1]]);
    return list;
  };
  const withoutMark = (search) => (search.startsWith("?") ? search.slice(1) : search);

  class URLSearchParams {
    #list;
    #changed = null;

    static {
      attach = (params, changed) => {
        params.#changed = changed;
      };
      refill = (params, search) => {
        params.#list = parseForm(withoutMark(search));
      };
      listOf = (params) => params.#list;
      brands.push((value) => #list in value);
    }

    constructor(init = "") {
      if (!isObject(init)) {
        this.#list = parseForm(withoutMark(usvString(init)));
        return;
      }
      const pairs = pairsOf(init, usvString, usvString, "URLSearchParams");
      // Names of a record that become one, as lone surrogates do, have the last one's value.
      const isRecord = init[Symbol.iterator] === undefined || init[Symbol.iterator] === null;
      this.#list = isRecord ? [...new Map(pairs)] : pairs;
    }

    #update() {
      this.#changed?.();
    }

    get size() {
      return this.#list.length;
    }

    append(name, value) {
      requireArguments(arguments.length, 2, "URLSearchParams.append");
      this.#list.push([usvString(name), usvString(value)]);
      this.#update();
    }

    delete(name, value = undefined) {
      requireArguments(arguments.length, 1, "URLSearchParams.delete");
      name = usvString(name);
      if (value !== undefined) value = usvString(value);
      this.#list = this.#list.filter(
        (pair) => pair[0] !== name || (value !== undefined && pair[1] !== value),
      );
      this.#update();
    }

    get(name) {
      requireArguments(arguments.length, 1, "URLSearchParams.get");
      name = usvString(name);
      const list = this.#list;
      for (let index = 0; index < list.length; index++) {
        if (list[index][0] === name) return list[index][1];
      }
      return null;
    }

    getAll(name) {
      requireArguments(arguments.length, 1, "URLSearchParams.getAll");
      name = usvString(name);
      return this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
    }

    has(name, value = undefined) {
      requireArguments(arguments.length, 1, "URLSearchParams.has");
      name = usvString(name);
      if (value !== undefined) value = usvString(value);
      return this.#list.some((pair) => pair[0] === name && (value === undefined || pair[1] === value));
    }

    set(name, value) {
      requireArguments(arguments.length, 2, "URLSearchParams.set");
      name = usvString(name);
      value = usvString(value);
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

    toString() {
      return formatForm(this);
    }
  }
  makeIterable(URLSearchParams, "URLSearchParams", listOf);

  // The parts of a URL, or null.
  const parse = (url, base) => native.parseUrl(url, base) ?? null;

  // A URL without its query and fragment, and its fragment with the mark. Both marks are nowhere before them.
  const aroundQuery = (href) => {
    const hash = href.indexOf("#");
    const before = hash < 0 ? href : href.slice(0, hash);
    const query = before.indexOf("?");
    return [query < 0 ? before : before.slice(0, query), hash < 0 ? "" : href.slice(hash)];
  };

  class URL {
    // Read by `#current`, as the parameters may have changed since.
    #parts;
    #params = null;
    #isStale = false;

    static {
      brands.push((value) => #parts in value);
    }

    constructor(url, base = undefined) {
      url = usvString(url);
      if (base !== undefined) base = usvString(base);
      const parts = native.parseUrl(url, base);
      this.#parts = parts;
      if (parts === undefined || parts === null) {
        throw new TypeError(
          base === undefined
            ? `URL: ${JSON.stringify(url)} is not an absolute URL`
            : `URL: ${JSON.stringify(url)} is not a URL relative to ${JSON.stringify(base)}`,
        );
      }
    }

    static canParse(url, base = undefined) {
      requireArguments(arguments.length, 1, "URL.canParse");
      url = usvString(url);
      return parse(url, base === undefined ? undefined : usvString(base)) !== null;
    }

    static parse(url, base = undefined) {
      requireArguments(arguments.length, 1, "URL.parse");
      url = usvString(url);
      const parts = parse(url, base === undefined ? undefined : usvString(base));
      return parts === null ? null : new URL(parts[HREF]);
    }

    // The parts with the parameters as they are now: many changes are written once, when somebody looks.
    #current() {
      if (this.#isStale) {
        // Of the list itself: a handler may have put another `toString` before it.
        const search = formatForm(this.#params);
        this.#isStale = false;
        const parts = this.#parts;
        if (parts[PATHNAME].startsWith("/")) {
          // What a form is written in needs no encoding in a URL.
          const [before, hash] = aroundQuery(parts[HREF]);
          parts[SEARCH] = search === "" ? "" : `?${search}`;
          parts[HREF] = before + parts[SEARCH] + hash;
        } else {
          this.#parts = native.setUrl(parts[HREF], "search", search);
        }
      }
      return this.#parts;
    }

    #set(part, value) {
      value = usvString(value);
      this.#parts = native.setUrl(this.#current()[HREF], part, value);
    }

    get href() {
      return this.#current()[HREF];
    }

    set href(value) {
      this.#parts = new URL(value).#parts;
      this.#isStale = false;
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
      // Spaces at the end of an opaque path go with the query.
      return this.#current()[PATHNAME];
    }

    set pathname(value) {
      this.#set("pathname", value);
    }

    get search() {
      return this.#current()[SEARCH];
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
        attach(this.#params, () => {
          this.#isStale = true;
        });
      }
      return this.#params;
    }

    toString() {
      return this.#current()[HREF];
    }

    toJSON() {
      return this.#current()[HREF];
    }
  }

  expose(URL, "URL", (url) => `URL ${JSON.stringify(url.href)}`);
  expose(URLSearchParams, "URLSearchParams", (params) =>
    `URLSearchParams ${JSON.stringify(params.toString())}`);

  // What Request needs of a URL, or null if it is none: href, path and query.
  internals.readUrl = (url) => {
    const parts = parse(url, undefined);
    return parts === null ? null : {
      href: parts[HREF],
      path: parts[PATHNAME],
      query: withoutMark(parts[SEARCH]),
      hasCredentials: parts[USERNAME] !== "" || parts[PASSWORD] !== "",
    };
  };
})
