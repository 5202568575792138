// The globals of a handler beyond the language itself. No intervals, no streams, no DOM.

/** One WebSocket connection, as events are given it. It has no members: hand it to the functions of `zigttp:websocket`. */
type WebSocket = import("zigttp:websocket").WebSocket;

/** Writes lines to the server's log. The first argument may have `%s`, `%d`, `%i`, `%f`, `%j`, `%o`. */
declare const console: {
  debug(...values: unknown[]): void;
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
};

/** What a body can be made of. A number, a boolean or a `URL` is written as a string; a plain object is refused. */
/** All of a body, to be passed on as it is: `new Response(response.body, init)`. It is no stream. */
interface WholeBody {
  readonly [Symbol.toStringTag]: "WholeBody";
}

type BodyInit = string | ArrayBuffer | ArrayBufferView | Blob | FormData | URLSearchParams | WholeBody;

/** What headers can be made of: another list, pairs of name and value, or an object. */
type HeadersInit = Headers | Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

/**
 * A list of header fields; names have no case (https://fetch.spec.whatwg.org/#headers-class). An iteration goes over them in
 * the order of their names, and sees what has changed meanwhile.
 */
declare class Headers {
  constructor(init?: HeadersInit);
  append(name: string, value: string): void;
  delete(name: string): void;
  /** The values of that name, joined by ", "; null if there are none. */
  get(name: string): string | null;
  /** Every Set-Cookie header by itself. */
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(callback: (value: string, name: string, headers: Headers) => void, receiver?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

/** How a request is made. */
interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  /** Aborts a `fetch`. The time of `AbortSignal.timeout` begins when the request is sent. */
  signal?: AbortSignal | null;
  /** What a `fetch` makes of a redirect: it follows 5 at most, unless told otherwise. */
  redirect?: "follow" | "manual" | "error";
  /**
   * Of a `fetch`: the name of its answer. A later run of the event that asks by this name gets it, whatever the request has
   * become, and the server gets the name as `Idempotency-Key`, so that it acts once.
   */
  key?: string;
}

/**
 * Asks another server, or with `room:/path` the `onRequest` of a room of this one
 * (https://fetch.spec.whatwg.org/#fetch-method). Effect: io.
 *
 * The operator has to allow the host (`--allow-fetch`); else the promise is rejected with a TypeError that says so, as it is
 * where there is no answer.
 *
 * Nothing is held while it waits: the event ends, and is run again from its beginning when the answer is there. The room goes
 * on meanwhile, so that the last run sees what has changed, and all that the event does takes effect at its end. A request
 * that is the same in each run is sent once; one that differs is sent again, unless it has a `key`. A `fetch` that the event
 * does not wait for is sent at its end, and its answer dropped.
 */
declare function fetch(url: string | URL | Request, init?: RequestInit): Promise<Response>;

/**
 * Calls back after so many milliseconds, if the event waits for it: `await new Promise((resolve) => setTimeout(resolve, 100))`.
 * An event ends when its handler does, and a timer that is pending then is dropped; what is to happen later is a timer of the
 * room, `signalAt` of `zigttp:durable`. Effect: io.
 */
declare function setTimeout(callback: (...args: any[]) => void, milliseconds?: number, ...args: unknown[]): number;

/** Forgets a timer of `setTimeout`. */
declare function clearTimeout(timer: number | undefined): void;

/** `now()` is the same as `Date.now()`, and as constant within an event. */
declare const performance: { now(): number; readonly timeOrigin: number };

interface DateConstructor {
  /**
   * The time of the event: when its first run has begun, and a step later after each answered `fetch` or timer. It stands still
   * between these, so that all runs of an event see the same, as those that are recorded do; how long code takes cannot be
   * measured with it. At the top level it is 0.
   */
  now(): number;
}

/**
 * An HTTP request (https://fetch.spec.whatwg.org/#request-class). Its body can be read once. There are no streams.
 */
declare class Request {
  /**
   * The URL must be absolute, and without a user name and a password. A request in its place, or as `init`, gives its body
   * to the new one: its `bodyUsed` is true then.
   */
  constructor(url: string | URL | Request, init?: RequestInit | Request);
  readonly method: string;
  /**
   * In a request that was received: `http://` or `https://`, the host it was sent to, path and query. Reading it with
   * `URL` resolves `..` in the path, which `path` does not.
   */
  readonly url: string;
  /** The path as it was sent, without its query: what routes and rooms go by. */
  readonly path: string;
  /** What follows the first question mark, without it. */
  readonly query: string;
  readonly headers: Headers;
  /** The percent-decoded parameters of the route that the path matches; empty without one. */
  readonly params: { readonly [name: string]: string };
  /**
   * In `onUpgrade`, with `--resume`: the attachment that this client has left on this URL. The connection gets it unless
   * `onUpgrade` returns another value. `undefined` if there is none, and in every other request.
   */
  readonly resumable: any;
  /** `null` where there is none. Whoever it is passed on to has it then: `bodyUsed` is true. */
  readonly body: WholeBody | null;
  readonly bodyUsed: boolean;
  readonly redirect: "follow" | "manual" | "error";
  readonly signal: AbortSignal;
  text(): Promise<string>;
  json(): Promise<any>;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  blob(): Promise<Blob>;
  /** The fields of `multipart/form-data` or `application/x-www-form-urlencoded`, as the header `Content-Type` says. */
  formData(): Promise<FormData>;
  clone(): Request;
}

/** What `onSignal` learns besides name and data. */
interface SignalInfo {
  /** The same at each attempt: a key for services that must act once. */
  readonly id: string;
  readonly kind: "signal" | "timer";
  /** When it was due, in milliseconds since 1970; of a signal, when it was sent. */
  readonly scheduledTime: number;
  /** 1 at the first attempt. */
  readonly attempt: number;
  /** Whether it is parked if this attempt fails. */
  readonly last: boolean;
  /** How many periods of `signalEvery` have passed without a signal. */
  readonly missed: number;
  /** The room that has sent it; undefined for a timer, and for a signal of an operator or of `handler(req)`. */
  readonly from?: string;
}

/**
 * What `onUpgrade` returns: a Response refuses the connection, nothing accepts it, and a string, bytes or
 * a plain object accept it and become its first attachment.
 */
type Admission = Response | string | ArrayBuffer | ArrayBufferView | FirstAttachment | undefined | void;

/** A plain object: no array, Map or Set, no function, no Date and no promise inside of the one returned. */
type FirstAttachment = object & {
  readonly [key: string]: any;
  readonly [Symbol.iterator]?: never;
  readonly call?: never;
  readonly getTime?: never;
  readonly then?: never;
};

/** How a response is made. */
interface ResponseInit {
  /** 200 to 599; 200 unless given. */
  status?: number;
  /** Without line breaks, and of characters up to U+00FF. It is not sent: HTTP/2 has none. */
  statusText?: string;
  headers?: HeadersInit;
}

/** Options of `Response.events`. */
interface EventsInit {
  /** Stored with the connection, as by `serializeAttachment`. */
  attachment?: unknown;
  headers?: HeadersInit;
  /** How many milliseconds the client waits before it opens the stream again, up to a day. */
  retry?: number;
}

/** An HTTP response (https://fetch.spec.whatwg.org/#response-class). With the status 204, 205 or 304 it has no body. */
declare class Response {
  constructor(body?: BodyInit | null, init?: ResponseInit);
  /** Plain text. */
  static text(text: string, init?: ResponseInit): Response;
  /** A page of HTML. */
  static html(html: string, init?: ResponseInit): Response;
  /** A value as JSON. */
  static json(value: unknown, init?: ResponseInit): Response;
  /** Sends the client elsewhere, with 302 unless told otherwise. */
  static redirect(url: string | URL, status?: 301 | 302 | 303 | 307 | 308): Response;
  /**
   * From `onRequest` alone: its client, such as an `EventSource`, becomes a member of the room. `send` writes an event to it:
   * a text as a `message`, bytes in base64 as a `binary`. `onOpen` runs next, and `onClose` when the client goes (1006).
   * `close` ends the stream; an `EventSource` then asks again, until it gets another status than 200.
   */
  static events(options?: EventsInit): Response;
  readonly type: "default" | "basic";
  /** That of the last request of a `fetch`, after redirects; empty of a response that was made here. */
  readonly url: string;
  readonly redirected: boolean;
  readonly status: number;
  readonly statusText: string;
  /** Whether the status is between 200 and 299. */
  readonly ok: boolean;
  readonly headers: Headers;
  /** `null` where there is none. Whoever it is passed on to has it then: `bodyUsed` is true. */
  readonly body: WholeBody | null;
  readonly bodyUsed: boolean;
  text(): Promise<string>;
  json(): Promise<any>;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  blob(): Promise<Blob>;
  /** The fields of `multipart/form-data` or `application/x-www-form-urlencoded`, as the header `Content-Type` says. */
  formData(): Promise<FormData>;
  clone(): Response;
}

/** A URL (https://url.spec.whatwg.org). */
declare class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string | URL, base?: string | URL): boolean;
  static parse(url: string | URL, base?: string | URL): URL | null;
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  hash: string;
  readonly searchParams: URLSearchParams;
  toString(): string;
  toJSON(): string;
}

