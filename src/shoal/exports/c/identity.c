
static real activation(real x) { return x; }
