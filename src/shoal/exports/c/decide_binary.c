
static void decide(const real *a2, PREFIX_prediction *out)
{
    out->probabilities[0] = 1 - a2[0];
    out->probabilities[1] = a2[0];
    out->class_index = a2[0] > THRESHOLD;
}
