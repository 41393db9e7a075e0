// How numbers, names and sentences are written on the page.

// Characters that are not seen or turn the reading direction round, as files.names has them.
const ODD = /[\p{C}\p{Zl}\p{Zp}]/gu;
const SHORT = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

// A file's name as it may be shown: one line, nothing hidden.
export function printable(name) {
  return name.replace(ODD, (odd) => {
    if (odd in SHORT) return SHORT[odd];
    const code = odd.codePointAt(0);
    const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
    return `\\${letter}${code.toString(16).padStart(digits, "0")}`;
  });
}

export function percent(probability) {
  if (probability > 0.999 && probability < 1) return "> 99.9 %";
  if (probability < 0.001 && probability > 0) return "< 0.1 %";
  return `${(100 * probability).toFixed(1)} %`;
}

// Three digits, as the server writes a threshold.
export function thresholdInPercent(threshold) {
  const digits = threshold === 0 ? "0" : (100 * threshold).toPrecision(3);
  return `${digits.includes("e") ? Number(digits) : digits} %`;
}

export function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

export function sentence(text) {
  if (!text) return "";
  return closed(text[0].toUpperCase() + text.slice(1));
}

// The same without a capital, for a text that may begin with a file's name.
export function closed(text) {
  return !text || /[.?!]$/.test(text) ? text : `${text}.`;
}

export function megabytes(bytes) {
  if (bytes < 1e5) return `${Math.ceil(bytes / 1e3)} kB`;
  const size = bytes / 1e6;
  return `${size < 10 ? size.toFixed(1) : size.toFixed(0)} MB`;
}

// The day and the minute by the reader's clock, with its distance from UTC.
export function timeInWords(date) {
  const two = (number) => String(number).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const zone = `${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())} (UTC${zone})`;
}

// One estimate with its interval, or why it has none.
export function estimateInWords(estimate) {
  const { undefined_because: why } = estimate;
  if (estimate.value === null) return why.startsWith("not scored") ? why : `not scored: ${why}`;
  const digits = (value) => value.toFixed(2);
  if (estimate.low === null || estimate.high === null) return digits(estimate.value);
  return `${digits(estimate.value)} (${digits(estimate.low)} to ${digits(estimate.high)})`;
}
