
// --- bits -------------------------------------------------------------------------------------

const doubleCell = new Float64Array(1);
const doubleWords = new Uint32Array(doubleCell.buffer);
const singleCell = new Float32Array(1);
const singleWord = new Int32Array(singleCell.buffer);
const LOW = new Uint8Array(new Uint16Array([1]).buffer)[0] ? 0 : 1; // little-endian: 0
const HIGH = 1 - LOW;

// x + y; where that is not exact, of the two numbers around it the one whose last bit is 1.
function roundedToOdd(x, y) {
  const sum = x + y;
  if (!(Math.abs(sum) < Infinity)) return sum;
  const part = sum - x;
  const rest = x - (sum - part) + (y - part);
  if (rest === 0) return sum;
  doubleCell[0] = sum;
  if (doubleWords[LOW] & 1) return sum;
  if (rest > 0 === sum > 0) {
    doubleWords[LOW] += 1; // the last bit was 0: nothing is carried
  } else {
    if (doubleWords[LOW] === 0) doubleWords[HIGH] -= 1;
    doubleWords[LOW] -= 1;
  }
  return doubleCell[0];
}
