
static real activation(real x) { return logistic(x); }
