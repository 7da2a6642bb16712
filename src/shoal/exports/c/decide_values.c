
/* In the unit of the target. The product is rounded before it is added: volatile keeps a compiler
   from contracting the two. */
static void decide(const real *a2, PREFIX_prediction *out)
{
    int k;
    for (k = 0; k < OUTPUTS; ++k) {
        volatile double product = (double)a2[k] * target_scales[k];
        out->values[k] = product + target_means[k];
    }
}
