
// --- from values to the network's inputs ---------------------------------------------------------

function refuse(column, expected, found) {
  let shown = typeof found === "string" ? JSON.stringify(found) : String(found);
  if (shown.length > 80) shown = shown.slice(0, 80) + "...";
  throw new TypeError("column " + JSON.stringify(column.name) + ": expected " + expected + ", found " + shown);
}

// The value of a column as a number or a text; a missing one as NaN or null.
function valueOf(row, column) {
  if (!Object.prototype.hasOwnProperty.call(row, column.name)) {
    throw new TypeError("the row has no column " + JSON.stringify(column.name));
  }
  const value = row[column.name];
  if (column.kind === "text") {
    if (value === null || value === undefined) return null;
    return typeof value === "string" ? value : refuse(column, "text or null", value);
  }
  if (value === null || value === undefined) return NaN;
  if (column.kind === "boolean" && typeof value === "boolean") return value ? 1 : 0;
  if (column.kind === "time" && value instanceof Date && !isNaN(value)) return value.getTime() / 1000;
  return typeof value === "number" ? value : refuse(column, EXPECTED[column.kind], value);
}

const EXPECTED = {
  raw: "a number",
  number: "a number or null",
  boolean: "true, false or null",
  time: "a Date, seconds since 1970 or null",
};

function standardised(x, column) {
  const z = round(column.kind === "raw" ? x : x !== x ? 0 : (x - column.mean) / column.scale);
  if (!(Math.abs(z) < Infinity)) refuse(column, "a finite number near those of the training", x);
  return z;
}

// The bin of x, and its place in there: 0 at the lower edge, 1 at the upper one.
function binOf(x, edges, missing) {
  if (x !== x) return [missing, 0];
  let code = 0;
  while (code < edges.length - 2 && x >= edges[code + 1]) ++code;
  const at = (x - edges[code]) / (edges[code + 1] - edges[code]);
  return [code, round(at > 1 ? 1 : at > 0 ? at : 0)];
}

// Of the Gregorian calendar, from 0 on: exact for all days, also those that no Date can hold
// (Hinnant, "chrono-compatible low-level date algorithms", 2013).
function month(seconds) {
  const days = Math.floor(seconds / 86400) + 719468;
  const era = Math.floor(days / 146097);
  const dayOfEra = days - era * 146097;
  const periods = (days) => Math.floor(dayOfEra / days);
  const year = Math.floor((dayOfEra - periods(1460) + periods(36524) - periods(146096)) / 365);
  const day = dayOfEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  return (Math.floor((5 * day + 2) / 153) + 2) % 12;
}

const PARTS = {
  month,
  weekday: (seconds) => {
    const days = (Math.floor(seconds / 86400) + 3) % 7; // Monday is 0
    return days < 0 ? days + 7 : days;
  },
  hour: (seconds) => Math.floor((Math.floor(seconds) - Math.floor(seconds / 86400) * 86400) / 3600),
};

// Numbers, codes of groups, and places in bins.
function encode(row) {
  const input = { numbers: new Array(NUMBERS).fill(0), codes: [], places: [] };
  for (const column of COLUMNS) {
    const x = valueOf(row, column);
    if (column.kind === "text") {
      const known = column.words.get(x);
      input.codes[column.groups[0]] = x === null ? column.missing : known === undefined ? column.unknown : known;
      continue;
    }
    input.numbers[column.number] = standardised(x, column);
    if (column.edges.length) {
      const [code, place] = binOf(x, column.edges, column.missing);
      input.codes[column.groups[0]] = code;
      input.places[column.groups[0]] = place;
      continue;
    }
    column.parts.forEach((part, i) => {
      input.codes[column.groups[i]] = x !== x ? PARTS_OF[part] : PARTS[part](x);
    });
    if (column.holes) input.codes[column.groups[column.groups.length - 1]] = x === x ? 1 : 0;
  }
  return input;
}

const PARTS_OF = { month: 12, weekday: 7, hour: 24 };
