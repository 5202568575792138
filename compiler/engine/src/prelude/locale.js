// The functions of the language that ask for a locale, without Intl: they answer as en-US does, in UTC, and know the
// common options of numbers, dates and comparisons.
(function (_native, _internals) {
  "use strict";

  const replace = (prototype, methods) => {
    for (const name of Object.keys(methods)) {
      Object.defineProperty(prototype, name, {
        value: methods[name],
        writable: true,
        configurable: true,
        enumerable: false,
      });
    }
  };
  const of = (method) => Function.prototype.call.bind(method);
  const numberOf = of(Number.prototype.valueOf);
  const bigintOf = of(BigInt.prototype.valueOf);
  const timeOf = of(Date.prototype.getTime);

  // Numbers.

  const SYMBOLS = {
    AUD: "A$", BRL: "R$", CAD: "CA$", CNY: "CN¥", EUR: "€", GBP: "£", ILS: "₪", INR: "₹", JPY: "¥",
    KRW: "₩", MXN: "MX$", NZD: "NZ$", PHP: "₱", TWD: "NT$", USD: "$", VND: "₫",
  };
  const WITHOUT_CENTS = ["CLP", "ISK", "JPY", "KRW", "VND", "XAF", "XOF"];

  const digitsOption = (options, name, least, fallback) => {
    const value = options[name];
    if (value === undefined) return fallback;
    if (!(value >= least && value <= 100)) throw new RangeError(`${name} value is out of range`);
    return Math.floor(value);
  };

  // Both parts of a decimal number times 10 ** shift, rounded half away from zero.
  const round = (text, shift, places) => {
    const [, whole, fraction = "", exponent = "0"] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text);
    const digits = whole + fraction;
    const kept = whole.length + Number(exponent) + shift + places;
    let value = kept > 0 ? digits.slice(0, kept).padEnd(kept, "0") : "0";
    if (kept >= 0 && digits[kept] >= "5") value = String(BigInt(value) + 1n);
    value = value.replace(/^0+/, "").padStart(places + 1, "0");
    return [value.slice(0, value.length - places), value.slice(value.length - places)];
  };

  const formatNumber = (value, options = {}) => {
    const { style = "decimal", useGrouping = true } = options;
    let before = value < 0 || Object.is(value, -0) ? "-" : "";
    let usualPlaces = 0;
    if (style === "currency") {
      if (options.currency === undefined) throw new TypeError("the style currency needs a currency");
      const code = String(options.currency).toUpperCase();
      before += SYMBOLS[code] ?? `${code}\u00a0`;
      usualPlaces = WITHOUT_CENTS.includes(code) ? 0 : 2;
    }
    const after = style === "percent" ? "%" : "";
    if (Number.isNaN(value)) return `${before}NaN${after}`;
    if (value === Infinity || value === -Infinity) return `${before}∞${after}`;

    const given = digitsOption(options, "maximumFractionDigits", 0);
    const least = digitsOption(
      options, "minimumFractionDigits", 0, Math.min(usualPlaces, given ?? usualPlaces),
    );
    let most = given ?? Math.max(least, style === "decimal" ? 3 : usualPlaces);
    if (least > most) throw new RangeError("maximumFractionDigits value is out of range");
    let text = String(value < 0 ? -value : value);
    const precision = digitsOption(options, "maximumSignificantDigits", 1);
    if (precision !== undefined) {
      text = String(Number(Number(text).toPrecision(precision)));
      most = 100;
    }
    let [whole, fraction] = round(text, style === "percent" ? 2 : 0, most);
    let end = fraction.length;
    while (end > least && fraction[end - 1] === "0") end--;
    fraction = fraction.slice(0, end);
    whole = whole.padStart(digitsOption(options, "minimumIntegerDigits", 1, 1), "0");
    if (useGrouping && useGrouping !== "false") whole = whole.replace(/\B(?=(?:\d{3})+$)/g, ",");
    return before + whole + (fraction === "" ? "" : `.${fraction}`) + after;
  };

  replace(Number.prototype, {
    toLocaleString() {
      return formatNumber(numberOf(this), arguments[1]);
    },
  });
  replace(BigInt.prototype, {
    toLocaleString() {
      return formatNumber(bigintOf(this), arguments[1]);
    },
  });

  // Dates.

  const MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
  ];
  const WEEKDAYS = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ];
  const DATE = { year: "numeric", month: "numeric", day: "numeric" };
  const TIME = { hour: "numeric", minute: "2-digit", second: "2-digit" };
  const DATE_STYLES = {
    full: { ...DATE, weekday: "long", month: "long" },
    long: { ...DATE, month: "long" },
    medium: { ...DATE, month: "short" },
    short: { ...DATE, year: "2-digit" },
  };
  const TIME_STYLES = {
    full: { ...TIME, timeZoneName: "long" },
    long: { ...TIME, timeZoneName: "short" },
    medium: TIME,
    short: { hour: "numeric", minute: "2-digit" },
  };
  const pad = (number) => String(number).padStart(2, "0");
  const named = (name, style) =>
    style === "long" ? name : name.slice(0, style === "narrow" ? 1 : 3);

  const formatDay = (date, { weekday, year, month, day }) => {
    const parts = [];
    const hasName = ["long", "short", "narrow"].includes(month);
    if (hasName) parts.push(named(MONTHS[date.getUTCMonth()], month));
    else if (month) parts.push(month === "2-digit" ? pad(date.getUTCMonth() + 1) : date.getUTCMonth() + 1);
    if (day) parts.push(day === "2-digit" ? pad(date.getUTCDate()) : date.getUTCDate());
    let text = parts.join(hasName ? " " : "/");
    if (year) {
      const years = date.getUTCFullYear();
      const between = hasName ? (day ? ", " : " ") : "/";
      text += (text && between) + (year === "2-digit" ? pad(years % 100) : years);
    }
    if (!weekday) return text;
    const name = named(WEEKDAYS[date.getUTCDay()], weekday);
    if (text === "") return name;
    return month ? `${name}, ${text}` : `${text} ${name}`;
  };

  const formatTime = (date, options) => {
    const { hour, minute, second, fractionalSecondDigits, timeZoneName } = options;
    const hasHalves = options.hour12 ?? !["h23", "h24"].includes(options.hourCycle);
    const parts = [];
    if (hour) {
      const hours = hasHalves ? date.getUTCHours() % 12 || 12 : date.getUTCHours();
      parts.push(hour === "2-digit" || !hasHalves ? pad(hours) : hours);
    }
    if (minute) {
      const minutes = date.getUTCMinutes();
      parts.push(hour || second ? pad(minutes) : minutes);
    }
    if (second || fractionalSecondDigits) {
      const fraction = String(date.getUTCMilliseconds()).padStart(3, "0").slice(0, fractionalSecondDigits ?? 0);
      const seconds = date.getUTCSeconds();
      parts.push((minute ? pad(seconds) : seconds) + (fraction && `.${fraction}`));
    }
    const zone = timeZoneName === "long" ? "Coordinated Universal Time" : timeZoneName && "UTC";
    const half = hour && hasHalves ? (date.getUTCHours() < 12 ? "AM" : "PM") : "";
    return [parts.join(":"), half, zone].filter(Boolean).join(" ");
  };

  // Parts that are not asked for are added as the function wants: "date", "time", or both for "any".
  const formatDate = (receiver, options, wanted) => {
    const date = new Date(timeOf(receiver));
    if (Number.isNaN(date.getTime())) return "Invalid Date";
    const zone = options?.timeZone;
    if (zone !== undefined && !/^(?:Etc\/)?(?:UTC|GMT)$/i.test(zone)) {
      throw new RangeError(`the time zone ${zone} is not known: dates are in UTC`);
    }
    let asked = { ...DATE_STYLES[options?.dateStyle], ...TIME_STYLES[options?.timeStyle], ...options };
    const has = (names) => names.some((name) => asked[name] !== undefined);
    const hasDate = has(["weekday", "year", "month", "day"]);
    const hasTime = has(["hour", "minute", "second", "fractionalSecondDigits"]);
    if (!hasDate && (wanted === "date" || (wanted === "any" && !hasTime))) asked = { ...DATE, ...asked };
    if (!hasTime && (wanted === "time" || (wanted === "any" && !hasDate))) asked = { ...TIME, ...asked };
    const day = formatDay(date, asked);
    const time = formatTime(date, asked);
    if (day === "" || time === "") return day + time;
    if (asked.month === "long") return `${day} at ${time}`;
    return day + (asked.year || asked.month || asked.day ? ", " : " ") + time;
  };

  replace(Date.prototype, {
    toLocaleString() {
      return formatDate(this, arguments[1], "any");
    },
    toLocaleDateString() {
      return formatDate(this, arguments[1], "date");
    },
    toLocaleTimeString() {
      return formatDate(this, arguments[1], "time");
    },
  });

  // Strings. The order is that of Unicode's root collation where it matters to people: letters by their place in
  // the alphabet, then by accents, then the small one first; before letters digits, before those the rest.

  const SIGNS = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
  // Where signs that are not of ASCII stand: before the last of these.
  const SIGN = 40 + SIGNS.length - 1.5;
  const DIGITS = 100;
  const LETTERS = 1000;
  const PLACES = new Uint16Array(128);
  for (let code = 0; code < 128; code++) {
    const letter = String.fromCharCode(code).toLowerCase();
    if (letter >= "a" && letter <= "z") PLACES[code] = LETTERS + letter.charCodeAt(0);
    else if (letter >= "0" && letter <= "9") PLACES[code] = DIGITS + Number(letter);
    else PLACES[code] = SIGNS.includes(letter) ? 40 + SIGNS.indexOf(letter) : code;
  }
  const EXPANSIONS = new Map(Object.entries({
    ß: "s\u0335s", æ: "a\u0335e", œ: "o\u0335e", þ: "t\u0335h", ø: "o\u0338", ł: "l\u0335", đ: "d\u0335", ð: "d\u0335",
    ı: "i\u0335",
  }));

  // Places of letters, their accents, and whether they are capitals, for the three steps of a comparison.
  const elementsOf = (text, isNumeric) => {
    const places = [];
    const accents = [];
    const cases = [];
    let source = text.normalize("NFD");
    if (isNumeric) {
      // The length of a number comes before it.
      source = source.replace(/\d+/g, (number) => {
        const digits = number.replace(/^0+(?=\d)/, "");
        return String.fromCodePoint(0xf0000 + Math.min(digits.length, 800)) + digits;
      });
    }
    for (const letter of source) {
      const small = letter.toLowerCase();
      for (const part of EXPANSIONS.get(small) ?? small) {
        const code = part.codePointAt(0);
        if (code < 128) places.push(PLACES[code]);
        else if (code >= 0xf0000 && code <= 0xf0320) places.push(DIGITS + 10 + code - 0xf0000);
        else if (/\p{M}/u.test(part)) {
          accents[Math.max(places.length - 1, 0)] = (accents[places.length - 1] ?? "") + part;
          continue;
        } else if (/[\p{P}\p{S}\p{Z}]/u.test(part)) places.push(SIGN + code / 0x110000);
        else places.push(LETTERS + code);
        accents[places.length - 1] = "";
        cases.push(letter === small ? 0 : 1);
      }
    }
    return { places, accents, cases };
  };

  const compareLists = (one, other) => {
    const length = Math.min(one.length, other.length);
    for (let index = 0; index < length; index++) {
      if (one[index] !== other[index]) return one[index] < other[index] ? -1 : 1;
    }
    return Math.sign(one.length - other.length);
  };

  const compare = (one, other, isNumeric, sensitivity) => {
    const [first, second] = [elementsOf(one, isNumeric), elementsOf(other, isNumeric)];
    return (
      compareLists(first.places, second.places) ||
      (sensitivity === "base" || sensitivity === "case" ? 0 : compareLists(first.accents, second.accents)) ||
      (sensitivity === "base" || sensitivity === "accent" ? 0 : compareLists(first.cases, second.cases))
    );
  };

  // The same for ASCII, which sorting is mostly about; undefined if there is something else.
  const compareAscii = (one, other) => {
    const length = Math.min(one.length, other.length);
    let byCase = 0;
    for (let index = 0; index < length; index++) {
      const [first, second] = [one.charCodeAt(index), other.charCodeAt(index)];
      if (first > 127 || second > 127) return undefined;
      if (first === second) continue;
      const byPlace = PLACES[first] - PLACES[second];
      if (byPlace !== 0) return Math.sign(byPlace);
      if (byCase === 0) byCase = Math.sign(second - first);
    }
    for (let index = length; index < Math.max(one.length, other.length); index++) {
      if ((one.charCodeAt(index) || other.charCodeAt(index)) > 127) return undefined;
    }
    return Math.sign(one.length - other.length) || byCase;
  };

  const isTurkic = (locales) => /^(?:tr|az)\b/i.test(Array.isArray(locales) ? locales[0] : locales);

  replace(String.prototype, {
    localeCompare(that) {
      if (this === undefined || this === null) throw new TypeError("cannot compare null or undefined");
      const [one, other] = [`${this}`, `${that}`];
      const options = arguments[2];
      const isNumeric = options?.numeric === true;
      const sensitivity = options?.sensitivity ?? "variant";
      if (one === other) return 0;
      const isPlain = !isNumeric && sensitivity === "variant";
      return (isPlain ? compareAscii(one, other) : undefined) ?? compare(one, other, isNumeric, sensitivity);
    },
    toLocaleUpperCase() {
      if (this === undefined || this === null) throw new TypeError("null or undefined has no letters");
      const text = `${this}`;
      return (isTurkic(arguments[0]) ? text.replaceAll("i", "İ") : text).toUpperCase();
    },
    toLocaleLowerCase() {
      if (this === undefined || this === null) throw new TypeError("null or undefined has no letters");
      const text = `${this}`;
      if (!isTurkic(arguments[0])) return text.toLowerCase();
      return text.replaceAll("I\u0307", "i").replaceAll("İ", "i").replaceAll("I", "ı").toLowerCase();
    },
  });
});
