
// --- arithmetic in float64 -----------------------------------------------------------------

const Reals = Float64Array;
const round = (x) => x;

// x as the sum of two numbers of 26 bits (Veltkamp); |x| < 2^996.
function split(x) {
  const spread = 134217729 * x; // 2^27 + 1
  const high = spread - (spread - x);
  return [high, x - high];
}

// a b + c, rounded once: the exact product as a sum of two (Dekker), then the sum of three by
// rounding to odd (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE
// Transactions on Computers, 2008). Near the ends of the range in whole numbers of any length.
function multiplyAdd(a, b, c) {
  const product = a * b;
  if (a === 0 || b === 0 || !(Math.abs(a) < Infinity && Math.abs(b) < Infinity)) return product + c;
  if (!(Math.abs(c) < Infinity)) return c;
  const size = Math.abs(product);
  if (size < 1e-280 || size > 1e300 || Math.abs(c) > 1e300 || Math.abs(a) > 1e290 || Math.abs(b) > 1e290) {
    return inWholeNumbers(a, b, c);
  }
  const [a1, a0] = split(a);
  const [b1, b0] = split(b);
  const rest = a0 * b0 - (product - a1 * b1 - a0 * b1 - a1 * b0);
  const low = c + rest;
  const lowPart = low - c;
  const lowRest = c - (low - lowPart) + (rest - lowPart);
  const sum = product + low;
  const sumPart = sum - product;
  const sumRest = product - (sum - sumPart) + (low - sumPart);
  return sum + roundedToOdd(sumRest, lowRest);
}

// A finite number as m 2^e.
function whole(x) {
  doubleCell[0] = x;
  const exponent = (doubleWords[HIGH] >>> 20) & 0x7ff;
  const digits = (BigInt(doubleWords[HIGH] & 0xfffff) << 32n) | BigInt(doubleWords[LOW]);
  const m = exponent ? digits | (1n << 52n) : digits;
  return [x < 0 ? -m : m, BigInt(Math.max(exponent, 1) - 1075)];
}

function inWholeNumbers(a, b, c) {
  const [ma, ea] = whole(a);
  const [mb, eb] = whole(b);
  const [mc, ec] = whole(c);
  const e = ea + eb < ec ? ea + eb : ec;
  const sum = ((ma * mb) << (ea + eb - e)) + (mc << (ec - e));
  return sum < 0n ? -nearest(-sum, e) : nearest(sum, e);
}

// The number nearest to m 2^e, ties to even; m >= 0.
function nearest(m, e) {
  const length = BigInt(m.toString(2).length);
  let dropped = length - 53n;
  if (dropped + e < -1074n) dropped = -1074n - e;
  if (dropped < 0n) dropped = 0n;
  let kept = m >> dropped;
  const twice = 2n * (m - (kept << dropped));
  const unit = 1n << dropped;
  if (twice > unit || (twice === unit && kept & 1n)) kept += 1n;
  return scaled(Number(kept), Number(e + dropped));
}

// x 2^k, where that is exact or infinite.
function scaled(x, k) {
  if (k > 1023) return x === 0 ? 0 : Infinity;
  doubleCell[0] = 0;
  if (k >= -1022) doubleWords[HIGH] = (k + 1023) << 20;
  else if (k + 1074 >= 32) doubleWords[HIGH] = 1 << (k + 1042);
  else doubleWords[LOW] = 1 << (k + 1074);
  return x * doubleCell[0];
}

// 2 to the whole number k, which arrives as k + TO_INTEGER.
function powerOfTwo(kShifted) {
  doubleCell[0] = kShifted;
  doubleWords[HIGH] = (doubleWords[LOW] + EXPONENT_BIAS) << (MANTISSA_BITS - 32);
  doubleWords[LOW] = 0;
  return doubleCell[0];
}
