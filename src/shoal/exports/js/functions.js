
// --- functions, from multiplyAdd and bits alone: those of shoal's kernel -------------------------

// a[0] + a[1] x + a[2] x^2 + ..., by Horner's rule.
function polynomial(a, x) {
  let sum = a[a.length - 1];
  for (let i = a.length - 2; i >= 0; --i) sum = multiplyAdd(sum, x, a[i]);
  return sum;
}

// exp(x) for x <= 0, and as far as 2^k is a normal number; below the normal numbers it is 0.
function expOfNegative(x) {
  const floored = EXP_LOWEST > x ? EXP_LOWEST : x;
  const kShifted = multiplyAdd(floored, LOG2_E, TO_INTEGER);
  const k = round(kShifted - TO_INTEGER);
  const r = multiplyAdd(k, -LOG2_LOW, multiplyAdd(k, -LOG2_HIGH, floored));
  const scale = powerOfTwo(kShifted);
  const small = multiplyAdd(round(r * r), polynomial(EXPM1_TERMS, r), r);
  return EXP_LOWEST > x ? 0 : multiplyAdd(scale, small, scale);
}

// 1 / (1 + exp(-z)); the quotient is corrected once, as in the kernel.
function logistic(z) {
  const e = expOfNegative(z < 0 ? z : 0 - z);
  const rough = round(e / round(1 + e));
  const rest = multiplyAdd(0 - rough, e, round(e - rough));
  const q = multiplyAdd(rest, round(1 - rough), rough);
  return 0 > z ? q : round(1 - q);
}

// Up to artanh 1/2 an odd polynomial; above it 1 - 2 / (exp(2a) + 1).
function tanh(x) {
  const size = Math.abs(x);
  const a = TANH_CEILING < size ? TANH_CEILING : size;
  let y;
  if (ARTANH_HALF > a) {
    const s = round(a * a);
    y = multiplyAdd(round(a * s), polynomial(TANH_TERMS, s), a);
  } else {
    const kShifted = multiplyAdd(a, TWICE_LOG2_E, TO_INTEGER);
    const f = multiplyAdd(a, TWICE_LOG2_E, round(TO_INTEGER - kShifted));
    const power = multiplyAdd(powerOfTwo(kShifted), polynomial(EXP2_TERMS, f), 1);
    y = round(1 - round(2 / power));
  }
  return x < 0 || Object.is(x, -0) ? -y : y;
}

function softmax(z) {
  const top = z.reduce((best, x) => (x > best ? x : best));
  const powers = z.map((x) => expOfNegative(round(x - top)));
  const total = powers.reduce((sum, x) => round(sum + x), 0);
  return powers.map((x) => round(x / total));
}

const ACTIVATIONS = {
  tanh,
  relu: (x) => (0 > x ? 0 : x),
  leaky_relu: (x) => (0 > x ? round(LEAK * x) : x),
  sigmoid: logistic,
  identity: (x) => x,
};
const rate = (x) => expOfNegative(LARGEST_LOGARITHM < x ? LARGEST_LOGARITHM : x);
const OUTPUT_FUNCTIONS = {
  sigmoid: (z) => z.map(logistic),
  softmax,
  identity: (z) => z,
  poisson: (z) => z.map(rate),
};