/** The pairs of a URL's query, or of a form. */
declare class URLSearchParams {
  constructor(init?: string | URLSearchParams | Iterable<readonly [string, string]> | Readonly<Record<string, string>>);
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, receiver?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
  toString(): string;
}

/** Text to UTF-8. */
declare class TextEncoder {
  readonly encoding: "utf-8";
  encode(input?: string): Uint8Array<ArrayBuffer>;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

/**
 * Bytes to text, from UTF-8, UTF-16 (`utf-16le`, `utf-16be`) or Windows-1252, by all labels that the standard has for them:
 * `utf8`, `utf-16`, `latin1`, `ascii`, `iso-8859-1` and others. Any other label is a RangeError.
 */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(input?: ArrayBufferLike | ArrayBufferView, options?: { stream?: boolean }): string;
}

/** What an EventTarget tells its listeners (https://dom.spec.whatwg.org/#interface-event). */
declare class Event {
  constructor(type: string, init?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean });
  readonly type: string;
  readonly target: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly defaultPrevented: boolean;
  readonly isTrusted: boolean;
  readonly timeStamp: number;
  composedPath(): EventTarget[];
  preventDefault(): void;
  stopPropagation(): void;
  stopImmediatePropagation(): void;
}

/** An event with a value. */
declare class CustomEvent<Detail = any> extends Event {
  constructor(type: string, init?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean; detail?: Detail });
  readonly detail: Detail;
}

