
/** The likeliest class of a row, and the probability of each in the order of `classes`. */
export function predict(row) {
  const a2 = average(encode(row));
  const probabilities = OUTPUTS === 1 ? [round(1 - a2[0]), a2[0]] : a2;
  let best = OUTPUTS === 1 && a2[0] > THRESHOLD ? 1 : 0;
  if (OUTPUTS > 1) a2.forEach((x, k) => (best = x > a2[best] ? k : best));
  return { prediction: classes[best], probabilities };
}
