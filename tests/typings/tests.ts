// Tests that the typings must take: what is written of matchers, tables and snapshots.
import { afterEach, beforeEach, describe, expect, it, test } from "zigttp:test";

class Refused extends Error {
  constructor(readonly code: number) {
    super();
  }
}

describe("matchers", () => {
  beforeEach(async () => {});
  afterEach(() => 1);

  test("take values and what stands for values", async () => {
    expect(1).toBe(1);
    expect({}).not.toEqual({ a: expect.any(String), b: expect.any(Refused), c: expect.any(BigInt), d: expect.any(Symbol) });
    expect({ a: 1 }).toMatchObject({ a: expect.closeTo(1) });
    expect([]).toContainEqual(expect.objectContaining({ a: 1 }));
    expect("").toHaveProperty(["a", 0], 1);
    expect("").toHaveProperty("a.b[0]");
    expect(() => {}).not.toThrow(Refused);
    expect(() => {}).toThrow(TypeError);
    expect(() => {}).toThrow(new Refused(1));
    expect(() => {}).toThrow(/a/);
    expect(new Refused(1)).toBeInstanceOf(Refused);
    await expect(Promise.resolve(1)).resolves.toBe(1);
    await expect(async () => 1).rejects.not.toThrow("x");
    expect.assertions(1);
  });

  test("take snapshots", () => {
    expect({}).toMatchSnapshot();
    expect({}).toMatchSnapshot("hint");
    expect({}).toMatchSnapshot({ at: expect.any(Number) }, "hint");
  });

  test.each([[1, 2, 3], [4, 5, 6]])("%i", (a, b, c) => {
    const sum: number = a + b + c;
    return sum;
  });
  test.each([[1, "a"], [2, "b"]] as const)("%i", (a, b) => {
    const [number, text]: [number, string] = [a, b];
    return [number, text];
  });
  test.each([{ a: 1 }, { a: 2 }])("$a", ({ a }) => a.toFixed());
  test.each([1, 2])("%i", (a) => a.toFixed());
  it.skip.each`a|b
    ${1}|${2}`("$a", ({ a, b }) => [a, b]);
  describe.only.each([1])("%i", (n) => n.toFixed());
  test.todo("later");
  test.only("alone", () => {});
});

// @ts-expect-error
test("without a function");
// @ts-expect-error
expect(1).toBeBetween(1, 2);
// @ts-expect-error
expect("text").toHaveLength("4");
// @ts-expect-error
expect(1).toMatchObject(1);
