// The titles of `test.each` and `describe.each`: one for each row of a table.

import { print } from "./print.ts";

/** One row: what the function gets, and the title. */
export interface Row {
  title: string;
  values: unknown[];
}

/** Longest value in a title. */
const MAX_VALUE = 100;

const short = (value: unknown) => print(value, { isShort: true, maxLength: MAX_VALUE });

/** The rows of an array: an array is several arguments, everything else is one. */
export function rowsOfArray(array: readonly unknown[], title: string): Row[] {
  return array.map((row, index) => {
    const values = Array.isArray(row) ? row : [row];
    return { title: formatted(named(title, values[0], index), values, index), values };
  });
}

/** The rows of a table in a template: names in its first line, and a value for each name in each further one. */
export function rowsOfTemplate(texts: TemplateStringsArray, cells: unknown[], title: string): Row[] {
  const heading = texts[0].trim().split("\n")[0];
  const names = heading.split("|").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length === 0) throw new TypeError("the first line of a table has the names of its columns, with `|` between them");
  if (cells.length === 0 || cells.length % names.length !== 0) {
    throw new TypeError(`the table has ${names.length} columns (${names.join(", ")}), but ${cells.length} values`);
  }
  return Array.from({ length: cells.length / names.length }, (_, index) => {
    const values = cells.slice(index * names.length, (index + 1) * names.length);
    const row = Object.fromEntries(names.map((name, column) => [name, values[column]]));
    return { title: named(title, row, index), values: [row] };
  });
}

/** `$name` and `$name.of.it` are values of the row, `$#` its index. */
function named(title: string, row: any, index: number): string {
  return title.replace(/\$(#|[\p{ID_Start}_$][\p{ID_Continue}$]*(?:\.[\p{ID_Start}_$][\p{ID_Continue}$]*)*)/gu, (whole, path: string) => {
    if (path === "#") return String(index);
    if (row === null || typeof row !== "object" || Array.isArray(row)) return whole;
    const names = path.split(".");
    if (!(names[0] in row)) return whole;
    const value = names.reduce((it, name) => it?.[name], row);
    return typeof value === "string" ? value : short(value);
  });
}

/** `%s` and its kin take the arguments one by one; `%#` is the row's index and `%$` its number. */
function formatted(title: string, values: unknown[], index: number): string {
  let next = 0;
  return title.replace(/%[sdifjoOpc#$%]/g, (sign) => {
    if (sign === "%%") return "%";
    if (sign === "%#") return String(index);
    if (sign === "%$") return String(index + 1);
    if (next >= values.length) return sign;
    const value = values[next++];
    switch (sign) {
      case "%s":
        return typeof value === "string" ? value : typeof value === "object" ? short(value) : String(value);
      case "%d":
        return String(typeof value === "bigint" ? `${value}n` : Number(value));
      case "%i":
        return String(typeof value === "bigint" ? `${value}n` : parseInt(String(value), 10));
      case "%f":
        return String(parseFloat(String(value)));
      case "%j":
        return JSON.stringify(value) ?? "undefined";
      case "%c":
        return "";
      default:
        return short(value);
    }
  });
}
