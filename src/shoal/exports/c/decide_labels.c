
static void decide(const real *a2, PREFIX_prediction *out)
{
    int k;
    for (k = 0; k < OUTPUTS; ++k) {
        out->probabilities[k] = a2[k];
        out->labels[k] = a2[k] > HALF;
    }
}
