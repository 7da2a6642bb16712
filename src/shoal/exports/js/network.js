
// --- the network: sums in the order of the kernel -------------------------------------------------

// z = W x + b, input by input in the order of the columns.
function firstLayer(member, input) {
  const z = FIRST_BIASES.slice(member * UNITS, (member + 1) * UNITS);
  const start = member * WIDTH;
  input.numbers.forEach((x, i) => {
    const at = (start + i) * UNITS;
    for (let j = 0; j < UNITS; ++j) z[j] = multiplyAdd(x, FIRST_WEIGHTS[at + j], z[j]);
  });
  GROUPS.forEach(({ first, columns, bins }, g) => {
    const code = input.codes[g];
    const at = (start + first + code) * UNITS;
    if (bins) addBins(z, (start + first) * UNITS, code, code < bins ? input.places[g] : null);
    else for (let j = 0; j < UNITS; ++j) z[j] = z[j] + (code < columns ? FIRST_WEIGHTS[at + j] : 0);
  });
  return z;
}

// All bins below that of the value, and its own as far as the value goes.
function addBins(z, at, code, place) {
  for (let j = 0; j < UNITS; ++j) {
    const own = FIRST_WEIGHTS[at + code * UNITS + j];
    let before = 0;
    for (let c = 0; c < code && place !== null; ++c) before = round(before + FIRST_WEIGHTS[at + c * UNITS + j]);
    z[j] = place === null ? round(z[j] + own) + 0 : multiplyAdd(place, own, round(z[j] + before));
  }
}

// z = W a + b, unit by unit; or in LANES sums that are added as a binary tree.
function secondLayer(member, a) {
  return SECOND_BIASES.slice(member * OUTPUTS, (member + 1) * OUTPUTS).map((bias, k) => {
    const at = (member * OUTPUTS + k) * UNITS;
    if (LANES === 1) return a.reduce((sum, x, j) => multiplyAdd(SECOND_WEIGHTS[at + j], x, sum), bias);
    return round(inLanes(a, at) + bias);
  });
}

function inLanes(a, at) {
  const lanes = new Reals(LANES);
  for (let j = 0; j < UNITS; ++j) lanes[j % LANES] = multiplyAdd(SECOND_WEIGHTS[at + j], a[j], lanes[j % LANES]);
  for (let j = UNITS; j % LANES; ++j) lanes[j % LANES] = lanes[j % LANES] + 0; // -0 becomes 0
  for (let i = LANES / 2; i >= 1; i /= 2) for (let j = 0; j < i; ++j) lanes[j] = lanes[j] + lanes[j + i];
  return lanes[0];
}

function outputsOf(member, input) {
  const z = firstLayer(member, input);
  return OUTPUT_FUNCTIONS[OUTPUT](HIDDEN ? secondLayer(member, z.map(ACTIVATIONS[ACTIVATION])) : z);
}

// The members' mean.
function average(input) {
  let total = outputsOf(0, input);
  for (let member = 1; member < MEMBERS; ++member) {
    const one = outputsOf(member, input);
    total = total.map((x, k) => x + one[k]);
  }
  if (MEMBERS > 1) total = total.map((x) => x / MEMBERS);
  if (!total.every((x) => Math.abs(x) < Infinity)) {
    throw new RangeError("the network's output is not a finite number: values are too far from those of the training");
  }
  return Array.from(total);
}
