
// --- arithmetic in float32: `round` after every step ------------------------------------

const Reals = Float32Array;
const round = Math.fround;

// a b + c, rounded once. The product is exact in double; the sum is rounded to odd there (Boldo and
// Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE Transactions on Computers, 2008).
function multiplyAdd(a, b, c) {
  return round(roundedToOdd(a * b, c));
}

// 2 to the whole number k, which arrives as k + TO_INTEGER.
function powerOfTwo(kShifted) {
  singleCell[0] = kShifted;
  singleWord[0] = (singleWord[0] + EXPONENT_BIAS) << MANTISSA_BITS;
  return singleCell[0];
}
