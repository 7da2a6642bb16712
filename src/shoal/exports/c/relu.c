
static real activation(real x) { return 0 > x ? 0 : x; }
