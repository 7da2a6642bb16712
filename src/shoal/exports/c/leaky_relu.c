
static real activation(real x) { return 0 > x ? LEAK * x : x; }