type EventListener = (event: any) => void;

/**
 * Something with listeners (https://dom.spec.whatwg.org/#interface-eventtarget). It has no parents, so that an event visits its
 * target alone. What a listener throws fails the event of the handler, as a rejection that nobody handles does.
 */
declare class EventTarget {
  addEventListener(
    type: string,
    listener: EventListener | { handleEvent: EventListener } | null,
    options?: boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal },
  ): void;
  removeEventListener(
    type: string,
    listener: EventListener | { handleEvent: EventListener } | null,
    options?: boolean | { capture?: boolean },
  ): void;
  /** Calls the listeners, before it returns. False if one of them has called `preventDefault`. */
  dispatchEvent(event: Event): boolean;
}

/** Makes a signal, and aborts what was given that. */
declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

/** Says that something is to end (https://dom.spec.whatwg.org/#interface-AbortSignal). */
declare class AbortSignal extends EventTarget {
  private constructor();
  static abort(reason?: unknown): AbortSignal;
  /** One that is aborted as soon as any of these is. */
  static any(signals: Iterable<AbortSignal>): AbortSignal;
  /** One that is aborted after so many milliseconds, with a `TimeoutError`. */
  static timeout(milliseconds: number): AbortSignal;
  readonly aborted: boolean;
  /** What `abort` was given; a DOMException of the name `AbortError` or `TimeoutError` otherwise. */
  readonly reason: any;
  throwIfAborted(): void;
  onabort: ((event: Event) => void) | null;
}

