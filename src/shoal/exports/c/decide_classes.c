
static void decide(const real *a2, PREFIX_prediction *out)
{
    int k;
    out->class_index = 0;
    for (k = 0; k < OUTPUTS; ++k) {
        out->probabilities[k] = a2[k];
        if (a2[k] > a2[out->class_index]) out->class_index = k;
    }
}
