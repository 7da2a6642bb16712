
/** The predicted number of a row; of several targets an array. */
export function predict(row) {
  const values = average(encode(row)).map((x, k) => x * SCALES[k] + MEANS[k]);
  return { prediction: values.length === 1 ? values[0] : values };
}
