
/** 0 or 1 for each label of a row, and its probability, in the order of `classes`. */
export function predict(row) {
  const probabilities = average(encode(row));
  return { prediction: probabilities.map((x) => (x > 0.5 ? 1 : 0)), probabilities };
}
