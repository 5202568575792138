  /** What a test or a hook runs. A promise that it returns is waited for. */
  type Body = () => unknown;

  interface Each<Options extends unknown[]> {
    /** Once for each row; an array is several arguments. The title may have `%s`, `%i`, `%j`, `%#` and, of objects, `$name`. */
    <Row extends readonly unknown[]>(rows: readonly Row[]): (title: string, body: (...row: [...Row]) => unknown, ...options: Options) => void;
    <Row>(rows: readonly Row[]): (title: string, body: (row: Row) => unknown, ...options: Options) => void;
    /** The rows of a table: names with `|` between them, and for each row as many values. */
    (names: TemplateStringsArray, ...values: unknown[]): (title: string, body: (row: any) => unknown, ...options: Options) => void;
  }

  interface Register {
    (title: string, body: Body): void;
    readonly each: Each<[]>;
  }

  interface Test extends Register {
    /** Of the tests of the file, only those marked so run. */
    readonly only: Register;
    readonly skip: Register;
    /** A test that is to be written: it is listed, and does not fail. */
    todo(title: string): void;
  }

  interface Describe extends Register {
    readonly only: Register;
    readonly skip: Register;
  }

  /** A test. It has a world and an instance of its own: nothing is shared with another one. */
  export const test: Test;
  export const it: Test;
  /** Tests that belong together. */
  export const describe: Describe;
  /** Runs before each test of the file or of this `describe`, the outer one's first. */
  export function beforeEach(body: Body): void;
  /** Runs after each test, also after one that has failed; the one that was written last runs first. */
  export function afterEach(body: Body): void;
  /** @deprecated Throws: each test has a world and an instance of its own. Use `beforeEach`. */
  export function beforeAll(body: Body): never;
  /** @deprecated Throws: each test has a world and an instance of its own. Use `afterEach`. */
  export function afterAll(body: Body): never;

  type AnyClass = abstract new (...parameters: never[]) => unknown;

  interface Matchers<Returned> {
    readonly not: Matchers<Returned>;
    /** The same value: `Object.is`. */
    toBe(expected: unknown): Returned;
    /** Equal in what it holds; properties that are `undefined` may be missing. */
    toEqual(expected: unknown): Returned;
    /** As `toEqual`, and of the same class, with the same properties and the same holes in arrays. */
    toStrictEqual(expected: unknown): Returned;
    /** Holds at least this; arrays have to be as long. */
    toMatchObject(expected: object): Returned;
    /** A text with this part, or a list with this item (`Object.is`). */
    toContain(expected: unknown): Returned;
    /** A list with an item that is equal. */
    toContainEqual(expected: unknown): Returned;
    toHaveLength(expected: number): Returned;
    /** Has a property at a path such as `"a.b[0]"` or `["a", "b", 0]`, with this value if one is given. */
    toHaveProperty(path: string | readonly PropertyKey[], value?: unknown): Returned;
    toMatch(expected: string | RegExp): Returned;
    /** Throws when it is called: an error whose message has this text, of this class, or like this one. */
    toThrow(expected?: string | RegExp | AnyClass | { message: string } | AsymmetricMatcher): Returned;
    toBeTruthy(): Returned;
    toBeFalsy(): Returned;
    toBeNull(): Returned;
    toBeUndefined(): Returned;
    toBeDefined(): Returned;
    toBeNaN(): Returned;
    toBeGreaterThan(expected: number | bigint): Returned;
    toBeGreaterThanOrEqual(expected: number | bigint): Returned;
    toBeLessThan(expected: number | bigint): Returned;
    toBeLessThanOrEqual(expected: number | bigint): Returned;
    /** Differs by less than half of the last of so many digits after the point (2). */
    toBeCloseTo(expected: number, digits?: number): Returned;
    toBeInstanceOf(expected: AnyClass): Returned;
    /** Equal to what the file beside the test holds. Written the first time, and again with `--update`. */
    toMatchSnapshot(hint?: string): Returned;
    toMatchSnapshot(properties: object, hint?: string): Returned;
    /** @deprecated Throws: tests never write into their own source. Use `toMatchSnapshot`. */
    toMatchInlineSnapshot(...expected: unknown[]): never;
  }

  interface Expectation extends Matchers<void> {
    /** Of what a promise is fulfilled with. */
    readonly resolves: Matchers<Promise<void>>;
    /** Of what a promise is rejected with. */
    readonly rejects: Matchers<Promise<void>>;
  }

  /** Stands for many values, wherever equality is asked for. */
  interface AsymmetricMatcher {
    asymmetricMatch(other: unknown): boolean;
  }

  interface AsymmetricMatchers {
    arrayContaining(items: readonly unknown[]): any;
    arrayOf(item: unknown): any;
    closeTo(value: number, digits?: number): any;
    objectContaining(properties: object): any;
    stringContaining(part: string): any;
    stringMatching(pattern: string | RegExp): any;
  }

  interface Expect extends AsymmetricMatchers {
    (received: unknown): Expectation;
    readonly not: AsymmetricMatchers;
    /** Any value of a class, such as `String`. */
    any(type: AnyClass | ((value?: any) => unknown)): any;
    /** Any value but `null` and `undefined`. */
    anything(): any;
    /** Fails the test unless it makes so many expectations. */
    assertions(count: number): void;
    /** Fails the test unless it makes an expectation. */
    hasAssertions(): void;
  }

  export const expect: Expect;
