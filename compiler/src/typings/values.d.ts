  /**
   * What of a type can be stored: a string, an ArrayBuffer, a typed array, or JSON. What cannot be (a Date, a
   * function, a bigint) is `never`, so that a value with it is an error.
   */
  export type Storable<T> =
    T extends undefined | DataView ? never
    : T extends string | ArrayBuffer | ArrayBufferView ? T
    : StorableJson<T>;

  type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

  type StorableJson<T> =
    // A property that is undefined is left out.
    T extends Json | undefined ? T
    : T extends Function ? never
    : T extends readonly (infer Item)[] ? readonly Exclude<StorableJson<Item>, undefined>[]
    : T extends object ? { [Key in keyof T]: StorableJson<T[Key]> }
    : never;