/** Bytes with a type (https://w3c.github.io/FileAPI/#blob-section). There are no streams. */
declare class Blob {
  constructor(
    parts?: Iterable<string | ArrayBuffer | ArrayBufferView | Blob>,
    options?: { type?: string; endings?: "transparent" | "native" },
  );
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number, type?: string): Blob;
  text(): Promise<string>;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A Blob with a name. */
declare class File extends Blob {
  constructor(
    parts: Iterable<string | ArrayBuffer | ArrayBufferView | Blob>,
    name: string,
    options?: { type?: string; endings?: "transparent" | "native"; lastModified?: number },
  );
  readonly name: string;
  readonly lastModified: number;
}

/** The fields of a form, each a string or a File (https://xhr.spec.whatwg.org/#interface-formdata). */
declare class FormData {
  constructor();
  append(name: string, value: string): void;
  append(name: string, value: Blob, filename?: string): void;
  delete(name: string): void;
  get(name: string): string | File | null;
  getAll(name: string): (string | File)[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  set(name: string, value: Blob, filename?: string): void;
  forEach(callback: (value: string | File, name: string, form: FormData) => void, receiver?: unknown): void;
  entries(): IterableIterator<[string, string | File]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string | File>;
  [Symbol.iterator](): IterableIterator<[string, string | File]>;
}

/** An error with one of the names that web standards give; older ones have a code too. */
declare class DOMException extends Error {
  constructor(message?: string, name?: string);
  readonly name: string;
  readonly message: string;
  readonly code: number;
}

type BufferSource = ArrayBuffer | ArrayBufferView;
type KeyFormat = "raw" | "spki" | "pkcs8" | "jwk";
type KeyType = "public" | "private" | "secret";
type KeyUsage =
  | "encrypt" | "decrypt" | "sign" | "verify" | "deriveKey" | "deriveBits" | "wrapKey" | "unwrapKey";

/** The name of an algorithm, or an object with its name and parameters. */
type AlgorithmIdentifier = string | { name: string };
/** `SHA-1`, `SHA-256`, `SHA-384` or `SHA-512`. */
type HashAlgorithmIdentifier = AlgorithmIdentifier;

interface HmacImportParams { name: string; hash: HashAlgorithmIdentifier; length?: number }
interface HmacKeyGenParams extends HmacImportParams {}
interface AesKeyGenParams { name: string; length: number }
interface AesGcmParams { name: string; iv: BufferSource; additionalData?: BufferSource; tagLength?: number }
interface RsaOaepParams { name: string; label?: BufferSource }
interface AesCbcParams { name: string; iv: BufferSource }
interface AesCtrParams { name: string; counter: BufferSource; length: number }
interface RsaHashedImportParams { name: string; hash: HashAlgorithmIdentifier }
/** `modulusLength` is 2048, 3072, 4096 or 8192, `publicExponent` is 65,537: `new Uint8Array([1, 0, 1])`. */
interface RsaHashedKeyGenParams extends RsaHashedImportParams {
  modulusLength: number;
  publicExponent: Uint8Array;
}
/** `saltLength` is as long as the hash. */
interface RsaPssParams { name: string; saltLength: number }
/** `namedCurve` is `P-256`, `P-384` or `P-521`. */
interface EcKeyImportParams { name: string; namedCurve: string }
interface EcKeyGenParams extends EcKeyImportParams {}
interface EcdsaParams { name: string; hash: HashAlgorithmIdentifier }
interface EcdhKeyDeriveParams { name: string; public: CryptoKey }
interface HkdfParams { name: string; hash: HashAlgorithmIdentifier; salt: BufferSource; info: BufferSource }
interface Pbkdf2Params { name: string; hash: HashAlgorithmIdentifier; salt: BufferSource; iterations: number }
interface KeyAlgorithm { name: string }

/** A key as JSON (RFC 7517). */
interface JsonWebKey {
  alg?: string; crv?: string; d?: string; dp?: string; dq?: string; e?: string; ext?: boolean; k?: string;
  key_ops?: string[]; kty?: string; n?: string; oth?: { d?: string; r?: string; t?: string }[]; p?: string;
  q?: string; qi?: string; use?: string; x?: string; y?: string;
}

/** A key of `crypto.subtle`. It lives as long as its event. */
declare class CryptoKey {
  private constructor();
  readonly type: KeyType;
  readonly extractable: boolean;
  readonly algorithm: KeyAlgorithm;
  readonly usages: KeyUsage[];
}

interface CryptoKeyPair {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
}

/**
 * WebCrypto (https://w3c.github.io/webcrypto/): digests SHA-1, SHA-256, SHA-384 and SHA-512; HMAC; AES-GCM, AES-CBC, AES-CTR and AES-KW; RSA-OAEP;
 * RSASSA-PKCS1-v1_5, RSA-PSS, ECDSA and Ed25519; ECDH and X25519; HKDF and PBKDF2. The server computes it: not at the top level, where there is none.
 *
 * What is not there is a NotSupportedError: RSA keys of less than 2,048 bits, and new ones with another public exponent than 65,537; RSA signatures
 * with SHA-1 (RSASSA-PKCS1-v1_5 verifies them), and salts of RSA-PSS of another length than the hash; AES-KW with keys of 192 bits.
 */
declare class SubtleCrypto {
  private constructor();
  digest(algorithm: AlgorithmIdentifier, data: BufferSource): Promise<ArrayBuffer>;
  sign(
    algorithm: AlgorithmIdentifier | RsaPssParams | EcdsaParams,
    key: CryptoKey,
    data: BufferSource,
  ): Promise<ArrayBuffer>;
  verify(
    algorithm: AlgorithmIdentifier | RsaPssParams | EcdsaParams,
    key: CryptoKey,
    signature: BufferSource,
    data: BufferSource,
  ): Promise<boolean>;
  encrypt(
    algorithm: AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
    key: CryptoKey,
    data: BufferSource,
  ): Promise<ArrayBuffer>;
  decrypt(
    algorithm: AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
    key: CryptoKey,
    data: BufferSource,
  ): Promise<ArrayBuffer>;
  generateKey(
    algorithm: "Ed25519" | "X25519" | { name: "Ed25519" | "X25519" } | RsaHashedKeyGenParams | EcKeyGenParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKeyPair>;
  generateKey(
    algorithm: AesKeyGenParams | HmacKeyGenParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  generateKey(
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKeyPair | CryptoKey>;
  deriveBits(
    algorithm: HkdfParams | Pbkdf2Params | EcdhKeyDeriveParams,
    baseKey: CryptoKey,
    length?: number | null,
  ): Promise<ArrayBuffer>;
  deriveKey(
    algorithm: HkdfParams | Pbkdf2Params | EcdhKeyDeriveParams,
    baseKey: CryptoKey,
    derivedKeyType: AlgorithmIdentifier | AesKeyGenParams | HmacImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  importKey(
    format: "jwk",
    keyData: JsonWebKey,
    algorithm: AlgorithmIdentifier | HmacImportParams | RsaHashedImportParams | EcKeyImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  importKey(
    format: Exclude<KeyFormat, "jwk">,
    keyData: BufferSource,
    algorithm: AlgorithmIdentifier | HmacImportParams | RsaHashedImportParams | EcKeyImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  exportKey(format: "jwk", key: CryptoKey): Promise<JsonWebKey>;
  exportKey(format: Exclude<KeyFormat, "jwk">, key: CryptoKey): Promise<ArrayBuffer>;
  wrapKey(
    format: KeyFormat,
    key: CryptoKey,
    wrappingKey: CryptoKey,
    wrapAlgorithm: AlgorithmIdentifier | AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
  ): Promise<ArrayBuffer>;
  unwrapKey(
    format: KeyFormat,
    wrappedKey: BufferSource,
    unwrappingKey: CryptoKey,
    unwrapAlgorithm: AlgorithmIdentifier | AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
    unwrappedKeyAlgorithm: AlgorithmIdentifier | HmacImportParams | RsaHashedImportParams | EcKeyImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  /** As `crypto.timingSafeEqual`. */
  timingSafeEqual(a: BufferSource, b: BufferSource): boolean;
}

/** Random bytes and cryptography. Not at the top level, where what they give would become part of the artifact. */
declare class Crypto {
  private constructor();
  readonly subtle: SubtleCrypto;
  getRandomValues<
    Integers extends
      | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array
      | Uint32Array | BigInt64Array | BigUint64Array,
  >(array: Integers): Integers;
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
  /**
   * Whether the bytes are the same, in a time that does not tell where they differ: for tokens and digests. A TypeError if there
   * are not as many of both.
   */
  timingSafeEqual(a: BufferSource, b: BufferSource): boolean;
}

declare const crypto: Crypto;

/** Base64 to a string of bytes. */
declare function atob(text: string): string;

/** A string of bytes to Base64. */
declare function btoa(bytes: string): string;

/**
 * Copies a value with everything in it. What cannot be copied is a `DataCloneError`: functions, symbols, promises, proxies, weak
 * collections, and objects such as `URL`, `Headers`, `Request` and `Response`. Of a class instance its own properties are copied.
 */
declare function structuredClone<Value>(value: Value, options?: { transfer?: ArrayBuffer[] }): Value;

/** Calls back once the current code has run, within the same event. */
declare function queueMicrotask(callback: () => void): void;

// There is no `Intl`. What the language has for locales answers as "en-US" does, whatever the locale, and in UTC.

interface Number {
  /**
   * The number as in "en-US": `1,234.5`. Of the options it knows `style` ("decimal", "percent", "currency"),
   * `currency`, `minimumFractionDigits`, `maximumFractionDigits`, `minimumIntegerDigits`, `maximumSignificantDigits`
   * and `useGrouping`.
   */
  toLocaleString(locales?: string | readonly string[], options?: Intl.NumberFormatOptions): string;
}

interface BigInt {
  /** The number as in "en-US": `1,234`. It knows the options of `Number.prototype.toLocaleString`. */
  toLocaleString(locales?: string | readonly string[], options?: Intl.NumberFormatOptions): string;
}

interface Date {
  /**
   * Date and time as in "en-US" and in UTC: `1/31/2026, 9:05:00 PM`. Of the options it knows `dateStyle`, `timeStyle`,
   * `weekday`, `year`, `month`, `day`, `hour`, `minute`, `second`, `fractionalSecondDigits`, `hour12`, `hourCycle` and
   * `timeZoneName`. A `timeZone` other than UTC throws a RangeError.
   */
  toLocaleString(locales?: string | readonly string[], options?: Intl.DateTimeFormatOptions): string;
  /** The date alone: `1/31/2026`. Otherwise as `toLocaleString`. */
  toLocaleDateString(locales?: string | readonly string[], options?: Intl.DateTimeFormatOptions): string;
  /** The time alone: `9:05:00 PM`. Otherwise as `toLocaleString`. */
  toLocaleTimeString(locales?: string | readonly string[], options?: Intl.DateTimeFormatOptions): string;
}

interface String {
  /**
   * Compares in the order of Unicode's root collation as far as Latin letters go: the letters first, then their accents,
   * then small letters before capitals, so that `é` stands between `e` and `f`. Of the options it knows `numeric` and
   * `sensitivity`.
   */
  localeCompare(that: string, locales?: string | readonly string[], options?: Intl.CollatorOptions): number;
  /** As `toUpperCase`; for "tr" and "az" `i` becomes `İ`. */
  toLocaleUpperCase(locales?: string | readonly string[]): string;
  /** As `toLowerCase`; for "tr" and "az" `I` becomes `ı`. */
  toLocaleLowerCase(locales?: string | readonly string[]): string;
}
